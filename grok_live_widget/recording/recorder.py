"""Records the events of a talk, and writes them when asked to.

The talk's loop only appends to a list; files are written by another thread.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..conversation import Conversation, Turn
from ..exceptions import ConfigurationError
from ..protocol import AppendAudio, AudioDelta, Authenticate, Event
from ..settings import Settings
from .files import Entry, FolderWriter, files_of, replace_folder, unreadable
from .folder import (
    ASSISTANT_WAV,
    EVENTS_FILE,
    FRAMES_FILE,
    USER_WAV,
    check_save_folder,
    folder_from,
    missing_files,
    unusable,
)
from .frames import Frames
from .redact import Redactor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FLUSH_S = 0.5
"""How often new events are written, so that a killed kernel loses less than a second [s]."""

_LOG = logging.getLogger("grok_live_widget")


class Recording:
    """The events of a talk so far, and the folder that they are written to, if any.

    `observe` is called by the talk's loop only; all else may be called from any thread, and
    waits for the disk.

    Parameters
    ----------
    settings : Settings
        Its `record` is the folder; None: nothing is written unless `save` is called.
    conversation : Conversation
        It is given each event before `observe` is, and stores the audio.
    secrets : callable
        Returns the key in use and what gives tools access; they are removed from all texts.
    on_trouble : callable
        Called with a sentence when the folder can no longer be written to. The talk goes on.
    frames : callable
        Returns the newest frames, which `save` writes, too.
    """

    def __init__(
        self,
        settings: Settings,
        conversation: Conversation,
        *,
        secrets: Callable[[], Sequence[str]] = tuple,
        on_trouble: Callable[[str], object] = lambda _: None,
        frames: Callable[[], Frames] = Frames,
    ) -> None:
        self._settings = settings
        self._conversation = conversation
        self._redactor = Redactor(secrets)
        self._on_trouble, self._frames = on_trouble, frames
        # What has not been written; all, if there is no folder.
        self._entries: list[Entry] = []
        # Turns that have begun.
        self._turn_ids: set[str] = set()
        # Absolute, since a notebook may change its working directory before the talk begins.
        self._folder = None if settings.record is None else Path(settings.record).absolute()
        # None before the folder is created, and after an error.
        self._writer: FolderWriter | None = None
        # What has been written, also after an error; None: nothing.
        self._written: FolderWriter | None = None
        # Whether the files are open.
        self._is_writing = False
        # Held while writing, and while closing.
        self._lock = threading.Lock()
        self._closing = threading.Lock()
        # Ends the thread.
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None

    # ----------------------------------------------------------------- events
    def observe(self, event: Event, changed: list[Turn], now_s: float) -> None:
        """Keep one event, unless it is the one with the key."""
        if isinstance(event, Authenticate):
            return
        begins_turn = ""
        for turn in changed:
            if turn.turn_id not in self._turn_ids:
                self._turn_ids.add(turn.turn_id)
                begins_turn = turn.turn_id
        if type(event) in (AppendAudio, AudioDelta):
            event = replace(event, pcm=b"")
        # When it happened, also if this process learns of it later.
        time_s = time.time() - (time.monotonic() - now_s)
        self._entries.append(Entry(event, now_s, time_s, self._conversation.kept, begins_turn))

    # ----------------------------------------------------------------- reading
    @property
    def is_writing(self) -> bool:
        """Whether the talk is being written to a folder, without an error so far."""
        return self._writer is not None

    def written_count(self, name: str) -> int:
        """How many samples are in one of the WAV files."""
        return 0 if self._written is None else self._written.written_count(name)

    def read(self, name: str, start: int, stop: int) -> NDArray[np.int16]:
        """Samples that were written to a WAV file: a read-only view of it. From any thread.

        Raises
        ------
        AudioDropped
            When they are not there.
        """
        try:
            if self._written is None:
                raise OSError("nothing was recorded")
            return self._written.read(name, start, stop)
        except (OSError, ValueError) as error:
            raise unreadable(name, error) from None

    # ----------------------------------------------------------------- saving
    def save(self, path: str | PathLike[str]) -> Path:
        """Write the talk so far into a folder; returns its path.

        Raises
        ------
        ConfigurationError
        """
        folder = folder_from(path)
        if self._is_recorded_into(folder):
            self._write_rest()
            self._write_frames(folder)
            return folder
        check_save_folder(folder)
        try:
            with replace_folder(folder) as new, self._lock:
                if self._written is None:
                    writer = FolderWriter(new, self._settings, self._redactor)
                else:
                    writer = self._written.copied_to(new)
                writer.open()
                writer.write(self._entries[:])
                writer.tell_of_silence()
                writer.close()
                self._write_frames(new)
        except OSError as error:
            raise self._lost() or unusable(folder, error) from None
        return folder

    def _write_frames(self, folder: Path) -> None:
        frames = self._frames()
        if frames:
            frames.write(folder / FRAMES_FILE)

    def _lost(self) -> ConfigurationError | None:
        """The error for a talk whose own recording, which is to be copied, is not there."""
        if self._folder is None or self._written is None:
            return None
        missing = ", ".join(missing_files(self._folder))
        if not missing:
            return None
        return _not_there(self._folder, missing)

    def files(self) -> dict[str, bytes]:
        """The content of each file that `save` would write, but for the frames, by its name; of a
        talk that is not recorded into a folder.
        """
        return files_of(self._settings, self._entries[:], self._redactor)

    def _is_recorded_into(self, folder: Path) -> bool:
        # Before the talk has begun, too: otherwise it could not be recorded there any more.
        if self._folder is None or (self._writer is None and self._written is not None):
            return False
        try:
            if not folder.exists():
                return self._writer is None and self._folder == folder.absolute()
            return self._folder.samefile(folder)
        except OSError:
            return False

    def _write_rest(self) -> None:
        was_closed = self._thread is None
        self.start()
        self.flush()
        if was_closed:
            self.close()

    # ----------------------------------------------------------------- recording
    def go_on(self) -> None:
        """Go on with the folder of a process that has ended, if there is one."""
        if self._folder is None or not (self._folder / EVENTS_FILE).is_file():
            return
        writer = FolderWriter(self._folder, self._settings, self._redactor)
        conversation = self._conversation
        tapes = {USER_WAV: conversation.user_tape, ASSISTANT_WAV: conversation.assistant_tape}
        try:
            writer.go_on(tapes)
        except (OSError, ValueError, KeyError) as error:
            # It is refused when it is opened, and that is noted.
            _LOG.warning("The recording in %s is not gone on with: %s", self._folder, error)
            return
        self._writer = writer
        self._turn_ids |= {turn.turn_id for turn in conversation.turns}

    def start(self) -> None:
        """Create the folder and begin to write, if there is one; no-op if it has begun.

        Raises
        ------
        ConfigurationError
        """
        if self._folder is None or self._thread is not None:
            return
        if self._writer is None and self._written is not None:
            return  # It failed before, which has been reported.
        try:
            self._writer = self._writer or FolderWriter(
                self._folder, self._settings, self._redactor
            )
            self._writer.open()
        except OSError as error:
            self._writer = None
            raise unusable(self._folder, error) from None
        self._written = self._writer
        self._is_writing = True
        self._is_over.clear()
        self._thread = threading.Thread(target=self._run, name="grok-live-recording", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._is_over.wait(FLUSH_S):
            self.flush()

    def flush(self) -> None:
        """Write new events. Never raises; an error is reported once."""
        with self._lock:
            if self._writer is None or not self._is_writing:
                return
            entries = self._entries[:]
            try:
                self._writer.write(entries)
                # The loop may have appended to the list meanwhile.
                del self._entries[: len(entries)]
            except OSError as error:
                self._abort(error.strerror or str(error))
            except Exception as error:  # noqa: BLE001  (a bug must not go unreported)
                _LOG.exception("A recording failed; please report this.")
                self._abort(repr(error))

    def _abort(self, why: str) -> None:
        writer, self._writer, self._is_writing = self._writer, None, False
        if writer is not None:
            with contextlib.suppress(OSError):
                writer.close()
        self._is_over.set()
        self._on_trouble(
            f"Recording into {str(self._folder)!r} has stopped ({why}). "
            "What was written is kept, and the talk goes on."
        )

    def close(self) -> None:
        """Write the rest and close the files; `start` reopens them."""
        with self._closing:
            if self._thread is not None:
                self._is_over.set()
                self._thread.join()
                self.flush()
                self._close_files()
                self._thread = None

    def _close_files(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._is_writing = False
            if self._writer is not None:
                self._writer.close()


def copy_recording(folder: str | PathLike[str], path: str | PathLike[str]) -> Path:
    """Copy the folder of a talk that is over; returns the path. The same as `Recording.save`.

    Raises
    ------
    ConfigurationError
    """
    source, target = Path(folder).absolute(), folder_from(path)
    with contextlib.suppress(OSError):
        if source.samefile(target):
            return target
    check_save_folder(target)
    missing = ", ".join(missing_files(source))
    if missing:
        raise _not_there(source, missing)
    try:
        with replace_folder(target) as new:
            shutil.copytree(source, new)
    except OSError as error:
        raise unusable(target, error) from None
    return target


def _not_there(folder: Path, missing: str) -> ConfigurationError:
    return ConfigurationError(
        f"the talk is recorded into {str(folder)!r}, and cannot be copied from there: "
        f"{missing} cannot be found.",
        cure="Put the folder back where it was. turns.write_wav(path) and "
        "turns.write_transcript(path) write what is in memory.",
    )
