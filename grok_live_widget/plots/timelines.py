"""A talk over time: who spoke when, and what happened."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .._structs import names_checked
from ..conversation import Placement, placements_of, whole_ends_s
from .palette import Palette, palette_of
from .subjects import axes_of, drawn, plain, put_legend, say, turns_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection, PathCollection, PolyCollection
    from matplotlib.lines import Line2D
    from matplotlib.text import Annotation, Text

LANES = {"user": 1.0, "assistant": 0.0}
"""The middle of each lane; tools, if there are any, have the one at -1."""

_TOOL_LANE = -1.0
_HALF_HEIGHT = 0.3
# Of a talk with more turns than this, neither texts nor delays could be read.
_MOST_TEXTS = 40


class TimelineArtists(NamedTuple):
    """What `timeline` draws; an absent thing is an empty tuple.

    Attributes
    ----------
    speech : dict of str to PolyCollection
        By role: when turns sounded.
    unheard : PolyCollection or ()
        The ends of replies that were not heard, as far as there is room before the next reply.
    overlaps : PolyCollection or ()
        When both sides spoke.
    interruptions : PathCollection or ()
        Where replies were cut off.
    typed : PathCollection or ()
        Typed texts.
    tools : PolyCollection or ()
        When functions of tools ran. Where turns are placed later than they were received, because
        nothing played them, these are as well.
    delays : tuple of Annotation
        Arrows from the end of the user's speech to the first sound of the reply, with the delay.
    reconnections : tuple of Line2D
        Where the connection was opened again.
    borders : LineCollection or ()
        Between turns of one side without a pause, such as replies that nothing played.
    texts : tuple of Text
        The beginning of each turn's text.
    """

    speech: dict[str, PolyCollection]
    unheard: PolyCollection | tuple[()] = ()
    overlaps: PolyCollection | tuple[()] = ()
    interruptions: PathCollection | tuple[()] = ()
    typed: PathCollection | tuple[()] = ()
    tools: PolyCollection | tuple[()] = ()
    delays: tuple[Annotation, ...] = ()
    reconnections: tuple[Line2D, ...] = ()
    borders: LineCollection | tuple[()] = ()
    texts: tuple[Text, ...] = ()


@names_checked
def timeline(
    talk: Any, *, ax: Axes | None = None, legend: bool = True, **style: Any
) -> TimelineArtists:
    """Draw a talk over time, in two lanes: when each side was heard.

    Turns are where they sounded (see `Turns.audio`), not where they were received.

    Parameters
    ----------
    talk : GrokLive, Talk, SavedTalk, Turns or sequence of Turn
    ax : matplotlib Axes or None
        None: the current axes.
    legend : bool
        Whether a legend above the axes names what is drawn.
    **style
        Passed to ``Axes.broken_barh`` for the speech of both sides.

    Returns
    -------
    TimelineArtists

    Raises
    ------
    ConfigurationError
        For what has no turns.
    """
    turns = turns_of(talk)
    placements = placements_of(turns)
    axes = axes_of(ax)
    palette = palette_of(axes)
    speech = {
        role: _bars(
            axes,
            [(each.start_s, each.end_s) for each in placements if each.turn.role == role],
            middle,
            **{
                "facecolor": palette.voices[role],
                "linewidth": 0,
                "label": "You" if role == "user" else "Reply",
                **style,
            },
        )
        for role, middle in LANES.items()
    }
    calls = _tool_spans(placements)
    ends_s = (*whole_ends_s(placements), *(start_s + long_s for start_s, long_s, _ in calls))
    artists = TimelineArtists(
        speech=speech,
        unheard=_unheard(axes, placements, palette),
        overlaps=_overlaps(axes, placements, palette),
        interruptions=_interruptions(axes, placements, palette),
        typed=_typed(axes, placements, palette),
        tools=_tools(axes, calls, palette),
        delays=_delays(axes, placements, palette) if len(turns) <= _MOST_TEXTS else (),
        reconnections=_reconnections(axes, placements, palette),
        borders=_borders(axes, placements, palette) if len(turns) <= _MOST_TEXTS else (),
        texts=_texts(axes, placements, palette) if len(turns) <= _MOST_TEXTS else (),
    )
    end_s = max(ends_s, default=0.0)
    lowest = _TOOL_LANE if calls else 0.0
    names = {1.0: "You", 0.0: "Reply"} | ({_TOOL_LANE: "Tools"} if calls else {})
    axes.set_yticks(list(names), list(names.values()))
    axes.set(xlabel="Time since the first event [s]", ylim=(lowest - 0.55, 1.55))
    right_s = max(end_s * 1.02, 1.0)
    # A talk may begin with a typed text, whose mark would be cut in half.
    axes.set_xlim(-0.01 * right_s if artists.typed else 0, right_s)
    if not turns:
        say(axes, "Nothing has been said yet.")
    elif legend:
        put_legend(axes)
    return artists


# --------------------------------------------------------------------------- parts
def _bars(
    axes: Axes, spans_s: Sequence[tuple[float, float]], middle: float, **style: Any
) -> PolyCollection:
    widths = [(start_s, end_s - start_s) for start_s, end_s in spans_s]
    where = (middle - _HALF_HEIGHT, 2 * _HALF_HEIGHT)
    return drawn("timeline", axes.broken_barh, widths, where, **style)


def _unheard(axes: Axes, placements: Sequence[Placement], palette: Palette) -> Any:
    spans_s = [
        (each.end_s, whole_end_s)
        for each, whole_end_s in zip(placements, whole_ends_s(placements), strict=True)
        if each.turn.role == "assistant" and whole_end_s > each.end_s
    ]
    if not spans_s:
        return ()
    return _bars(
        axes,
        spans_s,
        LANES["assistant"],
        facecolor="none",
        edgecolor=palette.assistant,
        hatch="////",
        linewidth=0.8,
        label="Not heard",
    )


def overlaps_of(placements: Sequence[Placement]) -> list[tuple[float, float]]:
    """Begin and end [s] of each stretch in which both sides sounded."""
    sides: dict[str, list[tuple[float, float]]] = {role: [] for role in LANES}
    for each in placements:
        sides[each.turn.role].append((each.start_s, each.end_s))
    found = [
        (max(mine[0], other[0]), min(mine[1], other[1]))
        for mine in sides["user"]
        for other in sides["assistant"]
    ]
    return sorted(span for span in found if span[1] > span[0])


def _overlaps(axes: Axes, placements: Sequence[Placement], palette: Palette) -> Any:
    spans_s = overlaps_of(placements)
    if not spans_s:
        return ()
    widths = [(start_s, end_s - start_s) for start_s, end_s in spans_s]
    # Between the lanes, so that neither is hidden.
    return axes.broken_barh(
        widths,
        (_HALF_HEIGHT, 1 - 2 * _HALF_HEIGHT),
        facecolor=palette.neutral,
        alpha=0.6,
        linewidth=0,
        label="Both speak",
    )


def _interruptions(axes: Axes, placements: Sequence[Placement], palette: Palette) -> Any:
    cut = [each for each in placements if each.turn.was_interrupted]
    if not cut:
        return ()
    return axes.scatter(
        [each.end_s for each in cut],
        [LANES[each.turn.role] for each in cut],
        marker="X",
        s=70,
        color=palette.text,
        edgecolors=palette.on_color,
        linewidths=0.8,
        zorder=4,
        label="Interrupted",
    )


def _typed(axes: Axes, placements: Sequence[Placement], palette: Palette) -> Any:
    typed = [each for each in placements if each.turn.text_source == "typed"]
    if not typed:
        return ()
    return axes.scatter(
        [each.start_s for each in typed],
        [LANES[each.turn.role] for each in typed],
        marker="D",
        s=40,
        color=palette.user,
        zorder=3,
        label="Typed",
    )


def _tool_spans(placements: Sequence[Placement]) -> list[tuple[float, float, str]]:
    return [
        (call.started_s + each.calls_moved_s, call.duration_s, call.name)
        for each in placements
        for call in each.turn.tool_calls
        if call.started_s is not None and call.duration_s is not None
    ]


def _tools(axes: Axes, calls: list[tuple[float, float, str]], palette: Palette) -> Any:
    if not calls:
        return ()
    spans_s = [(start_s, start_s + duration_s) for start_s, duration_s, _ in calls]
    bars = _bars(
        axes,
        spans_s,
        _TOOL_LANE,
        facecolor=palette.tool,
        edgecolor=palette.tool,
        linewidth=1,
        label="Tool",
    )
    if len(calls) <= _MOST_TEXTS:
        for start_s, duration_s, name in calls:
            axes.annotate(
                plain(name, 30),
                (start_s + duration_s, _TOOL_LANE),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize="small",
            )
    return bars


def _delays(
    axes: Axes, placements: Sequence[Placement], palette: Palette
) -> tuple[Annotation, ...]:
    """An arrow for each reply that was played, with its whole delay."""
    found = []
    for each in placements:
        total_ms = each.turn.latency.total_ms
        # A reply that is placed later than it was played would have an arrow of another length.
        if total_ms is None or each.start_s != each.turn.played_at_s:
            continue
        asked_s = each.start_s - total_ms / 1000
        arrow = axes.annotate(
            "",
            xy=(each.start_s, LANES["assistant"] + _HALF_HEIGHT),
            xytext=(asked_s, LANES["user"] - _HALF_HEIGHT),
            arrowprops={"arrowstyle": "->", "color": palette.text, "shrinkA": 0, "shrinkB": 0},
        )
        arrow.set_gid(f"{total_ms:.0f} ms")
        axes.annotate(
            f"{total_ms:.0f} ms",
            (each.start_s, 0.5),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
            color=palette.text,
        )
        found.append(arrow)
    return tuple(found)


def _reconnections(
    axes: Axes, placements: Sequence[Placement], palette: Palette
) -> tuple[Line2D, ...]:
    """A line before each turn that follows a seam, and after what was said before it."""
    starts_s = [
        (before.end_s if before else each.start_s, each.start_s)
        for before, each in pairwise([None, *placements])
        if each is not None and each.turn.seam
    ]
    return tuple(
        axes.axvline(
            (min(before_s, start_s) + start_s) / 2,
            color=palette.text,
            linestyle=(0, (4, 3)),
            linewidth=1.2,
            label="Reconnected" if place == 0 else "_nolegend_",
        )
        for place, (before_s, start_s) in enumerate(starts_s)
    )


def _borders(axes: Axes, placements: Sequence[Placement], palette: Palette) -> Any:
    places = []
    for role, middle in LANES.items():
        mine = [each for each in placements if each.turn.role == role and each.end_s > each.start_s]
        places += [
            (after.start_s, middle)
            for before, after in pairwise(mine)
            if after.start_s <= before.end_s
        ]
    if not places:
        return ()
    times_s, middles = np.array(places).T
    return axes.vlines(
        times_s,
        middles - _HALF_HEIGHT,
        middles + _HALF_HEIGHT,
        colors=palette.on_color,
        linewidth=1.2,
    )


def _texts(axes: Axes, placements: Sequence[Placement], palette: Palette) -> tuple[Text, ...]:
    """The beginning of each text, cut where its bar ends."""
    from matplotlib.patches import Rectangle

    found = []
    for each in placements:
        if not each.turn.text or each.end_s <= each.start_s:
            continue
        middle = LANES[each.turn.role]
        bar = Rectangle(
            (each.start_s, middle - _HALF_HEIGHT),
            each.end_s - each.start_s,
            2 * _HALF_HEIGHT,
            transform=axes.transData,
        )
        text = axes.annotate(
            plain(each.turn.text, 120),
            (each.start_s, middle),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
            color=palette.on_color,
            clip_on=True,
        )
        text.set_clip_path(bar)
        found.append(text)
    return tuple(found)
