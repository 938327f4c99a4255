"""All faults: handshakes, closed connections, missing and corrupt messages, timing and order."""

from __future__ import annotations

import http
from collections.abc import Iterable, Iterator
from dataclasses import field
from typing import Any, ClassVar, Literal, get_args

import msgspec

from ..._structs import checked_dataclass
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
from ..refusals import WRONG_KEY, refusal_from
from .base import (
    AUDIO_TYPES,
    DELTA_TYPES,
    CloseFrame,
    ConnectionFault,
    Ending,
    EventFault,
    Frame,
    FrameFilter,
    HandshakeFault,
    OccasionCounter,
    Pause,
    Place,
    Step,
    check,
    wire_types,
)


# --------------------------------------------------------------------------- end of the connection
@checked_dataclass
class Drop(EventFault, name="drop", argument="at"):
    """The connection is dropped without a close frame (1006) instead of an event."""

    nth: int = 2

    def _replacement(self, frame: Frame) -> Iterable[Step]:
        return (Ending.DROP,)


def _check_close(code: int) -> None:
    """Raise for a code that cannot be sent."""
    # The others stand for a close without a frame and cannot be sent (RFC 6455, 7.4).
    may_be_sent = code in (*range(1000, 1004), *range(1007, 1015)) or 3000 <= code < 5000
    check(may_be_sent, "code", code, "a code that a close frame can carry")


@checked_dataclass
class Close(EventFault, name="close", argument="code"):
    """The connection is closed with a code and a reason instead of an event.

    Parameters
    ----------
    code : int
        1001 going away, 1011 internal error, 1012 restart, 1013 try again later, 1014 bad
        gateway (transient according to a published client of the service, Vision Agents),
        1000 normal closure, 4000 to 4999 private use.
    reason : str
        Up to 123 bytes.
    """

    code: int = field(default=1011, kw_only=False)
    reason: str = field(default="", kw_only=False)
    nth: int = 2

    def _check_arguments(self) -> None:
        _check_close(self.code)
        check(len(self.reason.encode()) <= 123, "reason", self.reason, "123 bytes at most")

    def _replacement(self, frame: Frame) -> Iterable[Step]:
        return (CloseFrame(self.code, self.reason),)


@checked_dataclass
class Stall(EventFault, name="stall", argument="at"):
    """From an event on nothing is sent, and the connection stays open."""

    nth: int = 2

    def _replacement(self, frame: Frame) -> Iterable[Step]:
        return (Ending.STALL,)


# --------------------------------------------------------------------------- handshake
@checked_dataclass
class StallHandshake(HandshakeFault, name="stall-handshake"):
    """The handshake is never answered."""

    stalls: ClassVar[bool] = True


@checked_dataclass
class Refuse(HandshakeFault, name="refuse", argument="status"):
    """The handshake is refused with an HTTP status.

    Parameters
    ----------
    status : int
        An HTTP status of an error. 400 has the text that the service sends for a wrong key, 401
        is its answer to a missing key (both measured by OxyHQ/Kaana, whose client also expects
        402 no funds, 429 too many requests and 503 an outage).
    body : str or None
        None: for 400 as above, otherwise a text of this package in the same form.
    """

    status: int = field(default=503, kw_only=False)
    body: str | None = field(default=None, kw_only=False)

    def _check_arguments(self) -> None:
        known = {status.value for status in http.HTTPStatus if status.value >= 400}
        check(self.status in known, "status", self.status, "an HTTP status from 400 on")

    @property
    def refusal(self) -> tuple[int, str]:
        """The status and the body that are sent."""
        if self.body is not None:
            return self.status, self.body
        if self.status == WRONG_KEY[0]:
            return WRONG_KEY
        phrase = http.HTTPStatus(self.status).phrase
        return self.status, refusal_from(phrase, f"{phrase.lower()}: an injected fault")


# --------------------------------------------------------------------------- missing messages
_DONE_TYPES, _ADDED_TYPES = wire_types(ResponseDone), wire_types(ItemAdded)


class _RestOfResponse:
    """Tells which messages follow in the response of an event."""

    def __init__(self, event: Frame) -> None:
        self._response_id = event.response_id
        self._has_no_id = not self._response_id and event.wire_type in DELTA_TYPES
        self._is_over = not self._response_id or event.wire_type in _DONE_TYPES

    def has(self, frame: Frame) -> bool:
        # Without ids on `live`, the rest of a response is the deltas up to any other message.
        if self._has_no_id and frame.wire_type not in DELTA_TYPES:
            self._has_no_id = False
        is_of_this = frame.response_id == self._response_id != "" or self._is_its_item(frame)
        self._is_over |= is_of_this and frame.wire_type in _DONE_TYPES
        return self._has_no_id or is_of_this

    def _is_its_item(self, frame: Frame) -> bool:
        """Items are added to the conversation without the id of their response."""
        is_of_server = frame.inner("item").get("role") in ("assistant", "tool")
        return not self._is_over and frame.wire_type in _ADDED_TYPES and is_of_server


