"""Plots of turns. Each takes axes, returns the artist, and does not show the figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .audio import samples_from_pcm
from .conversation import Turn, extremes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection

__all__ = ["waveform"]

COLORS = {"user": "#2f6fdb", "assistant": "#c2571a"}
_COLUMNS = 2000


def waveform(turn: Turn, *, ax: Axes | None = None, **style: Any) -> PolyCollection:
    """Draw the waveform of a turn over time.

    Samples that were not played because of an interruption are shaded.

    Parameters
    ----------
    turn : Turn
    ax : matplotlib Axes or None
        None: the current axes.
    **style
        Passed to ``Axes.fill_between``.

    Returns
    -------
    PolyCollection
        The waveform: the minimum and maximum of each of at most 2000 columns.
    """
    import matplotlib.pyplot as plt

    axes = plt.gca() if ax is None else ax
    low, high = (samples_from_pcm(extreme) for extreme in extremes_of(turn, _COLUMNS))
    time_s = np.linspace(0, turn.duration_s, len(low), endpoint=False)
    options = {"color": COLORS[turn.role], "linewidth": 0.5, "label": turn.role, **style}
    artist = axes.fill_between(time_s, low, high, **options)
    if turn.was_interrupted and turn.heard_sample_count is not None:
        heard_s = turn.heard_sample_count / turn.sample_rate
        axes.axvspan(heard_s, turn.duration_s, color="0.5", alpha=0.3, label="not heard")
    axes.set(xlabel="Time [s]", ylabel="Amplitude", ylim=(-1, 1))
    axes.set_xlim(0, max(turn.duration_s, 1e-3))
    axes.set_title(_title(turn), loc="left", fontsize="medium")
    return artist


def _title(turn: Turn) -> str:
    speaker = "You" if turn.role == "user" else "Reply"
    text = f"{turn.text[:68]}…" if len(turn.text) > 70 else turn.text
    # matplotlib takes text between dollar signs for a formula.
    return f"{speaker}: {text}".replace("$", r"\$") if text else speaker
