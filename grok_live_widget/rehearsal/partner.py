"""Partners: the functions that answer in a rehearsal.

A *partner* is any callable that takes a `PartnerTurn` and returns its answer::

    def partner(turn):                 # text, spoken by the rehearsal's voice
        return f"You said: {turn.text}"

    def partner(turn):                 # audio at 24 kHz, int16 or float in [-1, 1)
        return turn.samples[::-1]

    async def partner(turn):           # either, piece by piece
        async for sentence in my_model(turn.text):
            yield sentence

    def partner(turn):                 # a call of one of your tools, then its output in words
        if turn.role == "tool":
            return f"It is {turn.text}."
        return CallTool("weather", {"city": "Lyon"})

    def partner(turn):                 # a fault, which acts on what is sent from there on
        yield "The connection will be lost now."
        yield faults.Drop()

    partner = ["Hello.", CallTool("weather", {"city": "Lyon"}), "It is sunny."]    # one by one

It may be a plain function, a coroutine function or a generator of either kind. It runs on a
thread of its own. A list holds the answers to one turn after another, and begins again after the
last; the output of a tool is a turn too. A `Script` compares what is said with what it expects; see
`grok_live_widget.rehearsal.scripts`. The package has two partners, `parrot` and `talker`.
Neither is Grok, and neither claims to be.
"""

from __future__ import annotations

import itertools
import json
import re
import traceback
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from datetime import datetime
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from msgspec import field
from msgspec.json import encode as json_from

from .._structs import Checked, Value, did_you_mean, repr_of
from ..audio import mono_from, pcm_from_samples, read_audio, samples_from_pcm
from ..exceptions import (
    ConfigurationError,
    GrokLiveError,
    RehearsalError,
    without_own_frames,
)
from ..protocol import ToolOffer
from ..settings import UNSET, HasPartner, check_partner, is_script
from .faults.base import ConnectionFault
from .scripts.matching import NUMBERS
from .tts import Spoken, speak, voice_is_available

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SpokenLine(Value, frozen=True):
    """One earlier line of the conversation.

    Parameters
    ----------
    role : str
        Such as ``"user"`` and ``"assistant"``; ``"tool"`` for the output of a function.
    text : str
        What was said; of a function call, its arguments as JSON.
    name : str
        Of the function that was called; otherwise empty.
    call_id : str
        The same for a function call and the line of its output; otherwise empty.

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> def count(turn):
    ...     return f"You have said {sum(line.role == 'user' for line in turn.history)} things."
    >>> with Talk(partner=count) as talk:
    ...     first, second = talk.ask("One."), talk.ask("Two.")
    >>> second.text
    'You have said 1 things.'
    """

    role: str
    text: str
    name: str = ""
    call_id: str = ""


class PartnerTurn(Value, frozen=True, kw_only=True, eq=False):
    """The turn that a partner is to answer.

    Parameters
    ----------
    role : str
        ``"user"``, or ``"tool"`` when `text` is the output of a tool.
    text : str
        The typed text or the recognised words; empty where they are not known.
    pcm : ndarray of int16 [shape=(n,)]
        The audio of the turn at 24 kHz, read-only; shape (0,) for a typed turn.
    received : Spoken or None
        The same audio as it was received, at its own rate; None if that is `pcm`.
    voice, instructions : str
        The session's settings; the instructions are those of this response if it has its own.
    speed : float
        Factor of the rate at which text is spoken.
    replace : Mapping
        Written words, and what is spoken instead.
    history : tuple of SpokenLine
        The conversation before this turn, oldest first.
    tools : tuple of str
        Names of the client's functions, for a `CallTool`.
    tool_offers : tuple of ToolOffer
        The same functions with their descriptions and the JSON schemas of their arguments.
    call_id : str
        Of the function call whose output this turn is; empty for a turn of the user.
    conversation_id : str
        The same for all turns of a conversation, also after a lost connection was resumed.
    sample_rate : int [Hz]
        Of `pcm`.

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> def echo(turn):
    ...     return f"{turn.voice} heard {turn.text}"
    >>> with Talk(partner=echo, voice="eve") as talk:
    ...     print(talk.ask("one, two").text)
    eve heard one, two
    """

    role: Literal["user", "tool"] = "user"
    text: str = ""
    # `NDArray` is not imported at run time, when `inspect.signature` reads this.
    pcm: np.ndarray[Any, np.dtype[np.int16]] = field(default_factory=lambda: np.zeros(0, np.int16))
    received: Spoken | None = None
    voice: str = ""
    instructions: str = ""
    speed: float = 1.0
    replace: Mapping[str, str] = field(default_factory=dict)
    history: tuple[SpokenLine, ...] = ()
    tools: tuple[str, ...] = ()
    tool_offers: tuple[ToolOffer, ...] = ()
    call_id: str = ""
    conversation_id: str = ""
    sample_rate: int = 24_000

    def __repr__(self) -> str:
        hidden = ("pcm", "received", "tool_offers")
        return repr_of(self, [each for each in self.__struct_fields__ if each not in hidden])

    @property
    def samples(self) -> NDArray[np.float32]:
        """The audio as float32 [shape=(n,)] in [-1, 1); a copy."""
        return samples_from_pcm(self.pcm)

    @property
    def duration_s(self) -> float:
        """The duration of the audio [s]."""
        return self.pcm.size / self.sample_rate


