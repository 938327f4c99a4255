"""The microphone's way to the server, as far as it is fresh: lateness and loss, no transport.

The page's end is its namesake in js/src; the messages are those of docs/lanes.md. Time is an
argument.
"""

from __future__ import annotations

from typing import Any

from ..audio import SAMPLE_RATE_HZ

__all__ = ["Uplink"]

MAX_LATENESS_S = 2.0
_DISAGREEMENT_S = 1.0


class Uplink:
    """The microphone, as far as it is fresh.

    Attributes
    ----------
    late_sample_count : int
        Discarded here because they came too late.
    dropped_sample_count : int
        Dropped by the page, as it says.
    gap_count : int
        Messages that never arrived.
    """

    def __init__(self) -> None:
        self.late_sample_count = 0
        self.dropped_sample_count = 0
        self.gap_count = 0
        self._session = -1
        self._next_seq = 0
        self._next_index = 0
        self._count_zero_s = 0.0
        self._clock_zero_s = 0.0
        self._begun_s = 0.0
        self._dropped_before: dict[str, int] = {}

    def accepts(
        self,
        message: dict[str, Any],
        sample_count: int,
        now_s: float,
        clock_offset_s: float | None = None,
    ) -> bool:
        """Whether a chunk that arrives now is to be sent on.

        It is late when both measures say so: the samples since the first chunk (blind to a
        laptop that slept) and the page's clock (which may be set).

        Parameters
        ----------
        clock_offset_s : float or None [s]
            Our clock less the page's, as known from other messages. The first chunks are late
            by this alone too: if the microphone was switched on while a cell ran, they all
            arrive at its end.
        """
        index, captured_s = message["sample_index"], message["captured_at_ms"] / 1000
        by_count_s = now_s - (index + sample_count) / SAMPLE_RATE_HZ
        by_clock_s = now_s - captured_s
        if message["session"] != self._session or index < self._next_index:
            self._begin(message, by_count_s, by_clock_s, now_s)
        self.gap_count += max(0, message["seq"] - self._next_seq)
        self._next_seq, self._next_index = message["seq"] + 1, index + sample_count
        self._count_zero_s = min(self._count_zero_s, by_count_s)
        self._clock_zero_s = min(self._clock_zero_s, by_clock_s)
        self._take_over_drops(message["page"], message["dropped_sample_count"])
        lateness_s = self._lateness_s(by_count_s, by_clock_s)
        # Not for longer: a page's clock that was set back must not silence it for good.
        if clock_offset_s is not None and now_s - self._begun_s < MAX_LATENESS_S:
            lateness_s = max(lateness_s, by_clock_s - clock_offset_s)
        if lateness_s <= MAX_LATENESS_S:
            return True
        self.late_sample_count += sample_count
        return False

    def _begin(
        self, message: dict[str, Any], by_count_s: float, by_clock_s: float, now_s: float
    ) -> None:
        self._begun_s = now_s
        self._session = message["session"]
        self._next_seq = message["seq"]
        self._count_zero_s, self._clock_zero_s = by_count_s, by_clock_s

    def _lateness_s(self, by_count_s: float, by_clock_s: float) -> float:
        late_by_count_s = by_count_s - self._count_zero_s
        late_by_clock_s = by_clock_s - self._clock_zero_s
        lateness_s = min(late_by_count_s, late_by_clock_s)
        if abs(late_by_count_s - late_by_clock_s) > _DISAGREEMENT_S:
            # One of them has jumped. Measured anew, it is fit to contradict the other's jump.
            self._count_zero_s = by_count_s - lateness_s
            self._clock_zero_s = by_clock_s - lateness_s
        return lateness_s

    def _take_over_drops(self, page: str, running_total: int) -> None:
        # A page counts from when it was loaded; a total that shrinks began at zero again.
        before = self._dropped_before.get(page, 0)
        more = running_total - before if running_total >= before else running_total
        self.dropped_sample_count += max(0, more)
        self._dropped_before[page] = running_total
