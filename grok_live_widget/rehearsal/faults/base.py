"""What all faults have in common, and how a server applies them to frames and handshakes."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from ..._structs import Value, checked_dataclass
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
from ..refusals import refusal_from

if TYPE_CHECKING:
    from ..connection import Socket

# --------------------------------------------------------------------------- message types
AUDIO_TYPES = REALTIME.audio_delta_types
"""The types of audio deltas."""

_SERVER_MESSAGES = tuple(chain.from_iterable(each.server_messages for each in DIALECTS.values()))


def server_message_types() -> frozenset[str]:
    """The types of all messages of the server, in both dialects."""
    return frozenset({each.wire_type for each in _SERVER_MESSAGES} | set(AUDIO_TYPES))


def wire_types(event: type[Any]) -> frozenset[str]:
    """The wire types of an event, in both dialects."""
    types = {each.wire_type for each in _SERVER_MESSAGES if each.event is event}
    return frozenset(types | set(AUDIO_TYPES if event is AudioDelta else ()))


DELTA_TYPES = frozenset().union(*map(wire_types, (AudioDelta, TranscriptDelta, TextDelta)))
"""The types of deltas of audio, transcript or text."""


# --------------------------------------------------------------------------- frames and steps
class Frame(Value, frozen=True, gc=True, dict=True):
    """A message about to be sent."""

    body: bytes
    is_text: bool = True

    @cached_property
    def message(self) -> Mapping[str, Any]:
        """Its fields; a binary frame has none."""
        return message_from(self.body) if self.is_text else {}

    @property
    def wire_type(self) -> str:
        """Its ``type``; a binary frame counts as an audio delta."""
        return str(self.message.get("type", "")) if self.is_text else AUDIO_TYPES[0]

    @property
    def response_id(self) -> str:
        """The id of its response; empty where it has none."""
        return str(self.message.get("response_id") or self.inner("response").get("id") or "")

    def inner(self, name: str) -> Mapping[str, Any]:
        """An object inside the message; empty where there is none."""
        found = self.message.get(name)
        return found if isinstance(found, dict) else {}

    @property
    def audio(self) -> bytes:
        """The bytes of an audio delta, in the encoding of the connection."""
        if not self.is_text:
            return self.body
        return bytes_from_base64(str(self.message.get("delta", ""))) or b""

    def with_audio(self, audio: bytes) -> Frame:
        """The same delta with other audio."""
        if not self.is_text:
            return Frame(audio, is_text=False)
        return self.with_fields(delta=base64_from_bytes(audio))

    def with_fields(self, **changed: Any) -> Frame:
        """The same message with other fields."""
        return Frame(msgspec.json.encode({**self.message, **changed}))


class Pause(Value, frozen=True):
    """Nothing is sent for a while."""

    duration_s: float


class CloseFrame(Value, frozen=True):
    """The connection is closed."""

    code: int
    reason: str


class Ending(Enum):
    """How sending ends: the connection is dropped, or stays open."""

    DROP = "drop"
    STALL = "stall"


Step = Frame | Pause | CloseFrame | Ending
FrameFilter = Callable[[Frame], Iterable[Step]]
"""One fault on one connection: the steps taken instead of sending a frame."""


# --------------------------------------------------------------------------- faults
Place = type[Any] | str | None


def check(is_good: bool, name: str, value: object, wanted: str) -> None:
    """Raise for an invalid argument of a fault."""
    if not is_good:
        raise ConfigurationError(f"{name} must be {wanted}, not {value!r}.")


@checked_dataclass
class Fault:
    """Base class of faults.

    A subclass gives its name, and the argument that a value after the name sets (``"close:1012"``).

    Parameters
    ----------
    nth : int >= 1
        The occasion on a connection at which it happens first.
    times : int >= 1 or inf
        How often it happens, on all connections of a server together: at each occasion from
        the `nth` on.

    Raises
    ------
    ConfigurationError
        For a value out of range.
    """

    name: ClassVar[str] = ""
    argument: ClassVar[str] = ""
    nth: int = 1
    times: float = 1

    def __init_subclass__(cls, *, name: str = "", argument: str = "") -> None:
        if name:
            cls.name, cls.argument = name, argument

    def __post_init__(self) -> None:
        check(self.nth >= 1, "nth", self.nth, "1 or more")
        check(self.times >= 1, "times", self.times, "1 or more")
        self._check_arguments()

    def _check_arguments(self) -> None:
        """Raise for an invalid argument of this kind of fault; to be overridden."""

    def __str__(self) -> str:
        value = getattr(self, self.argument) if self.argument else ""
        if isinstance(value, type):
            value = value.__name__
        return f"{self.name}:{value}" if value not in ("", None) else self.name


@checked_dataclass
class HandshakeFault(Fault):
    """A fault of the handshake, before there is a connection."""

    stalls: ClassVar[bool] = False

    @property
    def refusal(self) -> tuple[int, str]:
        """The status and the body that refuse it; where it stalls, when the server closes."""
        return 503, refusal_from("Service Unavailable", "the server closes")


@checked_dataclass
class ConnectionFault(Fault, ABC):
    """A fault of the messages that the server sends."""

    @abstractmethod
    def filter_for(self, counter: OccasionCounter, dialect: Dialect) -> FrameFilter:
        """Return the filter for one connection."""


@checked_dataclass
class EventFault(ConnectionFault):
    """A fault at an event.

    Parameters
    ----------
    at : type, str or None
        A class of `grok_live_widget.events` that the server sends, or its wire type. In a
        dialect without the event the fault does not happen. None: any message.
    """

    lasts: ClassVar[bool] = False
    """Whether it acts, once begun, until the connection closes."""

    at: Place = AudioDelta

    def __post_init__(self) -> None:
        known = self.at is None or bool(self.wire_types & server_message_types())
        check(known, "at", self.at, "an event that the server sends, or its wire type")
        super().__post_init__()

    @property
    def wire_types(self) -> frozenset[str]:
        """The wire types of `at`."""
        return frozenset({self.at}) if isinstance(self.at, str) else wire_types(self.at or object)

    def matches(self, frame: Frame) -> bool:
        """Whether a message is the event `at`."""
        return self.at is None or frame.wire_type in self.wire_types

    def filter_for(self, counter: OccasionCounter, dialect: Dialect) -> FrameFilter:
        """Return a filter that sends `_replacement` instead of the event, one message at a time."""
        is_on = False

        def filter_frame(frame: Frame) -> Iterable[Step]:
            nonlocal is_on
            is_on = (is_on and self.lasts) or (self.matches(frame) and counter.is_next())
            return self._replacement(frame) if is_on else (frame,)

        return filter_frame

    def _replacement(self, frame: Frame) -> Iterable[Step]:
        """The steps taken instead of sending an event; to be overridden."""
        return (frame,)


class RemainingTimes:
    """How many of a fault's times remain, on all connections of a server together."""

    def __init__(self, fault: Fault) -> None:
        self._count = fault.times

    def take(self) -> bool:
        """Take one of the times; returns whether one remained."""
        is_left = self._count >= 1
        self._count -= is_left
        return is_left


