"""The sound of turns as tracks on one time axis, any stretch of which can be read and drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from .._structs import Value
from ..audio import SAMPLE_RATE_HZ
from .placement import pcm_of, placements_of
from .turn import Turn

Pcm = NDArray[np.int16]


class Clip(Value, frozen=True):
    """The sound of a turn, with its place.

    Parameters
    ----------
    turn : Turn
    start : int
        Position of its first sample on the clock.
    pcm : ndarray of int16 [shape=(n,)]
        Its samples at the common rate. They stay valid, also if the turn grows or drops them.
    """

    turn: Turn
    start: int
    pcm: Pcm

    @property
    def stop(self) -> int:
        """Position after its last sample."""
        return self.start + len(self.pcm)


class Tracks:
    """Sound on one time axis, with one track for each role.

    Clips of one role do not overlap. Nothing is copied until it is read.

    Parameters
    ----------
    clips : iterable of Clip
    sample_rate : int [Hz]
        Of the positions and of all samples.
    extent : tuple of two int, or None
        Positions of the first sample and after the last one; None: those of the clips.
    """

    def __init__(
        self,
        clips: Iterable[Clip],
        sample_rate: int = SAMPLE_RATE_HZ,
        extent: tuple[int, int] | None = None,
    ) -> None:
        self.sample_rate = sample_rate
        self._clips = tuple(clips)
        self.start, self.stop = extent or (
            min((each.start for each in self._clips), default=0),
            max((each.stop for each in self._clips), default=0),
        )

    @property
    def clips(self) -> tuple[Clip, ...]:
        """In conversation order."""
        return self._clips

    def track(self, role: str, start: int, stop: int) -> Pcm:
        """Samples of one role from `start` to `stop`, with zeros where it is silent.

        Returns
        -------
        ndarray of int16 [shape=(stop - start,)]
            A copy.
        """
        track = np.zeros(max(0, stop - start), np.int16)
        for each in self._overlapping(role, start, stop):
            first, last = max(start, each.start), min(stop, each.stop)
            track[first - start : last - start] = each.pcm[first - each.start : last - each.start]
        return track

    def has_sound(self, role: str, start: int, stop: int) -> bool:
        """Whether a clip of this role lies between `start` and `stop`."""
        return bool(self._overlapping(role, start, stop))

    def envelope(self, role: str, start: int, stop: int, column_samples: int) -> tuple[Pcm, Pcm]:
        """Least and greatest sample in each column of `column_samples` samples, for drawing.

        Returns
        -------
        minima, maxima : ndarray of int16 [shape=(ceil((stop - start) / column_samples),)]
            Silence counts as 0.
        """
        count = -(-max(0, stop - start) // column_samples)
        low, high = np.zeros(count, np.int16), np.zeros(count, np.int16)
        for each in self._overlapping(role, start, stop):
            first, last = max(start, each.start), min(stop, each.stop)
            pcm = each.pcm[first - each.start : last - each.start]
            column, into = divmod(first - start, column_samples)
            # The first column may have begun before the clip.
            edges = np.arange(-into, len(pcm), column_samples)
            edges[0] = 0
            columns = slice(column, column + len(edges))
            np.minimum(low[columns], np.minimum.reduceat(pcm, edges), out=low[columns])
            np.maximum(high[columns], np.maximum.reduceat(pcm, edges), out=high[columns])
        return low, high

    def _overlapping(self, role: str, start: int, stop: int) -> list[Clip]:
        return [
            each
            for each in self._clips
            if each.turn.role == role and each.start < stop and each.stop > start
        ]


def tracks_of(turns: Sequence[Turn], since_s: float = 0.0, until_s: float = math.inf) -> Tracks:
    """The sound of turns, placed by when they sounded (`placements_of`), at their highest rate.

    The sound of turns that did not sound between `since_s` and `until_s` is silence there.

    Raises
    ------
    AudioDropped
        When the sound of one of these turns is no longer kept.
    """
    rate_hz = max((turn.sample_rate for turn in turns if turn.sample_count), default=SAMPLE_RATE_HZ)
    placements = [each for each in placements_of(turns) if each.sample_count]
    clips = [
        Clip(each.turn, round(each.start_s * rate_hz), pcm_of(each, rate_hz))
        for each in placements
        if each.start_s < until_s and each.end_s > since_s
    ]
    start_s = min((each.start_s for each in placements), default=0.0)
    end_s = max((each.end_s for each in placements), default=0.0)
    return Tracks(clips, rate_hz, (round(start_s * rate_hz), round(end_s * rate_hz)))
