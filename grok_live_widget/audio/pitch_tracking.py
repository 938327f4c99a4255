"""The fundamental frequency of speech over time, by pYIN.

Sources:

- de Cheveigné, A., & Kawahara, H. (2002). YIN, a fundamental frequency estimator for speech and
  music. J. Acoust. Soc. Am. 111(4): the difference function, its cumulative mean normalisation
  and the parabolic interpolation (steps 2, 3 and 5).
- Mauch, M., & Dixon, S. (2014). pYIN: a fundamental frequency estimator using probabilistic
  threshold distributions. ICASSP: many thresholds in place of one, and a hidden Markov model
  that chooses among the candidates and decides what is voiced. Priors and constants are those
  of the authors' program, which librosa uses too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .._structs import names_checked
from .arguments import check_between, check_range
from .pcm import checked_rate, mono_clip, samples_from_pcm

Floats = NDArray[np.float64]

_BLOCK_FRAMES = 256
_LEAST_HZ = 1.0
# Thresholds for the troughs of the difference function, and how probable each is: a beta
# distribution with the parameters 2 and 18, whose cumulative distribution is a polynomial.
_THRESHOLDS = np.linspace(0, 1, 101)
_BETA_PROBABILITIES = np.diff(
    1 - (1 - _THRESHOLDS) ** 19 - 19 * _THRESHOLDS * (1 - _THRESHOLDS) ** 18
)
_BELOW = np.concatenate([[0.0], np.cumsum(_BETA_PROBABILITIES)])
# Shorter periods are more probable, by a Boltzmann distribution with this parameter.
_BOLTZMANN = 2.0
# Weight of the deepest trough for thresholds that no trough is below.
_NO_TROUGH_PROBABILITY = 0.01
# States of the model: this many pitches in a semitone, each voiced or unvoiced.
_BINS_A_SEMITONE = 10
_BINS_AN_OCTAVE = 12 * _BINS_A_SEMITONE
# How fast pitch may change [octaves/s], and how often voicing changes, each frame.
_FASTEST_GLIDE = 35.92
_SWITCH_PROBABILITY = 0.01
# The path is decided this many frames later, where all paths have joined in speech.
_LAG_FRAMES = 512
_DECODED_FRAMES = 2048
_TINY = np.finfo(np.float64).tiny


class Pitch(NamedTuple):
    """The fundamental frequency of a sound over time.

    Attributes
    ----------
    times_s : ndarray of float64 [shape=(frames,)] [s]
        The middle of what each figure is computed of, from the sound's first sample.
    f0_hz : ndarray of float64 [shape=(frames,)] [Hz]
        NaN where the sound is not voiced: pauses, and consonants such as "s".

    Examples
    --------
    >>> from grok_live_widget.audio import Pitch, pitch
    >>> import numpy as np
    >>> tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)
    >>> isinstance(pitch(tone, 24_000), Pitch)
    True
    """

    times_s: Floats
    f0_hz: Floats

    @property
    def median_hz(self) -> float | None:
        """Median of the voiced frames [Hz]; None without any."""
        voiced = self.f0_hz[~np.isnan(self.f0_hz)]
        return float(np.median(voiced)) if len(voiced) else None


@names_checked
def pitch(
    samples: Any,
    sample_rate: int,
    *,
    fmin_hz: float = 60.0,
    fmax_hz: float = 600.0,
    hop_s: float = 0.01,
    window_s: float | None = None,
) -> Pitch:
    """The fundamental frequency over time, by pYIN.

    An hour of sound takes some 20 MB beside the result.

    Parameters
    ----------
    samples : array_like of int16 or float in [-1, 1) [shape=(n,)]
        At least one period of `fmin_hz` long.
    sample_rate : int [Hz]
    fmin_hz, fmax_hz : float [Hz], 1 <= fmin_hz < fmax_hz <= sample_rate / 4
        Limits of the search. The default range has the voices of men, women and children.
    hop_s : float > 0 [s]
        Distance of the frames.
    window_s : float or None [s]
        Length of a frame, at least two periods of `fmin_hz`; None: four.

    Returns
    -------
    Pitch
        ``times_s, f0_hz``, with NaN where the sound is not voiced.

    Raises
    ------
    AudioFormatError
        For a sound that is too short, several channels, NaN, or another dtype.
    ConfigurationError
        For limits or lengths that are none.

    Notes
    -----
    Source: de Cheveigné & Kawahara (2002), Mauch & Dixon (2014); see the module.

    Examples
    --------
    >>> from grok_live_widget.audio import pitch
    >>> import numpy as np
    >>> tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)
    >>> times_s, f0_hz = pitch(tone, 24_000)
    >>> round(float(np.nanmedian(f0_hz)))
    220
    """
    rate_hz = checked_rate(sample_rate)
    check_range(fmin_hz, fmax_hz, _LEAST_HZ, rate_hz / 4)
    window = _window_samples(rate_hz, fmin_hz, window_s)
    hop = _hop_samples(hop_s, rate_hz)
    array = mono_clip(
        samples,
        figure="a pitch",
        least_samples=int(np.ceil(rate_hz / fmin_hz)),
        cure="Pass a longer sound, or a higher fmin_hz.",
    )
    model = _PitchModel(fmin_hz, fmax_hz, _FASTEST_GLIDE * hop / rate_hz)
    lowest_lag = int(rate_hz // fmax_hz)
    found: list[Floats] = []
    for normalised, shifts in _difference_blocks(array, rate_hz, fmin_hz, fmax_hz, window, hop):
        for frame, shift in zip(normalised, shifts, strict=True):
            lags, probabilities = _candidates(frame)
            model.push(rate_hz / (lowest_lag + lags + shift[lags]), probabilities)
        found.append(model.decided_hz())
    found.append(model.decided_hz(is_last=True))
    return _pitch_of(np.concatenate(found), rate_hz, fmin_hz, fmax_hz, window, hop)


@names_checked
def yin(
    samples: Any,
    sample_rate: int,
    *,
    fmin_hz: float = 60.0,
    fmax_hz: float = 600.0,
    hop_s: float = 0.01,
    window_s: float | None = None,
    threshold: float = 0.1,
) -> Pitch:
    """The fundamental frequency over time, by YIN: each frame by itself.

    About three times as fast as `pitch`, with more errors of an octave. A frame whose
    difference function has no trough below the threshold is not voiced.

    Parameters
    ----------
    samples, sample_rate, fmin_hz, fmax_hz, hop_s, window_s
        As for `pitch`.
    threshold : 0 < float <= 1
        Of the normalised difference function: about the aperiodic part of the power.

    Returns
    -------
    Pitch

    Raises
    ------
    AudioFormatError, ConfigurationError
        As `pitch`.

    Notes
    -----
    Source: de Cheveigné & Kawahara (2002), steps 1 to 5.

    Examples
    --------
    >>> from grok_live_widget.audio import yin
    >>> import numpy as np
    >>> tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)
    >>> round(float(np.nanmedian(yin(tone, 24_000).f0_hz)))
    220
    """
    rate_hz = checked_rate(sample_rate)
    check_range(fmin_hz, fmax_hz, _LEAST_HZ, rate_hz / 4)
    check_between("threshold", threshold, 1e-6, 1)
    window = _window_samples(rate_hz, fmin_hz, window_s)
    hop = _hop_samples(hop_s, rate_hz)
    array = mono_clip(
        samples,
        figure="a pitch",
        least_samples=int(np.ceil(rate_hz / fmin_hz)),
        cure="Pass a longer sound, or a higher fmin_hz.",
    )
    found = []
    for normalised, shifts in _difference_blocks(array, rate_hz, fmin_hz, fmax_hz, window, hop):
        is_below = _troughs(normalised) & (normalised < threshold)
        index = is_below.argmax(axis=1)
        shift = np.take_along_axis(shifts, index[:, None], axis=1)[:, 0]
        f0_hz = rate_hz / (int(rate_hz // fmax_hz) + index + shift)
        found.append(np.where(is_below.any(axis=1), f0_hz, np.nan))
    return _pitch_of(np.concatenate(found), rate_hz, fmin_hz, fmax_hz, window, hop)


def _pitch_of(
    f0_hz: Floats, rate_hz: int, fmin_hz: float, fmax_hz: float, window: int, hop: int
) -> Pitch:
    """Frames with their times, from the sound's first sample.

    The figure of a frame is that of its first half and of as much one period later. The middle
    of both is before that of the frame; for the period, that of the middle of the range is taken.
    """
    compared = window // 2 + round(rate_hz / np.sqrt(fmin_hz * fmax_hz))
    times_s: Floats = (np.arange(len(f0_hz)) * hop - (window - compared) / 2) / rate_hz
    first = int(np.searchsorted(times_s, 0))
    return Pitch(times_s[first:], f0_hz[first:])


# --------------------------------------------------------------------------- arguments
def _window_samples(rate_hz: int, fmin_hz: float, window_s: float | None) -> int:
    """Even length of a frame: two halves, each longer than a period of `fmin_hz`."""
    least_s = 2 / fmin_hz
    if window_s is not None:
        check_between("window_s", window_s, least_s, 10)
    half = round(rate_hz * (2 * least_s if window_s is None else window_s) / 2)
    return 2 * max(half, int(np.ceil(rate_hz / fmin_hz)) + 1)


def _hop_samples(hop_s: float, rate_hz: int) -> int:
    check_between("hop_s", hop_s, 1e-4, 10)
    return max(1, round(hop_s * rate_hz))


# --------------------------------------------------------------------------- YIN
def _difference_blocks(
    array: NDArray[Any], rate_hz: int, fmin_hz: float, fmax_hz: float, window: int, hop: int
) -> Iterator[tuple[Floats, Floats]]:
    """Normalised difference function and shifts of its troughs, for blocks of frames.

    Both have shape (frames, lags); the first lag is that of `fmax_hz`.
    """
    lowest, highest = int(rate_hz // fmax_hz), int(np.ceil(rate_hz / fmin_hz))
    count = 1 + len(array) // hop
    for first in range(0, count, _BLOCK_FRAMES):
        last = min(first + _BLOCK_FRAMES, count)
        start = first * hop - window // 2
        stop = start + (last - first - 1) * hop + window
        piece = np.zeros(stop - start)
        inner = array[max(0, start) : stop]
        if inner.dtype == np.int16:
            inner = samples_from_pcm(inner)
        piece[max(0, -start) : max(0, -start) + len(inner)] = inner
        frames = sliding_window_view(piece, window)[::hop]
        normalised = _normalised_difference(frames, highest)
        normalised = normalised[:, lowest - 1 :]
        yield normalised, _parabolic_shifts(normalised)


def _normalised_difference(frames: Floats, highest: int) -> Floats:
    """Equations 6 and 8 of de Cheveigné & Kawahara, for the lags 1 to `highest`.

    The difference function is energy + energy - 2 * correlation, of the first half of each
    frame and of what is `lag` samples later.
    """
    length = frames.shape[1]
    half = length // 2
    spectra = np.fft.rfft(frames)
    spectra *= np.fft.rfft(frames[:, :half], length).conj()
    correlation = np.fft.irfft(spectra, length)[:, : highest + 1]
    energy = np.zeros((len(frames), length + 1))
    np.cumsum(np.square(frames), axis=1, out=energy[:, 1:])
    lagged = energy[:, half : half + highest + 1] - energy[:, : highest + 1]
    difference = (lagged[:, :1] + lagged - 2 * correlation)[:, 1:]
    # Rounding makes it negative where the sound is exactly periodic.
    np.maximum(difference, 0, out=difference)
    # Below this it is rounding alone, as in digital silence after speech.
    difference[difference < 1e-12 * energy[:, -1:]] = 0
    mean = np.cumsum(difference, axis=1) / np.arange(1, highest + 1)
    normalised: Floats = np.divide(difference, mean, out=np.ones_like(mean), where=mean > 0)
    return normalised


def _parabolic_shifts(normalised: Floats) -> Floats:
    """How far the minimum of the parabola through three neighbours is from the middle one."""
    left, middle, right = normalised[:, :-2], normalised[:, 1:-1], normalised[:, 2:]
    slope, curvature = (right - left) / 2, left + right - 2 * middle
    shifts = np.zeros_like(normalised)
    is_near = np.abs(slope) < np.abs(curvature)
    np.divide(-slope, curvature, out=shifts[:, 1:-1], where=is_near)
    return shifts


def _troughs(normalised: Floats) -> NDArray[np.bool_]:
    """Which lags are local minima; an end is one if it is below its neighbour."""
    falls = normalised[:, 1:] < normalised[:, :-1]
    rises = normalised[:, 1:] >= normalised[:, :-1]
    is_trough = np.zeros(normalised.shape, bool)
    is_trough[:, 1:-1] = falls[:, :-1] & rises[:, 1:]
    is_trough[:, 0] = normalised[:, 0] < normalised[:, 1]
    is_trough[:, -1] = falls[:, -1]
    return is_trough


# --------------------------------------------------------------------------- pYIN
def _candidates(frame: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Lags (as indices) at which the period may be, and how probable each is.

    Section 2.1 of Mauch & Dixon: for each threshold, the troughs below it share its probability.
    """
    lags = np.flatnonzero(_troughs(frame[None])[0])
    if not len(lags):
        return lags, np.zeros(0)
    heights = frame[lags]
    is_below = heights[:, None] < _THRESHOLDS[1:]
    position = np.cumsum(is_below, axis=0) - 1
    count = is_below.sum(axis=0)
    decay = np.exp(-_BOLTZMANN)
    prior = np.exp(-_BOLTZMANN * position) * (1 - decay) * is_below
    shared = np.divide(
        _BETA_PROBABILITIES, 1 - np.exp(-_BOLTZMANN * count), out=np.zeros(100), where=count > 0
    )
    probabilities: Floats = prior @ shared
    deepest = int(heights.argmin())
    above = len(_BETA_PROBABILITIES) - int(is_below[deepest].sum())
    probabilities[deepest] += _NO_TROUGH_PROBABILITY * _BELOW[above]
    return lags, probabilities


