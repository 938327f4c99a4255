"""Sound as arrays: conversions, levels, streaming resampling, WAV files.

int16 in transit, float32 in hand: ``n / 32768`` one way and ``clip(rint(x * 32768))`` the
other, which gives back all 65,536 codes. Arrays are mono with shape (n,) unless said.
"""

from __future__ import annotations

import wave
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from ..exceptions import AudioFormatError

__all__ = [
    "SAMPLE_RATE_HZ",
    "ClipConverter",
    "Resampler",
    "level_dbfs",
    "mono_from",
    "pcm_from_bytes",
    "pcm_from_samples",
    "read_wav",
    "samples_from_pcm",
    "write_wav",
]

SAMPLE_RATE_HZ = 24_000
"""What both dialects speak unless asked otherwise, and what page and kernel exchange. Source:
the seed document."""

_PCM16 = np.dtype("<i2")

Pcm = NDArray[np.int16]
Samples = NDArray[np.float32]


def pcm_from_bytes(data: bytes | memoryview) -> Pcm:
    """View little-endian PCM16 bytes as ``ndarray of int16 [shape=(n,)]``, read-only."""
    return np.frombuffer(data, dtype=_PCM16)


def samples_from_pcm(pcm: Pcm) -> Samples:
    """Convert int16 codes to ``ndarray of float32`` in [-1, 1), same shape, a copy."""
    return np.multiply(pcm, np.float32(1 / 32768), dtype=np.float32)


def pcm_from_samples(samples: NDArray[Any]) -> Pcm:
    """Convert floats to ``ndarray of int16``, same shape; beyond ±1 is clipped."""
    scaled = np.rint(np.asarray(samples) * 32768.0)
    return np.clip(scaled, -32768, 32767).astype(np.int16)


def level_dbfs(samples: Samples) -> float:
    """Root mean square level [dBFS]; a full-scale sine is at -3, silence at -inf."""
    if not len(samples):
        return float("-inf")
    power = float(np.mean(np.square(samples, dtype=np.float64)))
    return 10 * float(np.log10(power)) if power else float("-inf")


