"""Pictures: they take axes, return artists, and draw what was there."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pytest

from grok_live_widget import plots
from grok_live_widget.audio.buffer import AudioBuffer
from grok_live_widget.conversation.turns import Turn

RATE = 24_000


@pytest.fixture
def turn() -> Turn:
    turn = Turn("assistant", tape=AudioBuffer(), text="It costs $5 and $6.")
    ramp = np.linspace(0, 16_384, 3 * RATE).astype(np.int16)
    turn._tape.append(ramp * np.tile([1, -1], len(ramp) // 2).astype(np.int16))
    return turn


def test_a_waveform_is_drawn_over_its_time_and_within_its_amplitude(turn: Turn) -> None:
    fig, ax = plt.subplots()
    drawn = plots.waveform(turn, ax=ax)
    low, high = drawn.get_paths()[0].get_extents().get_points()
    assert (low[0], high[0]) == pytest.approx((0, 3), abs=0.01)
    assert (low[1], high[1]) == pytest.approx((-0.5, 0.5), abs=0.01)
    assert ax.get_xlabel() == "Time [s]"
    plt.close(fig)


def test_it_draws_on_the_current_axes_and_shows_nothing(turn: Turn) -> None:
    fig, ax = plt.subplots()
    assert turn.plot() in ax.collections
    fig.canvas.draw()
    plt.close(fig)


def test_what_was_not_heard_is_shaded(turn: Turn) -> None:
    turn.was_interrupted = True
    turn.heard_sample_count = RATE
    fig, ax = plt.subplots()
    plots.waveform(turn, ax=ax)
    shaded = ax.patches[0].get_extents().transformed(ax.transData.inverted())
    assert (shaded.x0, shaded.x1) == pytest.approx((1, 3))
    plt.close(fig)


def test_a_turn_without_sound_can_be_drawn() -> None:
    fig, ax = plt.subplots()
    plots.waveform(Turn("user", tape=AudioBuffer(1), text="typed"), ax=ax)
    plt.close(fig)
