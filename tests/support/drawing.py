"""What of a figure is seen."""

from __future__ import annotations

from typing import Any

import numpy as np


def drawn_pixels(ax: Any, artist: Any) -> int:
    """How many pixels of the figure change when the artist is hidden."""
    images = []
    for is_visible in (True, False):
        artist.set_visible(is_visible)
        ax.figure.canvas.draw()
        images.append(np.asarray(ax.figure.canvas.buffer_rgba()).copy())
    artist.set_visible(True)
    return int((images[0] != images[1]).any(axis=-1).sum())


def unseen(ax: Any, artists: list[Any]) -> list[Any]:
    """Those of the artists whose absence changes no pixel of the figure."""
    ax.figure.canvas.draw()
    with_all = np.asarray(ax.figure.canvas.buffer_rgba()).copy()
    found = []
    for artist in artists:
        artist.set_visible(False)
        ax.figure.canvas.draw()
        if np.array_equal(with_all, np.asarray(ax.figure.canvas.buffer_rgba())):
            found.append(artist)
        artist.set_visible(True)
    return found


def spans_of(bars: Any) -> list[tuple[float, float]]:
    """Begin and end of each bar of a collection, to the millisecond."""
    found = []
    for path in bars.get_paths():
        points = path.get_extents().get_points()[:, 0]
        found.append((round(float(points[0]), 3), round(float(points[1]), 3)))
    return found


def texts_of(ax: Any) -> list[str]:
    return [text.get_text() for text in ax.texts]
