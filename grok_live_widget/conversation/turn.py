"""A turn of one speaker: its sound, its text, and how it came about."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .._structs import Value, names_checked
from ..audio import SAMPLE_RATE_HZ, AudioBuffer, Span, samples_from_pcm, write_wav
from ..exceptions import AudioFormatError, ConfigurationError
from .tool_calls import ToolCallState

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Word(Value, frozen=True, kw_only=True):
    """A word of a reply, by the server's caption timing.

    Parameters
    ----------
    text : str
        What the server timed as one: a word, or sometimes a few.
    start_s, end_s : float [s]
        From the first sample of the turn. The server sends starts only; a word ends where the
        next one starts, and the last one with the sound received.

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> with Talk(partner=["Good morning."]) as talk:
    ...     words = talk.ask("Hello.").words
    >>> [word.text for word in words], words[0].end_s == words[1].start_s
    (['Good', 'morning.'], True)
    """

    text: str
    start_s: float
    end_s: float


class Latency(Value, frozen=True, kw_only=True):
    """The delay of a reply in its parts, in the order in which they pass.

    A part that was not measured, or that this reply does not have, is None.

    Parameters
    ----------
    decided_ms : float or None [ms]
        From the end of the user's speech until the server decided that it had ended. None after
        a commit and after text, which leave nothing to decide.
    first_delta_ms : float or None [ms]
        From there (after a commit or text: from that) to the first delta received, less the time
        of tools and consent. With `decided_ms` it is `Turn.latency_ms`.
    tool_ms, approval_ms : float or None [ms]
        How long functions of tools ran, and how long they waited for the user's consent.
    queue_ms : float or None [ms]
        From the first delta received to the first sample played: mostly waiting behind earlier
        sound, or for a page that had just been opened.
    total_ms : float or None [ms]
        From the end of the user's speech to the first sample played; None: nothing played it.

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> with Talk(partner=["Good morning."]) as talk:
    ...     latency = talk.ask("Hello.").latency
    >>> latency.first_delta_ms > 0, latency.tool_ms
    (True, 0.0)
    >>> latency.decided_ms is None and latency.total_ms is None  # typed, and nothing played it
    True
    """

    decided_ms: float | None = None
    first_delta_ms: float | None = None
    tool_ms: float | None = None
    approval_ms: float | None = None
    queue_ms: float | None = None
    total_ms: float | None = None


class Turn:
    """A turn of one speaker. It grows in place and keeps its identity.

    A copy or a pickle has the samples so far, and does not grow. Two turns are equal only if
    they are one object.

    Attributes
    ----------
    role : {"user", "assistant"}
    text : str
        What was typed or spoken, as far as known; ``""`` if there is no transcript.
    text_source : {"typed", "transcript", "none"}
    is_complete : bool
        Whether nothing more is expected.
    was_discarded : bool
        Whether what the user said was discarded before it was sent as a turn, so that the server
        has forgotten it: `Session.clear`, or Escape with push-to-talk.
    was_interrupted : bool
        Whether something ended it before its end was heard: speech, `Talk.interrupt`,
        `Talk.stop`, `Talk.close`, or a connection that broke before its end was received. A
        reply that nothing has played was not interrupted.
    is_approximate : bool
        Whether the borders of its audio are estimated, since the server does not send them.
    started_s : float [s]
        When it began to be spoken, sent or received, since the talk's first event. Replies are
        received faster than they are played, so that a reply may begin before the one before
        it has sounded.
    played_at_s : float or None [s]
        When the first sample of a reply left the loudspeaker, since the talk's first event;
        None: nothing played it. On this scale turns follow one another as they were heard.
    latency_ms : float or None [ms]
        The server's share of the delay: from the end of the user's speech (a commit, text
        sent) to the first delta received, less `tool_ms` and `approval_ms`. None for the user's
        turns, and for replies to nothing.
    tool_ms, approval_ms : float or None [ms]
        How long functions of tools ran before the reply, and how long they waited for the
        user's consent; None where `latency_ms` is None and no function was called.
    queue_ms : float or None [ms]
        From the first delta received to the first sample played: mostly the time that the reply
        waited for earlier ones to be played, or for a page that had just been opened. None:
        nothing played it. With the three figures above it makes the whole delay until the reply
        was heard.
    heard_sample_count : int or None
        How many samples left the loudspeaker; None: nothing plays replies.
    sample_rate : int [Hz]
        Of `pcm` and `samples`.
    seam : str
        What happened to the connection just before this turn; usually empty.
    usage : Mapping
        Usage of a reply, as the server counts it; empty if it does not.
    cost_dollars : float or None [US$]
        What the talk cost from the beginning of this turn to that of the next one, by `Usage`;
        of the first turn from the beginning of the talk. Of the newest turn, what it had cost
        when it was complete (where minutes cost, it grows until the next one begins); None
        before that, and where prices are unknown.
    tool_calls : tuple of ToolCallState
        The calls of functions that went into this reply, in the order in which they began; for
        calls that no reply followed, those after this turn.
    turn_id, item_id : str
        The id of this package, and that of the server (empty if it sends none).

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> with Talk(partner=["Good morning."]) as talk:
    ...     turn = talk.ask("Hello.")
    >>> turn
    Turn(assistant, 'Good morning.', 0.69 s)
    >>> turn.samples.dtype, turn.samples.shape == (turn.sample_count,)
    (dtype('float32'), True)
    """

    __slots__ = (
        "_asked_s",
        "_captions",
        "_decided_ms",
        "_first_delta_s",
        "_may_be_played",
        "_place",
        "_response_id",
        "_watchers",
        "approval_ms",
        "cost_dollars",
        "heard_sample_count",
        "is_approximate",
        "is_complete",
        "item_id",
        "latency_ms",
        "played_at_s",
        "queue_ms",
        "role",
        "sample_rate",
        "seam",
        "started_s",
        "text",
        "text_source",
        "tool_calls",
        "tool_ms",
        "turn_id",
        "usage",
        "was_discarded",
        "was_interrupted",
    )

    def __init__(
        self,
        role: Literal["user", "assistant"],
        *,
        tape: AudioBuffer,
        sample_rate: int = SAMPLE_RATE_HZ,
        start: int = 0,
        item_id: str = "",
        text: str = "",
        text_source: Literal["typed", "transcript", "none"] = "none",
    ) -> None:
        self.role = role
        self.text = text
        self.text_source = text_source
        self.is_complete = False
        self.was_interrupted = False
        self.was_discarded = False
        self.is_approximate = False
        self.started_s = 0.0
        self.played_at_s: float | None = None
        self.latency_ms: float | None = None
        self.tool_ms: float | None = None
        self.approval_ms: float | None = None
        self.queue_ms: float | None = None
        self.heard_sample_count: int | None = None
        self.sample_rate = sample_rate
        self.seam = ""
        self.usage: Mapping[str, Any] = {}
        self.cost_dollars: float | None = None
        self.tool_calls: tuple[ToolCallState, ...] = ()
        self.turn_id = uuid.uuid4().hex
        self.item_id = item_id
        # The tape, and where on it the turn starts and ends (None: with the tape). In one
        # attribute, since other threads may read while the turn grows.
        self._place: tuple[AudioBuffer, int, int | None] = (tape, start, None)
        # The server's id of the response that this is a part of.
        self._response_id = ""
        # When the speech, commit or text ended that this is the reply to.
        self._asked_s: float | None = None
        self._first_delta_s: float | None = None
        # From the end of that speech until the server decided that it had ended.
        self._decided_ms: float | None = None
        # What the server timed: where it starts [s], and its text.
        self._captions: tuple[tuple[float, str], ...] = ()
        # Whether something plays the reply, or may yet do so.
        self._may_be_played = False
        # Called after each change, on the thread that makes it.
        self._watchers: list[Callable[[], object]] = []

    # ----------------------------------------------------------------- audio
    @property
    def pcm(self) -> NDArray[np.int16]:
        """The samples so far: ``ndarray of int16 [shape=(n,)]``, a read-only view that stays
        valid and unchanged. Typed turns have shape (0,).

        Raises
        ------
        AudioDropped
            When `max_audio_minutes` has passed, and there is no recording to read it from.
        """
        tape, start, end = self._place
        return tape.view(start, end)

    @property
    def samples(self) -> NDArray[np.float32]:
        """`pcm` as ``ndarray of float32 [shape=(n,)]`` in [-1, 1), a copy."""
        return samples_from_pcm(self.pcm)

    @property
    def heard(self) -> NDArray[np.int16]:
        """The part of `pcm` that left the loudspeaker, a read-only view; shape (0,) if nothing
        played it.
        """
        return self.pcm[: self.heard_sample_count or 0]

    @property
    def unheard(self) -> NDArray[np.int16]:
        """The rest of a reply's `pcm`, which has not left the loudspeaker, a read-only view; all
        of it if nothing played it. Of a user's turn, shape (0,).
        """
        heard_count = self.heard_sample_count or 0
        return self.pcm[heard_count if self.role == "assistant" else self.sample_count :]

    @property
    def sample_count(self) -> int:
        """Length of `pcm`, also when its samples were dropped."""
        tape, start, end = self._place
        length = len(tape)
        return max(0, (length if end is None else min(end, length)) - start)

    @property
    def duration_s(self) -> float:
        """Length of `pcm` [s]."""
        return self.sample_count / self.sample_rate

    # ----------------------------------------------------------------- figures
    @property
    def words(self) -> tuple[Word, ...]:
        """The words of a reply with the times at which they are spoken; empty where the server
        sends no caption timing, as for the user's turns.
        """
        return _words(self._captions, self.duration_s)

    @property
    def latency(self) -> Latency:
        """The delay of this reply in its parts; all None for the user's turns."""
        server_ms, decided_ms = self.latency_ms, self._decided_ms
        if server_ms is None:
            decided_ms = None
        parts_ms = [server_ms, self.tool_ms, self.approval_ms, self.queue_ms]
        is_whole = server_ms is not None and self.queue_ms is not None
        return Latency(
            decided_ms=decided_ms,
            first_delta_ms=None if server_ms is None else server_ms - (decided_ms or 0.0),
            tool_ms=self.tool_ms,
            approval_ms=self.approval_ms,
            queue_ms=self.queue_ms,
            total_ms=sum(part or 0.0 for part in parts_ms) if is_whole else None,
        )

    def write_wav(self, path: str | PathLike[str]) -> Path:
        """Write `pcm` as a mono PCM16 WAV file; returns its path.

        Parameters
        ----------
        path : str or PathLike

        Returns
        -------
        Path

        Raises
        ------
        ConfigurationError
            When it has another ending than ``.wav``, or cannot be written there.
        """
        return written_wav(path, lambda target: write_wav(target, self.pcm, self.sample_rate))

    # ----------------------------------------------------------------- waiting
    @names_checked
    def wait(self, timeout_s: float = 60, *, heard: bool = False) -> Turn:
        """Wait until the turn is complete.

        In a loop of questions, ``live.ask(text).wait(heard=True)`` keeps the text from running
        ahead of the sound.

        Parameters
        ----------
        timeout_s : float > 0 [s]
        heard : bool
            Whether to wait until a reply was heard to its end, or was interrupted.

        Returns
        -------
        Turn
            This one.

        Raises
        ------
        ReplyTimeout
            Also if the reply is to be heard and no page shows the panel that plays it.
        ConfigurationError
            At once, if a reply with sound is to be heard that nothing can play: only the panel
            of a `GrokLive` plays replies, until it is closed.
        """
        from ..client import wait_for_turn

        wait_for_turn(self, timeout_s, heard=heard)
        return self

    @names_checked
    async def wait_async(self, timeout_s: float = 60, *, heard: bool = False) -> Turn:
        """`wait`, awaited."""
        from ..client import await_turn

        await await_turn(self, timeout_s, heard=heard)
        return self

    def __await__(self) -> Generator[Any, None, Turn]:
        """Wait until the turn is complete, without a time limit: ``turn = await turn``."""
        return self._completed().__await__()

    async def _completed(self) -> Turn:
        from ..client import await_turn

        await await_turn(self, None, heard=False)
        return self

    def _is_over(self, heard: bool) -> bool:
        """Whether the turn is complete, and there is nothing more of it to hear."""
        has_sounded = self.was_interrupted or self.sample_count <= (self.heard_sample_count or 0)
        return self.is_complete and (has_sounded or self.role == "user" or not heard)

    def _is_never_heard(self) -> bool:
        """Whether it is a reply with sound that nothing plays, nor will."""
        is_played = self._may_be_played or self.heard_sample_count is not None
        has_sound = self.role == "assistant" and bool(self.sample_count)
        return has_sound and not (is_played or self.was_interrupted)

    def _notify(self) -> None:
        for follow in list(self._watchers):
            follow()

    # ----------------------------------------------------------------- pictures and players
    def plot(self, ax: Any = None) -> Any:
        """Draw the waveform; see `plots.waveform`.

        Parameters
        ----------
        ax : matplotlib Axes or None
            None: the current axes.

        Returns
        -------
        PolyCollection
        """
        from .. import plots

        return plots.waveform(self, ax=ax)

    def play(self) -> Any:
        """An audio player for the notebook.

        Returns
        -------
        IPython.display.Audio or IPython.display.Markdown
            Of a turn without sound, such as a typed one, a sentence that says so.
        """
        from IPython.display import Audio, Markdown

        if self.sample_count:
            return Audio(self.samples, rate=self.sample_rate, normalize=False)  # type: ignore[no-untyped-call]
        what = "it was typed" if self.text_source == "typed" else "none was received yet"
        return Markdown(f"*This turn has no sound: {what}.*")  # type: ignore[no-untyped-call]

    @names_checked
    def explore(self, *, since_s: float | None = None, until_s: float | None = None) -> Any:
        """An interactive view of the sound so far: waveform and spectrogram, which play from
        where they are clicked.

        Space plays and pauses, the arrow keys seek, ``+`` and ``-`` zoom. What of an interrupted
        reply was not heard is shaded. The sound is sent to the page, and is not saved into the
        notebook. More than ten minutes are shown without the spectrogram.

        Parameters
        ----------
        since_s, until_s : float >= 0 or None [s]
            The part to be shown; None: from the beginning, to the end.

        Returns
        -------
        anywidget.AnyWidget
            Shown as the result of a cell.

        Raises
        ------
        AudioFormatError
            For a turn without sound, such as a typed one.
        ConfigurationError
            When there is no sound from `since_s` to `until_s`.
        """
        if not self.sample_count:
            what = "it was typed" if self.text_source == "typed" else "none was received yet"
            raise AudioFormatError(
                f"this turn has no sound: {what}.", cure="turn.text is its text."
            )
        from ..widget import explore_turn

        return explore_turn(self, since_s, until_s)

    def _repr_html_(self) -> str:
        from .html import card_of

        return card_of(self)

    def __repr__(self) -> str:
        text = f"{self.text[:57]}…" if len(self.text) > 58 else self.text
        state = "" if self.is_complete else ", growing"
        cut = ", interrupted" if self.was_interrupted else ""
        cut = ", discarded" if self.was_discarded else cut
        shown = f"Turn({self.role}, {text!r}, {self.duration_s:.2f} s{state}{cut})"
        return f"{shown} after a seam" if self.seam else shown

    # ----------------------------------------------------------------- copies
    def __getstate__(self) -> dict[str, Any]:
        """All attributes, with the turn's own samples in place of the whole talk's."""
        state = {name: getattr(self, name) for name in self.__slots__}
        tape, start, end = self._place
        own, first = tape.excerpt(start, start + self.sample_count)
        place = (own, first, None if end is None else first + self.sample_count)
        # What waits for the turn does not wait for its copy, and what plays it does not play that.
        return {**state, "_place": place, "_may_be_played": False, "_watchers": []}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    # ----------------------------------------------------------------- for the conversation
    @property
    def _tape(self) -> AudioBuffer:
        return self._place[0]

    @property
    def _start_sample(self) -> int:
        return self._place[1]

    def _bound(self, end_sample: int | None) -> None:
        """Let the audio end here although the turn goes on; None: it grows with the tape."""
        self._place = (*self._place[:2], end_sample)

    def _end(self, end_sample: int | None) -> None:
        """The turn is complete, and ends here; None: where its audio ends now."""
        if end_sample is not None:
            self._bound(end_sample)
        self.is_complete = True

    def _reopen(self) -> None:
        if self.role == "user":
            self._bound(None)
        self.is_complete = False

    def _extend(self, sound: Span) -> None:
        """Add the next piece of a reply, which was appended to the tape of all replies."""
        tape, start, end = self._place
        is_new = start == end
        if tape is sound.tape and (is_new or end == sound.start):
            self._place = (tape, sound.start if is_new else start, sound.stop)
            return
        if tape is sound.tape:
            # Another reply's sound came between: this one goes on in a buffer of its own.
            assert end is not None
            tape = sound.tape.copy_of(start, end)
        tape.append(sound.samples())
        self._place = (tape, start, None)

    def _set_call(self, call: ToolCallState) -> None:
        """Add a call of a function, or replace the state of one."""
        others = {each.call_id: each for each in self.tool_calls}
        self.tool_calls = tuple((others | {call.call_id: call}).values())

    def _append_text(self, delta: str, start_s: float | None = None) -> None:
        self.text += delta
        self.text_source = "transcript"
        if start_s is not None:
            self._captions += ((start_s, delta),)

    def _replace_text(self, text: str, source: Literal["typed", "transcript"]) -> None:
        self.text, self.text_source = text, source

    @property
    def _is_heard(self) -> bool:
        """Whether all of its audio has left the loudspeaker."""
        return 0 < self.sample_count <= (self.heard_sample_count or 0)

    def _hear(self, sample_count: int) -> None:
        self.heard_sample_count = max(0, min(sample_count, self.sample_count))


