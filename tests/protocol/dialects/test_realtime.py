"""The service's dialect as it is documented, and as it was recorded where the two differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec import json

from grok_live_widget.events import (
    AudioDelta,
    AudioDone,
    AudioFormat,
    CancelResponse,
    CreateItem,
    CreateResponse,
    DtmfReceived,
    Item,
    ItemAdded,
    ItemDeleted,
    McpArgumentsDone,
    McpCallFollowed,
    McpToolsListed,
    OutputBufferFollowed,
    OutputItemAdded,
    PushToTalk,
    ResponseCreated,
    ResponseDone,
    ServerVad,
    SessionCreated,
    SessionUpdated,
    TextDelta,
    TextDone,
    ToolCalled,
    ToolOffer,
    TranscriptDelta,
    TranscriptDone,
    Transcription,
    TruncateItem,
    UpdateSession,
    UserTranscriptReplaced,
)
from grok_live_widget.protocol.dialects import LIVE, REALTIME
from grok_live_widget.protocol.dialects.realtime import NEAREST_VOICE

WANTED = UpdateSession(model="grok-voice-latest", voice="eve", turn_detection=ServerVad())
URL = "wss://api.x.ai/v1/realtime"


def opening(
    url: str = URL,
    key: str = "xai-key",
    wanted: UpdateSession = WANTED,
    conversation_id: str = "",
) -> Any:
    return REALTIME.opening(url, key, wanted, conversation_id)


def read(**message: Any) -> Any:
    return REALTIME.decode_server(json.encode(message))


def said(event: Any) -> Any:
    return json.decode(REALTIME.encode(event))


# --------------------------------------------------------------------------- opening
def test_the_key_is_in_a_header_only() -> None:
    found = opening()
    assert found.headers == {"Authorization": "Bearer xai-key"}
    assert "xai-key" not in found.url
    assert not any(b"xai-key" in REALTIME.encode(event) for event in found.first)
    assert opening(key="").headers == {}


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        (URL, f"{URL}?model=grok-voice-latest"),
        (f"{URL}?model=old", f"{URL}?model=grok-voice-latest"),
        (f"{URL}?a=b&flag=&c=d%26e", f"{URL}?a=b&flag=&c=d%26e&model=grok-voice-latest"),
        ("ws://127.0.0.1:80/x#y", "ws://127.0.0.1:80/x?model=grok-voice-latest#y"),
    ],
)
def test_the_model_is_in_the_url(url: str, whole: str) -> None:
    assert opening(url).url == whole
    assert opening(url, wanted=UpdateSession(voice="eve")).url == url


@pytest.mark.parametrize("detection", [ServerVad(), PushToTalk()])
def test_voice_and_turn_detection_are_always_sent_and_confirmed(detection: Any) -> None:
    wanted = UpdateSession(
        model="m", voice="eve", instructions="Be kind.", turn_detection=detection
    )
    found = opening(wanted=wanted)
    (update,) = found.first
    assert found.ready is SessionUpdated
    session = said(update)["session"]
    assert (session["voice"], session["instructions"]) == ("eve", "Be kind.")
    assert "turn_detection" in session
    assert "model" not in session


def test_settings_are_nested_as_the_service_expects() -> None:
    detection = ServerVad(
        threshold=np.float32(0.5),
        silence_duration_ms=np.int64(400),
        prefix_padding_ms=np.int16(0),
        idle_timeout_ms=6000,
        interrupt_response=False,
    )
    wanted = UpdateSession(
        voice="eve",
        turn_detection=detection,
        input_format=AudioFormat(encoding="pcmu"),
        output_format=AudioFormat(sample_rate=48_000, transport="binary"),
        transcription=Transcription(language_hint="es-MX", keyterms=("Fourier",)),
        speed=np.float32(1.25),
        replace={"nm": "nanometers"},
        reasoning="none",
        resumption=True,
    )
    assert said(wanted) == {
        "type": "session.update",
        "session": {
            "voice": "eve",
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "silence_duration_ms": 400,
                "prefix_padding_ms": 0,
                "idle_timeout_ms": 6000,
                "create_response": True,
                "interrupt_response": False,
            },
            "replace": {"nm": "nanometers"},
            "reasoning": {"effort": "none"},
            "resumption": {"enabled": True},
            "audio": {
                "input": {
                    "format": {"type": "audio/pcmu"},
                    "transport": "json",
                    "transcription": {
                        "model": "grok-transcribe",
                        "language_hint": "es-MX",
                        "keyterms": ["Fourier"],
                    },
                },
                "output": {
                    "format": {"type": "audio/pcm", "rate": 48_000},
                    "transport": "binary",
                    "speed": 1.25,
                },
            },
        },
    }
    assert said(UpdateSession(voice="eve"))["session"] == {"voice": "eve"}


def test_formats_are_always_sent() -> None:
    (update,) = opening().first
    pcm = {"format": {"type": "audio/pcm", "rate": 24_000}, "transport": "json"}
    assert said(update)["session"]["audio"] == {"input": pcm, "output": pcm}


def test_null_removes_all_replacements() -> None:
    assert said(UpdateSession(replace={}))["session"] == {"replace": None}


def test_a_conversation_is_resumed_by_its_id_in_the_url() -> None:
    url = opening(conversation_id="c 1").url
    assert url == f"{URL}?model=grok-voice-latest&conversation_id=c+1"


def test_confirmed_settings_are_read_as_requested() -> None:
    echo = {
        "turn_detection": {"type": "server_vad", "threshold": 0.5, "create_response": True},
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "input_audio_transcription": None,
        "input_audio_format": "not specified",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 16000},
                "transport": "json",
                "transcription": {"model": "grok-transcribe"},
            },
            "output": {"format": {"type": "audio/pcma"}, "transport": "binary", "speed": 1.1},
        },
        "reasoning": {"effort": "none"},
        "resumption": {"enabled": True},
    }
    assert REALTIME.settings_from(echo) == UpdateSession(
        turn_detection=ServerVad(),
        tools=(ToolOffer(name="f"),),
        input_format=AudioFormat(sample_rate=16_000),
        output_format=AudioFormat(encoding="pcma", transport="binary"),
        transcription=Transcription(),
        speed=1.1,
        reasoning="none",
        resumption=True,
    )


def test_push_to_talk_is_a_turn_detection_with_type_null() -> None:
    session = said(UpdateSession(turn_detection=PushToTalk()))["session"]
    assert session["turn_detection"] == {"type": None}


@pytest.mark.parametrize("echo", [{}, {"type": None}, None, "none"])
def test_every_confirmed_form_of_push_to_talk_is_read(echo: Any) -> None:
    frame = json.encode({"type": "session.update", "session": {"turn_detection": echo}})
    assert REALTIME.decode_client(frame) == UpdateSession(turn_detection=PushToTalk())


def test_each_of_the_seeds_voices_has_a_nearest_one_of_its_own() -> None:
    assert sorted(NEAREST_VOICE) == ["alloy", "echo", "fable", "nova", "onyx", "shimmer"]
    assert len(set(NEAREST_VOICE.values())) == 6
    assert not set(NEAREST_VOICE) & set(NEAREST_VOICE.values())
    assert NEAREST_VOICE["nova"] == REALTIME.default_voice
    assert LIVE.default_voice in NEAREST_VOICE


# --------------------------------------------------------------------------- what is said
@pytest.mark.parametrize(
    ("event", "message"),
    [
        (
            CreateItem(Item(role="user", part="input_text", text="Hi")),
            {
                "type": "conversation.item.create",
                "item": {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "Hi"}],
                },
            },
        ),
        (
            CreateItem(Item(kind="function_call_output", call_id="c1", text="[1]")),
            {
                "type": "conversation.item.create",
                "item": {"type": "function_call_output", "call_id": "c1", "output": "[1]"},
            },
        ),
        (CreateResponse(), {"type": "response.create"}),
        (
            CreateResponse(instructions="Sing.", metadata={"a": "b"}),
            {
                "type": "response.create",
                "response": {"instructions": "Sing.", "metadata": {"a": "b"}},
            },
        ),
        (CancelResponse("r1"), {"type": "response.cancel", "response_id": "r1"}),
        (CancelResponse(), {"type": "response.cancel"}),
        (
            TruncateItem(item_id="i1", audio_end_ms=120),
            {
                "type": "conversation.item.truncate",
                "item_id": "i1",
                "content_index": 0,
                "audio_end_ms": 120,
            },
        ),
    ],
)  # fmt: skip
def test_messages_are_those_of_the_schema(event: Any, message: Any) -> None:
    assert said(event) == message


# --------------------------------------------------------------------------- what is heard
def test_the_created_session_has_model_and_voice_without_its_prefix() -> None:
    session = {"id": "s", "model": "m", "voice": "xai_ara", "turn_detection": {"type": None}}
    assert read(type="session.created", session=session) == SessionCreated(
        session_id="s", model="m", voice="ara", session=session
    )


@pytest.mark.parametrize(
    ("old", "new", "fields", "event"),
    [
        ("response.audio.delta", "response.output_audio.delta", {"delta": "AAE="},
         AudioDelta(response_id="r", item_id="i", pcm=b"\0\1")),
        ("response.audio.done", "response.output_audio.done", {},
         AudioDone(response_id="r", item_id="i")),
        ("response.audio_transcript.delta", "response.output_audio_transcript.delta",
         {"delta": "a", "start_time": 0.5},
         TranscriptDelta(response_id="r", item_id="i", delta="a", start_time_s=0.5)),
        ("response.audio_transcript.done", "response.output_audio_transcript.done",
         {"transcript": "a"}, TranscriptDone(response_id="r", item_id="i", transcript="a")),
    ],
)  # fmt: skip
def test_old_wire_types_are_read_and_new_ones_sent(
    old: str, new: str, fields: Any, event: Any
) -> None:
    for name in (old, new):
        assert read(type=name, response_id="r", item_id="i", **fields) == event
    assert said(event)["type"] == new


def test_a_created_item_reads_as_added() -> None:
    item = {"id": "i", "type": "message", "role": "user", "replayed": True}
    for name in ("conversation.item.added", "conversation.item.created"):
        found = read(type=name, item=item, previous_item_id=None)
        assert found == ItemAdded(Item(role="user", item_id="i", is_replayed=True))


def test_text_has_the_wire_type_that_it_came_under() -> None:
    names = {"response_id": "r", "item_id": "i"}
    for is_old, name in ((False, "response.output_text"), (True, "response.text")):
        delta = TextDelta(**names, delta="a", is_legacy_name=is_old)
        done = TextDone(**names, text="a", is_legacy_name=is_old)
        assert read(type=f"{name}.delta", **names, delta="a") == delta
        assert read(type=f"{name}.done", **names, text="a") == done
        assert said(delta)["type"] == f"{name}.delta"


@pytest.mark.parametrize(
    ("name", "status", "is_final"),
    [
        ("updated", {}, False),
        ("completed", {"status": "in_progress"}, False),
        ("completed", {"status": "completed"}, True),
        ("completed", {}, True),
    ],
)
def test_a_transcript_is_final_once(name: str, status: Any, is_final: bool) -> None:
    wire_type = f"conversation.item.input_audio_transcription.{name}"
    found = read(type=wire_type, item_id="u", content_index=0, transcript="Hello?", **status)
    assert found == UserTranscriptReplaced(item_id="u", transcript="Hello?", is_final=is_final)


def test_usage_is_read_from_the_top_level() -> None:
    response = {"id": "r", "status": "completed", "status_details": "unimplemented", "usage": {}}
    usage = {"billable_audio_seconds": 5}
    found = read(type="response.done", response=response, response_id="r", usage=usage)
    assert found == ResponseDone(response_id="r", usage=usage)


@pytest.mark.parametrize(
    ("message", "event"),
    [
        ({"type": "response.cancelled", "response": {"id": "r", "status": "in_progress"}},
         ResponseDone(response_id="r", status="cancelled")),
        ({"type": "response.cancelled", "response_id": "r"},
         ResponseDone(response_id="r", status="cancelled")),
        ({"type": "response.done", "response_id": "r"}, ResponseDone(response_id="r")),
        ({"type": "response.created"}, ResponseCreated()),
        ({"type": "response.created", "response": {"id": "r", "metadata": {"a": "b"}}},
         ResponseCreated("r", {"a": "b"})),
        ({"type": "response.function_call_arguments.done", "call_id": "c", "name": "n",
          "arguments": "{}", "output_index": 0}, ToolCalled(call_id="c", name="n", arguments="{}")),
        ({"type": "response.output_item.added", "response_id": "r", "item": {"id": "i"}},
         OutputItemAdded("r", Item(kind="", item_id="i"))),
        ({"type": "response.output_item.added", "item": "?"}, OutputItemAdded("", Item(kind=""))),
        ({"type": "response.mcp_call.failed", "item_id": "i",
          "error": {"type": "tool_execution_error", "message": "no"}},
         McpCallFollowed(item_id="i", status="failed", error_type="tool_execution_error",
                         message="no")),
        ({"type": "mcp_list_tools.completed", "item_id": "i"},
         McpToolsListed(item_id="i", status="completed")),
        ({"type": "response.mcp_call_arguments.done", "arguments": "{}"},
         McpArgumentsDone(arguments="{}")),
        ({"type": "input_audio_buffer.dtmf_event_received", "event": "5", "received_at": 1700},
         DtmfReceived(digit="5", received_at=1700)),
        ({"type": "input_audio_buffer.dtmf_event_received", "digit": "5"},
         DtmfReceived(digit="5")),
        ({"type": "conversation.item.deleted", "item_id": ""}, ItemDeleted()),
        ({"type": "output_audio_buffer.cleared", "response_id": "r"},
         OutputBufferFollowed(response_id="r", status="cleared")),
        ({"type": "response.done", "response":
          {"id": "r", "status": "cancelled", "status_details": {"reason": "turn_detected"}}},
         ResponseDone(response_id="r", status="cancelled", reason="turn_detected")),
    ],
)  # fmt: skip
def test_missing_and_unusual_fields_are_read(message: Any, event: Any) -> None:
    assert read(**message) == event


# --------------------------------------------------------------------------- tools
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = ToolOffer(name="weather", description="Look it up.", parameters=SCHEMA)
FLAT = {
    "type": "function",
    "name": "weather",
    "description": "Look it up.",
    "parameters": SCHEMA,
}
NESTED = {
    "type": "function",
    "function": {"name": "weather", "description": "Look it up.", "parameters": SCHEMA},
}
SEARCH = ToolOffer(kind="web_search", parameters={"allowed_domains": ["x.ai"]})


def test_functions_are_sent_flat_and_service_tools_with_their_settings() -> None:
    session = said(UpdateSession(tools=(WEATHER, SEARCH)))["session"]
    assert session["tools"] == [FLAT, {"type": "web_search", "allowed_domains": ["x.ai"]}]
    assert "tools" not in said(UpdateSession())["session"]
    assert said(UpdateSession(tools=()))["session"]["tools"] == []


@pytest.mark.parametrize("spelled", [FLAT, NESTED])
def test_functions_are_read_flat_and_nested(
    spelled: Any,
) -> None:
    frame = json.encode({"type": "session.update", "session": {"tools": [spelled, 5]}})
    assert REALTIME.decode_client(frame) == UpdateSession(tools=(WEATHER,))


def test_tools_are_in_the_first_message() -> None:
    (update,) = opening(wanted=UpdateSession(model="m", tools=(WEATHER,))).first
    assert update.tools == (WEATHER,)


def test_the_end_of_a_response_lists_its_items() -> None:
    call = {
        "id": "i1", "object": "realtime.item", "type": "function_call", "status": "completed",
        "role": "user", "call_id": "c1", "name": "weather", "arguments": '{"city":"London"}',
    }  # fmt: skip
    response = {"id": "r1", "status": "completed", "output": [call, "odd"]}
    done = read(type="response.done", response=response)
    (item,) = done.output
    assert (item.kind, item.call_id, item.text) == ("function_call", "c1", '{"city":"London"}')
    assert read(type="response.done", response={"id": "r1", "output": "none"}).output == ()
