"""The model's calls are made while the talk goes on, and one reply follows their outputs."""

from __future__ import annotations

import asyncio
import decimal
import json
import logging
import threading
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pytest

from grok_live_widget import PushToTalk, RehearsalServer, ServerVad, Talk, connect, tool
from grok_live_widget.client.talk import TALK_THREAD
from grok_live_widget.events import (
    AudioDelta,
    CreateItem,
    CreateResponse,
    Event,
    ResponseDone,
    SessionEnded,
    ToolApprovalAsked,
    ToolCalled,
    ToolFinished,
    ToolStarted,
)
from grok_live_widget.exceptions import ConfigurationError, SessionClosed, UnsupportedByServer
from grok_live_widget.rehearsal.partner import CallTool, PartnerTurn, Unvoiced

from ..support.sound import RATE_HZ
from ..support.talks import reconnecting_session_of, send_microphone, session_of
from ..support.waiting import wait_for_talk, wait_until_async


def calling(*calls: CallTool, lead_in: Any = "One moment.") -> Any:
    """A partner that calls functions when it is asked, and then repeats their outputs."""

    def partner(turn: PartnerTurn) -> Any:
        if turn.role == "tool":
            outputs = [line.text for line in turn.history if line.role == "tool"]
            yield Unvoiced(" and ".join([*outputs, turn.text]))
            return
        yield Unvoiced(lead_in) if isinstance(lead_in, str) else lead_in
        yield from calls

    return partner


class EventLog:
    """Every event of a session from now on."""

    def __init__(self, session: Any) -> None:
        self.events: list[Event] = []
        self.session = session
        session.add_listener(lambda event, _, __: self.events.append(event))

    def of(self, *kinds: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kinds)]

    async def until(self, kind: type, count: int = 1) -> Any:
        async with asyncio.timeout(20):
            await self.session.wait_for(lambda: len(self.of(kind)) >= count)
        return self.of(kind)[count - 1]

    @property
    def outputs(self) -> list[str]:
        items = [event.item for event in self.of(CreateItem)]
        return [item.text for item in items if item.kind == "function_call_output"]


async def asked(session: Any, text: str = "please") -> EventLog:
    log = EventLog(session)
    await session.send_text(text)
    await session.respond()
    return log


def weather(city: str, days: int = 1) -> str:
    """Look up the weather."""
    return f"It is foggy in {city} for {days} days."


LONDON = CallTool("weather", {"city": "London"})


# --------------------------------------------------------------------------- a round
async def test_a_call_is_made_and_its_output_is_sent_without_an_iterator() -> None:
    async with connect(partner=calling(LONDON), tools=[weather]) as session:
        log = await asked(session)
        await log.until(ResponseDone, 2)
        assert log.outputs == ["It is foggy in London for 1 days."]
        assert [turn.text for turn in session.turns] == [
            "please",
            "One moment.",
            "It is foggy in London for 1 days.",
        ]


async def test_the_request_after_outputs_has_the_metadata_of_the_settings() -> None:
    tagged = {"lesson": "3"}
    async with connect(partner=calling(LONDON), tools=[weather], metadata=tagged) as session:
        log = await asked(session)
        await log.until(ResponseDone, 2)
        assert [event.metadata for event in log.of(CreateResponse)] == [tagged] * 2
        assert [event.metadata for event in log.of(ResponseDone)] == [tagged] * 2


@pytest.mark.both_isolations
async def test_the_events_of_a_call() -> None:
    async with connect(partner=calling(LONDON), tools=[weather]) as session:
        log = await asked(session)
        await log.until(ResponseDone, 2)
        called, started, finished = log.of(ToolCalled, ToolStarted, ToolFinished)
        assert json.loads(started.arguments) == {"city": "London"}
        assert started.call_id == finished.call_id == called.call_id
        assert (finished.name, finished.error) == ("weather", "")
        assert finished.output == "It is foggy in London for 1 days."
        assert finished.duration_s > 0


