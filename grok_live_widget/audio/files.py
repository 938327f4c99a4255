"""Sound files: reading of every format that libsndfile knows, writing of WAV."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from ..exceptions import AudioFormatError
from .pcm import SAMPLE_RATE_HZ, Pcm

if TYPE_CHECKING:
    from numpy.typing import NDArray

# G.711 decodes to integers of 14 and 13 bits.
_INT16_SUBTYPES = ("PCM_16", "ULAW", "ALAW")
# Some streams do not state their length, so that they are read until their end.
_BLOCK_SAMPLES = 1 << 20
_FORMATS_CURE = (
    "WAV, FLAC, OGG, MP3 and AIFF can be read; sox and ffmpeg convert other formats to WAV."
)


# --------------------------------------------------------------------------- reading
def read_audio(source: str | PathLike[str] | BinaryIO) -> tuple[NDArray[Any], int]:
    """Read a sound file: WAV, FLAC, OGG, MP3, AIFF and the other formats of libsndfile.

    A WAV file whose header states no length, or a wrong one, is read to its end: streams, and
    files that are still being written.

    Parameters
    ----------
    source : str, PathLike or binary file
        Path of a file or a pipe, or an open file, which is read to its end and not closed.

    Returns
    -------
    x : ndarray of int16 or float32 [shape=(n,) or (n, channels)]
        int16 for 16-bit and G.711 files, else float32, in [-1, 1) unless the file holds floats.
    sample_rate : int [Hz]

    Raises
    ------
    AudioFormatError
        When the file cannot be read, with the reason.
    """
    if isinstance(source, str | PathLike):
        name, data = repr(str(source)), _bytes_of_file(Path(source))
    else:
        name, data = "the input stream", source.read()
    if not data:
        raise AudioFormatError(f"{name} is empty.", cure="Check how it was made.")
    return _decode(_with_true_length(data), name)


def _bytes_of_file(path: Path) -> bytes:
    shown = repr(str(path))
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        sentence, cure = f"{shown} cannot be read: {error}.", "Choose another file."
        if isinstance(error, FileNotFoundError):
            sentence, cure = f"there is no file {shown}.", "Check its path."
        elif path.is_dir():  # For which Windows reports PermissionError.
            sentence, cure = f"{shown} is a folder.", "Pass the path of a sound file in it."
        elif isinstance(error, PermissionError):
            sentence, cure = f"{shown} cannot be read: permission denied.", "Check its permissions."
        raise AudioFormatError(sentence, cure=cure) from None


def _decode(data: bytes | bytearray, name: str) -> tuple[NDArray[Any], int]:
    import soundfile  # Loads libsndfile, which only files need.

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            dtype = "int16" if file.subtype in _INT16_SUBTYPES else "float32"
            blocks = [file.read(_BLOCK_SAMPLES, dtype=dtype)]
            while len(blocks[-1]) == _BLOCK_SAMPLES:
                blocks.append(file.read(_BLOCK_SAMPLES, dtype=dtype))
            return np.concatenate(blocks), file.samplerate
    except soundfile.SoundFileError as error:
        reason = getattr(error, "error_string", "").removeprefix("Error : ").rstrip(". ")
        raise AudioFormatError(
            f"{name} cannot be read as a sound file ({reason or 'it is damaged'}).",
            cure=_FORMATS_CURE,
        ) from None


def _with_true_length(data: bytes) -> bytes | bytearray:
    """Correct the length of a WAV file's data where the header does not state the true one.

    libsndfile reads nothing where the header says 0, as programs write that cannot seek back or
    have not finished yet.
    """
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        return data
    is_finished = struct.unpack_from("<I", data, 4) == (len(data) - 8,)
    at = 12
    while at + 8 <= len(data):
        (length,), start = struct.unpack_from("<I", data, at + 4), at + 8
        if data[at : at + 4] == b"data":
            if start + length <= len(data) and (length or is_finished):
                return data
            corrected = bytearray(data)
            struct.pack_into("<I", corrected, at + 4, min(len(data) - start, 0xFFFFFFFE))
            struct.pack_into("<I", corrected, 4, min(len(data) - 8, 0xFFFFFFFE))
            return corrected
        at = start + length + length % 2
    return data


# --------------------------------------------------------------------------- writing
def wav_bytes(pcm: Pcm, sample_rate: int = SAMPLE_RATE_HZ) -> bytes:
    """``ndarray of int16 [shape=(n,) or (n, channels)]`` as the bytes of a PCM16 WAV file."""
    import soundfile

    content = io.BytesIO()
    soundfile.write(content, pcm.astype(np.int16, copy=False), sample_rate, "PCM_16", format="WAV")
    return content.getvalue()


def write_wav(path: str | PathLike[str], pcm: Pcm, sample_rate: int = SAMPLE_RATE_HZ) -> Path:
    """Write ``ndarray of int16 [shape=(n,) or (n, channels)]`` as a PCM16 WAV file."""
    target = Path(path)
    target.write_bytes(wav_bytes(pcm, sample_rate))
    return target


def write_wav_blocks(
    path: str | PathLike[str], blocks: Iterable[Pcm], sample_rate: int, channel_count: int
) -> Path:
    """Write ``ndarray of int16 [shape=(n,) or (n, channels)]`` one after another as a PCM16 WAV
    file, which is never in memory as a whole.
    """
    import soundfile

    target = Path(path)
    # Opened by Python, whose errors tell the cause.
    with (
        target.open("wb") as stream,
        soundfile.SoundFile(
            stream, "w", sample_rate, channel_count, "PCM_16", format="WAV"
        ) as file,
    ):
        for block in blocks:
            file.write(block)
    return target
