"""Events are frozen values that can be compared, sent to another process, and shown."""

from __future__ import annotations

import pickle
import typing
from collections.abc import Mapping
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack
from msgspec.structs import fields

from grok_live_widget._structs import Value
from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    Authenticate,
    ClientEvent,
    Event,
    LocalEvent,
    PushToTalk,
    ServerEvent,
    ServerVad,
    SessionUpdated,
    Unrecognized,
)
from grok_live_widget.protocol import events

from ..support.examples import examples

EVENTS = get_args(Event)
VALUES = [ServerVad, PushToTalk, events.Item, events.Part, events.ToolOffer, events.AudioFormat]
NEEDED: dict[str, Any] = {
    "api_key": "k", "pcm": b"\1\0", "item": events.Item(), "item_id": "i", "audio_end_ms": 1,
    "response_id": "r", "dialect": "live", "host": "h", "text": "t", "turn_id": "u",
    "sample_count": 1, "phase": "open", "call_id": "c", "is_allowed": True,
    "has_player": True, "memory": "none", "kind": "text",
}  # fmt: skip


def example(kind: Any) -> Any:
    needed = [field.name for field in fields(kind) if field.required]
    return kind(**{name: NEEDED[name] for name in needed})


@pytest.mark.parametrize("kind", [*EVENTS, *VALUES])
def test_an_event_is_a_frozen_value_that_can_be_pickled(kind: Any) -> None:
    event = example(kind)
    assert event == example(kind)
    # The key is not pickled.
    again = pickle.loads(pickle.dumps(event))
    assert again == (Authenticate("") if kind is Authenticate else event)
    assert not hasattr(event, "__dict__")
    for field in fields(kind):
        with pytest.raises(AttributeError):
            setattr(event, field.name, None)


# --------------------------------------------------------------------------- another process
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
INT64 = st.integers(-(2**63), 2**63 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | INT64 | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=2)
PAIRS = st.dictionaries(TEXT, TEXT, max_size=2)
BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    int: INT64,
    float: st.floats(allow_nan=False),
    Mapping[str, Any]: OBJECT,
    Mapping[str, Any] | None: st.none() | OBJECT,
    Mapping[str, str] | None: st.none() | PAIRS,
}


def any_of(kind: Any) -> st.SearchStrategy[Any]:
    """Values of a class with anything in its fields."""
    values = {name: of_type(hint) for name, hint in typing.get_type_hints(kind).items()}
    return st.builds(kind, **values)


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    if hint in BY_TYPE:
        return BY_TYPE[hint]
    if isinstance(hint, type) and issubclass(hint, Value):
        return any_of(hint)
    arguments = get_args(hint)
    match typing.get_origin(hint):
        case typing.Literal:
            return st.sampled_from(arguments)
        case origin if origin is tuple:
            return st.lists(of_type(arguments[0]), max_size=2).map(tuple)
        case None:
            return st.from_type(hint)
    return st.one_of([of_type(each) for each in arguments])


@pytest.mark.parametrize("kind", EVENTS)
def test_every_event_can_be_sent_to_another_process(kind: Any) -> None:
    decoder = msgpack.Decoder(Event)

    @given(any_of(kind))
    @examples(25)
    def check(event: Any) -> None:
        again = decoder.decode(msgpack.encode(event))
        assert type(again) is kind
        assert again == event
        assert getattr(again, "event_id", "") == getattr(event, "event_id", "")

    check()


# --------------------------------------------------------------------------- values
def test_events_are_equal_whatever_their_ids() -> None:
    first, second = AppendAudio(b"\1\0", event_id="1"), AppendAudio(b"\1\0", event_id="2")
    assert first == second
    assert not first != second  # noqa: SIM202  (a method of its own)
    assert hash(first) == hash(second)
    assert first != AppendAudio(b"\2\0", event_id="1")
    assert events.CommitAudio() != events.ClearAudio()


def test_every_class_of_the_module_is_an_event_or_a_part_of_one() -> None:
    classes = {
        name
        for name, each in vars(events).items()
        if isinstance(each, type) and issubclass(each, Value)
    }
    assert classes == {kind.__name__ for kind in EVENTS} | {
        "AudioFormat",
        "Identified",
        "Item",
        "Message",
        "OfPart",
        "OfReply",
        "Part",
        "PushToTalk",
        "ServerVad",
        "Tagged",
        "ToolOffer",
        "Transcription",
    }
    unions = (ClientEvent, ServerEvent, LocalEvent)
    assert len(EVENTS) == sum(len(get_args(each)) for each in unions)


def test_neither_key_nor_audio_is_in_a_repr() -> None:
    assert "secret" not in repr(Authenticate("secret"))
    for kind in (AppendAudio, AudioDelta):
        assert "audio" not in repr(kind(pcm=b"audio"))


def test_events_do_not_share_a_default_that_could_be_changed() -> None:
    assert SessionUpdated().session is not SessionUpdated().session


@pytest.mark.parametrize(
    ("message", "wire_type"), [({"type": "mcp.list"}, "mcp.list"), ({}, ""), ({"type": 3}, "3")]
)
def test_an_unrecognized_message_has_a_wire_type(message: Any, wire_type: str) -> None:
    assert Unrecognized(message).wire_type == wire_type
