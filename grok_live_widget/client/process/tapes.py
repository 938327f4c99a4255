"""The sound of a talk in memory that two processes share: one writes it, the other reads it.

On Linux the memory has no name and is in no file system (``memfd_create``), so that it needs no
``/dev/shm`` and nothing of it is left. Its descriptors travel over a socket of their own, where
they stay valid when the writer dies before a busy reader has taken them.

On Windows it has a name, under which the reader opens it. It ends with the last process that has
it open: until the reader has told that this is so, the sound is also sent with its events.

Elsewhere the sound is only sent with its events.
"""

from __future__ import annotations

import contextlib
import mmap
import os
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import numpy as np

from ...audio import AudioBuffer

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SAMPLE_BYTES = 2
# `mmap.PROT_READ` and `PROT_WRITE`, which Windows does not have.
_READ, _READ_AND_WRITE = 1, 3


def _sharing() -> Literal["descriptors", "names"] | None:
    if hasattr(os, "memfd_create") and hasattr(socket, "send_fds"):
        return "descriptors"
    return "names" if sys.platform == "win32" else None


SHARING = _sharing()
"""How this system shares memory between processes; None: not at all."""


class Place(NamedTuple):
    """Where a process that has ended has written one side's sound.

    `memory` is the descriptor or the name of the memory, or None; `base` is the position of its
    first sample.
    """

    memory: int | str | None
    base: int
    capacity: int
    sample_count: int


class Memory(Protocol):
    """Makes memory that the kernel can read, too."""

    def new(self, sample_count: int) -> tuple[int | str, NDArray[np.int16]]:
        """Memory for so many samples: its descriptor or name, and the samples."""

    def again(self, memory: int | str, sample_count: int) -> NDArray[np.int16]:
        """Memory of a process before this one."""

    def pass_on(self, memory: int | str) -> str:
        """Have the kernel get it; returns its name, or nothing where it needs none."""


class PassedMemory:
    """Memory whose descriptors are sent over a socket."""

    def __init__(self, descriptors: socket.socket) -> None:
        self._descriptors = descriptors

    def new(self, sample_count: int) -> tuple[int, NDArray[np.int16]]:
        """See `Memory`."""
        fd = os.memfd_create("grok-live-tape")
        os.ftruncate(fd, sample_count * _SAMPLE_BYTES)
        return fd, _mapped(fd, sample_count, _READ_AND_WRITE)

    def again(self, memory: int | str, sample_count: int) -> NDArray[np.int16]:
        """See `Memory`."""
        return _mapped(int(memory), sample_count, _READ_AND_WRITE)

    def pass_on(self, memory: int | str) -> str:
        """See `Memory`; the descriptor is closed here."""
        with contextlib.suppress(OSError):  # The kernel is gone, and this process is to end.
            socket.send_fds(self._descriptors, [b"m"], [int(memory)])
        os.close(int(memory))
        return ""


class NamedMemory:
    """Memory that the kernel opens by its name."""

    def new(self, sample_count: int) -> tuple[str, NDArray[np.int16]]:
        """See `Memory`."""
        return _named(None, sample_count)

    def again(self, memory: int | str, sample_count: int) -> NDArray[np.int16]:
        """See `Memory`."""
        return _named(str(memory), sample_count)[1]

    def pass_on(self, memory: int | str) -> str:
        """See `Memory`."""
        return str(memory)


