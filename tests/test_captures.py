"""Sessions that were recorded with the real service are understood, frame by frame.

The recordings are not part of this project; the environment variable ``GLW_CAPTURES`` names
the folder that has them (``*.yaml``, each a list of ``interactions``).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from grok_live_widget.conversation.conversation import Conversation
from grok_live_widget.events import (
    Event,
    ResponseDone,
    ServerVad,
    SessionCreated,
    SessionEnded,
    SessionOpened,
    SessionUpdated,
    ToolCalled,
    Unrecognized,
)
from grok_live_widget.protocol.connection import Protocol, ResponseState
from grok_live_widget.protocol.dialects import REALTIME

FOLDER = os.environ.get("GLW_CAPTURES", "")
CAPTURES = sorted(Path(FOLDER).glob("*.yaml")) if FOLDER else []

pytestmark = pytest.mark.skipif(
    not CAPTURES, reason="GLW_CAPTURES names no folder with recordings of the service"
)
each_capture = pytest.mark.parametrize("path", CAPTURES, ids=[path.stem for path in CAPTURES])


def messages_of(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Direction and message of each frame, in order."""
    yaml = pytest.importorskip("yaml", reason="pyyaml reads the recordings")
    for each in yaml.safe_load(path.read_text("utf-8"))["interactions"]:
        if each["kind"] == "message":
            yield each["direction"], each["data"]


def with_whole_samples(message: dict[str, Any]) -> dict[str, Any]:
    """Those who recorded shortened the sound, mostly amid a sample."""
    names = {"response.output_audio.delta": "delta", "input_audio_buffer.append": "audio"}
    name = names.get(message["type"])
    if name is None:
        return message
    # Eight letters are six bytes, which are three samples.
    return {**message, name: message[name][: len(message[name]) // 8 * 8]}


class Replay:
    """What the rules and the fold make of a recording."""

    def __init__(self, path: Path) -> None:
        self.conversation = Conversation(ServerVad())
        self.protocol = Protocol(REALTIME)
        self.events: list[Event] = []
        for direction, message in messages_of(path):
            frame = msgspec.json.encode(with_whole_samples(message))
            if direction == "sent":
                self.protocol.send(REALTIME.decode_client(frame))  # type: ignore[arg-type]
            else:
                self._hear(frame)
            self._settle()

    def _hear(self, frame: bytes) -> None:
        event = REALTIME.decode_server(frame)
        if isinstance(event, SessionCreated) and self.events:
            self._tell(SessionEnded(close_code=1006))
            self.protocol = Protocol(REALTIME)
        self.protocol.receive(self.protocol.read_frame(frame)[0], float(len(self.events)))
        if isinstance(event, SessionUpdated):
            self.protocol.open()
            self._settle()
            self._tell(SessionOpened(dialect="realtime", host="recorded"))

    def _settle(self) -> None:
        list(self.protocol.messages_to_send())
        for event in self.protocol.events_to_dispatch():
            self._tell(event)

    def _tell(self, event: Event) -> None:
        self.events.append(event)
        self.conversation.apply(event, float(len(self.events)))


@each_capture
def test_every_recorded_frame_has_a_word(path: Path) -> None:
    for direction, message in messages_of(path):
        is_ours = direction == "sent"
        decode = REALTIME.decode_client if is_ours else REALTIME.decode_server
        event = decode(msgspec.json.encode(with_whole_samples(message)))
        assert not isinstance(event, Unrecognized), message["type"]
        # And it survives the way back, as far as we keep it.
        assert decode(REALTIME.encode(event)) == event


@each_capture
def test_what_was_said_may_be_said_by_our_rules(path: Path) -> None:
    replay = Replay(path)
    assert replay.protocol.response_state is ResponseState.IDLE
    assert not any(isinstance(event, Unrecognized) for event in replay.events)


@each_capture
def test_turns_are_those_of_the_recording_with_its_transcripts(path: Path) -> None:
    said: dict[str, str] = {}
    order: list[str] = []
    final = "conversation.item.input_audio_transcription.completed"
    for _, message in messages_of(path):
        match message["type"]:
            case "conversation.item.create" if message["item"].get("role") == "user":
                order.append(message["item"]["content"][0]["text"])
            case "input_audio_buffer.speech_started" if message["item_id"] not in order:
                order.append(message["item_id"])
            case "response.output_item.added" if message["item"]["type"] == "message":
                order.append(message["item"]["id"])
            case "response.output_audio_transcript.done":
                said[message["item_id"]] = message["transcript"]
            case name if name == final:
                said[message["item_id"]] = message["transcript"]
    turns = Replay(path).conversation.turns
    assert [turn.text for turn in turns] == [said.get(name, name) for name in order]
    assert all(turn.is_complete and not turn.was_interrupted for turn in turns)


@each_capture
def test_usage_and_calls_are_told_as_recorded(path: Path) -> None:
    events = Replay(path).events
    recorded = [message for direction, message in messages_of(path) if direction == "received"]
    ends = [event for event in events if isinstance(event, ResponseDone)]
    assert [event.usage for event in ends] == [
        message["usage"] for message in recorded if message["type"] == "response.done"
    ]
    assert {event.status for event in ends} == {"completed"}
    calls = [event for event in events if isinstance(event, ToolCalled)]
    assert [(call.call_id, call.name, call.arguments) for call in calls] == [
        (message["call_id"], message["name"], message["arguments"])
        for message in recorded
        if message["type"] == "response.function_call_arguments.done"
    ]
