"""What comes late, in pieces, twice, in another order, all at once, or for too long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

from ...protocol import Dialect, ResponseCreated, ResponseDone, SessionUpdated, SpeechStarted
from .fault import AtEvent, OnLine, Place, Tally, check
from .frames import SOUND_TYPES, Frame, Pause, Step, Worker, wire_types

__all__ = ["Burst", "Duplicate", "Late", "Reorder", "Tail", "Trickle"]


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
