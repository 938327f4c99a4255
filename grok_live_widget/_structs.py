"""What events are made of: plain values, frozen and quick to make.

A talk makes a hundred of them a second, and sixty kinds of them when it is imported; a frozen
dataclass takes a dozen times as long to make, and its class thirty times (measured).
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import fields, force_setattr

__all__ = ["Identified", "Value", "told_fields", "with_event_id"]

_UNTOLD = frozenset({"api_key", "authorization", "headers", "key", "parameters", "pcm", "sound"})


class Value(Struct, frozen=True, gc=False):
    """A frozen value; `msgspec.structs.replace` makes a changed copy.

    What is sound, or a secret, or may hold one, is in no repr, and so in no text.
    """

    def __repr__(self) -> str:
        told = (f"{each.name}={getattr(self, each.name)!r}" for each in told_fields(type(self)))
        return f"{type(self).__name__}({', '.join(told)})"


class Identified(Value, frozen=True, kw_only=True, eq=False):
    """What every message may have: a name of its own, which is no part of what it says.

    Two events are equal whatever their ids.
    """

    event_id: str = ""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and _said(self) == _said(other)

    def __ne__(self, other: object) -> bool:
        # A Struct has one of its own, which does not ask `__eq__`.
        return not self == other

    def __hash__(self) -> int:
        return hash((type(self), *_said(self)))


def _said(event: Any) -> list[Any]:
    return [getattr(event, name) for name in event.__struct_fields__ if name != "event_id"]


def told_fields(kind: type[Value]) -> list[Any]:
    """Those fields of a kind that its repr tells, as `msgspec.structs.FieldInfo`."""
    return [field for field in fields(kind) if field.name not in _UNTOLD]


def with_event_id(event: Any, event_id: str) -> Any:
    """Name an event that nobody else can have seen yet."""
    force_setattr(event, "event_id", event_id)
    return event
