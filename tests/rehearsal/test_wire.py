"""Frames as full as recorded ones, or as bare as the seed's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from grok_live_widget.dialects import LIVE, REALTIME
from grok_live_widget.events import (
    AudioDelta,
    ErrorReported,
    Pinged,
    ResponseCreated,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    TranscriptDelta,
)
from grok_live_widget.rehearsal.wire import frame_from


def spelled(event: Any, dialect: Any) -> Any:
    frame = frame_from(event, dialect)
    return None if frame is None else json.loads(frame)


@pytest.mark.parametrize(
    "event",
    [
        SpeechStarted(item_id="i", audio_start_ms=3),
        ResponseCreated("r"),
        Pinged(7),
    ],
)
def test_realtime_frames_read_back_as_what_was_said(event: Any) -> None:
    frame = frame_from(event, REALTIME)
    assert frame is not None
    assert REALTIME.decode_server(frame) == event
    message = json.loads(frame)
    assert message["event_id"]
    assert message["previous_item_id"] is None


def test_sound_reads_back_with_its_length_in_milliseconds() -> None:
    sound = AudioDelta(response_id="r", item_id="i", pcm=bytes(7_200))
    frame = frame_from(sound, REALTIME)
    assert frame is not None
    found = REALTIME.decode_server(frame)
    assert isinstance(found, AudioDelta)
    assert (found.pcm, found.response_id, found.item_id) == (sound.pcm, "r", "i")
    assert found.duration_ms == 150
    message = spelled(AudioDelta(pcm=bytes(7_200)), REALTIME)
    assert message["audio_duration_ms"] == 150


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        (SpeechStarted(item_id="i", audio_start_ms=3), {}),
        (SpeechStopped(item_id="i", audio_end_ms=3), {}),
        (AudioDelta(response_id="r", item_id="i", pcm=b"\0\0"), {"delta": "AAA="}),
        (TranscriptDelta(response_id="r", delta="hi", start_time_s=0.5), {"delta": "hi"}),
        (TextDelta(response_id="r", item_id="i", delta="hi"), {"delta": "hi"}),
        (ErrorReported(message="no"), {"error": {"message": "no"}}),
    ],
)
def test_live_frames_have_the_fields_of_the_seed_and_no_others(
    event: Any, fields: dict[str, Any]
) -> None:
    message = spelled(event, LIVE)
    assert {**message, "type": ""} == {**fields, "type": ""}


@pytest.mark.parametrize("event", [Pinged(7), ResponseCreated("r")])
def test_live_does_not_say_what_the_seed_does_not(event: Any) -> None:
    assert frame_from(event, LIVE) is None
