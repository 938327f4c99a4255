"""Every event can be written as JSON and read back, also with events of other versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import NoneType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
from msgspec import NODEFAULT, ValidationError
from msgspec.structs import fields

from grok_live_widget._structs import shown_fields
from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    AudioFormat,
    Authenticate,
    CreateItem,
    ErrorReported,
    Item,
    PlaybackReported,
    PushToTalk,
    ResponseDone,
    ServerVad,
    TranscriptDelta,
    Transcription,
    TurnDetection,
    Unrecognized,
    UpdateSession,
)
from grok_live_widget.protocol import events
from grok_live_widget.recording.event_json import (
    EVENTS,
    encoded_event,
    event_from,
    event_to_json,
    is_complete,
    plain,
)

# What is in no repr is not written; the sound of these two is kept beside them.
EVENTS_BUT_THE_KEYS = [
    kind for kind in EVENTS.values() if fields(kind) == tuple(shown_fields(kind))
]
VALUES: dict[Any, Any] = {
    str: "ä\u2028\n",
    int: 7,
    float: 1 / 3,
    bool: True,
    bytes: b"\1\0\2\0",
    Item: Item(role="user", text="Hello.", is_replayed=True),
    TurnDetection | None: ServerVad(threshold=0.25),
    Mapping[str, Any]: {"type": "Item", "nested": [{"a": None}]},
    Mapping[str, str]: {"type": "Item"},
    AudioFormat: AudioFormat(encoding="pcmu", transport="binary"),
    Transcription: Transcription(language_hint="de", keyterms=("Fourier",)),
}


def full(kind: Any) -> Any:
    """An event with something in each field."""
    return kind(**{name: something(hint) for name, hint in get_type_hints(kind).items()})


def something(hint: Any) -> Any:
    if hint in VALUES:
        return VALUES[hint]
    match get_origin(hint), get_args(hint):
        case origin, (first, *_) if origin is Literal:
            return first
        case origin, _ if origin is tuple:
            return ()
        case _, parts:
            (part,) = set(parts) - {NoneType}
            return something(part)


def bare(kind: type) -> Any:
    """An event with as little in it as there can be."""
    values = {}
    for field in fields(kind):
        if NODEFAULT is field.default is field.default_factory:
            values[field.name] = getattr(full(kind), field.name)
    return kind(**values)


def through_json(event: Any) -> Any:
    text = json.dumps(event_to_json(event), ensure_ascii=False)
    return event_from(json.loads(text), getattr(event, "pcm", b""))


@pytest.mark.parametrize("kind", [*EVENTS_BUT_THE_KEYS, AppendAudio, AudioDelta])
def test_every_event_comes_back_as_it_was(kind: type) -> None:
    for event in (full(kind), bare(kind)):
        assert through_json(event) == event


@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
def test_msgspec_writes_an_event_as_it_is_written_here(kind: type) -> None:
    for event in (full(kind), bare(kind)):
        assert json.loads(encoded_event(event)) == event_to_json(event)


@pytest.mark.parametrize("text", ["half \ud800", np.str_("a")])
def test_unusual_texts_are_written(text: str) -> None:
    event = TranscriptDelta(delta=text)
    assert json.loads(encoded_event(event)) == {"event": "TranscriptDelta", "delta": text}


@pytest.mark.parametrize("kind", EVENTS.values(), ids=EVENTS)
def test_no_field_of_an_event_has_the_name_of_another_key_in_a_line(kind: type) -> None:
    names = {field.name for field in fields(kind)}
    taken = {"at_s", "time", "event", "sound", "begins_turn", "clock_s", "began"}
    assert names.isdisjoint(taken)


def test_audio_and_secrets_are_not_written() -> None:
    assert event_to_json(Authenticate("secret")) == {"event": "Authenticate"}
    for kind in (AppendAudio, AudioDelta):
        assert event_to_json(kind(pcm=b"\1\0")) == {"event": kind.__name__}


def test_empty_defaults_are_left_out() -> None:
    assert event_to_json(ErrorReported(message="no")) == {"event": "ErrorReported", "message": "no"}
    assert event_to_json(PlaybackReported(item_id="", sample_count=0)) == {
        "event": "PlaybackReported",
        "item_id": "",
        "sample_count": 0,
    }


def test_numbers_of_numpy_are_written_as_numbers() -> None:
    detection = ServerVad(threshold=np.float32(0.5), silence_duration_ms=np.int64(9))  # type: ignore[arg-type]
    event = UpdateSession(turn_detection=detection)
    assert through_json(event) == UpdateSession(
        turn_detection=ServerVad(threshold=0.5, silence_duration_ms=9)
    )
    assert through_json(UpdateSession(turn_detection=PushToTalk())).turn_detection == PushToTalk()


def test_secrets_are_redacted_at_any_depth() -> None:
    def hide(text: str) -> str:
        return text.replace("secret", "…")

    for event in (
        CreateItem(Item(text="the secret is")),
        ResponseDone(usage={"a": [{"b": "secret"}]}),
        Unrecognized({"key": "secret"}),
    ):
        assert "secret" not in json.dumps(event_to_json(event, hide))


def test_of_a_function_only_the_name_is_written() -> None:
    assert plain({"tools": [hash]}) == {"tools": [{"function": "hash"}]}
    assert not is_complete(plain({"tools": [hash]}))
    assert is_complete(plain({"tools": [{"function": "hash", "more": 1}], "n": None}))


def test_an_unknown_event_is_none_and_an_unknown_field_is_ignored() -> None:
    assert event_from({"event": "Telepathy"}) is None
    assert event_from({"event": "AudioCleared", "mood": 1}) == events.AudioCleared()


@pytest.mark.parametrize(
    "message",
    [
        {"event": "Pinged", "timestamp_ms": "7"},
        {"event": "Pinged", "timestamp_ms": 7.5},
        {"event": "TruncateItem", "item_id": "i"},
        {"event": "CreateItem", "item": {"type": "Telepathy"}},
    ],
)
def test_a_value_of_another_type_is_an_error(message: Any) -> None:
    with pytest.raises(ValidationError):
        event_from(message)
