"""Faults on demand: what goes wrong on a real line, to be practised with.

::

    from grok_live_widget.rehearsal import RehearsalServer, faults

    with RehearsalServer(faults=["close:1012", faults.Duplicate(at=AudioDelta, nth=2)]) as server:
        ...

A fault acts on what is sent, between the line and its socket, or on the handshake; the
session behind it knows nothing of it. Several work one after the other, in their order. Each
happens once unless `times` says more, so that the next line is sound again.

Most were seen by somebody; where a docstring names no source, it is the network or our own
imagination.
"""

from __future__ import annotations

import asyncio
import http
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any, ClassVar, Literal, Protocol, get_args

import orjson

from ..dialects import DIALECTS, REALTIME, Dialect
from ..dialects.frames import base64_from_bytes, bytes_from_base64, message_from
from ..events import (
    AudioDelta,
    ErrorReported,
    ItemAdded,
    ResponseCreated,
    ResponseDone,
    ServerEvent,
    SessionCreated,
    SessionUpdated,
    SpeechStarted,
    TextDelta,
    TranscriptDelta,
)
from ..exceptions import ConfigurationError
from .wire import frame_from

__all__ = [
    "FAULTS",
    "Abandon",
    "Burst",
    "Close",
    "Drop",
    "Duplicate",
    "Fault",
    "Faults",
    "Garbage",
    "Late",
    "Omit",
    "OtherModel",
    "Refuse",
    "Reorder",
    "Report",
    "Stall",
    "StallHandshake",
    "Tail",
    "Trickle",
    "Withhold",
    "fault_from",
    "listing",
]

Place = type[Any] | str | None


# --------------------------------------------------------------------------- what is sent
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
        return str(self.message.get("type", "")) if self.is_text else _SOUND_TYPES[0]

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
class _Pause:
    duration_s: float


@dataclass(frozen=True, slots=True)
class _HangUp:
    code: int
    reason: str


class _Sign(Enum):
    CUT = "cut"
    SILENCE = "silence"


Step = Frame | _Pause | _HangUp | _Sign
Worker = Callable[[Frame], Iterable[Step]]
"""One fault on one line: what is done in place of sending a frame."""


def _wire_types(event: type[Any]) -> frozenset[str]:
    """Every way to spell an event, in either dialect."""
    words = {
        word.wire_type
        for dialect in DIALECTS.values()
        for word in dialect.server_words
        if word.event is event
    }
    return frozenset(words | set(_SOUND_TYPES if event is AudioDelta else ()))


_SOUND_TYPES = REALTIME.audio_delta_types
_PIECE_TYPES = frozenset().union(*map(_wire_types, (AudioDelta, TranscriptDelta, TextDelta)))
_DONE_TYPES, _ADDED_TYPES = _wire_types(ResponseDone), _wire_types(ItemAdded)


def _known_types() -> frozenset[str]:
    words = {word.wire_type for dialect in DIALECTS.values() for word in dialect.server_words}
    return frozenset(words | set(_SOUND_TYPES))


class _Rest:
    """What follows of the reply that an event belongs to."""

    def __init__(self, event: Frame) -> None:
        self._reply_id = event.reply_id
        self._is_nameless = not self._reply_id and event.wire_type in _PIECE_TYPES
        self._is_over = not self._reply_id or event.wire_type in _DONE_TYPES

    def has(self, frame: Frame) -> bool:
        # `live` names no reply: what remains of it are the pieces up to anything else.
        if self._is_nameless and frame.wire_type not in _PIECE_TYPES:
            self._is_nameless = False
        is_of_this = frame.reply_id == self._reply_id != "" or self._is_its_item(frame)
        self._is_over |= is_of_this and frame.wire_type in _DONE_TYPES
        return self._is_nameless or is_of_this

    def _is_its_item(self, frame: Frame) -> bool:
        """An item is added to the conversation without the name of its reply."""
        if self._is_over or frame.wire_type not in _ADDED_TYPES:
            return False
        item = frame.message.get("item")
        return isinstance(item, dict) and item.get("role") in ("assistant", "tool")


