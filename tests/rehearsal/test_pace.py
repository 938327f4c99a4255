"""When sound is due."""

from __future__ import annotations

import asyncio

from grok_live_widget.rehearsal.pace import Pace


async def test_sound_is_sent_no_faster_than_the_pace() -> None:
    """Ten pieces of 150 ms at thirty times real time: the last is due after 45 ms."""
    loop, pace = asyncio.get_running_loop(), Pace(30)
    began_s = loop.time()
    for _ in range(10):
        await pace.wait_for(0.15)
    assert loop.time() - began_s > 0.044


async def test_a_late_reply_hurries_only_a_little() -> None:
    """A second late, it may send 0.2 s ahead of the pace and no more."""
    loop, pace = asyncio.get_running_loop(), Pace(10)
    pace._due_s -= 1
    began_s = loop.time()
    for _ in range(21):
        await pace.wait_for(0.15)
    assert loop.time() - began_s > 20 * 0.015 - 0.2 - 0.001


async def test_what_was_sent_too_fast_is_heard_for_longer() -> None:
    pace = Pace(float("inf"))
    assert pace.rest_s == 0
    for _ in range(20):
        await pace.wait_for(10.0)
    assert 100 < pace.rest_s <= 200
