"""Sound on the wire: 16-bit samples as they are, or the 8-bit ones of telephony (G.711).

Each encoding is a pair of functions between PCM16 bytes and the wire's bytes; both laws of
G.711 are one look-up a sample. Source of the laws: ITU-T G.711.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["PCM", "Codec", "codec_of"]


class Codec(NamedTuple):
    """One encoding.

    Parameters
    ----------
    encode : callable
        PCM16 bytes to the wire's bytes.
    decode : callable
        The wire's bytes to PCM16 bytes, and how many bytes were left over.
    """

    encode: Callable[[bytes], bytes]
    decode: Callable[[bytes], tuple[bytes, int]]


def _as_they_are(pcm: bytes) -> bytes:
    return pcm


def _whole_samples(data: bytes) -> tuple[bytes, int]:
    """A half sample at the end is dropped and counted, never carried over."""
    return (data[:-1], 1) if len(data) % 2 else (data, 0)


PCM = Codec(_as_they_are, _whole_samples)


# --------------------------------------------------------------------------- G.711
def _mu_law() -> NDArray[np.int16]:
    """What each of the 256 codes sounds like: sign, 3 bits of exponent, 4 of mantissa."""
    code = ~np.arange(256) & 0xFF
    size = (((code & 0x0F) << 3) + 132 << (code >> 4 & 7)) - 132
    return np.where(code & 0x80, -size, size).astype("<i2")


def _a_law() -> NDArray[np.int16]:
    """The same of the other law, whose every other bit is turned over on the wire."""
    code = np.arange(256) ^ 0x55
    exponent, mantissa = code >> 4 & 7, (code & 0x0F) << 4
    size = np.where(exponent, mantissa + 264 << np.maximum(exponent - 1, 0), mantissa + 8)
    return np.where(code & 0x80, size, -size).astype("<i2")


def _nearest(sounds: NDArray[np.int16]) -> NDArray[np.uint8]:
    """The code that is nearest to each of the 65,536 samples, by its bits as an unsigned number."""
    order = np.argsort(sounds, kind="stable")
    sorted_sounds = sounds[order].astype(np.int64)
    borders = (sorted_sounds[1:] + sorted_sounds[:-1]) / 2
    samples = np.arange(65_536).astype(np.uint16).view(np.int16)
    # From the right: of the mu-law's two zeros the positive one means silence.
    return order[np.searchsorted(borders, samples, side="right")].astype(np.uint8)


@cache
def _g711(law: Callable[[], NDArray[np.int16]]) -> Codec:
    sounds = law()
    codes = _nearest(sounds)

    def encode(pcm: bytes) -> bytes:
        return bytes(codes[np.frombuffer(pcm, "<u2")])

    def decode(data: bytes) -> tuple[bytes, int]:
        return sounds[np.frombuffer(data, np.uint8)].tobytes(), 0

    return Codec(encode, decode)


def codec_of(encoding: str) -> Codec:
    """The codec with a name of `AudioFormat`'s."""
    match encoding:
        case "pcmu":
            return _g711(_mu_law)
        case "pcma":
            return _g711(_a_law)
    return PCM
