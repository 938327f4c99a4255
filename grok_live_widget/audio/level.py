"""How loud a sound is: levels in dBFS, and loudness in LUFS as ITU-R BS.1770-4 defines it.

The sound is read in blocks, so that an hour of it needs a few megabytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np

from .._structs import names_checked
from .arguments import check_between
from .pcm import checked_rate, mono_clip, samples_from_pcm

if TYPE_CHECKING:
    from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"

_BLOCK_SAMPLES = 1 << 16

# BS.1770-4: gating blocks of 400 ms that overlap by 75 %, the offset of equation 2, and gates.
_GATING_BLOCK_S = 0.4
_GATING_HOP_S = 0.1
_OFFSET_LUFS = -0.691
_ABSOLUTE_GATE_LUFS = -70.0
_RELATIVE_GATE_LU = -10.0
# What is left of the filters' response after this time is below 1e-12 of it.
_RESPONSE_S = 0.2


class Levels(NamedTuple):
    """A level over time.

    Attributes
    ----------
    times_s : ndarray of float64 [shape=(m,)] [s]
        The middle of each window, from the sound's first sample.
    levels : ndarray of float64 [shape=(m,)] [dBFS or LUFS]
        ``-inf`` for digital silence.

    Examples
    --------
    >>> from grok_live_widget.audio import level_over_time
    >>> import numpy as np
    >>> tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)
    >>> times_s, levels = level_over_time(tone, 24_000)
    >>> times_s.shape == levels.shape
    True
    """

    times_s: Floats
    levels: Floats


def level_dbfs(samples: Any) -> float:
    """The level of a whole sound: its root mean square, relative to full scale.

    Parameters
    ----------
    samples : array_like of int16 or float in [-1, 1) [shape=(n,)], n >= 1

    Returns
    -------
    float [dBFS]
        0 for a square wave of full scale, -3.01 for a sine of full scale, ``-inf`` for digital
        silence.

    Raises
    ------
    AudioFormatError
        For an empty array, several channels, NaN, or another dtype.

    Notes
    -----
    ``20 * log10(sqrt(mean(samples**2)))``. AES17 adds 3.01 dB, so that a sine has 0 dBFS there.

    Examples
    --------
    >>> from grok_live_widget.audio import level_dbfs
    >>> import numpy as np
    >>> tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)
    >>> round(level_dbfs(tone), 2)
    -9.03
    """
    array = mono_clip(samples, figure="a level")
    energies = _energies(_as_floats(array), np.array([0]), np.array([len(array)]))
    return float(_db(energies / len(array))[0])


@names_checked
def level_over_time(
    samples: Any, sample_rate: int, *, window_s: float = 0.05, hop_s: float = 0.01
) -> Levels:
    """The level of each window of a sound, as by `level_dbfs`.

    Parameters
    ----------
    samples : array_like of int16 or float in [-1, 1) [shape=(n,)], n >= 1
    sample_rate : int [Hz]
    window_s, hop_s : float > 0 [s]
        Length and distance of the windows.

    Returns
    -------
    Levels
        In dBFS. The windows are within the sound; one that is shorter than a window has one
        level, that of all of it.

    Raises
    ------
    AudioFormatError
        As `level_dbfs`.
    ConfigurationError
        For a window or distance that is none.

    Examples
    --------
    >>> from grok_live_widget.audio import level_over_time
    >>> import numpy as np
    >>> tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)
    >>> float(level_over_time(tone, 24_000).levels.max().round(2))
    -9.03
    """
    rate_hz = checked_rate(sample_rate)
    for name, value in (("window_s", window_s), ("hop_s", hop_s)):
        check_between(name, value, 1e-4, 3600)
    array = mono_clip(samples, figure="a level")
    window = min(max(1, round(window_s * rate_hz)), len(array))
    starts = np.arange(0, len(array) - window + 1, max(1, round(hop_s * rate_hz)))
    energies = _energies(_as_floats(array), starts, starts + window)
    return Levels((starts + window / 2) / rate_hz, _db(energies / window))


def loudness_lufs(samples: Any, sample_rate: int) -> float:
    """The gated loudness of a whole sound.

    Parameters
    ----------
    samples : array_like of int16 or float in [-1, 1) [shape=(n,)]
        Mono, at least 0.4 s.
    sample_rate : int [Hz]

    Returns
    -------
    float [LUFS]
        -3.01 for a sine of full scale at 997 Hz; ``-inf`` where all of it is below the absolute
        gate of -70 LUFS.

    Raises
    ------
    AudioFormatError
        For a sound that is too short, several channels, NaN, or another dtype.

    Notes
    -----
    Source: ITU-R BS.1770-4 (2015), annex 1. Its filters are given for 48 kHz; see
    `k_weighting` for other rates.

    Examples
    --------
    >>> from grok_live_widget.audio import loudness_lufs
    >>> import numpy as np
    >>> tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)
    >>> round(loudness_lufs(tone, 24_000), 1)
    -9.9
    """
    power = _gating_powers(samples, sample_rate)[1]
    with np.errstate(divide="ignore"):
        power = power[_lufs(power) > _ABSOLUTE_GATE_LUFS]
        if not len(power):
            return float("-inf")
        gate_lufs = _lufs(power.mean()) + _RELATIVE_GATE_LU
        return float(_lufs(power[_lufs(power) > gate_lufs].mean()))


def loudness_over_time(samples: Any, sample_rate: int) -> Levels:
    """The momentary loudness: that of each 400 ms, every 100 ms, without gates.

    Parameters
    ----------
    samples, sample_rate
        As for `loudness_lufs`.

    Returns
    -------
    Levels
        In LUFS.

    Raises
    ------
    AudioFormatError
        As `loudness_lufs`.

    Notes
    -----
    Source: EBU Tech 3341, section 2.2, of the weighting of ITU-R BS.1770-4.

    Examples
    --------
    >>> from grok_live_widget.audio import loudness_over_time
    >>> import numpy as np
    >>> tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)
    >>> len(loudness_over_time(tone, 24_000).times_s)
    7
    """
    times_s, power = _gating_powers(samples, sample_rate)
    return Levels(times_s, _lufs(power))


def k_weighting(sample_rate: int) -> Floats:
    """The two filters of the K-weighting, for any rate.

    Parameters
    ----------
    sample_rate : int [Hz]

    Returns
    -------
    ndarray of float64 [shape=(2, 6)]
        Of each second-order section ``b0, b1, b2, a0, a1, a2``, as `scipy.signal.sosfilt` takes
        them: the shelf for the acoustic effect of the head, and the high-pass.

    Notes
    -----
    Source: ITU-R BS.1770-4, annex 1, tables 1 and 2, for 48 kHz. The analog filters from which
    the bilinear transform makes those tables (De Man, B. (2014). Evaluation of implementations
    of the EBU R128 loudness measurement. AES 145 e-Brief) are transformed for the given rate.
    The high-pass keeps the numerator 1, -2, 1 of table 2 at every rate, and from 8 kHz on the
    response at 997 Hz is within 0.05 dB of that at 48 kHz.
    """
    rate_hz = checked_rate(sample_rate)
    gain, gain_at_corner = 10 ** (3.999843853973347 / 20), 0.4996667741545416
    middle = gain**gain_at_corner
    k, q = np.tan(np.pi * 1681.974450955533 / rate_hz), 0.7071752369554196
    a0 = 1 + k / q + k * k
    shelf = [
        (gain + middle * k / q + k * k) / a0,
        2 * (k * k - gain) / a0,
        (gain - middle * k / q + k * k) / a0,
        1.0,
        2 * (k * k - 1) / a0,
        (1 - k / q + k * k) / a0,
    ]
    k, q = np.tan(np.pi * 38.13547087602444 / rate_hz), 0.5003270373238773
    a0 = 1 + k / q + k * k
    high_pass = [1.0, -2.0, 1.0, 1.0, 2 * (k * k - 1) / a0, (1 - k / q + k * k) / a0]
    return np.array([shelf, high_pass])


# --------------------------------------------------------------------------- blocks
def _as_floats(array: NDArray[Any]) -> Iterator[Floats]:
    for start in range(0, len(array), _BLOCK_SAMPLES):
        block = array[start : start + _BLOCK_SAMPLES]
        floats = samples_from_pcm(block) if block.dtype == np.int16 else block
        yield floats.astype(np.float64)


def _k_weighted(array: NDArray[Any], rate_hz: int) -> Iterator[Floats]:
    """The sound through the filters, in blocks.

    By products of spectra (overlap-save), since numpy has no recursive filter: the response of
    the filters has faded long before the end of a transform, whose first part is dropped.
    """
    faded = round(_RESPONSE_S * rate_hz)
    length = 1 << int(np.ceil(np.log2(8 * faded)))
    step = length - faded
    unit = np.exp(-2j * np.pi * np.arange(length // 2 + 1) / length)
    powers = np.stack([np.ones_like(unit), unit, unit**2])
    response = np.ones_like(unit)
    for section in k_weighting(rate_hz):
        response *= (section[:3] @ powers) / (section[3:] @ powers)
    for start in range(0, len(array), step):
        block = array[max(0, start - faded) : start + step]
        floats = samples_from_pcm(block) if block.dtype == np.int16 else block
        missing = max(0, faded - start)
        piece = np.zeros(length)
        piece[missing : missing + len(floats)] = floats
        weighted = np.fft.irfft(np.fft.rfft(piece) * response, length)
        yield weighted[faded : faded + min(step, len(array) - start)]


def _energies(
    blocks: Iterator[Floats], starts: NDArray[np.intp], stops: NDArray[np.intp]
) -> Floats:
    """Sum of the squares of the samples from each start to its stop, which both rise."""
    at_starts, at_stops = np.zeros(len(starts)), np.zeros(len(stops))
    position, total = 0, 0.0
    for block in blocks:
        sums = np.concatenate([[0.0], np.cumsum(np.square(block))]) + total
        for edges, values in ((starts, at_starts), (stops, at_stops)):
            first, last = np.searchsorted(edges, [position, position + len(block)], "left")
            last = np.searchsorted(edges, position + len(block), "right")
            values[first:last] = sums[edges[first:last] - position]
        position, total = position + len(block), float(sums[-1])
    return np.maximum(at_stops - at_starts, 0)


def _gating_powers(samples: Any, sample_rate: int) -> tuple[Floats, Floats]:
    """Middle [s] and mean square of each gating block of the weighted sound."""
    rate_hz = checked_rate(sample_rate)
    least = int(_GATING_BLOCK_S * rate_hz)
    array = mono_clip(
        samples,
        figure="loudness",
        least_samples=least,
        cure="Pass at least 0.4 s; level_dbfs takes a sound of any length.",
    )
    count = int((len(array) / rate_hz - _GATING_BLOCK_S) / _GATING_HOP_S + 1e-9) + 1
    starts_s = np.arange(count, dtype=np.float64) * _GATING_HOP_S
    starts = (starts_s * rate_hz + 1e-6).astype(np.intp)
    stops = np.minimum(((starts_s + _GATING_BLOCK_S) * rate_hz + 1e-6).astype(np.intp), len(array))
    energies = _energies(_k_weighted(array, rate_hz), starts, stops)
    middles_s: Floats = np.add(starts_s, _GATING_BLOCK_S / 2)
    return middles_s, energies / (_GATING_BLOCK_S * rate_hz)


def _db(power: Any) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(10 * np.log10(power), np.float64)


def _lufs(power: Any) -> Floats:
    return _OFFSET_LUFS + _db(power)
