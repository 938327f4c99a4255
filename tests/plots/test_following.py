"""A figure follows a talk by a backend's timer, draws what has changed, and ends."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backends.backend_webagg_core import FigureCanvasWebAggCore
from matplotlib.figure import Figure

from grok_live_widget import Talk, load, plots
from grok_live_widget.exceptions import ArgumentError, ConfigurationError

from ..support.figure_sounds import GOLDEN
from ..support.waiting import wait_until_async

KINDS = ("waveform", "level", "spectrogram", "timeline")


@pytest.fixture(scope="module")
def going() -> Iterator[Talk]:
    with Talk(partner=["One, two, three.", "Four, five.", "Six.", "Seven."]) as talk:
        talk.ask("Count.")
        yield talk


@pytest.fixture
def interactive() -> Any:
    """Axes of the canvas of an interactive backend, whose timer runs on asyncio's loop."""
    figure = Figure()
    FigureCanvasWebAggCore(figure)
    return figure.add_subplot()


def seen(figure: plots.LiveFigure) -> int:
    """How many pixels of its picture are not transparent."""
    return int(np.count_nonzero(figure.image.get_array()[:, :, 3]))


@pytest.mark.parametrize("kind", KINDS)
async def test_it_shows_what_was_said_and_follows_what_is_said(
    going: Talk, interactive: Any, kind: Any
) -> None:
    figure = plots.live(going, kind, ax=interactive, fps=30)
    try:
        assert figure.is_running
        assert figure.axes is interactive
        first = seen(figure)
        assert first > 100
        turns, frames = len(going.turns), figure.frame_count
        await going.ask_async("Go on.")
        assert len(going.turns) > turns
        await wait_until_async(lambda: figure.frame_count > frames)
        if kind == "timeline":
            await wait_until_async(lambda: seen(figure) > first)
    finally:
        figure.stop()
    assert not figure.is_running
    assert repr(figure).startswith(f"<LiveFigure of the {kind}, stopped, ")


async def test_it_is_drawn_only_when_something_has_changed(going: Talk, interactive: Any) -> None:
    figure = plots.live(going, "timeline", ax=interactive)
    try:
        frames = figure.frame_count
        assert frames == 1
        assert not figure.refresh()
        assert figure.frame_count == frames
    finally:
        figure.stop()
    assert figure.frame_count == frames
    figure.stop()


async def test_the_same_figure_shown_again_ends_the_one_before(
    going: Talk, interactive: Any
) -> None:
    first = plots.live(going, ax=interactive)
    other = plots.live(going, "level", ax=interactive.figure.add_subplot())
    second = plots.live(going, ax=interactive)
    assert [each.is_running for each in (first, other, second)] == [False, True, True]
    for each in (other, second):
        each.stop()


async def test_an_error_ends_the_figure_and_not_the_talk(
    going: Talk, interactive: Any, caplog: pytest.LogCaptureFixture
) -> None:
    figure = plots.live(going, "level", ax=interactive, fps=30)
    figure.image.remove()
    figure._column_s = 0  # Nothing can be drawn any more.
    with caplog.at_level(logging.ERROR, "grok_live_widget"):
        await wait_until_async(lambda: not figure.is_running)
    assert "The live figure of the level has stopped." in caplog.text
    assert going.phase == "open"


async def test_a_long_timeline_has_a_longer_axis(interactive: Any) -> None:
    saved = load(GOLDEN / "recording")

    class Past:
        """A talk as it was, long after its beginning."""

        turns, phase, elapsed_s = saved.turns, "closed", None

    figure = plots.LiveFigure(Past(), "timeline", seconds=10, axes=interactive)
    figure.refresh()
    assert interactive.get_xlim() == (0, 30)
    saved.turns[0].started_s += 100
    saved.turns._turns[1:] = []
    figure.refresh()
    assert interactive.get_xlim() == (0, 120)
    assert figure.image.get_extent()[1] == 120


def test_axes_are_labelled(going: Talk, interactive: Any) -> None:
    for kind, label in (
        ("waveform", ""),
        ("level", "Level [dBFS]"),
        ("spectrogram", "Frequency [Hz]"),
    ):
        interactive.clear()
        plots.LiveFigure(going, kind, seconds=5, axes=interactive)  # type: ignore[arg-type]
        assert interactive.get_xlabel() == "Time before now [s]"
        assert interactive.get_ylabel() == label
        assert interactive.get_xlim() == (-5, 0)


def test_the_image_can_be_styled(going: Talk, interactive: Any) -> None:
    style = {"interpolation": "bilinear", "alpha": 0.5}
    figure = plots.LiveFigure(going, "spectrogram", seconds=5, axes=interactive, style=style)
    assert figure.image.get_interpolation() == "bilinear"
    assert figure.image.get_alpha() == 0.5


# --------------------------------------------------------------------------- errors
def test_without_a_loop_and_a_window_it_says_what_it_needs(going: Talk) -> None:
    with pytest.raises(ConfigurationError) as caught:
        plots.live(going)
    assert str(caught.value) == (
        "live() needs a notebook's kernel, or an interactive backend of matplotlib. "
        "Call it in a cell, or begin the script with matplotlib.use('QtAgg')."
    )
    assert plt.get_fignums() == []


def test_what_does_not_go_on_is_not_followed(going: Talk) -> None:
    with pytest.raises(ConfigurationError, match=r"not SavedTalk\. plots\.timeline\(talk\) and"):
        plots.live(load(GOLDEN / "recording"))
    with pytest.raises(ConfigurationError, match="kind must be one of 'waveform', 'level'"):
        plots.live(going, "pitch")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="seconds must be a number from 1 to 120"):
        plots.live(going, seconds=0)
    with pytest.raises(ArgumentError, match="Did you mean 'seconds'"):
        plots.live(going, second=3)  # type: ignore[call-arg]
