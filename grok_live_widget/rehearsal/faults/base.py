"""What all faults have in common, and how a server applies them to frames and handshakes."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, ClassVar, Protocol

import orjson

from ...exceptions import ConfigurationError
from ...protocol import (
    DIALECTS,
    REALTIME,
    AudioDelta,
    Dialect,
    TextDelta,
    TranscriptDelta,
    base64_from_bytes,
    bytes_from_base64,
    message_from,
)
from ..connection import Socket

__all__ = [
    "PIECE_TYPES",
    "SOUND_TYPES",
    "AtDoor",
    "AtEvent",
    "Fault",
    "Faults",
    "FaultySocket",
    "Frame",
    "HangUp",
    "Left",
    "OnLine",
    "Pause",
    "Place",
    "Sign",
    "Step",
    "Tally",
    "Worker",
    "check",
    "known_types",
    "wire_types",
]

# ------------------------------------------------------------------------------------------- frames
# --------------------------------------------------------------------------- how types are spelled
SOUND_TYPES = REALTIME.audio_delta_types
"""Of a piece of sound."""


def known_types() -> frozenset[str]:
    """Whatever the server may say, in either dialect."""
    words = {word.wire_type for dialect in DIALECTS.values() for word in dialect.server_words}
    return frozenset(words | set(SOUND_TYPES))


def wire_types(event: type[Any]) -> frozenset[str]:
    """Every way to spell an event, in either dialect."""
    words = {
        word.wire_type
        for dialect in DIALECTS.values()
        for word in dialect.server_words
        if word.event is event
    }
    return frozenset(words | set(SOUND_TYPES if event is AudioDelta else ()))


PIECE_TYPES = frozenset().union(*map(wire_types, (AudioDelta, TranscriptDelta, TextDelta)))
"""Of a piece of a reply's sound, words or text."""


