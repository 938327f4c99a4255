"""Figures that follow a talk while it goes on."""

from __future__ import annotations

import asyncio
import io
import logging
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .._structs import names_checked
from ..conversation import placements_of, whole_ends_s
from ..exceptions import ConfigurationError
from ..settings import between, one_of
from . import rasters
from .palette import SOUND_COLORMAP, palette_of
from .subjects import drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Kind = Literal["waveform", "level", "spectrogram", "timeline"]

KINDS = ("waveform", "level", "spectrogram", "timeline")
_LEAST_TIMELINE_S = 30.0
_DPI = 90
_SIZE_INCHES = (8, 2.4)

_logger = logging.getLogger("grok_live_widget")
# One figure of each kind for a talk: a cell that runs again replaces its own. Held here, since
# nothing else holds a figure that is only looked at.
_running: dict[tuple[int, str], LiveFigure] = {}


@names_checked
def live(
    talk: Any,
    kind: Kind = "waveform",
    *,
    seconds: float = 10.0,
    fps: float = 8.0,
    ax: Axes | None = None,
    **style: Any,
) -> LiveFigure:
    """Show a figure that follows a talk while it goes on.

    In a notebook it is drawn by the kernel's own loop: between cells, and while a cell awaits
    something; a cell that blocks pauses it. In a script it is drawn by the timer of an
    interactive backend, while its window is shown. It is drawn only when something has changed.

    Parameters
    ----------
    talk : GrokLive or Talk
    kind : {"waveform", "level", "spectrogram", "timeline"}
    seconds : float, 1 to 120 [s]
        How much is shown, up to now; a timeline shows the whole talk.
    fps : float, 0.5 to 30
        How often it is drawn in a second at most.
    ax : matplotlib Axes or None
        None: a new figure.
    **style
        Of the image, as of `matplotlib.axes.Axes.imshow`.

    Returns
    -------
    LiveFigure
        Its ``stop()`` ends it. The same kind of the same talk, shown again, ends the one before.

    Raises
    ------
    ConfigurationError
        For what is no talk that goes on, for an unknown kind, and where neither a kernel nor an
        interactive backend can draw it.
    """
    one_of("kind", kind, KINDS)
    between("seconds", seconds, 1, 120)
    between("fps", fps, 0.5, 30)
    if not hasattr(talk, "elapsed_s"):
        raise ConfigurationError(
            f"live() follows a talk that goes on, not {type(talk).__name__}.",
            cure="plots.timeline(talk) and the other plots draw one that is over.",
        )
    earlier = _running.get((id(talk), kind))
    if earlier is not None:
        earlier.stop()
    figure = LiveFigure(talk, kind, seconds=seconds, axes=ax, style=style)
    figure._start(1 / fps)
    _running[id(talk), kind] = figure
    return figure