async def test_an_iterator_yields_the_events_of_a_call_in_order() -> None:
    async with connect(partner=calling(LONDON), tools=[weather]) as session:
        events = aiter(session)
        await asked(session)
        order = []
        async for event in events:
            order.append(type(event))
            if order.count(ResponseDone) == 2:
                break
        places = [order.index(kind) for kind in (ToolCalled, ToolStarted, ToolFinished)]
        assert places == sorted(places)


@pytest.mark.both_isolations
async def test_calls_run_concurrently_and_one_request_follows_all_outputs() -> None:
    meeting = threading.Barrier(3, timeout=10)

    def meet(name: str) -> str:
        meeting.wait()
        return f"{name} was there"

    calls = [CallTool("meet", {"name": name}) for name in ("Ann", "Bob", "Cid")]
    async with connect(partner=calling(*calls), tools=[meet]) as session:
        log = await asked(session)
        await log.until(ResponseDone, 2)
        assert sorted(log.outputs) == ["Ann was there", "Bob was there", "Cid was there"]
        assert len(log.of(CreateResponse)) == 2
        kinds = [type(event) for event in log.of(CreateItem, CreateResponse)]
        assert kinds == [CreateItem, CreateResponse, *[CreateItem] * 3, CreateResponse]
        first_done = log.events.index(log.of(ResponseDone)[0])
        assert log.events.index(log.of(CreateItem)[1]) > first_done


async def test_calls_of_unknown_names_are_ignored() -> None:
    calls = (CallTool("x_keyword_search"), LONDON)
    async with connect(partner=calling(*calls), tools=[weather]) as session:
        log = await asked(session)
        await log.until(ResponseDone, 2)
        assert len(log.outputs) == 1
        assert len(log.of(ToolStarted)) == 1


async def test_unknown_names_alone_send_no_outputs() -> None:
    async with connect(partner=calling(CallTool("web_search")), tools=[weather]) as session:
        log = await asked(session)
        await log.until(ResponseDone)
        again = await asked(session, "again")
        await again.until(ResponseDone)
        assert again.outputs == []
        assert len(again.of(CreateResponse)) == 1


async def test_a_reply_may_call_again_after_an_output() -> None:
    def partner(turn: PartnerTurn) -> Any:
        count = sum(line.role == "tool" for line in turn.history) + (turn.role == "tool")
        return Unvoiced(turn.text) if count == 3 else CallTool("add", {"to": count})

    def add(to: int) -> int:
        return to + 1

    async with Talk(partner=partner, tools=[add]) as talk:
        reply = await talk.ask_async("count")
        assert reply.text == "3"


# --------------------------------------------------------------------------- functions
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_function_runs_on_no_thread_of_the_talk(is_async: bool) -> None:
    def where() -> str:
        return threading.current_thread().name

    async def where_async() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    function = tool(name="where")(where_async if is_async else where)
    async with connect(partner=calling(CallTool("where")), tools=[function]) as session:
        log = await asked(session)
        await log.until(ResponseDone, 2)
        assert log.outputs == ["tools" if is_async else "tool-where"]


async def test_coroutine_functions_share_one_loop_for_the_life_of_a_talk() -> None:
    """A client, a lock or an event of the first call works in the next, also of another tool."""
    locks: list[asyncio.Lock] = []
    loops: set[asyncio.AbstractEventLoop] = set()

    async def first() -> str:
        loops.add(asyncio.get_running_loop())
        locks.append(asyncio.Lock())
        await locks[0].acquire()
        return "locked"

    async def second() -> str:
        loops.add(asyncio.get_running_loop())
        asyncio.get_running_loop().call_later(0.01, locks[0].release)
        async with locks[0]:
            return "locked again"

    def third() -> Any:
        """Look for a plain function that returns an awaitable."""
        return second()

    def partner(turn: PartnerTurn) -> Any:
        return Unvoiced(turn.text) if turn.role == "tool" else CallTool(turn.text)

    async with Talk(partner=partner, tools=[first, second, third]) as talk:
        assert (await talk.ask_async("first")).text == "locked"
        assert (await talk.ask_async("second")).text == "locked again"
        await locks[0].acquire()
        await talk.stop_async()
        assert (await talk.ask_async("third")).text == "locked again"
    (loop,) = loops
    await wait_until_async(loop.is_closed, what="the loop of a closed talk to be closed")


