"""The delays of replies: of what each consists, and how they are distributed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._structs import names_checked
from .palette import palette_of
from .subjects import axes_of, drawn, put_legend, say, turns_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.lines import Line2D
    from matplotlib.transforms import Bbox

NAMES = {
    "decided_ms": "end of speech decided",
    "first_delta_ms": "first sound received",
    "tool_ms": "tools",
    "approval_ms": "your consent",
    "queue_ms": "first sound played",
}
"""What each part of a delay ends with, or is spent on."""


# Of the place of the axes: the bars' part, and the gap between them and the histogram.
_LEFT, _GAP = 0.8, 0.025


class LatencyArtists(NamedTuple):
    """What `latency` draws.

    Attributes
    ----------
    parts : dict of str to BarContainer
        The bars of each part of `Latency` that any reply has, by its name: one bar a reply.
    distribution : BarContainer or None
        The histogram of the whole delays, beside the bars; None with fewer than two.
    median : Line2D or None
        Across the bars, with the median in its label.
    """

    parts: dict[str, BarContainer]
    distribution: BarContainer | None = None
    median: Line2D | None = None


@names_checked
def latency(
    talk: Any, *, ax: Axes | None = None, legend: bool = True, **style: Any
) -> LatencyArtists:
    """Draw the delay of each reply in its parts, and the distribution of the delays.

    A bar ends with the last part that was measured: the first sound played, or, where nothing
    plays replies, the first sound received. Replies without any are left out.

    Parameters
    ----------
    talk : GrokLive, Talk, SavedTalk, Turns or sequence of Turn
    ax : matplotlib Axes or None
        None: the current axes. The histogram takes the right part of their place.
    legend : bool
    **style
        Passed to ``Axes.bar``.

    Returns
    -------
    LatencyArtists

    Raises
    ------
    ConfigurationError
        For what has no turns.
    """
    replies = [turn.latency for turn in turns_of(talk) if turn.role == "assistant"]
    numbers, values = [], []
    for number, each in enumerate(replies, 1):
        measured = {name: getattr(each, name) for name in NAMES}
        if measured["first_delta_ms"] is not None:
            numbers.append(number)
            values.append([0.0 if part is None else part for part in measured.values()])
    axes = axes_of(ax)
    _take_whole(axes)
    colors = palette_of(axes).parts
    bottoms = np.zeros(len(values))
    parts: dict[str, BarContainer] = {}
    for name, heights in zip(NAMES, np.array(values).reshape(-1, len(NAMES)).T, strict=True):
        if not heights.any():
            continue
        options = {"color": colors[name], "label": NAMES[name], "width": 0.7, **style}
        parts[name] = drawn("latency", axes.bar, numbers, heights, bottom=bottoms, **options)
        bottoms = bottoms + heights
    axes.set(xlabel="Reply [number]", ylabel="Delay [ms]")
    if not values:
        say(axes, "No reply has a measured delay yet.")
        return LatencyArtists(parts)
    axes.set_xticks(numbers if len(numbers) <= 20 else axes.get_xticks())
    axes.set_xlim(numbers[0] - 0.6, numbers[-1] + 0.6)
    axes.set_ylim(0, max(float(bottoms.max()) * 1.1, 1.0))
    artists = LatencyArtists(parts)
    if len(values) > 1:
        artists = _with_distribution(axes, artists, bottoms)
    if legend:
        put_legend(axes, most_columns=3)
    return artists


def _with_distribution(axes: Axes, artists: LatencyArtists, totals_ms: Any) -> LatencyArtists:
    palette = palette_of(axes)
    median_ms = float(np.median(totals_ms))
    line = axes.axhline(
        median_ms,
        color=palette.text,
        linestyle="--",
        linewidth=1.2,
        label=f"median {median_ms:.0f} ms",
    )
    axes.set_axes_locator(partial(_left_part, axes.get_axes_locator()))
    # In parts of the axes, which have become narrower.
    width = (1 - _GAP - _LEFT) / _LEFT
    beside: Any = axes.inset_axes((1 + _GAP / _LEFT, 0, width, 1), sharey=axes)
    counts, edges = np.histogram(totals_ms, bins="auto")
    bars = beside.barh(
        edges[:-1],
        counts,
        height=np.diff(edges),
        align="edge",
        color=palette.neutral,
        edgecolor=axes.get_facecolor(),
    )
    beside.axhline(median_ms, color=palette.text, linestyle="--", linewidth=1.2)
    beside.tick_params(labelleft=False)
    beside.set_xlabel("Replies [count]")
    beside.xaxis.get_major_locator().set_params(integer=True, nbins=4)
    return LatencyArtists(artists.parts, bars, line)


def _left_part(place_of: Any, axes: Axes, renderer: Any) -> Bbox:
    """The place of axes beside which there is a histogram, as their locator: it leaves the layout
    of the figure as it is.
    """
    from matplotlib.transforms import Bbox

    place = place_of(axes, renderer) if place_of else axes.get_position(original=True)
    return Bbox.from_bounds(place.x0, place.y0, _LEFT * place.width, place.height)


def _take_whole(axes: Axes) -> None:
    """Undo `_left_part`, of axes that are drawn into again."""
    locator = axes.get_axes_locator()
    if isinstance(locator, partial) and locator.func is _left_part:
        axes.set_axes_locator(locator.args[0])
