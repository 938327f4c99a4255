"""Lenient reading of plain dicts: a field of the wrong type counts as absent.

The service fills fields in ways that strict types refuse (a string where an object should
be, an empty object, a missing part), so that nothing here raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

_LEAST, _MOST = -(2**63), 2**63


def string(message: Mapping[str, Any], key: str) -> str:
    """The text under `key`, or ``""``."""
    value = message.get(key)
    return value if isinstance(value, str) else ""


def string_or_none(message: Mapping[str, Any], key: str) -> str | None:
    """The text under `key`, or None."""
    return string(message, key) or None


def number_or_none(message: Mapping[str, Any], key: str) -> float | None:
    """The number under `key`, or None; an integer of more than 64 bits counts as absent."""
    value = message.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    # An integer of more bits has no float and no place in msgpack.
    return value if isinstance(value, float) or _LEAST <= value < _MOST else None


def number_from(value: Any) -> float | None:
    """A number that may be written as text, or None."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if isfinite(number) else None


def integer_or_none(message: Mapping[str, Any], key: str) -> int | None:
    """The number under `key` as an integer, or None; one of more than 64 bits counts as absent."""
    value = message.get(key)
    # The usual case, four times in each of a hundred messages a second.
    if type(value) is int and _LEAST <= value < _MOST:
        return value
    number = number_or_none(message, key)
    return None if number is None or not _LEAST <= number < _MOST else int(number)


def integer(message: Mapping[str, Any], key: str) -> int:
    """The integer under `key`, or 0."""
    return integer_or_none(message, key) or 0


def bool_or_none(message: Mapping[str, Any], key: str) -> bool | None:
    """True or False under `key`, or None."""
    value = message.get(key)
    return value if isinstance(value, bool) else None


def texts_or_none(message: Mapping[str, Any], key: str) -> tuple[str, ...] | None:
    """The texts in the list under `key`, or None where there is no list."""
    value = message.get(key)
    if not isinstance(value, list):
        return None
    return tuple(each for each in value if isinstance(each, str))


def mapping(message: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object under `key`, or an empty one."""
    value = message.get(key)
    return value if isinstance(value, dict) else {}


def mapping_or_none(message: Mapping[str, Any], key: str) -> Mapping[str, Any] | None:
    """The object under `key`, or None."""
    value = message.get(key)
    return value if isinstance(value, dict) else None


def present(**fields: object) -> dict[str, Any]:
    """Only those `fields` that have a value (not None, not empty text)."""
    return {key: value for key, value in fields.items() if value is not None and value != ""}
