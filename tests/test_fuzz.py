"""Whatever a server says, nothing faults, and the next turn can be had.

The frames go through all that hears them without a socket: the dialect, the rules, the fold
into turns, the replies and tools that are waited for, the count of what was used.
"""

from __future__ import annotations

import base64
import contextlib
import json as python_json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import json

from grok_live_widget.client.limits import Limits
from grok_live_widget.client.requests import reply_request, user_message
from grok_live_widget.conversation.conversation import Conversation
from grok_live_widget.conversation.pending import PendingReply
from grok_live_widget.conversation.tool_calls import ToolCalls
from grok_live_widget.conversation.usage import UsageMeter
from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    AudioFormat,
    ClientEvent,
    CommitAudio,
    Event,
    ResponseCreated,
    ResponseDone,
    ServerVad,
    TranscriptDelta,
)
from grok_live_widget.exceptions import LocalProtocolError
from grok_live_widget.protocol.connection import Protocol
from grok_live_widget.protocol.dialects import DIALECTS, LIVE, REALTIME, Dialect
from grok_live_widget.recording.event_json import event_to_json
from grok_live_widget.settings.settings import Settings

TYPES = sorted(
    {word.wire_type for each in DIALECTS.values() for word in each.server_messages}
    | {name for each in DIALECTS.values() for name in each.audio_delta_types}
    | {"", "nobody.knows", "response"}
)
NAMES = st.sampled_from(["", "a", "b", "c"])
ODD = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
JSON = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3)
)
SOUND = st.binary(max_size=9).map(lambda data: base64.b64encode(data).decode())
ITEM = st.fixed_dictionaries(
    {"id": NAMES | ODD, "type": st.sampled_from(["message", "function_call", "x"])},
    optional={
        "role": st.sampled_from(["user", "assistant", "tool", "x"]) | ODD,
        "status": NAMES | ODD,
        "content": st.lists(JSON, max_size=2) | ODD,
        "call_id": NAMES | ODD,
        "name": st.just("look") | ODD,
        "arguments": st.text(max_size=5) | ODD,
    },
)
FIELDS = {
    "response_id": NAMES | ODD,
    "item_id": NAMES | ODD,
    "response": st.fixed_dictionaries(
        {"id": NAMES}, optional={"status": NAMES | ODD, "output": st.lists(ITEM, max_size=2) | ODD}
    )
    | JSON,
    "item": ITEM | JSON,
    "delta": SOUND | JSON,
    "transcript": st.text(max_size=5) | ODD,
    "text": st.text(max_size=5) | ODD,
    "audio_start_ms": ODD,
    "audio_end_ms": ODD,
    "usage": st.dictionaries(st.sampled_from(["input_tokens", "output_tokens"]), JSON) | JSON,
    "error": st.fixed_dictionaries(
        {}, optional={"type": NAMES | st.just("timeout"), "message": st.text(max_size=8) | JSON}
    )
    | JSON,
    "session": JSON,
    "conversation": JSON,
    "event_id": ODD,
    "latency": ODD,
    "part": JSON,
    "metadata": JSON,
    "output_index": ODD,
}
MESSAGE = st.fixed_dictionaries({"type": st.sampled_from(TYPES)}, optional=FIELDS)


def frame_of(message: Any) -> bytes:
    # Python's encoder also writes NaN and infinities, which other servers may send.
    return python_json.dumps(message).encode("utf-8", "surrogatepass")


WHOLE = MESSAGE.map(frame_of)
TRUNCATED = st.tuples(WHOLE, st.integers(0, 200)).map(lambda pair: pair[0][: pair[1]])
FRAMES = WHOLE | TRUNCATED | st.binary(max_size=30) | JSON.map(frame_of)
OURS = st.sampled_from(["ask", "speak", "commit", "interrupt", "tick", "give up", "sound alone"])


