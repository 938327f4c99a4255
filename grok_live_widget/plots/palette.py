"""Colours for light and dark figures that colour-blind people can tell apart.

A test simulates protanopia, deuteranopia and tritanopia by Machado, G. M., Oliveira, M. M., &
Fernandes, L. A. F. (2009), A physiologically-based model for simulation of color vision
deficiency, IEEE TVCG 15(6), and asserts a least distance in CIELAB.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._structs import Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Palette(Value, frozen=True, kw_only=True):
    """Colours for one kind of background, each as ``"#rrggbb"``.

    Parameters
    ----------
    user, assistant, tool : str
        The two voices, and the functions that were called.
    neutral, text : str
        Shades and marks, and the text on them.
    on_color : str
        Text on `user` and `assistant`.
    decided, first_delta, tool_run, approval, queue : str
        The parts of a delay, as in `Latency`.
    """

    user: str
    assistant: str
    tool: str
    neutral: str
    text: str
    on_color: str
    decided: str
    first_delta: str
    tool_run: str
    approval: str
    queue: str

    @property
    def voices(self) -> dict[str, str]:
        """The colour of each role."""
        return {"user": self.user, "assistant": self.assistant}

    @property
    def parts(self) -> dict[str, str]:
        """The colour of each part of a delay, in the order in which they pass."""
        return {
            "decided_ms": self.decided,
            "first_delta_ms": self.first_delta,
            "tool_ms": self.tool_run,
            "approval_ms": self.approval,
            "queue_ms": self.queue,
        }


LIGHT = Palette(
    user="#2f6fdb",
    assistant="#bf5619",
    tool="#5b1647",
    neutral="#8a8a8a",
    text="#333333",
    on_color="#ffffff",
    decided="#1d0a3c",
    first_delta="#2f6fdb",
    tool_run="#7a2a08",
    approval="#c376b4",
    queue="#848669",
)
DARK = Palette(
    user="#6aa6ff",
    assistant="#ff9a52",
    tool="#f4e9f7",
    neutral="#8a8a8a",
    text="#dddddd",
    on_color="#000000",
    decided="#6c63ff",
    first_delta="#a8dcff",
    tool_run="#c9404f",
    approval="#e8963c",
    queue="#fff6c2",
)
COLORS = LIGHT.voices
"""The colour of each role on a light background."""

# Of a spectrogram: its lightness rises evenly, so that it can be read without colours.
SOUND_COLORMAP = "magma"


def palette_of(axes: Axes) -> Palette:
    """The palette for the background of these axes.

    Parameters
    ----------
    axes : matplotlib Axes
        Where their background is transparent, the colour of text in matplotlib's style decides:
        it is light on a dark page.

    Returns
    -------
    Palette
    """
    import matplotlib as mpl
    from matplotlib.colors import to_rgb, to_rgba

    red, green, blue, alpha = to_rgba(axes.get_facecolor())
    if alpha < 0.5:
        red, green, blue = (1 - part for part in to_rgb(mpl.rcParams["text.color"]))
    # Rec. 709 luma.
    return DARK if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.5 else LIGHT
