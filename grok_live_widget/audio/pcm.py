"""Samples as bytes, int16 and float32; checks and mixing of the arrays that users pass.

int16 in transit, float32 for computing: ``n / 32768`` one way and ``clip(rint(x * 32768))`` the
other, which is lossless for all 65,536 codes. Arrays are mono with shape (n,) unless stated.
"""

from __future__ import annotations

from numbers import Real
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ..exceptions import AudioFormatError

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLE_RATE_HZ = 24_000
"""Default rate of both dialects, and the rate between page and kernel. Source: the seed
document."""

# As `numpy.dtype.char`: int16, and all that sound may have, with float32 and float64.
_INT16, _SOUND = "h", "hfd"

Pcm: TypeAlias = "NDArray[np.int16]"
Samples: TypeAlias = "NDArray[np.float32]"


def pcm_from_bytes(data: bytes | memoryview) -> Pcm:
    """View little-endian PCM16 bytes as ``ndarray of int16 [shape=(n,)]``, read-only."""
    return np.frombuffer(data, "<i2")


def samples_from_pcm(pcm: Pcm) -> Samples:
    """Convert int16 codes to ``ndarray of float32`` in [-1, 1), same shape, a copy."""
    return np.multiply(pcm, np.float32(1 / 32768), dtype=np.float32)


def pcm_from_samples(samples: NDArray[Any]) -> Pcm:
    """Convert floats to ``ndarray of int16``, same shape; beyond ±1 is clipped."""
    scaled = np.rint(np.asarray(samples) * 32768.0)
    return np.clip(scaled, -32768, 32767).astype(np.int16)


def bytes_from_samples(samples: NDArray[Any]) -> bytes:
    """Convert floats to little-endian PCM16 bytes; beyond ±1 is clipped."""
    return pcm_from_samples(samples).astype("<i2", copy=False).tobytes()


# --------------------------------------------------------------------------- arrays of users
# Floats with more than this are no clipped recording: 24 dB above full scale.
_NO_FLOAT_SOUND = 16.0
_FULL_SCALES = (2**15, 2**23, 2**31)

_CURES = {
    "int8": "Use x.astype('float32') / 128.",
    "uint8": "Use (x.astype('float32') - 128) / 128.",
    "uint16": "Use x.astype('float32') / 32768 - 1.",
    "int32": "Use (x / 2147483648).astype('float32').",
    "float16": "Use x.astype('float32').",
    # In the byte order of another machine.
    "float32": "Use x.astype('float32').",
    "float64": "Use x.astype('float64').",
    "longdouble": "Use x.astype('float64').",
}


def _cure_of(array: NDArray[Any]) -> str:
    """How an array of another dtype becomes sound, without samples that wrap round."""
    is_integer = array.dtype.kind in "iu" and array.dtype.itemsize > 1
    if is_integer and (not array.size or (array.min() >= -32768 and array.max() <= 32767)):
        return "Its values are those of int16: use x.astype('int16')."
    name = "longdouble" if array.dtype == np.longdouble else array.dtype.name
    return _CURES.get(name, "Use floats in [-1, 1), or int16.")


def checked(x: Any) -> NDArray[Any]:
    """An array that is sound, of int16 or float32; AudioFormatError for anything else."""
    array = _array_of(x)
    if not (array.dtype.char in _SOUND and array.dtype.isnative):
        raise AudioFormatError(
            f"sound must be int16, float32 or float64, not {array.dtype}.", cure=_cure_of(array)
        )
    if array.ndim not in (1, 2) or array.shape[1:] == (0,):
        raise AudioFormatError(
            f"sound must have shape (n,) or (n, channels), not {array.shape}.",
            cure="Pass one clip at a time.",
        )
    if array.ndim == 2 and array.shape[1] > 32 and array.shape[1] > array.shape[0]:
        raise AudioFormatError(
            f"shape {array.shape} means {array.shape[1]} channels.",
            cure="If the first axis is the channels, pass x.T.",
        )
    return array if array.dtype.char == _INT16 else _checked_floats(array)


