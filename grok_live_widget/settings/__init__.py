"""The settings of a talk, validated before any I/O; prices and budgets.

May know the events that carry settings, and the tools. Must not know connections, turns, an
event loop or threads.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