async def test_coroutine_functions_of_a_connection_share_a_loop_that_ends_with_it() -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def look() -> str:
        loops.append(asyncio.get_running_loop())
        return "seen"

    async with connect(
        partner=calling(CallTool("look"), CallTool("look")), tools=[look]
    ) as session:
        log = await asked(session)
        await log.until(ResponseDone, 2)
        assert log.outputs == ["seen", "seen"]
    assert loops[0] is loops[1]
    assert loops[0] is not asyncio.get_running_loop()
    await wait_until_async(loops[0].is_closed, what="the loop to be closed")


@pytest.mark.parametrize("is_async", [False, True])
def test_context_variables_of_the_caller_hold_in_tools(is_async: bool) -> None:
    def digits() -> str:
        return str(decimal.Decimal(1) / decimal.Decimal(3))

    async def digits_async() -> str:
        await asyncio.sleep(0)
        return digits()

    function = tool(name="digits")(digits_async if is_async else digits)
    with Talk(partner=calling(CallTool("digits")), tools=[function]) as talk:
        with decimal.localcontext(prec=3):
            assert talk.ask("please").text == "0.333"
        with decimal.localcontext(prec=5):
            assert talk.ask("please").text.endswith(" and 0.33333")


def test_the_settings_of_numpy_for_errors_hold_in_tools() -> None:
    def divide() -> str:
        return str(np.float64(1) / np.float64(0))

    with (
        Talk(partner=calling(CallTool("divide")), tools=[divide]) as talk,
        np.errstate(divide="raise"),
    ):
        assert talk.ask("please").text.startswith("Error: FloatingPointError")


