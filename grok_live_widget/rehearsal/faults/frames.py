"""Frames about to be sent, their types as they are spelled, and what may be done instead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import orjson

from ...protocol import (
    DIALECTS,
    REALTIME,
    AudioDelta,
    TextDelta,
    TranscriptDelta,
    base64_from_bytes,
    bytes_from_base64,
    message_from,
)

__all__ = [
    "PIECE_TYPES",
    "SOUND_TYPES",
    "Frame",
    "HangUp",
    "Pause",
    "Sign",
    "Step",
    "Worker",
    "known_types",
    "wire_types",
]


# --------------------------------------------------------------------------- how types are spelled
SOUND_TYPES = REALTIME.audio_delta_types
"""Of a piece of sound."""


def known_types() -> frozenset[str]:
    """Whatever the server may say, in either dialect."""
    words = {word.wire_type for dialect in DIALECTS.values() for word in dialect.server_messages}
    return frozenset(words | set(SOUND_TYPES))


def wire_types(event: type[Any]) -> frozenset[str]:
    """Every way to spell an event, in either dialect."""
    words = {
        word.wire_type
        for dialect in DIALECTS.values()
        for word in dialect.server_messages
        if word.event is event
    }
    return frozenset(words | set(SOUND_TYPES if event is AudioDelta else ()))


PIECE_TYPES = frozenset().union(*map(wire_types, (AudioDelta, TranscriptDelta, TextDelta)))
"""Of a piece of a reply's sound, words or text."""


# --------------------------------------------------------------------------- what is sent, or done
@dataclass(frozen=True)
class Frame:
    """A message about to be sent."""

    body: bytes
    is_text: bool = True
    message: Mapping[str, Any] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", message_from(self.body) if self.is_text else {})

    @property
    def wire_type(self) -> str:
        """Its ``type``; a message of sound alone counts as a piece of sound."""
        return str(self.message.get("type", "")) if self.is_text else SOUND_TYPES[0]

    @property
    def reply_id(self) -> str:
        """The reply it belongs to; empty where it names none."""
        response = self.message.get("response")
        inner = response.get("id") if isinstance(response, dict) else ""
        return str(self.message.get("response_id") or inner or "")

    @property
    def sound(self) -> bytes:
        """Of a piece of sound: its bytes, as the line encodes them."""
        if not self.is_text:
            return self.body
        return bytes_from_base64(str(self.message.get("delta", ""))) or b""

    def with_sound(self, sound: bytes) -> Frame:
        """The same piece with another sound."""
        if not self.is_text:
            return Frame(sound, is_text=False)
        return self.with_fields(delta=base64_from_bytes(sound))

    def with_fields(self, **changed: Any) -> Frame:
        """The same message with other fields."""
        return Frame(orjson.dumps({**self.message, **changed}))


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing is sent for a while."""

    duration_s: float


@dataclass(frozen=True, slots=True)
class HangUp:
    """The line is closed."""

    code: int
    reason: str


class Sign(Enum):
    """What the line does from now on."""

    CUT = "cut"
    SILENCE = "silence"


Step = Frame | Pause | HangUp | Sign
Worker = Callable[[Frame], Iterable[Step]]
"""One fault on one line: what is done in place of sending a frame."""
