"""A `Protocol` driven by hand, without a connection: receive, send and look at the results.

`hear` passes events of the server to it, `said` takes the messages that it would send, and
`told` takes the events that it would dispatch.
"""

from __future__ import annotations

from typing import Any

import msgspec

from grok_live_widget.events import (
    AudioDelta,
    CancelResponse,
    CreateResponse,
    ErrorReported,
    Event,
    PlaybackReported,
    ResponseCreated,
)
from grok_live_widget.protocol.connection import Protocol, ResponseState
from grok_live_widget.protocol.dialects import REALTIME, Dialect

from .events import delta
from .sound import RATE_HZ

# Sound of a server whose messages carry no ids.
PIECE = AudioDelta(pcm=b"\1\0")
ACTIVE = ErrorReported(message="Conversation already has an active response in progress: r9")
NOT_ACTIVE = ErrorReported(message="Cancellation failed: no active response found")
BROKEN = ErrorReported(message="The server had an error", error_type="internal_error")


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
    return [msgspec.json.decode(frame.body) for frame in protocol.messages_to_send()]


def types(protocol: Protocol) -> list[str]:
    return [message["type"] for message in said(protocol)]


def told(protocol: Protocol, kind: type | tuple[type, ...] = object) -> list[Event]:
    return [event for event in protocol.events_to_dispatch() if isinstance(event, kind)]


def audible(number: int = 1) -> tuple[Any, ...]:
    """Response `r<number>` is created, and one second of its sound arrives."""
    return ResponseCreated(f"r{number}"), delta(number, RATE_HZ)


def heard(number: int, ms: int, *, is_final: bool = False) -> PlaybackReported:
    return PlaybackReported(item_id=f"a{number}", sample_count=ms * 24, is_final=is_final)


def in_reply(reply: ResponseState, dialect: Dialect = REALTIME) -> Protocol:
    """A protocol whose response is in this state, with nothing left to send or to dispatch."""
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
