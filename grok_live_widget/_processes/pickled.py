"""Pickled values over a pipe, between processes that trust each other."""

from __future__ import annotations

import contextlib
import pickle
import threading
from typing import Any, BinaryIO


class MessageWriter:
    """Writes pickled values to a pipe, whole ones whatever threads write.

    Parameters
    ----------
    pipe : file
        Without a buffer of its own.
    """

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, value: object) -> None:
        """Blocks until it is written; without effect where nothing reads it any more."""
        body = pickle.dumps(value)
        unsent = memoryview(len(body).to_bytes(4, "little") + body)
        with self._lock, contextlib.suppress(BrokenPipeError):
            while unsent and not self._pipe.closed:
                unsent = unsent[self._pipe.write(unsent) :]

    def close(self) -> None:
        """Close the pipe."""
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._pipe.close()


def read_message(pipe: BinaryIO) -> Any:
    """The next value that `MessageWriter` has written to a pipe; only of a process of one's own.

    Raises
    ------
    EOFError
        When the pipe is closed.
    """
    length = int.from_bytes(_read(pipe, 4), "little")
    return pickle.loads(_read(pipe, length))


def _read(pipe: BinaryIO, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        piece = pipe.read(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)
