"""What is drawn: the sound of a turn or of an array, and the turns of a talk; where, and how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import signature
from numbers import Number
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from .._structs import Value, did_you_mean
from ..audio import checked_rate, float_samples, mono_clip, samples_from_pcm
from ..conversation import Turn, Turns, extremes_of
from ..exceptions import ArgumentError, ConfigurationError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

T = TypeVar("T")

_TITLE_LETTERS = 70


class Subject(Value, frozen=True, kw_only=True):
    """A sound to be drawn.

    Parameters
    ----------
    sample_rate : int [Hz]
    turn : Turn or None
        Whose sound it is.
    array : ndarray of int16 or float32 [shape=(n,)] or None
        The sound, where it is not that of a turn.
    """

    sample_rate: int
    turn: Turn | None = None
    array: NDArray[Any] | None = None

    @classmethod
    def of(cls, turn: Turn) -> Subject:
        """The sound of a turn."""
        return cls(sample_rate=turn.sample_rate, turn=turn)

    @property
    def sound(self) -> NDArray[Any]:
        """Its samples, of int16 or float32; AudioDropped where they are not kept any more."""
        if self.turn is not None:
            return self.turn.pcm
        return np.zeros(0, np.int16) if self.array is None else self.array

    @property
    def sample_count(self) -> int:
        """Its length, also when its samples were dropped."""
        return len(self.sound) if self.turn is None else self.turn.sample_count

    @property
    def duration_s(self) -> float:
        """Its length [s]."""
        return self.sample_count / self.sample_rate

    @property
    def role(self) -> str:
        """Whose colour it has."""
        return "assistant" if self.turn is None else self.turn.role

    @property
    def label(self) -> str:
        """Who speaks, for a legend."""
        if self.turn is None:
            return "Sound"
        return "You" if self.turn.role == "user" else "Reply"

    def titled(self, most_letters: int) -> str:
        """Who speaks, and what, as far as there is space."""
        text = "" if self.turn is None else self.turn.text
        return f"{self.label}: {plain(text, most_letters)}" if text else self.label

    @property
    def absence(self) -> str:
        """Why there is no sound, as a sentence."""
        if self.turn is not None and self.turn.text_source == "typed":
            return "This turn was typed: it has no sound."
        return "There is no sound yet."

    def envelope(self, columns: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Least and greatest sample of each of at most `columns` equal parts, in [-1, 1)."""
        if self.turn is not None:
            low, high = extremes_of(self.turn, columns)
            return samples_from_pcm(low), samples_from_pcm(high)
        sound = self.sound
        count = min(columns, len(sound))
        if not count:
            return np.empty(0, np.float32), np.empty(0, np.float32)
        edges = np.linspace(0, len(sound), count, endpoint=False).astype(np.intp)
        least, greatest = np.minimum.reduceat(sound, edges), np.maximum.reduceat(sound, edges)
        return float_samples(least), float_samples(greatest)


def subject_of(sound: Any, sample_rate: int | None) -> Subject:
    """The sound of a turn, or of an array with its rate."""
    if isinstance(sound, Turn):
        if sample_rate not in (None, sound.sample_rate):
            raise ConfigurationError(
                f"sample_rate={sample_rate!r} was given with a turn, which has "
                f"{sound.sample_rate} Hz.",
                cure="Leave it out.",
            )
        return Subject.of(sound)
    if hasattr(sound, "turns") or isinstance(sound, Turns):
        raise ConfigurationError(
            f"this figure shows one turn, not {type(sound).__name__}.",
            cure="Pass a turn, such as talk.turns[-1].",
        )
    if sound is None or isinstance(sound, Number):
        raise ConfigurationError(
            f"this figure needs a turn or an array, not {type(sound).__name__}.",
            cure="Pass a turn, such as talk.turns[-1].",
        )
    if sample_rate is None and isinstance(sound, str | PathLike):
        raise ConfigurationError(
            "this figure needs a turn or an array, not the path of a file.",
            cure="x, rate = soundfile.read(path) reads one: pass x and sample_rate=rate.",
        )
    if sample_rate is None:
        raise ConfigurationError(
            "an array needs sample_rate=.", cure="Pass sample_rate=24_000, in hertz."
        )
    array = np.asarray(sound) if not isinstance(sound, str) else sound
    # What is empty is drawn without samples, as a turn is.
    checked = np.zeros(0, np.int16) if np.shape(array) == (0,) else mono_clip(array, figure="this")
    return Subject(array=checked, sample_rate=checked_rate(sample_rate))


