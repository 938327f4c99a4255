"""How a line ends: without a word, with a code, or not at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from .fault import AtEvent, check
from .frames import Frame, HangUp, Sign, Step

__all__ = ["Close", "Drop", "Stall", "check_close"]


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