class LiveFigure:
    """A figure that follows a talk; made by `live`.

    To be used on the thread that made it.

    Attributes
    ----------
    axes : Axes
        The figure is ``axes.figure``.
    image : AxesImage
        What is drawn anew.
    frame_count : int
        How often that was.
    """

    def __init__(
        self,
        talk: Any,
        kind: Kind,
        *,
        seconds: float,
        axes: Axes | None,
        style: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        self.frame_count = 0
        self._talk, self._kind = talk, kind
        self._column_s = seconds / rasters.COLUMNS
        self._length_s = _LEAST_TIMELINE_S
        self.axes = _new_axes() if axes is None else axes
        self.image = self._prepare(style)
        # What the newest image shows; None: no image yet.
        self._shown: tuple[object, ...] | None = None
        self._background: Any = None
        # Whether pictures are sent to the notebook, and the place in the output for them.
        self._is_inline = False
        self._output: Any = None
        self._task: asyncio.Task[None] | None = None
        self._timer: Any = None

    # ----------------------------------------------------------------- running
    @property
    def is_running(self) -> bool:
        """Whether it still follows the talk."""
        return self._timer is not None or (self._task is not None and not self._task.done())

    def stop(self) -> None:
        """Draw a last time, and follow the talk no longer; harmless when called again."""
        if not self.is_running:
            return
        try:
            self.refresh()
        finally:
            if self._task is not None:
                self._task.cancel()
            if self._timer is not None:
                self._timer.stop()
            self._task = self._timer = None
            if _running.get((id(self._talk), self._kind)) is self:
                del _running[id(self._talk), self._kind]

    def refresh(self) -> bool:
        """Draw it if something has changed; returns whether it was drawn."""
        turns = list(self._talk.turns)
        placements = placements_of(turns)
        end_s = max((each.end_s for each in placements), default=0.0)
        # While the connection is open, silence passes, too.
        now_s = self._talk.elapsed_s if self._talk.phase == "open" else None
        column = math.floor((end_s if now_s is None else now_s) / self._column_s)
        count = sum(each.sample_count for each in placements)
        whole = sum(turn.sample_count for turn in turns) if self._kind == "timeline" else 0
        moving = 0 if self._kind == "timeline" else column
        shown = (len(turns), count, whole, moving)
        if shown == self._shown:
            return False
        self._shown = shown
        self.image.set_data(self._image_of(placements, column))
        self._draw()
        self.frame_count += 1
        return True

    def __repr__(self) -> str:
        state = "running" if self.is_running else "stopped"
        return f"<LiveFigure of the {self._kind}, {state}, {self.frame_count} frames>"

    def _start(self, period_s: float) -> None:
        timer = self.axes.figure.canvas.new_timer(round(period_s * 1000))
        if _is_interactive(timer):
            self._timer = timer
            timer.add_callback(self._tick)
            self.refresh()
            timer.start()
            return
        try:
            loop = _loop_of_kernel()
        finally:
            _detach(self.axes.figure)
        self._is_inline = True
        self.refresh()
        self._task = loop.create_task(self._follow(period_s))

    async def _follow(self, period_s: float) -> None:
        loop, left_s = asyncio.get_running_loop(), period_s
        while True:
            await asyncio.sleep(left_s)
            began_s = loop.time()
            if not self._tick():
                return
            # At least as long for others as for the drawing.
            took_s = loop.time() - began_s
            left_s = max(period_s - took_s, took_s)

    def _tick(self) -> bool:
        """Draw it if something has changed; an error ends it, and the talk goes on."""
        try:
            self.refresh()
        except Exception:
            _logger.exception("The live figure of the %s has stopped.", self._kind)
            self._shown = None
            if self._timer is not None:
                self._timer.stop()
            self._task = self._timer = None
            _running.pop((id(self._talk), self._kind), None)
            return False
        return True

    # ----------------------------------------------------------------- drawing
    def _prepare(self, style: Mapping[str, Any]) -> Any:
        """Everything but the picture: it is drawn once."""
        axes, lanes = self.axes, ["Reply", "You"]
        seconds = self._column_s * rasters.COLUMNS
        left_right = (-seconds, 0.0)
        axes.set_xlabel("Time before now [s]")
        bottom_top = (0.0, 2.0)
        match self._kind:
            case "waveform":
                axes.set_yticks([0.5, 1.5], lanes)
            case "level":
                low = f"{rasters.FLOOR_DBFS:.0f}"
                middle = f"{rasters.FLOOR_DBFS / 2:.0f}"
                axes.set_yticks([0, 0.5, 1.0, 1.5, 2], [low, middle, f"0 | {low}", middle, "0"])
                axes.set_ylabel("Level [dBFS]")
                for y, lane in zip((0.75, 1.75), lanes, strict=True):
                    axes.annotate(lane, (0.01, y / 2), xycoords="axes fraction", va="center")
            case "spectrogram":
                bottom_top = (0.0, float(rasters.SPECTRUM_HZ))
                axes.set_ylabel("Frequency [Hz]")
            case "timeline":
                left_right = (0.0, self._length_s)
                axes.set_yticks([0.5, 1.5], lanes)
                axes.set_xlabel("Time since the first event [s]")
        if self._kind != "spectrogram":
            axes.axhline(1.0, color=palette_of(axes).neutral, linewidth=0.8, zorder=3)
        image = drawn(
            "live",
            axes.imshow,
            np.zeros((rasters.ROWS, rasters.COLUMNS, 4), np.uint8),
            extent=(*left_right, *bottom_top),
            **{"aspect": "auto", "interpolation": "nearest", **style},
        )
        axes.set(xlim=left_right, ylim=bottom_top)
        return image

    def _image_of(self, placements: Any, column: int) -> rasters.Image:
        palette = palette_of(self.axes)
        colors = [_bytes_of(color) for color in palette.voices.values()]
        if self._kind == "timeline":
            self._lengthen(max(whole_ends_s(placements), default=0.0))
            return rasters.timeline_image(placements, self._length_s, colors)
        window = rasters.Window(end_column=column, column_s=self._column_s)
        rate_hz = max((each.turn.sample_rate for each in placements), default=24_000)
        sound = rasters.sound_in(placements, window, rate_hz)
        if self._kind == "waveform":
            return rasters.waveform_image(sound, colors)
        if self._kind == "level":
            return rasters.level_image(sound, colors)
        return rasters.spectrogram_image(sound, rate_hz, _shades())

    def _lengthen(self, end_s: float) -> None:
        """Let the axis of a timeline end later, in steps, since a new axis is drawn slowly."""
        while end_s > self._length_s:
            self._length_s *= 2
            self._background = None
        _, _, bottom, top = self.image.get_extent()
        self.image.set_extent((0, self._length_s, bottom, top))
        self.axes.set_xlim(0, self._length_s)

    def _draw(self) -> None:
        canvas: Any = self.axes.figure.canvas
        if not self._is_inline:
            canvas.draw_idle()
            return
        if self._background is None:
            self.image.set_animated(True)
            canvas.draw()
            self._background = canvas.copy_from_bbox(self.axes.figure.bbox)
        canvas.restore_region(self._background)
        self.axes.draw_artist(self.image)
        picture = _png_of(canvas)
        if self._output is None:
            self._output = _displayed(picture)
        else:
            self._output.update(picture)


# --------------------------------------------------------------------------- where it is drawn
def _new_axes() -> Axes:
    import matplotlib.pyplot as plt

    # Of the size of a cell's output.
    return plt.subplots(figsize=_SIZE_INCHES, dpi=_DPI, layout="constrained")[1]


def _detach(figure: Any) -> None:
    """Take a figure from pyplot, since the inline backend would show it once more at the end of
    the cell, and let it be drawn as pixels.
    """
    import matplotlib.pyplot as plt
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    plt.close(figure)
    if not isinstance(figure.canvas, FigureCanvasAgg):
        FigureCanvasAgg(figure)


def _is_interactive(timer: Any) -> bool:
    """Whether a timer does anything; that of a backend for files does not."""
    from matplotlib.backend_bases import TimerBase

    return type(timer) is not TimerBase


def _loop_of_kernel() -> asyncio.AbstractEventLoop:
    import sys

    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        loop = None
    if loop is None or shell is None or not hasattr(shell, "kernel"):
        raise ConfigurationError(
            "live() needs a notebook's kernel, or an interactive backend of matplotlib.",
            cure="Call it in a cell, or begin the script with matplotlib.use('QtAgg').",
        )
    return loop


def _displayed(picture: Any) -> Any:
    """A place in the output of the cell, to be updated."""
    from IPython.display import display

    return display(picture, display_id=True)  # type: ignore[no-untyped-call]


def _png_of(canvas: Any) -> Any:
    from IPython.display import Image
    from PIL import Image as Pillow

    data = io.BytesIO()
    # Little compression: it would take longer than all the drawing.
    picture = Pillow.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    picture.save(data, "png", compress_level=1)
    return Image(data=data.getvalue(), format="png")  # type: ignore[no-untyped-call]


def _bytes_of(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _shades() -> rasters.Image:
    import matplotlib as mpl

    colormap = mpl.colormaps[SOUND_COLORMAP]
    shades: rasters.Image = colormap(np.arange(256), bytes=True)
    return shades
