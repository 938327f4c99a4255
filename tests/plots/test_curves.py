"""Curves are drawn on the given axes and show the figures of their sound."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from grok_live_widget import audio, plots
from grok_live_widget.conversation import Turn
from grok_live_widget.exceptions import AudioDropped, ConfigurationError

from ..support.drawing import drawn_pixels, texts_of
from ..support.figure_sounds import VOICE_RATE_HZ, voices
from ..support.sound import RATE_HZ, sine, tone
from ..support.turns import turn_of


@pytest.fixture
def turn() -> Turn:
    """Three seconds that grow from silence to half of full scale."""
    ramp = np.linspace(0, 16_384, 3 * RATE_HZ).astype(np.int16)
    signs = np.tile([1, -1], len(ramp) // 2)
    return turn_of(ramp * signs, text="It costs $5 and $6.")


def test_a_waveform_is_drawn_over_its_time_and_within_its_amplitude(turn: Turn, ax: Any) -> None:
    drawn = plots.waveform(turn, ax=ax)
    low, high = drawn.get_paths()[0].get_extents().get_points()
    assert (low[0], high[0]) == pytest.approx((0, 3), abs=0.01)
    assert (low[1], high[1]) == pytest.approx((-0.5, 0.5), abs=0.01)
    assert ax.get_xlabel() == "Time [s]"
    assert drawn_pixels(ax, drawn) > 1000


def test_plot_draws_on_the_current_axes_and_shows_nothing(turn: Turn, ax: Any) -> None:
    drawn = turn.plot()
    assert drawn in ax.collections
    assert plt.get_fignums() == [ax.figure.number]
    assert drawn_pixels(ax, drawn) > 1000


def test_what_was_not_heard_is_shaded(turn: Turn, ax: Any) -> None:
    turn.was_interrupted = True
    turn.heard_sample_count = RATE_HZ
    plots.waveform(turn, ax=ax)
    (shade,) = ax.patches
    extents = shade.get_extents().transformed(ax.transData.inverted())
    assert (extents.x0, extents.x1) == pytest.approx((1, 3))
    assert drawn_pixels(ax, shade) > 1000


def test_a_turn_without_sound_is_drawn_without_samples(ax: Any) -> None:
    drawn = plots.waveform(turn_of(role="user", text="typed"), ax=ax)
    assert drawn in ax.collections
    assert ax.get_title(loc="left") == "You: typed"
    assert drawn_pixels(ax, drawn) == 0


def test_an_array_is_drawn_as_a_turn_is(turn: Turn, ax: Any) -> None:
    drawn = [
        plots.waveform(turn, ax=ax),
        plots.waveform(turn.pcm, sample_rate=RATE_HZ, ax=ax),
        plots.waveform(turn.samples, sample_rate=RATE_HZ, ax=ax),
    ]
    first, *others = (each.get_paths()[0].get_extents().get_points() for each in drawn)
    for other in others:
        assert other == pytest.approx(first, abs=1e-4)
    assert ax.get_title(loc="left") == "Sound"


def test_sound_that_was_dropped_has_a_waveform_and_no_pitch(ax: Any) -> None:
    turn = turn_of(tone(2.0))
    turn._tape.drop_before(48_000)
    drawn = plots.waveform(turn, ax=ax)
    low, high = drawn.get_paths()[0].get_extents().get_points()
    assert (low[1], high[1]) == pytest.approx((-0.25, 0.25), abs=0.01)
    assert ax.get_xlim() == (0, 2)
    for figure in (plots.pitch, plots.level, plots.spectrogram):
        with pytest.raises(AudioDropped, match="use record=path"):
            figure(turn, ax=ax)


def test_style_keywords_are_those_of_matplotlib(turn: Turn, ax: Any) -> None:
    drawn = plots.waveform(turn, ax=ax, color="#112233", alpha=0.5, label="mine")
    assert drawn.get_facecolor()[0] == pytest.approx([0x11 / 255, 0x22 / 255, 0x33 / 255, 0.5])
    assert drawn.get_label() == "mine"


# --------------------------------------------------------------------------- pitch
def test_a_pitch_has_the_figures_of_its_sound_and_gaps(ax: Any) -> None:
    silence = np.zeros(RATE_HZ // 2, np.int16)
    sound = np.concatenate([silence, tone(0.5, 220), silence])
    line = plots.pitch(sound, sample_rate=RATE_HZ, ax=ax)
    expected = audio.pitch(sound, RATE_HZ)
    np.testing.assert_array_equal(line.get_xdata(), expected.times_s)
    np.testing.assert_array_equal(line.get_ydata(), expected.f0_hz)
    assert np.isnan(line.get_ydata()[:30]).all()
    assert line.get_label() == "Sound: median 220 Hz"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Time [s]", "Pitch [Hz]")
    assert ax.get_xlim() == (0, 1.5)
    assert drawn_pixels(ax, line) > 100


def test_a_pitch_of_a_voice_has_the_colour_of_its_role(ax: Any) -> None:
    pcm = audio.pcm_from_samples(voices()["nova"])
    for role in ("user", "assistant"):
        line = plots.pitch(turn_of(pcm, role, sample_rate=VOICE_RATE_HZ), ax=ax)
        assert line.get_color() == plots.COLORS[role]
    assert line.get_label().startswith("Reply: median 19")


def test_a_deep_voice_is_followed_in_short_frames(ax: Any) -> None:
    """From 90 Hz down to 55 Hz in 0.7 s, with harmonics as a voice has them."""
    f0_hz = np.linspace(90, 55, 7 * RATE_HZ // 10)
    phase = 2 * np.pi * np.cumsum(f0_hz) / RATE_HZ
    sound = sum(0.2 / n * np.sin(n * phase) for n in range(1, 9))
    line = plots.pitch(sound, sample_rate=RATE_HZ, ax=ax, fmin_hz=50, window_s=0.045)
    found_hz = line.get_ydata()[5:-5]
    expected_hz = np.interp(line.get_xdata()[5:-5], np.arange(len(f0_hz)) / RATE_HZ, f0_hz)
    np.testing.assert_allclose(found_hz, expected_hz, rtol=0.02)


@pytest.mark.parametrize("sound", [np.zeros(24_000, np.int16), np.zeros(99, np.int16)])
def test_what_is_not_voiced_has_no_pitch_and_says_so(sound: np.ndarray, ax: Any) -> None:
    line = plots.pitch(sound, sample_rate=RATE_HZ, ax=ax)
    assert np.isnan(line.get_ydata()).all()
    assert texts_of(ax) == ["Nothing in this sound is voiced."]


# --------------------------------------------------------------------------- level
def test_a_level_is_in_dbfs_with_gaps_in_digital_silence(ax: Any) -> None:
    sound = np.concatenate([sine(1.0, 440, amplitude=0.5), np.zeros(RATE_HZ, np.float32)])
    line = plots.level(sound, sample_rate=RATE_HZ, ax=ax)
    times_s, levels = line.get_data()
    assert levels[times_s < 0.97] == pytest.approx(20 * np.log10(0.5) - 3.01, abs=0.02)
    assert np.isnan(levels[times_s > 1.03]).all()
    assert line.get_label() == "Sound: -12.0 dBFS"
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Time [s]", "Level [dBFS]")


def test_a_loudness_is_in_lufs(ax: Any) -> None:
    sound = sine(2.0, 997, amplitude=0.5)
    line = plots.level(sound, sample_rate=RATE_HZ, ax=ax, unit="LUFS")
    expected = audio.loudness_over_time(sound, RATE_HZ)
    np.testing.assert_array_equal(line.get_xdata(), expected.times_s)
    np.testing.assert_array_equal(line.get_ydata(), expected.levels)
    assert line.get_label() == "Sound: -9.0 LUFS"
    assert ax.get_ylabel() == "Loudness [LUFS]"


def test_an_hour_has_a_bounded_number_of_points(ax: Any) -> None:
    hour = np.ones(3_600_000, np.int16)
    line = plots.level(hour, sample_rate=1_000, ax=ax)
    assert 3_900 <= len(line.get_xdata()) <= 4_000
    assert line.get_ydata() == pytest.approx(20 * np.log10(1 / 32768))


def test_a_sound_too_short_for_loudness_says_so_and_an_unknown_unit_is_refused(ax: Any) -> None:
    line = plots.level(tone(0.3), sample_rate=RATE_HZ, ax=ax, unit="LUFS")
    assert len(line.get_xdata()) == 0
    assert texts_of(ax) == ["This sound is too short: its loudness needs 0.4 s."]
    with pytest.raises(ConfigurationError, match="unit must be one of 'dBFS', 'LUFS', not 'dB'"):
        plots.level(tone(), sample_rate=RATE_HZ, ax=ax, unit="dB")  # type: ignore[arg-type]


@pytest.mark.parametrize("figure", [plots.waveform, plots.pitch, plots.level])
def test_a_typed_turn_says_why_it_has_no_curve(figure: Any, ax: Any) -> None:
    figure(turn_of(role="user", text="typed", text_source="typed"), ax=ax)
    assert texts_of(ax) == ["This turn was typed: it has no sound."]
    figure(turn_of(), ax=ax)
    assert texts_of(ax)[-1] == "There is no sound yet."