class OccasionCounter:
    """Counts occasions on one connection: a fault happens from the nth on, while times remain."""

    def __init__(self, fault: Fault, remaining: RemainingTimes) -> None:
        self._nth, self._remaining, self._seen_count = fault.nth, remaining, 0

    def is_next(self) -> bool:
        """Count one occasion; returns whether the fault happens at it."""
        self._seen_count += 1
        return self._seen_count >= self._nth and self._remaining.take()


# --------------------------------------------------------------------------- applying faults
class FaultySocket:
    """A socket that applies faults to what it sends."""

    def __init__(self, socket: Socket, filters: Sequence[FrameFilter]) -> None:
        self._socket, self._filters = socket, list(filters)
        self.transport = socket.transport
        # The next message must not overtake one that is delayed.
        self._sending = asyncio.Lock()
        # Whether a fault has ended the connection, so that nothing is sent any more.
        self.has_ended = False

    def add(self, new: FrameFilter) -> None:
        """Apply one more filter, after the others."""
        self._filters.append(new)

    async def recv(self, *, decode: bool | None) -> str | bytes:
        """The next frame."""
        return await self._socket.recv(decode=decode)

    async def send(self, message: bytes, *, text: bool) -> None:
        """Send a frame through the filters."""
        async with self._sending:
            for step in self._steps(Frame(message, text), 0):
                if not self.has_ended:
                    await self._perform(step)

    async def close(self, code: int, reason: str) -> None:
        """Close the connection."""
        await self._socket.close(code, reason)

    def _steps(self, frame: Frame, at: int) -> Iterator[Step]:
        """The steps for a frame that passes the filters from index `at` on."""
        if at == len(self._filters):
            yield frame
            return
        for step in self._filters[at](frame):
            yield from self._steps(step, at + 1) if isinstance(step, Frame) else (step,)

    async def _perform(self, step: Step) -> None:
        match step:
            case Frame():
                await self._socket.send(step.body, text=step.is_text)
            case Pause():
                await asyncio.sleep(step.duration_s)
            case CloseFrame():
                self.has_ended = True
                await self._socket.close(step.code, step.reason)
            case Ending():
                self.has_ended = True
                if step is Ending.DROP:
                    # Not abort(): what was sent before must still arrive.
                    self.transport.close()


class Faults:
    """The faults of one server, and how many of each remain.

    Parameters
    ----------
    faults : sequence of Fault
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._all = tuple(faults)
        # Handshakes are counted together, as if all were on one connection.
        self._handshake_faults = [
            (each, OccasionCounter(each, RemainingTimes(each)))
            for each in self._all
            if isinstance(each, HandshakeFault)
        ]
        self._connection_faults = [
            (each, RemainingTimes(each)) for each in self._all if isinstance(each, ConnectionFault)
        ]

    def __bool__(self) -> bool:
        return bool(self._all)

    def __str__(self) -> str:
        return ", ".join(map(str, self._all))

    @property
    def stalls_handshakes(self) -> bool:
        """Whether one of them leaves handshakes unanswered."""
        return any(isinstance(each, HandshakeFault) and each.stalls for each in self._all)

    def handshake_fault(self) -> HandshakeFault | None:
        """The fault of the next handshake, or None."""
        return next((fault for fault, counter in self._handshake_faults if counter.is_next()), None)

    def wrap(self, socket: Socket, dialect: Dialect) -> FaultySocket:
        """The socket of a new connection with its faults."""
        filters = [
            fault.filter_for(OccasionCounter(fault, remaining), dialect)
            for fault, remaining in self._connection_faults
        ]
        return FaultySocket(socket, filters)


def socket_with_fault(socket: Socket, fault: ConnectionFault, dialect: Dialect) -> FaultySocket:
    """The socket of an open connection with one more fault, which counts occasions from now on."""
    new = fault.filter_for(OccasionCounter(fault, RemainingTimes(fault)), dialect)
    if isinstance(socket, FaultySocket):
        socket.add(new)
        return socket
    return FaultySocket(socket, [new])
