"""Results as a strip chart and as a table in HTML."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import plots
from ..settings import one_of
from .design import DEFAULT
from .results import Result, Results, figures_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

# Told apart by colour-blind people too, on a light and on a dark ground. Source: Okabe and Ito,
# "Color Universal Design", 2008.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LABELS = ("voice", "prompt", "settings", "repeat")

_MOST_ROWS = 20
# Of a sentence in axes that are half as wide as usual.
_LINE_LETTERS = 42
# Width of the points and of the line of one group, as parts of the distance between two.
_SPREAD, _LINE = 0.5, 0.6


def strip_chart(
    results: Results,
    measure: str,
    by: str,
    hue: str | None,
    ax: Axes | None,
    style: Mapping[str, Any],
) -> list[PathCollection]:
    """Draw `Results.plot`."""
    one_of("by", by, LABELS)
    one_of("hue", hue, (*LABELS, None))
    values = np.array(figures_of(results, measure))
    axes = plots.axes_of(ax)
    groups = [_label(each, by) for each in results]
    names = list(dict.fromkeys(groups))
    places = np.array([names.index(name) for name in groups], float)
    hues = [_label(each, hue) if hue else "" for each in results]
    artists = []
    for number, shade in enumerate(dict.fromkeys(hues)):
        is_shade = np.array([each == shade for each in hues], bool)
        options = {"color": COLORS[number % len(COLORS)], "alpha": 0.7, "s": 24, **style}
        options.setdefault("label", shade or None)
        shifts = _shifts(places, is_shade)
        at = places[is_shade] + shifts, values[is_shade]
        artists.append(plots.drawn("plot", axes.scatter, *at, **options))
    for place in range(len(names)):
        known = values[(places == place) & np.isfinite(values)]
        if len(known):
            ends = place - _LINE / 2, place + _LINE / 2
            axes.hlines(np.median(known), *ends, colors="0.5", linewidth=2, zorder=0)
    axes.set_xticks(range(len(names)), [_plain_text(name) for name in names])
    axes.set(xlabel=by.capitalize(), ylabel=_axis_label(measure))
    axes.set_xlim(-0.5, max(len(names), 1) - 0.5)
    if not np.isfinite(values).any():
        # Marks of a scale without a point would mean nothing.
        axes.set_yticks([])
        plots.say(axes, _absence(results, measure))
    elif hue:
        axes.legend(title=hue.capitalize())
    return artists


def _absence(results: Results, measure: str) -> str:
    """Why there is no point, as a sentence."""
    if not len(results):
        return "There are no results."
    count, failed_count = len(results), len(results.failed)
    if failed_count == count:
        first = textwrap.fill(_plain_text(results[0].error, 140), _LINE_LETTERS)
        return f"No question was answered. The first error:\n{first}"
    return f"None of the {count} results has the figure {measure}."


def _shifts(places: np.ndarray[Any, Any], is_shade: np.ndarray[Any, Any]) -> list[float]:
    """Spread the points of one group side by side, in their order."""
    shifts = []
    for index in np.flatnonzero(is_shade):
        group = np.flatnonzero(places == places[index])
        position = int(np.searchsorted(group, index))
        shifts.append(((position + 0.5) / len(group) - 0.5) * _SPREAD)
    return shifts


def _label(result: Result, name: str) -> str:
    return result.voice or DEFAULT if name == "voice" else str(getattr(result, name))


def _plain_text(label: str, most_letters: int = 30) -> str:
    text = f"{label[: most_letters - 2]}…" if len(label) > most_letters else label
    # matplotlib takes text between dollar signs for a formula.
    return text.replace("$", r"\$")


_UNITS = {
    "ms": "ms",
    "s": "s",
    "hz": "Hz",
    "dbfs": "dBFS",
    "lufs": "LUFS",
    "dollars": "US\\$",
}


def _axis_label(measure: str) -> str:
    name, _, unit = measure.rpartition("_")
    if unit in _UNITS and name:
        return f"{name.replace('_', ' ').capitalize()} [{_UNITS[unit]}]"
    return measure.replace("_", " ").capitalize()


# --------------------------------------------------------------------------- HTML
_COLUMNS: dict[str, Callable[[Result], str]] = {
    "Prompt": lambda each: each.prompt,
    "Voice": lambda each: each.voice or DEFAULT,
    "Settings": lambda each: each.settings,
    "Repeat": lambda each: str(each.repeat),
    "Reply": lambda each: each.error or (each.reply.text if each.reply is not None else ""),
    "Duration [s]": lambda each: f"{each.reply.duration_s:.2f}" if each.reply is not None else "",
    "Latency [ms]": lambda each: _rounded(each.reply.latency_ms if each.reply else None),
}


def _rounded(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"


def html_table(results: Results) -> str:
    """The first results as a table, in the colours of the notebook."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in _COLUMNS)
    rows = "".join(_row(each) for each in results[:_MOST_ROWS])
    more = len(results) - _MOST_ROWS
    rest = f"<p>… and {more} more; to_frame() has all.</p>" if more > 0 else ""
    summary = html.escape(results.summary())
    return (
        f"<p>{summary}</p><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{rest}"
    )


def _row(result: Result) -> str:
    cells = "".join(f"<td>{html.escape(_cut(show(result)))}</td>" for show in _COLUMNS.values())
    return f"<tr>{cells}</tr>"


def _cut(text: str) -> str:
    return f"{text[:79]}…" if len(text) > 80 else text
