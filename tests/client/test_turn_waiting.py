"""A turn can be waited for from any thread and any loop: until it is complete, or was heard."""

from __future__ import annotations

import asyncio
import copy
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget import GrokLive, Talk, Turn, connect, load
from grok_live_widget.audio import AudioBuffer
from grok_live_widget.client.talk import TALK_THREAD
from grok_live_widget.events import PlaybackReported
from grok_live_widget.exceptions import ConfigurationError, ReplyTimeout

from ..support.sound import tone
from ..support.talks import reconnecting_session_of
from ..support.waiting import wait_for_talk, wait_until


class Held:
    """A partner whose reply begins at once and ends when it is let go."""

    def __init__(self) -> None:
        self.is_released = threading.Event()

    def __call__(self, turn: Any) -> Any:
        yield tone(0.5)
        self.is_released.wait(20)


@pytest.fixture
def partner() -> Iterator[Held]:
    held = Held()
    yield held
    held.is_released.set()


@pytest.fixture
def talk(partner: Held) -> Iterator[Talk]:
    with Talk(partner=partner) as talk:
        yield talk


def set_player(talk: Talk) -> None:
    async def play() -> None:
        reconnecting_session_of(talk).set_player(True)

    TALK_THREAD.run(play())


def report(talk: Talk, turn: Turn, sample_count: int) -> None:
    event = PlaybackReported(item_id=turn.item_id, sample_count=sample_count)
    TALK_THREAD.run(reconnecting_session_of(talk).report_playback(event))


def growing_reply(talk: Talk) -> Turn:
    talk.say("go on")
    wait_for_talk(talk, lambda: len(talk.turns) > 1 and len(talk.turns[1].pcm) > 0)
    return talk.turns[1]


WAITS: dict[str, Callable[..., Turn]] = {
    "wait": lambda turn, **how: turn.wait(**how),
    "wait_async": lambda turn, **how: asyncio.run(turn.wait_async(**how)),
}
BOTH = pytest.mark.parametrize("wait", list(WAITS.values()), ids=list(WAITS))


