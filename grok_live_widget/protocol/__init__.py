"""The protocol of a live voice session without I/O: events, states, dialects.

For: what may be sent when, what messages mean, and how servers differ. Frames go in and out as
values, and time is an argument. May know: `audio`, `exceptions`. Must not know: sockets, loops,
threads, a clock, turns, settings.
"""

from .._names import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
