"""Pacing of responses, and the idle timeout."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from grok_live_widget.events import (
    AudioCommitted,
    IdleTimeoutTriggered,
    ResponseCreated,
    ResponseDone,
    ServerVad,
    TextDelta,
    TranscriptDelta,
    UpdateSession,
)
from grok_live_widget.rehearsal.timing import IdleTimer, Pacer


# --------------------------------------------------------------------------- pacing
async def test_audio_is_sent_no_faster_than_the_pace() -> None:
    """Ten pieces of 150 ms at thirty times real time: the last is due after 45 ms."""
    loop, pace = asyncio.get_running_loop(), Pacer(30)
    began_s = loop.time()
    for _ in range(10):
        await pace.wait_for(0.15)
    assert loop.time() - began_s > 0.044


async def test_a_late_response_catches_up_only_a_little() -> None:
    """A second late, it may send 0.2 s ahead of the pace and no more."""
    loop, pace = asyncio.get_running_loop(), Pacer(10)
    pace._due_s -= 1
    began_s = loop.time()
    for _ in range(21):
        await pace.wait_for(0.15)
    assert loop.time() - began_s > 20 * 0.015 - 0.2 - 0.001


async def test_audio_sent_faster_than_real_time_plays_for_longer() -> None:
    pace = Pacer(float("inf"))
    assert pace.remaining_playback_s == 0
    for _ in range(20):
        await pace.wait_for(10.0)
    assert 100 < pace.remaining_playback_s <= 200


# --------------------------------------------------------------------------- idle timeout
class Bell:
    """Keeps what it was rung with."""

    def __init__(self) -> None:
        self.rung: list[int] = []
        self._has_rung = asyncio.Event()

    def __call__(self, position_ms: int) -> None:
        self.rung.append(position_ms)
        self._has_rung.set()

    async def wait(self) -> None:
        await asyncio.wait_for(self._has_rung.wait(), 10)
        self._has_rung.clear()


async def test_it_rings_once_with_the_place_where_the_silence_began() -> None:
    bell = Bell()
    idleness = IdleTimer(bell)
    idleness.update(1, 7)
    idleness.update(1, 8)
    await bell.wait()
    assert bell.rung == [7]
    idleness.update(1, 9)
    await bell.wait()
    assert bell.rung == [7, 9]


async def test_it_does_not_ring_when_it_was_stopped() -> None:
    bell, other = Bell(), Bell()
    for stop in (lambda each: each.update(None), lambda each: each.stop()):
        idleness = IdleTimer(bell)
        idleness.update(1)
        stop(idleness)
    later = IdleTimer(other)
    later.update(20)
    await other.wait()
    assert bell.rung == []


# --------------------------------------------------------------------------- through a line
@pytest.mark.parametrize("partner", ["parrot", "talker"])
async def test_the_server_takes_a_turn_after_each_idle_timeout(
    serving: Any, connected: Any, partner: str
) -> None:
    detection = ServerVad(idle_timeout_ms=30)
    async with connected(serving(partner, speed=float("inf")), detection=detection) as client:
        for _ in range(2 if partner == "parrot" else 1):
            client.forget()
            triggered = await client.until(IdleTimeoutTriggered)
            assert triggered.item_id
            created = await client.until(ResponseCreated)
            done = await client.until(ResponseDone)
            assert (done.response_id, done.status) == (created.response_id, "completed")
            said = client.all(TextDelta) or client.all(TranscriptDelta)
            assert "Say something" in "".join(delta.delta for delta in said)


async def test_the_idle_timeout_asks_the_partner_with_an_empty_text_and_reports_its_position(
    serving: Any, connected: Any
) -> None:
    turns = []

    def partner(turn: Any) -> None:
        turns.append(turn)

    async with connected(serving(partner), detection=ServerVad()) as client:
        await client.send_audio(np.zeros(12_000, np.int16))
        await client.ask("hello")
        await client.send(UpdateSession(turn_detection=ServerVad(idle_timeout_ms=20)))
        triggered = await client.until(IdleTimeoutTriggered)
        await client.until(ResponseDone)
        assert (triggered.audio_start_ms, triggered.audio_end_ms) == (500, 500)
        assert triggered.previous_item_id
    assert (turns[1].text, turns[1].pcm.size) == ("", 0)
    assert [line.text for line in turns[1].history] == ["hello"]


async def test_a_user_who_speaks_is_not_idle(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    """The speech has begun and not ended, while another client is idle for long enough."""
    server = serving("parrot")
    async with connected(server, detection=ServerVad()) as speaker:
        await speaker.send_audio(utterance[:40_000])
        await speaker.send(UpdateSession(turn_detection=ServerVad(idle_timeout_ms=1)))
        async with connected(server, detection=ServerVad(idle_timeout_ms=30)) as other:
            await other.until(IdleTimeoutTriggered)
        await speaker.send_audio(utterance[40_000:])
        await speaker.until(AudioCommitted)
        assert not speaker.all(IdleTimeoutTriggered)