class Unvoiced(str):
    """Text to be sent as text, without speech.

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> from grok_live_widget.rehearsal import Unvoiced
    >>> with Talk(partner=lambda turn: Unvoiced("Only to be read.")) as talk:
    ...     reply = talk.ask("Hello.")
    >>> reply.text, len(reply.pcm)
    ('Only to be read.', 0)
    """


class CallTool(Value, frozen=True, metaclass=Checked):
    """A call of one of the client's functions; to be yielded last.

    Parameters
    ----------
    name : str
        One of `PartnerTurn.tools`.
    arguments : mapping of str to object
        What JSON can hold, by the names of the function's parameters.

    Raises
    ------
    ConfigurationError
        For arguments that JSON cannot hold.

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> from grok_live_widget.rehearsal import CallTool
    >>> def add(a: int, b: int) -> int:
    ...     '''Add two numbers.'''
    ...     return a + b
    >>> def partner(turn):
    ...     if turn.role == "tool":
    ...         return f"It is {turn.text}."
    ...     return CallTool("add", {"a": 2, "b": 3})
    >>> with Talk(partner=partner, tools=[add]) as talk:
    ...     print(talk.ask("What is two plus three?").text)
    It is 5.
    """

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        name: object = self.name
        if not isinstance(name, str) or not name:
            raise ConfigurationError(f"name of CallTool must be that of a function, not {name!r}.")
        if not _is_json_object(self.arguments):
            raise ConfigurationError(
                f"arguments of CallTool({self.name!r}) must be a dictionary of what JSON can hold, "
                f"not {self.arguments!r:.60}."
            )


def _is_json_object(value: object) -> bool:
    try:
        return isinstance(value, Mapping) and bool(json_from(value))
    except (TypeError, ValueError, RecursionError):
        return False


class Remark(Value, frozen=True):
    """A note for the client about the answer, which is not part of it."""

    text: str


Partner = Callable[[PartnerTurn], Any]
Piece = Spoken | CallTool | Remark | ConnectionFault


# --------------------------------------------------------------------------- parrot and talker
def parrot(turn: PartnerTurn) -> NDArray[np.int16] | Spoken | Unvoiced:
    """Return exactly the samples that were received, and typed text as text."""
    if turn.pcm.size:
        return turn.received or turn.pcm
    return Unvoiced(turn.text or "I repeat what I hear. Say something, or type it.")


# It does not use the words, and recognising them would take most of its time.
parrot.needs_words = False  # type: ignore[attr-defined]

# Compiled by `re` when they are first used: not every rehearsal has the talker.
_IDENTITY_QUESTION = r"\b(who|what) (are|is) you|\byour name\b|\bare you (a |an |the )?\w+|\bgrok\b"
_GREETING = r"^(hello|hi|hey|good (morning|afternoon|evening))\b"
_COUNT = r"\bcount (?:up )?to (\w+)"
_TIME = r"\b(what time|what's the time|what is the time|tell me the time)\b"
_CALL = r"(?is)\bcall (\w[\w-]*)\s*(\{.*\})?"

_MOST_LETTERS_OF_OUTPUT = 200
"""Of the output of a tool that is read aloud, which takes some 15 s."""
_MOST_LETTERS_OF_WORDS = 600
"""Of the user's words that are repeated, which takes less than the minute that `ask` waits."""

_IDENTITY = "I am the rehearsal of grok_live_widget, a program on your own machine. I am not Grok."


def talker(turn: PartnerTurn) -> str | CallTool:
    """Answer a few kinds of requests.

    Greets, counts, tells the time, says that it is not Grok, calls a tool on request
    (``call weather {"city": "Lyon"}``) and otherwise repeats the user's words; where no words
    were recognised, it says how long the user spoke.
    """
    if turn.role == "tool":
        return f"The tool answered: {_beginning(turn.text, _MOST_LETTERS_OF_OUTPUT)}"
    asked = turn.text.lower().strip()
    if not asked:
        return _answer_without_words(turn)
    if match := re.search(_CALL, turn.text):
        call = _call_from(match, turn.tools)
        if call is not None:
            return call
    if re.search(_IDENTITY_QUESTION, asked):
        return _IDENTITY
    if match := re.search(_COUNT, asked):
        return _count_to(match[1])
    if re.search(_TIME, asked):
        return f"It is {datetime.now():%H:%M}."
    if re.match(_GREETING, asked):
        return "Hello! This is the rehearsal. Say something, or type it."
    words = _beginning(turn.text, _MOST_LETTERS_OF_WORDS)
    return f"I heard: {words.rstrip('.')}." if turn.pcm.size else f"You wrote: {words}"


