"""What is drawn is found, or refused with a sentence that says what to pass."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from grok_live_widget import Turns, load, plots
from grok_live_widget.exceptions import ArgumentError, AudioFormatError, ConfigurationError
from grok_live_widget.plots.subjects import plain, subject_of, turns_of

from ..support.figure_sounds import GOLDEN
from ..support.sound import RATE_HZ, sine, tone
from ..support.turns import turn_of

SOUNDS = ("waveform", "spectrogram", "mel_spectrogram", "mfcc", "pitch", "level")
TALKS = ("timeline", "latency", "speaking_rate")


@pytest.mark.parametrize("has_axes", [False, True])
@pytest.mark.parametrize("name", [*SOUNDS, *TALKS, *(f"compare_turns {kind}" for kind in SOUNDS)])
def test_everything_drawn_lies_in_a_figure_of_the_usual_size(
    name: str, has_axes: bool, talk: Turns
) -> None:
    plt.close("all")
    axes = {"ax": plt.subplots()[1]} if has_axes else {}
    function, _, kind = name.partition(" ")
    if kind:
        plots.compare_turns(talk, kind=kind, **axes)  # type: ignore[arg-type]
    else:
        getattr(plots, function)(talk if name in TALKS else talk[1], **axes)
    figure = plt.gcf()
    figure.canvas.draw()
    place, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert (place.x0 >= 0, place.y0 >= 0, place.x1 <= width, place.y1 <= height) == (True,) * 4
    titles = [
        axes._left_title.get_window_extent() for axes in figure.axes if axes.get_title("left")
    ]  # type: ignore[attr-defined]
    for index, title in enumerate(titles):
        assert not any(title.overlaps(other) for other in titles[:index])
    plt.close("all")


def test_an_array_has_its_rate_and_its_envelope() -> None:
    for sound in (tone(0.5), sine(0.5)):
        subject = subject_of(sound, RATE_HZ)
        assert (subject.duration_s, subject.label, subject.titled(9)) == (0.5, "Sound", "Sound")
        low, high = subject.envelope(50)
        assert (low.dtype, len(low)) == (np.float32, 50)
        assert [low.min(), high.max()] == pytest.approx([-0.25, 0.25], abs=1e-3)
    assert subject_of(np.zeros(0), RATE_HZ).envelope(50)[0].shape == (0,)


@pytest.mark.parametrize(
    ("sound", "rate_hz", "sentence"),
    [
        (None, None, "this figure needs a turn or an array, not NoneType. Pass a turn, such as"),
        (3, 8_000, "this figure needs a turn or an array, not int. Pass a turn, such as"),
        (np.zeros(9), None, "an array needs sample_rate=. Pass sample_rate=24_000, in hertz."),
        (turn_of([1]), 8_000, "sample_rate=8000 was given with a turn, which has 24000 Hz."),
        (Turns(), None, "this figure shows one turn, not Turns. Pass a turn, such as"),
    ],
)
def test_what_is_no_single_sound_is_refused(sound: Any, rate_hz: Any, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        plots.waveform(sound, sample_rate=rate_hz)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    "sound", [np.zeros((9, 2)), np.array([np.nan]), "a.wav", np.zeros(3, "i8")]
)
def test_an_array_that_is_no_sound_is_refused_with_a_cure(sound: Any) -> None:
    for figure in (plots.waveform, plots.spectrogram, plots.pitch, plots.level, plots.mfcc):
        with pytest.raises(AudioFormatError) as caught:
            figure(sound, sample_rate=RATE_HZ)
        assert caught.value.cure


def test_turns_are_those_of_a_talk_a_sequence_or_one_turn() -> None:
    turn, saved = turn_of([1]), load(GOLDEN / "recording")
    assert turns_of(turn) == turns_of([turn]) == turns_of(Turns([turn])) == [turn]
    assert turns_of(saved) == list(saved.turns)
    assert turns_of([]) == []
    for talk in (None, 3, [turn, 3], np.zeros(3)):
        with pytest.raises(
            ConfigurationError, match=r"shows the turns of a talk, not .* Pass a talk"
        ):
            turns_of(talk)


def test_a_text_is_cut_and_has_no_formulas() -> None:
    assert plain("It costs  $5.", 20) == r"It costs \$5."
    assert plain("x" * 20, 10) == "x" * 8 + "…"


def test_a_misspelt_style_is_named_with_the_nearest(ax: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        plots.waveform(turn_of([1, 2]), ax=ax, colour="red")
    assert str(caught.value) == (
        "waveform() has no argument or style 'colour'. "
        "Did you mean 'color'? Styles are those of fill_between()."
    )
    for figure in (plots.spectrogram, plots.pitch, plots.level):
        with pytest.raises(ArgumentError, match="has no argument or style 'sample_rat'"):
            figure(tone(), sample_rate=RATE_HZ, ax=ax, sample_rat=3)
    turn = turn_of([1], text="Hi")
    turn.latency_ms = 100.0
    for figure in (plots.timeline, plots.latency, plots.speaking_rate):
        with pytest.raises(ArgumentError, match="has no argument or style 'aks'"):
            figure([turn], ax=ax, aks=3)


def test_the_path_of_a_file_is_refused_with_how_to_read_it(ax: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"soundfile\.read"):
        plots.waveform("a.wav", ax=ax)


@pytest.mark.parametrize("figure", [plots.waveform, plots.spectrogram, plots.timeline])
def test_what_are_no_axes_is_refused_with_where_they_come_from(talk: Turns, figure: Any) -> None:
    _, several = plt.subplots(1, 2)
    subject = talk if figure is plots.timeline else talk[1]
    with pytest.raises(ConfigurationError, match=r"not ndarray. Pass one .* such as axs\[0\]"):
        figure(subject, ax=several)
    plt.close("all")


def test_a_misspelt_argument_of_a_figure_is_meant_sooner_than_a_style(ax: Any) -> None:
    turn = turn_of(np.ones(2_400))
    with pytest.raises(TypeError, match=r"no argument or style 'fmax'. Did you mean 'fmax_hz'"):
        plots.spectrogram(turn, ax=ax, fmax=4_000)
    # A style of other figures is not offered again.
    with pytest.raises(TypeError, match=r"no argument or style 'hatch'. Styles are those of plot"):
        plots.level(turn, ax=ax, hatch="/")
