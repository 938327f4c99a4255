"""Messages that come late, in pieces, twice, in another order, at once, or for too long."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pybase64
import pytest

from grok_live_widget.events import CancelResponse, ServerVad, TranscriptDone
from grok_live_widget.rehearsal import RehearsalServer
from grok_live_widget.rehearsal.faults import Burst, Duplicate, Late, Reorder, Tail, Trickle
from grok_live_widget.rehearsal.voice import Spoken

from .client import DONE, EVERYWHERE, PIECE, SOUND, line_to, sound_of


async def test_a_late_event_keeps_its_place(faulty: Any) -> None:
    late, sound = faulty(Late(0.1)), faulty()
    told = []
    for server in (late, sound):
        async with line_to(server) as line:
            await line.type_text()
            await line.until(DONE)
            told.append(line.types)
    assert told[0] == told[1]


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_a_trickle_is_the_same_sound_in_small_pieces(faulty: Any, dialect: str) -> None:
    server = faulty(Trickle(0.001, piece_bytes=500))
    async with line_to(server, dialect) as line:
        await line.type_text()
        await line.until(SOUND, 4 * 15)
    pieces = [len(pybase64.b64decode(message["delta"])) for message in line.of(SOUND)]
    assert pieces == 4 * [*14 * [500], 200]
    assert line.sound() == b"".join(sound_of(n).tobytes() for n in (1, 2, 3, 4))


@pytest.mark.parametrize("place", EVERYWHERE)
async def test_every_event_can_come_twice(faulty: Any, place: str) -> None:
    async with line_to(faulty(Duplicate(at=place))) as line:
        await line.type_text()
        await line.until(DONE, 2 if place == DONE else 1)
    first, second = line.of(place)[:2]
    assert first == second
    assert line.messages.index(first) + 1 == len(line.messages) - 1 - [
        *reversed(line.messages)
    ].index(second)


async def test_an_event_can_come_after_those_that_follow_it(faulty: Any) -> None:
    async with line_to(faulty(Reorder(2, at=TranscriptDone))) as line:
        await line.type_text()
        await line.until(DONE)
    assert line.types[-5:] == [
        "response.content_part.done",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.output_item.done",
        "response.done",
    ]


async def test_a_burst_is_a_whole_reply_that_comes_after_its_end_was_reached(faulty: Any) -> None:
    go_on = threading.Event()

    def partner(turn: Any) -> Any:
        yield Spoken(sound_of(1), "one ")
        go_on.wait()
        yield Spoken(sound_of(2), "two")

    server = RehearsalServer(partner, speed=float("inf"), words=False, faults=[Burst()])
    async with server, line_to(server) as line:
        await line.type_text()
        await line.until("conversation.item.added")
        assert await line.hears_nothing()
        go_on.set()
        await line.until(DONE)
    assert line.types[-1] == DONE
    assert len(line.sound()) == 2 * 2 * PIECE


def endless(turn: Any) -> Any:
    for number in range(1, 10_000):
        yield Spoken(sound_of(number % 30), "on ")


async def test_after_a_cancel_a_tail_of_the_reply_comes_before_its_end(serving: Any) -> None:
    server = serving(endless, speed=20, faults=[Tail(2)])
    async with line_to(server) as line:
        await line.type_text()
        await line.until(SOUND)
        await line.say(CancelResponse())
        await line.until(DONE)
    done = line.messages[-1]
    assert done["response"]["status"] == "cancelled"
    assert line.types[-3:-1] == [SOUND, SOUND]
    tail = line.of(SOUND)[-3:]
    assert tail[0] == tail[1] == tail[2]
    assert tail[0]["response_id"] == done["response_id"]


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_after_speech_began_a_tail_of_the_reply_comes(
    serving: Any, dialect: str, utterance: np.ndarray
) -> None:
    server = serving(endless, speed=20, faults=[Tail(3)])
    async with line_to(server, dialect, ServerVad()) as line:
        await line.type_text()
        await line.until(SOUND)
        await line.send_sound(utterance)
        await line.until("input_audio_buffer.speech_started")
        for _ in range(3):
            await line.until(SOUND)
    assert line.types[-4:] == ["input_audio_buffer.speech_started", SOUND, SOUND, SOUND]
