"""Tools for the main thread run there: while it waits for a reply, and between its callbacks."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from grok_live_widget import Talk, connect, tool
from grok_live_widget.client.timeouts import Timeouts
from grok_live_widget.events import CreateItem, Noted, ToolFinished, ToolStarted
from grok_live_widget.rehearsal.partner import CallTool, PartnerTurn, Unvoiced

from ..support.talks import EventLog, TimedTalk
from ..support.waiting import wait_for_talk

on_main = tool(thread="main")


def calls(name: str) -> Any:
    """A partner that calls a function and repeats its output."""

    def partner(turn: PartnerTurn) -> Any:
        return Unvoiced(turn.text) if turn.role == "tool" else CallTool(name)

    return partner


def outputs(log: EventLog) -> list[str]:
    items = [event.item for event in log.of(CreateItem)]
    return [item.text for item in items if item.kind == "function_call_output"]


@tool(thread="main")
def where() -> str:
    """Name the thread."""
    return threading.current_thread().name


HERE = threading.main_thread().name


# --------------------------------------------------------------------------- scripts
def test_a_connection_of_sqlite_can_be_used_while_ask_waits() -> None:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:

        def count() -> int:
            return int(connection.execute("select 40 + 2").fetchone()[0])

        with Talk(partner=calls("count"), tools=[count]) as talk:
            assert "ProgrammingError: SQLite objects created in a thread" in talk.ask("please").text
        with Talk(partner=calls("count"), tools=[on_main(count)]) as talk:
            assert talk.ask("please").text == "42"


def test_the_tool_runs_while_a_turn_is_waited_for() -> None:
    was_called = threading.Event()

    @on_main
    def note() -> str:
        was_called.set()
        return threading.current_thread().name

    def held(turn: PartnerTurn) -> Any:
        yield np.ones(12_000, np.int16)
        was_called.wait(20)

    with Talk(partner=calls("note"), tools=[note]) as talk, Talk(partner=held) as other:
        log = EventLog(talk)
        other.say("go on")
        wait_for_talk(other, lambda: len(other.turns) > 1)
        talk.say("please")
        assert other.turns[1].wait(20).is_complete
        log.wait_for(lambda: bool(outputs(log)))
        assert outputs(log) == [HERE]


def test_a_thread_that_is_busy_is_reported_to_the_user_and_to_the_model() -> None:
    @tool(thread="main", timeout_s=0.1)
    def busy() -> str:
        return "too late"

    with TimedTalk(Timeouts(busy_thread_s=0.01), partner=calls("busy"), tools=[busy]) as talk:
        log = EventLog(talk)
        talk.say("please")
        log.wait_for(lambda: bool(outputs(log)))
        assert outputs(log) == [
            "Error: the function was not called: the thread of the talk, where it has to run, was "
            "not free within 0.1 s (it runs other code)."
        ]
        began, ended = [note for note in log.of(Noted) if note.topic]
        assert began.text == "The tool 'busy' waits for the thread of the talk: it runs other code."
        assert (ended.text, ended.topic) == ("", began.topic)


def test_a_talk_that_is_stopped_while_a_tool_waits_does_not_call_it() -> None:
    called: list[str] = []

    @on_main
    def late() -> None:
        called.append("late")

    with Talk(partner=calls("late"), tools=[late]) as talk:
        log = EventLog(talk)
        talk.say("please")
        log.wait_for(lambda: bool(log.of(ToolStarted)))
        talk.stop()
        log.wait_for(lambda: bool(log.of(ToolFinished)))
        assert log.of(ToolFinished)[0].error == "the session has ended."
        with Talk(partner=lambda turn: Unvoiced("fine")) as other:
            assert other.ask("please").text == "fine"
        assert called == []


def test_the_tool_of_one_talk_runs_while_another_talk_is_asked() -> None:
    was_called = threading.Event()

    @on_main
    def note() -> str:
        was_called.set()
        return threading.current_thread().name

    with (
        Talk(partner=calls("note"), tools=[note]) as first,
        Talk(partner=lambda turn: was_called.wait(20) and Unvoiced("fine")) as second,
    ):
        log = EventLog(first)
        first.say("please")
        assert second.ask("how are you?").text == "fine"
        log.wait_for(lambda: bool(outputs(log)))
        assert outputs(log) == [HERE]


def test_a_tool_may_ask_another_talk_whose_tool_runs_on_the_same_thread() -> None:
    with Talk(partner=calls("where"), tools=[where]) as other:

        @on_main
        def consult() -> str:
            return other.ask("please").text

        with Talk(partner=calls("consult"), tools=[consult]) as talk:
            assert talk.ask("please").text == HERE


def test_a_tool_on_the_main_thread_that_asks_its_own_talk_is_refused() -> None:
    @on_main
    def nosy() -> str:
        return talk.ask("what?").text

    with Talk(partner=calls("nosy"), tools=[nosy]) as talk:
        assert "ask() was called by the tool 'nosy' of the same talk" in talk.ask("please").text


def test_a_call_is_made_on_the_main_thread_when_another_thread_allows_it() -> None:
    @tool(thread="main", approve=True)
    def careful() -> str:
        return threading.current_thread().name

    with Talk(partner=calls("careful"), tools=[careful]) as talk:

        def allow() -> None:
            wait_for_talk(talk, lambda: bool(talk.pending_approvals))
            talk.approve(talk.pending_approvals[0].call_id)

        helper = threading.Thread(target=allow)
        helper.start()
        assert talk.ask("please").text == HERE
        helper.join()


def test_the_thread_that_made_the_talk_is_meant_outside_of_a_kernel() -> None:
    texts: list[str] = []

    def work() -> None:
        with Talk(partner=calls("where"), tools=[where]) as talk:
            texts.append(talk.ask("please").text)

    thread = threading.Thread(target=work, name="worker")
    thread.start()
    thread.join()
    assert texts == ["worker"]


def test_a_thread_that_has_ended_is_replaced_by_that_of_the_caller() -> None:
    made: list[Talk] = []
    thread = threading.Thread(
        target=lambda: made.append(Talk(partner=calls("where"), tools=[where]))
    )
    thread.start()
    thread.join()
    with made[0] as talk:
        assert talk.ask("please").text == HERE


# --------------------------------------------------------------------------- interrupts
@pytest.fixture
def interrupting() -> Callable[[], str]:
    """A tool that is interrupted when it is called first."""
    count = 0

    @on_main
    def work() -> str:
        nonlocal count
        count += 1
        if count == 1:
            signal.raise_signal(signal.SIGINT)
        return f"call {count}"

    return work


def test_an_interrupt_during_the_tool_ends_the_question_and_not_the_talk(
    interrupting: Any,
) -> None:
    with Talk(partner=calls("work"), tools=[interrupting]) as talk:
        log = EventLog(talk)
        with pytest.raises(KeyboardInterrupt):
            talk.ask("please")
        log.wait_for(lambda: bool(log.of(ToolFinished)))
        assert log.of(ToolFinished)[0].error == "the function was ended by KeyboardInterrupt."
        assert talk.ask("again").text == "call 2"


def test_an_interrupt_during_the_tool_of_an_asyncio_program_ends_it_at_once(
    interrupting: Any,
) -> None:
    before = signal.getsignal(signal.SIGINT)
    ended: list[str] = []

    async def main() -> None:
        async with Talk(partner=calls("work"), tools=[interrupting]) as talk:
            log = EventLog(talk)
            try:
                await talk.ask_async("please")
            finally:
                ended.extend(each.error for each in log.of(ToolFinished))

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.both_isolations
# --------------------------------------------------------------------------- programs with a loop
async def test_the_tool_runs_between_the_callbacks_of_the_loop_that_awaits() -> None:
    async with Talk(partner=calls("where"), tools=[where]) as talk:
        assert (await talk.ask_async("please")).text == HERE


def test_the_thread_whose_loop_awaits_is_meant_where_the_talk_was_made_without_one() -> None:
    talk = Talk(partner=calls("where"), tools=[where])
    texts: list[str] = []

    async def main() -> None:
        texts.append((await talk.ask_async("please")).text)

    thread = threading.Thread(target=lambda: asyncio.run(main()), name="of the loop")
    thread.start()
    thread.join()
    asyncio.run(main())
    talk.close()
    assert texts == ["of the loop", HERE]


async def test_a_plain_question_inside_of_a_loop_calls_the_tool_while_it_waits() -> None:
    with Talk(partner=calls("where"), tools=[where]) as talk:
        assert talk.ask("please").text == HERE


async def test_the_tools_of_a_connection_run_on_the_thread_of_its_loop() -> None:
    texts: list[str] = []
    async with connect(partner=calls("where"), tools=[where]) as session:
        session.add_listener(
            lambda event, *_: texts.append(event.output) if type(event) is ToolFinished else None
        )
        await session.send_text("please")
        await session.respond()
        async with asyncio.timeout(20):
            await session.wait_for(lambda: bool(texts))
    assert texts == [HERE]
