"""Functions that are called when something happens in a talk, and waiting for turns."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from grok_live_widget import PushToTalk, RehearsalServer, Talk, tool
from grok_live_widget.client import hooks
from grok_live_widget.client.hooks import EndedTurns, Hooks
from grok_live_widget.client.talk import TALK_THREAD
from grok_live_widget.conversation import Turn, Turns
from grok_live_widget.events import TextDone
from grok_live_widget.exceptions import ConfigurationError, ReplyTimeout, SessionClosed
from grok_live_widget.rehearsal import CallTool

from ..support.sound import RATE_HZ
from ..support.turns import turn_of
from ..support.waiting import wait_until, wait_until_async


@pytest.fixture
def talk() -> Iterator[Talk]:
    with Talk(partner="parrot", turn_detection=PushToTalk()) as talk:
        yield talk


def names(turns: Any) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in turns]


# --------------------------------------------------------------------------- threads
class WatchedTurns(Turns):
    """Turns that call a function when they are first read."""

    on_read: Any = None

    def __getitem__(self, index: Any) -> Any:
        on_read, self.on_read = self.on_read, None
        if on_read is not None:
            on_read()
        return super().__getitem__(index)


def test_a_function_that_is_added_while_turns_are_told_waits_for_that() -> None:
    turns, told = WatchedTurns(), []
    functions = Hooks(turns, pytest.fail)
    first = functions.on_ended(told.append)
    turns._add(turn := turn_of(is_complete=True, text="one"))
    reads_again, adding = (
        threading.Event(),
        threading.Thread(target=lambda: functions.on_ended(told.append)),
    )

    def add_another() -> None:
        # Read by `follow`: nothing follows any more, so that the other thread begins to.
        first.remove()
        turns.on_read = reads_again.set
        adding.start()
        assert not reads_again.wait(0.2)

    turns.on_read = add_another
    functions.follow(TextDone(text="one"), [turn], 0.0)
    adding.join()
    functions.follow(TextDone(text="one"), [turn], 0.0)
    assert reads_again.is_set()
    assert told == []


# --------------------------------------------------------------------------- on
def test_turns_are_told_of_when_they_have_ended(talk: Talk) -> None:
    told: list[Turn] = []
    talk.ask("before")
    talk.on("turn", told.append)
    talk.ask("one")
    talk.ask("two")
    talk.close()
    assert names(told) == [
        ("user", "one"), ("assistant", "one"), ("user", "two"), ("assistant", "two"),
    ]  # fmt: skip
    assert all(turn in talk.turns for turn in told)


def test_a_function_can_be_decorated(talk: Talk) -> None:
    told: list[str] = []

    @talk.on("turn")
    def keep(turn: Turn) -> None:
        told.append(turn.text)

    talk.ask("Hello.")
    wait_until(lambda: len(told) == 2)
    keep(talk.turns[0])
    assert told[-1] == told[0] == "Hello."


def test_the_pieces_of_sound_are_the_reply(talk: Talk, question: np.ndarray) -> None:
    told: list[tuple[Turn, np.ndarray]] = []
    talk.on("audio", lambda turn, pcm: told.append((turn, pcm)))
    reply = talk.ask(question, RATE_HZ)
    talk.close()
    assert {turn for turn, _ in told} == {reply}
    assert len(told) > 3
    assert np.array_equal(np.concatenate([pcm for _, pcm in told]), reply.pcm)
    assert told[0][1].dtype == np.int16
    assert not told[0][1].flags.writeable


def test_the_text_of_a_turn_is_told_as_it_grows() -> None:
    told: list[tuple[str, str]] = []
    with Talk(partner=lambda turn: "one two three") as talk:
        talk.on("transcript", lambda turn, text: told.append((turn.role, text)))
        talk.ask("Hi")
    assert told[0] == ("user", "Hi")
    texts = [text for role, text in told if role == "assistant"]
    assert texts == sorted(texts, key=len)
    assert (texts[0].strip(), texts[-1]) == ("one", "one two three")


@pytest.mark.both_isolations
def test_calls_of_functions_notes_and_phases_are_told() -> None:
    @tool
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    def partner(turn: Any) -> Any:
        return "done" if turn.role == "tool" else CallTool("add", {"a": 1, "b": 2})

    told: list[Any] = []
    with Talk(partner=partner, tools=[add]) as talk:
        talk.on("tool", lambda call: told.append((call.name, call.state, call.output)))
        talk.on("phase", told.append)
        talk.on("note", lambda note: told.append(note.text))
        talk.start()
        talk._sessions._note_from_any_thread("a note")
        talk.ask("Add.")
    assert told[:2] == ["opening", "open"]
    assert "A note" in told
    assert [each for each in told if each[0] == "add"] == [
        ("add", "running", ""), ("add", "done", "3"),
    ]  # fmt: skip
    assert told[-1] == "closed"


def test_a_function_may_block_and_use_the_talk(talk: Talk) -> None:
    asked: list[Turn] = []
    done = threading.Event()

    def ask_again(turn: Turn) -> None:
        assert not TALK_THREAD.is_current
        if turn.role == "assistant" and not asked:
            asked.append(turn)
            asked.append(talk.ask("again"))
            done.set()

    talk.on("turn", ask_again)
    talk.ask("once")
    assert done.wait(30)
    assert [turn.text for turn in asked] == ["once", "again"]


def test_a_function_that_was_removed_is_not_called(talk: Talk) -> None:
    told: list[Turn] = []
    handle = talk.on("turn", told.append)
    talk.ask("one")
    wait_until(lambda: len(told) == 2)
    assert repr(handle) == "<ListenerHandle for 'turn'>"
    handle.remove()
    handle.remove()
    assert repr(handle) == "<ListenerHandle for 'turn', removed>"
    with talk.on("turn", lambda turn: None):
        talk.ask("two")
    talk.close()
    assert len(told) == 2


def test_an_error_of_a_function_is_logged_and_noted_once_and_stops_nothing(
    talk: Talk, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Turn] = []

    def fails(turn: Turn) -> None:
        raise KeyError(turn.text)

    talk.on("turn", fails)
    talk.on("turn", told.append)
    talk.on("note", lambda note: 1 / 0)
    talk.ask("one")
    talk.ask("two")
    wait_until(lambda: len(talk.notes) == 2)
    talk.close()
    assert len(told) == 4
    assert [note.text for note in talk.notes] == [
        "A function for 'turn' failed (KeyError: 'one'). It stays registered and is called for the "
        "next 'turn'; its further errors are not noted.",
        "A function for 'note' failed (ZeroDivisionError: division by zero). It stays registered "
        "and is called for the next 'note'; its further errors are not noted.",
    ]
    failures = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert len(failures) == 2
    for record in failures:
        assert record.exc_info is not None
        # The traceback begins with the function of the user's.
        files = {each.filename for each in traceback.extract_tb(record.exc_info[2])}
        assert files == {__file__}


def test_a_function_that_exits_ends_no_other_call(talk: Talk) -> None:
    told: list[Turn] = []
    talk.on("turn", lambda turn: sys.exit(3))
    talk.on("turn", told.append)
    talk.ask("one")
    talk.close()
    assert len(told) == 2
    assert "SystemExit: 3" in talk.notes[0].text


def test_a_call_that_began_before_is_told_as_a_whole() -> None:
    running, may_end = threading.Event(), threading.Event()

    @tool
    def wait() -> str:
        """Wait."""
        running.set()
        may_end.wait(30)
        return "waited"

    told: list[Any] = []
    with Talk(
        partner=lambda turn: "done" if turn.role == "tool" else CallTool("wait", {}), tools=[wait]
    ) as talk:
        talk.say("Wait.")
        assert running.wait(30)
        talk.on("tool", told.append)
        may_end.set()
        talk.wait_for_turn("assistant")
    [call] = told
    assert (call.name, call.arguments, call.output) == ("wait", "{}", "waited")


def test_a_talk_that_is_not_closed_takes_its_thread_with_it() -> None:
    def threads() -> int:
        return [each.name for each in threading.enumerate()].count("grok-live-hooks")

    before = threads()
    hook = Hooks(Turns(), lambda text: None)
    hook.on("turn", lambda turn: None)
    assert threads() == before + 1
    del hook
    gc.collect()
    wait_until(lambda: threads() == before)


def test_sound_that_a_slow_function_does_not_take_is_left_out_and_noted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hooks, "_MOST_WAITING", 20)
    blocked, released = threading.Event(), threading.Event()
    taken: list[int] = []

    def is_slow(turn: Turn, pcm: np.ndarray) -> None:
        blocked.set()
        released.wait(60)
        taken.append(len(pcm))

    server = RehearsalServer(lambda turn: np.ones(10 * RATE_HZ, np.int16), speed=float("inf"))
    with server, Talk(url=server.url(), api_key="any") as talk:
        talk.on("audio", is_slow)
        reply = talk.ask("Go on.")
        assert blocked.is_set()
        released.set()
    assert reply.duration_s == 10
    assert 0 < sum(taken) < 10 * RATE_HZ
    assert "slower than the sound comes" in talk.notes[-1].text


@pytest.mark.parametrize(
    ("kind", "function", "says"),
    [
        (["turn"], print, "under .'turn'."),
        ("turns", print, "nothing to call a function for under 'turns'.*Did you mean 'turn'"),
        (None, print, "under None"),
        ("turn", None, "plain function of 1 argument, not None"),
        ("turn", lambda: None, r"def f\(turn\)"),
        ("audio", lambda pcm: None, r"2 arguments.*def f\(turn, pcm\)"),
        ("turn", asyncio.sleep, "plain function of 1 argument"),
    ],
)
def test_what_cannot_be_called_is_refused_at_once(
    talk: Talk, kind: Any, function: Any, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        talk.on(kind, function)


def test_no_thread_is_left_after_the_talk() -> None:
    with Talk(partner="parrot") as talk:
        talk.on("turn", lambda turn: None)
        assert [each for each in threading.enumerate() if each.name == "grok-live-hooks"]
    assert not [each for each in threading.enumerate() if each.name == "grok-live-hooks"]


# --------------------------------------------------------------------------- the end of a turn
def ends(*turns: Turn) -> EndedTurns:
    return EndedTurns(Turns(turns))


def test_a_spoken_turn_ends_with_its_transcript_or_with_the_next_turn() -> None:
    spoken = turn_of([1], "user", is_complete=True)
    reply = turn_of([1])
    ended = ends(spoken, reply)
    assert ended.take() == []
    spoken.text = "Hello"
    assert ended.take() == [spoken]
    assert ended.take() == []
    reply._end(None)
    assert ended.take() == [reply]

    untold = turn_of([1], "user", is_complete=True)
    ended = ends(untold, reply)
    assert ended.take() == [untold, reply]
    ended = ends(turn_of([1], "user", is_complete=True))
    assert ended.take() == []
    assert len(ended.take(is_over=True)) == 1


def test_turns_end_in_the_order_of_the_conversation() -> None:
    first, second = turn_of([1]), turn_of([2], is_complete=True)
    ended = ends(first, second)
    assert ended.take() == []
    first._end(None)
    assert ended.take() == [first, second]


@pytest.mark.both_isolations
# --------------------------------------------------------------------------- waiting
async def test_turns_are_iterated_as_they_end_until_the_talk_is_closed() -> None:
    async with Talk(partner="parrot") as talk:
        await talk.ask_async("before")
        stream = talk.turns_as_they_end()
        await talk.ask_async("one")
        found = [await anext(stream), await anext(stream)]
        await talk.ask_async("two")
        await talk.close_async()
        found += [turn async for turn in stream]
    assert [turn.text for turn in found] == ["one", "one", "two", "two"]
    assert [turn async for turn in stream] == []


def test_an_iteration_needs_a_loop(talk: Talk) -> None:
    with pytest.raises(ConfigurationError, match=r"no event loop runs.*coroutine"):
        talk.turns_as_they_end()


async def test_an_iteration_that_was_dropped_is_forgotten() -> None:
    async with Talk(partner="parrot") as talk:
        stream = talk.turns_as_they_end()
        assert len(talk._sessions.hooks._on_ended) == 1
        del stream
        gc.collect()
        assert len(talk._sessions.hooks._on_ended) == 0


def test_the_next_turn_of_a_side_is_waited_for(talk: Talk) -> None:
    found: list[Turn] = []
    with talk.on("phase", lambda phase: phase == "open" and found.append(talk.wait_for_turn())):
        talk.start()
        wait_until(lambda: len(talk._sessions.hooks._on_ended) == 1)
        talk.say("Hello")
        wait_until(lambda: found)
    assert names(found) == [("user", "Hello")]


async def test_the_next_reply_is_awaited() -> None:
    async with Talk(partner="parrot") as talk:
        await talk.start_async()
        waiting = asyncio.create_task(talk.wait_for_turn_async("assistant"))
        await wait_until_async(lambda: talk._sessions.hooks._on_ended)
        await talk.say_async("Hello")
        assert names([await waiting]) == [("assistant", "Hello")]


def test_waiting_for_a_turn_has_a_limit_and_ends_with_the_talk(talk: Talk) -> None:
    with pytest.raises(ReplyTimeout, match=r"no turn of the user has ended in 0\.05 s"):
        talk.wait_for_turn("user", timeout_s=0.05)
    with pytest.raises(ReplyTimeout, match=r"no turn has ended in 0 s"):
        talk.wait_for_turn(timeout_s=0)
    with pytest.raises(ConfigurationError, match="role must be one of"):
        talk.wait_for_turn("grok")  # type: ignore[arg-type]
    closing = threading.Timer(0.1, talk.close)
    closing.start()
    with pytest.raises(SessionClosed, match="talk was closed"):
        talk.wait_for_turn()
    closing.join()


def test_a_listener_cannot_wait_for_a_turn(talk: Talk) -> None:
    caught: list[str] = []

    def listener(*_: object) -> None:
        try:
            talk.wait_for_turn()
        except ConfigurationError as error:
            caught.append(str(error))

    talk.add_listener(listener)
    talk.ask("Hi")
    assert "can never return" in caught[0]
