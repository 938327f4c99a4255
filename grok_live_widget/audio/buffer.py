"""A growing buffer of samples.

Appending costs the same after an hour as at the start, the whole buffer is one array without a
copy, and any part can be drawn from stored minima and maxima.
"""

from __future__ import annotations

import mmap
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from .._structs import Value
from ..exceptions import AudioDropped

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Ten minutes of a reply; one on Windows, which commits the memory of the whole reserve.
RESERVE_SAMPLES = 24_000 * 60 * (1 if sys.platform == "win32" else 10)

_BUCKET_SAMPLES = 256
_Envelope: TypeAlias = "tuple[NDArray[np.int16], NDArray[np.int16]]"


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
        Capacity, reserved with the first sample. Memory is used only when it is written to (an
        anonymous mapping), so that a large reserve is cheap and saves the copy when it is full.

    Attributes
    ----------
    archive : callable or None
        ``archive(start, stop)`` reads samples that were dropped, ``ndarray of int16``; None: they
        are lost.
    on_move : callable or None
        ``on_move(base)`` is called when the samples from this position on are in new memory.
    """

    def __init__(
        self,
        reserve_samples: int = RESERVE_SAMPLES,
        *,
        allocate: Callable[[int], NDArray[np.int16]] | None = None,
    ) -> None:
        self._allocate = allocate or _anonymous_samples
        self._reserve_samples = reserve_samples
        # Replaced as a whole by the thread that appends, since others may read meanwhile; None
        # until the first sample.
        self._reserved: _Kept | None = None
        self._sample_count = 0
        # Whether another process writes the samples into the memory.
        self._is_followed = False
        self.on_move: Callable[[int], object] | None = None
        # Extremes of the whole buckets in memory, and the position that they begin at: a cache,
        # which any thread may replace.
        self._cache: tuple[int, _Envelope] | None = None
        self.archive: Callable[[int, int], NDArray[np.int16]] | None = None

    @property
    def _kept(self) -> _Kept:
        if self._reserved is None:
            return _Kept(0, np.empty(0, np.int16), _no_extremes())
        return self._reserved

    @_kept.setter
    def _kept(self, kept: _Kept) -> None:
        self._reserved = kept

    def _reserve(self) -> _Kept:
        """What is in memory, which is reserved here at first."""
        if self._reserved is None:
            memory = self._allocate(self._reserve_samples)
            self._reserved = _Kept(0, memory, _no_extremes())
            if self.on_move is not None:
                self.on_move(0)
        return self._reserved

    def __len__(self) -> int:
        return self._sample_count

    @property
    def dropped_count(self) -> int:
        """How many samples at the start are not in memory any more."""
        return 0 if self._reserved is None else self._reserved.base

    def __reduce__(self) -> tuple[Any, ...]:
        """Copies and pickles have the samples in memory, and no reserve."""
        count, kept = self._sample_count, self._kept
        return _buffer_of, (kept.memory[: count - kept.base].copy(), kept.base, kept.dropped)

    def append(self, pcm: NDArray[np.int16]) -> Span:
        """Append a copy of ``ndarray of int16 [shape=(n,)]``; returns its position."""
        base, memory, _ = self._reserve()
        start = self._sample_count
        end = start + len(pcm)
        if not self._is_followed:
            if end - base > len(memory):
                memory = self._move_from(base, max(end - base, 2 * len(memory)))
            memory[start - base : end - base] = pcm
        self._sample_count = end
        return Span(self, start, end)

    def _move_from(
        self, start: int, capacity: int, dropped: _Envelope | None = None
    ) -> NDArray[np.int16]:
        """Move the samples from `start` on to new memory. Views of the old one keep it alive."""
        base, old, before = self._kept
        new = self._allocate(capacity)
        count = self._sample_count - start
        new[:count] = old[start - base : start - base + count]
        self._kept = _Kept(start, new, before if dropped is None else dropped)
        if self.on_move is not None:
            self.on_move(start)
        return new

    def go_on_from(
        self, sample_count: int, base: int, memory: NDArray[np.int16] | None = None
    ) -> None:
        """Begin at the end of a buffer of another process, whose earlier samples count as dropped.

        Parameters
        ----------
        sample_count : int
            Of that buffer.
        base : int
            The position of the first sample in `memory`, a multiple of 256.
        memory : ndarray of int16 or None
            That buffer's; None: its last samples are not known here.
        """
        nothing = np.zeros(base // _BUCKET_SAMPLES, np.int16)
        own = self._reserve().memory if memory is None else memory
        self._kept = _Kept(base, own, (nothing, nothing))
        self._sample_count = sample_count

    def follow(self, memory: NDArray[np.int16], base: int) -> None:
        """Have the samples from a position on in memory that another process writes.

        Samples before it are dropped. What is appended from now on is there already.

        Parameters
        ----------
        memory : ndarray of int16
            With the sample at `base` first.
        base : int
            A multiple of 256.
        """
        kept = self._kept
        dropped, count = kept.dropped, base // _BUCKET_SAMPLES
        if base > kept.base:
            low, high = self._whole_buckets(kept, count)
            dropped = (low[:count].copy(), high[:count].copy())
        self._kept = _Kept(base, memory, dropped)
        self._is_followed = True

    def unfollow(self) -> None:
        """Have the samples in memory of its own from now on; harmless when that is so."""
        if self._is_followed:
            self._is_followed = False
            base = self._kept.base
            self._move_from(base, max(RESERVE_SAMPLES, 2 * (self._sample_count - base)))

    def drop_before(self, position: int) -> int:
        """Free the memory of samples before a position, as soon as no view of them is held.

        Whole buckets only: their extremes are kept, so that all can still be drawn. Not those that
        another process writes, which it drops.

        Returns
        -------
        int
            How many samples were dropped now.
        """
        kept = self._kept
        start = min(position, self._sample_count) // _BUCKET_SAMPLES * _BUCKET_SAMPLES
        if start <= kept.base or self._is_followed:
            return 0
        count = start // _BUCKET_SAMPLES
        low, high = self._whole_buckets(kept, count)
        capacity = max(RESERVE_SAMPLES, 2 * (self._sample_count - start))
        self._move_from(start, capacity, (low[:count].copy(), high[:count].copy()))
        return start - kept.base

    def copy_of(self, start: int, stop: int) -> AudioBuffer:
        """A buffer of its own that ends with these samples, at the same positions.

        The memory before them is not written to, so that it is not used. What was dropped of
        them is dropped there, too.
        """
        base, _, dropped = self._kept
        own = AudioBuffer(stop + RESERVE_SAMPLES)
        first = start
        if start < base:
            first = base
            own._kept = _Kept(base, own._reserve().memory, dropped)
            own.archive = self.archive
        own._sample_count = min(first, stop)
        own.append(self.view(first, stop))
        return own

    def excerpt(self, start: int, stop: int) -> tuple[AudioBuffer, int]:
        """The samples of one part that are left, and the position where it begins there."""
        base, _, dropped = self._kept
        shift = start // _BUCKET_SAMPLES * _BUCKET_SAMPLES
        first = max(base, start)
        own = AudioBuffer(max(1, stop - first))
        low, high = (extreme[shift // _BUCKET_SAMPLES :] for extreme in dropped)
        memory = own._reserve().memory
        own._kept = _Kept(max(0, base - shift), memory, (low.copy(), high.copy()))
        own._sample_count = min(first, stop) - shift
        if stop > first:
            own.append(self.view(first, stop))
        return own, start - shift

    def view(self, start: int = 0, stop: int | None = None) -> NDArray[np.int16]:
        """Samples `start` to `stop` that are there now: a read-only view, no copy.

        Raises
        ------
        AudioDropped
            When some of them are neither in memory nor in the archive.
        """
        # In this order: memory that was replaced meanwhile has these samples, too.
        count = self._sample_count
        base, memory, _ = self._kept
        start = max(0, start)
        end = max(start, count if stop is None else min(stop, count))
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
                cure="Newer turns have theirs (turns[-1:], turns.audio(since_s)). In the next talk "
                "allow more minutes, or use record=path, which keeps all sound in files.",
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
        length, kept = self._sample_count, self._kept
        end = length if stop is None else min(stop, length)
        start = max(0, start)
        count = min(columns, end - start)
        if count <= 0:
            return np.empty(0, np.int16), np.empty(0, np.int16)
        edges = np.linspace(start, end, count, endpoint=False).astype(np.intp)
        if start >= kept.base and (end - start) // count < 4 * _BUCKET_SAMPLES:
            samples = kept.memory[start - kept.base : end - kept.base]
            return _extremes(samples, samples, edges - start)
        return _extremes(
            *self._buckets(kept, start, end), edges // _BUCKET_SAMPLES - start // _BUCKET_SAMPLES
        )

    def _buckets(self, kept: _Kept, start: int, end: int) -> _Envelope:
        """Extremes of each bucket from `start` to `end`; those of partial buckets are computed,
        where their samples are in memory.
        """
        base, memory, _ = kept
        first, full = -(-start // _BUCKET_SAMPLES), end // _BUCKET_SAMPLES
        if start < base:
            first = start // _BUCKET_SAMPLES
        if end < base:
            full = -(-end // _BUCKET_SAMPLES)
        minima, maxima = self._whole_buckets(kept, full)
        head = _bucket(memory[max(0, start - base) : max(0, first * _BUCKET_SAMPLES - base)])
        tail = _bucket(memory[max(0, full * _BUCKET_SAMPLES - base) : max(0, end - base)])
        low, high = zip(head, (minima[first:full], maxima[first:full]), tail, strict=True)
        return np.concatenate(low), np.concatenate(high)

    def _whole_buckets(self, kept: _Kept, count: int) -> _Envelope:
        """Extremes of at least the first `count` buckets, which must be full; they are stored."""
        base, memory, dropped = kept
        cached_base, (minima, maxima) = self._cache or (base, _no_extremes())
        if cached_base != base:
            minima, maxima = _no_extremes()
        needed = count - base // _BUCKET_SAMPLES
        if needed > len(minima):
            new = memory[len(minima) * _BUCKET_SAMPLES : needed * _BUCKET_SAMPLES]
            new = new.reshape(-1, _BUCKET_SAMPLES)
            minima = np.concatenate([minima, new.min(axis=1)])
            maxima = np.concatenate([maxima, new.max(axis=1)])
            self._cache = base, (minima, maxima)
        if not base:
            return minima, maxima
        return np.concatenate([dropped[0], minima]), np.concatenate([dropped[1], maxima])


def _no_extremes() -> _Envelope:
    return np.empty(0, np.int16), np.empty(0, np.int16)


class _Kept(NamedTuple):
    """What a buffer has in memory.

    `base` is the position of the first sample in `memory`, a whole number of buckets, and
    `dropped` has the extremes of the buckets before it.
    """

    base: int
    memory: NDArray[np.int16]
    dropped: _Envelope


def _buffer_of(samples: NDArray[np.int16], base: int, dropped: _Envelope) -> AudioBuffer:
    buffer = AudioBuffer(len(samples))
    buffer._kept = _Kept(base, buffer._reserve().memory, dropped)
    buffer._sample_count = base
    buffer.append(samples)
    return buffer


def _anonymous_samples(samples: int) -> NDArray[np.int16]:
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
