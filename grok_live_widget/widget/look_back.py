"""What the panel's time axis shows of a talk: any stretch of it, with envelopes and marks.

Times are on the talk's clock. A page asks for the stretches that it shows, so that neither the
page nor the kernel sends or keeps more for a long talk.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np

from .._structs import Value
from ..conversation import Placement, Turn, extremes_of, placements_of, whole_ends_s

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_COLUMNS = 512
"""Columns of one answer: 4 kB for all three envelopes."""

_MOST_SPEECH = 10_000
_LARGEST_S = 1e9
_Time = Annotated[float, msgspec.Meta(ge=-_LARGEST_S, le=_LARGEST_S)]


class _Stretch(Value, frozen=True, kw_only=True, tag_field="type", tag="stretch"):
    """``columns``: of the envelopes; 0: only marks are wanted."""

    start_s: _Time
    stop_s: _Time
    columns: Annotated[int, msgspec.Meta(ge=0, le=MOST_COLUMNS)]


class _Place(Value, frozen=True, kw_only=True, tag_field="type", tag="place"):
    turn_id: str


class _Request(msgspec.Struct, frozen=True):
    content: _Stretch | _Place


class SpeechMarks:
    """When the server heard the user speak."""

    def __init__(self) -> None:
        self._marks: list[tuple[float, float | None]] = []

    def mark(self, is_active: bool, at_s: float) -> None:
        """Speech has begun, or has ended."""
        last = self._marks[-1] if self._marks else None
        is_open = last is not None and last[1] is None
        if is_active and not is_open:
            self._marks.append((at_s, None))
            del self._marks[:-_MOST_SPEECH]
        elif last is not None and is_open and not is_active:
            self._marks[-1] = (last[0], at_s)

    def between(self, start_s: float, stop_s: float) -> list[list[float | None]]:
        """Beginning and end of each that overlaps a stretch; an end of None: it goes on."""
        return [
            [begin_s, end_s]
            for begin_s, end_s in self._marks
            if begin_s < stop_s and (end_s is None or end_s > start_s)
        ]


def answer(
    content: Mapping[str, Any],
    turns: Sequence[Turn],
    speech: SpeechMarks,
    zero_at_ms: float | None,
) -> dict[str, Any] | None:
    """The answer to a request of the axis; None for what is none.

    Parameters
    ----------
    content : mapping
        ``{"type": "stretch", "start_s", "stop_s", "columns"}`` asks for a stretch, and
        ``{"type": "place", "turn_id"}`` for the place of a turn.
    zero_at_ms : float or None [ms]
        When the talk's clock began, by the clock of the page that asks.
    """
    try:
        request = msgspec.convert({"content": content}, _Request).content
    except msgspec.ValidationError:
        return None
    placements = placements_of(turns)
    if isinstance(request, _Place):
        return _place_of(request, placements)
    if request.stop_s <= request.start_s:
        return None
    return _stretch_of(request, placements, speech, zero_at_ms)


def _place_of(request: _Place, placements: Sequence[Placement]) -> dict[str, Any] | None:
    for each in placements:
        if each.turn.turn_id == request.turn_id:
            return {
                "type": "place",
                "turn_id": request.turn_id,
                "start_s": each.start_s,
                "end_s": each.end_s,
            }
    return None


def _stretch_of(
    request: _Stretch,
    placements: Sequence[Placement],
    speech: SpeechMarks,
    zero_at_ms: float | None,
) -> dict[str, Any]:
    shown = [
        (each, whole_end_s)
        for each, whole_end_s in zip(placements, whole_ends_s(placements), strict=True)
        if each.start_s < request.stop_s and whole_end_s > request.start_s
    ]
    lanes = {name: _Lane(request) for name in ("user", "assistant", "unheard")}
    for each, whole_end_s in shown:
        heard_count = round((_heard_end_s(each) - each.start_s) * each.turn.sample_rate)
        whole_count = round((whole_end_s - each.start_s) * each.turn.sample_rate)
        lanes[each.turn.role].add(each, 0, heard_count)
        if _is_cut(each):
            lanes["unheard"].add(each, heard_count, whole_count)
    return {
        "type": "stretch",
        "start_s": request.start_s,
        "stop_s": request.stop_s,
        "columns": request.columns,
        "zero_at_ms": zero_at_ms,
        "begin_s": min((each.start_s for each in placements), default=0.0),
        "end_s": max((each.end_s for each in placements), default=0.0),
        "turns": [_turn_of(each, whole_end_s) for each, whole_end_s in shown],
        "speech": speech.between(request.start_s, request.stop_s),
        **{name: lane.text() for name, lane in lanes.items()},
    }


def _turn_of(placement: Placement, whole_end_s: float) -> dict[str, Any]:
    turn = placement.turn
    is_cut = _is_cut(placement)
    return {
        "id": turn.turn_id,
        "role": turn.role,
        "start_s": placement.start_s,
        "heard_end_s": _heard_end_s(placement) if is_cut else placement.end_s,
        "end_s": whole_end_s if is_cut else placement.end_s,
        "was_interrupted": turn.was_interrupted,
    }


def _is_cut(placement: Placement) -> bool:
    """Whether some of it was received and will not be heard."""
    turn = placement.turn
    if turn.role == "user" or not turn.is_complete:
        return False
    return turn.was_interrupted or turn.heard_sample_count is None


def _heard_end_s(placement: Placement) -> float:
    is_unplayed = placement.turn.role == "assistant" and placement.turn.heard_sample_count is None
    return placement.start_s if is_unplayed and _is_cut(placement) else placement.end_s


class _Lane:
    """The envelope of one kind of sound in a stretch, as int8."""

    def __init__(self, stretch: _Stretch) -> None:
        self._start_s = stretch.start_s
        self._columns = stretch.columns
        self._column_s = (stretch.stop_s - stretch.start_s) / max(1, stretch.columns)
        self._low = np.zeros(stretch.columns, np.int16)
        self._high = np.zeros(stretch.columns, np.int16)

    def add(self, placement: Placement, first: int, stop: int) -> None:
        """Add samples `first` to `stop` of a turn at their place."""
        rate_hz = placement.turn.sample_rate
        stop = min(stop, placement.turn.sample_count)
        offset_s = placement.start_s - self._start_s
        column = max(0, math.floor((offset_s + first / rate_hz) / self._column_s))
        end = min(self._columns, math.ceil((offset_s + stop / rate_hz) / self._column_s))
        if end <= column or stop <= first:
            return
        edges = (np.arange(column, end + 1) * self._column_s - offset_s) * rate_hz
        edges = np.clip(np.rint(edges).astype(np.int64), first, stop)
        # Whole columns are read at once; the first and the last may be partial.
        inner = (int(edges[1]), int(edges[-2]))
        parts = [(column, 1, int(edges[0]), int(edges[1]))]
        if end - column > 2:
            parts.append((column + 1, end - column - 2, *inner))
        if end - column > 1:
            parts.append((end - 1, 1, int(edges[-2]), int(edges[-1])))
        for at, count, begin, until in parts:
            self._merge(at, extremes_of(placement.turn, count, begin, until))

    def _merge(self, at: int, extremes: tuple[NDArray[np.int16], NDArray[np.int16]]) -> None:
        low, high = extremes
        columns = slice(at, at + len(low))
        np.minimum(self._low[columns], low, out=self._low[columns])
        np.maximum(self._high[columns], high, out=self._high[columns])

    def text(self) -> str:
        """Least and greatest of each column in turn, as Base64; empty where there is no sound."""
        if not (self._low.any() or self._high.any()):
            return ""
        low, high = np.floor(self._low / 256), np.ceil(self._high / 256)
        pairs = np.clip(np.stack((low, high), axis=1), -127, 127).astype(np.int8)
        return b64encode(pairs.tobytes()).decode()
