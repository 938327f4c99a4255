"""The rules of a live voice connection without I/O: events, states, dialects.

Frames come in and go out as values; time is an argument. Must not know sockets, loops,
threads, turns or settings.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