def _words(captions: tuple[tuple[float, str], ...], end_s: float) -> tuple[Word, ...]:
    """Captions as words: pieces that no space separates belong together."""
    parts: list[tuple[float, str]] = []
    for start_s, text in captions:
        if parts and not parts[-1][1][-1:].isspace() and not text[:1].isspace():
            parts[-1] = (parts[-1][0], parts[-1][1] + text)
        else:
            parts.append((start_s, text))
    parts = [(start_s, text.strip()) for start_s, text in parts if text.strip()]
    ends_s = [*(start_s for start_s, _ in parts[1:]), end_s][: len(parts)]
    return tuple(
        Word(text=text, start_s=start_s, end_s=max(start_s, stop_s))
        for (start_s, text), stop_s in zip(parts, ends_s, strict=True)
    )


def extremes_of(
    turn: Turn, columns: int, start: int = 0, stop: int | None = None
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Least and greatest sample of each of `columns` equal parts of a turn, for drawing.

    Of its samples from `start` to `stop`; None: to its end. Two ``ndarray of int16
    [shape=(m,)]``, m <= `columns`.
    """
    first, count = turn._start_sample, turn.sample_count
    end = count if stop is None else min(stop, count)
    return turn._tape.envelope(columns, first + start, first + max(start, end))


# Formats of sound that are not WAV, as endings of names.
_WAV_ENDINGS = (".wav", ".wave")


def suffix_of(path: str | PathLike[str]) -> str:
    """The ending of a file's name in lower case, with its dot; empty if it has none.

    Raises
    ------
    ConfigurationError
        When this is no path.
    """
    if not isinstance(path, str | PathLike):
        raise ConfigurationError(f"path must be the path of a file, not {path!r}.")
    return Path(path).suffix.lower()


def written_wav(path: str | PathLike[str], write: Callable[[Path], object]) -> Path:
    """Have a WAV file written; ConfigurationError where its name or its path is unfit."""
    ending = suffix_of(path)
    # Without a letter it is a part of the name, as in "talk.2026".
    if ending not in _WAV_ENDINGS and any(map(str.isalpha, ending)):
        raise ConfigurationError(
            f"{str(path)!r} would be a WAV file with the ending {ending!r}.",
            cure=f"Name it {Path(path).with_suffix('.wav').name!r}; sox and ffmpeg convert WAV "
            "files to other formats.",
        )
    return written(path, write)


def written(path: str | PathLike[str], write: Callable[[Path], object]) -> Path:
    """Have `write` write a file; ConfigurationError where that is impossible."""
    target, shown = Path(path), repr(str(path))
    try:
        write(target)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        sentence, cure = f"{shown} cannot be written: {reason}.", "Choose another path."
        if isinstance(error, FileNotFoundError) and target.parent.is_dir():
            # As in /proc, which is no folder on a disk.
            sentence = f"no file can be created in the folder {str(target.parent)!r}."
            cure = "Choose another folder."
        elif isinstance(error, FileNotFoundError):
            sentence = f"there is no folder {str(target.parent)!r} for {shown}."
            cure = "Create it, or choose another path."
        elif isinstance(error, IsADirectoryError):
            sentence, cure = f"{shown} is a folder.", "Pass the path of a file in it."
        raise ConfigurationError(sentence, cure=cure) from None
    return target
