"""The sound of a talk from a place on, to be played once more: both sides as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..audio import SAMPLE_RATE_HZ, Pcm
from ..conversation import Placement, Turn, pcm_of, placements_of
from ..exceptions import AudioDropped

MOST_SILENCE_S = 2.0
"""A longer silence is passed over: a talk may have pauses of many minutes."""


class TalkSound:
    """A stretch of a talk without long silence, as `Downlink` reads a turn.

    The sound is mixed when it is read, so that a long stretch needs no memory.

    Parameters
    ----------
    placements : sequence of Placement
        Those that sound in the stretch.
    start_s, end_s : float [s]
        On the talk's clock.
    """

    sample_rate = SAMPLE_RATE_HZ
    is_complete = True
    # A stretch is always played from its beginning.
    heard_sample_count = None

    def __init__(self, placements: Sequence[Placement], start_s: float, end_s: float) -> None:
        self.start_s, self.end_s = start_s, end_s
        self._placements = placements
        self._start = round(start_s * self.sample_rate)
        # The sound of turns that are being read, since a turn of another rate is resampled whole.
        self._sounds: dict[int, Pcm] = {}

    @property
    def sample_count(self) -> int:
        """Length of the stretch."""
        return round(self.end_s * self.sample_rate) - self._start

    def read(self, start: int, stop: int) -> Pcm:
        """Samples `start` to `stop`, which are new; sound that is not kept any more is silence."""
        stop = min(stop, self.sample_count)
        total = np.zeros(max(0, stop - start), np.int32)
        for number, placement in enumerate(self._placements):
            begin = round(placement.start_s * self.sample_rate) - self._start
            end = round(placement.end_s * self.sample_rate) - self._start
            if end <= start or begin >= stop:
                self._sounds.pop(number, None)
                continue
            sound = self._sound_of(number, placement)
            piece = sound[max(0, start - begin) : max(0, stop - begin)]
            at = max(0, begin - start)
            total[at : at + len(piece)] += piece
        mixed: Pcm = np.clip(total, -32768, 32767).astype(np.int16)
        return mixed

    def _sound_of(self, number: int, placement: Placement) -> Pcm:
        if number not in self._sounds:
            try:
                self._sounds[number] = pcm_of(placement, self.sample_rate)
            except AudioDropped:
                self._sounds[number] = np.zeros(0, np.int16)
        return self._sounds[number]

    def turn_at(self, position: int) -> Turn:
        """The turn that sounds at a sample, or did so last; before any, the first one."""
        at_s = self.start_s + position / self.sample_rate
        begun = [each for each in self._placements if each.start_s <= at_s]
        return (begun or self._placements[:1])[-1].turn


def sound_from(turns: Sequence[Turn], at_s: float) -> TalkSound | None:
    """What sounded from a time on, up to the next long silence; None: nothing did.

    Where it is silent for long, the stretch begins with the next sound.

    Raises
    ------
    AudioDropped
        When the sound there is not kept any more.
    """
    later = sorted(
        (
            each
            for each in placements_of(turns)
            if each.end_s > at_s and each.sample_count and each.turn.is_complete
        ),
        key=lambda each: each.start_s,
    )
    if not later:
        return None
    first_s = later[0].start_s
    start_s = first_s if first_s - at_s > MOST_SILENCE_S else max(at_s, 0.0)
    taken, end_s = [later[0]], later[0].end_s
    for each in later[1:]:
        if each.start_s - end_s > MOST_SILENCE_S:
            break
        taken.append(each)
        end_s = max(end_s, each.end_s)
    # Oldest sound is dropped first, so that what follows is kept if this is.
    _ = taken[0].turn.pcm
    return TalkSound(taken, start_s, end_s)
