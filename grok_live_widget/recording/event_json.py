"""Events as JSON values and back.

msgspec reads them, by the tags of their classes, and writes those of numbers and texts, which
are nearly all. The others are written here: fields that may hold audio or a secret are not
written, and a field is left out exactly when it has its default and that is None, 0, False or
empty. (The option `omit_defaults` of msgspec also leaves out other defaults.)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from numbers import Integral, Real
from types import NoneType
from typing import Any, get_args

import msgspec
from msgspec.structs import fields

from .._structs import Value, shown_fields
from ..protocol import Event

EVENTS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Event)}
"""Every class of events by its name."""

_FUNCTION = "function"
_SCALARS = {str, int, float, bool, NoneType}


def event_to_json(event: Event, redact: Callable[[str], str] = str) -> dict[str, Any]:
    """An event as JSON values, without its audio; `redact` removes secrets from each text."""
    return {"event": type(event).__name__, **_fields(event, redact)}


def encoded_event(event: Event) -> bytes:
    """What `event_to_json` returns, as JSON in UTF-8."""
    try:
        if _is_flat(type(event)) and not getattr(event, "pcm", b""):
            return _ENCODER.encode(event)
    except UnicodeEncodeError:
        pass  # A lone surrogate.
    return encoded(event_to_json(event))


def event_from(message: Mapping[str, Any], pcm: bytes = b"") -> Event | None:
    """Read what `event_to_json` wrote; None for a class of events that is not known here.

    Raises
    ------
    KeyError, msgspec.ValidationError
        When a field is missing, or has a value of another type.
    """
    kind = EVENTS.get(message["event"])
    # Classes without this field skip it.
    return None if kind is None else msgspec.convert({**message, "pcm": pcm}, kind)


def plain(value: Any, redact: Callable[[str], str] = str) -> Any:
    """Any value as JSON values; of an object that has none, such as a function, the name."""
    if type(value) is str:  # The usual case, and a `match` is slow.
        return redact(value)
    match value:
        case None | bool():
            return value
        case str():
            return redact(value)
        case Integral():
            return int(value)
        case Real():
            return float(value)
        case Mapping():
            return {str(key): plain(each, redact) for key, each in value.items()}
        case Sequence() if not isinstance(value, bytes | bytearray | memoryview):
            return [plain(each, redact) for each in value]
        case Value():
            return {"type": type(value).__name__, **_fields(value, redact)}
    return {_FUNCTION: redact(getattr(value, "__name__", type(value).__name__))}


def is_complete(value: Any) -> bool:
    """Whether `plain` wrote all of a value, and not only the name of some function in it."""
    match value:
        case dict():
            return set(value) != {_FUNCTION} and all(map(is_complete, value.values()))
        case list():
            return all(map(is_complete, value))
    return True


def encoded(values: Mapping[str, Any]) -> bytes:
    """JSON in UTF-8."""
    try:
        return msgspec.json.encode(values)
    except UnicodeEncodeError:  # A lone surrogate.
        return json.dumps(values, ensure_ascii=False).encode("utf-8", "surrogatepass")


_ENCODER = msgspec.json.Encoder(enc_hook=plain)


@cache
def _is_flat(kind: type[Value]) -> bool:
    """Whether msgspec writes events of this class as `event_to_json` does: when all fields are
    numbers and texts that may be shown, with defaults that are left out.
    """
    shown = shown_fields(kind)
    hidden = {field.name for field in fields(kind)} - {field.name for field in shown}
    return hidden <= {"pcm"} and all(
        set(get_args(field.type) or (field.type,)) <= _SCALARS
        and (field.required or _empty_default(field) is not msgspec.NODEFAULT)
        for field in shown
    )


def _fields(value: Value, redact: Callable[[str], str]) -> dict[str, Any]:
    written = {}
    for name, default in _empty_defaults(type(value)):
        each = getattr(value, name)
        # Nearly always identical, which is quicker to find out than equal.
        if each is default or (each == default and type(each) is type(default)):
            continue
        is_plain = type(each) is int or (type(each) is str and redact is str)
        written[name] = each if is_plain else plain(each, redact)
    return written


@cache
def _empty_defaults(kind: type[Value]) -> tuple[tuple[str, Any], ...]:
    """The name of each written field, and its default if that is empty, or NODEFAULT."""
    return tuple((field.name, _empty_default(field)) for field in shown_fields(kind))


def _empty_default(field: Any) -> Any:
    factory = field.default_factory
    default = field.default if factory is msgspec.NODEFAULT else factory()
    return msgspec.NODEFAULT if default is msgspec.NODEFAULT or default else default
