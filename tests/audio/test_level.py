"""Levels and loudness are those of the definitions, at every rate."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from grok_live_widget.audio import pcm_from_samples
from grok_live_widget.audio.level import (
    k_weighting,
    level_dbfs,
    level_over_time,
    loudness_lufs,
    loudness_over_time,
)
from grok_live_widget.exceptions import AudioFormatError, ConfigurationError

from ..support.figure_sounds import GOLDEN, sounds
from ..support.sound import RATE_HZ, sine

REFERENCES = dict(np.load(GOLDEN / "figures.npz"))
SOUNDS = sounds()
# ITU-R BS.1770-4, annex 1, tables 1 and 2.
TABLES = [
    [1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585],
    [1, -2, 1, 1, -1.99004745483398, 0.99007225036621],
]


# --------------------------------------------------------------------------- level
def test_a_square_wave_of_full_scale_is_0_dbfs_and_a_sine_3_less() -> None:
    assert level_dbfs(np.tile([1.0, -1.0], 1_000)) == 0
    assert level_dbfs(np.tile(np.array([-32768], np.int16), 100)) == 0
    assert level_dbfs(sine(1.0, 440, amplitude=1)) == pytest.approx(-3.0103, abs=1e-4)
    assert level_dbfs(np.array([0.1])) == pytest.approx(-20)
    assert level_dbfs(np.zeros(100)) == float("-inf")


def test_levels_over_time_are_those_of_the_windows() -> None:
    samples = SOUNDS["question"][0]
    times_s, levels = level_over_time(samples, RATE_HZ, window_s=0.05, hop_s=0.02)
    starts = np.arange(0, len(samples) - 1_200 + 1, 480)
    assert times_s == pytest.approx((starts + 600) / RATE_HZ)
    expected = [level_dbfs(samples[start : start + 1_200]) for start in starts]
    assert levels == pytest.approx(expected, abs=1e-6)


def test_windows_across_the_blocks_in_which_sound_is_read_are_whole() -> None:
    noise = np.random.default_rng(3).uniform(-1, 1, 200_000).astype(np.float32)
    _, levels = level_over_time(noise, 1_000, window_s=1, hop_s=0.1)
    windows = np.lib.stride_tricks.sliding_window_view(noise, 1_000)[::100].astype(float)
    assert levels == pytest.approx(10 * np.log10((windows**2).mean(axis=1)), abs=1e-6)


def test_a_sound_shorter_than_a_window_has_one_level() -> None:
    times_s, levels = level_over_time(np.full(10, 0.1), 1_000)
    assert (times_s.tolist(), levels.tolist()) == ([0.005], [pytest.approx(-20)])


# --------------------------------------------------------------------------- loudness
def test_the_filters_at_48_khz_are_those_of_the_recommendation() -> None:
    assert k_weighting(48_000) == pytest.approx(np.array(TABLES), abs=1e-7)


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 48_000])
def test_the_filters_are_those_of_pyloudnorm_at_every_rate(rate_hz: int) -> None:
    assert k_weighting(rate_hz) == pytest.approx(REFERENCES[f"k_weighting_{rate_hz}"], abs=1e-9)


@pytest.mark.parametrize("name", SOUNDS)
def test_loudness_is_that_of_pyloudnorm(name: str) -> None:
    samples, rate_hz = SOUNDS[name]
    # It counts a last block that is not whole, which the recommendation leaves out.
    whole = samples[: int(len(samples) / rate_hz * 10) * rate_hz // 10]
    expected = float(REFERENCES[f"{name}_lufs"])
    assert loudness_lufs(whole, rate_hz) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("rate_hz", [8_000, 11_025, 24_000, 44_100, 48_000, 96_000])
def test_a_sine_at_997_hz_has_the_loudness_that_the_recommendation_states(rate_hz: int) -> None:
    # The bilinear transform bends the response a little more the lower the rate is.
    tone = sine(2.0, 997, rate_hz=rate_hz, amplitude=1)
    assert loudness_lufs(tone, rate_hz) == pytest.approx(-3.01, abs=0.05)
    momentary = loudness_over_time(tone, rate_hz)
    assert momentary.times_s == pytest.approx(0.2 + 0.1 * np.arange(17))
    assert momentary.levels == pytest.approx(-3.01, abs=0.05)


def test_pauses_do_not_count() -> None:
    tone = sine(2.0, 997)
    paused = np.concatenate([tone, np.zeros(8 * RATE_HZ, np.float32)])
    assert loudness_lufs(paused, RATE_HZ) == pytest.approx(loudness_lufs(tone, RATE_HZ), abs=0.5)
    soft = np.concatenate([tone, 0.1 * np.tile(tone, 4)])
    assert loudness_lufs(soft, RATE_HZ) == pytest.approx(loudness_lufs(tone, RATE_HZ), abs=0.5)
    assert loudness_lufs(1e-5 * tone, RATE_HZ) == float("-inf")


def test_int16_gives_what_floats_give() -> None:
    pcm = pcm_from_samples(SOUNDS["question"][0])
    assert loudness_lufs(pcm, RATE_HZ) == loudness_lufs(pcm / 32768, RATE_HZ)
    assert level_dbfs(pcm) == level_dbfs(pcm / 32768)


def test_two_minutes_take_some_megabytes() -> None:
    pcm = np.zeros(120 * RATE_HZ, np.int16)
    tracemalloc.start()
    try:
        assert level_dbfs(pcm) == loudness_lufs(pcm, RATE_HZ) == float("-inf")
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


# --------------------------------------------------------------------------- errors
@pytest.mark.parametrize("figure", [loudness_lufs, loudness_over_time])
def test_loudness_needs_a_block(figure: Any) -> None:
    with pytest.raises(AudioFormatError) as caught:
        figure(np.zeros(9_599), RATE_HZ)
    assert str(caught.value) == (
        "loudness needs at least 9,600 samples, not 9,599. "
        "Pass at least 0.4 s; level_dbfs takes a sound of any length."
    )


@pytest.mark.parametrize("sound", [np.zeros(0), np.zeros((9_600, 2)), np.full(9_600, np.nan)])
def test_what_is_no_sound_is_refused_with_a_cure(sound: np.ndarray) -> None:
    for figure in (level_dbfs, lambda x: level_over_time(x, RATE_HZ)):
        with pytest.raises(AudioFormatError) as caught:
            figure(sound)
        assert caught.value.cure


def test_a_window_of_no_length_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="window_s must be a number"):
        level_over_time(np.zeros(10), RATE_HZ, window_s=0)
