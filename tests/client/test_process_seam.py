"""What passes between a talk and its reconnecting session can be sent to another process.

Commands to the server and events from it cross as MessagePack. The other side gets equal values,
and derives the same turns from them.
"""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from msgspec import msgpack

from grok_live_widget import Talk
from grok_live_widget.conversation.conversation import Conversation
from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    ClientEvent,
    CreateItem,
    Event,
    LocalEvent,
    PhaseChanged,
    ServerEvent,
    SessionEnded,
    SessionOpened,
    SettingsChanged,
    UpdateSession,
)
from grok_live_widget.rehearsal.partner import ToolCall

from ..support.sound import RATE_HZ

DECODER = msgpack.Decoder(tuple[Event, float])


def partner(turn: Any) -> Any:
    if turn.role == "user" and turn.tools and turn.text == "weather?":
        return ToolCall("weather", {"city": "Rome"})
    return [turn.text or "I heard you.", np.full(2_400, 1_000, np.int16)]


def weather(city: str) -> str:
    """Look up the weather."""
    return f"It is sunny in {city}."


@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_all_events_and_commands_of_a_talk_can_be_sent_to_another_process(
    dialect: str, question: np.ndarray
) -> None:
    tools = [weather] if dialect == "realtime" else []
    seen: list[tuple[Event, float]] = []
    with Talk(partner=partner, dialect=dialect, tools=tools) as talk:
        talk.add_listener(lambda event, _, now_s: seen.append((event, now_s)))
        talk.ask("hello")
        talk.ask("weather?")
        talk.ask(question, RATE_HZ)
        talk.update(voice="ara")
        talk.interrupt()
        talk.stop()
        talk.ask("still there?")
    received = [DECODER.decode(msgpack.encode(each)) for each in seen]

    assert received == seen
    for (event, _), (copy, _) in zip(seen, received, strict=True):
        assert type(copy) is type(event)
        assert getattr(copy, "event_id", "") == getattr(event, "event_id", "")

    # The talk has used each kind of event, and the commands that matter most.
    kinds = {type(event) for event, _ in seen}
    assert kinds >= {UpdateSession, CreateItem, AppendAudio, AudioDelta, SessionOpened}
    assert kinds >= {SessionEnded, PhaseChanged, SettingsChanged}
    for group in (ClientEvent, ServerEvent, LocalEvent):
        assert kinds & set(get_args(group))

    conversation = Conversation.under(talk.settings)
    for event, now_s in received:
        conversation.apply(event, now_s)
    assert [described(turn) for turn in conversation.turns] == [
        described(turn) for turn in talk.turns
    ]


def described(turn: Any) -> tuple[Any, ...]:
    return (turn.role, turn.text, turn.text_source, turn.seam, turn.is_complete, turn.pcm.tobytes())
