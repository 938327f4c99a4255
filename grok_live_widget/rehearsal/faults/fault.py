"""What a fault is: its name, when it happens and how often; on the line, or at its door."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

from ...exceptions import ConfigurationError
from ...protocol import AudioDelta, Dialect
from .frames import Frame, Step, Worker, known_types, wire_types

__all__ = ["AtDoor", "AtEvent", "Fault", "Left", "OnLine", "Place", "Tally", "check"]

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
    """A fault of the handshake; the server's door knows what it does."""


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
