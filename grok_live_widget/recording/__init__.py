"""A talk on disk and back: events as .jsonl, both voices as WAV, the settings, never the key.

`Recording` writes, as a fold over the one stream of events; `load` gives back a `SavedTalk`,
whose turns are folded from the events again. Knows files and one writer thread. Must not know
sockets or sessions. The format is described in docs/recording.md.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
