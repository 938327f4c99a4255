"""Delays are drawn in their parts; what was not measured is absent."""

from __future__ import annotations

import pickle
from typing import Any

import matplotlib.pyplot as plt
import pytest
from matplotlib.transforms import Bbox

from grok_live_widget import plots
from grok_live_widget.conversation import Turn, Turns

from ..support.drawing import drawn_pixels, texts_of
from ..support.turns import turn_of

OUTER = Bbox.from_bounds(0.6, 0.2, 0.3, 0.7)


def at_outer(axes: Any, renderer: Any) -> Bbox:
    return OUTER


def heights(bars: Any) -> list[float]:
    return [round(float(bar.get_height()), 1) for bar in bars]


def reply(server_ms: float | None, queue_ms: float | None = None) -> Turn:
    turn = turn_of([1, 2])
    turn.latency_ms, turn.queue_ms = server_ms, queue_ms
    return turn


def test_bars_have_the_parts_of_each_delay(talk: Turns, ax: Any) -> None:
    drawn = plots.latency(talk, ax=ax)
    assert {name: heights(bars) for name, bars in drawn.parts.items()} == {
        "decided_ms": [500, 500, 0, 500],
        "first_delta_ms": [100, 300, 400, 300],
        "tool_ms": [400, 0, 0, 0],
        "queue_ms": [150, 120, 100, 150],
    }
    tops = [round(bar.get_y() + bar.get_height()) for bar in drawn.parts["queue_ms"]]
    assert tops == [1150, 920, 500, 950]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Reply [number]", "Delay [ms]")
    assert drawn_pixels(ax, drawn.parts["tool_ms"][0]) > 100


def test_the_distribution_is_that_of_the_whole_delays(talk: Turns, ax: Any) -> None:
    drawn = plots.latency(talk, ax=ax)
    assert drawn.median.get_ydata() == pytest.approx([935, 935], abs=1)
    assert drawn.median.get_label() == "median 935 ms"
    assert sum(bar.get_width() for bar in drawn.distribution) == 4
    edges = [bar.get_y() for bar in drawn.distribution]
    last = drawn.distribution[-1]
    assert (edges[0], last.get_y() + last.get_height()) == pytest.approx((500, 1150), abs=1)
    (beside,) = ax.child_axes
    assert beside.get_xlabel() == "Replies [count]"


def test_the_histogram_takes_its_place_from_the_bars_and_gives_it_back(talk: Turns) -> None:
    figure, (left, right) = plt.subplots(1, 2)
    for axes, outer in ((left, None), (right, at_outer)):
        axes.set_axes_locator(outer)
        whole = OUTER if outer else axes.get_position()
        for _ in range(2):
            # Drawn again into the same axes, which do not become narrower each time.
            axes.clear()
            plots.latency(talk, ax=axes)
            figure.canvas.draw()
            (beside,) = axes.child_axes
            assert axes.get_position().width == pytest.approx(0.8 * whole.width)
            assert beside.get_window_extent().x1 == pytest.approx(whole.x1 * figure.bbox.width)
        axes.clear()
        plots.latency([reply(300)], ax=axes)
        figure.canvas.draw()
        assert axes.get_position().extents == pytest.approx(whole.extents)
    assert pickle.loads(pickle.dumps(left.figure)).axes
    plt.close(figure)


def test_replies_that_nothing_played_end_with_the_first_sound_received(ax: Any) -> None:
    drawn = plots.latency([reply(300), turn_of([1], "user"), reply(None), reply(500)], ax=ax)
    assert {name: heights(bars) for name, bars in drawn.parts.items()} == {
        "first_delta_ms": [300, 500]
    }
    # The second reply was never measured: it has no bar.
    centres = [bar.get_x() + bar.get_width() / 2 for bar in drawn.parts["first_delta_ms"]]
    assert centres == pytest.approx([1, 3])
    assert drawn.median.get_ydata()[0] == 400


def test_one_reply_has_no_distribution(ax: Any) -> None:
    drawn = plots.latency([reply(300, 20)], ax=ax, legend=False, alpha=0.5)
    assert (drawn.distribution, drawn.median, ax.child_axes) == (None, None, [])
    assert drawn.parts["queue_ms"][0].get_alpha() == 0.5
    assert ax.get_legend() is None


@pytest.mark.parametrize("turns", [[], [turn_of([1], "user")], [reply(None, 20)]])
def test_without_a_measured_delay_there_is_a_sentence(turns: list[Turn], ax: Any) -> None:
    assert plots.latency(turns, ax=ax).parts == {}
    assert texts_of(ax) == ["No reply has a measured delay yet."]