class _Tally:
    """Whose turn it is: the nth on this line, and while any are left of the server's `times`."""

    def __init__(self, fault: Fault, left: list[float]) -> None:
        self._nth, self._left, self._seen_count = fault.nth, left, 0

    def is_next(self) -> bool:
        """Count one occasion; whether the fault happens at it."""
        self._seen_count += 1
        if self._seen_count < self._nth or self._left[0] < 1:
            return False
        self._left[0] -= 1
        return True


# --------------------------------------------------------------------------- all faults
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
        _check(self.nth >= 1, "nth", self.nth, "1 or more")
        _check(self.times >= 1, "times", self.times, "1 or more")

    def worker(self, tally: _Tally, dialect: Dialect) -> Worker:
        """How it acts on one line."""
        raise NotImplementedError

    def __str__(self) -> str:
        value = getattr(self, self.argument) if self.argument else ""
        if isinstance(value, type):
            value = value.__name__
        return f"{self.name}:{value}" if value not in ("", None) else self.name


@dataclass(frozen=True, kw_only=True)
class AtEvent(Fault):
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
        known = self.at is None or bool(self.wire_types & _known_types())
        _check(known, "at", self.at, "an event that the server says, or its wire type")

    @property
    def wire_types(self) -> frozenset[str]:
        """How the place is spelled."""
        return frozenset({self.at}) if isinstance(self.at, str) else _wire_types(self.at or object)

    def is_at(self, frame: Frame) -> bool:
        """Whether a message is at the place."""
        return self.at is None or frame.wire_type in self.wire_types

    def worker(self, tally: _Tally, dialect: Dialect) -> Worker:
        """How it acts on one line: on each message alone, unless a fault says otherwise."""

        def work(frame: Frame) -> Iterable[Step]:
            return self._instead(frame) if self.is_at(frame) and tally.is_next() else (frame,)

        return work

    def _instead(self, frame: Frame) -> Iterable[Step]:
        """What is done in place of sending an event."""
        raise NotImplementedError


def _check(is_good: bool, name: str, value: object, wanted: str) -> None:
    if not is_good:
        raise ConfigurationError(f"{name}={value!r} must be {wanted}.")


# --------------------------------------------------------------------------- the line's end
@dataclass(frozen=True, kw_only=True)
class Drop(AtEvent):
    """The line is gone without a word, in place of an event; clients call it code 1006."""

    name: ClassVar[str] = "drop"
    argument: ClassVar[str] = "at"
    nth: int = 2

    def _instead(self, frame: Frame) -> Iterable[Step]:
        return (_Sign.CUT,)


@dataclass(frozen=True, kw_only=True)
class Close(AtEvent):
    """The line is closed with a code and a reason, in place of an event.

    Parameters
    ----------
    code : int
        1001 going away, 1011 error inside, 1012 restart, 1013 try later, 1014 bad gateway
        (what a published client of the service calls transient: Vision Agents), 1000 to end
        as planned, 4000 to 4999 for a server's own.
    reason : str
        Up to 123 bytes.
    """

    name: ClassVar[str] = "close"
    argument: ClassVar[str] = "code"
    code: int = field(default=1011, kw_only=False)
    reason: str = field(default="", kw_only=False)
    nth: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_close(self.code)
        _check(len(self.reason.encode()) <= 123, "reason", self.reason, "123 bytes at most")

    def _instead(self, frame: Frame) -> Iterable[Step]:
        return (_HangUp(self.code, self.reason),)


def _check_close(code: int) -> None:
    # The others stand for a close without a frame and cannot be sent (RFC 6455, 7.4).
    may_be_sent = code in (*range(1000, 1004), *range(1007, 1015)) or 3000 <= code < 5000
    _check(may_be_sent, "code", code, "a code that a close frame can carry")


