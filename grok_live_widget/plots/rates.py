"""How fast each turn was spoken."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, Any

from .._structs import names_checked
from ..conversation import placements_of, whole_ends_s
from .palette import palette_of
from .subjects import axes_of, drawn, put_legend, say, turns_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer


@names_checked
def speaking_rate(
    talk: Any, *, ax: Axes | None = None, legend: bool = True, **style: Any
) -> BarContainer:
    """Draw the speaking rate of each turn, as wide as it lasted, when it sounded.

    Parameters
    ----------
    talk : GrokLive, Talk, SavedTalk, Turns or sequence of Turn
    ax : matplotlib Axes or None
        None: the current axes.
    legend : bool
    **style
        Passed to ``Axes.bar``.

    Returns
    -------
    BarContainer
        One bar for each turn that has both sound and text: its words a minute, over its whole
        length, also of a reply that was not heard to its end. Such a bar ends where the next
        reply begins.

    Raises
    ------
    ConfigurationError
        For what has no turns.
    """
    placements = placements_of(turns_of(talk))
    is_spoken = [bool(each.turn.text and each.turn.sample_count) for each in placements]
    spoken = list(compress(placements, is_spoken))
    ends_s = list(compress(whole_ends_s(placements), is_spoken))
    axes = axes_of(ax)
    voices = palette_of(axes).voices
    rates = [len(each.turn.text.split()) * 60 / each.turn.duration_s for each in spoken]
    options = {
        "color": [voices[each.turn.role] for each in spoken],
        "label": ["You" if each.turn.role == "user" else "Reply" for each in spoken],
        "width": [end_s - each.start_s for each, end_s in zip(spoken, ends_s, strict=True)],
        "align": "edge",
        # Both sides may speak at once.
        "alpha": 0.85,
        **style,
    }
    starts_s = [each.start_s for each in spoken]
    bars = drawn("speaking_rate", axes.bar, starts_s, rates, **options)
    axes.set(xlabel="Time since the first event [s]", ylabel="Speaking rate [words/min]")
    if not spoken:
        say(axes, "No turn has both sound and text yet.")
        return bars
    axes.set_xlim(0, max(ends_s) * 1.02)
    axes.set_ylim(0, max(rates) * 1.15)
    if legend:
        put_legend(axes)
    return bars
