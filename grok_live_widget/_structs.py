"""Base classes of values and events: frozen msgspec structs.

A talk makes a hundred of them a second, and importing the package makes some sixty classes of
them. A frozen dataclass takes a dozen times as long to make, and its class thirty times
(measured).
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import fields, force_setattr

__all__ = ["Identified", "Message", "Tagged", "Value", "shown_fields", "with_event_id"]

# Audio, secrets, and what may hold a secret.
_HIDDEN = frozenset({"api_key", "authorization", "headers", "key", "parameters", "pcm", "sound"})


class Value(Struct, frozen=True, gc=False):
    """A frozen value; `msgspec.structs.replace` makes a changed copy.

    Fields with audio, or with anything that may be a secret, are left out of the repr, and so
    out of logs and recordings.
    """

    def __repr__(self) -> str:
        shown = (f"{each.name}={getattr(self, each.name)!r}" for each in shown_fields(type(self)))
        return f"{type(self).__name__}({', '.join(shown)})"


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


def with_event_id(event: Any, event_id: str) -> Any:
    """Set the id of an event that has just been made and is not shared yet."""
    force_setattr(event, "event_id", event_id)
    return event