@checked_dataclass
class _ResponseFault(EventFault):
    """A fault that replaces an event and drops what follows of its response."""

    def filter_for(self, counter: OccasionCounter, dialect: Dialect) -> FrameFilter:
        """Return a filter that sends `_instead` and drops the rest of the response."""
        rest: _RestOfResponse | None = None

        def filter_frame(frame: Frame) -> Iterable[Step]:
            nonlocal rest
            if rest is not None and rest.has(frame):
                return ()
            if not (self.matches(frame) and counter.is_next()):
                return (frame,)
            rest = _RestOfResponse(frame)
            return self._instead(dialect)

        return filter_frame

    def _instead(self, dialect: Dialect) -> Iterable[Step]:
        """The steps taken instead of sending the event; to be overridden."""
        return ()


_ERROR_MESSAGES = {
    "internal_error": "the server had an error",
    "timeout": "the session was inactive for too long",
    "max_duration": "the session has reached its longest duration",
    "rate_limit_exceeded": "too many requests",
}


@checked_dataclass
class Report(_ResponseFault, name="report", argument="error_type"):
    """An error is sent instead of an event and the rest of its response.

    Parameters
    ----------
    error_type : str
        Of the service's schema: ``"internal_error"``, ``"invalid_request_error"``,
        ``"timeout"`` and ``"max_duration"``, after which the connection is closed; or any
        other, such as ``"rate_limit_exceeded"``.
    message : str or None
        None: a sentence of this package.
    close_code : int or None
        The code with which the connection is closed afterwards, 0 to keep it open. None: 1000
        after the two that end a session (the code that the service uses is not known).
    """

    error_type: str = field(default="internal_error", kw_only=False)
    message: str | None = field(default=None, kw_only=False)
    close_code: int | None = None
    at: Place = ResponseCreated

    def _check_arguments(self) -> None:
        if self.code_after:
            _check_close(self.code_after)

    @property
    def code_after(self) -> int:
        """The code with which the connection is closed, or 0."""
        if self.close_code is not None:
            return self.close_code
        return 1000 if self.error_type in ("timeout", "max_duration") else 0

    def _instead(self, dialect: Dialect) -> Iterator[Step]:
        default = _ERROR_MESSAGES.get(self.error_type, "an injected fault")
        message = default if self.message is None else self.message
        error = ErrorReported(message=message, error_type=self.error_type, code=self.error_type)
        body = frame_from(error, dialect)
        assert body is not None
        yield Frame(body)
        if self.code_after:
            yield CloseFrame(self.code_after, "")


@checked_dataclass
class Abandon(_ResponseFault, name="abandon", argument="at"):
    """From an event on nothing of its response is sent, not even its end.

    The service abandons responses like this, often before any audio (livekit). On `live` the
    response is the deltas up to any other message of the server.
    """

    nth: int = 2


@checked_dataclass
class Withhold(EventFault, name="withhold", argument="at"):
    """An event is not sent."""

    at: Place = SessionUpdated

    def _replacement(self, frame: Frame) -> Iterable[Step]:
        return ()


# --------------------------------------------------------------------------- timing and order
def _check_delay(delay_s: float) -> None:
    check(0 < delay_s < float("inf"), "delay_s", delay_s, "greater than 0")


@checked_dataclass
class Late(EventFault, name="late", argument="delay_s"):
    """An event and everything after it are delayed.

    Parameters
    ----------
    delay_s : float > 0 [s]
    """

    delay_s: float = field(default=1.0, kw_only=False)
    at: Place = SessionUpdated

    def _check_arguments(self) -> None:
        _check_delay(self.delay_s)

    def _replacement(self, frame: Frame) -> Iterable[Step]:
        return Pause(self.delay_s), frame