@pytest.mark.both_isolations
def test_each_of_two_callers_has_its_own_context_in_all_rounds_of_calls() -> None:
    """The second question waits until the first one has its reply."""
    who: ContextVar[str] = ContextVar("who", default="?")

    def caller() -> str:
        return who.get()

    def partner(turn: PartnerTurn) -> Any:
        since = [line.role for line in turn.history]
        asked_at = max(n for n, role in enumerate(["user", *since]) if role == "user")
        rounds = since[asked_at:].count("tool") + (turn.role == "tool")
        if rounds < 2:
            return CallTool("caller")
        return Unvoiced(turn.text)

    with Talk(partner=partner, tools=[caller]) as talk:
        replies: dict[str, str] = {}

        def ask(name: str) -> None:
            who.set(name)
            replies[name] = talk.ask(name).text

        threads = [threading.Thread(target=ask, args=(name,)) for name in ("Ann", "Bob")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert replies == {"Ann": "Ann", "Bob": "Bob"}


def test_the_context_of_sound_is_that_of_its_sender_and_else_that_of_the_talk(
    question: np.ndarray,
) -> None:
    who: ContextVar[str] = ContextVar("who", default="?")

    def caller() -> str:
        return who.get()

    def in_context(name: str, function: Callable[[], Any]) -> Any:
        context = copy_context()
        context.run(who.set, name)
        return context.run(function)

    partner = calling(CallTool("caller"), lead_in=np.ones(2400, np.int16))
    with in_context("maker", lambda: Talk(partner=partner, tools=[caller])) as talk:
        reply = in_context("asker", lambda: talk.ask(question, RATE_HZ))
        assert reply.text == "asker"
        send_microphone(talk, question.tobytes())
        TALK_THREAD.run(reconnecting_session_of(talk).end_microphone())
        wait_for_talk(talk, lambda: talk.turns[-1].text.endswith("and maker"))


def test_a_listener_has_the_context_of_the_code_that_added_it() -> None:
    seen: list[str] = []

    def listener(*_: Any) -> None:
        seen.append(str(decimal.Decimal(1) / decimal.Decimal(3)))

    with Talk(partner=lambda turn: Unvoiced("fine")) as talk:
        with decimal.localcontext(prec=3):
            talk.add_listener(listener)
        talk.ask("please")
    assert set(seen) == {"0.333"}


def test_a_partner_has_the_context_of_the_code_that_made_it_and_one_loop() -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def partner(turn: PartnerTurn) -> Any:
        loops.append(asyncio.get_running_loop())
        return Unvoiced(str(decimal.Decimal(1) / decimal.Decimal(3)))

    with decimal.localcontext(prec=3):
        talk = Talk(partner=partner)
    with talk:
        assert [talk.ask(text).text for text in ("one", "two")] == ["0.333", "0.333"]
    assert loops[0] is loops[1]


@pytest.mark.parametrize("is_async", [False, True])
def test_a_tool_that_asks_its_own_talk_is_refused_with_the_reason(is_async: bool) -> None:
    def ask() -> str:
        return talk.ask("what?").text

    async def ask_async() -> str:
        return (await talk.ask_async("what?")).text

    function = tool(name="nosy")(ask_async if is_async else ask)
    with Talk(partner=calling(CallTool("nosy")), tools=[function]) as talk:
        text = talk.ask("please").text
        assert "ask() was called by the tool 'nosy' of the same talk" in text


def test_a_tool_may_ask_another_talk_whose_tool_may_not_ask_the_first() -> None:
    def consult() -> str:
        return other.ask("please").text

    def circle() -> str:
        return talk.ask("please").text

    with (
        Talk(partner=calling(CallTool("consult")), tools=[consult]) as talk,
        Talk(partner=calling(CallTool("circle")), tools=[circle]) as other,
    ):
        assert "ask() was called by the tool 'consult' of the same talk" in talk.ask("please").text


@pytest.mark.parametrize("is_async", [False, True])
async def test_what_a_generator_yields_is_the_output(is_async: bool) -> None:
    def count() -> Iterator[int]:
        yield from range(3)

    async def count_async() -> AsyncIterator[int]:
        for number in range(3):
            await asyncio.sleep(0)
            yield number

    function = tool(name="count")(count_async if is_async else count)
    async with connect(partner=calling(CallTool("count")), tools=[function]) as session:
        log = await asked(session)
        await log.until(ResponseDone, 2)
        assert log.outputs == ["[0, 1, 2]"]


async def test_an_endless_async_generator_is_read_as_far_as_can_be_told_and_closed() -> None:
    was_closed = threading.Event()

    async def count() -> AsyncIterator[int]:
        try:
            while True:
                yield 7
        finally:
            was_closed.set()

    async with connect(partner=calling(CallTool("count")), tools=[count]) as session:
        log = await asked(session)
        await log.until(ToolFinished)
        assert was_closed.is_set()
        assert "(cut off: the first " in log.of(ToolFinished)[0].output


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_generator_that_takes_too_long_is_closed(is_async: bool) -> None:
    was_closed, may_go_on = threading.Event(), threading.Event()

    def numbers() -> Iterator[int]:
        try:
            while True:
                may_go_on.wait(20)
                yield 1
        finally:
            was_closed.set()

    async def numbers_async() -> AsyncIterator[int]:
        try:
            while True:
                await asyncio.Event().wait()
                yield 1
        finally:
            was_closed.set()

    function = numbers_async if is_async else numbers
    numbers_tool = tool(name="numbers", timeout_s=0.05)(function)
    async with connect(partner=calling(CallTool("numbers")), tools=[numbers_tool]) as session:
        log = await asked(session)
        await log.until(ResponseDone, 2)
        may_go_on.set()
        assert await asyncio.to_thread(was_closed.wait, 10)
        assert log.outputs == ["Error: no result within 0.05 s."]


@pytest.mark.both_isolations
async def test_an_error_of_a_function_is_sent_to_the_model_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> None:
        raise ValueError("out of paper")

    async with connect(partner=calling(CallTool("broken")), tools=[broken]) as session:
        log = await asked(session)
        finished = await log.until(ToolFinished)
        await log.until(ResponseDone, 2)
    assert log.outputs == ["Error: ValueError: out of paper"]
    assert finished.error == "ValueError: out of paper"
    (record,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert "'broken' failed: ValueError: out of paper" in record.getMessage()
    assert record.exc_info is not None
    assert {each.filename for each in traceback.extract_tb(record.exc_info[2])} == {__file__}


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
async def test_a_function_that_ends_its_thread_ends_nothing_else(error: type) -> None:
    def leave() -> None:
        raise error

    async with connect(partner=calling(CallTool("leave")), tools=[leave]) as session:
        log = await asked(session)
        await log.until(ResponseDone, 2)
        assert log.outputs == [f"Error: the function was ended by {error.__name__}."]


@pytest.mark.both_isolations
async def test_wrong_arguments_are_an_error_and_nothing_is_run() -> None:
    call = CallTool("weather", {"town": "London"})
    async with connect(partner=calling(call), tools=[weather]) as session:
        log = await asked(session)
        await log.until(ResponseDone, 2)
        assert log.outputs == ["Error: there is no 'town'; there are: city, days."]
        assert log.of(ToolStarted) == []


@dataclass
class Picky:
    x: int

    def __post_init__(self) -> None:
        raise KeyError(self.x)


async def test_an_error_of_a_class_of_the_arguments_is_told_to_the_model() -> None:
    def take(picky: Picky) -> None: ...

    # Where the hints of a function inside of a function are looked up.
    take.__annotations__["picky"] = Picky
    call = CallTool("take", {"picky": {"x": 3}})
    async with connect(partner=calling(call), tools=[take]) as session:
        log = await asked(session)
        await log.until(ResponseDone, 2)
        assert log.outputs == ["Error: KeyError: 3"]


async def test_a_function_that_takes_too_long_is_an_error_and_the_talk_goes_on() -> None:
    may_end = threading.Event()

    @tool(timeout_s=0.05)
    def slow() -> str:
        may_end.wait(20)
        return "late"

    try:
        async with connect(partner=calling(CallTool("slow")), tools=[slow]) as session:
            log = await asked(session)
            await log.until(ResponseDone, 2)
            assert log.outputs == ["Error: no result within 0.05 s."]
    finally:
        may_end.set()


async def test_a_coroutine_that_takes_too_long_is_cancelled() -> None:
    was_cancelled = threading.Event()

    @tool(timeout_s=0.05)
    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            was_cancelled.set()

    async with connect(partner=calling(CallTool("slow")), tools=[slow]) as session:
        log = await asked(session)
        await log.until(ResponseDone, 2)
        assert await asyncio.to_thread(was_cancelled.wait, 10)


async def test_a_timeout_error_of_a_function_is_an_error_like_any_other() -> None:
    def asks_a_server() -> None:
        raise TimeoutError("the server is asleep")

    partner = calling(CallTool("asks_a_server"))
    async with connect(partner=partner, tools=[asks_a_server]) as session:
        log = await asked(session)
        await log.until(ResponseDone, 2)
        assert log.outputs == ["Error: TimeoutError: the server is asleep"]


async def test_sound_goes_on_while_a_function_runs(silence: Any) -> None:
    """The reply that called is still being spoken, and the user's sound still goes out."""
    may_end = threading.Event()

    def busy() -> str:
        may_end.wait(20)
        return "done"

    def partner(turn: PartnerTurn) -> Any:
        return CallTool("busy") if turn.text == "work" else silence(0.3)

    async with connect(partner=partner, tools=[busy], turn_detection=PushToTalk()) as session:
        log = await asked(session, "work")
        await log.until(ToolStarted)
        await log.until(ResponseDone)
        await session.send_audio(silence(0.2), RATE_HZ)
        await session.send_text("meanwhile")
        await session.respond()
        await log.until(ResponseDone, 2)
        assert log.of(AudioDelta)
        assert log.outputs == []
        may_end.set()
        await log.until(ResponseDone, 3)
        assert log.outputs == ["done"]


@pytest.mark.usefixtures("in_thread")
def test_a_talk_is_not_idle_while_a_function_runs() -> None:
    was_closed = threading.Event()

    def slow() -> str:
        return "closed" if was_closed.wait(1.5) else "still open"

    with Talk(partner=calling(CallTool("slow")), tools=[slow], idle_timeout_s=1) as talk:
        talk.start()
        session_of(talk).on_closed(was_closed.set)
        assert talk.ask("please").text == "still open"


# --------------------------------------------------------------------------- ask
@pytest.mark.parametrize("detection", [ServerVad(), PushToTalk()], ids=["vad", "push"])
def test_ask_returns_the_reply_that_follows_the_outputs(
    detection: Any, question: np.ndarray
) -> None:
    partner = calling(LONDON, lead_in=np.ones(2400, np.int16))
    with Talk(partner=partner, tools=[weather], turn_detection=detection) as talk:
        assert talk.ask("What is the weather?").text == "It is foggy in London for 1 days."
        assert talk.ask(question, RATE_HZ).text.endswith("It is foggy in London for 1 days.")


def test_a_question_waits_until_calls_and_their_reply_are_over() -> None:
    def partner(turn: PartnerTurn) -> Any:
        if turn.role == "tool":
            return Unvoiced(f"tool: {turn.text}")
        return CallTool("weather", {"city": turn.text}) if turn.text == "Rome" else Unvoiced("no")

    with Talk(partner=partner, tools=[weather]) as talk:
        replies: dict[str, str] = {}

        def ask(text: str) -> None:
            replies[text] = talk.ask(text).text

        threads = [threading.Thread(target=ask, args=(text,)) for text in ("Rome", "other")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert replies == {"Rome": "tool: It is foggy in Rome for 1 days.", "other": "no"}


def test_a_call_of_an_unknown_name_leaves_the_reply_unchanged() -> None:
    with Talk(partner=calling(CallTool("web_search")), tools=[weather]) as talk:
        assert talk.ask("please").text == "One moment."


def test_the_talker_makes_the_call_that_it_is_asked_for() -> None:
    with Talk(partner="talker", tools=[weather]) as talk:
        reply = talk.ask('Please call weather {"city": "Lyon", "days": 2}')
        assert reply.text.strip() == "The tool answered: It is foggy in Lyon for 2 days."


# --------------------------------------------------------------------------- consent
@pytest.fixture
def careful() -> Iterator[Talk]:
    function = tool(approve=True, timeout_s=10)(weather)
    with Talk(partner=calling(LONDON), tools=[function]) as talk:
        yield talk


def waiting(talk: Talk) -> Any:
    """The one call that waits for consent."""
    found = threading.Event()
    talk.add_listener(
        lambda event, _, __: found.set() if isinstance(event, ToolApprovalAsked) else None
    )
    if not talk.pending_approvals:
        assert found.wait(10)
    (call,) = talk.pending_approvals
    return call


@pytest.mark.both_isolations
@pytest.mark.parametrize(
    ("is_allowed", "text"),
    [
        (True, "It is foggy in London for 1 days."),
        (False, "Error: the user did not allow this call."),
    ],
)
def test_a_call_waits_for_consent(careful: Talk, is_allowed: bool, text: str) -> None:
    asking = threading.Thread(target=careful.ask, args=("please",))
    asking.start()
    call = waiting(careful)
    assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "London"})
    assert call.state == "waiting"
    careful.approve(call.call_id, is_allowed)
    asking.join()
    assert careful.turns[-1].text == text
    assert careful.pending_approvals == []


async def test_consent_can_be_given_with_approve_async() -> None:
    async with Talk(partner=calling(LONDON), tools=[weather], approve_tools=True) as talk:
        asking = asyncio.create_task(talk.ask_async("please"))
        call = await asyncio.to_thread(waiting, talk)
        await talk.approve_async(call.call_id)
        assert (await asking).text == "It is foggy in London for 1 days."


async def test_approve_false_of_a_tool_overrides_approve_tools() -> None:
    free = tool(approve=False)(weather)
    async with connect(partner=calling(LONDON), tools=[free], approve_tools=True) as session:
        log = await asked(session)
        await log.until(ResponseDone, 2)
        assert log.of(ToolApprovalAsked) == []


async def test_consent_can_be_given_on_a_session() -> None:
    async with connect(partner=calling(LONDON), tools=[weather], approve_tools=True) as session:
        log = await asked(session)
        wanted = await log.until(ToolApprovalAsked)
        await session.approve(wanted.call_id)
        await log.until(ResponseDone, 2)
        assert log.outputs == ["It is foggy in London for 1 days."]


async def test_a_call_that_is_not_answered_in_time_is_denied() -> None:
    function = tool(approve=True, timeout_s=0.05)(weather)
    async with connect(partner=calling(LONDON), tools=[function]) as session:
        log = await asked(session)
        await log.until(ResponseDone, 2)
        assert log.outputs == ["Error: this call was not allowed within 0.05 s."]
        assert log.of(ToolFinished)[0].is_denied
        assert session.pending_approvals == []


def test_approving_an_unknown_call_is_an_error(careful: Talk) -> None:
    with pytest.raises(SessionClosed):
        careful.approve("c1")
    careful.start()
    with pytest.raises(ConfigurationError, match="no call 'c1' waits"):
        careful.approve("c1", False)


# --------------------------------------------------------------------------- interruptions
async def test_a_call_of_an_interrupted_reply_is_denied(server_that: Any) -> None:
    """The call comes while the reply is running, which the user then interrupts."""
    async with connect(
        url=server_that(_cancelled_round), tools=[weather], approve_tools=True
    ) as session:
        log = await asked(session)
        await log.until(ToolApprovalAsked)
        await session.send_text("stop")
        finished = await log.until(ToolFinished)
        assert finished.is_denied
        assert "interrupted" in finished.error
        await log.until(CreateItem, 3)
        assert len(log.outputs) == 1
        assert len(log.of(CreateResponse)) == 1


async def test_the_end_of_the_session_ends_running_calls() -> None:
    may_end = threading.Event()

    def slow() -> None:
        may_end.wait(20)

    try:
        async with connect(partner=calling(CallTool("slow")), tools=[slow]) as session:
            log = await asked(session)
            await log.until(ToolStarted)
        await log.until(SessionEnded)
        finished = await log.until(ToolFinished)
        assert "session has ended" in finished.error
        assert log.outputs == []
    finally:
        may_end.set()


# --------------------------------------------------------------------------- other servers
def frame(kind: str, **fields: Any) -> str:
    return msgspec.json.encode({"type": kind, **fields}).decode()


def called_item(status: str = "completed") -> dict[str, Any]:
    return {
        "id": "i1", "type": "function_call", "status": status, "call_id": "c1",
        "name": "weather", "arguments": '{"city":"London"}',
    }  # fmt: skip


CREATED = frame("response.created", response={"id": "r1"})
ARGUMENTS_DONE = frame(
    "response.function_call_arguments.done",
    response_id="r1", item_id="i1", call_id="c1", name="weather", arguments='{"city":"London"}',
)  # fmt: skip
NAMELESS_DONE = frame(
    "response.function_call_arguments.done",
    response_id="r1", item_id="i1", call_id="c1", arguments='{"city":"London"}',
)  # fmt: skip
ITEM_DONE = frame("response.output_item.done", response_id="r1", item=called_item())


def done(status: str = "completed", output: Any = ()) -> str:
    response = {"id": "r1", "status": status, "output": list(output)}
    return frame("response.done", response=response, response_id="r1")


@pytest.fixture
def server_that(peer: Any) -> Callable[[Any], str]:
    """`server_that(script) -> url`: it confirms the settings and runs the script."""

    def start(script: Any) -> str:
        async def talk(socket: Any) -> None:
            await socket.recv()
            await socket.send(frame("session.updated", session={}))
            await script(socket)
            await socket.wait_closed()

        return str(peer(talk).url)

    return start


async def _asked_once(socket: Any) -> None:
    while "response.create" not in await socket.recv(decode=True):
        pass


async def _cancelled_round(socket: Any) -> None:
    await _asked_once(socket)
    for each in (CREATED, ARGUMENTS_DONE):
        await socket.send(each)
    await socket.recv()
    await socket.send(done("cancelled"))


@pytest.mark.parametrize(
    "reports",
    [
        (ARGUMENTS_DONE, ITEM_DONE, done(output=[called_item()])),
        (ARGUMENTS_DONE, ARGUMENTS_DONE, done()),
        (NAMELESS_DONE, ITEM_DONE, done()),
        (ITEM_DONE, done()),
        (done(output=[called_item()]),),
    ],
    ids=["thrice", "twice", "nameless", "as an item", "at the end"],
)
async def test_a_call_is_made_once_however_often_it_is_reported(
    server_that: Any, reports: tuple[str, ...]
) -> None:
    received_by_server: list[str] = []

    async def script(socket: Any) -> None:
        await _asked_once(socket)
        for each in (CREATED, *reports):
            await socket.send(each)
        received_by_server.extend([await socket.recv(decode=True) for _ in range(2)])

    async with connect(url=server_that(script), tools=[weather]) as session:
        log = await asked(session)
        await log.until(CreateResponse, 2)
        assert len(log.outputs) == 1
        assert len(log.of(ToolStarted)) == 1
        assert len(log.of(CreateResponse)) == 2


async def test_an_unfinished_call_is_not_made(server_that: Any) -> None:
    async def script(socket: Any) -> None:
        await _asked_once(socket)
        item = called_item("incomplete")
        await socket.send(CREATED)
        await socket.send(frame("response.output_item.done", response_id="r1", item=item))
        await socket.send(done("incomplete", [item]))

    async with connect(url=server_that(script), tools=[weather]) as session:
        log = await asked(session)
        await log.until(ResponseDone)
        assert log.of(ToolStarted, ToolFinished) == []


async def test_no_reply_is_requested_while_the_user_speaks(
    server_that: Any,
) -> None:
    """The server replies to the user's speech, and has the outputs then."""

    async def script(socket: Any) -> None:
        await _asked_once(socket)
        started = frame("input_audio_buffer.speech_started", item_id="u1", audio_start_ms=0)
        for each in (CREATED, ARGUMENTS_DONE, started, done("completed")):
            await socket.send(each)

    async with connect(url=server_that(script), tools=[weather]) as session:
        log = await asked(session)
        await log.until(CreateItem, 2)
        assert len(log.outputs) == 1
        assert len(log.of(CreateResponse)) == 1


# --------------------------------------------------------------------------- dialects with tools
@pytest.mark.parametrize("make", [connect, Talk], ids=["connect", "Talk"])
@pytest.mark.parametrize(
    "where",
    [
        {"dialect": "live", "partner": "parrot"},
        {"dialect": "live", "api_key": "k"},
        {"url": "ws://127.0.0.1:9/v1/live"},
    ],
)
def test_live_refuses_tools_by_name_before_anything_is_sent(make: Any, where: Any) -> None:
    with pytest.raises(UnsupportedByServer, match=r"tools=weather.*realtime"):
        make(tools=[weather], **where)


def test_with_tools_auto_means_realtime() -> None:
    assert Talk(api_key="k", tools=[weather]).dialect == "realtime"
    assert Talk(api_key="k").dialect == "live"


def test_the_server_gets_the_tools() -> None:
    seen: list[tuple[str, ...]] = []

    def partner(turn: PartnerTurn) -> str:
        seen.append(turn.tools)
        return Unvoiced("fine")

    with (
        RehearsalServer(partner, api_key="k") as server,
        Talk(url=server.url(), api_key="k", tools=[weather]) as talk,
    ):
        talk.ask("hello")
    assert seen == [("weather",)]


def test_a_call_that_outlives_its_talk_starts_no_thread() -> None:
    has_begun, may_end = threading.Event(), threading.Event()
    callers: list[threading.Thread] = []

    async def answer() -> str:
        return "late"

    def slow() -> Any:
        """Return what must be awaited, after the talk was closed."""
        callers.append(threading.current_thread())
        has_begun.set()
        may_end.wait(20)
        return answer()

    with Talk(partner=lambda _: CallTool("slow"), tools=[slow]) as talk:
        talk.say("please")
        assert has_begun.wait(20)
    may_end.set()
    callers[0].join(20)
    assert "tools" not in {each.name for each in threading.enumerate()}
