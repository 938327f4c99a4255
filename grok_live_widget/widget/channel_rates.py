"""A turn's sound at the rate of the lane, and the lane's counts in terms of the turn.

Page and kernel exchange 24 kHz whatever the line speaks (docs/lanes.md). One of these is one
reply on its way: it is taken from its beginning to its end, once.
"""

from __future__ import annotations

from bisect import bisect_right

import numpy as np

from ..audio import SAMPLE_RATE_HZ, Pcm, Resampler, pcm_from_samples, samples_from_pcm
from ..conversation import Turn

__all__ = ["LANE_RATE_HZ", "ConvertedSound", "LaneSound", "sound_from"]

LANE_RATE_HZ = SAMPLE_RATE_HZ
_NOTHING = np.empty(0, np.float32)


class LaneSound:
    """The sound of a turn that is at the lane's rate already.

    Parameters
    ----------
    turn : Turn
    base : int
        The first sample of the turn that is wanted.
    """

    def __init__(self, turn: Turn, base: int) -> None:
        self._turn = turn
        self._next = base
        self._base = base

    def waiting_samples(self, enough: int) -> int:
        """How many samples can be taken now.

        Parameters
        ----------
        enough : int
            Whether there are more than this must be told; how many more need not be.
        """
        return len(self._turn.pcm) - self._next

    def take(self, count: int) -> bytes:
        """The next `count` samples, of those that wait."""
        self._next += count
        return self._turn.pcm[self._next - count : self._next].tobytes()

    def turn_position(self, count: int) -> int:
        """Where in the turn one is after `count` of the samples taken here.

        It never runs back while `count` grows; 0 is `base`, and the end is the turn's end.
        """
        return self._base + count


class ConvertedSound(LaneSound):
    """The sound of a turn of another rate, converted as it is taken: in one stream, to its tail."""

    def __init__(self, turn: Turn, base: int) -> None:
        super().__init__(turn, base)
        self._resampler = Resampler(turn.sample_rate, LANE_RATE_HZ)
        self._ready: Pcm = np.empty(0, np.int16)
        self._made_count = 0
        # Where streams begin, here and in the turn. A turn that goes on after its end has more
        # than one.
        self._starts_here, self._starts_there = [0], [base]

    def waiting_samples(self, enough: int) -> int:
        """See `LaneSound`; converts what it takes to tell."""
        while len(self._ready) <= enough and self._convert_more():
            pass
        return len(self._ready)

    def _convert_more(self) -> bool:
        """A piece, or the tail behind the last; False where there is nothing to be done."""
        piece = self._turn.pcm[self._next : self._next + self._turn.sample_rate // 5]
        if len(piece):
            self._next += len(piece)
            self._keep(self._resampler.push(samples_from_pcm(piece)))
        elif self._turn.is_complete and self._next > self._starts_there[-1]:
            self._keep(self._resampler.push(_NOTHING, is_last=True))
            self._starts_here.append(self._made_count)
            self._starts_there.append(self._next)
        else:
            return False
        return True

    def _keep(self, samples: np.ndarray) -> None:
        self._ready = np.concatenate((self._ready, pcm_from_samples(samples)))
        self._made_count += len(samples)

    def take(self, count: int) -> bytes:
        """See `LaneSound`."""
        taken, self._ready = self._ready[:count], self._ready[count:]
        return taken.tobytes()

    def turn_position(self, count: int) -> int:
        """See `LaneSound`."""
        at = bisect_right(self._starts_here, count) - 1
        ends = self._starts_there[at + 1 : at + 2] or [self._next]
        passed = (count - self._starts_here[at]) * self._turn.sample_rate // LANE_RATE_HZ
        return min(self._starts_there[at] + passed, ends[0])


def sound_from(turn: Turn, base: int) -> LaneSound:
    """A turn's sound from its sample `base` on, for the lane."""
    kind = LaneSound if turn.sample_rate == LANE_RATE_HZ else ConvertedSound
    return kind(turn, base)
