"""Messages between two processes, over a pair of pipes.

The same class is used at both ends. Each end has two threads, for reading and for writing, so that
a loop is never held up by a peer that is busy, and so that it works with any loop and on Windows,
where no loop can wait for such pipes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import threading
from collections.abc import Callable
from typing import Any

_LENGTH = struct.Struct("<I")
_READ_BYTES = 1 << 18
# How long a message may wait for others [s]: each write wakes the other process.
_GATHER_S = 0.05

Receive = Callable[[list[Any]], object]
"""Called on the loop with the messages that have arrived, in order."""


class Pipe:
    """One end of a connection between two processes.

    Used on one loop.

    Parameters
    ----------
    read_fd, write_fd : int
        Descriptors of two pipes, which it closes.
    decode : callable
        ``decode(body)`` reads one message; called on the thread that reads.
    receive : callable
        See `Receive`.
    on_end : callable
        Called on the loop, once, when the peer has closed its end.
    most_bytes : int or None
        How much may wait to be read by the peer; None: any amount.
    """

    def __init__(
        self,
        read_fd: int,
        write_fd: int,
        decode: Callable[[bytes], Any],
        receive: Receive,
        on_end: Callable[[], object],
        *,
        most_bytes: int | None = None,
    ) -> None:
        self._read_fd, self._write_fd = read_fd, write_fd
        self._decode, self._receive, self._on_end = decode, receive, on_end
        self._most_bytes = most_bytes
        self._loop = asyncio.get_running_loop()
        self._changed = threading.Condition()
        # What the thread that writes has not taken yet.
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0
        self._is_due = False
        self._is_closed = False

    def start(self) -> None:
        """Begin to read and to write."""
        for work in (self._read, self._write):
            threading.Thread(target=work, name="grok-live-pipe", daemon=True).start()

    def send(self, body: bytes, *, can_wait: bool = False) -> bool:
        """Send one message without waiting; False where too much waits already, or it is closed.

        Parameters
        ----------
        can_wait : bool
            Whether it may be written with later ones, up to 50 ms later.
        """
        with self._changed:
            is_full = self._most_bytes is not None and self._unsent_bytes > self._most_bytes
            if self._is_closed or is_full:
                return False
            is_first = not self._unsent
            self._unsent += (_LENGTH.pack(len(body)), body)
            self._unsent_bytes += len(body)
            if not can_wait:
                self._is_due = True
            if is_first or self._is_due:
                self._changed.notify()
        return True

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be sent any more, since one of the ends is closed."""
        return self._is_closed

    def close(self) -> None:
        """Close this end when what was sent has been written; from any thread."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()

    # ----------------------------------------------------------------- threads
    def _write(self) -> None:
        with contextlib.suppress(OSError):
            while batch := self._next_batch():
                rest = memoryview(batch)
                while rest:
                    rest = rest[os.write(self._write_fd, rest) :]
        self.close()
        os.close(self._write_fd)

    def _next_batch(self) -> bytes:
        """What is to be written, waited for; empty at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._unsent or self._is_closed)
            self._changed.wait_for(lambda: self._is_due or self._is_closed, _GATHER_S)
            self._is_due = False
            batch = b"".join(self._unsent)
            self._unsent.clear()
            self._unsent_bytes = 0
            return batch

    def _read(self) -> None:
        unread = bytearray()
        with contextlib.suppress(OSError):
            while piece := os.read(self._read_fd, _READ_BYTES):
                unread += piece
                messages = [self._decode(body) for body in _taken_from(unread)]
                if messages and not self._call(self._receive, messages):
                    break
        os.close(self._read_fd)
        self._call(self._on_end)

    def _call(self, function: Callable[..., object], *arguments: object) -> bool:
        """Have the loop call a function; False where it is closed."""
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            return False
        return True


def _taken_from(unread: bytearray) -> list[bytes]:
    """The complete messages at the beginning of what was read, which are removed from it."""
    found, start = [], 0
    while start + _LENGTH.size <= len(unread):
        end = start + _LENGTH.size + _LENGTH.unpack_from(unread, start)[0]
        if end > len(unread):
            break
        found.append(bytes(unread[start + _LENGTH.size : end]))
        start = end
    del unread[:start]
    return found
