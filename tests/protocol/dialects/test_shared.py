"""Items and errors are read in every form that servers send."""

from __future__ import annotations

from typing import Any

import pytest

from grok_live_widget.events import ErrorReported, Item, Part
from grok_live_widget.protocol.dialects.shared import error_from, item_from, message_from_item


@pytest.mark.parametrize(
    ("message", "item"),
    [
        ({}, Item(kind="")),
        ({"type": "message", "role": "assistant", "content": []}, Item(role="assistant")),
        ({"type": "message", "content": "text"}, Item()),
        ({"type": "message", "content": ["text"]}, Item()),
        (
            {"type": "message", "content": [None, {"type": "text", "text": "b"}]},
            Item(part="text", text="b"),
        ),
        (
            {"type": "message", "content": [{"type": "text", "text": "a"}, {"text": "b"}]},
            Item(part="text", text="a", further=(Part(kind="", text="b"),)),
        ),
        (
            {"type": "message", "content": [{"type": "input_audio", "transcript": "a"}]},
            Item(part="input_audio", text="a"),
        ),
        (
            {"type": "message", "content": [{"type": "input_audio", "audio": "AAE="}]},
            Item(part="input_audio", sound=b"\0\1"),
        ),
        ({"type": "message", "content": [{"type": "audio", "audio": "!"}]}, Item(part="audio")),
        (
            {"type": "force_message", "interruptible": False},
            Item(kind="force_message", is_interruptible=False),
        ),
        ({"type": "message", "role": "narrator"}, Item()),
        ({"type": "message", "role": 3, "id": None, "status": []}, Item()),
        (
            {"type": "function_call", "name": "f", "call_id": "c", "arguments": "{}"},
            Item(kind="function_call", name="f", call_id="c", text="{}"),
        ),
        (
            {"type": "function_call_output", "call_id": "c", "output": "7"},
            Item(kind="function_call_output", call_id="c", text="7"),
        ),
        ({"type": "message", "replayed": "yes"}, Item()),
        ({"type": "message", "replayed": True}, Item(is_replayed=True)),
    ],
)
def test_an_item_is_read_as_far_as_it_can_be(message: Any, item: Item) -> None:
    assert item_from(message) == item


@pytest.mark.parametrize(
    ("part", "key"),
    [("input_text", "text"), ("output_text", "text"), ("audio", "transcript"),
     ("input_audio", "transcript")],
)  # fmt: skip
def test_the_text_of_audio_is_its_transcript(part: str, key: str) -> None:
    assert message_from_item(Item(part=part, text="a"))["content"] == [{"type": part, key: "a"}]


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({}, ErrorReported()),
        ({"error": "bad"}, ErrorReported(message="bad")),
        ({"error": ["bad"]}, ErrorReported()),
        ({"error": {}}, ErrorReported()),
        ({"type": "error", "message": "bad"}, ErrorReported(message="bad")),
        ({"type": "error", "error": {"type": "t"}}, ErrorReported(error_type="t")),
        ({"error": {"message": 3, "param": "p", "event_id": "e"}},
         ErrorReported(param="p", about="e")),
    ],
)  # fmt: skip
def test_an_error_is_read_nested_flat_or_as_text(message: Any, error: ErrorReported) -> None:
    assert error_from(message) == error
