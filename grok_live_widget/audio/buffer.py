"""A growing buffer of samples.

Appending costs the same after an hour as at the start, the whole buffer is one array without a
copy, and any part can be drawn from stored minima and maxima.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._structs import Value
from ..exceptions import AudioDropped

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

    One thread may append and drop; any thread may read. Arrays returned by `view` stay valid and
    never change.

    Parameters
    ----------
    reserve_samples : int
        Capacity at the start. Memory is used only when it is written to (an anonymous mapping),
        so that a large reserve is cheap and saves the copy when it is full.

    Attributes
    ----------
    archive : callable or None
        ``archive(start, stop)`` reads samples that were dropped, ``ndarray of int16``; None: they
        are lost.
    """

    def __init__(self, reserve_samples: int = RESERVE_SAMPLES) -> None:
        # The position of the first sample in memory, and the memory: in one attribute, since
        # other threads may read both while samples are dropped.
        self._kept: tuple[int, NDArray[np.int16]] = (0, _reserve(reserve_samples))
        self._sample_count = 0
        self._pyramid: _Envelope = np.empty(0, np.int16), np.empty(0, np.int16)
        self.archive: Callable[[int, int], NDArray[np.int16]] | None = None

    def __len__(self) -> int:
        return self._sample_count

    @property
    def dropped_count(self) -> int:
        """How many samples at the start are not in memory any more."""
        return self._kept[0]

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles have the samples in memory, and no reserve."""
        base, memory = self._kept
        return _buffer_of, (memory[: self._sample_count - base].copy(), base, self._pyramid)

    def append(self, pcm: NDArray[np.int16]) -> Span:
        """Append a copy of ``ndarray of int16 [shape=(n,)]``; returns its position."""
        base, memory = self._kept
        start = self._sample_count
        end = start + len(pcm)
        if end - base > len(memory):
            memory = self._move_from(base, max(end - base, 2 * len(memory)))
        memory[start - base : end - base] = pcm
        self._sample_count = end
        return Span(self, start, end)

    def _move_from(self, start: int, capacity: int) -> NDArray[np.int16]:
        """Move the samples from `start` on to new memory. Views of the old one keep it alive."""
        base, old = self._kept
        new = _reserve(capacity)
        count = self._sample_count - start
        new[:count] = old[start - base : start - base + count]
        self._kept = (start, new)
        return new

    def drop_before(self, position: int) -> int:
        """Free the memory of samples before a position, as soon as no view of them is held.

        Whole buckets only: their extremes are kept, so that all can still be drawn.

        Returns
        -------
        int
            How many samples were dropped now.
        """
        base, _ = self._kept
        start = min(position, self._sample_count) // _BUCKET_SAMPLES * _BUCKET_SAMPLES
        if start <= base:
            return 0
        self._whole_buckets(start // _BUCKET_SAMPLES)
        self._move_from(start, max(RESERVE_SAMPLES, 2 * (self._sample_count - start)))
        return start - base

    def copy_of(self, start: int, stop: int) -> AudioBuffer:
        """A buffer of its own that ends with these samples, at the same positions.

        The memory before them is not written to, so that it is not used.
        """
        own = AudioBuffer(stop + RESERVE_SAMPLES)
        own._sample_count = start
        own.append(self.view(start, stop))
        return own

    def view(self, start: int = 0, stop: int | None = None) -> NDArray[np.int16]:
        """Samples `start` to `stop` that are there now: a read-only view, no copy.

        Raises
        ------
        AudioDropped
            When some of them are neither in memory nor in the archive.
        """
        base, memory = self._kept
        start = max(0, start)
        end = max(start, self._sample_count if stop is None else min(stop, self._sample_count))
        if start < base and start < end:
            view = self._archived(start, end, base, memory)
        else:
            view = memory[max(0, start - base) : max(0, end - base)]
        view.flags.writeable = False
        return view

    def _archived(
        self, start: int, end: int, base: int, memory: NDArray[np.int16]
    ) -> NDArray[np.int16]:
        if self.archive is None:
            raise AudioDropped(
                "this sound is not kept in memory any more (max_audio_minutes=).",
                cure="Allow more minutes, or use record=path, which keeps all sound in files.",
            )
        old = self.archive(start, min(end, base))
        return old if end <= base else np.concatenate([old, memory[: end - base]])

    def envelope(self, columns: int, start: int = 0, stop: int | None = None) -> _Envelope:
        """Minimum and maximum of each of `columns` equal parts, for drawing.

        Of samples that were dropped, in steps of 256 samples.

        Returns
        -------
        minima, maxima : ndarray of int16 [shape=(m,)], m <= columns
        """
        base, memory = self._kept
        end = self._sample_count if stop is None else min(stop, self._sample_count)
        start = max(0, start)
        count = min(columns, end - start)
        if count <= 0:
            return np.empty(0, np.int16), np.empty(0, np.int16)
        edges = np.linspace(start, end, count, endpoint=False).astype(np.intp)
        if start >= base and (end - start) // count < 4 * _BUCKET_SAMPLES:
            samples = memory[start - base : end - base]
            return _extremes(samples, samples, edges - start)
        return _extremes(
            *self._buckets(start, end), edges // _BUCKET_SAMPLES - start // _BUCKET_SAMPLES
        )

    def _buckets(self, start: int, end: int) -> _Envelope:
        """Extremes of each bucket from `start` to `end`; those of partial buckets are computed,
        where their samples are in memory.
        """
        base, memory = self._kept
        first, full = -(-start // _BUCKET_SAMPLES), end // _BUCKET_SAMPLES
        if start < base:
            first = start // _BUCKET_SAMPLES
        if end < base:
            full = -(-end // _BUCKET_SAMPLES)
        minima, maxima = self._whole_buckets(full)
        head = _bucket(memory[max(0, start - base) : max(0, first * _BUCKET_SAMPLES - base)])
        tail = _bucket(memory[max(0, full * _BUCKET_SAMPLES - base) : max(0, end - base)])
        low, high = zip(head, (minima[first:full], maxima[first:full]), tail, strict=True)
        return np.concatenate(low), np.concatenate(high)

    def _whole_buckets(self, count: int) -> _Envelope:
        """Extremes of at least the first `count` buckets, which must be full; they are stored."""
        minima, maxima = self._pyramid
        if count > len(minima):
            base, memory = self._kept
            new = memory[len(minima) * _BUCKET_SAMPLES - base : count * _BUCKET_SAMPLES - base]
            new = new.reshape(-1, _BUCKET_SAMPLES)
            minima = np.concatenate([minima, new.min(axis=1)])
            maxima = np.concatenate([maxima, new.max(axis=1)])
            # Both in one assignment, since other threads may read at the same time.
            self._pyramid = minima, maxima
        return minima, maxima


def _buffer_of(samples: NDArray[np.int16], base: int, pyramid: _Envelope) -> AudioBuffer:
    buffer = AudioBuffer(len(samples))
    buffer._kept = (base, buffer._kept[1])
    buffer._sample_count, buffer._pyramid = base, pyramid
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
    # They rise, so that equal ones are neighbours; `np.unique` would sort them first.
    edges = edges[np.flatnonzero(np.diff(edges, prepend=-1))]
    return np.minimum.reduceat(low, edges), np.maximum.reduceat(high, edges)
