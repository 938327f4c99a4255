"""The files of a recording, which can be opened at any time while it is written.

Audio is written before the lines that refer to it, and the headers of WAV files are kept up to
date, so that no line refers to audio that is missing.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import struct
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from .._structs import Value
from ..audio import AudioBuffer, Span
from ..exceptions import AudioDropped
from ..protocol import AppendAudio, Event
from ..settings import Settings
from .event_json import encoded, encoded_event, event_to_json
from .folder import (
    ASSISTANT_WAV,
    EVENTS_FILE,
    FILES,
    FRAMES_FILE,
    TALK_FILE,
    USER_WAV,
    sample_rates,
    talk_text,
)
from .redact import Redactor

if TYPE_CHECKING:
    from numpy.typing import NDArray

_HEADER_BYTES = 44
# Of sound that was dropped in part.
_BLOCK_SAMPLES = 256
# The header has 32 bits for sizes; after a day of audio they stay at the largest value.
_MAX_BYTES = 2**32 - 1 - _HEADER_BYTES

# Formatted as a whole, which costs less than to encode a dict.
_HEAD = b'{"began":"%b.%03dZ","clock_s":%.6f}\n'
_LINE = b'{"at_s":%.6f,"time":"%b.%03dZ",%b%b%b}\n'
_SOUND = b',"sound":{"file":"%b","start":%d,"count":%d}'


class Entry(Value, frozen=True):
    """One event without its audio, and where that is stored.

    Parameters
    ----------
    now_s : float [s]
        On the talk's clock.
    time_s : float [s]
        Since 1970.
    turn_id : str
        The turn that began with this event; empty if none did.
    """

    event: Event
    now_s: float
    time_s: float
    sound: Span | None = None
    turn_id: str = ""


class WavFile:
    """A growing mono PCM16 WAV file, complete after each `flush`.

    Parameters
    ----------
    rate_hz : int [Hz]

    Attributes
    ----------
    sample_count : int
        How many samples have been appended.
    silent_count : int
        How many of them had been dropped from memory, so that silence is in their place.
    """

    def __init__(self, path: Path, rate_hz: int) -> None:
        self.sample_count = self.silent_count = 0
        self._rate_hz = rate_hz
        self._path = path
        self._runs: list[Span] = []
        self._file: BinaryIO | None = None
        # Samples by the header, which is not written yet.
        self._header_count = -1

    def open(self) -> None:
        """Create the file, which must not exist; or reopen it after `close`."""
        is_new = self._file is None
        self._file = self._path.open("xb" if is_new else "r+b")
        if is_new:
            self._file.write(_wav_header(0, self._rate_hz))
        self._file.seek(0, os.SEEK_END)

    def go_on(self) -> None:
        """Go on with the file of a process that has ended, when it is opened."""
        self.sample_count = max(0, self._path.stat().st_size - _HEADER_BYTES) // 2
        self._file = self._path.open("rb")
        self._file.close()

    def append(self, sound: Span) -> int:
        """Queue audio for the next `flush`; returns the position of its first sample."""
        start = self.sample_count
        self.sample_count += sound.sample_count
        before = self._runs[-1] if self._runs else None
        if before is not None and before.tape is sound.tape and before.stop == sound.start:
            self._runs[-1] = Span(sound.tape, before.start, sound.stop)
        else:
            self._runs.append(sound)
        return start

    def flush(self) -> None:
        """Pass everything to the system, first the audio and then the header."""
        assert self._file is not None
        if self.sample_count == self._header_count:
            return
        for run in self._runs:
            for samples in _kept(run):
                self._file.write(np.ascontiguousarray(samples, "<i2").data)
            self.silent_count += _dropped_count(run)
        self._runs.clear()
        self._file.flush()
        self._file.seek(0)
        self._file.write(_wav_header(self.sample_count, self._rate_hz))
        self._file.flush()
        self._file.seek(0, os.SEEK_END)
        self._header_count = self.sample_count

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    @property
    def written_count(self) -> int:
        """How many samples are in the file, by its header."""
        return max(0, self._header_count)

    def read(self, start: int, stop: int) -> NDArray[np.int16]:
        """Samples that were written: a read-only view of the file."""
        if stop > self.written_count:
            raise OSError(f"only {self.written_count} samples were written to {self._path.name}")
        return _samples_in(self._path, start, stop)

    def copied_to(self, path: Path, sample_count: int) -> WavFile:
        """Copy the first samples that were written, and continue with the copy, which is closed."""
        twin = WavFile(path, self._rate_hz)
        twin.sample_count = sample_count
        _copy_start(self._path, path, _HEADER_BYTES + 2 * twin.sample_count)
        twin._file = path.open("rb")
        twin._file.close()
        return twin


def _samples_in(path: Path, start: int, stop: int) -> NDArray[np.int16]:
    place = _HEADER_BYTES + 2 * start
    mapped = np.memmap(path, "<i2", "r", offset=place, shape=(stop - start,))
    return np.asarray(mapped)


def samples_of(path: Path, start: int, stop: int) -> NDArray[np.int16]:
    """Samples of a WAV file of a recording, which another process may write: a read-only view.

    Raises
    ------
    AudioDropped
        When they are not there.
    """
    try:
        return _samples_in(path, start, stop)
    except (OSError, ValueError) as error:
        raise unreadable(path.name, error) from None


def unreadable(name: str, error: Exception) -> AudioDropped:
    """The error for sound that was dropped from memory, and is not in its file."""
    return AudioDropped(
        f"this sound is not kept in memory any more (max_audio_minutes=), and cannot be "
        f"read from {name} of the recording: {error}.",
        cure="Put the folder back where it was.",
    )


def _kept(run: Span) -> Iterator[NDArray[np.int16]]:
    """The samples of a run, with silence for those that were dropped before they were written."""
    try:
        yield run.samples()
        return
    except AudioDropped:
        pass
    for start in range(run.start, run.stop, _BLOCK_SAMPLES):
        stop = min(start + _BLOCK_SAMPLES, run.stop)
        try:
            yield run.tape.view(start, stop)
        except AudioDropped:
            yield np.zeros(stop - start, np.int16)


def _dropped_count(run: Span) -> int:
    """How many samples of a run are lost."""
    return 0 if run.tape.archive else max(0, min(run.stop, run.tape.dropped_count) - run.start)


def _copy_start(source: Path, target: Path, byte_count: int) -> None:
    """Copy the first bytes of a file, in pieces."""
    with source.open("rb") as file, target.open("xb") as copy:
        while byte_count and (piece := file.read(min(byte_count, 1 << 20))):
            copy.write(piece)
            byte_count -= len(piece)


def _wav_header(sample_count: int, rate_hz: int) -> bytes:
    size = min(2 * sample_count, _MAX_BYTES)
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, rate_hz, 2 * rate_hz, 2, 16)
    head = b"RIFF" + struct.pack("<I", size + _HEADER_BYTES - 8) + b"WAVE"
    return head + form + b"data" + struct.pack("<I", size)


class EventLines:
    """Formats entries as lines of the file of events.

    Parameters
    ----------
    redactor : Redactor
    append : callable
        Is given the name of a WAV file and a piece of audio to append to it; returns the position
        of its first sample.

    Attributes
    ----------
    zero_s : float or None [s]
        The time of the first entry on the talk's clock; None before there was one.
    """

    def __init__(self, redactor: Redactor, append: Callable[[str, Span], int]) -> None:
        self._redactor, self._append = redactor, append
        self.zero_s: float | None = None

    def text_of(self, entries: Sequence[Entry]) -> bytearray:
        """The lines of further entries; those of the first begin with a line of its time."""
        # One growing buffer: separate lines would take several times their length.
        text = bytearray(self._head(entries[0]) if self.zero_s is None and entries else b"")
        for entry in entries:
            text += self._line(entry)
        return text

    def _head(self, first: Entry) -> bytes:
        self.zero_s = round(first.now_s, 6)
        return _HEAD % (*_iso(first.time_s), self.zero_s)

    def _line(self, entry: Entry) -> bytes:
        assert self.zero_s is not None
        event = encoded_event(entry.event)
        if self._redactor.is_in(event):
            event = encoded(event_to_json(entry.event, self._redactor))
        at_s = round(entry.now_s, 6) - self.zero_s
        return _LINE % (at_s, *_iso(entry.time_s), event[1:-1], self._sound(entry), _begin(entry))

    def _sound(self, entry: Entry) -> bytes:
        """Where the audio of an event is."""
        if entry.sound is None:
            return b""
        name = USER_WAV if type(entry.event) is AppendAudio else ASSISTANT_WAV
        start = self._append(name, entry.sound)
        return _SOUND % (name.encode(), start, entry.sound.sample_count)


def files_of(settings: Settings, entries: Sequence[Entry], redactor: Redactor) -> dict[str, bytes]:
    """The content of each file of a recording, by its name."""
    rates = sample_rates(settings)
    pieces: dict[str, list[Span]] = {name: [] for name in rates}
    counts = dict.fromkeys(rates, 0)

    def append(name: str, sound: Span) -> int:
        pieces[name].append(sound)
        counts[name] += sound.sample_count
        return counts[name] - sound.sample_count

    files = {TALK_FILE: talk_text(settings, redactor).encode()}
    files[EVENTS_FILE] = bytes(EventLines(redactor, append).text_of(entries))
    for name, rate_hz in rates.items():
        samples = (each for piece in pieces[name] for each in _kept(piece))
        written = (np.ascontiguousarray(each, "<i2").data for each in samples)
        files[name] = b"".join((_wav_header(counts[name], rate_hz), *written))
    return files


class FolderWriter:
    """Writes entries into a folder. Every method may raise OSError."""

    def __init__(self, folder: Path, settings: Settings, redactor: Redactor) -> None:
        self._folder, self._settings, self._redactor = folder, settings, redactor
        rates = sample_rates(settings).items()
        self._wavs = {name: WavFile(folder / name, rate_hz) for name, rate_hz in rates}
        self._events: BinaryIO | None = None
        # What was written as a whole: lines of events [bytes], and the sound that they refer to.
        self._events_bytes = 0
        self._sample_counts = dict.fromkeys(self._wavs, 0)
        self._lines = EventLines(redactor, lambda name, sound: self._wavs[name].append(sound))

    def open(self) -> None:
        """Create folder and files, none of which may exist; or reopen them after `close`."""
        if self._events is not None:
            self._events = (self._folder / EVENTS_FILE).open("ab")
            self._open_wavs()
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        # First, and only if it does not exist: two talks must not share a folder.
        self._events = (self._folder / EVENTS_FILE).open("xb")
        try:
            self._open_wavs()
            text = talk_text(self._settings, self._redactor)
            (self._folder / TALK_FILE).write_text(text, "utf-8")
        except OSError:
            self._remove()
            raise

    def go_on(self, tapes: Mapping[str, AudioBuffer]) -> None:
        """Go on with what a process that has ended has written, when it is opened.

        Sound that it had not written is taken from the tapes, by the names of the files, so that
        positions are the same in both.
        """
        path = self._folder / EVENTS_FILE
        text = path.read_bytes()
        # A line that was not written to its end.
        whole = text[: text.rfind(b"\n") + 1]
        if len(whole) < len(text):
            path.write_bytes(whole)
        if whole:
            self._lines.zero_s = float(json.loads(whole.split(b"\n", 1)[0])["clock_s"])
        self._events_bytes = len(whole)
        self._events = path.open("rb")
        self._events.close()
        for name, wav in self._wavs.items():
            wav.go_on()
            if wav.sample_count < len(tapes[name]):
                wav.append(Span(tapes[name], wav.sample_count, len(tapes[name])))
        self._sample_counts = {name: wav.sample_count for name, wav in self._wavs.items()}

    def _open_wavs(self) -> None:
        for wav in self._wavs.values():
            wav.open()
            wav.flush()

    def _remove(self) -> None:
        """Remove the files that were created."""
        self.close()
        for name in FILES:
            with contextlib.suppress(OSError):
                (self._folder / name).unlink()

    def write(self, entries: Sequence[Entry]) -> None:
        """Write `entries` and pass them to the system."""
        assert self._events is not None
        if not entries:
            return
        text = self._lines.text_of(entries)
        for wav in self._wavs.values():
            wav.flush()
        self._events.write(text)
        self._events.flush()
        self._events_bytes += len(text)
        self._sample_counts = {name: wav.sample_count for name, wav in self._wavs.items()}

    def written_count(self, name: str) -> int:
        """How many samples are in one of the WAV files."""
        return self._wavs[name].written_count

    def read(self, name: str, start: int, stop: int) -> NDArray[np.int16]:
        """Samples that were written to one of the WAV files: a read-only view of it."""
        return self._wavs[name].read(start, stop)

    def copied_to(self, folder: Path) -> FolderWriter:
        """Copy what was written into a new folder, and continue there, after `open`."""
        folder.mkdir(parents=True)
        twin = FolderWriter(folder, self._settings, self._redactor)
        twin._wavs = {
            name: wav.copied_to(folder / name, self._sample_counts[name])
            for name, wav in self._wavs.items()
        }
        twin._lines.zero_s = self._lines.zero_s if self._events_bytes else None
        twin._events_bytes = self._events_bytes
        _copy_start(self._folder / EVENTS_FILE, folder / EVENTS_FILE, self._events_bytes)
        shutil.copyfile(self._folder / TALK_FILE, folder / TALK_FILE)
        twin._events = (folder / EVENTS_FILE).open("ab")
        twin._events.close()
        return twin

    def tell_of_silence(self) -> None:
        """Write how much of the sound is silence because it had been dropped, if any is."""
        counts = {name: wav.silent_count for name, wav in self._wavs.items() if wav.silent_count}
        if counts:
            text = talk_text(self._settings, self._redactor, dropped_sample_counts=counts)
            (self._folder / TALK_FILE).write_text(text, "utf-8")

    def close(self) -> None:
        """Close the files."""
        with contextlib.ExitStack() as stack:
            for each in (self._events, *self._wavs.values()):
                if each is not None:
                    stack.callback(each.close)


def _begin(entry: Entry) -> bytes:
    return b"," + encoded({"begins_turn": entry.turn_id})[1:-1] if entry.turn_id else b""


def _iso(time_s: float) -> tuple[bytes, int]:
    """Date and time in UTC up to the second, and the millisecond."""
    second, millisecond = divmod(int(time_s * 1000), 1000)
    return _iso_second(second), millisecond


@lru_cache(maxsize=4)
def _iso_second(second: int) -> bytes:
    return datetime.fromtimestamp(second, UTC).isoformat().removesuffix("+00:00").encode()


# --------------------------------------------------------------------------- replacing a folder
@contextlib.contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, which takes its place when all went well.

    Other files in the folder are kept.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    mark = uuid.uuid4().hex[:8]
    new, old = (folder.with_name(f".{folder.name}.{mark}.{which}") for which in ("new", "old"))
    try:
        yield new
        _swap(folder, new, old)
        if old.exists():
            _carry_over(old, folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _swap(folder: Path, new: Path, old: Path) -> None:
    if folder.exists():
        folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise


def _carry_over(old: Path, folder: Path) -> None:
    for child in old.iterdir():
        if child.name not in (*FILES, FRAMES_FILE):
            child.rename(folder / child.name)
    shutil.rmtree(old)
