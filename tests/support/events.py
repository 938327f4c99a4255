"""Short ways to write events in tests: an example of each class, the steps of a response, notes."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec

from grok_live_widget.events import (
    AudioDelta,
    CancelResponse,
    CreateItem,
    DeleteItem,
    Item,
    ItemAdded,
    Noted,
    OutputItemAdded,
    ResponseCreated,
    ResponseDone,
    UpdateSession,
)

TYPED = CreateItem(Item(role="user", part="input_text", text="Hi"))
# A value for each field that some event requires.
REQUIRED_VALUES: dict[str, Any] = {
    "api_key": "k", "pcm": b"\1\0", "item": TYPED.item, "item_id": "i", "audio_end_ms": 1,
    "response_id": "r", "dialect": "live", "host": "h", "text": "t", "turn_id": "u",
    "sample_count": 1, "phase": "open", "call_id": "c", "is_allowed": True,
    "has_player": True, "memory": "none",
}  # fmt: skip


def example(kind: type) -> Any:
    """An event (or another value) of this class, with its required fields only."""
    required = [name for name, is_required in fields_of(kind) if is_required]
    return kind(**{name: REQUIRED_VALUES[name] for name in required})


def fields_of(kind: type) -> list[tuple[str, bool]]:
    """Name each field, and whether it is required."""
    if dataclasses.is_dataclass(kind):
        return [(field.name, False) for field in dataclasses.fields(kind)]
    return [(field.name, field.required) for field in msgspec.structs.fields(kind)]


def sendable(kind: type) -> Any:
    """An event of this class with enough in it that a message is sent for it."""
    filled = {
        UpdateSession: UpdateSession(voice="eve"),
        CancelResponse: CancelResponse("r1"),
        DeleteItem: DeleteItem("a1"),
    }
    return filled.get(kind) or example(kind)


# --------------------------------------------------------------------------- a response
def begun(number: int = 1) -> tuple[Any, ...]:
    """Response `r<number>` is created, and its item `a<number>` is added."""
    item = Item(role="assistant", item_id=f"a{number}")
    return ResponseCreated(f"r{number}"), OutputItemAdded(f"r{number}", item), ItemAdded(item)


def delta(number: int = 1, sample_count: int = 2400, item: str = "a") -> AudioDelta:
    """Sound of a response."""
    pcm = b"\1\0" * sample_count
    return AudioDelta(response_id=f"r{number}", item_id=f"{item}{number}", pcm=pcm)


def done(number: int = 1, status: str = "completed") -> ResponseDone:
    return ResponseDone(response_id=f"r{number}", status=status)


def notes_of(session: Any) -> list[str]:
    """The texts of the notes from now on."""
    notes: list[str] = []
    session.add_listener(
        lambda event, _, __: notes.append(event.text) if type(event) is Noted else None
    )
    return notes
