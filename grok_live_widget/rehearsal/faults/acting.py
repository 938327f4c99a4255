"""The faults of one server at work: on the socket of each line, and at the door."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Protocol

from ...exceptions import ConfigurationError
from ...protocol import Dialect
from ..line import Socket
from .door import StallHandshake
from .fault import AtDoor, Fault, Left, OnLine, Tally
from .frames import Frame, HangUp, Pause, Sign, Step, Worker
from .naming import fault_from

__all__ = ["Faults", "FaultySocket"]


class _Socket(Socket, Protocol):
    """What a line needs of its socket, and what can be cut."""

    @property
    def transport(self) -> asyncio.Transport:
        """What carries it."""


class FaultySocket:
    """A socket whose sending goes wrong as was asked."""

    def __init__(self, socket: _Socket, workers: Sequence[Worker]) -> None:
        self._socket, self._workers = socket, workers
        # A pause must not let the next message overtake.
        self._sending = asyncio.Lock()
        self._is_silent = False

    async def recv(self, *, decode: bool | None) -> str | bytes:
        """The next frame."""
        return await self._socket.recv(decode=decode)

    async def send(self, message: bytes, *, text: bool) -> None:
        """Do with a frame what the faults say."""
        async with self._sending:
            for step in self._steps(Frame(message, text), 0):
                if not self._is_silent:
                    await self._take(step)

    async def close(self, code: int, reason: str) -> None:
        """Hang up."""
        await self._socket.close(code, reason)

    def _steps(self, frame: Frame, at: int) -> Iterator[Step]:
        """A frame through the faults from this one on."""
        if at == len(self._workers):
            yield frame
            return
        for step in self._workers[at](frame):
            yield from self._steps(step, at + 1) if isinstance(step, Frame) else (step,)

    async def _take(self, step: Step) -> None:
        match step:
            case Frame():
                await self._socket.send(step.body, text=step.is_text)
            case Pause():
                await asyncio.sleep(step.duration_s)
            case HangUp() | Sign():
                self._is_silent = True
                await self._end(step)

    async def _end(self, step: HangUp | Sign) -> None:
        if isinstance(step, HangUp):
            await self._socket.close(step.code, step.reason)
        elif step is Sign.CUT:
            # Not abort(): what was sent before is still to arrive.
            self._socket.transport.close()


class Faults:
    """The faults of one server, and how many of each are left.

    Parameters
    ----------
    wanted : sequence of Fault or str
    """

    def __init__(self, wanted: Sequence[Fault | str]) -> None:
        if isinstance(wanted, str):
            raise ConfigurationError(f"faults={wanted!r} is no list.", cure=f"Pass [{wanted!r}].")
        self._all = tuple(fault_from(each) for each in wanted)
        # One handshake comes after another, as if all were on one line.
        self._at_door = [
            (each, Tally(each, Left(each))) for each in self._all if isinstance(each, AtDoor)
        ]
        self._on_lines = [(each, Left(each)) for each in self._all if isinstance(each, OnLine)]

    def __bool__(self) -> bool:
        return bool(self._all)

    def __str__(self) -> str:
        return ", ".join(map(str, self._all))

    @property
    def stalls_handshakes(self) -> bool:
        """Whether one of them leaves handshakes without an answer."""
        return any(isinstance(fault, StallHandshake) for fault in self._all)

    def at_door(self) -> AtDoor | None:
        """What happens to a handshake, if anything."""
        return next((fault for fault, tally in self._at_door if tally.is_next()), None)

    def around(self, socket: _Socket, dialect: Dialect) -> FaultySocket:
        """The socket of a new line with all that goes wrong on it."""
        workers = [fault.worker(Tally(fault, left), dialect) for fault, left in self._on_lines]
        return FaultySocket(socket, workers)
