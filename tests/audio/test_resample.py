"""Clips of any rate become PCM16 without clicks, aliases or samples lost between pieces."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_live_widget.audio import pcm_from_bytes, pcm_from_samples
from grok_live_widget.audio.resample import ClipConverter, Resampler
from grok_live_widget.exceptions import AudioFormatError

from ..support.examples import examples
from ..support.sound import sine

ALL_CODES = np.arange(-32768, 32768).astype(np.int16)


def half_scale(frequency_hz: float, rate_hz: int, duration_s: float = 1.0) -> np.ndarray:
    return sine(duration_s, frequency_hz, rate_hz=rate_hz, amplitude=0.5)


def converted(x: object, rate_hz: object = 24_000, **options: bool) -> np.ndarray:
    return pcm_from_bytes(ClipConverter().convert(x, rate_hz, **options))


def loudest_hz(pcm: np.ndarray, rate_hz: int = 24_000) -> float:
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    return float(np.argmax(spectrum)) * rate_hz / len(pcm)


@pytest.mark.parametrize(
    ("x", "rate_hz", "says"),
    [(np.zeros(4, np.int32), 24_000, "int32"), (np.zeros(4, np.int16), 0, "sample_rate")],
)
def test_arrays_and_rates_are_checked(x: np.ndarray, rate_hz: int, says: str) -> None:
    with pytest.raises(AudioFormatError, match=says):
        ClipConverter().convert(x, rate_hz)


def test_a_refused_piece_leaves_the_converter_as_it_was() -> None:
    x, whole, pieces = half_scale(440, 48_000), ClipConverter(), ClipConverter()
    first = pieces.convert(x[:20_000], 48_000, more=True)
    with pytest.raises(AudioFormatError):
        pieces.convert(np.array([np.nan]), 48_000, more=True)
    assert first + pieces.convert(x[20_000:], 48_000) == whole.convert(x, 48_000)


# --------------------------------------------------------------------------- conversion
def test_mono_int16_at_24_khz_is_not_changed() -> None:
    assert np.array_equal(converted(ALL_CODES), ALL_CODES)
    assert np.array_equal(converted(ALL_CODES[::2]), ALL_CODES[::2])
    assert np.array_equal(converted(ALL_CODES[:, None]), ALL_CODES)


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.float64])
def test_channels_are_mixed_down_along_the_second_axis(dtype: type) -> None:
    x = np.array([[0.5, 0.0], [0.25, 0.25], [-0.5, 0.5]])
    x = pcm_from_samples(x) if dtype is np.int16 else x.astype(dtype)
    assert converted(x).tolist() == [8192, 8192, 0]


def test_values_beyond_one_are_clipped_and_counted() -> None:
    converter = ClipConverter()
    pcm = pcm_from_bytes(converter.convert(np.array([0.0, 1.5, -1.5, -1.0, 1.0]), 24_000))
    assert pcm.tolist() == [0, 32767, -32768, -32768, 32767]
    assert converter.clipped_count == 2
    (note,) = converter.take_notes()
    assert "2 of 5 samples are beyond ±1" in note
    assert converter.take_notes() == []


@pytest.mark.parametrize("rate_hz", [24_000, 16_000])
def test_clipping_is_noted_once_in_each_clip(rate_hz: int) -> None:
    converter, x = ClipConverter(), np.full(480, 1.5, np.float32)
    for _ in range(2):
        converter.convert(x, rate_hz, more=True)
        converter.convert(x, rate_hz)
        assert len(converter.take_notes()) == 1
    assert converter.clipped_count == 4 * 480


def test_values_far_beyond_one_do_not_spread_to_their_neighbours() -> None:
    x = np.zeros(4800, np.float32)
    x[100] = np.finfo(np.float32).max
    assert np.abs(converted(x, 48_000)[1000:].astype(int)).max() <= 1


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000])
def test_a_tone_keeps_its_frequency_and_level(rate_hz: int) -> None:
    pcm = converted(half_scale(440, rate_hz, 2.0), rate_hz)
    assert len(pcm) == pytest.approx(48_000, abs=2)
    assert loudest_hz(pcm) == pytest.approx(440, abs=0.6)
    assert np.abs(pcm[1000:-1000]).max() == pytest.approx(16_384, rel=0.01)


def test_frequencies_above_the_new_band_are_removed_and_not_aliased() -> None:
    assert np.abs(converted(half_scale(18_000, 48_000), 48_000)[500:-500].astype(int)).max() < 20


@given(
    rate_hz=st.sampled_from([16_000, 44_100, 48_000]),
    cuts=st.lists(st.integers(0, 12_000), max_size=6),
)
@examples(30)
def test_pieces_give_the_same_as_the_whole_clip(rate_hz: int, cuts: list[int]) -> None:
    x, edges = half_scale(440, rate_hz, 0.25), [0, *sorted(cuts), None]
    converter = ClipConverter()
    pieces = [
        converter.convert(x[start:end], rate_hz, more=end is not None)
        for start, end in pairwise(edges)
    ]
    assert b"".join(pieces) == ClipConverter().convert(x, rate_hz)


def test_each_clip_starts_with_an_empty_resampler() -> None:
    converter, x = ClipConverter(), half_scale(440, 16_000)
    assert converter.convert(x, 16_000) == converter.convert(x, 16_000)


def test_a_change_of_rate_flushes_the_resampler() -> None:
    converter, x = ClipConverter(), half_scale(440, 48_000)
    first = converter.convert(x, 48_000, more=True)
    then = converter.convert(np.zeros(100, np.int16), 24_000)
    assert first + then == ClipConverter().convert(x, 48_000) + bytes(200)


def test_finish_flushes_and_ends_the_clip() -> None:
    converter, x = ClipConverter(), half_scale(440, 48_000)
    assert converter.finish() == b""
    for _ in range(2):
        first = converter.convert(x, 48_000, more=True)
        assert first + converter.finish() == ClipConverter().convert(x, 48_000)
        assert converter.finish() == b""


def test_a_resampler_is_reset_after_the_last_piece() -> None:
    resampler, x = Resampler(16_000, 24_000), half_scale(440, 16_000, 0.1)
    first = resampler.push(x, is_last=True)
    assert np.array_equal(first, resampler.push(x, is_last=True))
    assert first.flags.writeable
