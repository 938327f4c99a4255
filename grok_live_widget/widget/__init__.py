"""The panel in a notebook: `GrokLive`, and how sound and messages reach the page.

Knows a talk, the comm and the built front end. Nothing below imports it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
