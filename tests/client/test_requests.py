"""What a person asks for is checked and has a name before it is said."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from grok_live_widget.client.requests import (
    reply_request,
    server_error,
    user_message,
    verbatim_message,
    with_new_id,
)
from grok_live_widget.events import CreateItem, CreateResponse, ErrorReported, Item, UpdateSession
from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.protocol.dialects import REALTIME


@pytest.mark.parametrize(
    "event",
    [
        CreateResponse(instructions="Be brief."),
        CreateItem(Item(text="x"), "a1"),
        UpdateSession(voice="eve"),
        CreateResponse(event_id="given"),
    ],
)
def test_what_is_named_says_the_same_under_a_name_that_nothing_else_has(event: Any) -> None:
    first, second = with_new_id(event), with_new_id(event)
    assert first == second == event
    assert len({first.event_id, second.event_id, event.event_id}) == 3
    assert msgspec.json.decode(REALTIME.encode(first))["event_id"] == first.event_id


@pytest.mark.parametrize("make", [user_message, verbatim_message])
@pytest.mark.parametrize("text", ["", "  \n", None, 3, b"hello", ["hello"]])
def test_nothing_to_say_is_refused(make: Any, text: object) -> None:
    with pytest.raises(ConfigurationError, match="nothing to say"):
        make(text)


def test_a_typed_text_is_the_users_as_it_is() -> None:
    item = user_message(" Grüße ").item
    assert (item.kind, item.role, item.part, item.text) == (
        "message", "user", "input_text", " Grüße "
    )  # fmt: skip
    assert user_message("x").event_id != user_message("x").event_id != ""


@pytest.mark.parametrize("is_interruptible", [True, False])
def test_words_for_the_models_voice_are_a_forced_message(is_interruptible: bool) -> None:
    request = verbatim_message("Hello.", is_interruptible=is_interruptible)
    said = msgspec.json.decode(REALTIME.encode(request))
    assert request.event_id
    assert (said["item"]["type"], said["item"]["role"]) == ("force_message", "assistant")
    assert said["item"]["content"] == [{"type": "output_text", "text": "Hello."}]
    assert said["item"].get("interruptible", True) is is_interruptible


def test_a_request_says_what_is_given_and_nothing_else() -> None:
    assert reply_request() == CreateResponse()
    assert reply_request("Be brief.") == CreateResponse(instructions="Be brief.")
    given = MappingProxyType({"a": "b"})
    found = reply_request(metadata=given)
    assert type(found.metadata) is dict
    assert found.metadata == {"a": "b"}
    assert found.event_id


def test_what_is_given_later_does_not_change_a_request() -> None:
    given = {"a": "b"}
    request = reply_request(metadata=given)
    given["a"] = "c"
    assert request.metadata == {"a": "b"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"instructions": 3}, "instructions must be text or None, not 3"),
        ({"metadata": {"a": 1}}, r"metadata\['a'\] must be text, not 1"),
        ({"metadata": {"a" * 65: "b"}}, "1 to 64 characters"),
        ({"metadata": {"a": "b" * 513}}, "1 to 512 characters"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "16 entries, not 17"),
        ({"metadata": [("a", "b")]}, "metadata must be a dict"),
    ],
)
def test_a_request_that_no_server_takes_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        reply_request(**given)
    reply_request(metadata={str(n): "x" * 512 for n in range(16)})


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ErrorReported(message="no such voice", code="x"), "the server reported: no such voice"),
        (ErrorReported(code="x"), "the server reported: x"),
        (ErrorReported(), "an error without a text"),
    ],
)
def test_what_the_server_reports_becomes_an_error_of_ours(error: ErrorReported, says: str) -> None:
    ours = server_error(error)
    assert says in str(ours)
    assert (ours.error_type, ours.code) == (error.error_type, error.code)
