"""Reads a saved talk: its events, and the turns made from them again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import ValidationError

from ..audio import read_audio
from ..conversation import Conversation, Turns
from ..exceptions import AudioFormatError
from ..protocol import Event, SessionOpened
from .event_json import event_from
from .folder import (
    ASSISTANT_WAV,
    EVENTS_FILE,
    FRAMES_FILE,
    USER_WAV,
    folder_from,
    read_talk_file,
    sample_rates,
)
from .frames import Frames, read_frames

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BROKEN = (KeyError, TypeError, ValueError, AttributeError, ValidationError)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedEvent:
    """One event of a saved talk.

    Parameters
    ----------
    event : Event
        As it was sent or received, with its audio.
    at_s : float [s]
        Since the first event of the recording.
    time : datetime
        The wall-clock time.
    """

    event: Event
    at_s: float
    time: datetime


class SavedTalk:
    """A talk from disk; made by `load`.

    Attributes
    ----------
    path : Path
    settings : Settings
        The settings of the talk, without functions (of a partner, of tools) and `record`.
    clock_s : float [s]
        The time at ``at_s == 0`` on the talk's clock, which times inside events are on.
    turns : Turns
        As they were in the talk when it was written.
    notes : list of str
        What could not be read, one sentence each.

    Examples
    --------
    >>> import tempfile
    >>> from grok_live_widget import Talk, load
    >>> folder = tempfile.mkdtemp()
    >>> with Talk(partner=["Good morning."], voice="nova") as talk:
    ...     _ = talk.ask("Hello.")
    ...     _ = talk.save(folder)
    >>> saved = load(folder)
    >>> len(saved.turns), saved.settings.voice, saved.notes
    (2, 'nova', [])
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings, self.notes = read_talk_file(path)
        self._sounds = {
            name: _sound(path / name, rate_hz, self.notes)
            for name, rate_hz in sample_rates(self.settings).items()
        }
        self.clock_s, self._lines = _read_lines(path / EVENTS_FILE, self.notes)
        self._check_sounds()
        self.turns = self._make_turns()

    @cached_property
    def events(self) -> tuple[SavedEvent, ...]:
        """All events that were sent, received and derived, in order."""
        return tuple(
            SavedEvent(event=line.event_with(self._sounds), at_s=line.at_s, time=line.time)
            for line in self._lines
        )

    @cached_property
    def frames(self) -> Frames:
        """The newest WebSocket frames of the talk when `Talk.save` was called; none where it was
        not, as with ``record=`` alone. What cannot be read is in ``notes`` from then on.
        """
        return read_frames(self.path / FRAMES_FILE, self.notes)

    @property
    def dialect(self) -> str:
        """``"live"`` or ``"realtime"``, by the last session; empty if none was opened."""
        opened = [line.message for line in self._lines if line.name == SessionOpened.__name__]
        return str(opened[-1]["dialect"]) if opened else ""

    def __repr__(self) -> str:
        return f"<SavedTalk at {str(self.path)!r}, {len(self.turns)} turns>"

    # ----------------------------------------------------------------- turns
    def _make_turns(self) -> Turns:
        conversation = Conversation.under(self.settings)
        turns = conversation.turns
        for line in self._lines:
            count = len(turns)
            conversation.apply(line.event_with(self._sounds), self.clock_s + line.at_s)
            if line.turn_id and len(turns) > count:
                turns[-1].turn_id = line.turn_id
        conversation.end_playback()
        return turns

    def _check_sounds(self) -> None:
        for name, sound in self._sounds.items():
            needed = max((line.end for line in self._lines if line.file == name), default=0)
            if needed > len(sound):
                missing_s = (needed - len(sound)) / sample_rates(self.settings)[name]
                self.notes.append(f"{name} lacks {missing_s:.2f} s; silence is in its place.")


class _Line:
    """One line of the events file, checked; its event is of a known class."""

    __slots__ = ("at_s", "end", "file", "message", "name", "start", "time", "turn_id")

    def __init__(self, message: Mapping[str, Any]) -> None:
        self.message = message
        self.name = str(message["event"])
        self.at_s = float(message["at_s"])
        self.time = datetime.fromisoformat(message["time"])
        self.turn_id = str(message.get("begins_turn", ""))
        sound = message.get("sound", {"file": "", "start": 0, "count": 0})
        self.file, self.start = str(sound["file"]), int(sound["start"])
        self.end = self.start + int(sound["count"])
        if not 0 <= self.start <= self.end or self.file not in ("", USER_WAV, ASSISTANT_WAV):
            raise ValueError("invalid position of audio")

    def event_with(self, sounds: Mapping[str, NDArray[np.int16]]) -> Event:
        """The event with its audio, or silence if that is missing."""
        count = self.end - self.start
        pcm = sounds[self.file][self.start : self.end] if self.file else np.empty(0, np.int16)
        padded = np.pad(pcm, (0, count - len(pcm)))
        event = event_from(self.message, padded.astype("<i2", copy=False).tobytes())
        assert event is not None
        return event


# --------------------------------------------------------------------------- reading
def load(path: str | PathLike[str]) -> SavedTalk:
    """Read a talk that `Talk.save` or ``record=`` has written.

    Parameters
    ----------
    path : str or PathLike
        The folder.

    Returns
    -------
    SavedTalk
        Its ``turns`` are other objects with the same fields and samples as those of the talk, so
        that ``==``, which compares objects, is False. If the process was killed, the last one may
        be incomplete. ``notes`` has what could not be read.

    Raises
    ------
    ConfigurationError
        When there is no recording, or one of a newer version.
    AudioFormatError
        When its audio is not mono PCM16 at the rate of its settings.

    Examples
    --------
    >>> import tempfile
    >>> from grok_live_widget import Talk, load
    >>> folder = tempfile.mkdtemp()
    >>> with Talk(partner=["Good morning."], record=folder) as talk:
    ...     turn = talk.ask("Hello.")
    >>> saved = load(folder)
    >>> bool((saved.turns[-1].pcm == turn.pcm).all())
    True
    """
    return SavedTalk(folder_from(path))


def _sound(path: Path, wanted_hz: int, notes: list[str]) -> NDArray[np.int16]:
    if not path.is_file():
        notes.append(f"{path.name} is missing.")
        return np.empty(0, np.int16)
    pcm, rate_hz = read_audio(path)
    if pcm.dtype != np.int16 or pcm.ndim != 1 or rate_hz != wanted_hz:
        raise AudioFormatError(
            f"{str(path)!r} must be 16-bit mono at {wanted_hz} Hz to fit its events."
        )
    return pcm


def _read_lines(path: Path, notes: list[str]) -> tuple[float, list[_Line]]:
    clock_s, lines = 0.0, []
    unknown: dict[str, int] = {}
    text = path.read_text("utf-8", "replace") if path.is_file() else ""
    # Not splitlines(): it also cuts at characters that a text may hold.
    for number, written in enumerate(text.rstrip("\n").split("\n") if text else (), 1):
        try:
            message = json.loads(written)
            if "clock_s" in message:
                clock_s = float(message["clock_s"])
                continue
            line = _Line(message)
            if event_from(message) is None:
                unknown[line.name] = unknown.get(line.name, 0) + 1
            else:
                lines.append(line)
        except _BROKEN:
            notes.append(f"Line {number} of {path.name} cannot be read, and was left out.")
    for name, count in unknown.items():
        notes.append(f"{count} × {name} is not known to this version, and was left out.")
    return clock_s, lines
