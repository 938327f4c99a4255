"""Sound is converted without loss, resampled without seams, and refused with a sentence."""

from __future__ import annotations

import gc
import json
import struct
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_live_widget.audio.pcm import (
    ClipConverter,
    Resampler,
    level_dbfs,
    mono_from,
    pcm_from_bytes,
    pcm_from_samples,
    read_wav,
    samples_from_pcm,
    write_wav,
)
from grok_live_widget.exceptions import AudioFormatError

from ..support.sound import sine

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "pcm.json").read_text("utf-8"))
ALL_CODES = np.arange(-32768, 32768).astype(np.int16)


def half_scale(frequency_hz: float, rate_hz: int, duration_s: float = 1.0) -> np.ndarray:
    return sine(duration_s, frequency_hz, rate_hz=rate_hz, amplitude=0.5)


def converted(x: object, rate_hz: object = 24_000, **options: bool) -> np.ndarray:
    return pcm_from_bytes(ClipConverter().convert(x, rate_hz, **options))


def loudest_hz(pcm: np.ndarray, rate_hz: int = 24_000) -> float:
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    return float(np.argmax(spectrum)) * rate_hz / len(pcm)


# --------------------------------------------------------------------------- the law of codes
def test_every_code_comes_back() -> None:
    assert np.array_equal(pcm_from_samples(samples_from_pcm(ALL_CODES)), ALL_CODES)
    assert samples_from_pcm(ALL_CODES).dtype == np.float32
    assert np.array_equal(pcm_from_bytes(ALL_CODES.astype("<i2").tobytes()), ALL_CODES)


@pytest.mark.parametrize(("sample", "code"), VECTORS["sample_to_code"])
def test_samples_become_the_codes_that_the_page_makes_too(sample: float, code: int) -> None:
    assert pcm_from_samples(np.array([sample])).tolist() == [code]
    assert pcm_from_samples(np.array([sample], np.float32)).tolist() == [code]


@pytest.mark.parametrize(("code", "sample"), VECTORS["code_to_sample"])
def test_codes_become_the_samples_that_the_page_makes_too(code: int, sample: float) -> None:
    assert samples_from_pcm(np.array([code], np.int16)).tolist() == [sample]


def test_bytes_become_a_view_that_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        pcm_from_bytes(b"\1\0")[0] = 3


@pytest.mark.parametrize(
    ("samples", "dbfs"),
    [([], -np.inf), ([0.0, 0.0], -np.inf), ([1.0, -1.0], 0.0), ([0.1, -0.1], -20.0)],
)
def test_levels_are_in_dbfs(samples: list[float], dbfs: float) -> None:
    assert level_dbfs(np.array(samples, np.float32)) == pytest.approx(dbfs, abs=1e-5)


def test_a_full_scale_sine_is_at_minus_three_dbfs() -> None:
    assert level_dbfs(2 * half_scale(440, 24_000)) == pytest.approx(-3.01, abs=0.01)


# --------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    ("x", "says"),
    [
        (np.zeros(4, np.int32), "int32"),
        (np.zeros(4, np.uint8), "uint8"),
        (np.zeros(4, np.complex64), "complex64"),
        (["a"], "U1"),
        (24_000, "int64"),
        (np.float32(0.5), r"not \(\)"),
        (np.zeros((2, 3, 4), np.float32), r"\(2, 3, 4\)"),
        (np.zeros((2, 48_000), np.float32), r"48000 channels.*x\.T"),
        (np.zeros((5, 0), np.float32), r"\(5, 0\)"),
        (np.array([0, np.nan]), "NaN.*nan_to_num"),
        (np.array([0, np.inf], np.float32), "infinite"),
        (np.array([0, 1e300]), "infinite"),
    ],
)
def test_what_is_no_sound_is_refused(x: object, says: str) -> None:
    with pytest.raises(AudioFormatError, match=says):
        ClipConverter().convert(x, 24_000)


