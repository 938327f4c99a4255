"""The catalogue of faults: handshake, end of the connection, missing, corrupt, late and disordered."""

from __future__ import annotations

import http
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args

import orjson

from ...protocol import (
    Dialect,
    ErrorReported,
    ItemAdded,
    ResponseCreated,
    ResponseDone,
    SessionCreated,
    SessionUpdated,
    SpeechStarted,
)
from ..frames import frame_from
from .base import (
    PIECE_TYPES,
    SOUND_TYPES,
    AtDoor,
    AtEvent,
    Frame,
    HangUp,
    OnLine,
    Pause,
    Place,
    Sign,
    Step,
    Tally,
    Worker,
    check,
    wire_types,
)

__all__ = [
    "Abandon",
    "Burst",
    "Close",
    "Drop",
    "Duplicate",
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
    "check_close",
]

# ---------------------------------------------------------------------------------------- handshake
WRONG_KEY = "incorrect API key provided to the rehearsal server"


@dataclass(frozen=True, kw_only=True)
class StallHandshake(AtDoor):
    """The handshake is never answered."""

    name: ClassVar[str] = "stall-handshake"
    stalls: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class Refuse(AtDoor):
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
        check(self.status in known, "status", self.status, "a status of HTTP from 400 on")

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


# ---------------------------------------------------------------------------- end of the connection
@dataclass(frozen=True, kw_only=True)
class Drop(AtEvent):
    """The line is gone without a word, in place of an event; clients call it code 1006."""

    name: ClassVar[str] = "drop"
    argument: ClassVar[str] = "at"
    nth: int = 2

    def _instead(self, frame: Frame) -> Iterable[Step]:
        return (Sign.CUT,)


def check_close(code: int) -> None:
    """Refuse a code that cannot be sent."""
    # The others stand for a close without a frame and cannot be sent (RFC 6455, 7.4).
    may_be_sent = code in (*range(1000, 1004), *range(1007, 1015)) or 3000 <= code < 5000
    check(may_be_sent, "code", code, "a code that a close frame can carry")


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
        check_close(self.code)
        check(len(self.reason.encode()) <= 123, "reason", self.reason, "123 bytes at most")

    def _instead(self, frame: Frame) -> Iterable[Step]:
        return (HangUp(self.code, self.reason),)


@dataclass(frozen=True, kw_only=True)
class Stall(AtEvent):
    """From an event on nothing is sent any more, and the line stays open."""

    name: ClassVar[str] = "stall"
    argument: ClassVar[str] = "at"
    nth: int = 2

    def _instead(self, frame: Frame) -> Iterable[Step]:
        return (Sign.SILENCE,)


# --------------------------------------------------------------------------------- missing messages
_DONE_TYPES, _ADDED_TYPES = wire_types(ResponseDone), wire_types(ItemAdded)


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

    def worker(self, tally: Tally, dialect: Dialect) -> Worker:
        """Take out the event and the rest of its reply."""
        return _without_rest(self, tally, lambda _: ())


_SENTENCES = {
    "internal_error": "the server had an error",
    "timeout": "the session was inactive for too long",
    "max_duration": "the session has reached its longest duration",
    "rate_limit_exceeded": "too many requests",
}


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
            check_close(self.code_after)

    @property
    def code_after(self) -> int:
        """The code that closes the line, or 0."""
        if self.close_code is not None:
            return self.close_code
        return 1000 if self.error_type in ("timeout", "max_duration") else 0

    def worker(self, tally: Tally, dialect: Dialect) -> Worker:
        """Say it in the line's dialect."""
        return _without_rest(self, tally, lambda _: self._said(dialect))

    def _said(self, dialect: Dialect) -> Iterator[Step]:
        body = frame_from(self._error, dialect)
        assert body is not None
        yield Frame(body)
        if self.code_after:
            yield HangUp(self.code_after, "")

    @property
    def _error(self) -> ErrorReported:
        sentence = self.message
        if sentence is None:
            sentence = _SENTENCES.get(self.error_type, "a fault that was asked for")
        return ErrorReported(message=sentence, error_type=self.error_type, code=self.error_type)


def _without_rest(fault: AtEvent, tally: Tally, instead: Worker) -> Worker:
    """Something in place of an event and all that follows of its reply."""
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


class _Rest:
    """What follows of the reply that an event belongs to."""

    def __init__(self, event: Frame) -> None:
        self._reply_id = event.reply_id
        self._is_nameless = not self._reply_id and event.wire_type in PIECE_TYPES
        self._is_over = not self._reply_id or event.wire_type in _DONE_TYPES

    def has(self, frame: Frame) -> bool:
        # `live` names no reply: what remains of it are the pieces up to anything else.
        if self._is_nameless and frame.wire_type not in PIECE_TYPES:
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


