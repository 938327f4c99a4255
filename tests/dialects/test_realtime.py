"""The service's dialect as it is documented, and as it was recorded where the two differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from grok_live_widget.dialects import LIVE, REALTIME
from grok_live_widget.dialects.realtime import NEAREST_VOICE
from grok_live_widget.events import (
    AudioDelta,
    AudioDone,
    CancelResponse,
    CreateItem,
    CreateResponse,
    Item,
    ItemAdded,
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
    TranscriptDelta,
    TranscriptDone,
    TruncateItem,
    Unrecognized,
    UpdateSession,
    UserTranscriptReplaced,
)

WANTED = UpdateSession(model="grok-voice-latest", voice="eve", turn_detection=ServerVad())
URL = "wss://api.x.ai/v1/realtime"


def opening(url: str = URL, key: str = "xai-key", wanted: UpdateSession = WANTED) -> Any:
    return REALTIME.opening(url, key, wanted)


def read(**message: Any) -> Any:
    return REALTIME.decode_server(orjson.dumps(message))


def said(event: Any) -> Any:
    return orjson.loads(REALTIME.encode(event))


# --------------------------------------------------------------------------- opening
def test_the_key_goes_into_a_header_and_nowhere_else() -> None:
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
def test_the_model_goes_into_the_url_where_alone_it_counts(url: str, whole: str) -> None:
    assert opening(url).url == whole
    assert opening(url, wanted=UpdateSession(voice="eve")).url == url


@pytest.mark.parametrize("detection", [ServerVad(), PushToTalk()])
def test_voice_and_turn_detection_are_always_said_and_awaited(detection: Any) -> None:
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


def test_settings_stand_where_the_service_looks_for_them() -> None:
    detection = ServerVad(
        threshold=np.float32(0.5), silence_duration_ms=np.int64(400), prefix_padding_ms=np.int16(0)
    )
    pcm = {"format": {"type": "audio/pcm", "rate": 24_000}}
    assert said(UpdateSession(voice="eve", turn_detection=detection)) == {
        "type": "session.update",
        "session": {
            "voice": "eve",
            "turn_detection": {
                "type": "server_vad",
                "threshold": 0.5,
                "silence_duration_ms": 400,
                "prefix_padding_ms": 0,
                "create_response": True,
                "interrupt_response": True,
            },
            "audio": {
                "input": {**pcm, "transcription": {"model": "grok-transcribe"}},
                "output": pcm,
            },
        },
    }


def test_push_to_talk_is_a_turn_detection_of_no_type() -> None:
    session = said(UpdateSession(turn_detection=PushToTalk()))["session"]
    assert session["turn_detection"] == {"type": None}


@pytest.mark.parametrize("echo", [{}, {"type": None}, None, "none"])
def test_every_echo_of_push_to_talk_is_read_as_that(echo: Any) -> None:
    frame = orjson.dumps({"type": "session.update", "session": {"turn_detection": echo}})
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
def test_words_are_spelled_as_the_schema_spells_them(event: Any, message: Any) -> None:
    assert said(event) == message


# --------------------------------------------------------------------------- what is heard
def test_the_created_session_tells_model_and_voice_without_its_prefix() -> None:
    session = {"id": "s", "model": "m", "voice": "xai_ara", "turn_detection": {"type": None}}
    assert read(type="session.created", session=session) == SessionCreated(
        session_id="s", model="m", voice="ara"
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
def test_old_names_are_heard_and_new_ones_said(old: str, new: str, fields: Any, event: Any) -> None:
    for name in (old, new):
        assert read(type=name, response_id="r", item_id="i", **fields) == event
    assert said(event)["type"] == new


def test_an_item_that_was_created_was_added() -> None:
    item = {"id": "i", "type": "message", "role": "user", "replayed": True}
    for name in ("conversation.item.added", "conversation.item.created"):
        found = read(type=name, item=item, previous_item_id=None)
        assert found == ItemAdded(Item(role="user", item_id="i", is_replayed=True))


def test_text_tells_which_of_its_two_names_it_came_under() -> None:
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


def test_usage_stands_at_the_top_and_the_empty_one_inside_does_not_count() -> None:
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
        ({"type": "response.mcp_call.completed"},
         Unrecognized({"type": "response.mcp_call.completed"})),
    ],
)  # fmt: skip
def test_what_the_service_leaves_out_or_fills_oddly_is_read_all_the_same(
    message: Any, event: Any
) -> None:
    assert read(**message) == event
