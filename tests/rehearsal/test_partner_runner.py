"""Partners of every kind, on their own thread."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest

from grok_live_widget.rehearsal.partner import CallTool, PartnerTurn
from grok_live_widget.rehearsal.partner_runner import MAX_PIECES_AHEAD, run_partner

ONE = np.ones(1, np.int16)


async def performed(partner: Any) -> list[Any]:
    return [piece async for piece in run_partner(partner, PartnerTurn(text="go"))]


def sounds(partner_calls: list[Any]) -> list[int]:
    return [int(piece.pcm.size) for piece in partner_calls]


async def coroutine_of_a_list(turn: Any) -> Any:
    return [ONE, ONE]


async def async_generator(turn: Any) -> Any:
    yield ONE
    yield ONE


class AsyncIterator:
    """Has `__anext__` but no `aclose`."""

    def __init__(self, turn: Any) -> None:
        self._left = 2

    def __aiter__(self) -> Any:
        return self

    async def __anext__(self) -> Any:
        if not self._left:
            raise StopAsyncIteration
        self._left -= 1
        return ONE


@pytest.mark.parametrize(
    "partner",
    [
        lambda turn: [ONE, ONE],
        lambda turn: iter((ONE, ONE)),
        lambda turn: (ONE for _ in range(2)),
        coroutine_of_a_list,
        async_generator,
        AsyncIterator,
    ],
)
async def test_pieces_may_come_in_any_way(partner: Any) -> None:
    assert sounds(await performed(partner)) == [1, 1]


async def test_a_partner_may_call_a_tool() -> None:
    call = CallTool("look")
    assert await performed(lambda turn: call) == [call]


async def test_a_partner_has_a_thread_and_a_loop_of_its_own() -> None:
    seen = []

    async def curious(turn: Any) -> None:
        seen.extend((threading.current_thread(), asyncio.get_running_loop()))

    await performed(curious)
    assert seen[0] is not threading.current_thread()
    assert seen[1] is not asyncio.get_running_loop()


@pytest.mark.parametrize("is_async", [False, True])
async def test_what_a_partner_raises_is_raised_where_it_is_awaited_and_its_place_is_logged(
    is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(turn: Any) -> Any:
        yield ONE
        raise KeyError("lost")

    async def fails_async(turn: Any) -> Any:
        yield ONE
        raise KeyError("lost")

    caplog.set_level(logging.INFO, "grok_live_widget")
    async with aclosing(run_partner(fails_async if is_async else fails, PartnerTurn())) as pieces:
        assert sounds([await anext(pieces)]) == [1]
        with pytest.raises(KeyError, match="lost"):
            await anext(pieces)
    [record] = [each for each in caplog.records if each.name == "grok_live_widget"]
    assert "partner failed" in record.message
    # Without a handler Python prints warnings, and the error would be shown twice.
    assert record.levelno < logging.WARNING
    assert 'raise KeyError("lost")' in caplog.text
    # The traceback begins with the partner.
    assert caplog.text.count("  File ") == 1


async def test_a_partner_is_not_let_run_far_ahead() -> None:
    made = []

    def eager(turn: Any) -> Any:
        while True:
            made.append(1)
            yield ONE

    async with aclosing(run_partner(eager, PartnerTurn())) as pieces:
        await anext(pieces)
        await anext(pieces)
    assert len(made) <= MAX_PIECES_AHEAD + 4


async def test_a_generator_whose_answer_is_not_read_is_closed() -> None:
    closed = threading.Event()

    def talks_on(turn: Any) -> Any:
        try:
            while True:
                yield ONE
        finally:
            closed.set()

    async with aclosing(run_partner(talks_on, PartnerTurn())) as pieces:
        await anext(pieces)
    assert closed.is_set()
    assert not [t for t in threading.enumerate() if t.name == "rehearsal-partner"]


@pytest.mark.parametrize("has_begun", [False, True])
async def test_a_coroutine_whose_answer_is_not_read_is_cancelled(has_begun: bool) -> None:
    started, cancelled = threading.Event(), threading.Event()

    async def waits(turn: Any) -> Any:
        if has_begun:
            yield ONE
        started.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async def listen() -> None:
        async for _ in run_partner(waits, PartnerTurn()):
            pass

    listening = asyncio.create_task(listen())
    await asyncio.to_thread(started.wait, 10)
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    assert cancelled.is_set()