@pytest.mark.parametrize(
    "rate", [0, -8000, 999, 384_001, "fast", None, np.nan, np.inf, [24_000, 1]]
)
def test_what_is_no_rate_is_refused_with_its_value(rate: object) -> None:
    with pytest.raises(AudioFormatError, match="sample_rate") as caught:
        ClipConverter().convert(np.zeros(4, np.int16), rate)
    assert repr(rate) in str(caught.value)


def test_a_refused_piece_leaves_the_converter_as_it_was() -> None:
    x, whole, pieces = half_scale(440, 48_000), ClipConverter(), ClipConverter()
    first = pieces.convert(x[:20_000], 48_000, more=True)
    with pytest.raises(AudioFormatError):
        pieces.convert(np.array([np.nan]), 48_000, more=True)
    assert first + pieces.convert(x[20_000:], 48_000) == whole.convert(x, 48_000)


# --------------------------------------------------------------------------- conversion
def test_mono_int16_at_24_khz_passes_untouched() -> None:
    assert np.array_equal(converted(ALL_CODES), ALL_CODES)
    assert mono_from(ALL_CODES) is ALL_CODES
    assert np.array_equal(converted(ALL_CODES[::2]), ALL_CODES[::2])
    assert np.array_equal(converted(ALL_CODES[:, None]), ALL_CODES)


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
def test_channels_are_mixed_down_along_the_second_axis(dtype: type) -> None:
    x = np.array([[0.5, 0.0], [0.25, 0.25], [-0.5, 0.5]])
    x = pcm_from_samples(x) if dtype is np.int16 else x.astype(dtype)
    assert converted(x).tolist() == [8192, 8192, 0]


def test_beyond_one_is_clipped_and_counted() -> None:
    converter = ClipConverter()
    pcm = pcm_from_bytes(converter.convert(np.array([0.0, 1.5, -1.5, -1.0, 1.0]), 24_000))
    assert pcm.tolist() == [0, 32767, -32768, -32768, 32767]
    assert converter.clipped_count == 2


def test_what_is_far_beyond_one_does_not_spoil_its_neighbours() -> None:
    x = np.zeros(4800, np.float32)
    x[100] = np.finfo(np.float32).max
    assert np.abs(converted(x, 48_000)[1000:].astype(int)).max() <= 1


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000])
def test_a_tone_stays_where_it_is(rate_hz: int) -> None:
    pcm = converted(half_scale(440, rate_hz, 2.0), rate_hz)
    assert len(pcm) == pytest.approx(48_000, abs=2)
    assert loudest_hz(pcm) == pytest.approx(440, abs=0.6)
    assert np.abs(pcm[1000:-1000]).max() == pytest.approx(16_384, rel=0.01)


def test_what_lies_above_the_new_band_is_removed_and_not_folded() -> None:
    assert np.abs(converted(half_scale(18_000, 48_000), 48_000)[500:-500].astype(int)).max() < 20


@given(
    rate_hz=st.sampled_from([16_000, 44_100, 48_000]),
    cuts=st.lists(st.integers(0, 12_000), max_size=6),
)
@settings(max_examples=30, deadline=None)
def test_pieces_give_what_the_whole_gives(rate_hz: int, cuts: list[int]) -> None:
    x, edges = half_scale(440, rate_hz, 0.25), [0, *sorted(cuts), None]
    converter = ClipConverter()
    pieces = [
        converter.convert(x[start:end], rate_hz, more=end is not None)
        for start, end in pairwise(edges)
    ]
    assert b"".join(pieces) == ClipConverter().convert(x, rate_hz)


def test_each_clip_begins_with_an_empty_resampler() -> None:
    converter, x = ClipConverter(), half_scale(440, 16_000)
    assert converter.convert(x, 16_000) == converter.convert(x, 16_000)


