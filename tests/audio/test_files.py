"""Sound files of every kind are read exactly, and what cannot be read is refused."""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from grok_live_widget.audio.files import read_audio, wav_bytes, write_wav
from grok_live_widget.audio.g711 import codec_of
from grok_live_widget.exceptions import AudioFormatError

RATE = 16_000
PCM = (20_000 * np.sin(2 * np.pi * 440 * np.arange(RATE // 2) / RATE)).astype(np.int16)
SAMPLES = PCM / 32768.0

needs_sox = pytest.mark.skipif(shutil.which("sox") is None, reason="sox is not installed")


def made(path: Path, subtype: str, x: np.ndarray = PCM, **options: str) -> Path:
    soundfile.write(path, x, RATE, subtype=subtype, **options)
    return path


# --------------------------------------------------------------------------- formats
@pytest.mark.parametrize(
    ("suffix", "options"),
    [("wav", {}), ("wav", {"format": "WAVEX"}), ("wav", {"format": "RF64"}), ("flac", {}),
     ("aiff", {}), ("au", {}), ("w64", {}), ("caf", {})],
)  # fmt: skip
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_16_bit_files_are_read_bit_for_bit(
    tmp_path: Path, suffix: str, options: dict[str, str], channels: int
) -> None:
    pcm = PCM if channels == 1 else np.stack([PCM // (1 + n) for n in range(channels)], axis=1)
    x, rate_hz = read_audio(made(tmp_path / f"x.{suffix}", "PCM_16", pcm, **options))
    assert (x.dtype, rate_hz) == (np.int16, RATE)
    assert np.array_equal(x, pcm)


@pytest.mark.parametrize(
    ("suffix", "subtype", "step"),
    [
        ("wav", "PCM_U8", 2**-7),
        ("aiff", "PCM_S8", 2**-7),
        ("wav", "PCM_24", 2**-23),
        ("flac", "PCM_24", 2**-23),
        ("aiff", "PCM_24", 2**-23),
        ("wav", "PCM_32", 2**-23),
        ("wav", "FLOAT", 2**-23),
        ("wav", "DOUBLE", 2**-23),
    ],
)
def test_other_linear_files_are_read_to_one_step(
    tmp_path: Path, suffix: str, subtype: str, step: float
) -> None:
    x, rate_hz = read_audio(made(tmp_path / f"x.{suffix}", subtype, SAMPLES))
    assert (x.dtype, rate_hz, x.shape) == (np.float32, RATE, SAMPLES.shape)
    assert np.abs(x - SAMPLES).max() <= step


def test_float_files_may_go_beyond_one(tmp_path: Path) -> None:
    x, _ = read_audio(made(tmp_path / "x.wav", "FLOAT", np.array([0.0, 1.5, -2.0], np.float32)))
    assert x.tolist() == [0.0, 1.5, -2.0]


@pytest.mark.parametrize(("subtype", "encoding"), [("ULAW", "pcmu"), ("ALAW", "pcma")])
@pytest.mark.parametrize("suffix", ["wav", "au"])
def test_g711_files_are_decoded_as_on_the_connection(
    tmp_path: Path, suffix: str, subtype: str, encoding: str
) -> None:
    path = made(tmp_path / f"x.{suffix}", subtype)
    x, _ = read_audio(path)
    codes = path.read_bytes()[-len(PCM) :]
    assert x.dtype == np.int16
    assert x.tobytes() == codec_of(encoding).decode(codes)[0]
    assert np.abs(x.astype(int) - PCM).max() <= 1024


@pytest.mark.parametrize(("suffix", "subtype"), [("ogg", "VORBIS"), ("ogg", "OPUS"), ("mp3", None)])
def test_lossy_files_keep_rate_duration_and_tone(tmp_path: Path, suffix: str, subtype: str) -> None:
    x, rate_hz = read_audio(made(tmp_path / f"x.{suffix}", subtype, SAMPLES))
    assert (x.dtype, rate_hz) == (np.float32, RATE)
    assert len(x) == pytest.approx(len(PCM), abs=2500)
    spectrum = np.abs(np.fft.rfft(x * np.hanning(len(x))))
    assert np.argmax(spectrum) * RATE / len(x) == pytest.approx(440, abs=3)
    assert np.abs(x[2000:6000]).max() == pytest.approx(np.abs(SAMPLES).max(), rel=0.1)


def test_a_file_longer_than_one_block_is_read_whole(tmp_path: Path) -> None:
    pcm = np.arange(3 * 2**20, dtype=np.int32).astype(np.int16)
    assert np.array_equal(read_audio(write_wav(tmp_path / "x.wav", pcm))[0], pcm)


# --------------------------------------------------------------------------- unfinished headers
def with_lengths(riff: int, data: int, content: bytes = b"", before: bytes = b"") -> bytes:
    """A WAV file of 16 bits whose header states these lengths."""
    form = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
    head = b"RIFF" + struct.pack("<I", riff) + b"WAVE" + form + before
    return head + b"data" + struct.pack("<I", data) + content


@pytest.mark.parametrize(
    ("riff", "data"),
    [
        (0, 0),
        (36, 0),
        (0xFFFFFFFF, 0xFFFFFFFF),
        (0xFFFFFFFF, 0),
        (0x7FFFF024, 0x7FFFF000),
        (36 + 10**6, 10**6),
        (36 + 2 * len(PCM), 2 * len(PCM) + 1),
    ],
)
@pytest.mark.parametrize("before", [b"", b"LIST\x03\0\0\0abc\0"], ids=["plain", "with a list"])
def test_a_header_without_the_true_length_is_read_to_the_end(
    riff: int, data: int, before: bytes
) -> None:
    content = with_lengths(riff, data, PCM.tobytes(), before)
    x, rate_hz = read_audio(io.BytesIO(content))
    assert rate_hz == RATE
    assert np.array_equal(x, PCM)
    assert len(read_audio(io.BytesIO(content[:-3]))[0]) == len(PCM) - 2


def test_a_finished_header_is_believed() -> None:
    tail = b"LIST\x04\0\0\0abcd"
    some = with_lengths(36 + 8 + len(tail), 8, PCM[:4].tobytes() + tail)
    assert read_audio(io.BytesIO(some))[0].tolist() == PCM[:4].tolist()
    none = with_lengths(36 + len(tail), 0, tail)
    assert read_audio(io.BytesIO(none))[0].shape == (0,)


@needs_sox
def test_the_output_of_a_program_that_cannot_seek_is_read(tmp_path: Path) -> None:
    command = f"sox -n -r {RATE} -b 16 -t wav - synth 0.5 sine 440 | sox -t wav - -t wav - | cat"
    done = subprocess.run(command, shell=True, check=True, capture_output=True)
    x, rate_hz = read_audio(io.BytesIO(done.stdout))
    assert (x.shape, x.dtype, rate_hz) == ((RATE // 2,), np.int16, RATE)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_named_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(wav_bytes(PCM, RATE),))
    writer.start()
    assert np.array_equal(read_audio(pipe)[0], PCM)
    writer.join()


def test_a_file_that_breaks_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "x.wav", np.zeros((100, 2), np.int16))
    path.write_bytes(path.read_bytes()[:-3])
    assert read_audio(path)[0].shape == (99, 2)


# --------------------------------------------------------------------------- refused
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", r"x\.wav' is empty\. Check"),
        (b"RIFF", r"x\.wav' cannot be read as a sound file \(.+\)\. WAV, FLAC"),
        (b"no sound at all" * 9, r"x\.wav' cannot be read as a sound file"),
        (with_lengths(36, 8)[:30], r"x\.wav' cannot be read as a sound file"),
    ],
    ids=["empty", "cut off", "text", "half a header"],
)
def test_other_files_are_refused_with_their_name(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    with pytest.raises(AudioFormatError, match=says):
        read_audio(path)


def test_a_compressed_file_that_breaks_off_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path / "x.flac", "PCM_16")
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(AudioFormatError, match=r"x\.flac' cannot be read .*flac decoder lost sync"):
        read_audio(path)


@pytest.mark.parametrize(
    ("name", "says"),
    [("missing.wav", "there is no file .* Check its path"), (".", "is a folder. Pass the path")],
)
def test_a_path_without_a_file_is_refused_with_its_name(
    tmp_path: Path, name: str, says: str
) -> None:
    with pytest.raises(AudioFormatError, match=says) as caught:
        read_audio(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_a_path_that_cannot_exist_is_refused() -> None:
    with pytest.raises(AudioFormatError, match="cannot be read: embedded null"):
        read_audio("a\0b")


def test_a_file_without_permission_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def denied(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    path = write_wav(tmp_path / "x.wav", PCM)
    if hasattr(os, "geteuid") and os.geteuid():
        path.chmod(0)
    else:  # Every file is open to root.
        monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(AudioFormatError, match=r"permission denied\. Check its permissions"):
        read_audio(path)


def test_an_empty_stream_is_refused() -> None:
    with pytest.raises(AudioFormatError, match="the input stream is empty"):
        read_audio(io.BytesIO())


# --------------------------------------------------------------------------- writing
@pytest.mark.parametrize("shape", [(6,), (3, 2), (0,)])
def test_what_is_written_is_read_back_bit_for_bit(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pcm = np.array([0, 1, -1, 32767, -32768, 7], np.int16)[: np.prod(shape)].reshape(shape)
    x, rate_hz = read_audio(write_wav(tmp_path / "x.wav", pcm, 16_000))
    assert (x.dtype, rate_hz, x.tolist()) == (np.int16, 16_000, pcm.tolist())
    assert (tmp_path / "x.wav").read_bytes() == wav_bytes(pcm, 16_000)


def test_a_file_that_cannot_be_made_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        write_wav(tmp_path / "nowhere" / "a.wav", np.zeros(3, np.int16))
