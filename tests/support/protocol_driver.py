"""A line without a line, for tests of its rules: what is heard, said and told, in short."""

from __future__ import annotations

from typing import Any

import orjson

from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    Authenticate,
    CancelResponse,
    CreateItem,
    CreateResponse,
    DeleteItem,
    ErrorReported,
    Event,
    Item,
    PlaybackReported,
    ResponseCreated,
    ResponseDone,
    TruncateItem,
    UpdateSession,
)
from grok_live_widget.protocol.connection import Protocol, ResponseState
from grok_live_widget.protocol.dialects import REALTIME, Dialect

SECOND = bytes(48_000)
TEXT = CreateItem(Item(role="user", part="input_text", text="Hi"))
ACTIVE = ErrorReported(message="Conversation already has an active response in progress: r9")
NOT_ACTIVE = ErrorReported(message="Cancellation failed: no active response found")
BROKEN = ErrorReported(message="The server had an error", error_type="internal_error")
EXAMPLES: dict[type, Any] = {
    Authenticate: Authenticate("k"),
    UpdateSession: UpdateSession(voice="eve"),
    AppendAudio: AppendAudio(b"\0\0"),
    CreateItem: TEXT,
    CancelResponse: CancelResponse("r1"),
    DeleteItem: DeleteItem("a1"),
    TruncateItem: TruncateItem(item_id="a1", audio_end_ms=1),
}


def example(kind: type) -> Any:
    return EXAMPLES.get(kind) or kind()


def opened(dialect: Dialect = REALTIME, *, has_player: bool = False, **options: Any) -> Protocol:
    protocol = Protocol(dialect, **options)
    protocol.open()
    protocol.has_player = has_player
    return protocol


def hear(protocol: Protocol, *events: Any, at_s: float = 0.0) -> Protocol:
    for event in events:
        protocol.receive(event, at_s)
    return protocol


def said(protocol: Protocol) -> list[dict[str, Any]]:
    return [orjson.loads(frame.body) for frame in protocol.messages_to_send()]


def types(protocol: Protocol) -> list[str]:
    return [message["type"] for message in said(protocol)]


def told(protocol: Protocol, kind: type | tuple[type, ...] = object) -> list[Event]:
    return [event for event in protocol.events_to_dispatch() if isinstance(event, kind)]


def delta(number: int = 1, pcm: bytes = SECOND) -> AudioDelta:
    return AudioDelta(response_id=f"r{number}", item_id=f"a{number}", pcm=pcm)


def begun(number: int = 1) -> tuple[Any, ...]:
    return ResponseCreated(f"r{number}"), delta(number)


def done(number: int = 1, status: str = "completed") -> ResponseDone:
    return ResponseDone(response_id=f"r{number}", status=status)


def heard(number: int, ms: int, *, is_final: bool = False) -> PlaybackReported:
    return PlaybackReported(item_id=f"a{number}", sample_count=ms * 24, is_final=is_final)


def in_reply(reply: ResponseState, dialect: Dialect = REALTIME) -> Protocol:
    protocol = opened(dialect)
    steps: dict[ResponseState, tuple[Any, ...]] = {
        ResponseState.IDLE: (),
        ResponseState.REQUESTED: (CreateResponse(),),
        ResponseState.RUNNING: (ResponseCreated("r1"),),
        ResponseState.CANCELLING: (ResponseCreated("r1"), CancelResponse("r1")),
    }
    for step in steps[reply]:
        if isinstance(step, ResponseCreated):
            hear(protocol, step)
        else:
            protocol.send(step)
    assert protocol.response_state is reply
    said(protocol)
    told(protocol)
    return protocol


PIECE = AudioDelta(pcm=b"\1\0")
