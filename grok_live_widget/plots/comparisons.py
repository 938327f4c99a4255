"""The same figure of several turns, in small multiples."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .._structs import names_checked
from ..conversation import Turn
from ..exceptions import ConfigurationError
from ..settings import one_of
from .curves import level, pitch, waveform
from .spectra import mel_spectrogram, mfcc, spectrogram
from .subjects import Subject, put_title, say, turns_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FIGURES: dict[str, Any] = {
    "waveform": waveform,
    "spectrogram": spectrogram,
    "mel_spectrogram": mel_spectrogram,
    "mfcc": mfcc,
    "pitch": pitch,
    "level": level,
}
_IMAGES = ("spectrogram", "mel_spectrogram", "mfcc")
_MOST_COLUMNS = 3
# Of one row with its title; matplotlib's layout fails below.
_LEAST_ROW_INCHES = 0.55
# Of the height of axes, for their label: matplotlib's layout makes them a little lower.
_LABEL_SHARE = 0.85
# Between axes, as parts of their size.
_SPACE = {"hspace": 0.5, "wspace": 0.3}
# Padding of the limits of a pitch, as a part of it.
_PADDING = 0.1


@names_checked
def compare_turns(
    turns: Any,
    *,
    kind: Literal[
        "waveform", "spectrogram", "mel_spectrogram", "mfcc", "pitch", "level"
    ] = "spectrogram",
    ax: Axes | Sequence[Axes] | None = None,
    **style: Any,
) -> tuple[Any, ...]:
    """Draw the same figure of several turns beside one another, on the same scales.

    Parameters
    ----------
    turns : GrokLive, Talk, SavedTalk, Turns or sequence of Turn
        Turns without sound are left out.
    kind : str
        The name of the figure.
    ax : matplotlib Axes, sequence of Axes or None
        Axes are replaced by as many as are needed; of a sequence, each turn has its own. None:
        the current figure if it is empty, otherwise a new one.
    **style
        Passed to the figure.

    Returns
    -------
    tuple
        What the figure returns, for each turn.

    Raises
    ------
    ConfigurationError
        For an unknown kind, what has no turns, too few axes, or more turns than there is room
        for.
    """
    one_of("kind", kind, tuple(_FIGURES))
    spoken = [turn for turn in turns_of(turns) if turn.sample_count]
    grid = _grid(ax, max(1, len(spoken)))
    if not spoken:
        say(grid[0], "No turn has sound.")
        return ()
    options = {"colorbar": False, **style} if kind in _IMAGES else style
    artists = tuple(
        _FIGURES[kind](turn, ax=axes, **options) for turn, axes in zip(spoken, grid, strict=False)
    )
    _share_scales(spoken, grid[: len(spoken)], artists, kind)
    return artists


def _grid(ax: Axes | Sequence[Axes] | None, count: int) -> list[Axes]:
    """As many axes as are asked for."""
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes as AnyAxes

    columns = _columns(count)
    rows = -(-count // columns)
    if isinstance(ax, AnyAxes) and ax.figure is None:
        raise ConfigurationError(
            "these axes are part of no figure any more: they have been divided, or removed.",
            cure="Make new ones with plt.subplots().",
        )
    if ax is None or isinstance(ax, AnyAxes):
        _check_room(ax, count, rows)
    if ax is None:
        figure: Any = plt.gcf()
        if figure.axes:
            figure = plt.figure(layout="constrained")
        elif figure.get_layout_engine() is None:
            # Titles and labels of several axes run into one another otherwise.
            figure.set_layout_engine("constrained")
        grid = figure.add_gridspec(rows, columns)
    elif isinstance(ax, AnyAxes):
        place = ax.get_subplotspec()
        if place is None:
            raise ConfigurationError(
                "axes that are not part of a grid cannot be divided.",
                cure="Pass axes made by plt.subplots(), or one for each turn.",
            )
        figure = ax.figure
        ax.remove()
        # Without a layout engine, titles and labels have the place that is left for them.
        space = {} if figure.get_layout_engine() else _SPACE
        grid = place.subgridspec(rows, columns, **space)
    else:
        given: list[Axes] = np.ravel(np.asarray(ax, object)).tolist()
        if len(given) < count:
            raise ConfigurationError(
                f"{count} turns with sound need as many axes, not {len(given)}.",
                cure="Pass more axes, or fewer turns.",
            )
        return given[:count]
    return [figure.add_subplot(grid[i // columns, i % columns]) for i in range(count)]


def _check_room(ax: Axes | None, count: int, rows: int) -> None:
    """Raise ConfigurationError where each row would be too flat for its labels."""
    import matplotlib.pyplot as plt

    figure: Any = plt.gcf() if ax is None else ax.figure
    if ax is None and figure.axes:
        height = float(plt.rcParams["figure.figsize"][1])
    else:
        height = figure.bbox.height / figure.get_dpi()
        height *= 1.0 if ax is None else ax.get_position().height
    if height / rows < _LEAST_ROW_INCHES:
        needed = math.ceil(rows * _LEAST_ROW_INCHES)
        raise ConfigurationError(
            f"{count} turns with sound need {rows} rows, for which this figure is too flat.",
            cure="Pass some of the turns, such as turns[:12], or draw into "
            f"plt.figure(figsize=(8, {needed})).",
        )


def _shorten_label(axes: Axes) -> None:
    """Leave out what the label of the values adds after the unit where the axes are too flat."""
    label = axes.yaxis.label
    label.set_fontsize("small")
    if label.get_window_extent().height > _LABEL_SHARE * axes.bbox.height:
        label.set_text(re.split(r",| \(", label.get_text())[0])


def _columns(count: int) -> int:
    return 2 if count == 4 else min(count, _MOST_COLUMNS)


def _share_scales(
    turns: Sequence[Turn], grid: Sequence[Axes], artists: tuple[Any, ...], kind: str
) -> None:
    """The same limits of time and value, and labels at the outer axes only."""
    # Of the turns, since axes that share their scale have that of the last one.
    end_s = max(turn.duration_s for turn in turns)
    columns = _columns(len(grid))
    for place, axes in enumerate(grid):
        axes.set_xlim(0, end_s)
        if place + columns < len(grid):
            axes.set_xlabel("")
        if place % columns:
            axes.set_ylabel("")
        put_title(axes, Subject.of(turns[place]), fontsize="small")
        _shorten_label(axes)
    if kind in _IMAGES:
        low = min(image.get_clim()[0] for image in artists)
        high = max(image.get_clim()[1] for image in artists)
        for image in artists:
            image.set_clim(max(low, high - 80) if kind != "mfcc" else low, high)
    if kind == "pitch":
        found_hz = np.concatenate([np.asarray(line.get_ydata(), float) for line in artists])
        voiced_hz = found_hz[~np.isnan(found_hz)]
        if len(voiced_hz):
            for axes in grid:
                axes.set_ylim(
                    float(voiced_hz.min()) * (1 - _PADDING), float(voiced_hz.max()) * (1 + _PADDING)
                )
