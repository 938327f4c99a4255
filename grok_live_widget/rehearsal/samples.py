"""Samples that were received and not yet forgotten."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["SampleMemory"]

ROOM_SAMPLES = 24_000

Pcm = NDArray[np.int16]


class SampleMemory:
    """The samples received and not yet forgotten, addressed from the session's first."""

    def __init__(self) -> None:
        self.begin = self.end = 0
        self._room = np.zeros(ROOM_SAMPLES, np.int16)
        self._room_begin = 0

    def append(self, pcm: Pcm) -> None:
        """Remember the next samples; copied."""
        if self.end + pcm.size > self._room_begin + self._room.size:
            self._move(self.end - self.begin + pcm.size)
        at = self.end - self._room_begin
        self._room[at : at + pcm.size] = pcm
        self.end += pcm.size

    def _move(self, needed: int) -> None:
        kept = self.cut(self.begin, self.end)
        self._room = np.zeros(max(2 * needed, ROOM_SAMPLES), np.int16)
        self._room[: kept.size] = kept
        self._room_begin = self.begin

    def cut(self, start: int, end: int) -> Pcm:
        """A copy of what is still known of this stretch."""
        start, end = max(start, self.begin), min(end, self.end)
        return self._room[start - self._room_begin : end - self._room_begin].copy()

    def forget_before(self, position: int) -> None:
        """Nothing before this will be asked for."""
        self.begin = max(self.begin, min(position, self.end))