def in_thread(wait: Callable[..., Turn], turn: Turn, **how: Any) -> Future[Turn]:
    """Start to wait on a thread, and return when it waits."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(wait, turn, **how)
    pool.shutdown(wait=False)
    wait_until(lambda: turn._watchers or future.done(), what="the wait to begin")
    return future


# --------------------------------------------------------------------------- until it is complete
def test_the_reply_that_ask_returns_can_be_awaited_and_is_asked_for_once(
    talk: Talk, partner: Held
) -> None:
    partner.is_released.set()

    async def cell() -> Turn:
        return await talk.ask("go on")

    assert asyncio.run(cell()) is talk.turns[-1]
    assert len(talk.turns) == 2


@BOTH
def test_a_reply_is_waited_for_until_it_is_complete(
    talk: Talk, partner: Held, wait: Callable[..., Turn]
) -> None:
    turn = growing_reply(talk)
    waiting = in_thread(wait, turn)
    assert not waiting.done()
    partner.is_released.set()
    assert waiting.result(20) is turn
    assert turn.is_complete
    assert turn._watchers == []


@BOTH
def test_the_end_of_the_connection_ends_the_wait(talk: Talk, wait: Callable[..., Turn]) -> None:
    set_player(talk)
    turn = growing_reply(talk)
    waiting = in_thread(wait, turn, heard=True)
    talk.stop()
    assert waiting.result(20) is turn


@BOTH
def test_a_turn_that_is_not_complete_in_time_raises_with_the_turn(
    talk: Talk, wait: Callable[..., Turn]
) -> None:
    turn = growing_reply(talk)
    with pytest.raises(ReplyTimeout, match=r"not complete after 0\.01 s") as caught:
        wait(turn, timeout_s=0.01)
    assert caught.value.turn is turn


async def test_a_turn_of_a_session_is_awaited_on_its_own_loop() -> None:
    async with connect(partner=lambda turn: tone(0.5)) as session:
        await session.send_text("go on")
        await session.respond()
        await session.wait_for(lambda: len(session.turns) > 1)
        assert (await session.turns[1]).is_complete


def test_the_talks_own_thread_refuses_to_wait_for_itself(talk: Talk) -> None:
    turn = growing_reply(talk)

    async def wait() -> None:
        turn.wait()

    with pytest.raises(ConfigurationError, match="await turn"):
        TALK_THREAD.run(wait())


# --------------------------------------------------------------------------- until it was heard
@BOTH
def test_a_reply_is_waited_for_until_it_was_heard(
    talk: Talk, partner: Held, wait: Callable[..., Turn]
) -> None:
    partner.is_released.set()
    set_player(talk)
    turn = talk.ask("go on")
    waiting = in_thread(wait, turn, heard=True)
    report(talk, turn, len(turn.pcm) - 1)
    assert not waiting.done()
    report(talk, turn, len(turn.pcm))
    assert waiting.result(20) is turn


@BOTH
def test_an_interruption_ends_the_wait_for_the_sound(
    talk: Talk, partner: Held, wait: Callable[..., Turn]
) -> None:
    partner.is_released.set()
    set_player(talk)
    turn = talk.ask("go on")
    waiting = in_thread(wait, turn, heard=True)
    talk.interrupt()
    assert waiting.result(20).was_interrupted


def test_a_typed_turn_and_a_reply_without_sound_need_not_be_heard() -> None:
    with Talk(partner=lambda turn: "") as talk:
        talk.say("go on")
        wait_for_talk(talk, lambda: len(talk.turns) > 0)
        assert talk.turns[0].wait(0, heard=True) is talk.turns[0]


@BOTH
def test_a_reply_that_nothing_can_play_is_refused_at_once(
    talk: Talk, partner: Held, wait: Callable[..., Turn]
) -> None:
    turn = growing_reply(talk)
    for is_complete in (False, True):
        if is_complete:
            partner.is_released.set()
            wait(turn)
        with pytest.raises(ConfigurationError, match=r"nothing plays.*Wait without heard=True"):
            wait(turn, timeout_s=3600, heard=True)


@BOTH
def test_a_reply_that_begins_to_sound_while_it_is_awaited_is_refused_then(
    talk: Talk, partner: Held, wait: Callable[..., Turn]
) -> None:
    turn = Turn("assistant", tape=(tape := AudioBuffer(10)))
    turn._bound(0)
    waiting = in_thread(wait, turn, timeout_s=3600, heard=True)
    assert not waiting.done()
    turn._extend(tape.append(np.zeros(4, np.int16)))
    turn._notify()
    with pytest.raises(ConfigurationError, match="nothing plays"):
        waiting.result(20)


@BOTH
def test_a_reply_of_a_panel_that_nobody_has_shown_is_waited_for(
    partner: Held, wait: Callable[..., Turn]
) -> None:
    partner.is_released.set()
    live = GrokLive(partner=partner)
    turn = live.ask("go on")
    with pytest.raises(ReplyTimeout, match=r"no page has reported.*Show the panel"):
        wait(turn, timeout_s=0.01, heard=True)
    waiting = in_thread(wait, turn, timeout_s=3600, heard=True)
    live.close()
    with pytest.raises(ConfigurationError, match="until it is closed"):
        waiting.result(20)


def test_a_reply_of_a_saved_talk_and_a_copy_of_one_are_never_heard(
    talk: Talk, partner: Held, tmp_path: Path
) -> None:
    partner.is_released.set()
    set_player(talk)
    turn = talk.ask("go on")
    for other in (copy.copy(turn), load(talk.save(tmp_path / "talk")).turns[-1]):
        with pytest.raises(ConfigurationError, match="nothing plays"):
            other.wait(timeout_s=3600, heard=True)
