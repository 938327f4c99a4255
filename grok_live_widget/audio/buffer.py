"""A growing recording.

Appending costs the same after an hour as at the start, the whole of it is one array without
a copy, and any part can be drawn from kept minima and maxima.
"""

from __future__ import annotations

import mmap
import sys

import numpy as np
from numpy.typing import NDArray

from .._structs import Value

__all__ = ["AudioBuffer", "Span"]

# Ten minutes of a reply. Windows promises the memory for all of it, so there it is one.
RESERVE_SAMPLES = 24_000 * 60 * (1 if sys.platform == "win32" else 10)

_BUCKET_SAMPLES = 256
_Envelope = tuple[NDArray[np.int16], NDArray[np.int16]]


class Span(Value, frozen=True):
    """A part of a tape, named and not held: a view would keep the memory that a tape had before
    it grew.
    """

    tape: AudioBuffer
    start: int
    stop: int

    @property
    def sample_count(self) -> int:
        """How long it is."""
        return self.stop - self.start

    def samples(self) -> NDArray[np.int16]:
        """The sound, as a read-only view."""
        return self.tape.view(self.start, self.stop)


class AudioBuffer:
    """PCM16 sound that only grows.

    One thread may append; any thread may read. What `view` returns stays valid and unchanged
    for ever.

    Parameters
    ----------
    reserve_samples : int
        Room kept at the start. Memory is touched only when it is written to (an anonymous
        mapping), so a large reserve is cheap and spares the copy when it is full.
    """

    def __init__(self, reserve_samples: int = RESERVE_SAMPLES) -> None:
        self._room = _reserve(reserve_samples)
        self._sample_count = 0
        self._pyramid: _Envelope = np.empty(0, np.int16), np.empty(0, np.int16)

    def __len__(self) -> int:
        return self._sample_count

    def append(self, pcm: NDArray[np.int16]) -> Span:
        """Add ``ndarray of int16 [shape=(n,)]``, which is copied; returns where it is now."""
        start = self._sample_count
        end = start + len(pcm)
        if end > len(self._room):
            self._grow(end)
        self._room[start:end] = pcm
        self._sample_count = end
        return Span(self, start, end)

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
        start = max(0, start)
        count = min(columns, end - start)
        if count <= 0:
            return np.empty(0, np.int16), np.empty(0, np.int16)
        edges = np.linspace(start, end, count, endpoint=False).astype(np.intp)
        if (end - start) // count < 4 * _BUCKET_SAMPLES:
            samples = self._room[start:end]
            return _extremes(samples, samples, edges - start)
        return _extremes(
            *self._buckets(start, end), edges // _BUCKET_SAMPLES - start // _BUCKET_SAMPLES
        )

    def _buckets(self, start: int, end: int) -> _Envelope:
        """Extremes of each bucket from `start` to `end`; those cut by either are made anew."""
        first, full = -(-start // _BUCKET_SAMPLES), end // _BUCKET_SAMPLES
        minima, maxima = self._whole_buckets(full)
        room = self._room
        head, tail = room[start : first * _BUCKET_SAMPLES], room[full * _BUCKET_SAMPLES : end]
        low, high = [minima[first:full]], [maxima[first:full]]
        if len(head):
            low.insert(0, head.min(keepdims=True))
            high.insert(0, head.max(keepdims=True))
        if len(tail):
            low.append(tail.min(keepdims=True))
            high.append(tail.max(keepdims=True))
        return np.concatenate(low), np.concatenate(high)

    def _whole_buckets(self, count: int) -> _Envelope:
        """Extremes of at least the first `count` buckets, which must be full; they are kept."""
        minima, maxima = self._pyramid
        if count > len(minima):
            new = self._room[len(minima) * _BUCKET_SAMPLES : count * _BUCKET_SAMPLES]
            new = new.reshape(-1, _BUCKET_SAMPLES)
            minima = np.concatenate([minima, new.min(axis=1)])
            maxima = np.concatenate([maxima, new.max(axis=1)])
            # Both at once, since other threads may draw meanwhile.
            self._pyramid = minima, maxima
        return minima, maxima


def _reserve(samples: int) -> NDArray[np.int16]:
    return np.frombuffer(_anonymous_memory(max(1, samples) * 2), dtype=np.int16)


def _anonymous_memory(byte_count: int) -> mmap.mmap:
    if sys.platform == "win32":
        return mmap.mmap(-1, byte_count)
    # Private, or a forked child would write into the recordings of its parent.
    return mmap.mmap(-1, byte_count, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def _extremes(
    low: NDArray[np.int16], high: NDArray[np.int16], edges: NDArray[np.intp]
) -> _Envelope:
    edges = np.unique(edges)
    return np.minimum.reduceat(low, edges), np.maximum.reduceat(high, edges)
