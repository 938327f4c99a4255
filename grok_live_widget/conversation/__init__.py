"""A conversation as a fold of events: turns, usage, pending replies, tool calls.

Pure: it reads events and writes turns. Must not know sockets, loops, threads or a clock.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
