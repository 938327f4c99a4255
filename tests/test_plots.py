"""Plots: they draw on the given axes, return artists, and show the samples of the turn."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from grok_live_widget import plots
from grok_live_widget.conversation import Turn

from .support.sound import RATE_HZ
from .support.turns import turn_of


@pytest.fixture
def turn() -> Turn:
    """Three seconds that grow from silence to half of full scale."""
    ramp = np.linspace(0, 16_384, 3 * RATE_HZ).astype(np.int16)
    signs = np.tile([1, -1], len(ramp) // 2)
    return turn_of(ramp * signs, text="It costs $5 and $6.")


@pytest.fixture
def ax() -> Iterator[Any]:
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def drawn_pixels(ax: Any, artist: Any) -> int:
    """How many pixels of the figure change when the artist is hidden."""
    images = []
    for is_visible in (True, False):
        artist.set_visible(is_visible)
        ax.figure.canvas.draw()
        images.append(np.asarray(ax.figure.canvas.buffer_rgba()).copy())
    artist.set_visible(True)
    return int((images[0] != images[1]).any(axis=-1).sum())


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
