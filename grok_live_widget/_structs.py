"""Base classes of values and events: frozen msgspec structs.

A talk makes a hundred of them a second, and importing the package makes some sixty classes of
them. A frozen dataclass takes a dozen times as long to make, and its class thirty times
(measured).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, iscoroutinefunction, signature
from typing import Any, ParamSpec, TypeVar, cast, dataclass_transform

from msgspec import Struct
from msgspec.structs import fields, force_setattr

from .exceptions import ArgumentError

__all__ = [
    "Checked",
    "Identified",
    "Message",
    "Tagged",
    "Value",
    "check_names",
    "checked_dataclass",
    "did_you_mean",
    "names_checked",
    "repr_of",
    "rounded",
    "shown_fields",
    "with_event_id",
]

# Of a microsecond, and of a millionth of a dollar.
_DIGITS = {"ms": 3, "s": 6, "dollars": 6}

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

# Audio, secrets, and what may hold a secret.
_HIDDEN = frozenset({"api_key", "authorization", "headers", "key", "parameters", "pcm", "sound"})


# --------------------------------------------------------------------------- misspelt arguments
def check_names(callee: str, given: Collection[str], known: Collection[str]) -> None:
    """Raise `ArgumentError` for the first unknown argument, with the nearest known one."""
    for name in given:
        if name not in known:
            listed = f"Arguments are: {', '.join(known)}." if known else "It has none."
            raise ArgumentError(
                f"{callee} has no argument {name!r}.", cure=f"{did_you_mean(name, known)}{listed}"
            ) from None


_PLACED = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)

# What other libraries call an argument, where the spelling does not tell which one is meant.
_OTHER_NAMES = {
    "prompts": ("prompt", "question", "questions", "text", "texts", "stimuli"),
    "repeats": ("n", "count", "repetitions", "trials", "n_trials"),
    "workers": ("concurrency", "n_jobs", "parallel", "threads", "processes"),
    "per_minute": ("rate", "rate_limit", "rpm"),
    "folder": ("path", "dir", "directory", "out", "output", "out_dir", "save_to"),
    "sample_rate": ("sr", "fs", "rate"),
}


def did_you_mean(word: object, known: Collection[str], *, least: float = 0.5) -> str:
    """A question with the nearest of the known names, and a space; empty if none is near.

    `least` is how similar it must be, as of `difflib.SequenceMatcher.ratio`.
    """
    from difflib import get_close_matches  # Slow to import, and needed only for errors.

    near = [name for name, others in _OTHER_NAMES.items() if word in others and name in known]
    near = near or get_close_matches(str(word), [each for each in known if each != word], 1, least)
    return f"Did you mean {near[0]!r}? " if near else ""


def names_checked(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that an unknown argument is an error with the nearest name, and one
    that is missing, or without the name that it needs, an error with names.

    The call is checked only when it fails, since methods that send sound are called often. A
    function that passes further keywords on leaves them to the one that takes them.
    """
    parameters = signature(function).parameters.values()
    passes_on = any(each.kind is Parameter.VAR_KEYWORD for each in parameters)
    named = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    known = [each.name for each in parameters if each.kind in named and each.name != "self"]
    by_name = [each.name for each in parameters if each.kind is Parameter.KEYWORD_ONLY]
    placed = [each.name for each in parameters if each.kind in _PLACED]
    needed = [
        each.name
        for each in parameters
        if each.default is Parameter.empty
        and each.kind in (*_PLACED, Parameter.KEYWORD_ONLY)
        and each.name != "self"
    ]
    own_count = 1 if placed[:1] == ["self"] else 0
    callee = f"{function.__qualname__.removesuffix('.__init__').rpartition('.')[2]}()"

    def check(error: Exception, count: int, names: Collection[str]) -> None:
        if not isinstance(error, TypeError) or isinstance(error, ArgumentError):
            return
        if not passes_on:
            check_names(callee, names, known)
        if count > len(placed):
            # Of all settings, the one that is meant the most often.
            example = "voice" if by_name[:1] == ["api_key"] else next(iter(by_name), "")
            most, given = len(placed) - own_count, count - own_count
            most_text = f"at most {most}" if most else "none"
            raise ArgumentError(
                f"{callee} takes {most_text} of its arguments without a name, not {given}.",
                cure=f"Give the others by name, such as {example}=…; names are: "
                f"{', '.join(by_name)}."
                if by_name
                else "Leave out the others.",
            ) from None
        twice = [each for each in placed[:count] if each in names]
        if twice:
            raise ArgumentError(
                f"{callee} got the argument {twice[0]!r} twice, with and without its name.",
                cure="Leave out one of them.",
            ) from None
        missing = [each for each in needed if each not in (*names, *placed[:count])]
        if missing:
            raise ArgumentError(
                f"{callee} needs the argument {missing[0]!r}.",
                cure=f"Arguments are: {', '.join(known)}.",
            ) from None

    if iscoroutinefunction(function):

        @wraps(function)
        async def checked_async(*args: P.args, **kwargs: P.kwargs) -> Any:
            try:
                coroutine: Any = function(*args, **kwargs)
            except Exception as error:
                check(error, len(args), kwargs)
                raise
            return await coroutine

        return cast("Callable[P, R]", checked_async)

    @wraps(function)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            count, names = len(args), tuple(kwargs)
            # A traceback with locals would show a key that is among them.
            del args, kwargs
            check(error, count, names)
            raise

    return checked


