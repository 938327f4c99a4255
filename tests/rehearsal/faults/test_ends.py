"""Lines that end without a word, with a code, or not at all."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from grok_live_widget.events import AudioDelta
from grok_live_widget.rehearsal.faults import Close, Drop, Stall

from .client import DONE, EVERYWHERE, SOUND, WORDS_SAID, answers_soundly, line_to, sound_of


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_a_dropped_line_ends_without_a_close_frame_and_the_next_one_works(
    faulty: Any, dialect: str
) -> None:
    server = faulty(Drop(at=AudioDelta, nth=2))
    async with line_to(server, dialect) as line:
        await line.type_text()
        await line.until(DONE)
    assert line.closed is not None
    assert line.closed.rcvd is None
    assert line.sound() == sound_of(1).tobytes()
    assert await answers_soundly(server, dialect)


@pytest.mark.parametrize("place", EVERYWHERE)
async def test_a_line_can_be_dropped_at_every_event(faulty: Any, place: str) -> None:
    async with line_to(faulty(Drop(at=place, nth=1))) as line:
        with suppress(ConnectionClosed):
            await line.type_text()
        await line.until(DONE)
    assert line.closed is not None
    assert line.closed.rcvd is None
    assert place not in line.types


@pytest.mark.parametrize("dialect", ["realtime", "live"])
@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 1013, 1014, 4000])
async def test_a_line_is_closed_in_the_middle_of_a_word_with_a_code_and_a_reason(
    faulty: Any, dialect: str, code: int
) -> None:
    async with line_to(faulty(Close(code, "as asked")), dialect) as line:
        await line.type_text()
        await line.until(DONE)
    assert line.closed is not None
    assert (line.closed.rcvd.code, line.closed.rcvd.reason) == (code, "as asked")
    assert len(line.of(SOUND)) == 1


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_a_stalled_line_stays_open_and_says_nothing_more(faulty: Any, dialect: str) -> None:
    server = faulty(Stall(at=AudioDelta, nth=3))
    async with line_to(server, dialect) as line:
        await line.type_text()
        await line.until(WORDS_SAID, 2)
        await line.type_text("still there?")
        assert await line.hears_nothing()
        assert await answers_soundly(server, dialect)
        assert await line.hears_nothing()
