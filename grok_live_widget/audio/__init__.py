"""Sound as numpy arrays: samples and bytes, resampling, sound files, growing buffers, G.711.

May know numpy, soxr, soundfile and the file system. Must not know events, sessions, an event
loop, threads, the clock or the front end.
"""

from .._names import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