@checked_dataclass
class Trickle(EventFault, name="trickle", argument="delay_s"):
    """From a message on, everything is delayed and audio comes in small pieces.

    With the defaults, audio comes at 0.4 times real time.

    Parameters
    ----------
    delay_s : float > 0 [s]
        Before each message.
    piece_bytes : int, even and > 0
        The audio in each piece; 960 bytes are 20 ms at 24 kHz.
    """

    lasts: ClassVar[bool] = True
    delay_s: float = field(default=0.05, kw_only=False)
    piece_bytes: int = field(default=960, kw_only=False)
    at: Place = None

    def _check_arguments(self) -> None:
        _check_delay(self.delay_s)
        is_whole = self.piece_bytes > 0 and self.piece_bytes % 2 == 0
        check(is_whole, "piece_bytes", self.piece_bytes, "an even number greater than 0")

    def _replacement(self, frame: Frame) -> Iterator[Step]:
        audio, size = frame.audio if frame.wire_type in AUDIO_TYPES else b"", self.piece_bytes
        pieces = [frame.with_audio(audio[cut : cut + size]) for cut in range(0, len(audio), size)]
        for piece in pieces or [frame]:
            yield Pause(self.delay_s)
            yield piece


@checked_dataclass
class Duplicate(EventFault, name="duplicate", argument="at"):
    """An event is sent twice.

    The service sends ``speech_started`` more than once in a turn (the cookbook's clients) and
    announces a function call twice (pipecat).
    """

    def _replacement(self, frame: Frame) -> Iterable[Step]:
        return frame, frame


@checked_dataclass
class Reorder(EventFault, name="reorder", argument="at"):
    """An event is sent after those that follow it.

    The order of the ``.done`` group differs between the service's schema and what was recorded.

    Parameters
    ----------
    by : int >= 1
        After how many. If fewer follow, it is not sent.
    """

    by: int = field(default=1, kw_only=False)

    def _check_arguments(self) -> None:
        check(self.by >= 1, "by", self.by, "1 or more")

    def filter_for(self, counter: OccasionCounter, dialect: Dialect) -> FrameFilter:
        """Return a filter that holds back one event at a time."""
        held: Frame | None = None
        passed_count = 0

        def filter_frame(frame: Frame) -> Iterator[Step]:
            nonlocal held, passed_count
            if held is None and self.matches(frame) and counter.is_next():
                held, passed_count = frame, 0
                return
            yield frame
            passed_count += 1
            if held is not None and passed_count == self.by:
                yield held
                held = None

        return filter_frame


@checked_dataclass
class Burst(ConnectionFault, name="burst"):
    """A whole response comes at once, done before any of it can have been played.

    The service sends faster than real time: 0.77 s of audio came within 6 ms (recorded). Only
    where the dialect has an event for the end of a response.
    """

    def filter_for(self, counter: OccasionCounter, dialect: Dialect) -> FrameFilter:
        """Return a filter that holds back everything from a response's beginning to its end."""
        begins, ends = wire_types(ResponseCreated), wire_types(ResponseDone)
        held: list[Frame] = []

        def filter_frame(frame: Frame) -> Iterable[Step]:
            nonlocal held
            if not held and not (frame.wire_type in begins and counter.is_next()):
                return (frame,)
            held.append(frame)
            if frame.wire_type not in ends:
                return ()
            released, held = held, []
            return released

        return filter_frame


@checked_dataclass
class Tail(ConnectionFault, name="tail", argument="piece_count"):
    """Audio of a response continues after the response was cancelled.

    A published client drops it by the response's id (pydantic-ai). The last delta is repeated
    before the response's end; on `live`, which has no end, after ``speech_started``.

    Parameters
    ----------
    piece_count : int >= 1
    """

    piece_count: int = field(default=3, kw_only=False)

    def _check_arguments(self) -> None:
        check(self.piece_count >= 1, "piece_count", self.piece_count, "1 or more")

    def filter_for(self, counter: OccasionCounter, dialect: Dialect) -> FrameFilter:
        """Return a filter that keeps the last audio delta until its response ends."""
        last: Frame | None = None
        ends = wire_types(ResponseDone if dialect.has_responses else SpeechStarted)

        def filter_frame(frame: Frame) -> Iterable[Step]:
            nonlocal last
            if frame.wire_type in AUDIO_TYPES:
                last = frame
            if frame.wire_type not in ends or last is None:
                return (frame,)
            piece, last = last, None
            if not _is_cancelled(piece, frame, dialect) or not counter.is_next():
                return (frame,)
            tail = [piece] * self.piece_count
            return (*tail, frame) if dialect.has_responses else (frame, *tail)

        return filter_frame


