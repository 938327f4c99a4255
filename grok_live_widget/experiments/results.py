"""What came back of an experiment: one result for each question, as a sequence and as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import cached_property
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from .._structs import did_you_mean, names_checked, repr_of
from ..audio import level_dbfs, loudness_lufs, pitch
from ..conversation import Turn, Turns, data_frame
from ..exceptions import AudioFormatError, ConfigurationError
from .design import DEFAULT
from .loudspeaker import Overlap
from .outline import Outline

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """Figures of the sound and the text of one reply; None where there is none to measure.

    Parameters
    ----------
    duration_s : float [s]
    word_count : int
        Stretches of text between white space.
    words_per_minute : float or None
        Over the whole duration, pauses included.
    pitch_median_hz : float or None [Hz]
        Of the voiced stretches, by `grok_live_widget.audio.pitch`.
    level_dbfs : float or None [dBFS]
        Root mean square of all samples, by `grok_live_widget.audio.level_dbfs`.
    loudness_lufs : float or None [LUFS]
        Gated loudness by ITU-R BS.1770, by `grok_live_widget.audio.loudness_lufs`; None for less
        than 0.4 s.
    """

    duration_s: float
    word_count: int
    words_per_minute: float | None
    pitch_median_hz: float | None
    level_dbfs: float | None
    loudness_lufs: float | None

    def __repr__(self) -> str:
        return repr_of(self, self.__slots__)


def measures_of(turn: Turn) -> Measures:
    """Measure one turn; pitch takes the most time of it."""
    samples, rate_hz = turn.samples, turn.sample_rate
    words, duration_s = len(turn.text.split()), turn.duration_s
    return Measures(
        duration_s=duration_s,
        word_count=words,
        words_per_minute=words / duration_s * 60 if words and duration_s else None,
        pitch_median_hz=_measured(lambda: _pitch_median_hz(samples, rate_hz), samples),
        level_dbfs=_measured(lambda: level_dbfs(samples), samples),
        loudness_lufs=_measured(lambda: loudness_lufs(samples, rate_hz), samples),
    )


def _pitch_median_hz(samples: NDArray[np.float32], rate_hz: int) -> float:
    """Of the voiced frames; NaN without any, of which `nanmedian` would warn."""
    f0_hz = pitch(samples, rate_hz).f0_hz
    voiced_hz = f0_hz[np.isfinite(f0_hz)]
    return float(np.median(voiced_hz)) if voiced_hz.size else np.nan


def _measured(measure: Callable[[], Any], samples: NDArray[np.float32]) -> float | None:
    """A figure, or None of a sound that is too short or silent for it."""
    if not np.any(samples):
        return None
    try:
        with np.errstate(all="ignore"):
            value = float(measure())
    except AudioFormatError:
        return None
    return value if np.isfinite(value) else None


@dataclass(frozen=True, eq=False, kw_only=True)
class Result:
    """The answer to one question, or why there is none.

    Parameters
    ----------
    index : int
        Position in the design.
    prompt, settings : str
        Labels.
    voice : str or None
        None: the default of the server.
    repeat : int
        From 0.
    reply : Turn or None
        The reply; of an `Interruption`, the one that was spoken over. None where there is an
        `error`.
    turns : Turns
        All turns of the talk, also of a question that failed.
    overlap : Overlap or None
        Of an `Interruption`: what was measured.
    error, error_type : str
        The sentence and the class of what went wrong; empty where nothing did.
    server : str
        Who answered: ``"Grok"``, ``"rehearsal"``, or the host of another server.
    started_at : datetime
        In UTC.
    elapsed_s : float [s]
        From opening the connection until it was closed.
    cost_dollars : float or None [US$]
        Of the whole talk, by `Usage`; None where prices are unknown.
    attempt_count : int
        How often the question was asked.
    notes : tuple of str
        The notes of the talk.
    path : Path or None
        Where the talk is saved; `grok_live_widget.load` reads it with all its events.
    files : mapping of str to bytes
        The files of the talk's recording, by name, as long as it is not saved.

    Examples
    --------
    >>> from grok_live_widget import compare
    >>> [result] = compare("Hello.", partner=["Good morning."], progress=False)
    >>> result.reply.text, result.error, result.repeat
    ('Good morning.', '', 0)
    """

    index: int
    prompt: str
    voice: str | None
    settings: str
    repeat: int
    reply: Turn | None
    turns: Turns
    overlap: Overlap | None = None
    error: str = ""
    error_type: str = ""
    server: str = ""
    started_at: datetime
    elapsed_s: float
    cost_dollars: float | None = None
    attempt_count: int = 1
    notes: tuple[str, ...] = ()
    path: Path | None = None
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @property
    def has_failed(self) -> bool:
        """Whether there is an error in place of the reply."""
        return bool(self.error)

    @property
    def samples(self) -> NDArray[np.float32]:
        """The sound of the reply: ``ndarray of float32 [shape=(n,)]`` in [-1, 1), a copy; shape
        (0,) where there is none.
        """
        return np.empty(0, np.float32) if self.reply is None else self.reply.samples

    @property
    def sample_rate(self) -> int | None:
        """Of `samples` [Hz]; None without a reply."""
        return None if self.reply is None else self.reply.sample_rate

    @cached_property
    def measures(self) -> Measures | None:
        """Figures of the reply, computed when they are first asked for; None without one."""
        return None if self.reply is None else measures_of(self.reply)

    def row(self, *, measured: bool = True) -> dict[str, Any]:
        """The result as one row of `Results.to_frame`.

        Parameters
        ----------
        measured : bool
            Whether `measures` are computed; otherwise their columns are None.

        Returns
        -------
        dict of str to object
            By the names of the columns, in their order.
        """
        reply, overlap = self.reply, self.overlap
        measures = self.measures if measured else None
        names = Measures.__dataclass_fields__
        latency = reply.latency if reply is not None else None
        return {
            "prompt": self.prompt,
            "voice": self.voice or DEFAULT,
            "settings": self.settings,
            "repeat": self.repeat,
            "text": reply.text if reply is not None else None,
            **(asdict(measures) if measures is not None else dict.fromkeys(names)),
            "latency_ms": reply.latency_ms if reply is not None else None,
            **{name: getattr(latency, name, None) for name in _LATENCY_PARTS},
            "was_interrupted": reply.was_interrupted if reply is not None else None,
            **{name: getattr(overlap, name, None) for name in Overlap.__dataclass_fields__},
            "tool_call_count": len(reply.tool_calls) if reply is not None else None,
            "cost_dollars": self.cost_dollars,
            "error": self.error or None,
            "error_type": self.error_type or None,
            "server": self.server,
            "attempt_count": self.attempt_count,
            "started_at": self.started_at,
            "elapsed_s": self.elapsed_s,
        }

    def __repr__(self) -> str:
        where = f"{self.prompt!r} to {self.voice or DEFAULT}, {self.settings}, repeat {self.repeat}"
        return f"Result({where}: {self.error or self.reply!r})"


_LATENCY_PARTS = (
    "decided_ms",
    "first_delta_ms",
    "tool_ms",
    "approval_ms",
    "queue_ms",
    "total_ms",
)
COLUMNS = (
    *("prompt", "voice", "settings", "repeat", "text", *Measures.__dataclass_fields__),
    *("latency_ms", *_LATENCY_PARTS, "was_interrupted", *Overlap.__dataclass_fields__),
    *("tool_call_count", "cost_dollars", "error", "error_type", "server", "attempt_count"),
    *("started_at", "elapsed_s"),
)
"""The names of the columns, in their order."""


class Results(Sequence[Result]):
    """The results of an experiment, in the order of its design.

    Indexing gives a `Result`, slicing new `Results`. `compare` and
    `experiments.load_results` make them.

    Attributes
    ----------
    design : Outline
        What was asked.

    Examples
    --------
    >>> from grok_live_widget import compare
    >>> results = compare("Hello.", voices=["nova"], partner=["Good morning."], progress=False)
    >>> len(results), results.is_complete, len(results.failed)
    (1, True, 0)
    >>> results[0].voice, results[0].reply.text
    ('nova', 'Good morning.')
    """

    def __init__(self, results: Sequence[Result], design: Outline) -> None:
        self._results = sorted(results, key=lambda each: each.index)
        self.design = design

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> Results: ...
    def __getitem__(self, index: int | slice) -> Result | Results:
        found = self._results[index]
        return Results(found, self.design) if isinstance(found, list) else found

    def __len__(self) -> int:
        return len(self._results)

    def __iter__(self) -> Iterator[Result]:
        return iter(self._results)

    # ----------------------------------------------------------------- parts
    @property
    def is_complete(self) -> bool:
        """Whether every question of the design was asked; False after an interrupt."""
        return len(self) == len(self.design)

    @property
    def failed(self) -> Results:
        """Only those with an error."""
        return Results([each for each in self if each.has_failed], self.design)

    @property
    def replies(self) -> Turns:
        """The replies that came."""
        return Turns([each.reply for each in self if each.reply is not None])

    @names_checked
    def filter(
        self,
        *,
        prompt: str | Sequence[str] | None = None,
        voice: str | Sequence[str] | None = None,
        settings: str | Sequence[str] | None = None,
        repeat: int | Sequence[int] | None = None,
    ) -> Results:
        """Only those with these labels; None leaves one open.

        Parameters
        ----------
        prompt, voice, settings : str, sequence of str, or None
        repeat : int, sequence of int, or None
            One label, or several of which a result has one.

        Returns
        -------
        Results
        """
        given: dict[str, Any] = {
            "prompt": prompt,
            "voice": voice,
            "settings": settings,
            "repeat": repeat,
        }
        wanted = {
            name: [value] if isinstance(value, str | Integral) else list(value)
            for name, value in given.items()
            if value is not None
        }

        def fits(result: Result) -> bool:
            of_result = {**vars(result), "voice": result.voice or DEFAULT}
            return all(of_result[name] in labels for name, labels in wanted.items())

        return Results([each for each in self if fits(each)], self.design)

    # ----------------------------------------------------------------- tables and pictures
    @names_checked
    def to_frame(self, *, audio: bool = False) -> Any:
        """A tidy pandas DataFrame: one row a question, one column a variable (needs pandas).

        The columns ``prompt, voice, settings, repeat`` say what was asked. ``text`` and the columns
        of `Measures`, of the latency (`Latency`), of `Overlap` and ``was_interrupted``,
        ``tool_call_count`` are of the reply, and missing where there is none. ``cost_dollars,
        error, error_type, server, attempt_count, started_at, elapsed_s`` are of the talk. The first
        call measures all replies, which takes some time.

        Parameters
        ----------
        audio : bool
            Whether there is a column ``audio``, too: `Turn.pcm` of the reply, an ndarray of int16
            at `Turn.sample_rate`, read-only; None where there is no reply.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        ImportError
            Without pandas.
        """
        frame = data_frame((result.row() for result in self), COLUMNS, "experiments")
        figures = [name for name in COLUMNS if name.endswith(_UNITS)]
        frame = frame.astype(dict.fromkeys(figures, "float64"))
        if audio:
            sounds = (None if each.reply is None else each.reply.pcm for each in self)
            frame["audio"] = np.fromiter(sounds, dtype=object, count=len(self))
        return frame

    @names_checked
    def plot(
        self,
        measure: str = "latency_ms",
        *,
        by: str = "voice",
        hue: str | None = None,
        ax: Any = None,
        **style: Any,
    ) -> list[Any]:
        """Draw one figure of each result as a point, and the median of each group as a line.

        Parameters
        ----------
        measure : str
            A column of `to_frame` that holds numbers.
        by : {"voice", "prompt", "settings", "repeat"}
            What is on the horizontal axis.
        hue : {"voice", "prompt", "settings", "repeat"} or None
            What the colours mean, with a legend.
        ax : matplotlib Axes or None
            None: the current axes.
        **style
            Passed to ``Axes.scatter``.

        Returns
        -------
        list of PathCollection
            The points, one collection a colour. Nothing is shown. Where no result has the figure,
            the axes say so.

        Raises
        ------
        ConfigurationError
            When there is no such column.
        """
        from .chart import strip_chart

        return strip_chart(self, measure, by, hue, ax, style)

    # ----------------------------------------------------------------- on disk
    @names_checked
    def write(self, folder: str | PathLike[str]) -> Path:
        """Write all results into a folder, which `experiments.load_results` reads.

        It is what `compare` writes with ``folder=``: each talk as a recording of its own, with WAV
        files of both sides. The key is not in them, unless a prompt or a label has it.

        Parameters
        ----------
        folder : str or PathLike
            A new or empty folder, or one with results of the same design, which are replaced.

        Returns
        -------
        Path

        Raises
        ------
        ConfigurationError
            When it cannot be written there, or something else is there.
        """
        from .folder import ExperimentFolder

        target = ExperimentFolder.for_writing(folder, self.design)
        for result in self:
            target.write(result)
        return target.path

    # ----------------------------------------------------------------- representations
    def summary(self) -> str:
        """How many questions there are, how many failed or have notes, and who answered.

        Returns
        -------
        str
            In one line.
        """
        servers = sorted({each.server for each in self if each.server and each.reply is not None})
        parts = [f"{len(self)} of {len(self.design)} questions ({self.design})"]
        if self.failed:
            parts.append(f"{len(self.failed)} failed")
        # Such as that a voice is not known: what is compared may be something else then.
        noted = [each for each in self if each.notes]
        if noted:
            parts.append(f"{len(noted)} with notes (the first: {noted[0].notes[0]!r})")
        if servers:
            parts.append(f"answered by {', '.join(servers)}")
        return ", ".join(parts)

    def __repr__(self) -> str:
        lines = [f"  {each!r}" for each in self._results[:_MOST_LINES]]
        more = [f"  … and {len(self) - _MOST_LINES} more"] if len(self) > _MOST_LINES else []
        return "\n".join([f"Results: {self.summary()}", *lines, *more])

    def _repr_html_(self) -> str:
        from .chart import html_table

        return html_table(self)


_MOST_LINES = 20
_UNITS = ("_s", "_ms", "_hz", "_dbfs", "_lufs", "_dollars", "_minute")


def figures_of(results: Results, measure: str) -> list[float]:
    """The figures of a column of `Results.to_frame`, NaN where one is missing.

    Raises
    ------
    ConfigurationError
        When there is no such column of numbers.
    """
    known = [name for name in COLUMNS if _is_numeric(name)]
    if measure not in known:
        raise ConfigurationError(
            f"there is no figure {measure!r}.",
            cure=f"{did_you_mean(measure, known)}Figures are: {', '.join(known)}.",
        )
    # Measuring takes the most time of a row.
    is_measured = measure in Measures.__dataclass_fields__
    rows = [each.row(measured=is_measured) for each in results]
    return [np.nan if row[measure] is None else float(row[measure]) for row in rows]


def _is_numeric(name: str) -> bool:
    return name.endswith((*_UNITS, "_count")) or name == "was_interrupted"