def _beginning(text: str, most_letters: int) -> str:
    """The part of a text that is read aloud, which ends with a word."""
    if len(text) <= most_letters:
        return text
    words = text[:most_letters].rpartition(" ")[0]
    return f"{words or text[:most_letters]} and so on."


def _call_from(match: re.Match[str], tools: Collection[str]) -> CallTool | str | None:
    """The call that was requested, the reason why there is none, or None for other words."""
    name, arguments = match.groups()
    if name in tools and arguments is None:
        return CallTool(name)
    if arguments is None:
        return None
    if name not in tools:
        known = f"The tools are: {', '.join(tools)}." if tools else "There are no tools."
        return f"I cannot call {name}, because there is no such tool. {known}"
    with suppress(ValueError):
        return CallTool(name, json.loads(arguments))
    return f"I cannot call {name}, because its arguments are not JSON."


def _answer_without_words(turn: PartnerTurn) -> str:
    if not turn.pcm.size:
        return "This is the rehearsal. Say something, or type it."
    seconds = f"{turn.duration_s:.1f}"
    return f"I heard you speak for {seconds} seconds, but I could not make out the words."


def _count_to(limit: str) -> str:
    by_word = {word: number for number, word in enumerate(NUMBERS, 1)}
    count = int(limit) if limit.isdecimal() else by_word.get(limit, 0)
    if not 1 <= count <= len(NUMBERS):
        return f"I can count from one to twenty, not to {limit}."
    return ", ".join(NUMBERS[:count]).capitalize() + "."


PARTNERS: dict[str, Partner] = {"parrot": parrot, "talker": talker}


def default_partner() -> tuple[Partner, str]:
    """The partner used when none is given, and a sentence that says which and why.

    Returns
    -------
    (partner, sentence)
    """
    if voice_is_available():
        return talker, "The rehearsal answers with a voice of its own; it is not Grok."
    return parrot, (
        "The rehearsal repeats what it hears, because no voice is installed. "
        'For one, run: pip install "grok-live-widget[rehearsal]"'
    )


def partner_remark(partner: object) -> str:
    """What the user should know of the setting `partner`; empty for nothing."""
    made, why = default_partner()
    return why if partner is UNSET and made is parrot else ""


def partner_from(
    partner: Partner | HasPartner | Sequence[Any] | str | PathLike[str] | None,
) -> Partner:
    """The partner from a name, a script or its path, a callable, a list of answers or None.

    Raises
    ------
    ConfigurationError
        For an unknown name, a script that cannot be read, a value that cannot be called, or a list
        without an answer.
    """
    if partner is None:
        return default_partner()[0]
    if isinstance(partner, str) and partner in PARTNERS:
        return PARTNERS[partner]
    if is_script(partner):
        return _script_at(partner).as_partner()
    if hasattr(partner, "as_partner"):
        made: Partner = partner.as_partner()
        return made
    if isinstance(partner, list | tuple):
        return _answers_one_by_one(partner)
    check_partner(partner)
    assert callable(partner)
    return partner


def check_script(source: str | PathLike[str]) -> None:
    """Read a script, by its name or path.

    Raises
    ------
    ConfigurationError
        When it cannot be read.
    """
    _script_at(source)


def _script_at(source: str | PathLike[str]) -> HasPartner:
    from .scripts import read_script  # PyYAML is optional, and slow to import.

    return read_script(source)


def _answers_one_by_one(answers: Sequence[Any]) -> Partner:
    if not answers:
        raise ConfigurationError(
            "partner is an empty list.", cure="Give at least one answer, such as a text."
        )
    for answer in answers:
        kinds = (str, np.ndarray, PathLike, CallTool, ConnectionFault, list, tuple)
        if not isinstance(answer, kinds):
            raise ConfigurationError(f"partner has the answer {answer!r}.", cure=ANSWERS)
        if isinstance(answer, ConnectionFault):
            raise ConfigurationError(
                f"partner has the fault {answer} in place of an answer.",
                cure='Put it into a list with what is said, such as [faults.Drop(), "Hello."].',
            )
    if all(isinstance(answer, CallTool) for answer in answers):
        raise ConfigurationError(
            "partner is a list of calls alone, which would follow one another without end.",
            cure="Add what is said after them, such as a text.",
        )
    remaining = itertools.cycle(answers)
    return lambda turn: next(remaining)


