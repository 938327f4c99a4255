"""Requests are validated and have ids before they are sent."""

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
def test_with_new_id_changes_nothing_but_the_id_which_is_unique(event: Any) -> None:
    first, second = with_new_id(event), with_new_id(event)
    assert first == second == event
    assert len({first.event_id, second.event_id, event.event_id}) == 3
    assert msgspec.json.decode(REALTIME.encode(first))["event_id"] == first.event_id


@pytest.mark.parametrize("make", [user_message, verbatim_message])
@pytest.mark.parametrize("text", ["", "  \n", None, 3, b"hello", ["hello"]])
def test_an_empty_text_is_refused(make: Any, text: object) -> None:
    with pytest.raises(ConfigurationError, match="nothing to say"):
        make(text)


@pytest.mark.parametrize("make", [user_message, verbatim_message])
def test_a_text_that_no_message_can_carry_is_refused_by_its_length(make: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"has 1,000,001 letters.*may have 1,000,000"):
        make("x" * 1_000_001)
    with pytest.raises(ConfigurationError, match="instructions has 1,000,001 letters"):
        reply_request("x" * 1_000_001)
    longest = make("\0" * 1_000_000)
    assert len(REALTIME.encode(longest)) < 16 * 2**20


def test_a_user_message_has_exactly_the_text() -> None:
    item = user_message(" Grüße ").item
    assert (item.kind, item.role, item.part, item.text) == (
        "message", "user", "input_text", " Grüße "
    )  # fmt: skip
    assert user_message("x").event_id != user_message("x").event_id != ""


@pytest.mark.parametrize("is_interruptible", [True, False])
def test_a_verbatim_message_is_a_force_message(is_interruptible: bool) -> None:
    request = verbatim_message("Hello.", is_interruptible=is_interruptible)
    message = msgspec.json.decode(REALTIME.encode(request))
    assert request.event_id
    assert (message["item"]["type"], message["item"]["role"]) == ("force_message", "assistant")
    assert message["item"]["content"] == [{"type": "output_text", "text": "Hello."}]
    assert message["item"].get("interruptible", True) is is_interruptible


def test_a_request_contains_only_what_was_given() -> None:
    assert reply_request() == CreateResponse()
    assert reply_request("Be brief.") == CreateResponse(instructions="Be brief.")
    given = MappingProxyType({"a": "b"})
    found = reply_request(metadata=given)
    assert type(found.metadata) is dict
    assert found.metadata == {"a": "b"}
    assert found.event_id


def test_a_request_keeps_its_own_copy_of_the_metadata() -> None:
    given = {"a": "b"}
    request = reply_request(metadata=given)
    given["a"] = "c"
    assert request.metadata == {"a": "b"}


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({"instructions": 3}, "instructions must be text or None, not 3"),
        ({"metadata": {"a": 1}}, r"metadata\['a'\] must be text, not 1"),
        ({"metadata": {"a" * 65: "b"}}, "1 to 64 characters"),
        ({"metadata": {"a": "b" * 513}}, "1 to 512 characters"),
        ({"metadata": {str(n): "x" for n in range(17)}}, "16 entries, not 17"),
        ({"metadata": [("a", "b")]}, "metadata must be a dict"),
    ],
)
def test_an_invalid_request_is_refused(given: dict[str, Any], part: str) -> None:
    with pytest.raises(ConfigurationError, match=part):
        reply_request(**given)
    reply_request(metadata={str(n): "x" * 512 for n in range(16)})


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (ErrorReported(message="no such voice", code="x"), "the server reported: no such voice"),
        (ErrorReported(code="x"), "the server reported: x"),
        (ErrorReported(), "an error without a text"),
        (ErrorReported(message="the partner raised X", param="partner"), "the partner raised X"),
    ],
)
def test_a_reported_error_becomes_a_server_error(error: ErrorReported, part: str) -> None:
    ours = server_error(error)
    assert str(ours).endswith(part)
    assert ("the server reported" in str(ours)) is ("the partner" not in part)
    assert (ours.error_type, ours.code) == (error.error_type, error.code)