class SharedTape:
    """What one side's sound is written to, in the process of the connection.

    Parameters
    ----------
    reserve_samples : int
        See `AudioBuffer`.
    memory : Memory or None
        None: there is no shared memory.
    on_move : callable
        ``on_move(base, capacity, name)`` is called when the sound is in other memory, and when
        sound was dropped.
    past : Place or None
        Where it goes on.

    Attributes
    ----------
    buffer : AudioBuffer
    is_followed : bool
        Whether the kernel has what is written here.
    """

    def __init__(
        self,
        reserve_samples: int,
        memory: Memory | None,
        on_move: Callable[[int, int, str], object],
        past: Place | None = None,
    ) -> None:
        is_copied = past is not None and past.memory is None and past.sample_count > 0
        # Where the kernel has sound in memory of its own, it appends what comes to that.
        self._memory = None if is_copied else memory
        self._on_move = on_move
        # The newest memory.
        self._id: int | str = ""
        self._capacity = 0
        self.is_followed = False
        self.buffer = AudioBuffer(
            reserve_samples, allocate=None if self._memory is None else self._allocate
        )
        if past is not None:
            self._go_on_from(past)
        self.buffer.on_move = self._moved

    def _go_on_from(self, past: Place) -> None:
        old = None
        if self._memory is not None and past.memory is not None:
            old = self._memory.again(past.memory, past.capacity)
        self.buffer.go_on_from(past.sample_count, past.base, old)
        self.is_followed = old is not None
        if self._memory is not None and not self.is_followed:
            self._moved(past.base)

    def _allocate(self, sample_count: int) -> NDArray[np.int16]:
        assert self._memory is not None
        self._capacity = max(1, sample_count)
        self._id, samples = self._memory.new(self._capacity)
        return samples

    def _moved(self, base: int) -> None:
        name = ""
        if self._memory is not None:
            name = self._memory.pass_on(self._id)
            self.is_followed = not name
        self._on_move(base, self._capacity, name)

    def confirm(self, name: str) -> None:
        """The kernel has opened memory of this name."""
        self.is_followed = self.is_followed or name == self._id


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
        self._id: int | str | None = None
        self._base = self._capacity = 0

    def move(self, descriptors: socket.socket | None, base: int, capacity: int, name: str) -> bool:
        """Follow what `SharedTape` does, whose descriptor is the next to come.

        Returns
        -------
        bool
            Whether memory with a name was opened.
        """
        if name:
            return self._move_to_name(name, base, capacity)
        if not capacity:
            # The process shares no memory, whatever this system could: no descriptor comes.
            self.buffer.drop_before(base)
            return False
        assert descriptors is not None
        _, (fd, *_), _, _ = socket.recv_fds(descriptors, 1, 1)
        self._follow(fd, _mapped(fd, capacity, _READ), base)
        return False

    def _move_to_name(self, name: str, base: int, capacity: int) -> bool:
        try:
            _, samples = _named(name, capacity)
        except OSError:
            # It ended with its process, which has sent the sound with its events, too.
            self.close()
            self.buffer.unfollow()
            return False
        self._follow(name, samples, base)
        return True

    def _follow(self, memory_id: int | str, samples: NDArray[np.int16], base: int) -> None:
        self.close()
        self._id, self._memory = memory_id, samples
        self._base, self._capacity = base, len(samples)
        self.buffer.follow(samples, base)

    @property
    def fd(self) -> int | None:
        """The descriptor of the memory, if it has one."""
        return self._id if isinstance(self._id, int) else None

    @property
    def place(self) -> Place:
        """Where another process can go on."""
        count = len(self.buffer)
        if self._id is None:
            return Place(None, count // 256 * 256, 0, count)
        return Place(self._id, self._base, self._capacity, count)

    def close(self) -> None:
        """Close the descriptor; the sound stays readable."""
        if self.fd is not None:
            os.close(self.fd)
        self._id = None

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


def _named(name: str | None, sample_count: int) -> tuple[str, NDArray[np.int16]]:
    """Memory with a name, and that name; None: new memory."""
    from multiprocessing.shared_memory import SharedMemory

    memory = SharedMemory(name, create=name is None, size=sample_count * _SAMPLE_BYTES)
    assert memory.buf is not None
    samples = np.frombuffer(memory.buf, np.int16, sample_count)
    # Called when the object is deleted; it is the views that keep the memory open.
    memory.close = _nothing  # type: ignore[method-assign]
    return memory.name, samples


def _nothing() -> None:
    pass