def turns_of(talk: Any) -> list[Turn]:
    """The turns of a talk, a saved talk, a session, `Turns`, a sequence of turns, or one turn."""
    turns = getattr(talk, "turns", talk)
    found = [turns] if isinstance(turns, Turn) else turns
    if isinstance(found, Sequence) and all(isinstance(each, Turn) for each in found):
        return list(found)
    raise ConfigurationError(
        f"this figure shows the turns of a talk, not {type(talk).__name__}.",
        cure="Pass a talk, or its turns.",
    )


# --------------------------------------------------------------------------- axes
def axes_of(ax: Axes | None) -> Axes:
    """These axes, or the current ones.

    Parameters
    ----------
    ax : matplotlib Axes or None

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ConfigurationError
        For what is none.
    """
    if ax is not None:
        from matplotlib.axes import Axes as AnyAxes

        if not isinstance(ax, AnyAxes):
            raise ConfigurationError(
                f"ax must be matplotlib Axes or None, not {type(ax).__name__}.",
                cure="Pass one of those that plt.subplots() returns, such as axs[0].",
            )
        return ax
    import matplotlib.pyplot as plt

    return plt.gca()


def say(axes: Axes, sentence: str) -> Any:
    """Write a sentence in the middle of axes that have nothing to show.

    Parameters
    ----------
    axes : matplotlib Axes
    sentence : str

    Returns
    -------
    matplotlib Text
    """
    return axes.text(
        0.5,
        0.5,
        sentence,
        transform=axes.transAxes,
        ha="center",
        va="center",
        color=axes.xaxis.label.get_color(),
    )


def put_title(axes: Axes, subject: Subject, *, fontsize: str = "medium") -> None:
    """Write who speaks, and what, above axes, as far as it is no wider than they are."""
    letters = _TITLE_LETTERS
    title = axes.set_title(subject.titled(letters), loc="left", fontsize=fontsize)
    while letters > 2 and (share := axes.bbox.width / title.get_window_extent().width) < 1:
        letters = int(letters * share)
        title.set_text(subject.titled(letters))


def put_legend(axes: Axes, *, most_columns: int = 8) -> None:
    """Name what is drawn, each name once, above axes, in as many columns as the figure has room
    for.
    """
    handles, labels = axes.get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    for columns in range(most_columns, 0, -1):
        legend = axes.legend(
            unique.values(),
            unique,
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=columns,
            frameon=False,
            fontsize="small",
            handlelength=1.4,
            columnspacing=1.2,
            borderaxespad=0.2,
        )
        if legend.get_window_extent().x1 <= axes.figure.bbox.x1:
            break


def plain(text: str, most_letters: int) -> str:
    """A text of at most so many letters, without formulas: matplotlib reads dollar signs."""
    text = " ".join(text.split())
    shown = f"{text[: most_letters - 2]}…" if len(text) > most_letters else text
    return shown.replace("$", r"\$")


def drawn(callee: str, make: Callable[..., T], *args: Any, **style: Any) -> T:
    """Call a function of matplotlib.

    Parameters
    ----------
    callee : str
        The figure that is named in an error.
    make : callable
        Such as ``axes.plot``.
    *args, **style
        Its arguments.

    Returns
    -------
    object
        What it returns.

    Raises
    ------
    ArgumentError
        For a style keyword that it does not have.
    """
    try:
        return make(*args, **style)
    except (AttributeError, TypeError) as error:
        _, found, rest = str(error).partition("got an unexpected keyword argument '")
        if not found:
            raise
        name = rest.partition("'")[0]
        # What the figure itself takes is meant sooner than a style.
        near = did_you_mean(name, _arguments_of(callee)) or did_you_mean(name, _STYLES)
        raise ArgumentError(
            f"{callee}() has no argument or style {name!r}.",
            cure=f"{near}Styles are those of {make.__name__}().",
        ) from None


_STYLES = (
    *("color", "linewidth", "linestyle", "alpha", "label", "zorder", "marker", "cmap"),
    *("vmin", "vmax", "norm", "interpolation", "facecolor", "edgecolor", "hatch", "markersize"),
    *("ax", "sample_rate"),
)


def _arguments_of(callee: str) -> list[str]:
    """The named arguments of a figure of this package; those of others are not known."""
    from .. import plots

    figure = getattr(plots, callee, None)
    if figure is None:
        return []
    parameters = signature(figure).parameters.values()
    return [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