class _PitchModel:
    """The hidden Markov model of pYIN, and the Viterbi algorithm with a fixed lag.

    State ``[0, b]`` is voiced with the pitch of bin `b`, ``[1, b]`` unvoiced after it. Only
    near pitches follow each other, so that a step looks at a band of the transitions.
    """

    def __init__(self, fmin_hz: float, fmax_hz: float, octaves_a_frame: float) -> None:
        self._fmin_hz = fmin_hz
        self._bins = int(np.floor(_BINS_AN_OCTAVE * np.log2(fmax_hz / fmin_hz))) + 1
        self._half = max(1, round(12 * octaves_a_frame)) * _BINS_A_SEMITONE // 2
        triangle = 1 - np.abs(np.arange(-self._half, self._half + 1)) / (self._half + 1)
        self._log_triangle = np.log(triangle)
        reached = np.convolve(np.ones(self._bins), triangle)[self._half : self._half + self._bins]
        self._log_reached = np.log(reached)
        self._padded = np.full((2, self._bins + 2 * self._half), -np.inf)
        self._bands = sliding_window_view(self._padded, 2 * self._half + 1, axis=1)
        self._score: Floats | None = None
        # For each frame not yet decided: where each state came from, and the pitch of its bins.
        self._sources: list[NDArray[np.int32]] = []
        self._pitches_hz: list[dict[int, float]] = []

    def push(self, candidates_hz: Floats, probabilities: Floats) -> None:
        """Take the candidates of the next frame."""
        bins = np.rint(_BINS_AN_OCTAVE * np.log2(candidates_hz / self._fmin_hz)).astype(int)
        bins = np.clip(bins, 0, self._bins - 1)
        voiced = np.zeros(self._bins)
        voiced[bins] = probabilities
        unvoiced = (1 - min(1.0, float(voiced.sum()))) / self._bins
        self._pitches_hz.append(dict(zip(bins.tolist(), candidates_hz.tolist(), strict=True)))
        observed = np.log(np.stack([voiced, np.full(self._bins, unvoiced)]) + _TINY)
        if self._score is None:
            self._score = observed
            self._sources.append(np.zeros((2, self._bins), np.int32))
        else:
            self._score = observed + self._step(self._score)

    def decided_hz(self, *, is_last: bool = False) -> Floats:
        """The pitches of the frames that are decided by now, once each; of all with `is_last`."""
        if is_last:
            return self._decode(len(self._sources))
        if len(self._sources) < _DECODED_FRAMES + _LAG_FRAMES:
            return np.zeros(0)
        return self._decode(_DECODED_FRAMES)

    def _step(self, score: Floats) -> Floats:
        """The best score with which each state is reached; where from is stored."""
        self._padded[:, self._half : self._half + self._bins] = score - self._log_reached
        reached = self._bands + self._log_triangle
        offset = reached.argmax(axis=2)
        best = np.take_along_axis(reached, offset[:, :, None], axis=2)[:, :, 0]
        source = offset + np.arange(self._bins) - self._half + [[0], [self._bins]]
        kept = best + np.log(1 - _SWITCH_PROBABILITY)
        switched = best[::-1] + np.log(_SWITCH_PROBABILITY)
        self._sources.append(np.where(switched > kept, source[::-1], source).astype(np.int32))
        best_of_both: Floats = np.maximum(kept, switched)
        return best_of_both

    def _decode(self, count: int) -> Floats:
        """Follow the best path back, and take the pitches of the first `count` frames from it."""
        if self._score is None:
            return np.zeros(0)
        state = int(self._score.argmax())
        states = np.empty(len(self._sources), int)
        for i in range(len(states) - 1, -1, -1):
            states[i] = state
            state = int(self._sources[i].flat[state])
        pitches = [
            each.get(bin_, self._fmin_hz * 2 ** (bin_ / _BINS_AN_OCTAVE))
            if bin_ < self._bins
            else np.nan
            for each, bin_ in zip(self._pitches_hz[:count], states[:count].tolist(), strict=True)
        ]
        del self._sources[:count], self._pitches_hz[:count]
        return np.array(pitches)