# --------------------------------------------------------------------------- what is sent, or done
@dataclass(frozen=True)
class Frame:
    """A message about to be sent."""

    body: bytes
    is_text: bool = True
    message: Mapping[str, Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", message_from(self.body) if self.is_text else {})

    @property
    def wire_type(self) -> str:
        """Its ``type``; a message of sound alone counts as a piece of sound."""
        return str(self.message.get("type", "")) if self.is_text else SOUND_TYPES[0]

    @property
    def reply_id(self) -> str:
        """The reply it belongs to; empty where it names none."""
        response = self.message.get("response")
        inner = response.get("id") if isinstance(response, dict) else ""
        return str(self.message.get("response_id") or inner or "")

    @property
    def sound(self) -> bytes:
        """Of a piece of sound: its bytes, as the line encodes them."""
        if not self.is_text:
            return self.body
        return bytes_from_base64(str(self.message.get("delta", ""))) or b""

    def with_sound(self, sound: bytes) -> Frame:
        """The same piece with another sound."""
        if not self.is_text:
            return Frame(sound, is_text=False)
        return self.with_fields(delta=base64_from_bytes(sound))

    def with_fields(self, **changed: Any) -> Frame:
        """The same message with other fields."""
        return Frame(orjson.dumps({**self.message, **changed}))


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is sent for a while."""

    duration_s: float


@dataclass(frozen=True, slots=True)
class HangUp:
    """The line is closed."""

    code: int
    reason: str


class Sign(Enum):
    """What the line does from now on."""

    CUT = "cut"
    SILENCE = "silence"


Step = Frame | Pause | HangUp | Sign
Worker = Callable[[Frame], Iterable[Step]]
"""One fault on one line: what is done in place of sending a frame."""


# ------------------------------------------------------------------------------------------- faults
Place = type[Any] | str | None


def check(is_good: bool, name: str, value: object, wanted: str) -> None:
    """Refuse a value that a fault cannot have."""
    if not is_good:
        raise ConfigurationError(f"{name}={value!r} must be {wanted}.")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Something that goes wrong.

    Parameters
    ----------
    nth : int >= 1
        At which occasion on a line it happens first.
    times : int >= 1 or inf
        How often it happens, on all lines of a server together: at each occasion from the
        `nth` on.

    Raises
    ------
    ConfigurationError
        For a figure out of range.
    """

    name: ClassVar[str] = ""
    argument: ClassVar[str] = ""
    nth: int = 1
    times: float = 1

    def __post_init__(self) -> None:
        check(self.nth >= 1, "nth", self.nth, "1 or more")
        check(self.times >= 1, "times", self.times, "1 or more")

    def __str__(self) -> str:
        value = getattr(self, self.argument) if self.argument else ""
        if isinstance(value, type):
            value = value.__name__
        return f"{self.name}:{value}" if value not in ("", None) else self.name


@dataclass(frozen=True, kw_only=True)
class AtDoor(Fault):
    """A fault of the handshake, before there is a connection."""

    stalls: ClassVar[bool] = False


@dataclass(frozen=True, kw_only=True)
class OnLine(Fault, ABC):
    """A fault of what is sent."""

    @abstractmethod
    def worker(self, tally: Tally, dialect: Dialect) -> Worker:
        """How it acts on one line."""


@dataclass(frozen=True, kw_only=True)
class AtEvent(OnLine):
    """A fault with a place.

    Parameters
    ----------
    at : type, str or None
        A class of `grok_live_widget.events` that the server says, or its wire type. What a
        dialect does not tell does not happen in it. None: any message.
    """

    at: Place = AudioDelta

    def __post_init__(self) -> None:
        super().__post_init__()
        known = self.at is None or bool(self.wire_types & known_types())
        check(known, "at", self.at, "an event that the server says, or its wire type")

    @property
    def wire_types(self) -> frozenset[str]:
        """How the place is spelled."""
        return frozenset({self.at}) if isinstance(self.at, str) else wire_types(self.at or object)

    def is_at(self, frame: Frame) -> bool:
        """Whether a message is at the place."""
        return self.at is None or frame.wire_type in self.wire_types

    def worker(self, tally: Tally, dialect: Dialect) -> Worker:
        """How it acts on one line: on each message alone, unless a fault says otherwise."""

        def work(frame: Frame) -> Iterable[Step]:
            return self._instead(frame) if self.is_at(frame) and tally.is_next() else (frame,)

        return work

    def _instead(self, frame: Frame) -> Iterable[Step]:
        """What is done in place of sending an event: nothing else, unless a fault says so."""
        return (frame,)


class Left:
    """How many of a fault's times are left, on all lines of a server together."""

    def __init__(self, fault: Fault) -> None:
        self._count = fault.times

    def take(self) -> bool:
        """Use one up, if there is one."""
        is_left = self._count >= 1
        self._count -= is_left
        return is_left


class Tally:
    """Whose turn it is on one line: from the nth occasion on, while any times are left."""

    def __init__(self, fault: Fault, left: Left) -> None:
        self._nth, self._left, self._seen_count = fault.nth, left, 0

    def is_next(self) -> bool:
        """Count one occasion; whether the fault happens at it."""
        self._seen_count += 1
        return self._seen_count >= self._nth and self._left.take()


# ----------------------------------------------------------------------------------- faults at work
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
    faults : sequence of Fault
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._all = tuple(faults)
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
        return any(isinstance(each, AtDoor) and each.stalls for each in self._all)

    def at_door(self) -> AtDoor | None:
        """What happens to a handshake, if anything."""
        return next((fault for fault, tally in self._at_door if tally.is_next()), None)

    def around(self, socket: _Socket, dialect: Dialect) -> FaultySocket:
        """The socket of a new line with all that goes wrong on it."""
        workers = [fault.worker(Tally(fault, left), dialect) for fault, left in self._on_lines]
        return FaultySocket(socket, workers)
