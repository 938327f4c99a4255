"""Images have the figures of their sound, at their times and frequencies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grok_live_widget import audio, plots
from grok_live_widget.conversation import Turns
from grok_live_widget.exceptions import ConfigurationError

from ..support.drawing import drawn_pixels, texts_of
from ..support.sound import RATE_HZ, sine, tone
from ..support.turns import turn_of

IMAGES = [plots.spectrogram, plots.mel_spectrogram, plots.mfcc]


def at(image: Any, time_s: float, value: float) -> Any:
    """The value of the pixel at a time and a place on the axis."""
    rows = image.get_array()
    left, right, bottom, top = image.get_extent()
    column = int((time_s - left) / (right - left) * rows.shape[1])
    row = int((value - bottom) / (top - bottom) * rows.shape[0])
    return rows[row, column]


def test_a_tone_of_full_scale_is_0_db_at_its_frequency_and_time(ax: Any) -> None:
    # In the middle of a bin; half a second of silence before it.
    sound = np.concatenate([np.zeros(12_000), sine(0.5, 3_000, amplitude=0.999)])
    image = plots.spectrogram(sound, sample_rate=RATE_HZ, ax=ax)
    assert at(image, 0.75, 3_000) == pytest.approx(0, abs=0.02)
    assert at(image, 0.75, 6_000) < -80
    assert at(image, 0.25, 3_000) < -80
    left, right, bottom, top = image.get_extent()
    assert [left, right] == pytest.approx([-128 / 24_000, 1 + 128 / 24_000])
    assert [bottom, top] == pytest.approx([-11.72, 12_011.72], abs=0.01)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Time [s]", "Frequency [Hz]")
    assert ax.get_ylim() == (0, 12_000)
    assert np.subtract(*image.get_clim()) == pytest.approx(-80)
    assert drawn_pixels(ax, image) > 10_000


def test_a_spectrogram_is_the_stft_in_db(ax: Any, talk: Turns) -> None:
    image = plots.spectrogram(talk[1], ax=ax, n_fft=512, hop=128, fmax_hz=4_000)
    power = np.abs(audio.stft(talk[1].pcm, n_fft=512, hop=128)) ** 2
    expected = audio.db_from_power(power * (4 / 512) ** 2)
    np.testing.assert_allclose(image.get_array(), expected, atol=1e-3)
    assert ax.get_ylim() == (0, 4_000)
    (bar,) = (each for each in ax.figure.axes if each is not ax)
    assert bar.get_ylabel() == "Level [dB re full scale]"


def test_a_mel_spectrogram_has_the_bands_at_their_frequencies(ax: Any) -> None:
    image = plots.mel_spectrogram(tone(1.0, 1_000), sample_rate=RATE_HZ, ax=ax)
    expected = audio.db_from_power(audio.mel_spectrogram(tone(1.0, 1_000), RATE_HZ))
    np.testing.assert_allclose(image.get_array(), expected, atol=1e-3)
    # The axis is in mels: 1 kHz is 15.
    assert at(image, 0.5, 15) == image.get_array().max()
    ticks = dict(
        zip((each.get_text() for each in ax.get_yticklabels()), ax.get_yticks(), strict=True)
    )
    assert ticks["1k"] == pytest.approx(15)
    assert ticks["8k"] == pytest.approx(float(audio.mel_from_hz(8_000)))
    assert ax.get_ylabel() == "Frequency [Hz], mel scale"


def test_an_mfcc_has_the_coefficients_but_the_level(ax: Any, talk: Turns) -> None:
    image = plots.mfcc(talk[1], ax=ax, n_mfcc=13)
    expected = audio.mfcc(talk[1].pcm, talk[1].sample_rate, n_mfcc=13)[1:]
    np.testing.assert_array_equal(image.get_array(), expected)
    assert image.get_extent()[2:] == [0.5, 12.5]
    low, high = image.get_clim()
    assert low == -high
    assert ax.get_ylabel() == "MFCC [index]"


@pytest.mark.parametrize("figure", IMAGES)
def test_an_hour_has_a_bounded_number_of_columns(figure: Any, ax: Any) -> None:
    image = figure(np.zeros(700_000, np.int16), sample_rate=1_000, ax=ax, hop=256, n_fft=1024)
    assert image.get_array().shape[1] == 2_000


def test_the_columns_of_long_sound_have_the_maxima_of_their_frames(ax: Any) -> None:
    click = np.zeros(5_000 * 64, np.float32)
    click[200_000] = 1
    image = plots.spectrogram(click, sample_rate=8_000, ax=ax, n_fft=128, hop=64)
    rows = image.get_array()
    assert rows.shape[1] == 2_000
    column = int(rows.max(axis=0).argmax())
    assert column == pytest.approx(200_000 / 64 * 2_000 / 5_001, abs=1)
    assert rows.max() == pytest.approx(20 * np.log10(4 / 128), abs=0.1)


@pytest.mark.parametrize("figure", IMAGES)
def test_style_and_bar_are_chosen(figure: Any, ax: Any, talk: Turns) -> None:
    image = figure(talk[1], ax=ax, colorbar=False, cmap="cividis", vmin=-5, vmax=5)
    assert (image.get_cmap().name, image.get_clim()) == ("cividis", (-5, 5))
    assert ax.figure.axes == [ax]


@pytest.mark.parametrize("figure", IMAGES)
def test_axes_that_are_drawn_into_again_keep_one_bar(figure: Any, ax: Any, talk: Turns) -> None:
    for _ in range(2):
        image = figure(talk[1], ax=ax)
        assert ax.figure.axes == [ax, image.colorbar.ax]


@pytest.mark.parametrize("figure", IMAGES)
def test_without_sound_there_is_a_sentence_and_no_picture(figure: Any, ax: Any) -> None:
    image = figure(turn_of(role="user", text="Hi", text_source="typed"), ax=ax)
    assert texts_of(ax) == ["This turn was typed: it has no sound."]
    assert drawn_pixels(ax, image) == 0
    assert ax.figure.axes == [ax]


@pytest.mark.parametrize("figure", IMAGES)
def test_digital_silence_has_a_picture(figure: Any, ax: Any) -> None:
    image = figure(np.zeros(5_000, np.int16), sample_rate=RATE_HZ, ax=ax)
    low, high = image.get_clim()
    assert low < high
    ax.figure.canvas.draw()


@pytest.mark.parametrize("figure", [plots.spectrogram, plots.mel_spectrogram])
def test_silence_is_dark(ax: Any, figure: Any) -> None:
    image = figure(turn_of(np.zeros(24_000)), ax=ax, colorbar=False)
    darkest = image.cmap(0.0)
    assert np.allclose(image.to_rgba(image.get_array()), darkest)


def test_numbers_with_which_nothing_can_be_drawn_are_refused(ax: Any) -> None:
    turn = turn_of(np.ones(24_000))
    with pytest.raises(ConfigurationError, match="fmax_hz must be"):
        plots.spectrogram(turn, ax=ax, fmax_hz=0)
    with pytest.raises(ConfigurationError, match="n_mfcc must be"):
        plots.mfcc(turn, ax=ax, n_mfcc=1)
    with pytest.raises(ConfigurationError, match="fmin_hz must be"):
        plots.pitch(turn, ax=ax, fmin_hz=-3)
