"""Whatever a server sends, nothing raises, and the next question is answered.

The frames go through every consumer that needs no socket: the dialect, the protocol, the
conversation, pending replies and tool calls, limits and usage.
"""

from __future__ import annotations

import base64
import contextlib
import json as python_json
from typing import Any

import pytest
from hypothesis import given
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

from .support.examples import examples

TYPES = sorted(
    {message.wire_type for each in DIALECTS.values() for message in each.server_messages}
    | {name for each in DIALECTS.values() for name in each.audio_delta_types}
    | {"", "unknown.type", "response"}
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
OURS = st.sampled_from(["ask", "speak", "commit", "interrupt", "tick", "abandon", "sound alone"])


class Consumers:
    """Every consumer of a session's events, without a socket."""

    def __init__(self, dialect: Dialect, **formats: Any) -> None:
        self.protocol = Protocol(dialect, turn_detection=ServerVad(), **formats)
        self.protocol.open()
        self.conversation = Conversation(ServerVad())
        self.calls, self.limits = ToolCalls(), Limits(Settings())
        self.meter = UsageMeter(ServerVad(), input_sample_rate=24_000, output_sample_rate=24_000)
        self.pending: list[PendingReply] = []
        self.now_s = 0.0

    def dispatch(self) -> list[Event]:
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

    def receive(self, frame: bytes) -> None:
        self.now_s += 0.1
        self.protocol.receive(self.protocol.read_frame(frame)[0], self.now_s)
        self.dispatch()

    def receive_event(self, event: Any) -> None:
        if self.protocol.dialect.supports(event):
            self.receive(self.protocol.dialect.encode(event))

    def ask(self) -> PendingReply:
        question: tuple[ClientEvent, ...] = (user_message("hello"), reply_request())
        pending = PendingReply(question[-1], ("look",), related=question)
        self.pending.append(pending)
        self.protocol.send_when_idle(*question)
        self.dispatch()
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
            case "abandon":
                self.protocol.abandon_reply()
            case "sound alone":
                self.protocol.receive(self.protocol.read_sound(b"\1\2\3"), self.now_s)
        self.dispatch()

    def assert_the_next_question_is_answered(self) -> None:
        """After a time-out, which abandons the reply, the next question is answered."""
        self.protocol.abandon_reply()
        self.dispatch()
        before = len(self.conversation.turns.assistant)
        self.now_s += 10
        self.protocol.tick(self.now_s)
        pending = self.ask()
        # What had been asked before is answered first.
        for number in range(40):
            if pending.is_settled:
                break
            name = f"z{number}"
            self.receive_event(ResponseCreated(name))
            self.receive_event(AudioDelta(response_id=name, item_id=f"i{name}", pcm=bytes(4_800)))
            self.receive_event(TranscriptDelta(response_id=name, item_id=f"i{name}", delta="Well."))
            self.receive_event(ResponseDone(response_id=name))
            self.now_s += 10
            self.protocol.tick(self.now_s)
            self.dispatch()
        assert (pending.status, pending.error) == ("completed", None)
        assert len(self.conversation.turns.assistant) > before
        turn = self.conversation.reply(pending.response_id)
        assert turn is not None
        assert (turn.text, len(turn.pcm), turn.is_complete) == ("Well.", 2_400, True)


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=list(DIALECTS))
def test_after_any_frames_in_any_order_the_next_question_is_answered(dialect: Dialect) -> None:
    @given(st.lists(FRAMES | OURS, max_size=20))
    @examples(150)
    def law(steps: list[Any]) -> None:
        consumers = Consumers(dialect)
        for step in steps:
            consumers.receive(step) if isinstance(step, bytes) else consumers.do(step)
        consumers.assert_the_next_question_is_answered()

    law()


@given(st.lists(FRAMES | OURS, max_size=12), st.sampled_from(["pcm", "pcmu", "pcma"]))
@examples(100)
def test_any_frames_raise_nothing_with_other_audio_formats(steps: list[Any], encoding: str) -> None:
    form = AudioFormat(encoding=encoding, transport="binary")
    consumers = Consumers(REALTIME, input_format=form, output_format=form)
    for step in steps:
        consumers.receive(step) if isinstance(step, bytes) else consumers.do(step)


@pytest.mark.parametrize("dialect", [LIVE, REALTIME], ids=["live", "realtime"])
@pytest.mark.parametrize("byte_count", [10_000_000, 10_000_001])
def test_a_delta_of_ten_megabytes_is_sound_like_any_other(
    dialect: Dialect, byte_count: int
) -> None:
    consumers = Consumers(dialect)
    sound = base64.b64encode(bytes(byte_count)).decode()
    names = {"response_id": "r", "item_id": "a"}
    consumers.receive_event(ResponseCreated("r"))
    consumers.receive(json.encode({"type": dialect.audio_delta_types[0], **names, "delta": sound}))
    assert len(consumers.conversation.turns[-1].pcm) == 5_000_000
    assert consumers.conversation.odd_byte_count == byte_count % 2
    consumers.assert_the_next_question_is_answered()


def test_numbers_out_of_range_and_deep_nesting_raise_nothing() -> None:
    consumers = Consumers(REALTIME)
    consumers.receive(b'{"type":"input_audio_buffer.speech_started","audio_start_ms":1e999}')
    consumers.receive(
        b'{"type":"input_audio_buffer.speech_started","audio_start_ms":' + b"9" * 400 + b"}"
    )
    consumers.receive(b"[" * 100_000)
    consumers.assert_the_next_question_is_answered()
