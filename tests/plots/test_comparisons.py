"""Small multiples have one figure for each turn with sound, on the same scales."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from grok_live_widget import plots
from grok_live_widget.conversation import Turns
from grok_live_widget.exceptions import ConfigurationError

from ..support.drawing import texts_of
from ..support.turns import turn_of


@pytest.fixture
def replies(talk: Turns) -> Turns:
    return talk.assistant


def test_axes_are_divided_among_the_turns(replies: Turns, ax: Any) -> None:
    figure = ax.figure
    images = plots.compare_turns(replies, ax=ax)
    assert ax not in figure.axes
    assert [image.axes for image in images] == figure.axes
    geometry = figure.axes[0].get_subplotspec().get_gridspec().get_geometry()
    assert (len(images), geometry) == (4, (2, 2))
    assert {axes.get_xlim() for axes in figure.axes} == {(0, 2.5)}
    assert len({image.get_clim() for image in images}) == 1
    assert [axes.get_ylabel() for axes in figure.axes] == ["Frequency [Hz]", ""] * 2
    assert [axes.get_xlabel() for axes in figure.axes] == ["", "", "Time [s]", "Time [s]"]
    assert figure.axes[3].get_title(loc="left") == "Reply: You are welcome."


def test_the_longest_turn_fits_into_axes_that_share_their_scale(replies: Turns) -> None:
    figure, axes = plt.subplots(2, 2, sharex=True)
    plots.compare_turns(replies, kind="waveform", ax=axes)
    assert max(turn.duration_s for turn in replies) == replies[0].duration_s == 2.5
    assert {each.get_xlim() for each in axes.flat} == {(0, 2.5)}
    plt.close(figure)


def test_pitches_have_the_same_limits(replies: Turns, ax: Any) -> None:
    lines = plots.compare_turns(replies[:2], kind="pitch", ax=ax, color="black")
    values = np.concatenate([line.get_ydata() for line in lines])
    limits = {line.axes.get_ylim() for line in lines}
    assert limits == {(np.nanmin(values) * 0.9, np.nanmax(values) * 1.1)}
    assert {line.get_color() for line in lines} == {"black"}


@pytest.mark.parametrize("kind", ["waveform", "mel_spectrogram", "mfcc", "level"])
def test_every_kind_is_drawn_for_each_turn(kind: Any, replies: Turns, ax: Any) -> None:
    assert len(plots.compare_turns(replies[:3], kind=kind, ax=ax)) == 3


def test_turns_have_axes_of_their_own(replies: Turns, ax: Any) -> None:
    _, grid = plt.subplots(2, 2)
    lines = plots.compare_turns(replies, kind="level", ax=grid)
    assert [line.axes for line in lines] == grid.ravel().tolist()
    with pytest.raises(ConfigurationError, match="4 turns with sound need as many axes, not 2"):
        plots.compare_turns(replies, kind="level", ax=grid[0])


def test_without_axes_an_empty_figure_is_used_and_another_is_left_alone(
    replies: Turns, ax: Any
) -> None:
    lines = plots.compare_turns(replies[:2], kind="level")
    assert lines[0].axes.figure is not ax.figure
    empty = plt.figure()
    lines = plots.compare_turns(replies[:2], kind="level")
    assert lines[0].axes.figure is empty


def test_turns_without_sound_are_left_out(ax: Any, replies: Turns) -> None:
    typed = turn_of(role="user", text="Hi", text_source="typed")
    figure = ax.figure
    assert len(plots.compare_turns([typed, replies[1]], ax=ax)) == 1
    axes = figure.axes[0]
    assert plots.compare_turns([typed], ax=axes) == ()
    assert texts_of(figure.axes[0]) == ["No turn has sound."]


def test_an_unknown_kind_and_axes_without_a_grid_are_refused(ax: Any, replies: Turns) -> None:
    with pytest.raises(
        ConfigurationError, match=r"kind must be one of 'waveform', .* Did you mean"
    ):
        plots.compare_turns(replies, kind="pitsch", ax=ax)  # type: ignore[arg-type]
    loose = ax.figure.add_axes((0, 0, 1, 1))
    with pytest.raises(ConfigurationError, match=r"cannot be divided\. Pass axes made by plt"):
        plots.compare_turns(replies, ax=loose)
    plots.compare_turns(replies, ax=ax)
    with pytest.raises(ConfigurationError, match=r"have been divided, or removed\. Make new ones"):
        plots.compare_turns(replies, ax=ax)


def test_more_turns_than_there_is_room_for_are_refused_with_the_size_that_is_needed() -> None:
    turns = [turn_of(np.ones(2_400), text="Hello.") for _ in range(30)]
    with pytest.raises(ConfigurationError, match=r"30 turns .*figsize=\(8, 6\)"):
        plots.compare_turns(turns, kind="waveform")
    figure = plt.figure(figsize=(8, 6))
    assert len(plots.compare_turns(turns, kind="waveform")) == 30
    # Would warn if there was too little room.
    figure.canvas.draw()
