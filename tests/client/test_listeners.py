"""Listeners of sessions and of talks: what may be one, the order of calls, removal, errors."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import pytest

from grok_live_widget.client.connector import connect
from grok_live_widget.client.talk import Talk
from grok_live_widget.events import Event, Noted, ResponseDone, SettingsChanged
from grok_live_widget.exceptions import ConfigurationError

from ..support.talks import EventLog
from ..support.waiting import next_of, wait_for_talk


# --------------------------------------------------------------------------- what may be one
async def _awaitable(event: Any, turns: Any, now_s: float) -> None:
    """Would never be awaited."""


class _AwaitableObject:
    async def __call__(self, event: Any, turns: Any, now_s: float) -> None:
        """Would never be awaited."""


@pytest.mark.parametrize(
    "listener",
    [
        5, None, "print", lambda: None, lambda event: None, lambda event, turns: None,
        lambda event, turns, now_s, more: None, lambda event, turns, now_s, *, more: None,
        _awaitable, _AwaitableObject(),
    ],
)  # fmt: skip
async def test_what_cannot_be_called_with_an_event_is_refused_as_a_listener(listener: Any) -> None:
    refused = pytest.raises(ConfigurationError, match=r"three arguments.*def listener")
    with Talk(partner="parrot") as talk, refused:
        talk.add_listener(listener)
    async with connect(partner="parrot") as session:
        with refused:
            session.add_listener(listener)


@pytest.mark.parametrize(
    "listener",
    [print, lambda *_: None, lambda event, turns, now_s, more=1: None],
)
def test_whatever_takes_three_arguments_is_a_listener(listener: Any) -> None:
    with Talk(partner="parrot") as talk, talk.add_listener(listener):
        pass


# --------------------------------------------------------------------------- calls and removal
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


# --------------------------------------------------------------------------- errors
async def test_a_listener_that_raises_is_noted_and_logged_and_stops_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a bug")

    async with connect(partner="parrot") as session:
        session.add_listener(broken)
        events = aiter(session)
        await session.send_text("still there?")
        await session.respond()
        noted = await next_of(events, Noted)
        assert noted.text == (
            "A listener failed (RuntimeError: a bug). It stays registered and is called with "
            "the next event; its further errors are not noted."
        )
        await next_of(events, ResponseDone)
    failures = [each for each in caplog.records if each.message == "A listener failed."]
    assert failures
    assert all(each.exc_info and str(each.exc_info[1]) == "a bug" for each in failures)
    shown = failures[0].exc_info
    assert shown
    files = {each.filename for each in traceback.extract_tb(shown[2])}
    assert files == {__file__}


def test_a_listener_that_fails_is_noted_and_logged_once_with_its_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    calls: list[Any] = []

    def fail(event: Any, turns: Any, now_s: float) -> None:
        calls.append(event)
        raise ValueError("a mistake in the listener")

    with Talk(partner="parrot") as talk:
        talk.add_listener(fail)
        log = EventLog(talk)
        assert talk.ask("one").text == "one"
        log.wait_for(lambda: bool(log.of(ResponseDone)))
        assert len(calls) > 5
        failed = (
            "A listener failed (ValueError: a mistake in the listener). It stays registered "
            "and is called with the next event; its further errors are not noted."
        )
        wait_for_talk(talk, lambda: [note.text for note in talk.notes] == [failed])
    (record,) = (each for each in caplog.records if each.message == "A listener failed.")
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == "a mistake in the listener"