@dataclass_transform(frozen_default=True, kw_only_default=True)
def checked_dataclass(kind: type[T]) -> type[T]:
    """Make a frozen dataclass whose arguments are given by name, and checked as of a function."""
    made = dataclass(frozen=True, kw_only=True)(kind)
    made.__init__ = names_checked(made.__init__)  # type: ignore[method-assign]
    return made


class Checked(type(Struct)):  # type: ignore[misc]
    """The class of structs that users make: an unknown argument is named with the nearest one.

    Not of events, which are made too often for a call in Python.
    """

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().__call__(*args, **kwargs)
        except ArgumentError:
            raise
        except TypeError:
            callee, names = f"{cls.__name__}()", cls.__struct_fields__
            check_names(callee, kwargs, names)
            given = {*kwargs, *names[: len(args)]}
            missing = [
                each.name for each in fields(cls) if each.required and each.name not in given
            ]
            if not missing and not args:
                raise  # The call is right, and a check of the values has failed.
            problem = f"needs the argument {missing[0]!r}" if missing else "takes no such arguments"
            raise ArgumentError(
                f"{callee} {problem}.",
                cure=f"Give arguments by their names: {', '.join(names) or 'it has none'}.",
            ) from None


# --------------------------------------------------------------------------- structs
class Value(Struct, frozen=True, gc=False):
    """A frozen value; `msgspec.structs.replace` makes a changed copy.

    Fields with audio, or with anything that may be a secret, are left out of the repr, and so
    out of logs and recordings. Times are rounded in it.
    """

    def __repr__(self) -> str:
        return repr_of(self, [each for each in self.__struct_fields__ if each not in _HIDDEN])


class Tagged(Value, frozen=True, tag=True, tag_field="type"):
    """A value inside an event; encoded, it has the name of its class under ``"type"``."""


class Message(Value, frozen=True, tag=True, tag_field="event", omit_defaults=True):
    """An event; encoded, it has the name of its class under ``"event"``."""


class Identified(Message, frozen=True, kw_only=True, eq=False):
    """An event that is a message of the server's protocol, which may have an id.

    Two of them are equal whatever their ids.
    """

    event_id: str = ""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and _content(self) == _content(other)

    def __ne__(self, other: object) -> bool:
        # A Struct has one of its own, which does not call `__eq__`.
        return not self == other

    def __hash__(self) -> int:
        return hash((type(self), *_content(self)))


def _content(event: Any) -> list[Any]:
    return [getattr(event, name) for name in event.__struct_fields__ if name != "event_id"]


def shown_fields(kind: type[Value]) -> list[Any]:
    """The fields of a class that its repr shows, as `msgspec.structs.FieldInfo`."""
    return [field for field in fields(kind) if field.name not in _HIDDEN]


def repr_of(value: object, names: Sequence[str]) -> str:
    """The repr of a value with these attributes, rounded."""
    shown = (f"{name}={rounded(name, getattr(value, name))!r}" for name in names)
    return f"{type(value).__name__}({', '.join(shown)})"


def rounded(name: str, value: Any) -> Any:
    """A time or an amount as it is shown or written: without digits that come from arithmetic
    with binary fractions. The unit is the end of the name.
    """
    digits = _DIGITS.get(name.rpartition("_")[2])
    return value if digits is None or not isinstance(value, float) else round(value, digits)


def with_event_id(event: Any, event_id: str) -> Any:
    """Set the id of an event that has just been made and is not shared yet."""
    force_setattr(event, "event_id", event_id)
    return event
