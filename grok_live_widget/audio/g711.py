"""Encodings of audio on the connection: PCM16, and the 8-bit samples of telephony (G.711).

Each encoding is a pair of functions between PCM16 bytes and encoded bytes; both laws of G.711
are one table look-up for each sample. Source of the laws: ITU-T G.711.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Codec(NamedTuple):
    """One encoding.

    Parameters
    ----------
    encode : callable
        From PCM16 bytes to encoded bytes.
    decode : callable
        From encoded bytes to PCM16 bytes and the number of bytes that were left over.
    """

    encode: Callable[[bytes], bytes]
    decode: Callable[[bytes], tuple[bytes, int]]


def _whole_samples(data: bytes) -> tuple[bytes, int]:
    """Drop and count an odd byte at the end, which is not carried over to the next chunk."""
    return (data[:-1], 1) if len(data) % 2 else (data, 0)


PCM = Codec(bytes, _whole_samples)


# --------------------------------------------------------------------------- G.711
def _mu_law() -> NDArray[np.int16]:
    """Samples of the 256 codes of mu-law: sign, 3 bits of exponent, 4 of mantissa."""
    code = ~np.arange(256) & 0xFF
    size = (((code & 0x0F) << 3) + 132 << (code >> 4 & 7)) - 132
    return np.where(code & 0x80, -size, size).astype("<i2")


def _a_law() -> NDArray[np.int16]:
    """Samples of the 256 codes of A-law, in which every other bit is inverted."""
    code = np.arange(256) ^ 0x55
    exponent, mantissa = code >> 4 & 7, (code & 0x0F) << 4
    size = np.where(exponent, mantissa + 264 << np.maximum(exponent - 1, 0), mantissa + 8)
    return np.where(code & 0x80, size, -size).astype("<i2")


def _nearest(sounds: NDArray[np.int16]) -> NDArray[np.uint8]:
    """The nearest code of each of the 65,536 samples, indexed by its bits as unsigned."""
    order = np.argsort(sounds, kind="stable")
    sorted_sounds = sounds[order].astype(np.int64)
    borders = (sorted_sounds[1:] + sorted_sounds[:-1]) / 2
    samples = np.arange(65_536).astype(np.uint16).view(np.int16)
    # From the right, so that silence is the positive one of the two zeros of mu-law.
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


_LAWS = {"pcmu": _mu_law, "pcma": _a_law}


def codec_of(encoding: str) -> Codec:
    """The codec of an encoding of `AudioFormat`."""
    return _g711(_LAWS[encoding]) if encoding in _LAWS else PCM