# --------------------------------------------------------------------------------- corrupt messages
GarbageKind = Literal[
    "no-json", "no-object", "no-utf8", "binary", "wrong-types", "no-base64", "odd-bytes"
]
_BEFORE: dict[str, Frame] = {
    "no-json": Frame(b'{"type": "response.output_aud'),
    "no-object": Frame(b'["not", "an", "object"]'),
    "no-utf8": Frame(b'{"type": "\xff\xfe"}'),
    "binary": Frame(bytes(range(0, 255, 5)), is_text=False),
}
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
        check(self.kind in kinds, "kind", self.kind, f"one of {', '.join(kinds)}")
        is_sound = self.at is not None and self.wire_types <= set(SOUND_TYPES)
        check(self.kind not in _OF_SOUND or is_sound, "at", self.at, "AudioDelta")

    def _instead(self, frame: Frame) -> Iterable[Step]:
        before = _BEFORE.get(self.kind)
        return (before, frame) if before is not None else (self._spoilt(frame),)

    def _spoilt(self, frame: Frame) -> Frame:
        match self.kind:
            case "no-base64":
                return frame.with_fields(delta=f"%{frame.message.get('delta')}")
            case "odd-bytes":
                return frame.with_sound(frame.sound + b"\x55")
        wrong = {key: _of_another_type(value) for key, value in frame.message.items()}
        return frame.with_fields(**{**wrong, "type": frame.message.get("type")})


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
        check(bool(self.names.strip(", ")), "names", self.names, "names of fields")

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
class OtherModel(OnLine):
    """The session names another model than was asked for.

    The service does so for a model that it does not know, without a word (OxyHQ/Kaana).

    Parameters
    ----------
    model : str
    """

    name: ClassVar[str] = "other-model"
    argument: ClassVar[str] = "model"
    model: str = field(default="grok-voice-think-fast-2.0", kw_only=False)

    def worker(self, tally: Tally, dialect: Dialect) -> Worker:
        """From the session's beginning on, in every message that names the model."""
        begins, is_on = wire_types(SessionCreated), False

        def work(frame: Frame) -> Iterable[Step]:
            nonlocal is_on
            if frame.wire_type in begins:
                is_on = tally.is_next()
            session = frame.message.get("session")
            if not is_on or not isinstance(session, dict) or "model" not in session:
                return (frame,)
            return (frame.with_fields(session={**session, "model": self.model}),)

        return work


# --------------------------------------------------------------------------------- timing and order
def _check_delay(delay_s: float) -> None:
    check(0 < delay_s < float("inf"), "delay_s", delay_s, "greater than 0")


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
        _check_delay(self.delay_s)

    def _instead(self, frame: Frame) -> Iterable[Step]:
        return Pause(self.delay_s), frame


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
        _check_delay(self.delay_s)
        is_whole = self.piece_bytes > 0 and self.piece_bytes % 2 == 0
        check(is_whole, "piece_bytes", self.piece_bytes, "an even number greater than 0")

    def worker(self, tally: Tally, dialect: Dialect) -> Worker:
        """Once begun, to the end of the line."""
        is_on = False

        def work(frame: Frame) -> Iterable[Step]:
            nonlocal is_on
            is_on = is_on or (self.is_at(frame) and tally.is_next())
            return self._slowly(frame) if is_on else (frame,)

        return work

    def _slowly(self, frame: Frame) -> Iterator[Step]:
        for piece in self._pieces(frame):
            yield Pause(self.delay_s)
            yield piece

    def _pieces(self, frame: Frame) -> Iterable[Frame]:
        sound = frame.sound if frame.wire_type in SOUND_TYPES else b""
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
        check(self.by >= 1, "by", self.by, "1 or more")

    def worker(self, tally: Tally, dialect: Dialect) -> Worker:
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
class Burst(OnLine):
    """A whole reply comes at once: it is done before any of it can have been heard.

    The service sends faster than real time: 0.77 s of sound came within 6 ms (recorded). Only
    where the dialect tells a reply's end.
    """

    name: ClassVar[str] = "burst"

    def worker(self, tally: Tally, dialect: Dialect) -> Worker:
        """Hold everything back from a reply's beginning to its end."""
        begins, ends = wire_types(ResponseCreated), wire_types(ResponseDone)
        held: list[Frame] = []

        def work(frame: Frame) -> Iterable[Step]:
            nonlocal held
            if not held and not (frame.wire_type in begins and tally.is_next()):
                return (frame,)
            held.append(frame)
            if frame.wire_type not in ends:
                return ()
            told, held = held, []
            return told

        return work


@dataclass(frozen=True, kw_only=True)
class Tail(OnLine):
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
        check(self.piece_count >= 1, "piece_count", self.piece_count, "1 or more")

    def worker(self, tally: Tally, dialect: Dialect) -> Worker:
        """Remember the last piece until its reply is over."""
        last: Frame | None = None
        ends = wire_types(ResponseDone if dialect.has_responses else SpeechStarted)

        def work(frame: Frame) -> Iterable[Step]:
            nonlocal last
            if frame.wire_type in SOUND_TYPES:
                last = frame
            if frame.wire_type not in ends or last is None:
                return (frame,)
            piece, last = last, None
            if not _is_cut_off(piece, frame, dialect) or not tally.is_next():
                return (frame,)
            tail = [piece] * self.piece_count
            return (*tail, frame) if dialect.has_responses else (frame, *tail)

        return work


def _is_cut_off(piece: Frame, end: Frame, dialect: Dialect) -> bool:
    """Whether the reply of a piece was cut off at its end; always where speech is its end."""
    response = end.message.get("response")
    status = response.get("status") if isinstance(response, dict) else ""
    is_its_end = piece.reply_id in ("", end.reply_id)
    return not dialect.has_responses or (status == "cancelled" and is_its_end)
