"""A conversation as a fold of events: turns, usage, pending replies and tool calls.

For: everything that can be computed from the events of a talk alone, live or from a recording.
May know: `protocol`, `settings`, `audio`. Must not know: sockets, loops, threads, a clock.
"""

from .._names import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
