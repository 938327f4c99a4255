"""A growing recording.

Appending costs the same after an hour as at the start, the whole of it is one array without
a copy, and any part can be drawn from kept minima and maxima.
"""

from __future__ import annotations

import mmap

import numpy as np
from numpy.typing import NDArray

__all__ = ["Tape"]

_BUCKET_SAMPLES = 256
_Envelope = tuple[NDArray[np.int16], NDArray[np.int16]]


class Tape:
    """PCM16 sound that only grows.

    One thread may append; any thread may read. What `view` returns stays valid and unchanged
    for ever.

    Parameters
    ----------
    reserve_samples : int
        Room kept at the start. Memory is touched only when it is written to (an anonymous
        mapping), so a large reserve is cheap and spares the copy when it is full.
    """

    def __init__(self, reserve_samples: int = 240_000) -> None:
        self._room = _reserve(reserve_samples)
        self._sample_count = 0
        self._minima = np.empty(0, np.int16)
        self._maxima = np.empty(0, np.int16)
        self._bucket_count = 0

    def __len__(self) -> int:
        return self._sample_count

    def append(self, pcm: NDArray[np.int16]) -> None:
        """Add ``ndarray of int16 [shape=(n,)]``; it is copied."""
        end = self._sample_count + len(pcm)
        if end > len(self._room):
            self._grow(end)
        self._room[self._sample_count : end] = pcm
        self._sample_count = end

    def _grow(self, needed_samples: int) -> None:
        larger = _reserve(max(needed_samples, 2 * len(self._room)))
        larger[: self._sample_count] = self._room[: self._sample_count]
        # Views into the old room keep it alive and unchanged.
        self._room = larger

    def view(self, start: int = 0, stop: int | None = None) -> NDArray[np.int16]:
        """Samples `start` to `stop` as they are now: a read-only view, no copy."""
        end = self._sample_count if stop is None else min(stop, self._sample_count)
        view = self._room[max(0, start) : max(0, start, end)]
        view.flags.writeable = False
        return view

    def envelope(self, columns: int, start: int = 0, stop: int | None = None) -> _Envelope:
        """Minimum and maximum of each of `columns` equal parts, for drawing.

        Returns
        -------
        minima, maxima : ndarray of int16 [shape=(m,)], m <= columns
        """
        end = self._sample_count if stop is None else min(stop, self._sample_count)
        count = min(columns, max(0, end - start))
        if count == 0:
            return np.empty(0, np.int16), np.empty(0, np.int16)
        if (end - start) // count < 4 * _BUCKET_SAMPLES:
            return _extremes(self._room, self._room, start, end, count)
        minima, maxima = self._buckets(end)
        first, last = start // _BUCKET_SAMPLES, -(-end // _BUCKET_SAMPLES)
        return _extremes(minima, maxima, first, min(last, len(minima)), count)

    def _buckets(self, end: int) -> _Envelope:
        """Extremes of every bucket up to `end`; full ones are kept, the last is made anew."""
        full = end // _BUCKET_SAMPLES
        if full > self._bucket_count:
            new = self._room[self._bucket_count * _BUCKET_SAMPLES : full * _BUCKET_SAMPLES]
            new = new.reshape(-1, _BUCKET_SAMPLES)
            self._minima = np.concatenate([self._minima, new.min(axis=1)])
            self._maxima = np.concatenate([self._maxima, new.max(axis=1)])
            self._bucket_count = full
        rest = self._room[full * _BUCKET_SAMPLES : end]
        if not len(rest):
            return self._minima[:full], self._maxima[:full]
        return (
            np.append(self._minima[:full], rest.min()),
            np.append(self._maxima[:full], rest.max()),
        )


def _reserve(samples: int) -> NDArray[np.int16]:
    return np.frombuffer(mmap.mmap(-1, max(1, samples) * 2), dtype=np.int16)


def _extremes(
    low: NDArray[np.int16], high: NDArray[np.int16], start: int, end: int, count: int
) -> _Envelope:
    edges = np.unique(np.linspace(start, end, count, endpoint=False).astype(np.intp)) - start
    return (
        np.minimum.reduceat(low[start:end], edges),
        np.maximum.reduceat(high[start:end], edges),
    )
