"""Spectra of sound over time: STFT, mel spectrogram and MFCC.

The definitions are those of librosa's functions of the same names, with its defaults unless
stated, so that figures can be compared. The sound is read in blocks, so that beside the result
a computation needs a few megabytes, however long the sound is.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .._structs import names_checked
from ..exceptions import ConfigurationError
from .arguments import check_range, check_whole
from .pcm import checked_rate, float_samples, mono_clip

Spectrogram = NDArray[np.float32]

# Frames of a block. With 1024 samples each, frames and spectra stay in a processor's cache.
_BLOCK_FRAMES = 256
# Transforms into memory that is there already, since numpy 2.
_CAN_REUSE_MEMORY = int(np.__version__.partition(".")[0]) >= 2
# The types of numpy before 2.5 allow no complex64 as `out`.
_RFFT: Any = np.fft.rfft
# The least power that has a level, as in librosa: -100 dB.
_LEAST_POWER = 1e-10


@names_checked
def stft(samples: Any, *, n_fft: int = 1024, hop: int = 256) -> NDArray[np.complex64]:
    """Short-time Fourier transform with a Hann window.

    Parameters
    ----------
    samples : array_like of int16 or float in [-1, 1) [shape=(n,)], n >= 1
    n_fft : int >= 2 [samples]
        Length of the window.
    hop : int >= 1 [samples]
        Distance of the windows.

    Returns
    -------
    ndarray of complex64 [shape=(1 + n_fft // 2, 1 + n // hop)]
        Bin ``k`` is the frequency ``k * sample_rate / n_fft``. Frame ``i`` is centred at sample
        ``i * hop``; beyond its ends the sound is continued by zeros. A new array: an hour at
        24 kHz makes 1.4 GB with the default values, for which `power_blocks` is the remedy.

    Raises
    ------
    AudioFormatError
        For an empty array, several channels, NaN, or another dtype.
    ConfigurationError
        For a window or hop that is none.

    Notes
    -----
    Source: Allen, J. B. (1977). Short term spectral analysis, synthesis, and modification by
    discrete Fourier transform. IEEE Trans. ASSP 25(3). As `librosa.stft` with
    ``center=True, pad_mode="constant"``.

    Examples
    --------
    >>> from grok_live_widget.audio import stft
    >>> import numpy as np
    >>> tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)
    >>> spectrum = stft(tone)
    >>> spectrum.shape, round(float(np.abs(spectrum[:, 40]).argmax() * 24_000 / 1024))
    ((513, 94), 211)
    """
    array = mono_clip(samples, figure="a spectrum")
    out = np.empty((1 + n_fft // 2, frame_count(len(array), n_fft, hop)), np.complex64)
    for first, spectra in _spectra(array, n_fft, hop):
        out[:, first : first + len(spectra)] = spectra.T
    return out


@names_checked
def power_blocks(
    samples: Any, *, n_fft: int = 1024, hop: int = 256
) -> Iterator[tuple[int, Spectrogram]]:
    """The squared magnitudes of `stft`, block by block, for sound of any length.

    Yields
    ------
    first_frame : int
    power : ndarray of float32 [shape=(m, 1 + n_fft // 2)], m <= 256
        Of the frames from `first_frame`: one row a frame. A new array each time.

    Raises
    ------
    AudioFormatError, ConfigurationError
        As `stft`, at the first block.
    """
    array = mono_clip(samples, figure="a spectrum")
    for first, spectra in _spectra(array, n_fft, hop):
        yield first, _power_of(spectra)


def frame_count(sample_count: int, n_fft: int = 1024, hop: int = 256) -> int:
    """Number of frames that `stft` makes of this many samples."""
    check_whole("n_fft", n_fft, 2)
    check_whole("hop", hop, 1)
    return 1 + (sample_count + 2 * (n_fft // 2) - n_fft) // hop


@names_checked
def mel_filters(
    sample_rate: int,
    *,
    n_fft: int = 1024,
    n_mels: int = 80,
    fmin_hz: float = 0.0,
    fmax_hz: float | None = None,
) -> NDArray[np.float32]:
    """Triangular filters, equally spaced on the mel scale, each of unit area.

    Parameters
    ----------
    sample_rate : int [Hz]
    n_fft : int >= 2 [samples]
    n_mels : int >= 1
        Number of filters; librosa's default is 128.
    fmin_hz, fmax_hz : float [Hz], 0 <= fmin_hz < fmax_hz <= sample_rate / 2
        Limits of the lowest and highest filter; None: ``sample_rate / 2``.

    Returns
    -------
    ndarray of float32 [shape=(n_mels, 1 + n_fft // 2)]
        Shared and read-only.

    Raises
    ------
    AudioFormatError
        For a sample rate that is none.
    ConfigurationError
        For limits that are none, and for filters that are narrower than a bin of the spectrum.

    Notes
    -----
    Source: Slaney, M. (1998). Auditory Toolbox, version 2. Interval Research, TR 1998-010. The
    scale is linear below 1 kHz and logarithmic above.

    Examples
    --------
    >>> from grok_live_widget.audio import mel_filters
    >>> filters = mel_filters(24_000, n_mels=40)
    >>> filters.shape, bool((filters.sum(axis=1) > 0).all())
    ((40, 513), True)
    """
    rate_hz = checked_rate(sample_rate)
    check_whole("n_fft", n_fft, 2)
    check_whole("n_mels", n_mels, 1)
    highest_hz = rate_hz / 2 if fmax_hz is None else fmax_hz
    check_range(fmin_hz, highest_hz, 0, rate_hz / 2)
    return _filters(rate_hz, n_fft, n_mels, float(fmin_hz), float(highest_hz))


@names_checked
def mel_spectrogram(
    samples: Any,
    sample_rate: int,
    *,
    n_fft: int = 1024,
    hop: int = 256,
    n_mels: int = 80,
    fmin_hz: float = 0.0,
    fmax_hz: float | None = None,
) -> Spectrogram:
    """Power in mel bands over time.

    Parameters
    ----------
    samples : array_like of int16 or float in [-1, 1) [shape=(n,)], n >= 1
    sample_rate : int [Hz]
    n_fft, hop : int [samples]
        As for `stft`.
    n_mels, fmin_hz, fmax_hz
        As for `mel_filters`.

    Returns
    -------
    ndarray of float32 [shape=(n_mels, 1 + n // hop)]
        Power, >= 0; `db_from_power` makes decibels of it. A new array.

    Raises
    ------
    AudioFormatError, ConfigurationError
        As `stft` and `mel_filters`.

    Notes
    -----
    Source: as for `mel_filters`. As `librosa.feature.melspectrogram` with the same arguments.

    Examples
    --------
    >>> from grok_live_widget.audio import mel_spectrogram
    >>> import numpy as np
    >>> tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)
    >>> mel_spectrogram(tone, 24_000).shape
    (80, 94)
    """
    array = mono_clip(samples, figure="a mel spectrogram")
    filters = mel_filters(sample_rate, n_fft=n_fft, n_mels=n_mels, fmin_hz=fmin_hz, fmax_hz=fmax_hz)
    combs = [_comb(filters[first::2]) for first in range(min(2, n_mels))]
    out = np.empty((n_mels, frame_count(len(array), n_fft, hop)), np.float32)
    for first, spectra in _spectra(array, n_fft, hop):
        power = _power_of(spectra)
        weighted = np.empty_like(power)
        columns = out[:, first : first + len(spectra)]
        for place, (weights, starts) in enumerate(combs):
            np.multiply(power, weights, out=weighted)
            columns[place::2] = np.add.reduceat(weighted, starts, axis=1).T
    return out


@names_checked
def mfcc(
    samples: Any, sample_rate: int, *, n_mfcc: int = 20, n_mels: int = 80, **options: Any
) -> NDArray[np.float32]:
    """Mel-frequency cepstral coefficients over time.

    Parameters
    ----------
    samples : array_like of int16 or float in [-1, 1) [shape=(n,)], n >= 1
    sample_rate : int [Hz]
    n_mfcc : 1 <= int <= n_mels
        How many coefficients, from the first.
    n_mels : int >= 1
    **options
        ``n_fft``, ``hop``, ``fmin_hz``, ``fmax_hz``: as for `mel_spectrogram`.

    Returns
    -------
    ndarray of float32 [shape=(n_mfcc, 1 + n // hop)]
        The orthonormal discrete cosine transform (type II) of the mel spectrogram in dB, of
        which what is more than 80 dB below its maximum is raised to there. A new array.

    Raises
    ------
    AudioFormatError, ConfigurationError
        As `mel_spectrogram`.

    Notes
    -----
    Source: Davis, S. B., & Mermelstein, P. (1980). Comparison of parametric representations for
    monosyllabic word recognition in continuously spoken sentences. IEEE Trans. ASSP 28(4). As
    `librosa.feature.mfcc` with the same arguments.

    Examples
    --------
    >>> from grok_live_widget.audio import mfcc
    >>> import numpy as np
    >>> tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)
    >>> mfcc(tone, 24_000, n_mfcc=13).shape
    (13, 94)
    """
    check_whole("n_mfcc", n_mfcc, 1)
    if n_mfcc > n_mels:
        raise ConfigurationError(f"n_mfcc must be at most n_mels ({n_mels}), not {n_mfcc}.")
    mel = mel_spectrogram(samples, sample_rate, n_mels=n_mels, **options)
    coefficients: NDArray[np.float32] = _cosines(n_mfcc, n_mels) @ db_from_power(mel, range_db=80)
    return coefficients


@names_checked
def db_from_power(power: Any, *, range_db: float | None = None) -> NDArray[np.float32]:
    """Power as a level in decibels.

    Parameters
    ----------
    power : array_like of float >= 0
    range_db : float > 0 or None [dB]
        What is further below the maximum is raised to there; None: nothing is.

    Returns
    -------
    ndarray of float32 [dB], same shape
        A power of 1 is 0 dB; the least value is -100 dB.
    """
    level = np.maximum(np.asarray(power, np.float32), np.float32(_LEAST_POWER))
    np.log10(level, out=level)
    level *= np.float32(10)
    if range_db is not None and level.size:
        np.maximum(level, level.max() - np.float32(range_db), out=level)
    return level


# --------------------------------------------------------------------------- blocks
def _spectra(
    array: NDArray[Any], n_fft: int, hop: int
) -> Iterator[tuple[int, NDArray[np.complex64]]]:
    """Index of the first frame and spectra [shape=(m, bins)] of each block of frames.

    The spectra are in memory that the next block uses again.
    """
    count = frame_count(len(array), n_fft, hop)
    window = _hann(n_fft)
    frames = np.empty((min(count, _BLOCK_FRAMES), n_fft), np.float32)
    spectra = np.empty((len(frames), 1 + n_fft // 2), np.complex64)
    for first in range(0, count, _BLOCK_FRAMES):
        last = min(first + _BLOCK_FRAMES, count)
        start = first * hop - n_fft // 2
        piece = _between(array, start, start + (last - first - 1) * hop + n_fft)
        windowed, found = frames[: last - first], spectra[: last - first]
        np.multiply(sliding_window_view(piece, n_fft)[::hop], window, out=windowed)
        if _CAN_REUSE_MEMORY:
            _RFFT(windowed, out=found)
        else:
            found[:] = np.fft.rfft(windowed)
        yield first, found


def _between(array: NDArray[Any], start: int, stop: int) -> NDArray[np.float32]:
    """Samples from `start` to `stop` as float32, with zeros beyond the ends."""
    inner = float_samples(array[max(0, start) : max(0, stop)])
    if start >= 0 and stop <= len(array):
        return inner
    out = np.zeros(stop - start, np.float32)
    out[max(0, -start) : max(0, -start) + len(inner)] = inner
    return out


def _power_of(spectra: NDArray[np.complex64]) -> Spectrogram:
    power: Spectrogram = np.square(spectra.real)
    power += np.square(spectra.imag)
    return power


@lru_cache(8)
def _hann(n_fft: int) -> NDArray[np.float32]:
    """The periodic Hann window."""
    return (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n_fft) / n_fft)).astype(np.float32)


# --------------------------------------------------------------------------- mel
# Below 1 kHz 15 mels of equal width, above 27 to each factor of 6.4.
_HZ_A_MEL = 200 / 3
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _HZ_A_MEL
_LOG_STEP = np.log(6.4) / 27


def mel_from_hz(frequency_hz: Any) -> NDArray[np.float64]:
    """Frequencies [Hz] on Slaney's mel scale."""
    hz = np.asarray(frequency_hz, np.float64)
    above = _BREAK_MEL + np.log(np.maximum(hz, _BREAK_HZ) / _BREAK_HZ) / _LOG_STEP
    return np.where(hz < _BREAK_HZ, hz / _HZ_A_MEL, above)


def hz_from_mel(mel: Any) -> NDArray[np.float64]:
    """Slaney's mels as frequencies [Hz]."""
    mels = np.asarray(mel, np.float64)
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mels, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mels < _BREAK_MEL, mels * _HZ_A_MEL, above)


@lru_cache(8)
def _filters(
    rate_hz: int, n_fft: int, n_mels: int, fmin_hz: float, fmax_hz: float
) -> NDArray[np.float32]:
    bins_hz = np.arange(1 + n_fft // 2) * (rate_hz / n_fft)
    edges_hz = hz_from_mel(np.linspace(mel_from_hz(fmin_hz), mel_from_hz(fmax_hz), n_mels + 2))
    low, centre, high = (edges_hz[i : i + n_mels, None] for i in range(3))
    rising, falling = (bins_hz - low) / (centre - low), (high - bins_hz) / (high - centre)
    filters = np.maximum(0, np.minimum(rising, falling)) * 2 / (high - low)
    empty = np.flatnonzero(~filters.any(axis=1))
    if len(empty):
        raise ConfigurationError(
            f"n_mels={n_mels} makes {len(empty)} filters that are narrower than a bin of the "
            f"spectrum ({rate_hz / n_fft:.0f} Hz).",
            cure="Use fewer n_mels, or a larger n_fft.",
        )
    out = filters.astype(np.float32)
    out.flags.writeable = False
    return out


def _comb(filters: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Filters of which none overlaps another, as one vector of weights and the first bin of each.

    Every second filter is such. Their sums are then one pass over a spectrum. A product with the
    matrix of filters, nearly all of which is zeros, would be given to several threads, which wait
    long for one another where a processor has other work.
    """
    return filters.sum(axis=0), (filters > 0).argmax(axis=1)


def _cosines(n_mfcc: int, n_mels: int) -> NDArray[np.float32]:
    """The first rows of the orthonormal discrete cosine transform, type II."""
    k, m = np.arange(n_mfcc)[:, None], np.arange(n_mels)
    rows = np.cos(np.pi * k * (2 * m + 1) / (2 * n_mels)) * np.sqrt(2 / n_mels)
    rows[0] /= np.sqrt(2)
    cosines: NDArray[np.float32] = rows.astype(np.float32)
    return cosines