def _is_cancelled(piece: Frame, end: Frame, dialect: Dialect) -> bool:
    """Whether the response of a delta was cancelled; always where speech ends responses."""
    is_its_end = piece.response_id in ("", end.response_id)
    is_cancelled = end.inner("response").get("status") == "cancelled"
    return not dialect.has_responses or (is_cancelled and is_its_end)


# --------------------------------------------------------------------------- corrupt messages
GarbageKind = Literal[
    "no-json", "no-object", "no-utf8", "binary", "wrong-types", "no-base64", "odd-bytes"
]
_EXTRA_FRAMES: dict[str, Frame] = {
    "no-json": Frame(b'{"type": "response.output_aud'),
    "no-object": Frame(b'["not", "an", "object"]'),
    "no-utf8": Frame(b'{"type": "\xff\xfe"}'),
    "binary": Frame(bytes(range(0, 255, 5)), is_text=False),
}
_AUDIO_KINDS = ("no-base64", "odd-bytes")
_OF_ANOTHER_TYPE: dict[type, Any] = {str: 7, dict: "unimplemented", list: {}}


@checked_dataclass
class Garbage(EventFault, name="garbage", argument="kind"):
    """A corrupt frame: sent before an event, or the event itself.

    Parameters
    ----------
    kind : str
        Before the event: ``"no-json"``, ``"no-object"`` (a JSON array), ``"no-utf8"``,
        ``"binary"`` (a binary frame of noise). The event itself: ``"wrong-types"`` (every
        field has another type), ``"no-base64"`` and ``"odd-bytes"`` (of an audio delta).

    Notes
    -----
    The service sends fields of types that strict clients reject (OxyHQ/Kaana, livekit).
    """

    kind: GarbageKind = field(default="no-json", kw_only=False)

    def _check_arguments(self) -> None:
        kinds = get_args(GarbageKind)
        check(self.kind in kinds, "kind", self.kind, f"one of {', '.join(kinds)}")
        is_sound = self.at is not None and self.wire_types <= set(AUDIO_TYPES)
        check(self.kind not in _AUDIO_KINDS or is_sound, "at", self.at, "AudioDelta")

    def _replacement(self, frame: Frame) -> Iterable[Step]:
        before = _EXTRA_FRAMES.get(self.kind)
        return (before, frame) if before is not None else (self._corrupted(frame),)

    def _corrupted(self, frame: Frame) -> Frame:
        if self.kind == "no-base64":
            return frame.with_fields(delta=f"%{frame.message.get('delta')}")
        if self.kind == "odd-bytes":
            return frame.with_audio(frame.audio + b"\x55")
        wrong = {
            key: _OF_ANOTHER_TYPE.get(type(value), ["?"])
            for key, value in frame.message.items()
            if key != "type"
        }
        return frame.with_fields(**wrong)


@checked_dataclass
class Omit(EventFault, name="omit", argument="names"):
    """Fields of an event are omitted.

    Parameters
    ----------
    names : str
        Their names, separated by commas; a nested one with its path: ``"response.id"``.
    """

    names: str = field(default="response_id,response.id", kw_only=False)
    at: Place = ResponseDone

    def _check_arguments(self) -> None:
        check(bool(self.names.strip(", ")), "names", self.names, "names of fields")

    def _replacement(self, frame: Frame) -> Iterable[Step]:
        message = dict(frame.message)
        for path in self.names.split(","):
            message = _without(message, path.strip().split("."))
        return (Frame(msgspec.json.encode(message)),)


def _without(message: dict[str, Any], path: list[str]) -> dict[str, Any]:
    name, *inner = path
    if not inner:
        return {key: value for key, value in message.items() if key != name}
    within = message.get(name)
    return {**message, name: _without(within, inner)} if isinstance(within, dict) else message


@checked_dataclass
class OtherModel(ConnectionFault, name="other-model", argument="model"):
    """The session has another model than was requested.

    The service does this for an unknown model, without an error (OxyHQ/Kaana).

    Parameters
    ----------
    model : str
    """

    model: str = field(default="grok-voice-think-fast-2.0", kw_only=False)

    def filter_for(self, counter: OccasionCounter, dialect: Dialect) -> FrameFilter:
        """Return a filter that replaces the model in every message that contains it."""
        begins, is_on = wire_types(SessionCreated), False

        def filter_frame(frame: Frame) -> Iterable[Step]:
            nonlocal is_on
            if frame.wire_type in begins:
                is_on = counter.is_next()
            session = frame.inner("session")
            if not is_on or "model" not in session:
                return (frame,)
            return (frame.with_fields(session={**session, "model": self.model}),)

        return filter_frame
