"""Streaming resampling with soxr, and conversion of clips of any rate to PCM16."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .mixing import MixMeter
from .pcm import (
    SAMPLE_RATE_HZ,
    Samples,
    bytes_from_samples,
    checked,
    checked_rate,
    mixed_down,
    samples_from_pcm,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Resampler:
    """Resample mono float32 sound in pieces, without discontinuities between them.

    Parameters
    ----------
    from_hz, to_hz : int [Hz]
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        import soxr  # It imports numpy.

        self._stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")

    def push(self, samples: Samples, *, is_last: bool = False) -> Samples:
        """Add samples; returns the output so far: ``ndarray of float32 [shape=(m,)]``, a new array.

        ``is_last=True`` flushes and resets the resampler.
        """
        ready: Samples = self._stream.resample_chunk(np.ascontiguousarray(samples), last=is_last)
        if is_last:
            self._stream.clear()
        return ready


class ClipConverter:
    """Convert arrays to mono PCM16 bytes at one rate; keeps a resampler between pieces.

    Mono int16 at that rate is not changed.

    Parameters
    ----------
    to_hz : int [Hz]
        Rate of the output.

    Attributes
    ----------
    clipped_count : int
        Samples beyond ±1 so far.
    mix_note : str
        Of the last clip with several channels: a sentence if they cancel each other.
    """

    def __init__(self, to_hz: int = SAMPLE_RATE_HZ) -> None:
        self.clipped_count = 0
        self.mix_note = ""
        self._notes: list[str] = []
        # Of the present clip; None where it has one channel, or none has begun.
        self._mix_meter: MixMeter | None = None
        # Whether a note tells already that the present clip is clipped.
        self._has_noted_clipping = False
        self._to_hz = self._rate_hz = to_hz
        self._resampler: Resampler | None = None

    def convert(self, x: Any, sample_rate: Any, *, more: bool = False) -> bytes:
        """Convert one piece.

        Parameters
        ----------
        x : array_like [shape=(n,) or (n, channels)]
            See `pcm.mono_from`.
        sample_rate : int [Hz]
        more : bool
            The next piece continues this one, so the resampler is not flushed.
        """
        rate_hz, channels = checked_rate(sample_rate), checked(x)
        mono = mixed_down(channels)
        rest = b"" if rate_hz == self._rate_hz else self._change_rate(rate_hz)
        if channels.ndim == 2 and channels.shape[1] > 1:
            self._measure_mix(channels, mono, is_last=not more)
        if rate_hz == self._to_hz and mono.dtype == np.int16:
            return rest + mono.astype("<i2", copy=False).tobytes()
        samples = samples_from_pcm(mono) if mono.dtype == np.int16 else self._clipped(mono)
        if not more:
            self._begin_clip()
        if self._resampler is not None:
            samples = self._resampler.push(samples, is_last=not more)
        return rest + bytes_from_samples(samples)

    def _change_rate(self, rate_hz: int) -> bytes:
        """Use another input rate; returns the rest of the output at the last one."""
        rest, self._rate_hz, self._resampler = self.finish(), rate_hz, None
        if rate_hz != self._to_hz:
            self._resampler = Resampler(rate_hz, self._to_hz)
        return rest

    def finish(self) -> bytes:
        """Flush the resampler: the rest of the output; the next piece starts a new clip."""
        self._begin_clip()
        if self._resampler is None:
            return b""
        return bytes_from_samples(self._resampler.push(np.empty(0, np.float32), is_last=True))

    def _begin_clip(self) -> None:
        self._has_noted_clipping, self._mix_meter = False, None

    def _measure_mix(self, channels: NDArray[Any], mono: Samples, *, is_last: bool) -> None:
        meter = self._mix_meter = self._mix_meter or MixMeter()
        before = meter.note
        meter.add(channels, mono, self._rate_hz, is_last=is_last)
        self.mix_note = meter.note
        if meter.note != before:
            self._notes.append(meter.note)

    def take_notes(self) -> list[str]:
        """What the user should know of the sound, in sentences; each is returned once."""
        notes, self._notes = self._notes, []
        return notes

    def _clipped(self, samples: Samples) -> Samples:
        beyond_count = int(np.count_nonzero(np.abs(samples) > 1))
        self.clipped_count += beyond_count
        if beyond_count and not self._has_noted_clipping:
            self._has_noted_clipping = True
            self._notes.append(
                f"The sound was clipped: {beyond_count} of {len(samples)} samples are beyond ±1. "
                "x / abs(x).max() has none."
            )
        # Before resampling, which would spread large values over their neighbours.
        return np.clip(samples, -1, 1) if beyond_count else samples
