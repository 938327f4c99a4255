"""Pictures of results: the points are the figures, the lines the medians, the axes have units."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.experiments import Results

from ..support.drawing import texts_of


@pytest.fixture
def ax() -> Iterator[Any]:
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def points_of(artist: Any) -> np.ndarray:
    return np.asarray(artist.get_offsets())


def test_each_result_is_a_point_and_each_group_has_its_median(results: Results, ax: Any) -> None:
    (artist,) = results.plot(ax=ax)
    points = points_of(artist)
    # One of the eight has failed, and its point is not drawn.
    assert np.array_equal(points[:7, 1], [100, 200, 300, 400, 500, 600, 700])
    assert np.isnan(points[7, 1]) or np.ma.is_masked(artist.get_offsets()[7])
    assert np.array_equal(np.rint(points[:, 0]), [0, 1] * 4)
    assert np.abs(points[:, 0] - np.rint(points[:, 0])).max() < 0.5
    (onyx,), (nova,) = (each.get_segments() for each in ax.collections if each is not artist)
    assert onyx.tolist() == [[-0.3, 400], [0.3, 400]]
    assert nova.tolist() == [[0.7, 400], [1.3, 400]]
    assert [each.get_text() for each in ax.get_xticklabels()] == ["onyx", "nova"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Voice", "Latency [ms]")
    assert ax.get_legend() is None


def test_colours_tell_the_values_of_another_label(results: Results, ax: Any) -> None:
    first, second = results.plot("level_dbfs", by="prompt", hue="repeat", ax=ax, s=9)
    assert (first.get_label(), second.get_label()) == ("0", "1")
    assert points_of(first)[:, 1] == pytest.approx([-9.03] * 4, abs=0.01)
    assert not np.array_equal(first.get_facecolor(), second.get_facecolor())
    assert ax.get_ylabel() == "Level [dBFS]"
    assert ax.get_legend().get_title().get_text() == "Repeat"
    assert first.get_sizes().tolist() == [9]
    # matplotlib takes text between dollar signs for a formula.
    assert [each.get_text() for each in ax.get_xticklabels()] == [r"It costs \$5 and \$6.", "b"]


def test_a_plot_is_drawn_on_the_current_axes_and_is_not_shown(results: Results, ax: Any) -> None:
    (artist,) = results.plot("pitch_median_hz")
    assert artist in ax.collections
    assert plt.get_fignums() == [ax.figure.number]
    ax.figure.canvas.draw()


def test_a_figure_that_no_result_has_is_missed_in_a_sentence(results: Results, ax: Any) -> None:
    results.failed.plot(hue="repeat", ax=ax)
    assert [each.get_text() for each in ax.get_xticklabels()] == ["nova"]
    assert texts_of(ax) == [
        "No question was answered. The first error:\nno complete reply in 60 s."
    ]
    ax.clear()
    results[:3].plot("heard_ms", ax=ax)
    assert texts_of(ax) == ["None of the 3 results has the figure heard_ms."]
    ax.clear()
    assert Results([], results.design).plot("pitch_median_hz", ax=ax) == []
    assert texts_of(ax) == ["There are no results."]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Voice", "Pitch median [Hz]")


def test_several_axes_are_refused_with_how_to_pass_one(results: Results) -> None:
    figure, several = plt.subplots(1, 2)
    with pytest.raises(ConfigurationError, match=r"such as axs\[0\]"):
        results.plot(ax=several)
    plt.close(figure)


def test_a_style_that_matplotlib_does_not_have_is_an_error(results: Results, ax: Any) -> None:
    with pytest.raises(TypeError, match=r"plot\(\) has no argument or style 'colour'.*'color'"):
        results.plot(ax=ax, colour="red")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [({"by": "text"}, "by must be"), ({"hue": "text"}, "hue must be"),
     ({"measure": "pitch"}, "no figure 'pitch'. Did you mean 'pitch_median_hz'")],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused(results: Results, arguments: Any, part: str) -> None:
    with pytest.raises(ConfigurationError, match=part):
        results.plot(**arguments)
    assert plt.get_fignums() == []


# --------------------------------------------------------------------------- HTML
def test_the_table_in_a_notebook_shows_labels_texts_and_errors(results: Results) -> None:
    shown = results._repr_html_()
    rows = [re.findall("<td>(.*?)</td>", row) for row in re.findall("<tr>(.*?)</tr>", shown)]
    assert rows[1] == [
        "It costs $5 and $6.", "onyx", "default", "0", "one two three", "1.00", "100"
    ]  # fmt: skip
    assert rows[8][4:] == ["no complete reply in 60 s.", "", ""]
    assert "8 of 8 questions" in shown


def test_the_table_escapes_what_was_said_and_is_short(results: Results) -> None:
    bad = replace(results[0], prompt="<script>alert(1)</script>", error="&" * 200)
    shown = Results([bad] * 30, results.design)._repr_html_()
    assert "<script" not in shown
    assert "&amp;…" in shown
    assert shown.count("<tr>") == 21
    assert "… and 10 more" in shown
