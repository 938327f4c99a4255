"""A talk on disk: events as JSON lines, both voices as WAV files, the settings, never the key.

For: `Recording`, which writes a talk as a fold over its events, and `load`, which returns a
`SavedTalk` with the turns made from the events again. The format is described in
docs/recording.md. May know: files, one writer thread, `conversation`, `protocol`, `settings`.
Must not know: sockets, sessions.
"""

from .._names import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
