"""The sequence of the turns of a talk, and what can be made of all of them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np
from msgspec.structs import replace

from .._structs import names_checked
from ..audio import SAMPLE_RATE_HZ, write_wav_blocks
from ..exceptions import ConfigurationError
from ..settings import between, one_of
from .placement import SIDES, Placement, mixed, placements_of, sound_of
from .table import COLUMNS, FIGURES, data_frame, rows_of
from .transcript import FORMATS, SUBTITLES
from .turn import Turn, suffix_of, written, written_wav

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Turns(Sequence[Turn]):
    """Turns in conversation order; grows while the talk goes on.

    Indexing gives a `Turn`, slicing new `Turns`, which are a selection and do not grow.

    Parameters
    ----------
    turns : sequence of Turn

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> with Talk(partner=["Good morning."]) as talk:
    ...     _ = talk.ask("Hello.")
    >>> [turn.text for turn in talk.turns]
    ['Hello.', 'Good morning.']
    >>> talk.turns.filter(role="assistant")[-1] is talk.turns[-1]
    True
    """

    def __init__(self, turns: Sequence[Turn] = ()) -> None:
        self._turns = list(turns)
        # Whether these are turns of a talk, and not a talk, which begins with its first event.
        self._is_selection = bool(self._turns)
        # The talk of a selection, which tells when its turns sounded.
        self._source: Turns | None = None

    def _selected(self, turns: Sequence[Turn]) -> Turns:
        selection = Turns(turns)
        selection._is_selection = True
        selection._source = self._source or self
        return selection

    @overload
    def __getitem__(self, index: int) -> Turn: ...
    @overload
    def __getitem__(self, index: slice) -> Turns: ...
    def __getitem__(self, index: int | slice) -> Turn | Turns:
        found = self._turns[index]
        return self._selected(found) if isinstance(found, list) else found

    def __reduce__(self) -> tuple[Any, ...]:
        # Of a copy of the list, since the loop thread may add a turn meanwhile.
        return type(self), (list(self._turns),), {"_is_selection": self._is_selection}

    def __len__(self) -> int:
        return len(self._turns)

    def __iter__(self) -> Iterator[Turn]:
        # A copy, since the loop thread may add one meanwhile.
        return iter(list(self._turns))

    @property
    def user(self) -> Turns:
        """Only the user's turns."""
        return self._selected([turn for turn in self if turn.role == "user"])

    @property
    def assistant(self) -> Turns:
        """Only the replies."""
        return self._selected([turn for turn in self if turn.role == "assistant"])

    @names_checked
    def filter(
        self,
        *,
        role: Literal["user", "assistant"] | None = None,
        interrupted: bool | None = None,
    ) -> Turns:
        """Only the turns for which all that is given holds.

        Parameters
        ----------
        role : {"user", "assistant"} or None
        interrupted : bool or None
            Whether the turn was interrupted.

        Returns
        -------
        Turns
            A selection as of now, of the same `Turn` objects.

        Raises
        ------
        ConfigurationError
            When there is no such role.
        """
        one_of("role", role, (*SIDES, None))
        return self._selected(
            [
                turn
                for turn in self
                if role in (None, turn.role) and interrupted in (None, turn.was_interrupted)
            ],
        )

    # ----------------------------------------------------------------- sound
    @property
    def sample_rate(self) -> int:
        """The highest sample rate of the turns [Hz]: that of `audio` and of `write_wav`."""
        return max((turn.sample_rate for turn in self if turn.sample_count), default=SAMPLE_RATE_HZ)

    @names_checked
    def audio(
        self,
        since_s: float = 0.0,
        until_s: float | None = None,
        role: Literal["user", "assistant"] | None = None,
    ) -> NDArray[np.int16]:
        """The sound of both sides on the talk's clock, with its silences and overlaps.

        The user's turns are where they were spoken, replies where they were played, with what
        was heard of them. Sound that was sent faster than it would have been spoken, and
        replies that nothing played, are placed one after another.

        Parameters
        ----------
        since_s, until_s : float >= 0 [s]
            Since the talk's first event; None, and times after it: to the end.
        role : {"user", "assistant"} or None
            Only this side.

        Returns
        -------
        ndarray of int16 [shape=(n, 2) or (n,)]
            A new array at `sample_rate`: the user on the left, the replies on the right; with
            `role` one of them.

        Raises
        ------
        ConfigurationError
            When times are negative or in the wrong order, or there is no such role.
        AudioDropped
            When sound in this stretch is not kept any more.
        """
        one_of("role", role, (*SIDES, None))
        placements = placements_of(self)
        between("since_s", since_s, 0, math.inf)
        between("until_s", until_s, since_s, math.inf, or_none=True)
        end_s = min(_end_of(placements), math.inf if until_s is None else until_s)
        blocks = list(sound_of(placements, self.sample_rate, min(since_s, end_s), end_s))
        sound = np.concatenate(blocks) if blocks else np.empty((0, len(SIDES)), np.int16)
        return sound if role is None else np.ascontiguousarray(sound[:, SIDES.index(role)])

    @names_checked
    def write_wav(
        self,
        path: str | PathLike[str],
        *,
        channels: Literal["stereo", "mono", "user", "assistant"] = "stereo",
    ) -> Path:
        """Write the sound of both sides, placed as by `audio`, as a PCM16 WAV file.

        The file of a whole talk begins with the talk's first event, that of a selection
        (``turns[2:5]``, `filter`) with its first turn.

        Parameters
        ----------
        path : str or PathLike
        channels : {"stereo", "mono", "user", "assistant"}
            The user on the left and the replies on the right, both mixed, or one side.

        Returns
        -------
        Path

        Raises
        ------
        ConfigurationError
            When it has another ending than ``.wav``, or cannot be written there.
        AudioDropped
            When sound of these turns is not kept any more.
        """
        one_of("channels", channels, ("stereo", "mono", *SIDES))
        placements = placements_of(self)
        start_s, rate_hz = self._file_start_s(placements), self.sample_rate
        blocks = sound_of(placements, rate_hz, start_s, _end_of(placements))
        if channels == "mono":
            blocks = (mixed(block) for block in blocks)
        elif channels != "stereo":
            side = SIDES.index(channels)
            blocks = (np.ascontiguousarray(block[:, side]) for block in blocks)
        count = len(SIDES) if channels == "stereo" else 1
        return written_wav(path, lambda target: write_wav_blocks(target, blocks, rate_hz, count))

    def _file_start_s(self, placements: Sequence[Placement]) -> float:
        """The time at which a file of these turns begins."""
        if not self._is_selection:
            return 0.0
        return min((placement.start_s for placement in placements), default=0.0)

    # ----------------------------------------------------------------- text and figures
    def write_transcript(self, path: str | PathLike[str]) -> Path:
        """Write what was said, in the format of the file's ending.

        ``.md`` and ``.txt`` are for reading, ``.json`` has every figure, ``.srt`` and ``.vtt``
        are subtitles for the file of `write_wav`, split by caption timing where the server sends
        it. Times are when turns sounded: in subtitles from the beginning of that file, otherwise
        since the talk's first event. Calls of functions are in the first three.

        Parameters
        ----------
        path : str or PathLike

        Returns
        -------
        Path

        Raises
        ------
        ConfigurationError
            When it has another ending, or cannot be written there.
        """
        ending = suffix_of(path)
        if ending not in FORMATS:
            raise ConfigurationError(
                f"the ending of a transcript's file tells its format, and {str(path)!r} has "
                f"none of {', '.join(FORMATS)}.",
                cure='Write for example turns.write_transcript("talk.md").',
            )
        placements = placements_of(self)
        if ending in SUBTITLES and (start_s := self._file_start_s(placements)):
            placements = [
                replace(each, start_s=each.start_s - start_s, end_s=each.end_s - start_s)
                for each in placements
            ]
        text = FORMATS[ending](placements)
        # Python's text may hold halves of surrogate pairs, which are no characters.
        content = text.encode("utf-8", "replace")
        return written(path, lambda target: target.write_bytes(content))

    def to_frame(self) -> Any:
        """A pandas DataFrame, one row a turn (needs pandas).

        Returns
        -------
        pandas.DataFrame
            Columns that `Turn` has under the same name are described there. ``start_s`` and
            ``end_s`` tell when the turn sounded, as in `audio`; ``level_dbfs`` is the RMS of its
            sound; ``words_per_minute`` counts its whole length; ``heard_share`` is from 0 to 1;
            ``tools`` has the names of the functions that were called; ``total_ms`` is that of
            `Turn.latency`. Figures that were not measured are NaN.

        Raises
        ------
        ImportError
            Without pandas.
        """
        frame = data_frame(rows_of(placements_of(self)), COLUMNS)
        # Otherwise a column of which nothing was measured would hold objects.
        return frame.astype(dict.fromkeys(FIGURES, "float64"))

    @names_checked
    def explore(self, *, since_s: float | None = None, until_s: float | None = None) -> Any:
        """An interactive view of the talk on its clock: the user's track and the track of the
        replies, each with waveform and spectrogram.

        Turns lie where they sounded, as in `audio`. Each is marked with its text: a click on the
        text plays the turn, a click elsewhere plays from there. The user is on the left
        loudspeaker, replies are on the right one. Otherwise see `Turn.explore`.

        Parameters
        ----------
        since_s, until_s : float >= 0 or None [s]
            The part to be shown, in seconds since the talk's first event; None: from the first
            turn, to the end of the last one.

        Returns
        -------
        anywidget.AnyWidget
            Shown as the result of a cell.

        Raises
        ------
        AudioFormatError
            When no turn has sound.
        ConfigurationError
            When there is no sound from `since_s` to `until_s`.
        """
        from ..widget import explore_turns

        return explore_turns(self, since_s, until_s)

    def __repr__(self) -> str:
        return "\n".join([f"{len(self)} turns", *(f"  {turn!r}" for turn in self)])

    def _repr_html_(self) -> str:
        from .html import table_of

        return table_of(placements_of(self))

    def _add(self, turn: Turn) -> None:
        self._turns.append(turn)


def _end_of(placements: Sequence[Placement]) -> float:
    return max((placement.end_s for placement in placements), default=0.0)
