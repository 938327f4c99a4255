"""The writing end: remembers what was said and heard, and writes it when asked to.

The talk's loop only appends to a list; everything that touches a disk happens elsewhere.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path

from msgspec.structs import replace

from ..conversation import Conversation, Turn
from ..protocol import AppendAudio, AudioDelta, Authenticate, Event
from ..settings import Settings
from .files import Entry, FolderWriter, replace_folder
from .folder import check_save_folder, folder_from, unusable
from .redact import Redactor

__all__ = ["Recording"]

FLUSH_S = 0.5
"""How often what is new is written: what a killed kernel loses is less than a second."""

_LOG = logging.getLogger("grok_live_widget")


class Recording:
    """One talk's events so far, and the folder they are written to as they happen, if any.

    `observe` belongs to the talk's loop; everything else may be called from any thread, and
    waits for the disk.

    Parameters
    ----------
    settings : Settings
        Its `record` is the folder, or None: then nothing is written unless `save` is called.
    conversation : Conversation
        Told of each event before `observe` is; it keeps the sound, which is not kept twice.
    secret : callable
        Gives the key in use, or ``""``; wherever it turns up in a text it is left out.
    on_trouble : callable
        Told one sentence when the folder can be written to no more. The talk goes on.
    """

    def __init__(
        self,
        settings: Settings,
        conversation: Conversation,
        *,
        secret: Callable[[], str] = str,
        on_trouble: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._conversation = conversation
        self._hiding = Redactor(secret)
        self._on_trouble = on_trouble
        self._entries: list[Entry] = []
        self._turn_ids: set[str] = set()
        # Absolute: a notebook may change its folder before the talk begins.
        self._folder = None if settings.record is None else Path(settings.record).absolute()
        self._writer: FolderWriter | None = None
        self._written_count = 0
        self._is_writing = False
        self._lock = threading.Lock()
        self._closing = threading.Lock()
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None

    # ----------------------------------------------------------------- the fold
    def observe(self, event: Event, changed: list[Turn], now_s: float) -> None:
        """Remember one event; the key's is forgotten."""
        if isinstance(event, Authenticate):
            return
        begun = ""
        for turn in changed:
            if turn.turn_id not in self._turn_ids:
                self._turn_ids.add(turn.turn_id)
                begun = turn.turn_id
        if isinstance(event, AppendAudio | AudioDelta):
            event = replace(event, pcm=b"")
        self._entries.append(Entry(event, now_s, time.time(), self._conversation.kept, begun))

    # ----------------------------------------------------------------- at once
    def save(self, path: str | PathLike[str]) -> Path:
        """Write what there is now into a folder; returns its path.

        Raises
        ------
        ConfigurationError
        """
        folder = folder_from(path)
        if self._is_recorded_into(folder):
            self._write_rest()
            return folder
        check_save_folder(folder)
        entries = self._entries[:]
        try:
            with replace_folder(folder) as new:
                writer = FolderWriter(new, self._settings, self._hiding)
                writer.open()
                writer.write(entries)
                writer.close()
        except OSError as error:
            raise unusable(folder, error) from None
        return folder

    def _is_recorded_into(self, folder: Path) -> bool:
        try:
            own = self._folder if self._writer is not None else None
            return own is not None and own.samefile(folder)
        except OSError:
            return False

    def _write_rest(self) -> None:
        was_closed = self._thread is None
        self.start()
        self.flush()
        if was_closed:
            self.close()

    # ----------------------------------------------------------------- as it happens
    def start(self) -> None:
        """Make the folder and begin to write, if there is one. Harmless when it has begun.

        Raises
        ------
        ConfigurationError
        """
        if self._folder is None or self._thread is not None:
            return
        if self._writer is None and self._written_count:
            return  # It failed before, and that was told.
        try:
            self._writer = self._writer or FolderWriter(self._folder, self._settings, self._hiding)
            self._writer.open()
        except OSError as error:
            self._writer = None
            raise unusable(self._folder, error) from None
        self._is_writing = True
        self._is_over.clear()
        self._thread = threading.Thread(target=self._run, name="grok-live-recording", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._is_over.wait(FLUSH_S):
            self.flush()

    def flush(self) -> None:
        """Write what is new. Never raises: trouble is told, once."""
        with self._lock:
            if self._writer is None or not self._is_writing:
                return
            entries = self._entries[self._written_count :]
            try:
                self._writer.write(entries)
                self._written_count += len(entries)
            except OSError as error:
                self._give_up(error.strerror or str(error))
            except Exception as error:  # noqa: BLE001  (a bug of ours must not go unsaid)
                _LOG.exception("A recording failed; please report this.")
                self._give_up(repr(error))

    def _give_up(self, why: str) -> None:
        writer, self._writer, self._is_writing = self._writer, None, False
        self._written_count = max(1, self._written_count)
        if writer is not None:
            with contextlib.suppress(OSError):
                writer.close()
        self._is_over.set()
        self._on_trouble(
            f"Recording into {str(self._folder)!r} has stopped ({why}). "
            "What was written is kept, and the talk goes on."
        )

    def close(self) -> None:
        """Write the rest and let go of the files; `start` goes on in them."""
        with self._closing:
            if self._thread is not None:
                self._is_over.set()
                self._thread.join()
                self.flush()
                self._let_go()
                self._thread = None

    def _let_go(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._is_writing = False
            if self._writer is not None:
                self._writer.close()
