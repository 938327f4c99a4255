"""What is a message of a page, and what the kernel's messages look like as JSON."""

from __future__ import annotations

import json
from typing import Any, get_args

import msgspec
import pytest

from grok_live_widget.widget import messages
from grok_live_widget.widget.messages import AnyPageMessage, Microphone, decode, encode

CHUNK = {
    "type": "microphone",
    "page": "a",
    "session": 1,
    "seq": 2,
    "sample_index": 4_800,
    "captured_at_ms": 1.7e12,
    "dropped_sample_count": 0,
}
PLAYHEAD = {
    "type": "playhead",
    "page": "a",
    "session": 1,
    "epoch": 0,
    "reply": -1,
    "sample_count": 0,
    "is_final": True,
    "first_sound_at_ms": None,
    "clock_ms": 1_700_000_000_000,
}
# One of each type, with fields that the kernel does not read.
FROM_PAGE: list[dict[str, Any]] = [
    {"type": "hello", "page": "a", "version": "1", "microphone": "ok", "device_rate_hz": None},
    {"type": "bye", "page": "a"},
    {"type": "take_over", "page": "a"},
    {"type": "pong", "page": "a", "id": 3, "clock_ms": 1.5},
    {"type": "alive", "page": "a", "clock_ms": 1.5},
    {"type": "start", "page": "a", "with_microphone": True},
    {"type": "stop", "page": "a"},
    {"type": "text", "page": "a", "text": "hello"},
    {"type": "loudspeaker_state", "page": "a", "state": "waiting", "text": "Press Resume."},
    {"type": "interrupt", "page": "a", "epoch": 2},
    {"type": "play", "page": "a"},
    {"type": "skip", "page": "a"},
    {"type": "replay", "page": "a", "turn_id": "t1"},
    {"type": "replay_from", "page": "a", "at_s": 12.5},
    {"type": "stop_replay", "page": "a", "epoch": 3},
    {"type": "save", "page": "a", "turn_id": "t1"},
    {"type": "commit", "page": "a"},
    {"type": "tool_answer", "page": "a", "call_id": "c1", "is_allowed": False},
    {"type": "change_settings", "page": "a", "settings": {"speed": 1.2}},
    {"type": "discard", "page": "a"},
    {
        "type": "sound_file",
        "page": "a",
        "id": 1,
        "name": "question.wav",
        "piece": 0,
        "piece_count": 2,
    },
    {"type": "drawer", "page": "a", "name": "inspector", "content": {"type": "frames"}},
    {"type": "bundle_wanted", "page": "a", "name": "settings"},
    CHUNK,
    {"type": "microphone_state", "page": "a", "state": "failed", "reason": "denied"},
    PLAYHEAD | {"underrun_count": 0},
    PLAYHEAD | {"type": "flushed"},
    {"type": "received", "page": "a", "session": 1, "seq": 0, "clock_ms": 1.5},
]
STATE: dict[str, Any] = {
    "owner": "a",
    "session": 1,
    "epoch": 0,
    "phase": "open",
    "is_reopening": False,
    "is_rehearsal": True,
    "server_name": "Rehearsal",
    "banner": "",
    "dialect": "live",
    "voice": "",
    "voice_help": "",
    "partner": "",
    "turn_detection": "server_vad",
    "settings": {
        "voice": "nova",
        "voices": ["nova"],
        "instructions": "",
        "speed": None,
        "threshold": 0.5,
        "silence_duration_ms": 500,
    },
    "processing": True,
    "sample_rate": 24_000,
    "busy_cell": False,
    "late_sample_count": 0,
    "replay": None,
    "replayed_turn": "",
    "replay_start_s": 0.0,
    "used_minutes": 0.1,
    "cost_dollars": None,
}
NOTE = {"text": "Hello", "level": "info", "topic": ""}


@pytest.mark.parametrize("content", FROM_PAGE, ids=lambda content: content["type"])
def test_a_pages_message_is_decoded_by_its_type(content: dict[str, Any]) -> None:
    message = decode(json.loads(json.dumps(content)))
    assert message is not None
    assert encode(message).items() >= {"type": content["type"], "page": "a"}.items()
    read = set(type(message).__struct_fields__) & set(content)
    assert all(getattr(message, name) == content[name] for name in read)