def _array_of(x: Any) -> NDArray[Any]:
    if isinstance(x, PathLike | str):
        raise AudioFormatError(
            f"sound must be an array, not {x!r}.",
            cure="x, sample_rate = soundfile.read(path) reads a file; "
            "ask and say take a pathlib.Path.",
        )
    if isinstance(x, bytes | bytearray | memoryview):
        raise AudioFormatError(
            f"sound must be an array, not {type(x).__name__}.",
            cure="numpy.frombuffer(x, 'int16') makes an array of PCM16 bytes.",
        )
    try:
        array: NDArray[Any] = np.asarray(x)
    except (TypeError, ValueError, RuntimeError) as error:
        raise AudioFormatError(
            f"sound must be an array, and {type(x).__name__} cannot be made one: {error}.",
            cure="Pass a numpy array.",
        ) from None
    # numpy makes an array without dimensions of what has no elements, such as None.
    if array.ndim == 0 and array.dtype == object:
        raise AudioFormatError(
            f"sound must be an array, not {type(x).__name__}.", cure="Pass a numpy array."
        )
    return array


def _checked_floats(array: NDArray[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore"):
        array = array.astype(np.float32, copy=False)
    if not np.isfinite(array).all():
        raise AudioFormatError(
            "sound must be finite, but this has NaN or infinite values.",
            cure="np.nan_to_num(x) replaces them.",
        )
    peak = float(np.abs(array).max(initial=0))
    scale = next((each for each in _FULL_SCALES if peak <= each), None)
    if peak > _NO_FLOAT_SOUND and scale is not None and _is_scaled_as_integers(array):
        raise AudioFormatError(
            f"floats must be in [-1, 1], and these reach {peak:g}, as integers kept as floats do.",
            cure=f"Use x / {scale}.",
        )
    return array


def _is_scaled_as_integers(array: NDArray[Any]) -> bool:
    """Whether floats look like integer samples, and not like sound with some values too large."""
    is_beyond = np.count_nonzero(np.abs(array) > _NO_FLOAT_SOUND) >= array.size / 100
    return bool(is_beyond or np.array_equal(array, np.rint(array)))


def mono_from(x: Any) -> NDArray[Any]:
    """Check an array and mix it down.

    Parameters
    ----------
    x : array_like of int16, float32 or float64 [shape=(n,) or (n, channels)]
        Sound with the axes in the order of `soundfile`.

    Returns
    -------
    ndarray of int16 or float32 [shape=(n,)]
        `x` itself where it is mono int16 already.

    Raises
    ------
    AudioFormatError
        For other dtypes or shapes, for NaN or infinite values, and for floats that are integer
        samples by their size.
    """
    return mixed_down(checked(x))


def mono_clip(x: Any, *, figure: str, least_samples: int = 1, cure: str = "") -> NDArray[Any]:
    """Check the sound of which a figure is computed.

    Parameters
    ----------
    x : array_like of int16, float32 or float64 [shape=(n,)]
    figure : str
        What is computed, for the error.
    least_samples : int >= 1
        The fewest samples of which it can be computed.
    cure : str
        What to do about fewer.

    Returns
    -------
    ndarray of int16 or float32 [shape=(n,)]
        `x` itself, unless it is float64.

    Raises
    ------
    AudioFormatError
        Where `mono_from` raises it, for several channels, and for fewer samples.
    """
    array = checked(x)
    if array.ndim != 1:
        raise AudioFormatError(
            f"{figure} needs sound of shape (n,), not {array.shape}.",
            cure="Use one channel, x[:, 0], or the mix of all, x.mean(axis=1).",
        )
    if len(array) < least_samples:
        raise AudioFormatError(
            f"{figure} needs at least {least_samples:,} samples, not {len(array):,}.",
            cure=cure or "Check that the sound is not empty.",
        )
    return array


def float_samples(array: NDArray[Any]) -> Samples:
    """A checked array as float32 in [-1, 1): `array` itself unless it is int16."""
    return samples_from_pcm(array) if array.dtype.char == _INT16 else array


def mixed_down(array: NDArray[Any]) -> NDArray[Any]:
    """Mix the channels of a checked array: ``ndarray of int16 or float32 [shape=(n,)]``."""
    if array.ndim == 1:
        return array
    if array.shape[1] == 1:
        return array[:, 0]
    as_float = samples_from_pcm(array) if array.dtype == np.int16 else array
    mixed: Samples = as_float.mean(axis=1, dtype=np.float64).astype(np.float32)
    return mixed


def checked_rate(sample_rate: Any) -> int:
    """A sample rate as an int [Hz]; AudioFormatError unless 1,000 to 384,000."""
    is_whole = isinstance(sample_rate, Real) and float(sample_rate).is_integer()
    rate_hz = int(sample_rate) if is_whole else 0
    if not 1_000 <= rate_hz <= 384_000:
        raise AudioFormatError(
            "sample_rate must be a whole number of hertz from 1000 to 384000, "
            f"not {sample_rate!r}.",
            cure="soundfile.read and scipy.io.wavfile.read return the rate of a file.",
        )
    return rate_hz
