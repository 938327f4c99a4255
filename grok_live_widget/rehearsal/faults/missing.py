"""What is never sent: an event, the rest of a reply, or a reply for which an error stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from ...protocol import (
    Dialect,
    ErrorReported,
    ItemAdded,
    ResponseCreated,
    ResponseDone,
    SessionUpdated,
)
from ..wire import frame_from
from .ends import check_close
from .fault import AtEvent, Place, Tally
from .frames import PIECE_TYPES, Frame, HangUp, Step, Worker, wire_types

__all__ = ["Abandon", "Report", "Withhold"]

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
