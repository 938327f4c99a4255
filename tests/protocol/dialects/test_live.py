"""The messages of the seed's dialect are exactly those of the seed's page."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec import json

from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    Authenticate,
    CancelResponse,
    ClearAudio,
    CommitAudio,
    CreateItem,
    CreateResponse,
    ErrorReported,
    Item,
    PushToTalk,
    ServerVad,
    SpeechStarted,
    SpeechStopped,
    ToolOffer,
    TranscriptDelta,
    TruncateItem,
    UpdateSession,
)
from grok_live_widget.exceptions import UnsupportedByServer
from grok_live_widget.protocol.dialects import LIVE

INSTRUCTIONS = "You are a helpful assistant. Keep responses brief and conversational."

# The page's examples, word for word.
SEED_CLIENT: list[tuple[Any, bytes]] = [
    (Authenticate("xai-key"), b'{"type":"auth","api_key":"xai-key"}'),
    (
        UpdateSession(
            model="grok-3-live",
            voice="nova",
            instructions=INSTRUCTIONS,
            turn_detection=ServerVad(threshold=0.5, silence_duration_ms=500),
        ),
        b'{"type":"session.update","session":{"model":"grok-3-live","voice":"nova",'
        b'"instructions":"' + INSTRUCTIONS.encode() + b'",'
        b'"turn_detection":{"type":"server_vad","threshold":0.5,"silence_duration_ms":500}}}',
    ),
    (AppendAudio(b"\0\1\2\3"), b'{"type":"input_audio_buffer.append","audio":"AAECAw=="}'),
    (CommitAudio(), b'{"type":"input_audio_buffer.commit"}'),
]
SEED_SERVER: list[tuple[bytes, Any]] = [
    (b'{"type":"response.audio.delta","delta":"AAECAw=="}', AudioDelta(pcm=b"\0\1\2\3")),
    (
        b'{"type":"response.audio_transcript.delta","delta":"Hello"}',
        TranscriptDelta(delta="Hello"),
    ),
    (b'{"type":"input_audio_buffer.speech_started"}', SpeechStarted()),
    (b'{"type":"input_audio_buffer.speech_stopped"}', SpeechStopped()),
    (b'{"type":"error","error":"bad"}', ErrorReported(message="bad")),
    (
        b'{"type":"error","error":{"type":"t","code":"c","message":"bad"}}',
        ErrorReported(message="bad", error_type="t", code="c"),
    ),
    (b'{"type":"error","message":"bad","code":"c"}', ErrorReported(message="bad", code="c")),
    (b'{"type":"error"}', ErrorReported()),
    (b'{"type":"error","error":null,"message":"bad"}', ErrorReported(message="bad")),
]


@pytest.mark.parametrize(("event", "frame"), SEED_CLIENT)
def test_client_messages_are_those_of_the_page(event: Any, frame: bytes) -> None:
    assert LIVE.encode(event) == frame
    assert LIVE.decode_client(frame) == event


@pytest.mark.parametrize(("frame", "event"), SEED_SERVER)
def test_server_messages_of_the_page_are_read(frame: bytes, event: Any) -> None:
    assert LIVE.decode_server(frame) == event


@pytest.mark.parametrize(("frame", "event"), SEED_SERVER[:4])
def test_server_messages_are_encoded_as_on_the_page(frame: bytes, event: Any) -> None:
    assert LIVE.encode(event) == frame


def test_the_key_is_in_the_first_message_and_the_session_ready_at_once() -> None:
    wanted = UpdateSession(model="grok-3-live", voice="alloy")
    opening = LIVE.opening("wss://api.x.ai/v1/live", "xai-key", wanted, "")
    assert (opening.url, opening.headers) == ("wss://api.x.ai/v1/live", {})
    assert opening.first == (Authenticate("xai-key"), wanted)
    assert opening.ready is None
    assert (LIVE.default_model, LIVE.default_voice) == ("grok-3-live", "alloy")


def session_of(event: UpdateSession) -> dict[str, Any]:
    return json.decode(LIVE.encode(event))["session"]


def test_push_to_talk_is_a_null_turn_detection() -> None:
    assert session_of(UpdateSession(turn_detection=PushToTalk())) == {"turn_detection": None}
    assert session_of(UpdateSession()) == {}


def test_numbers_of_numpy_are_encoded() -> None:
    detection = ServerVad(threshold=np.float64(0.25), silence_duration_ms=np.int64(300))
    assert session_of(UpdateSession(turn_detection=detection))["turn_detection"] == {
        "type": "server_vad", "threshold": 0.25, "silence_duration_ms": 300,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("event", "wire_type"),
    [
        (CreateItem(Item(role="user", part="input_text", text="Hi")), "conversation.item.create"),
        (CreateResponse(), "response.create"),
        (ClearAudio(), "input_audio_buffer.clear"),
    ],
)
def test_exactly_three_messages_are_sent_by_analogy(event: Any, wire_type: str) -> None:
    assert json.decode(LIVE.encode(event))["type"] == wire_type


@pytest.mark.parametrize("event", [CancelResponse("r"), TruncateItem(item_id="i", audio_end_ms=1)])
def test_other_events_are_refused_locally(event: Any) -> None:
    with pytest.raises(UnsupportedByServer, match="live"):
        LIVE.encode(event)


@pytest.mark.parametrize(
    ("error", "is_it"),
    [
        (ErrorReported(message="Incorrect API key provided"), True),
        (ErrorReported(code="invalid_api_key"), True),
        (ErrorReported(error_type="authentication_error"), True),
        (ErrorReported(message="Unauthorized"), True),
        (ErrorReported(message="unknown voice"), False),
        (ErrorReported(), False),
    ],
)
def test_an_error_about_the_key_is_recognized(error: ErrorReported, is_it: bool) -> None:
    assert LIVE.is_auth_error(error) is is_it


def test_tools_are_refused_and_never_dropped_silently() -> None:
    with pytest.raises(UnsupportedByServer, match=r"'tools'.*realtime"):
        LIVE.encode(UpdateSession(tools=(ToolOffer(name="weather"),)))


def test_all_unsupported_settings_are_named_at_once() -> None:
    with pytest.raises(UnsupportedByServer, match="'replace, speed, tools'"):
        LIVE.encode(UpdateSession(tools=(ToolOffer(name="a"),), speed=1.2, replace={"a": "b"}))


def test_metadata_is_refused_and_never_dropped_silently() -> None:
    with pytest.raises(UnsupportedByServer, match=r"'metadata'.*realtime"):
        LIVE.encode(CreateResponse(metadata={"a": "b"}))
    assert LIVE.supports(CreateResponse(instructions="Be brief."))