# --------------------------------------------------------------------------- answers
ANSWERS = (
    "An answer is a text, Unvoiced(text), a numpy array of audio at 24 kHz, the pathlib.Path of a "
    "sound file, CallTool(name, arguments), a fault, or an iterator of these."
)
# ipykernel compiles each cell as a file of its own, which does not exist.
_CELL = r"[\\/]ipykernel_\d+[\\/]\d+\.py$"


def failure_of_partner(error: BaseException) -> str:
    """What a partner raised, as a sentence with the place in the partner."""
    if isinstance(error, GrokLiveError):
        return str(error)
    said = f": {error}" if str(error) else ""
    return f"the partner raised {type(error).__name__}{said}{_place_of(error)}"


def _place_of(error: BaseException) -> str:
    """Where in the file of the partner an error was raised; empty where that is not known."""
    frames = traceback.extract_tb(without_own_frames(error.__traceback__))
    if not frames:
        return ""
    last = next(each for each in reversed(frames) if each.filename == frames[0].filename)
    if re.search(_CELL, last.filename):
        return f" ({last.name}, line {last.lineno} of the cell)"
    return f" ({last.name}, {last.filename}:{last.lineno})"


_CALL_WRITTEN = (
    r"(?i)\s*(?:`{3}\w*\s*)?(?:call \w[\w-]*\s*[({]"
    r"|(?:CallTool|ToolCall)\(|<(?:tool|function)_call>)"
)
_CALL_KEYS = frozenset({"arguments", "parameters", "function", "function_call", "tool_calls"})


def remark_about(answer: Any, tools: Collection[str]) -> Remark | None:
    """A remark about a call of a tool by a name that is none, though one is near, or about a text
    that looks like a call, which text never is.
    """
    if isinstance(answer, CallTool):
        near = "" if answer.name in tools else did_you_mean(answer.name, tuple(tools))
        called = f"the partner calls the tool {answer.name!r}, which this talk does not have. "
        return Remark(f"{called}{near}".strip()) if near else None
    if not isinstance(answer, str) or isinstance(answer, Unvoiced):
        return None
    is_call = any(re.match(rf"\s*{re.escape(name)}\s*[({{]", answer) for name in tools)
    if not (is_call or re.match(_CALL_WRITTEN, answer) or _is_call_as_json(answer)):
        return None
    return Remark(
        f"the partner's text looks like a call of a tool, and was spoken: {answer!r}. "
        "Return CallTool(name, arguments) to call a tool."
    )


def _is_call_as_json(text: str) -> bool:
    with suppress(ValueError):
        value = json.loads(text)
        return isinstance(value, dict) and bool(_CALL_KEYS & value.keys())
    return False


def encodable(text: str) -> str:
    """`text` with a replacement character for each lone surrogate, which no message can carry."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}" if "\ud800" <= each <= "\udfff" else each for each in text
    )


def pieces_from(
    answer: Any, voice: str, *, speed: float = 1.0, replace: Mapping[str, str] | None = None
) -> Iterator[Piece]:
    """The value that a partner returned or yielded, as segments of speech, calls and faults.

    Parameters
    ----------
    answer : str, ndarray, PathLike, CallTool, Spoken, ConnectionFault or None
        A path is that of a sound file, of any rate. Text is spoken where a voice is installed.
        Audio is int16, or float in [-1, 1), at 24 kHz, with shape (n,) or (n, channels).
    voice : str
    speed : float
    replace : Mapping or None
        How text is spoken; see `speak`.

    Raises
    ------
    RehearsalError
        For anything else.
    """
    match answer:
        case None:
            pass
        case CallTool() | Spoken() | ConnectionFault():
            yield answer
        case str() if isinstance(answer, Unvoiced) or not voice_is_available():
            yield Spoken(np.zeros(0, np.int16), encodable(answer))
        case str():
            yield from speak(encodable(answer), voice, speed=speed, replace=replace)
        case np.ndarray():
            mono = mono_from(answer)
            yield Spoken(mono if mono.dtype == np.int16 else pcm_from_samples(mono))
        case PathLike():
            x, rate_hz = read_audio(answer)
            mono = mono_from(x)
            pcm = mono if mono.dtype == np.int16 else pcm_from_samples(mono)
            yield Spoken(pcm, sample_rate=rate_hz)
        case _:
            kind = type(answer).__name__
            raise RehearsalError(f"the partner returned {kind}: {answer!r:.60}.", cure=ANSWERS)


def is_one_answer(answer: Any) -> bool:
    """Whether a value is one answer, and not several to be taken one by one."""
    single = (str, bytes, bytearray, memoryview, Mapping, Set, np.ndarray)
    return isinstance(answer, single) or not isinstance(answer, Iterable)
