"""Frames as full as recorded ones, or as bare as the seed's."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from msgspec.structs import replace

from grok_live_widget.audio.g711 import codec_of
from grok_live_widget.events import (
    AudioDelta,
    AudioFormat,
    ErrorReported,
    Pinged,
    ResponseCreated,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    TranscriptDelta,
)
from grok_live_widget.protocol.dialects import LIVE, REALTIME
from grok_live_widget.rehearsal.frames import binary_frame_from, frame_from


def encoded(event: Any, dialect: Any) -> Any:
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
def test_realtime_frames_decode_to_the_events_encoded(event: Any) -> None:
    frame = frame_from(event, REALTIME)
    assert frame is not None
    assert REALTIME.decode_server(frame) == event
    message = json.loads(frame)
    assert message["event_id"]
    assert message["previous_item_id"] is None


def test_audio_reads_back_with_its_length_in_milliseconds() -> None:
    sound = AudioDelta(response_id="r", item_id="i", pcm=bytes(7_200))
    frame = frame_from(sound, REALTIME)
    assert frame is not None
    found = REALTIME.decode_server(frame)
    assert isinstance(found, AudioDelta)
    assert (found.pcm, found.response_id, found.item_id) == (sound.pcm, "r", "i")
    assert found.duration_ms == 150
    message = encoded(AudioDelta(pcm=bytes(7_200)), REALTIME)
    assert message["audio_duration_ms"] == 150


@pytest.mark.parametrize(
    ("audio_format", "byte_count", "duration_ms"),
    [
        (AudioFormat(sample_rate=48_000), 7_200, 75),
        (AudioFormat(sample_rate=11_025), 7_200, 326),
        (AudioFormat(encoding="pcmu"), 3_600, 450),
    ],
)
def test_audio_is_encoded_in_its_format(
    audio_format: AudioFormat, byte_count: int, duration_ms: int
) -> None:
    event = AudioDelta(response_id="r", item_id="i", pcm=bytes(7_200))
    frame = frame_from(event, REALTIME, audio_format)
    assert frame is not None
    message = json.loads(frame)
    assert len(base64.b64decode(message["delta"])) == byte_count
    assert message["audio_duration_ms"] == duration_ms
    assert REALTIME.decode_server(frame, codec_of(audio_format.encoding)) == replace(
        event, duration_ms=duration_ms, timestamp_ms=message["ts"]
    )
    assert binary_frame_from(event, audio_format) is None


def test_binary_audio_is_the_encoded_bytes_and_all_else_is_json() -> None:
    audio_format = AudioFormat(encoding="pcma", transport="binary")
    assert binary_frame_from(AudioDelta(pcm=bytes(4)), audio_format) == b"\xd5\xd5"
    assert binary_frame_from(TranscriptDelta(delta="hi"), audio_format) is None


def test_live_errors_have_no_more_than_the_seed_s() -> None:
    assert encoded(ErrorReported(message="no", about="mine"), LIVE)["error"] == {"message": "no"}


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
    message = encoded(event, LIVE)
    assert {**message, "type": ""} == {**fields, "type": ""}


@pytest.mark.parametrize("event", [Pinged(7), ResponseCreated("r")])
def test_live_does_not_say_what_the_seed_does_not(event: Any) -> None:
    assert frame_from(event, LIVE) is None
