"""How a session dispatches events: listeners, conditions, and the reply that `expect` follows."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from grok_live_widget import Session, Talk, connect
from grok_live_widget.client.requests import reply_request, user_message
from grok_live_widget.conversation import Turn
from grok_live_widget.events import (
    CreateItem,
    CreateResponse,
    Event,
    Noted,
    ResponseCreated,
    SettingsChanged,
)

Question = tuple[CreateItem, CreateResponse]


def question(text: str) -> Question:
    return user_message(text), reply_request()


def upper(turn: Any) -> str:
    text: str = turn.text.upper()
    return text


# --------------------------------------------------------------------------- listeners
# How often each of two handles of one function is removed, and how often it is called then.
REMOVALS = [
    ((0, 0), 2),
    ((1, 0), 1),
    ((0, 1), 1),
    ((2, 0), 1),
    ((1, 1), 0),
    ((2, 2), 0),
]


def calls_after(source: Any, emit: Callable[[], object], removals: tuple[int, int]) -> int:
    """Add one function twice, remove the handles so often, and count the calls of one event."""
    seen: list[Event] = []

    def listener(event: Event, *_: Any) -> None:
        if isinstance(event, Noted | SettingsChanged):
            seen.append(event)

    handles = [source.add_listener(listener) for _ in range(2)]
    for handle, count in zip(handles, removals, strict=True):
        for _ in range(count):
            handle.remove()
    emit()
    return len(seen)


@pytest.mark.parametrize(("removals", "count"), REMOVALS)
async def test_each_handle_of_a_session_removes_its_own_listener_once(
    removals: tuple[int, int], count: int
) -> None:
    async with connect(partner="parrot") as session:
        assert calls_after(session, lambda: session.emit(Noted("hello")), removals) == count


@pytest.mark.parametrize(("removals", "count"), REMOVALS)
def test_each_handle_of_a_talk_removes_its_own_listener_once(
    removals: tuple[int, int], count: int
) -> None:
    with Talk(partner="parrot") as talk:
        assert calls_after(talk, lambda: talk.update(voice="ara"), removals) == count


async def test_a_with_block_removes_its_listener_at_the_end() -> None:
    async with connect(partner="parrot") as session:
        seen: list[Event] = []
        with session.add_listener(lambda event, _, __: seen.append(event)):
            session.emit(Noted("inside"))
        session.emit(Noted("outside"))
    assert seen == [Noted("inside")]


async def test_a_listener_may_remove_itself_without_effect_on_the_others() -> None:
    async with connect(partner="parrot") as session:
        first: list[Event] = []
        second: list[Event] = []

        def once(event: Event, *_: Any) -> None:
            first.append(event)
            handle.remove()

        handle = session.add_listener(once)
        session.add_listener(lambda event, _, __: second.append(event))
        session.emit(Noted("one"))
        session.emit(Noted("two"))
        assert first == [Noted("one")]
        assert second == [Noted("one"), Noted("two")]


async def test_listeners_are_called_in_the_order_in_which_they_were_added() -> None:
    async with connect(partner="parrot") as session:
        order: list[int] = []
        for number in range(3):
            session.add_listener(lambda *_, number=number: order.append(number))
        session.emit(Noted("hello"))
        assert order == [0, 1, 2]


async def test_the_end_of_a_session_is_reported_once() -> None:
    session = await connect(partner="parrot")
    ends: list[None] = []
    session.on_closed(lambda: ends.append(None))
    await session.close()
    await session.close()
    assert len(ends) == 1


# --------------------------------------------------------------------------- conditions
async def test_a_condition_that_holds_already_is_not_waited_for() -> None:
    async with connect(partner="parrot") as session, asyncio.timeout(5):
        await session.wait_for(lambda: True)


async def test_conditions_are_evaluated_after_each_event_until_they_hold() -> None:
    async with connect(partner="parrot") as session:
        evaluated = 0

        def is_third() -> bool:
            nonlocal evaluated
            evaluated += 1
            return evaluated == 3

        waiting = asyncio.ensure_future(session.wait_for(is_third))
        await asyncio.sleep(0)
        session.emit(Noted("one"))
        assert evaluated == 2
        session.emit(Noted("two"))
        async with asyncio.timeout(5):
            await waiting
        session.emit(Noted("three"))
        assert evaluated == 3


# --------------------------------------------------------------------------- the expected reply
async def reply_to(session: Session, *events: CreateItem | CreateResponse) -> str:
    """The text of the reply that `expect` follows."""
    turns: list[Turn] = []

    async with session.expect(*events) as pending, asyncio.timeout(20):

        def follow(event: Event, changed: list[Turn], _: float) -> None:
            if pending.response_id and getattr(event, "response_id", "") == pending.response_id:
                turns.extend(changed)

        with session.add_listener(follow):
            await session.send_when_idle(*events)
            await session.wait_for(lambda: pending.is_settled)
    assert all(turn is turns[0] for turn in turns)
    return turns[0].text


async def test_expect_follows_the_reply_to_its_own_request() -> None:
    async with connect(partner=upper) as session:
        texts = ["one", "two", "three"]
        replies = await asyncio.gather(*(reply_to(session, *question(text)) for text in texts))
        assert replies == ["ONE", "TWO", "THREE"]


async def test_expect_follows_no_reply_that_was_running_before() -> None:
    go_on = threading.Event()

    def partner(turn: Any) -> Any:
        if turn.text == "first":
            go_on.wait(20)
        return upper(turn)

    async with connect(partner=partner) as session:
        await session.send_when_idle(*question("first"))
        waiting = asyncio.ensure_future(reply_to(session, *question("second")))
        await asyncio.sleep(0)
        go_on.set()
        assert await waiting == "SECOND"


async def test_what_is_still_queued_at_the_end_of_the_block_is_withdrawn() -> None:
    go_on = threading.Event()

    def partner(turn: Any) -> Any:
        if turn.text == "first":
            go_on.wait(20)
        return upper(turn)

    async with connect(partner=partner) as session:
        sent: list[Event] = []
        session.add_listener(lambda event, _, __: sent.append(event))
        await session.send_when_idle(*question("first"))
        withdrawn = question("second")
        async with session.expect(*withdrawn) as pending:
            await session.send_when_idle(*withdrawn)
        go_on.set()
        assert await reply_to(session, *question("third")) == "THIRD"
        items = [event.item.text for event in sent if isinstance(event, CreateItem)]
        assert items == ["first", "third"]
        assert sum(isinstance(event, CreateResponse) for event in sent) == 2
        assert not pending.is_settled


async def test_what_was_sent_before_the_end_of_the_block_is_not_withdrawn() -> None:
    async with connect(partner=upper) as session:
        begun: list[Event] = []
        session.add_listener(
            lambda event, _, __: begun.append(event) if type(event) is ResponseCreated else None
        )
        sent = question("first")
        async with session.expect(*sent):
            await session.send_when_idle(*sent)
        async with asyncio.timeout(20):
            await session.wait_for(
                lambda: any(turn.is_complete for turn in session.turns.assistant)
            )
        assert len(begun) == 1
        assert session.turns.assistant[0].text == "FIRST"


async def test_expect_removes_its_listener_at_the_end_of_the_block() -> None:
    async with connect(partner=upper) as session:
        sent = question("first")
        async with session.expect(*sent) as pending:
            pass
        assert await reply_to(session, *sent) == "FIRST"
        assert pending.response_id == ""
