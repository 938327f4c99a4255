"""Samples are converted without loss, and invalid arrays are refused with a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from grok_live_widget.audio.pcm import (
    bytes_from_samples,
    checked_rate,
    mono_from,
    pcm_from_bytes,
    pcm_from_samples,
    samples_from_pcm,
)
from grok_live_widget.exceptions import AudioFormatError

from ..support.sound import sine

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "pcm.json").read_text("utf-8"))
ALL_CODES = np.arange(-32768, 32768).astype(np.int16)


# --------------------------------------------------------------------------- conversion
def test_every_code_survives_the_round_trip() -> None:
    assert np.array_equal(pcm_from_samples(samples_from_pcm(ALL_CODES)), ALL_CODES)
    assert samples_from_pcm(ALL_CODES).dtype == np.float32
    assert np.array_equal(pcm_from_bytes(ALL_CODES.astype("<i2").tobytes()), ALL_CODES)
    assert bytes_from_samples(samples_from_pcm(ALL_CODES)) == ALL_CODES.astype("<i2").tobytes()


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


def test_mono_int16_is_not_copied() -> None:
    assert mono_from(ALL_CODES) is ALL_CODES


def test_channels_are_mixed_down() -> None:
    x = np.array([[0.5, 0.0], [0.25, 0.25], [-0.5, 0.5]])
    assert mono_from(x).tolist() == [0.25, 0.25, 0.0]
    assert mono_from(pcm_from_samples(x)).tolist() == [0.25, 0.25, 0.0]


# --------------------------------------------------------------------------- refused input
@pytest.mark.parametrize(
    ("x", "says"),
    [
        (np.zeros(4, np.int32), "int32"),
        (np.zeros(4, np.uint8), "uint8"),
        (np.zeros(4, np.complex64), "complex64"),
        (["a"], "U1"),
        ("a.wav", "soundfile"),
        (Path("a.wav"), "soundfile"),
        (b"ab", "frombuffer"),
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
def test_arrays_that_are_not_sound_are_refused(x: object, says: str) -> None:
    with pytest.raises(AudioFormatError, match=says):
        mono_from(x)


@pytest.mark.parametrize(
    ("x", "cure"),
    [
        (np.array([2**30, -(2**31)], np.int32), "x / 2147483648"),
        (np.array([2**30, 5], np.int64), "floats in"),
        (np.array([300, -300], np.int32), r"astype\('int16'\)"),
        (np.array([300, -300]), r"astype\('int16'\)"),
        (np.array([0, 255], np.uint8), "- 128"),
        (np.array([0, 65_535], np.uint16), "/ 32768 - 1"),
        (np.array([-128, 127], np.int8), "/ 128"),
        (np.array([0.5], np.float16), "float32"),
        (np.array([0.5], np.longdouble), "float64"),
        (np.array([0.5], ">f4"), r"astype\('float32'\)"),
        (np.array([0.5], ">f8"), r"astype\('float64'\)"),
    ],
)
def test_the_cure_for_another_dtype_never_wraps_samples_round(x: np.ndarray, cure: str) -> None:
    with pytest.raises(AudioFormatError, match=cure):
        mono_from(x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("full_scale", [2**15, 2**23, 2**31])
@pytest.mark.parametrize("is_rounded", [False, True])
def test_integer_samples_kept_as_floats_are_refused_with_their_scale(
    dtype: type, full_scale: int, is_rounded: bool
) -> None:
    x = sine(0.1, amplitude=0.9).astype(np.float64) * full_scale
    x = np.concatenate((np.zeros(2_400), np.rint(x) if is_rounded else x)).astype(dtype)
    with pytest.raises(AudioFormatError, match=f"x / {full_scale}"):
        mono_from(x)


@pytest.mark.parametrize(
    "x", [[1.0, -1.0, 0.0], [2.0, -2.0], [0.0, 1.5], [15.9, 0.2], [0.1, 3e38, *[0.2] * 200]]
)
def test_floats_somewhat_beyond_one_are_not_refused(x: list[float]) -> None:
    assert np.array_equal(mono_from(np.array(x, np.float32)), np.array(x, np.float32))


@pytest.mark.parametrize("x", [[[1, 2], [3]], {"a": 1}, None, object()])
def test_what_is_no_array_is_refused_with_a_sentence(x: object) -> None:
    with pytest.raises(AudioFormatError, match="sound must be"):
        mono_from(x)


@pytest.mark.parametrize(
    ("x", "kind"), [(None, "NoneType"), ({"a": 1}, "dict"), (iter([0.5]), "list_iterator")]
)
def test_what_has_no_elements_is_refused_with_its_type(x: object, kind: str) -> None:
    with pytest.raises(AudioFormatError, match=f"sound must be an array, not {kind}."):
        mono_from(x)


@pytest.mark.parametrize(
    "rate", [0, -8000, 999, 384_001, "fast", "24000", 24_000.5, None, np.nan, np.inf, [24_000, 1]]
)
def test_invalid_rates_are_refused_with_their_value(rate: object) -> None:
    with pytest.raises(AudioFormatError, match="sample_rate") as caught:
        checked_rate(rate)
    assert repr(rate) in str(caught.value)


@pytest.mark.parametrize("rate", [24_000, 24_000.0, np.int32(24_000), np.float32(24_000)])
def test_a_rate_may_be_any_whole_number(rate: object) -> None:
    assert checked_rate(rate) == 24_000
