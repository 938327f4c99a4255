"""The sound of a talk in memory that two processes share: one writes it, the other reads it.

The memory has no name and is in no file system (``memfd_create``, Linux), so that it needs no
``/dev/shm`` and nothing of it is left. Its descriptors travel over a socket of their own, where
they stay valid when the writer dies before a busy reader has taken them. Where there is no such
memory, the sound is sent with its events. So it is on Windows, too: named memory ends there with
the process that has it open, and with it sound that was received.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import socket
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...audio import AudioBuffer

_SAMPLE_BYTES = 2
# `mmap.PROT_READ` and `PROT_WRITE`, which Windows does not have.
_READ, _READ_AND_WRITE = 1, 3

HAS_SHARED_MEMORY = hasattr(os, "memfd_create") and hasattr(socket, "send_fds")
"""Whether this system has memory that can be shared without a name."""


class Place(NamedTuple):
    """Where a process that has ended has written one side's sound.

    `fd` is the descriptor of the memory, or -1; `base` is the position of its first sample.
    """

    fd: int
    base: int
    capacity: int
    sample_count: int


class SharedTape:
    """What one side's sound is written to, in the process of the connection.

    Parameters
    ----------
    reserve_samples : int
        See `AudioBuffer`.
    descriptors : socket or None
        Over which those of memory are sent; None: there is no shared memory.
    on_move : callable
        ``on_move(base, capacity)`` is called after a descriptor has been sent, and when sound was
        dropped.
    past : Place or None
        Where it goes on.

    Attributes
    ----------
    buffer : AudioBuffer
    """

    def __init__(
        self,
        reserve_samples: int,
        descriptors: socket.socket | None,
        on_move: Callable[[int, int], object],
        past: Place | None = None,
    ) -> None:
        self._descriptors, self._on_move = descriptors, on_move
        # Of the newest memory, which is not sent yet.
        self._fd = -1
        self._capacity = 0
        self.buffer = AudioBuffer(
            reserve_samples, allocate=None if descriptors is None else self._allocate
        )
        self.buffer.on_move = self._moved
        if past is not None:
            memory = None if past.fd < 0 else _mapped(past.fd, past.capacity, _READ_AND_WRITE)
            self.buffer.go_on_from(past.sample_count, past.base, memory)
        if descriptors is not None and (past is None or past.fd < 0):
            self._moved(0 if past is None else past.base)

    def _allocate(self, sample_count: int) -> NDArray[np.int16]:
        self._capacity = max(1, sample_count)
        self._fd = os.memfd_create("grok-live-tape")
        os.ftruncate(self._fd, self._capacity * _SAMPLE_BYTES)
        return _mapped(self._fd, self._capacity, _READ_AND_WRITE)

    def _moved(self, base: int) -> None:
        if self._descriptors is not None:
            with contextlib.suppress(OSError):  # The kernel is gone, and this process is to end.
                socket.send_fds(self._descriptors, [b"m"], [self._fd])
            os.close(self._fd)
        self._on_move(base, self._capacity)


class FollowedTape:
    """The same sound in the kernel, which reads it.

    Parameters
    ----------
    buffer : AudioBuffer
        Of the conversation.
    """

    def __init__(self, buffer: AudioBuffer) -> None:
        self.buffer = buffer
        self._memory: NDArray[np.int16] | None = None
        self._fd, self._base, self._capacity = -1, 0, 0

    def move(self, descriptors: socket.socket | None, base: int, capacity: int) -> None:
        """Follow what `SharedTape` does, whose descriptor is the next to come."""
        if descriptors is None:
            self.buffer.drop_before(base)
            return
        self.close()
        _, (self._fd, *_), _, _ = socket.recv_fds(descriptors, 1, 1)
        self._base, self._capacity = base, capacity
        self._memory = _mapped(self._fd, capacity, _READ)
        self.buffer.follow(self._memory, base)

    @property
    def place(self) -> Place:
        """Where another process can go on."""
        count = len(self.buffer)
        base = self._base if self._fd >= 0 else count // 256 * 256
        return Place(self._fd, base, self._capacity, count)

    def close(self) -> None:
        """Close the descriptor; the sound stays readable."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def sound(self, start: int, count: int) -> bytes:
        """Samples that were written to the memory, whether they were appended here or not."""
        assert self._memory is not None
        return self._memory[start - self._base : start + count - self._base].tobytes()


def _mapped(fd: int, sample_count: int, access: int) -> NDArray[np.int16]:
    """Memory as samples. A mapping of a process that has been forked is shared, too, but the kernel
    maps it for reading alone.
    """
    memory = mmap.mmap(fd, sample_count * _SAMPLE_BYTES, flags=mmap.MAP_SHARED, prot=access)
    return np.frombuffer(memory, np.int16)
