"""Events as plain JSON values and back, told from their fields alone.

A field that says nothing (its default, where that is None, 0, False or empty) is left out, so
that a person can read what is written. What is in no repr, being sound or a secret, is in no
text either.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from numbers import Integral, Real
from typing import Any, Union, get_args, get_origin, get_type_hints

import orjson
from msgspec import NODEFAULT

from .._structs import Value, told_fields
from ..protocol import Event

__all__ = [
    "EVENTS",
    "SOUND",
    "event_from",
    "event_to_json",
    "is_complete",
    "json_line",
    "plain",
    "restored",
]

EVENTS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Event)}
"""Every word there is, by its name."""

SOUND = "pcm"
"""The field that holds sound."""

_KIND = "type"
_ABSENT = (MISSING, NODEFAULT)
_FUNCTION = "function"


# --------------------------------------------------------------------------- to JSON
def event_to_json(event: Event, hide: Callable[[str], str] = str) -> dict[str, Any]:
    """An event as JSON values, without its sound; `hide` takes secrets out of each text."""
    return {"event": type(event).__name__, **_said_fields(event, hide)}


def plain(value: Any, hide: Callable[[str], str] = str) -> Any:
    """Any value as JSON values. Of what has none, such as a function, the name is told."""
    if type(value) is str:  # Nearly all of them are, and a `match` is slow.
        return hide(value)
    match value:
        case None | bool():
            return value
        case str():
            return hide(value)
        case Integral():
            return int(value)
        case Real():
            return float(value)
        case Mapping():
            return {str(key): plain(each, hide) for key, each in value.items()}
        case Sequence() if not isinstance(value, bytes | bytearray | memoryview):
            return [plain(each, hide) for each in value]
    if _has_fields(type(value)):
        return {_KIND: type(value).__name__, **_said_fields(value, hide)}
    return {_FUNCTION: hide(getattr(value, "__name__", type(value).__name__))}


def json_line(said: Mapping[str, Any]) -> bytes:
    """A line of JSON values, in UTF-8."""
    try:
        return orjson.dumps(said, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        # Half a character, or a number of more than 64 bits.
        return f"{json.dumps(said, ensure_ascii=False)}\n".encode("utf-8", "surrogatepass")


def _said_fields(value: Any, hide: Callable[[str], str]) -> dict[str, Any]:
    kind: Any = type(value)
    said = {}
    for name, silence in _silences(kind):
        each = getattr(value, name)
        # Nearly always the very same, and comparing takes longer.
        if each is silence or (each == silence and type(each) is type(silence)):
            continue
        is_plain = type(each) is int or (type(each) is str and hide is str)
        said[name] = each if is_plain else plain(each, hide)
    return said


def _has_fields(kind: type[Any]) -> bool:
    return issubclass(kind, Value) or is_dataclass(kind)


@cache
def _silences(kind: type[Any]) -> tuple[tuple[str, Any], ...]:
    """Each field that is told, and the value with which it says nothing; MISSING: none does."""
    told = told_fields(kind) if issubclass(kind, Value) else [f for f in fields(kind) if f.repr]
    return tuple((field.name, _silence_of(field)) for field in told)


def _silence_of(field: Any) -> Any:
    factory = field.default_factory
    default = field.default if factory in _ABSENT else factory()
    return MISSING if default in _ABSENT or default else default


def is_complete(value: Any) -> bool:
    """Whether all of `value` was written, and not only the name of some function in it."""
    match value:
        case dict():
            return set(value) != {_FUNCTION} and all(map(is_complete, value.values()))
        case list():
            return all(map(is_complete, value))
    return True


# --------------------------------------------------------------------------- from JSON
def event_from(message: Mapping[str, Any], sound: bytes = b"") -> Event | None:
    """Read what `event_to_json` wrote; None for a word that is not known here.

    Raises
    ------
    TypeError, ValueError
        When it lacks something, or has a value of another kind.
    """
    kind: Any = EVENTS.get(message["event"])
    if kind is None:
        return None
    made: Event = _built(kind, message, {SOUND: sound} if SOUND in _hints(kind) else {})
    return made


def _built(kind: Any, message: Mapping[str, Any], more: Mapping[str, Any]) -> Any:
    hints = _hints(kind)
    known = {name: restored(hint, message[name]) for name, hint in hints.items() if name in message}
    return kind(**known, **more)


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


def restored(hint: Any, value: Any) -> Any:
    """Give a JSON value back the kind that an annotation names.

    Raises
    ------
    TypeError
        When it cannot be of that kind.
    """
    if isinstance(value, dict) and (kind := _kinds_in(hint).get(str(value.get(_KIND)))):
        return _built(kind, value, {})
    if isinstance(value, list):
        made = [restored(hint, each) for each in value]
        return tuple(made) if tuple in _parts_of(hint) else made
    _check(hint, value)
    return value


def _check(hint: Any, value: Any) -> None:
    """Plain kinds are checked; whatever else an annotation says is taken at its word."""
    allowed = _parts_of(hint)
    if _kinds_in(hint) and type(value) not in allowed:
        raise TypeError(f"{value!r} is not of the right kind")
    if not allowed <= {str, int, float, bool, type(None)} or type(value) in allowed:
        return
    if not (float in allowed and type(value) is int):
        raise TypeError(f"{value!r} is not of the right kind")


@cache
def _parts_of(hint: Any) -> frozenset[Any]:
    """All kinds that an annotation mentions, at any depth."""
    origin = get_origin(hint)
    if origin is None:
        return frozenset({hint})
    inner = [_parts_of(each) for each in get_args(hint) if each is not ...]
    own = () if origin in (Union, types.UnionType) else (origin,)
    return frozenset(own).union(*inner)


@cache
def _kinds_in(hint: Any) -> dict[str, type[Any]]:
    return {
        kind.__name__: kind
        for kind in _parts_of(hint)
        if isinstance(kind, type) and _has_fields(kind)
    }