def test_a_change_of_rate_lets_out_what_the_resampler_still_held() -> None:
    converter, x = ClipConverter(), half_scale(440, 48_000)
    first = converter.convert(x, 48_000, more=True)
    then = converter.convert(np.zeros(100, np.int16), 24_000)
    assert first + then == ClipConverter().convert(x, 48_000) + bytes(200)


def test_what_is_still_held_can_be_asked_for_and_then_nothing_is_continued() -> None:
    converter, x = ClipConverter(), half_scale(440, 48_000)
    assert converter.finish() == b""
    for _ in range(2):
        first = converter.convert(x, 48_000, more=True)
        assert first + converter.finish() == ClipConverter().convert(x, 48_000)
        assert converter.finish() == b""


def test_a_resampler_begins_anew_after_the_last_piece() -> None:
    resampler, x = Resampler(16_000, 24_000), half_scale(440, 16_000, 0.1)
    first = resampler.push(x, is_last=True)
    assert np.array_equal(first, resampler.push(x, is_last=True))
    assert first.flags.writeable


# --------------------------------------------------------------------------- WAV
def wav(path: Path, frames: bytes, width: int, channels: int = 1, rate_hz: int = 8000) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((channels, width, rate_hz, 0, "NONE", ""))
        file.writeframes(frames)
    return path


@pytest.mark.parametrize(
    ("width", "frames", "expected"),
    [
        (1, bytes([0, 128, 192, 255]), [-1, 0, 0.5, 127 / 128]),
        (3, b"\0\0\x80" + b"\0\0\0" + b"\0\0\x40" + b"\xff\xff\xff", [-1, 0, 0.5, -(2**-23)]),
        (4, struct.pack("<4i", -(2**31), 0, 2**30, -256), [-1, 0, 0.5, -(2**-23)]),
    ],
)
def test_wav_files_of_other_widths_become_floats(
    tmp_path: Path, width: int, frames: bytes, expected: list[float]
) -> None:
    x, rate_hz = read_wav(wav(tmp_path / "x.wav", frames, width))
    assert (x.dtype, rate_hz, x.tolist()) == (np.float32, 8000, expected)


@pytest.mark.parametrize("shape", [(6,), (3, 2)])
def test_16_bit_wav_files_come_back_bit_for_bit(tmp_path: Path, shape: tuple[int, ...]) -> None:
    pcm = np.array([0, 1, -1, 32767, -32768, 7], np.int16).reshape(shape)
    x, rate_hz = read_wav(write_wav(tmp_path / "x.wav", pcm, 16_000))
    assert (x.dtype, rate_hz, x.tolist()) == (np.int16, 16_000, pcm.tolist())


def test_a_wav_file_that_breaks_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = wav(tmp_path / "x.wav", bytes(400), 2, channels=2)
    path.write_bytes(path.read_bytes()[:-3])
    assert read_wav(path)[0].shape == (99, 2)


def header(width: int) -> bytes:
    body = struct.pack("<HHIIHH", 1, 1, 8000, 8000 * width, width, 8 * width)
    return b"RIFF\x2e\0\0\0WAVEfmt \x10\0\0\0" + body + b"data\x08\0\0\0" + bytes(8)


@pytest.mark.parametrize(
    "content",
    [b"", b"RIFF", b"no sound at all" * 9, header(8)],
    ids=["empty", "cut off", "text", "64 bits"],
)
def test_other_files_are_refused_with_their_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.wav"
    path.write_bytes(content)
    with pytest.raises(AudioFormatError, match=r"x\.wav"):
        read_wav(path)


@pytest.mark.parametrize("name", ["missing.wav", "."])
def test_what_is_no_file_is_refused_with_its_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(AudioFormatError) as caught:
        read_wav(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)


def test_a_file_that_cannot_be_made_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        write_wav(tmp_path / "nowhere" / "a.wav", np.zeros(3, np.int16))
    gc.collect()
    assert capsys.readouterr().err == ""