@dataclass(frozen=True, kw_only=True)
class Stall(AtEvent):
    """From an event on nothing is sent any more, and the line stays open."""

    name: ClassVar[str] = "stall"
    argument: ClassVar[str] = "at"
    nth: int = 2

    def _instead(self, frame: Frame) -> Iterable[Step]:
        return (_Sign.SILENCE,)


# --------------------------------------------------------------------------- the handshake
@dataclass(frozen=True, kw_only=True)
class StallHandshake(Fault):
    """The handshake is never answered."""

    name: ClassVar[str] = "stall-handshake"


@dataclass(frozen=True, kw_only=True)
class Refuse(Fault):
    """The handshake is refused with a status.

    Parameters
    ----------
    status : int
        An HTTP status of an error. 400 comes with the text that the service sends for a wrong
        key, 401 is its answer to no key (both measured by OxyHQ/Kaana, whose client also
        expects 402 no funds, 429 too many requests and 503 an outage).
    body : str or None
        None: for 400 as above, otherwise of the same form with words of our own.
    """

    name: ClassVar[str] = "refuse"
    argument: ClassVar[str] = "status"
    status: int = field(default=503, kw_only=False)
    body: str | None = field(default=None, kw_only=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        known = {status.value for status in http.HTTPStatus if status.value >= 400}
        _check(self.status in known, "status", self.status, "a status of HTTP from 400 on")

    @property
    def text(self) -> str:
        """The body that is sent."""
        if self.body is not None:
            return self.body
        status = http.HTTPStatus(self.status)
        code, error = status.phrase, f"{status.phrase.lower()}: a fault that was asked for"
        if status == http.HTTPStatus.BAD_REQUEST:
            code, error = "Client specified an invalid argument", WRONG_KEY
        return orjson.dumps({"code": code, "error": error}).decode()


WRONG_KEY = "incorrect API key provided to the rehearsal server"


# --------------------------------------------------------------------------- spoilt frames
GarbageKind = Literal[
    "no-json", "no-object", "no-utf8", "binary", "wrong-types", "no-base64", "odd-bytes"
]
_OF_SOUND = ("no-base64", "odd-bytes")


@dataclass(frozen=True, kw_only=True)
class Garbage(AtEvent):
    """A frame that cannot be understood: before an event, or the event itself spoilt.

    Parameters
    ----------
    kind : str
        Before the event: ``"no-json"``, ``"no-object"`` (JSON, but a list), ``"no-utf8"``,
        ``"binary"`` (noise in a binary frame). The event itself: ``"wrong-types"`` (every
        field is of another type), ``"no-base64"`` and ``"odd-bytes"`` (of a piece of sound).

    Notes
    -----
    The service fills fields with types that strict clients refuse (OxyHQ/Kaana, livekit).
    """

    name: ClassVar[str] = "garbage"
    argument: ClassVar[str] = "kind"
    kind: GarbageKind = field(default="no-json", kw_only=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        kinds = get_args(GarbageKind)
        _check(self.kind in kinds, "kind", self.kind, f"one of {', '.join(kinds)}")
        is_sound = self.at is not None and self.wire_types <= set(_SOUND_TYPES)
        _check(self.kind not in _OF_SOUND or is_sound, "at", self.at, "AudioDelta")

    def _instead(self, frame: Frame) -> Iterable[Step]:
        match self.kind:
            case "no-json":
                return Frame(b'{"type": "response.output_aud'), frame
            case "no-object":
                return Frame(b'["not", "an", "object"]'), frame
            case "no-utf8":
                return Frame(b'{"type": "\xff\xfe"}'), frame
            case "binary":
                return Frame(bytes(range(0, 255, 5)), is_text=False), frame
            case "wrong-types":
                wrong = {key: _of_another_type(value) for key, value in frame.message.items()}
                return (frame.with_fields(**{**wrong, "type": frame.message.get("type")}),)
            case "no-base64":
                return (frame.with_fields(delta=f"%{frame.message.get('delta')}"),)
            case "odd-bytes":
                return (frame.with_sound(frame.sound + b"\x55"),)


def _of_another_type(value: Any) -> Any:
    match value:
        case str():
            return 7
        case dict():
            return "unimplemented"
        case list():
            return {}
    return ["?"]


@dataclass(frozen=True, kw_only=True)
class Omit(AtEvent):
    """Fields of an event are left out.

    Parameters
    ----------
    names : str
        Their names, with commas between; of an inner one with its path: ``"response.id"``.
    """

    name: ClassVar[str] = "omit"
    argument: ClassVar[str] = "names"
    names: str = field(default="response_id,response.id", kw_only=False)
    at: Place = ResponseDone

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(bool(self.names.strip(", ")), "names", self.names, "names of fields")

    def _instead(self, frame: Frame) -> Iterable[Step]:
        message = dict(frame.message)
        for path in self.names.split(","):
            message = _without(message, path.strip().split("."))
        return (Frame(orjson.dumps(message)),)


def _without(message: dict[str, Any], path: list[str]) -> dict[str, Any]:
    name, *inner = path
    if not inner:
        return {key: value for key, value in message.items() if key != name}
    within = message.get(name)
    return {**message, name: _without(within, inner)} if isinstance(within, dict) else message


@dataclass(frozen=True, kw_only=True)
class OtherModel(Fault):
    """The session names another model than was asked for.

    The service does so for a model that it does not know, without a word (OxyHQ/Kaana).

    Parameters
    ----------
    model : str
    """

    name: ClassVar[str] = "other-model"
    argument: ClassVar[str] = "model"
    model: str = field(default="grok-voice-think-fast-2.0", kw_only=False)

    def worker(self, tally: _Tally, dialect: Dialect) -> Worker:
        """From the session's beginning on, in every message that names the model."""
        begins, is_on = _wire_types(SessionCreated), False

        def work(frame: Frame) -> Iterable[Step]:
            nonlocal is_on
            if frame.wire_type in begins:
                is_on = tally.is_next()
            session = frame.message.get("session")
            if not is_on or not isinstance(session, dict) or "model" not in session:
                return (frame,)
            return (frame.with_fields(session={**session, "model": self.model}),)

        return work


# --------------------------------------------------------------------------- time and order
@dataclass(frozen=True, kw_only=True)
class Late(AtEvent):
    """An event comes late, and everything after it.

    Parameters
    ----------
    delay_s : float > 0 [s]
    """

    name: ClassVar[str] = "late"
    argument: ClassVar[str] = "delay_s"
    delay_s: float = field(default=1.0, kw_only=False)
    at: Place = SessionUpdated

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(0 < self.delay_s < float("inf"), "delay_s", self.delay_s, "greater than 0")

    def _instead(self, frame: Frame) -> Iterable[Step]:
        return _Pause(self.delay_s), frame


@dataclass(frozen=True, kw_only=True)
class Trickle(AtEvent):
    """From a message on, everything is late and sound comes in small pieces.

    With the figures as they are, sound comes at 0.4 times the speed at which it is heard.

    Parameters
    ----------
    delay_s : float > 0 [s]
        Before each message.
    piece_bytes : int, even and > 0
        How much sound is in each; 960 are 20 ms at 24 kHz.
    """

    name: ClassVar[str] = "trickle"
    argument: ClassVar[str] = "delay_s"
    delay_s: float = field(default=0.05, kw_only=False)
    piece_bytes: int = field(default=960, kw_only=False)
    at: Place = None

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(0 < self.delay_s < float("inf"), "delay_s", self.delay_s, "greater than 0")
        is_whole = self.piece_bytes > 0 and self.piece_bytes % 2 == 0
        _check(is_whole, "piece_bytes", self.piece_bytes, "an even number greater than 0")

    def worker(self, tally: _Tally, dialect: Dialect) -> Worker:
        """Once begun, to the end of the line."""
        is_on = False

        def work(frame: Frame) -> Iterator[Step]:
            nonlocal is_on
            is_on = is_on or (self.is_at(frame) and tally.is_next())
            for piece in self._pieces(frame) if is_on else (frame,):
                if is_on:
                    yield _Pause(self.delay_s)
                yield piece

        return work

    def _pieces(self, frame: Frame) -> Iterable[Frame]:
        sound = frame.sound if frame.wire_type in _SOUND_TYPES else b""
        if len(sound) <= self.piece_bytes:
            return (frame,)
        cuts = range(0, len(sound), self.piece_bytes)
        return [frame.with_sound(sound[cut : cut + self.piece_bytes]) for cut in cuts]


@dataclass(frozen=True, kw_only=True)
class Duplicate(AtEvent):
    """An event is sent twice.

    ``speech_started`` comes more than once in a turn of the service (the cookbook's clients),
    and a call of a function is announced twice (pipecat).
    """

    name: ClassVar[str] = "duplicate"
    argument: ClassVar[str] = "at"

    def _instead(self, frame: Frame) -> Iterable[Step]:
        return frame, frame


@dataclass(frozen=True, kw_only=True)
class Reorder(AtEvent):
    """An event is sent after those that follow it.

    The order of the ``.done`` group differs between the service's schema and what was recorded.

    Parameters
    ----------
    by : int >= 1
        After how many. With fewer to come, it does not come.
    """

    name: ClassVar[str] = "reorder"
    argument: ClassVar[str] = "at"
    by: int = field(default=1, kw_only=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self.by >= 1, "by", self.by, "1 or more")

    def worker(self, tally: _Tally, dialect: Dialect) -> Worker:
        """Hold it back, one at a time."""
        held: Frame | None = None
        passed_count = 0

        def work(frame: Frame) -> Iterator[Step]:
            nonlocal held, passed_count
            if held is None and self.is_at(frame) and tally.is_next():
                held, passed_count = frame, 0
                return
            yield frame
            passed_count += 1
            if held is not None and passed_count == self.by:
                yield held
                held = None

        return work


@dataclass(frozen=True, kw_only=True)
class Burst(Fault):
    """A whole reply comes at once: it is done before any of it can have been heard.

    The service sends faster than real time: 0.77 s of sound came within 6 ms (recorded). Only
    where the dialect tells a reply's end.
    """

    name: ClassVar[str] = "burst"

    def worker(self, tally: _Tally, dialect: Dialect) -> Worker:
        """Hold everything back from a reply's beginning to its end."""
        begins, ends = _wire_types(ResponseCreated), _wire_types(ResponseDone)
        held: list[Frame] = []

        def work(frame: Frame) -> Iterable[Step]:
            nonlocal held
            is_begun = bool(held) or (frame.wire_type in begins and tally.is_next())
            if not is_begun:
                return (frame,)
            held.append(frame)
            if frame.wire_type not in ends:
                return ()
            told, held = held, []
            return told

        return work


@dataclass(frozen=True, kw_only=True)
class Tail(Fault):
    """Sound of a reply goes on for a while after it was cut off.

    A published client drops it by the reply's name (pydantic-ai). The last piece is repeated
    up to the reply's end; on `live`, which tells no end, after ``speech_started``.

    Parameters
    ----------
    piece_count : int >= 1
    """

    name: ClassVar[str] = "tail"
    argument: ClassVar[str] = "piece_count"
    piece_count: int = field(default=3, kw_only=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self.piece_count >= 1, "piece_count", self.piece_count, "1 or more")

    def worker(self, tally: _Tally, dialect: Dialect) -> Worker:
        """Remember the last piece until its reply is over."""
        last: Frame | None = None
        ends = _wire_types(ResponseDone if dialect.has_responses else SpeechStarted)

        def work(frame: Frame) -> Iterable[Step]:
            nonlocal last
            if frame.wire_type in _SOUND_TYPES:
                last = frame
            if frame.wire_type not in ends or last is None:
                return (frame,)
            tail, last = [last] * self.piece_count, None
            if not dialect.has_responses:
                return (frame, *tail) if tally.is_next() else (frame,)
            is_cut = _status(frame) == "cancelled" and tail[0].reply_id in ("", frame.reply_id)
            return (*tail, frame) if is_cut and tally.is_next() else (frame,)

        return work


def _status(frame: Frame) -> str:
    response = frame.message.get("response")
    return str(response.get("status")) if isinstance(response, dict) else ""


# --------------------------------------------------------------------------- what is missing
@dataclass(frozen=True, kw_only=True)
class Withhold(AtEvent):
    """An event is not sent."""

    name: ClassVar[str] = "withhold"
    argument: ClassVar[str] = "at"
    at: Place = SessionUpdated

    def _instead(self, frame: Frame) -> Iterable[Step]:
        return ()


@dataclass(frozen=True, kw_only=True)
class Abandon(AtEvent):
    """From an event on nothing more of its reply is sent, not even its end.

    The service abandons replies so, often before a word was spoken (livekit). On `live` it is
    the pieces up to anything else that the server says.
    """

    name: ClassVar[str] = "abandon"
    argument: ClassVar[str] = "at"
    nth: int = 2

    def worker(self, tally: _Tally, dialect: Dialect) -> Worker:
        """Take out the event and the rest of its reply."""
        return _without_rest(self, tally, lambda _: ())


@dataclass(frozen=True, kw_only=True)
class Report(AtEvent):
    """An error is reported in place of an event and the rest of its reply.

    Parameters
    ----------
    error_type : str
        Of the service's schema: ``"internal_error"``, ``"invalid_request_error"``,
        ``"timeout"`` and ``"max_duration"``, after which the line is closed; or any other,
        such as ``"rate_limit_exceeded"``.
    message : str or None
        None: a sentence of our own.
    close_code : int or None
        With which the line is closed afterwards, 0 for not at all. None: 1000 after the two
        that end a session (with which code the service does so is not known).
    """

    name: ClassVar[str] = "report"
    argument: ClassVar[str] = "error_type"
    error_type: str = field(default="internal_error", kw_only=False)
    message: str | None = field(default=None, kw_only=False)
    close_code: int | None = None
    at: Place = ResponseCreated

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.code_after:
            _check_close(self.code_after)

    @property
    def code_after(self) -> int:
        """The code that closes the line, or 0."""
        if self.close_code is not None:
            return self.close_code
        return 1000 if self.error_type in ("timeout", "max_duration") else 0

    def worker(self, tally: _Tally, dialect: Dialect) -> Worker:
        """Say it in the line's dialect."""
        sentence = self.message
        if sentence is None:
            sentence = _SENTENCES.get(self.error_type, "a fault that was asked for")
        error: ServerEvent = ErrorReported(
            message=sentence, error_type=self.error_type, code=self.error_type
        )

        def said(_: Frame) -> Iterator[Step]:
            body = frame_from(error, dialect)
            assert body is not None
            yield Frame(body)
            if self.code_after:
                yield _HangUp(self.code_after, "")

        return _without_rest(self, tally, said)


_SENTENCES = {
    "internal_error": "the server had an error",
    "timeout": "the session was inactive for too long",
    "max_duration": "the session has reached its longest duration",
    "rate_limit_exceeded": "too many requests",
}


def _without_rest(
    fault: AtEvent, tally: _Tally, instead: Callable[[Frame], Iterable[Step]]
) -> Worker:
    rest: _Rest | None = None

    def work(frame: Frame) -> Iterable[Step]:
        nonlocal rest
        if rest is not None and rest.has(frame):
            return ()
        if fault.is_at(frame) and tally.is_next():
            rest = _Rest(frame)
            return instead(frame)
        return (frame,)

    return work


# --------------------------------------------------------------------------- by name
FAULTS: dict[str, type[Fault]] = {
    kind.name: kind
    for kind in (
        Drop, Close, Stall, StallHandshake, Refuse, Report, Abandon, Withhold, Late, Trickle,
        Duplicate, Reorder, Burst, Tail, Garbage, Omit, OtherModel,
    )
}  # fmt: skip
"""All of them, by the names that `fault_from` knows."""


def fault_from(wanted: Fault | str) -> Fault:
    """A fault itself, or one by its name: ``"drop"``, ``"close:1012"``, ``"refuse:429"``.

    Raises
    ------
    ConfigurationError
        For a name that is not known, or a value it cannot take.
    """
    if isinstance(wanted, Fault):
        return wanted
    name, _, value = str(wanted).partition(":")
    kind = FAULTS.get(name)
    if kind is None:
        raise ConfigurationError(
            f"there is no fault {name!r}.", cure=f"Known: {', '.join(FAULTS)}."
        )
    if not value:
        return kind()
    if not kind.argument:
        raise ConfigurationError(f"the fault {name!r} takes no value, and {value!r} was given.")
    usual = next(each.default for each in fields(kind) if each.name == kind.argument)
    try:
        given: Any = type(usual)(value) if isinstance(usual, int | float) else value
    except ValueError:
        raise ConfigurationError(f"{kind.argument}={value!r} of {name!r} is no number.") from None
    return kind(**{kind.argument: given})


def listing() -> str:
    """Every name with what it does, a line each."""
    rows = []
    for name, kind in FAULTS.items():
        value = "EVENT" if kind.argument == "at" else kind.argument.upper()
        form = f"{name}[:{value}]" if value else name
        rows.append(f"  {form:<22} {(kind.__doc__ or '').splitlines()[0]}")
    return "\n".join(rows)


# --------------------------------------------------------------------------- on the line
class _Socket(Protocol):
    @property
    def transport(self) -> asyncio.Transport: ...

    async def recv(self, *, decode: bool | None) -> str | bytes: ...

    async def send(self, message: bytes, *, text: bool) -> None: ...

    async def close(self, code: int, reason: str) -> None: ...


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
            if isinstance(step, Frame):
                yield from self._steps(step, at + 1)
            else:
                yield step

    async def _take(self, step: Step) -> None:
        match step:
            case Frame():
                await self._socket.send(step.body, text=step.is_text)
            case _Pause():
                await asyncio.sleep(step.duration_s)
            case _HangUp():
                self._is_silent = True
                await self._socket.close(step.code, step.reason)
            case _Sign.CUT:
                self._is_silent = True
                # Not abort(): what was sent before is still to arrive.
                self._socket.transport.close()
            case _Sign.SILENCE:
                self._is_silent = True


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
        self._left = [[float(fault.times)] for fault in self._all]
        self._at_door = [
            (fault, _Tally(fault, left))
            for fault, left in zip(self._all, self._left, strict=True)
            if isinstance(fault, Refuse | StallHandshake)
        ]

    def __bool__(self) -> bool:
        return bool(self._all)

    def __str__(self) -> str:
        return ", ".join(map(str, self._all))

    @property
    def stalls_handshakes(self) -> bool:
        """Whether one of them leaves handshakes without an answer."""
        return any(isinstance(fault, StallHandshake) for fault in self._all)

    def at_door(self) -> Refuse | StallHandshake | None:
        """What happens to a handshake, if anything."""
        return next((fault for fault, tally in self._at_door if tally.is_next()), None)

    def around(self, socket: _Socket, dialect: Dialect) -> FaultySocket:
        """The socket of a new line with all that goes wrong on it."""
        return FaultySocket(
            socket,
            [
                fault.worker(_Tally(fault, left), dialect)
                for fault, left in zip(self._all, self._left, strict=True)
                if not isinstance(fault, Refuse | StallHandshake)
            ],
        )
