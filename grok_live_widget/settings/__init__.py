"""What a user may ask for, validated before any I/O; prices and budgets.

Knows the events that carry settings and the tools. Must not know connections or turns.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
