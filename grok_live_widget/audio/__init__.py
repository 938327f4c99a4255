"""Sound as arrays: PCM and float samples, resampling, WAV files, growing buffers, G.711.

Knows numpy, soxr and sound files. Must not know events, sessions, a loop, a thread, a clock
or a page.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
