"""A growing buffer of samples.

Appending costs the same after an hour as at the start, the whole buffer is one array without a
copy, and any part can be drawn from stored minima and maxima.
"""

from __future__ import annotations

import mmap
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._structs import Value

# Ten minutes of a reply; one on Windows, which commits the memory of the whole reserve.
RESERVE_SAMPLES = 24_000 * 60 * (1 if sys.platform == "win32" else 10)

_BUCKET_SAMPLES = 256
_Envelope = tuple[NDArray[np.int16], NDArray[np.int16]]


class Span(Value, frozen=True):
    """A part of a buffer, as positions: a view would keep the memory of the buffer from before it
    grew.
    """

    tape: AudioBuffer
    start: int
    stop: int

    @property
    def sample_count(self) -> int:
        """Number of samples."""
        return self.stop - self.start

    def samples(self) -> NDArray[np.int16]:
        """The samples, as a read-only view."""
        return self.tape.view(self.start, self.stop)


class AudioBuffer:
    """PCM16 samples that are only appended to.

    One thread may append; any thread may read. Arrays returned by `view` stay valid and never
    change.

    Parameters
    ----------
    reserve_samples : int
        Capacity at the start. Memory is used only when it is written to (an anonymous mapping),
        so that a large reserve is cheap and saves the copy when it is full.
    """

    def __init__(self, reserve_samples: int = RESERVE_SAMPLES) -> None:
        self._memory = _reserve(reserve_samples)
        self._sample_count = 0
        self._pyramid: _Envelope = np.empty(0, np.int16), np.empty(0, np.int16)

    def __len__(self) -> int:
        return self._sample_count

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles have the samples, and no reserve."""
        return _buffer_of, (self.view().copy(),)

    def append(self, pcm: NDArray[np.int16]) -> Span:
        """Append a copy of ``ndarray of int16 [shape=(n,)]``; returns its position."""
        start = self._sample_count
        end = start + len(pcm)
        if end > len(self._memory):
            self._grow(end)
        self._memory[start:end] = pcm
        self._sample_count = end
        return Span(self, start, end)

    def _grow(self, needed_samples: int) -> None:
        larger = _reserve(max(needed_samples, 2 * len(self._memory)))
        larger[: self._sample_count] = self._memory[: self._sample_count]
        # Views of the old memory keep it alive and unchanged.
        self._memory = larger

    def view(self, start: int = 0, stop: int | None = None) -> NDArray[np.int16]:
        """Samples `start` to `stop` that are there now: a read-only view, no copy."""
        end = self._sample_count if stop is None else min(stop, self._sample_count)
        view = self._memory[max(0, start) : max(0, start, end)]
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
            samples = self._memory[start:end]
            return _extremes(samples, samples, edges - start)
        return _extremes(
            *self._buckets(start, end), edges // _BUCKET_SAMPLES - start // _BUCKET_SAMPLES
        )

    def _buckets(self, start: int, end: int) -> _Envelope:
        """Extremes of each bucket from `start` to `end`; those of partial buckets are computed."""
        first, full = -(-start // _BUCKET_SAMPLES), end // _BUCKET_SAMPLES
        minima, maxima = self._whole_buckets(full)
        memory = self._memory
        head = _bucket(memory[start : first * _BUCKET_SAMPLES])
        tail = _bucket(memory[full * _BUCKET_SAMPLES : end])
        low, high = zip(head, (minima[first:full], maxima[first:full]), tail, strict=True)
        return np.concatenate(low), np.concatenate(high)

    def _whole_buckets(self, count: int) -> _Envelope:
        """Extremes of at least the first `count` buckets, which must be full; they are stored."""
        minima, maxima = self._pyramid
        if count > len(minima):
            new = self._memory[len(minima) * _BUCKET_SAMPLES : count * _BUCKET_SAMPLES]
            new = new.reshape(-1, _BUCKET_SAMPLES)
            minima = np.concatenate([minima, new.min(axis=1)])
            maxima = np.concatenate([maxima, new.max(axis=1)])
            # Both in one assignment, since other threads may read at the same time.
            self._pyramid = minima, maxima
        return minima, maxima


def _buffer_of(samples: NDArray[np.int16]) -> AudioBuffer:
    buffer = AudioBuffer(len(samples))
    buffer.append(samples)
    return buffer


def _reserve(samples: int) -> NDArray[np.int16]:
    return np.frombuffer(_anonymous_memory(max(1, samples) * 2), dtype=np.int16)


def _anonymous_memory(byte_count: int) -> mmap.mmap:
    if sys.platform == "win32":
        return mmap.mmap(-1, byte_count)
    # Private, since a forked child would otherwise write into the buffers of its parent.
    return mmap.mmap(-1, byte_count, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def _bucket(samples: NDArray[np.int16]) -> _Envelope:
    if not len(samples):
        return samples, samples
    return samples.min(keepdims=True), samples.max(keepdims=True)


def _extremes(
    low: NDArray[np.int16], high: NDArray[np.int16], edges: NDArray[np.intp]
) -> _Envelope:
    edges = np.unique(edges)
    return np.minimum.reduceat(low, edges), np.maximum.reduceat(high, edges)
