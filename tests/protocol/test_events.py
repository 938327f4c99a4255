"""Words are values: frozen, comparable, fit to cross a pipe, and quiet about key and sound."""

from __future__ import annotations

import dataclasses
import pickle
from typing import Any, get_args

import pytest

from grok_live_widget._structs import Value
from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    Authenticate,
    ClientEvent,
    LocalEvent,
    PushToTalk,
    ServerEvent,
    ServerVad,
    SessionUpdated,
    Unrecognized,
)
from grok_live_widget.protocol import events

from ..support.events import example, fields_of

VOCABULARY = [*get_args(ClientEvent), *get_args(ServerEvent), *get_args(LocalEvent)]


@pytest.mark.parametrize(
    "kind", [*VOCABULARY, ServerVad, PushToTalk, events.Item, events.ToolOffer]
)
def test_a_word_is_a_frozen_value_that_could_cross_a_pipe(kind: type) -> None:
    word = example(kind)
    again = pickle.loads(pickle.dumps(word))
    # The key crosses no pipe.
    assert word == example(kind)
    assert again == (kind("") if kind is events.Authenticate else word)
    assert not hasattr(word, "__dict__")
    for name, _ in fields_of(kind):
        with pytest.raises(AttributeError):
            setattr(word, name, None)


def is_value(each: Any) -> bool:
    return dataclasses.is_dataclass(each) or (isinstance(each, type) and issubclass(each, Value))


def test_an_event_is_what_it_says_and_not_what_it_is_called() -> None:
    first, second = AppendAudio(b"\1\0", event_id="1"), AppendAudio(b"\1\0", event_id="2")
    assert first == second
    assert not first != second  # noqa: SIM202  (a method of its own)
    assert hash(first) == hash(second)
    assert first != AppendAudio(b"\2\0", event_id="1")
    assert events.CommitAudio() != events.ClearAudio()


def test_every_class_of_the_module_is_in_a_vocabulary() -> None:
    words = {name for name, each in vars(events).items() if is_value(each)}
    assert words == {kind.__name__ for kind in VOCABULARY} | {
        "AudioFormat",
        "Identified",
        "Item",
        "OfPart",
        "OfReply",
        "Part",
        "PushToTalk",
        "ServerVad",
        "ToolOffer",
        "Transcription",
        "Value",
    }
    assert len(set(VOCABULARY)) == len(VOCABULARY)


def test_neither_key_nor_sound_is_in_a_repr() -> None:
    assert "secret" not in repr(Authenticate("secret"))
    for kind in (AppendAudio, AudioDelta):
        assert "sound" not in repr(kind(pcm=b"sound"))


def test_events_share_no_default_that_could_be_changed() -> None:
    assert SessionUpdated().session is not SessionUpdated().session


@pytest.mark.parametrize(
    ("message", "wire_type"), [({"type": "mcp.list"}, "mcp.list"), ({}, ""), ({"type": 3}, "3")]
)
def test_an_unrecognized_message_tells_its_type(message: Any, wire_type: str) -> None:
    assert Unrecognized(message).wire_type == wire_type
