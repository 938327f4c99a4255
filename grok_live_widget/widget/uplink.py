"""The microphone on its way from the page: which chunks are recent enough to be sent.

Knows no transport; time is an argument. The messages are those of docs/channel.md.
"""

from __future__ import annotations

from ..audio import SAMPLE_RATE_HZ
from .messages import Microphone

MAX_LATENESS_S = 2.0
_DISAGREEMENT_S = 1.0


class UplinkReceiver:
    """Accepts microphone chunks that are recent, and counts what was lost.

    Attributes
    ----------
    late_sample_count : int
        Samples discarded here because they arrived too late.
    dropped_sample_count : int
        Samples dropped by pages, as they report it.
    """

    def __init__(self) -> None:
        self.late_sample_count = 0
        self.dropped_sample_count = 0
        self._session = self._stream = -1
        # Where the next chunk begins; an earlier one means that the microphone was restarted.
        self._next_index = 0
        # Arrival less capture of the earliest chunk, by the count of samples and by the page's
        # clock; lateness is measured from these.
        self._count_zero_s = 0.0
        self._clock_zero_s = 0.0
        # When the microphone's first chunk arrived.
        self._begun_s = 0.0
        # The last running total of each page.
        self._dropped_before: dict[str, int] = {}

    def accepts(
        self,
        message: Microphone,
        sample_count: int,
        now_s: float,
        clock_offset_s: float | None = None,
    ) -> bool:
        """Whether a chunk that arrives now is to be sent on.

        It is late if both measures say so: the samples since the first chunk (which do not
        advance while a laptop sleeps) and the page's clock (which may be set).

        Parameters
        ----------
        sample_count : int
            Of the chunk.
        clock_offset_s : float or None [s]
            The kernel's clock less the page's, as known from other messages. The first chunks
            are late by this measure alone: if the microphone was switched on while a cell ran,
            they all arrive when the cell ends.
        """
        if self._is_there(message):
            return False
        end_index = message.sample_index + sample_count
        by_count_s = now_s - end_index / SAMPLE_RATE_HZ
        by_clock_s = now_s - message.captured_at_ms / 1000
        is_new = message.session != self._session or message.stream != self._stream
        if is_new or message.sample_index < self._next_index:
            self._session, self._begun_s = message.session, now_s
            self._stream = message.stream
            self._count_zero_s, self._clock_zero_s = by_count_s, by_clock_s
        self._next_index = end_index
        self._count_zero_s = min(self._count_zero_s, by_count_s)
        self._clock_zero_s = min(self._clock_zero_s, by_clock_s)
        self._add_dropped(message.page, message.dropped_sample_count)
        lateness_s = self._lateness_s(by_count_s, by_clock_s)
        # Only at the start: a page's clock that was set back must not silence it for ever.
        if clock_offset_s is not None and now_s - self._begun_s < MAX_LATENESS_S:
            lateness_s = max(lateness_s, by_clock_s - clock_offset_s)
        if lateness_s <= MAX_LATENESS_S:
            return True
        self.late_sample_count += sample_count
        return False

    def _is_there(self, message: Microphone) -> bool:
        """Whether a chunk was sent again through another channel, and has come by the first."""
        is_same = message.stream == self._stream > 0 and message.session == self._session
        return is_same and message.sample_index < self._next_index

    def _lateness_s(self, by_count_s: float, by_clock_s: float) -> float:
        late_by_count_s = by_count_s - self._count_zero_s
        late_by_clock_s = by_clock_s - self._clock_zero_s
        lateness_s = min(late_by_count_s, late_by_clock_s)
        if abs(late_by_count_s - late_by_clock_s) > _DISAGREEMENT_S:
            # One of them has jumped; measured anew, it can contradict a jump of the other.
            self._count_zero_s = by_count_s - lateness_s
            self._clock_zero_s = by_clock_s - lateness_s
        return lateness_s

    def _add_dropped(self, page: str, running_total: int) -> None:
        # A page counts from when it was loaded; a total that shrinks started at zero again.
        before = self._dropped_before.get(page, 0)
        added = running_total - before if running_total >= before else running_total
        self.dropped_sample_count += max(0, added)
        self._dropped_before[page] = running_total
