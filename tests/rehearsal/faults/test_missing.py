"""Events that never come, replies that have no end, and errors in their place."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

from grok_live_widget.events import (
    AudioDelta,
    AudioDone,
    OutputItemAdded,
    ResponseCreated,
    UpdateSession,
)
from grok_live_widget.rehearsal.faults import Abandon, Report

from .client import DONE, SOUND, answers_soundly, counting, line_to


async def test_an_event_can_be_withheld(faulty: Any) -> None:
    server = faulty("withhold:session.updated")
    async with line_to(server) as line:
        await line.type_text()
        await line.until(DONE)
        assert "session.updated" not in line.types
        await line.say(UpdateSession(voice="eve"))
        await line.until("session.updated")


@pytest.mark.parametrize(
    ("place", "nth", "last", "pieces"),
    [
        (ResponseCreated, 1, "conversation.item.added", 0),
        (OutputItemAdded, 1, "response.created", 0),
        (AudioDelta, 3, "response.output_audio_transcript.delta", 2),
        (AudioDone, 1, "response.content_part.done", 4),
    ],
)
async def test_an_abandoned_reply_has_no_end_and_the_next_one_is_whole(
    serving: Any, place: type, nth: int, last: str, pieces: int
) -> None:
    was_asked = threading.Event()

    def partner(turn: Any) -> Any:
        was_asked.set()
        yield from counting(turn)

    server = serving(partner, faults=[Abandon(at=place, nth=nth)])
    async with line_to(server) as line:
        await line.type_text("first")
        await asyncio.to_thread(was_asked.wait)
        while any(each._told or each._state.reply for each in server._lines):
            await asyncio.to_thread(time.sleep, 0.01)
        await line.type_text("second")
        await line.until(DONE)
    assert len(line.of(DONE)) == 1
    whole = line.of(DONE)[0]["response_id"]
    assert len([m for m in line.of(SOUND) if m["response_id"] != whole]) == pieces
    assert len(line.of(SOUND)) == pieces + 4
    second = [m.get("item", {}).get("content") for m in line.messages].index(
        [{"type": "input_text", "text": "second"}]
    )
    assert line.types[second - 1] == last


@pytest.mark.parametrize("dialect", ["realtime", "live"])
@pytest.mark.parametrize("error_type", ["internal_error", "rate_limit_exceeded"])
async def test_an_error_comes_in_place_of_a_reply(
    faulty: Any, dialect: str, error_type: str
) -> None:
    place = ResponseCreated if dialect == "realtime" else AudioDelta
    async with line_to(faulty(Report(error_type, at=place)), dialect) as line:
        await line.type_text()
        await line.until("error")
        assert await line.hears_nothing()
    error = line.messages[-1]["error"]
    assert (error["type"], error["code"]) == (error_type, error_type)
    assert error["message"]
    assert not line.of(SOUND)
    assert "response.created" not in line.types


@pytest.mark.parametrize("error_type", ["timeout", "max_duration"])
async def test_an_error_that_ends_the_session_is_followed_by_its_end(
    faulty: Any, error_type: str
) -> None:
    server = faulty(Report(error_type, at=AudioDelta, nth=3))
    async with line_to(server) as line:
        await line.type_text()
        await line.until(DONE)
    assert line.types[-1] == "error"
    assert line.messages[-1]["error"]["type"] == error_type
    assert line.closed is not None
    assert line.closed.rcvd.code == 1000
    assert len(line.of(SOUND)) == 2
    assert await answers_soundly(server)
