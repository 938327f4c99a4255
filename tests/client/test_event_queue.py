"""An event queue holds 256 events, pauses the socket when full, and resumes it when dropped."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from grok_live_widget.client.event_queue import QUEUE_EVENTS, EventQueue
from grok_live_widget.events import Pinged
from grok_live_widget.exceptions import GrokLiveError, SessionClosedError, SessionClosedOK

BROKEN = SessionClosedError("the connection broke.", close_code=1006)
PATIENCE_S = 10


def queue_of(count: int, failure: GrokLiveError | None = None) -> EventQueue:
    queue = EventQueue(lambda: failure)
    for at in range(count):
        queue.put(Pinged(at))
    return queue


async def is_paused(queue: EventQueue) -> bool:
    waiting = asyncio.ensure_future(queue.flow.wait())
    for _ in range(3):
        await asyncio.sleep(0)
    is_held = not waiting.done()
    waiting.cancel()
    return is_held


async def test_events_come_in_order_and_before_the_end() -> None:
    queue = queue_of(3)
    queue.end()
    assert [event async for event in queue] == [Pinged(0), Pinged(1), Pinged(2)]
    assert [event async for event in queue] == [], "an ended queue stays ended"


async def test_a_waiting_reader_gets_the_next_event() -> None:
    queue = queue_of(0)
    reading = asyncio.ensure_future(anext(queue))
    await asyncio.sleep(0)
    queue.put(Pinged(7))
    assert await reading == Pinged(7)


async def test_two_readers_of_one_queue_share_its_events() -> None:
    queue = queue_of(0)
    readings = [asyncio.ensure_future(anext(queue)) for _ in range(2)]
    await asyncio.sleep(0)
    queue.put(Pinged(1))
    await asyncio.sleep(0)
    queue.put(Pinged(2))
    assert {(await reading).timestamp_ms for reading in readings} == {1, 2}


@pytest.mark.parametrize("failure", [None, SessionClosedOK("closed.", close_code=1000)])
async def test_iteration_ends_without_an_error_after_a_normal_closure(
    failure: GrokLiveError | None,
) -> None:
    queue = queue_of(0, failure)
    reading = asyncio.ensure_future(anext(queue, "the end"))
    await asyncio.sleep(0)
    queue.end()
    assert await reading == "the end"


async def test_iteration_raises_the_failure_after_the_last_event() -> None:
    queue = queue_of(1, BROKEN)
    queue.end()
    assert await anext(queue) == Pinged(0)
    for _ in range(2):
        with pytest.raises(SessionClosedError):
            await anext(queue)


async def test_a_full_queue_pauses_until_one_event_is_read() -> None:
    queue = queue_of(QUEUE_EVENTS - 1)
    assert not await is_paused(queue)
    queue.put(Pinged(-1))
    assert await is_paused(queue)
    waiting = asyncio.ensure_future(queue.flow.wait())
    await asyncio.sleep(0)
    await anext(queue)
    await asyncio.wait_for(waiting, PATIENCE_S)
    assert not await is_paused(queue)


async def test_an_overfull_queue_pauses_until_it_is_below_its_limit() -> None:
    queue = queue_of(QUEUE_EVENTS + 2)
    for _ in range(2):
        await anext(queue)
        assert await is_paused(queue)
    await anext(queue)
    assert not await is_paused(queue)
    assert QUEUE_EVENTS == 256


async def test_a_dropped_queue_pauses_nothing() -> None:
    queue = queue_of(QUEUE_EVENTS)
    waiting = asyncio.ensure_future(queue.flow.wait())
    await asyncio.sleep(0)
    del queue
    gc.collect()
    await asyncio.wait_for(waiting, PATIENCE_S)


async def test_a_queue_that_another_thread_drops_pauses_nothing() -> None:
    box = [queue_of(QUEUE_EVENTS)]
    waiting = asyncio.ensure_future(box[0].flow.wait())
    await asyncio.sleep(0)
    # A loop that is debugged refuses what is not safe across threads.
    asyncio.get_running_loop().set_debug(True)
    dropping = threading.Thread(target=lambda: (box.clear(), gc.collect()))
    dropping.start()
    done, _ = await asyncio.wait({waiting}, timeout=PATIENCE_S)
    dropping.join()
    assert done


def test_a_queue_may_be_dropped_after_its_loop_was_closed() -> None:
    async def make() -> EventQueue:
        return queue_of(QUEUE_EVENTS)

    queue = asyncio.run(make())
    del queue
    gc.collect()