def test_every_type_of_a_page_is_decoded() -> None:
    decoded = {type(decode(content)) for content in FROM_PAGE}
    assert decoded == set(get_args(AnyPageMessage))


@pytest.mark.parametrize(
    "content", [None, 3, "hello", [], {}, {"page": "a"}, {"type": "hello"}, {"type": []}]
)
def test_what_is_no_message_is_not_decoded(content: Any) -> None:
    assert decode(content) is None
    assert decode({"type": "unknown", "page": "a"}) is None


@pytest.mark.parametrize("name", [name for name in CHUNK if name != "type"])
@pytest.mark.parametrize(
    "value", [None, "0", True, 1.5, float("nan"), float("inf"), 2**53 + 2, 10**400, []]
)
def test_a_field_of_a_wrong_type_makes_a_message_unknown(name: str, value: Any) -> None:
    is_right = (name == "captured_at_ms" and value == 1.5) or (name == "page" and value == "0")
    message = decode(CHUNK | {name: value})
    assert isinstance(message, Microphone) if is_right else message is None


@pytest.mark.parametrize("name", ["clock_ms", "first_sound_at_ms", "is_final"])
def test_optional_fields_may_be_missing_but_not_wrong(name: str) -> None:
    missing = {key: value for key, value in PLAYHEAD.items() if key != name}
    assert decode(missing) is not None
    assert decode(PLAYHEAD | {name: "soon"}) is None


@pytest.mark.parametrize(
    ("message", "content"),
    [
        (messages.State(**STATE), {"type": "state", **STATE}),
        (
            messages.Snapshot(
                page="a",
                **STATE,
                notes=[messages.Note(**NOTE)],
                turns=[],
                tools=[],
                told_count=7,
            ),
            {"type": "snapshot", "page": "a", **STATE, "notes": [NOTE], "turns": [], "tools": []}
            | {"told_count": 7},
        ),
        (messages.OwnerChanged(owner=""), {"type": "owner", "owner": ""}),
        (messages.NoteAdded(note=messages.Note(**NOTE)), {"type": "note", "note": NOTE}),
        (
            messages.Audio(session=1, epoch=2, seq=3, reply=4, sample_offset=5, is_last=True),
            {
                "type": "audio",
                "session": 1,
                "epoch": 2,
                "seq": 3,
                "reply": 4,
                "sample_offset": 5,
                "is_last": True,
            },
        ),
        (
            messages.Flush(session=1, epoch=2, reply=3),
            {"type": "flush", "session": 1, "epoch": 2, "reply": 3},
        ),
        (
            messages.MicrophoneReceived(session=1, seq=2),
            {"type": "microphone_received", "session": 1, "seq": 2},
        ),
        (
            messages.Heartbeat(session=1, ends_in_s=None, told_count=2),
            {"type": "heartbeat", "session": 1, "ends_in_s": None, "told_count": 2},
        ),
        (
            messages.Sound(page="a", turn_id="t1", name="turn_1_user.wav", piece=0, piece_count=1),
            {"type": "sound", "page": "a", "turn_id": "t1", "name": "turn_1_user.wav"}
            | {"piece": 0, "piece_count": 1},
        ),
        (messages.Ping(id=1), {"type": "ping", "id": 1}),
        (
            messages.MicrophoneWanted(wanted=True),
            {"type": "microphone_wanted", "wanted": True},
        ),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else "",
)
def test_the_kernels_messages_have_these_fields(
    message: messages.KernelMessage, content: dict[str, Any]
) -> None:
    assert encode(message) == content


@pytest.mark.parametrize(
    ("kind", "tag", "field", "state"),
    [
        (messages.TurnChanged, "turn", "turn", messages.TurnState),
        (messages.CallChanged, "tool", "call", messages.CallState),
    ],
)
def test_turns_and_calls_are_sent_with_all_their_fields(
    kind: Any, tag: str, field: str, state: Any
) -> None:
    values = dict.fromkeys(state.__struct_fields__)
    assert encode(kind(**{field: state(**values)})) == {"type": tag, field: values}


def test_the_times_of_words_are_left_out_where_there_are_none() -> None:
    values = dict.fromkeys(messages.TurnState.__struct_fields__) | {"word_times": msgspec.UNSET}
    turn = encode(messages.TurnChanged(turn=messages.TurnState(**values)))["turn"]
    assert set(values) - set(turn) == {"word_times"}
