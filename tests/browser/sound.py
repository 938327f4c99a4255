"""Measures whether two sounds are the same, and where one lies in the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float64]

PCM_RATE_HZ = 24_000
SEGMENT_S = 0.2
# Segments this much quieter than the loudest are pauses and breath.
LOUD_DB = -20.0


def samples_from(pcm: NDArray[np.int16]) -> Samples:
    return pcm.astype(np.float64) / 32768


# --------------------------------------------------------------------------- capture
def segment_correlations(said: Samples, said_rate_hz: int, received: Samples) -> Samples:
    """How well each loud segment of the speech is found in what was received (24 kHz).

    A browser with much to do puts short blocks of silence between microphone and page, so
    each segment has a lag of its own; one correlation over everything would only measure that.
    """
    segments = _segments(said, said_rate_hz)
    power = (segments**2).mean(axis=1)
    loud = segments[power > power.max() * 10 ** (LOUD_DB / 10)]
    return np.array([_best_correlation(segment, received) for segment in loud])


def correlations_of(said: Samples, said_rate_hz: int, received: Samples) -> Samples:
    """The same of all segments, in their order."""
    segments = _segments(said, said_rate_hz)
    return np.array([_best_correlation(segment, received) for segment in segments])


def correlation_of(said: NDArray[np.int16], captured: Samples, captured_rate_hz: int) -> float:
    """How well a whole turn (24 kHz) is found in what the browser gave the page.

    A single sample that was lost on the way, or came out of order, shifts one part of the turn
    against the other. The places tried are a quarter of a sample apart.
    """
    rate_hz = 4 * PCM_RATE_HZ
    turn = soxr.resample(samples_from(said), PCM_RATE_HZ, rate_hz, quality="HQ")
    return _best_correlation(turn, soxr.resample(captured, captured_rate_hz, rate_hz, quality="HQ"))


def _segments(said: Samples, rate_hz: int) -> Samples:
    said = soxr.resample(said, rate_hz, PCM_RATE_HZ, quality="HQ")
    size = int(SEGMENT_S * PCM_RATE_HZ)
    return said[: len(said) // size * size].reshape(-1, size)


def _best_correlation(segment: Samples, sound: Samples) -> float:
    """The greatest normalised correlation over all places of `segment` in `sound`."""
    if len(sound) < len(segment):
        return 0.0
    products = cross_correlation(sound, segment)
    sums = np.cumsum(np.concatenate([[0.0], sound**2]))
    energy = sums[len(segment) :] - sums[: -len(segment)]
    scale = np.sqrt(np.maximum(energy, 1e-6) * (segment**2).sum())
    return float((products / scale).max())


def cross_correlation(sound: Samples, piece: Samples) -> Samples:
    """Inner products of `piece` with each whole stretch of `sound`."""
    size = 1 << int(np.ceil(np.log2(len(sound) + len(piece))))
    spectrum = np.fft.rfft(sound, size) * np.conj(np.fft.rfft(piece, size))
    return np.fft.irfft(spectrum, size)[: len(sound) - len(piece) + 1]


# --------------------------------------------------------------------------- playback
@dataclass(frozen=True)
class Match:
    """Where a reply lies in what was played, and how similar they are."""

    start: float
    gain: float
    snr_db: float
    expected: Samples
    difference: Samples


def match_reply(
    pcm: NDArray[np.int16],
    heard: Samples,
    rate_hz: int,
    *,
    pcm_rate_hz: int = PCM_RATE_HZ,
    beginning_only: bool = False,
) -> Match:
    """Compare a reply with what was played.

    The reply is brought to the device's rate by soxr HQ. The place is the maximum of the
    cross-correlation, refined to a fraction of a sample by the slope of the cross-spectrum's
    phase (a reply begins where its sample falls between two of the device's); the gain is that
    of least squares, and is reported to be judged. Everything of the reply counts, and that
    there is silence around it; of a mere beginning, only what lies within it.
    """
    wanted = soxr.resample(samples_from(pcm), pcm_rate_hz, rate_hz, quality="HQ")
    padding = 0 if beginning_only else rate_hz // 10
    heard = np.concatenate([np.zeros(padding), heard, np.zeros(padding)])
    whole = int(np.argmax(cross_correlation(heard, wanted)))
    first = max(0, whole - padding)
    piece = heard[first : whole + len(wanted) + padding]
    place = np.zeros(len(piece))
    place[whole - first : whole - first + len(wanted)] = wanted
    fraction = _fractional_delay(place, piece)
    expected = _delayed(place, fraction)
    gain = float(expected @ piece / (expected @ expected))
    difference = piece - gain * expected
    snr_db = 10 * np.log10((piece**2).sum() / max((difference**2).sum(), 1e-30))
    return Match(whole - padding + fraction, gain, float(snr_db), expected, difference)


def _fractional_delay(earlier: Samples, later: Samples) -> float:
    """The delay below one sample, from the phase of the cross-spectrum, weighted by power."""
    size = len(earlier)
    cross = np.fft.rfft(later) * np.conj(np.fft.rfft(earlier))
    omega = 2 * np.pi * np.arange(len(cross)) / size
    strong = np.abs(cross) > np.abs(cross).max() * 1e-6
    delay = 0.0
    for _ in range(4):
        phase = np.angle(cross[strong] * np.exp(1j * omega[strong] * delay))
        weight = np.abs(cross[strong]) * omega[strong]
        delay -= float((weight * phase).sum() / (weight * omega[strong]).sum())
    return delay


def _delayed(samples: Samples, delay: float) -> Samples:
    omega = 2 * np.pi * np.fft.rfftfreq(len(samples))
    return np.fft.irfft(np.fft.rfft(samples) * np.exp(-1j * omega * delay), len(samples))


@dataclass(frozen=True)
class End:
    """Where a reply that was cut off ends, in samples of the reply (24 kHz).

    `last_clean_sample` is the last that left unchanged, before the fade; after
    `last_sounding_sample` there is silence.
    """

    last_clean_sample: float
    last_sounding_sample: float


def end_of_reply(pcm: NDArray[np.int16], heard: Samples, rate_hz: int, counted: int) -> End:
    """Find the end of a reply that was cut off at about its sample `counted`.

    Its beginning is aligned; then what was heard is compared with the reply, from its first
    hundredth of a second (where resamplers may differ over an edge) to a second past the end.
    """
    begun = match_reply(pcm[: min(counted // 2, PCM_RATE_HZ)], heard, rate_hz, beginning_only=True)
    start = round(begun.start)
    possible = samples_from(pcm[: counted + PCM_RATE_HZ])
    wanted = soxr.resample(possible, PCM_RATE_HZ, rate_hz, quality="HQ")
    piece = heard[start : start + len(wanted)]
    wanted = wanted[: len(piece)]
    level = float(np.sqrt((wanted**2).mean()))
    edge = rate_hz // 100
    wrong = edge + np.flatnonzero(np.abs(piece - wanted)[edge:] > 0.03 * level)
    sounding = np.flatnonzero(np.abs(piece) > 0.01 * level)
    scale = PCM_RATE_HZ / rate_hz
    # A recording that ends with the reply has nothing that differs from it.
    first_wrong = wrong[0] if wrong.size else len(piece)
    return End(float(first_wrong) * scale, float(sounding[-1]) * scale)