class VoiceActivityDetector:
    """All that hears a session's events, but for its socket."""

    def __init__(self, dialect: Dialect, **formats: Any) -> None:
        self.protocol = Protocol(dialect, turn_detection=ServerVad(), **formats)
        self.protocol.open()
        self.conversation = Conversation(ServerVad())
        self.calls, self.limits = ToolCalls(), Limits(Settings())
        self.meter = UsageMeter(ServerVad(), input_sample_rate=24_000, output_sample_rate=24_000)
        self.pending: list[PendingReply] = []
        self.now_s = 0.0

    def settle(self) -> list[Event]:
        list(self.protocol.messages_to_send())
        events = list(self.protocol.events_to_dispatch())
        for event in events:
            changed = self.conversation.apply(event, self.now_s)
            self.calls.apply(event)
            self.limits.apply(event, self.now_s, unix_s=self.now_s, is_talk=bool(changed))
            self.meter.apply(event, self.now_s)
            for pending in self.pending:
                pending.apply(event)
            event_to_json(event)
        return events

    def hear(self, frame: bytes) -> None:
        self.now_s += 0.1
        self.protocol.receive_frame(frame, self.now_s)
        self.settle()

    def hear_event(self, event: Any) -> None:
        if self.protocol.dialect.supports(event):
            self.hear(self.protocol.dialect.encode(event))

    def ask(self) -> PendingReply:
        words: tuple[ClientEvent, ...] = (user_message("hello"), reply_request())
        pending = PendingReply(words[-1], ("look",), related=words)
        self.pending.append(pending)
        self.protocol.send_when_idle(*words)
        self.settle()
        return pending

    def do(self, step: str) -> None:
        match step:
            case "ask":
                self.ask()
            case "speak":
                self.protocol.send(AppendAudio(bytes(480)))
            case "commit":
                # Where there is nothing to commit, it is refused.
                with contextlib.suppress(LocalProtocolError):
                    self.protocol.send(CommitAudio())
            case "interrupt":
                self.protocol.interrupt()
            case "tick":
                self.protocol.tick(self.now_s)
            case "give up":
                self.protocol.give_up_reply()
            case "sound alone":
                self.protocol.receive_sound(b"\1\2\3", self.now_s)
        self.settle()

    def assert_a_turn_can_be_had(self) -> None:
        """After a time-out, which gives the reply up, the next question is answered."""
        self.protocol.give_up_reply()
        self.settle()
        before = len(self.conversation.turns.assistant)
        self.now_s += 10
        self.protocol.tick(self.now_s)
        pending = self.ask()
        # What had been asked before is answered first.
        for number in range(40):
            if pending.is_settled:
                break
            name = f"z{number}"
            self.hear_event(ResponseCreated(name))
            self.hear_event(AudioDelta(response_id=name, item_id=f"i{name}", pcm=bytes(4_800)))
            self.hear_event(TranscriptDelta(response_id=name, item_id=f"i{name}", delta="Well."))
            self.hear_event(ResponseDone(response_id=name))
            self.now_s += 10
            self.protocol.tick(self.now_s)
            self.settle()
        assert (pending.status, pending.error) == ("completed", None)
        assert len(self.conversation.turns.assistant) > before
        turn = self.conversation.reply(pending.response_id)
        assert turn is not None
        assert (turn.text, len(turn.pcm), turn.is_complete) == ("Well.", 2_400, True)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_whatever_comes_in_whatever_order_the_next_turn_can_be_had(dialect: Dialect) -> None:
    @given(st.lists(FRAMES | OURS, max_size=20))
    @settings(max_examples=300, deadline=None)
    def law(steps: list[Any]) -> None:
        ear = VoiceActivityDetector(dialect)
        for step in steps:
            ear.hear(step) if isinstance(step, bytes) else ear.do(step)
        ear.assert_a_turn_can_be_had()

    law()


@given(st.lists(FRAMES | OURS, max_size=12), st.sampled_from(["pcm", "pcmu", "pcma"]))
@settings(max_examples=100, deadline=None)
def test_sound_in_other_formats_does_not_fault_either(steps: list[Any], encoding: str) -> None:
    form = AudioFormat(encoding=encoding, transport="binary")
    ear = VoiceActivityDetector(REALTIME, input_format=form, output_format=form)
    for step in steps:
        ear.hear(step) if isinstance(step, bytes) else ear.do(step)


@pytest.mark.parametrize("dialect", [LIVE, REALTIME], ids=["live", "realtime"])
@pytest.mark.parametrize("byte_count", [10_000_000, 10_000_001])
def test_a_delta_of_ten_megabytes_is_sound_like_any_other(
    dialect: Dialect, byte_count: int
) -> None:
    ear = VoiceActivityDetector(dialect)
    sound = base64.b64encode(bytes(byte_count)).decode()
    names = {"response_id": "r", "item_id": "a"}
    ear.hear_event(ResponseCreated("r"))
    ear.hear(json.encode({"type": dialect.audio_delta_types[0], **names, "delta": sound}))
    assert len(ear.conversation.turns[-1].pcm) == 5_000_000
    assert ear.conversation.odd_byte_count == byte_count % 2
    ear.assert_a_turn_can_be_had()


def test_a_number_beyond_all_measure_is_none() -> None:
    ear = VoiceActivityDetector(REALTIME)
    ear.hear(b'{"type":"input_audio_buffer.speech_started","audio_start_ms":1e999}')
    ear.hear(b'{"type":"input_audio_buffer.speech_started","audio_start_ms":' + b"9" * 400 + b"}")
    ear.hear(b"[" * 100_000)
    ear.assert_a_turn_can_be_had()