# --------------------------------------------------------------------------- what people hand in
def _checked(x: Any) -> NDArray[Any]:
    array: NDArray[Any] = np.asarray(x)
    if array.dtype not in (np.int16, np.float32, np.float64):
        raise AudioFormatError(
            f"sound must be int16, float32 or float64, not {array.dtype}.",
            cure="Use x.astype('float32') with values in [-1, 1), or x.astype('int16').",
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
    if array.dtype == np.int16:
        return array
    with np.errstate(over="ignore"):
        array = array.astype(np.float32, copy=False)
    if not np.isfinite(array).all():
        raise AudioFormatError(
            "sound must be finite, and this has NaN or infinite values.",
            cure="np.nan_to_num(x) replaces them by zeros.",
        )
    return array


def mono_from(x: Any) -> NDArray[Any]:
    """Check an array and mix it down.

    Parameters
    ----------
    x : array_like of int16, float32 or float64 [shape=(n,) or (n, channels)]
        Sound in soundfile's order of axes.

    Returns
    -------
    ndarray of int16 or float32 [shape=(n,)]
        The very array where it was mono int16 already.

    Raises
    ------
    AudioFormatError
        For other dtypes or shapes, and for NaN or infinite values.
    """
    array = _checked(x)
    if array.ndim == 2:
        if array.shape[1] == 1:
            return array[:, 0]
        as_float = samples_from_pcm(array) if array.dtype == np.int16 else array
        mixed: Samples = as_float.mean(axis=1, dtype=np.float64).astype(np.float32)
        return mixed
    return array


def checked_rate(sample_rate: Any) -> int:
    """A sample rate as an int [Hz]; AudioFormatError unless 1,000 to 384,000."""
    try:
        rate_hz = int(sample_rate)
    except (TypeError, ValueError, OverflowError):
        rate_hz = 0
    if not 1_000 <= rate_hz <= 384_000:
        raise AudioFormatError(
            f"sample_rate must be a number of hertz from 1000 to 384000, not {sample_rate!r}.",
            cure="For a file, soundfile.read and scipy.io.wavfile.read tell it.",
        )
    return rate_hz


class Resampler:
    """Mono float32 sound from one rate to another, in pieces, without seams.

    Parameters
    ----------
    from_hz, to_hz : int [Hz]
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._stream = soxr.ResampleStream(from_hz, to_hz, 1, dtype="float32", quality="HQ")

    def push(self, samples: Samples, *, is_last: bool = False) -> Samples:
        """Return what is ready: ``ndarray of float32 [shape=(m,)]``, a new array.

        After ``is_last=True`` the resampler is empty and begins anew.
        """
        ready: Samples = self._stream.resample_chunk(np.ascontiguousarray(samples), last=is_last)
        if is_last:
            self._stream.clear()
        return ready


class ClipConverter:
    """Whatever people hand in, as mono PCM16 bytes at one rate; keeps a resampler between pieces.

    Mono int16 at that rate passes untouched.

    Parameters
    ----------
    to_hz : int [Hz]
        The rate of what comes out.

    Attributes
    ----------
    clipped_count : int
        Samples beyond ±1 so far.
    """

    def __init__(self, to_hz: int = SAMPLE_RATE_HZ) -> None:
        self.clipped_count = 0
        self._to_hz = self._rate_hz = to_hz
        self._resampler: Resampler | None = None

    def convert(self, x: Any, sample_rate: Any, *, more: bool = False) -> bytes:
        """Convert one piece.

        Parameters
        ----------
        x : array_like [shape=(n,) or (n, channels)]
            See `mono_from`.
        sample_rate : int [Hz]
        more : bool
            The next piece continues this one, so the resampler is not flushed.
        """
        rate_hz, mono = checked_rate(sample_rate), mono_from(x)
        rest = b"" if rate_hz == self._rate_hz else self._change_rate(rate_hz)
        if rate_hz == self._to_hz and mono.dtype == np.int16:
            return rest + mono.astype("<i2", copy=False).tobytes()
        samples = samples_from_pcm(mono) if mono.dtype == np.int16 else self._clipped(mono)
        if self._resampler is not None:
            samples = self._resampler.push(samples, is_last=not more)
        return rest + _bytes_from_samples(samples)

    def _change_rate(self, rate_hz: int) -> bytes:
        """Begin anew at another rate; returns what the resampler still held of the last."""
        rest, self._rate_hz, self._resampler = self.finish(), rate_hz, None
        if rate_hz != self._to_hz:
            self._resampler = Resampler(rate_hz, self._to_hz)
        return rest

    def finish(self) -> bytes:
        """What is still held of the pieces so far; the next piece continues nothing."""
        if self._resampler is None:
            return b""
        return _bytes_from_samples(self._resampler.push(np.empty(0, np.float32), is_last=True))

    def _clipped(self, samples: Samples) -> Samples:
        beyond_count = int(np.count_nonzero(np.abs(samples) > 1))
        self.clipped_count += beyond_count
        # Before resampling, which would spread what is far beyond over its neighbours.
        return np.clip(samples, -1, 1) if beyond_count else samples


def _bytes_from_samples(samples: Samples) -> bytes:
    return pcm_from_samples(samples).astype("<i2", copy=False).tobytes()


# --------------------------------------------------------------------------- WAV
def read_wav(path: str | PathLike[str]) -> tuple[NDArray[Any], int]:
    """Read a PCM WAV file.

    Returns
    -------
    x : ndarray of int16 or float32 [shape=(n,) or (n, channels)]
        int16 for 16-bit files, else float32 in [-1, 1).
    sample_rate : int [Hz]

    Raises
    ------
    AudioFormatError
        When the file is missing or no PCM WAV file.
    """
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, rate_hz = (
                file.getnchannels(),
                file.getsampwidth(),
                file.getframerate(),
            )
            if width > 4:
                raise wave.Error(f"{8 * width} bits a sample")
            data = file.readframes(file.getnframes())
    except FileNotFoundError:
        raise AudioFormatError(f"there is no file {str(path)!r}.") from None
    except (wave.Error, EOFError, OSError) as error:
        raise AudioFormatError(
            f"{str(path)!r} cannot be read as a PCM WAV file ({str(error) or 'it is too short'}).",
            cure="soundfile.read(path) reads most formats; pass its array and rate instead.",
        ) from None
    whole = data[: len(data) // (width * channels) * (width * channels)]
    x = _array_from_pcm_bytes(whole, width)
    return (x.reshape(-1, channels) if channels > 1 else x), rate_hz


def _array_from_pcm_bytes(data: bytes, width: int) -> NDArray[Any]:
    match width:
        case 1:
            return ((np.frombuffer(data, np.uint8).astype(np.float32)) - 128) / 128
        case 2:
            return np.frombuffer(data, "<i2").astype(np.int16)
        case 3:
            padded = np.zeros((len(data) // 3, 4), np.uint8)
            padded[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            return (padded.view("<i4")[:, 0] / 2**31).astype(np.float32)
        case _:
            return (np.frombuffer(data, "<i4") / 2**31).astype(np.float32)


def write_wav(path: str | PathLike[str], pcm: Pcm, sample_rate: int = SAMPLE_RATE_HZ) -> Path:
    """Write ``ndarray of int16 [shape=(n,) or (n, channels)]`` as a PCM16 WAV file."""
    target = Path(path)
    # Opened here: what `wave` cannot open it complains of once more when it is collected.
    with target.open("wb") as raw, wave.open(raw, "wb") as file:
        file.setnchannels(1 if pcm.ndim == 1 else pcm.shape[1])
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes(np.ascontiguousarray(pcm, "<i2").tobytes())
    return target
