"""What a script consists of, and the checks of its parts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import groupby
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from msgspec import Struct
from msgspec.structs import force_setattr, replace
from numpy.typing import NDArray

from ..._structs import Checked, did_you_mean
from ...audio import mono_from
from ...exceptions import ConfigurationError
from ...settings import between
from ..faults.base import ConnectionFault
from ..partner import CallTool, Partner
from ..tts import VOICES, has_voice
from .matching import words_of

ANY = "any"
"""What a step expects that is answered whatever is said."""

CLOSING = "This is the end of the script."

LONGEST_PAUSE_MS = 60_000

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_ALWAYS_KNOWN = ("heard",)
_NAME = re.compile(r"[^\W\d]\w*")


# --------------------------------------------------------------------------- what is said
class Line(Struct, frozen=True, metaclass=Checked):
    """A text that is said.

    Parameters
    ----------
    text : str
        May contain placeholders; see `Script`.
    voice : str
        One of the eleven voices of the rehearsal. Empty: that of the script, or of the session.

    Raises
    ------
    ConfigurationError
        For an empty text or an unknown voice.

    Examples
    --------
    >>> from grok_live_widget.rehearsal import Line, Script, Step
    >>> two = Step([Line("Good morning.", voice="ara"), Line("Hello!", voice="rex")])
    >>> [line.voice for line in Script([two]).steps[0].say]
    ['ara', 'rex']
    """

    text: str
    voice: str = ""

    def __post_init__(self) -> None:
        _check_text("text of a line", self.text)
        check_voice(self.voice)


class Pause(Struct, frozen=True, metaclass=Checked):
    """Silence within an answer: samples of value 0.

    Parameters
    ----------
    duration_ms : float in [1, 60000] [ms]

    Raises
    ------
    ConfigurationError

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> from grok_live_widget.rehearsal import Pause, Script, Step
    >>> with Talk(partner=Script([Step(["One.", Pause(500), "Two."])])) as talk:
    ...     reply = talk.ask("Hello.")
    >>> reply.text, bool(reply.duration_s > 0.5)
    ('One. Two.', True)
    """

    duration_ms: float

    def __post_init__(self) -> None:
        between("duration_ms", self.duration_ms, 1, LONGEST_PAUSE_MS)


Sound: TypeAlias = NDArray[np.int16] | NDArray[np.floating[Any]] | PathLike[str]
Item: TypeAlias = Line | Pause | CallTool | ConnectionFault | Sound

_ITEMS = (
    "What is said is a text, Line(text, voice=…), Pause(duration_ms), CallTool(name, arguments), a "
    "fault such as faults.Drop(), an array of sound, the Path of a sound file, or a list of these."
)


# --------------------------------------------------------------------------- steps
class Step(Struct, frozen=True, metaclass=Checked):
    """What is expected of the student, and what is said to it.

    Parameters
    ----------
    say : str, or a list of str, Line, Pause, CallTool, ConnectionFault, ndarray and PathLike
        What is said. Arrays are sound at 24 kHz, int16 or float in [-1, 1), shape (n,) or
        (n, channels); a path is that of a sound file. What follows a call of a tool is said
        after its output.
    expect : str or sequence of str
        The words that are expected, or several alternatives, each of one or more words; see
        `grok_live_widget.rehearsal.scripts.matching` for what counts as the same. ``"any"``, the
        default: any speech or text. Speech of which no words were recognised always counts as
        what is expected.
    hint : as `say`, without calls and faults
        Said when something else than `expect` is said. Empty: that of the script, or a sentence
        that lists the alternatives.
    tries : int >= 1 or None
        After how many unexpected turns the step is answered anyway. None: that of the script.
    name : str
        Name of a placeholder for what the student has chosen: the alternative that was said, as
        it stands in `expect`. Where no words were recognised or `tries` are used up, the first
        alternative; where anything is expected, the whole text.

    Raises
    ------
    ConfigurationError
        For a value that is none of these.

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> from grok_live_widget.rehearsal import Script, Step
    >>> drinks = ["tea", "coffee"]
    >>> order = Step("One {drink}.", expect=drinks, name="drink", hint="Tea or coffee?")
    >>> with Talk(partner=Script([order])) as talk:
    ...     print(talk.ask("Good morning.").text, talk.ask("A coffee, please.").text)
    Tea or coffee? One coffee.
    """

    say: Any
    expect: Any = ANY
    hint: Any = ()
    tries: int | None = None
    name: str = ""

    if TYPE_CHECKING:
        # What is accepted differs from what is kept; see `__post_init__`.
        def __init__(
            self,
            say: str | Item | Sequence[str | Item],
            expect: str | Sequence[str] = ANY,
            hint: str | Line | Sequence[str | Line | Pause | Sound] = (),
            tries: int | None = None,
            name: str = "",
        ) -> None: ...

    def __post_init__(self) -> None:
        force_setattr(self, "say", checked_items("say", self.say))
        force_setattr(self, "expect", checked_expectation(self.expect))
        force_setattr(self, "hint", checked_hint(self.hint))
        check_tries(self.tries)
        check_name(self.name)

    @property
    def parts(self) -> tuple[tuple[Item, ...], ...]:
        """What is said, cut after the calls of tools: each part is one response."""
        return tuple(_parts(self.say))


def _parts(items: Sequence[Item]) -> Iterator[tuple[Item, ...]]:
    part: list[Item] = []
    for is_call, group in groupby(items, lambda item: isinstance(item, CallTool)):
        part += group
        if is_call:
            yield tuple(part)
            part = []
    if part:
        yield tuple(part)


# --------------------------------------------------------------------------- the script
class Script(Struct, frozen=True, metaclass=Checked):
    """A conversation written down in advance: ``partner=`` of a talk or a rehearsal server.

    Each turn of the student is compared with what the next step expects. If it fits, what the
    step says is the answer, and the following step is next; else the hint is. Each conversation
    begins with the first step, also on one server, and goes on after a lost connection. A step of
    whose answer nothing was sent is answered again, without the faults of it that have acted.

    Texts, and texts in the arguments of calls, may contain placeholders: ``{heard}`` is what was
    said, ``{output}`` the output of the last tool, and a `Step.name` what was chosen there.

    Parameters
    ----------
    steps : sequence of Step
        At least one.
    title : str
    voice : str
        The voice of lines that name none. Empty: that of the session.
    hint : as that of `Step`
        For steps without one.
    tries : int >= 1 or None
        For steps without. None: no limit.
    closing : as that of `Step`'s `hint`
        Said to every turn after the last step. Empty: a sentence that says that this is the end.
    repeat : bool
        Begin with the first step again after the last one; nothing is said to close.

    Raises
    ------
    ConfigurationError
        For a value that is none of these, or an unknown placeholder.

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> from grok_live_widget.rehearsal import Script, Step
    >>> lesson = Script([Step("What is your name?"), Step("Hello, {heard}!")], closing="Goodbye.")
    >>> with Talk(partner=lesson) as talk:
    ...     print(*(talk.ask(text).text for text in ("Hi.", "Ada", "Bye.")))
    What is your name? Hello, Ada! Goodbye.
    """

    steps: Any
    title: str = ""
    voice: str = ""
    hint: Any = ()
    tries: int | None = None
    closing: Any = ()
    repeat: bool = False

    if TYPE_CHECKING:

        def __init__(
            self,
            steps: Sequence[Step],
            title: str = "",
            voice: str = "",
            hint: str | Line | Sequence[str | Line | Pause | Sound] = (),
            tries: int | None = None,
            closing: str | Line | Sequence[str | Line | Pause | Sound] = (),
            repeat: bool = False,
        ) -> None: ...

    def __post_init__(self) -> None:
        force_setattr(self, "steps", _checked_steps(self.steps))
        check_title(self.title)
        check_voice(self.voice)
        force_setattr(self, "hint", checked_hint(self.hint))
        check_tries(self.tries)
        check_end(self.closing, self.repeat)
        force_setattr(self, "closing", checked_hint(self.closing, "closing"))
        names = NamesKnown()
        for step in self.steps:
            names.check_step(step)
        names.check("hint", self.hint)
        names.check("closing", self.closing)

    @property
    def needs_words(self) -> bool:
        """Whether an answer depends on the words that the student says."""
        said = [self.hint, self.closing, *(part for each in self.steps for part in each.parts)]
        said += [each.hint for each in self.steps]
        is_quoted = any("{heard}" in text for items in said for text in _texts(items))
        return is_quoted or any(each.expect or each.name for each in self.steps)

    def as_partner(self) -> Partner:
        """A partner that answers with this script, each conversation from its first step on.

        Returns
        -------
        callable
            It is called with each `PartnerTurn`, as a function that is given as ``partner=``.
        """
        from .player import ScriptPartner

        return ScriptPartner(self)


# --------------------------------------------------------------------------- checks of parts
def _check_text(what: str, text: object) -> None:
    if not isinstance(text, str):
        raise ConfigurationError(f"the {what} must be text, not {text!r}.")
    if not text.strip():
        raise ConfigurationError(f"the {what} is empty.", cure="Write what is to be said.")


def check_title(title: object) -> None:
    """Check the title of a script."""
    if not isinstance(title, str):
        raise ConfigurationError(f"title must be text, not {title!r}.")


def check_voice(voice: object) -> None:
    """Check the name of a voice, or an empty one."""
    if not isinstance(voice, str) or (voice and not has_voice(voice)):
        raise ConfigurationError(
            f"the rehearsal has no voice {voice!r}.",
            cure=f"{did_you_mean(voice, tuple(VOICES))}Its voices are {', '.join(VOICES)}.",
        )


def check_tries(tries: object) -> None:
    """Check a number of tries, or None."""
    between("tries", tries, 1, 1_000, kind=Integral, or_none=True)


def check_name(name: object) -> None:
    """Check the name of a step, or an empty one."""
    if not isinstance(name, str) or (name and not _NAME.fullmatch(name)):
        raise ConfigurationError(
            f"{name!r} cannot be the name of a step.",
            cure="Use letters, digits and underscores, such as 'drink'.",
        )
    if name in ("heard", "output"):
        raise ConfigurationError(
            f"{name!r} cannot be the name of a step, because {{{name}}} means something else.",
            cure="Choose another name.",
        )


def check_end(closing: object, repeat: object) -> None:
    """Check how a script ends."""
    if not isinstance(repeat, bool):
        raise ConfigurationError(f"repeat must be true or false, not {repeat!r}.")
    if repeat and closing != () and closing != []:
        raise ConfigurationError(
            "closing would never be said, because repeat is true.", cure="Omit one of them."
        )


def checked_expectation(expected: object) -> tuple[str, ...]:
    """The alternatives that a step expects; empty for anything.

    Raises
    ------
    ConfigurationError
        For a value that is no text, or a text without words.
    """
    given = [expected] if isinstance(expected, str) else expected
    if not isinstance(given, list | tuple):
        raise ConfigurationError(f"expect must be words, or a list of texts, not {expected!r}.")
    for each in given:
        if not isinstance(each, str) or not words_of(each):
            raise ConfigurationError(
                f"expect must be words, or a list of texts, not {each!r}.",
                cure=f"{ANY!r} stands for any speech or text.",
            )
    return () if list(given) == [ANY] else tuple(given)


def checked_item(item: object) -> Item:
    """One thing that is said.

    Raises
    ------
    ConfigurationError, AudioFormatError
    """
    match item:
        case str():
            return Line(item)
        case CallTool():
            if not str(item.name).strip():
                raise ConfigurationError(
                    "a call has no name of a tool.", cure="Write the name of your function."
                )
            return item
        case Line() | Pause() | ConnectionFault():
            return item
        case np.ndarray():
            mono_from(item)
            return item
        case PathLike():
            if not Path(item).is_file():
                raise ConfigurationError(
                    f"there is no sound file {str(item)!r}.", cure="Check its path."
                )
            return item
    raise ConfigurationError(f"{item!r:.60} cannot be said.", cure=_ITEMS)


def checked_items(name: str, given: object) -> tuple[Item, ...]:
    """What a step says.

    Raises
    ------
    ConfigurationError
        Also for a list that says nothing, or that ends with a call.
    """
    several = given if isinstance(given, list | tuple) else [given]
    items = tuple(map(checked_item, several))
    if not any(not isinstance(each, Pause | ConnectionFault) for each in items):
        raise ConfigurationError(
            f"{name} contains nothing that is said.", cure="Add a text, or a sound."
        )
    if isinstance(items[-1], CallTool):
        raise ConfigurationError(
            f"{name} ends with the call of {items[-1].name!r}, so that nothing would be said of "
            "its output.",
            cure='Add a text after it, such as "It is {output}."',
        )
    return items


def checked_hint(given: object, name: str = "hint") -> tuple[Item, ...]:
    """What a hint or a closing says; empty for the default.

    Raises
    ------
    ConfigurationError
        Also for a call or a fault.
    """
    if isinstance(given, list | tuple) and not given:
        return ()
    items = checked_items(name, given)
    if any(isinstance(each, CallTool | ConnectionFault) for each in items):
        raise ConfigurationError(
            f"{name} contains a call or a fault, which only `say` of a step may contain.",
            cure="Move it there.",
        )
    return items


def _checked_steps(given: object) -> tuple[Step, ...]:
    if not isinstance(given, list | tuple) or not given:
        raise ConfigurationError(
            f"steps must be a list of at least one Step, not {given!r:.60}.",
            cure='For example [Step("Hello.")].',
        )
    for each in given:
        if not isinstance(each, Step):
            raise ConfigurationError(
                f"steps must be a list of Step, and contains {each!r:.60}.",
                cure='For example [Step("Hello.")].',
            )
    return tuple(given)


# --------------------------------------------------------------------------- placeholders
class NamesKnown:
    """The placeholders that have a value, from the first step of a script on.

    Parameters
    ----------
    at : callable
        Makes the context in which one of the items is checked.
    """

    def __init__(
        self, at: Callable[[Item], AbstractContextManager[None]] = lambda item: nullcontext()
    ) -> None:
        self._known = list(_ALWAYS_KNOWN)
        self._at = at

    def check_step(self, step: Step) -> None:
        """Check the texts of the next step; what it adds is known from there on.

        Raises
        ------
        ConfigurationError
            For a placeholder without a value.
        """
        self.check("hint", step.hint)
        if step.name:
            self._known.append(step.name)
        for part in step.parts:
            self.check("say", part)
            if isinstance(part[-1], CallTool):
                self._known.append("output")

    def check(self, what: str, items: Iterable[Item]) -> None:
        """Check the placeholders of what is said."""
        for item in items:
            with self._at(item):
                self._check_item(what, item)

    def _check_item(self, what: str, item: Item) -> None:
        for text in _texts([item]):
            for name in _PLACEHOLDER.findall(text):
                if name not in self._known:
                    known = ", ".join(f"{{{each}}}" for each in dict.fromkeys(self._known))
                    raise ConfigurationError(
                        f"{{{name}}} in {what} has no value there.",
                        cure=f"{did_you_mean(name, self._known)}Known there: {known}.",
                    )


def _texts(items: Iterable[Item]) -> Iterator[str]:
    for item in items:
        if isinstance(item, Line):
            yield item.text
        elif isinstance(item, CallTool):
            yield from _texts_in(item.arguments)


def _texts_in(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for each in value.values():
                yield from _texts_in(each)
        case list() | tuple():
            for each in value:
                yield from _texts_in(each)


def filled(value: Any, values: Mapping[str, str]) -> Any:
    """A text, or the texts of lines and arguments, with the values of their placeholders."""
    match value:
        case str():
            return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), value)
        case Line():
            return replace(value, text=filled(value.text, values) or " ")
        case CallTool():
            return CallTool(value.name, filled(value.arguments, values))
        case Mapping():
            return {key: filled(each, values) for key, each in value.items()}
        case list() | tuple():
            return [filled(each, values) for each in value]
    return value
