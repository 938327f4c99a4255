"""A talk on disk and back: events as .jsonl, both voices as WAV, the settings, never the key.

`Recording` is the writing end, a fold over the one stream of events; `load` gives back a
`SavedTalk`, whose turns are folded from the events again. The format is in docs/recording.md.
"""

from .live import Recording
from .saved import SavedEvent, SavedTalk, load
from .target import check_new_folder

__all__ = ["Recording", "SavedEvent", "SavedTalk", "check_new_folder", "load"]
