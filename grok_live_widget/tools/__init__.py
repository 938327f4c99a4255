"""Python functions that the model may call: schema, arguments, output; tools of the provider.

May know type hints, docstrings and annotations. Must not know events, connections, threads or
an event loop: `client` runs the functions.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
