"""A partner's answer, made on a thread of its own and handed to the loop piece by piece."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from typing import Any

import numpy as np

from .partner import Partner, PartnerTurn, Piece, ToolCall, pieces_from

__all__ = ["perform"]

_LOG = logging.getLogger("grok_live_widget")

PIECES_AHEAD = 16
"""How many pieces a partner may be ahead of what has been sent."""

PATIENCE_S = 2.0
"""How long a partner that is no longer listened to may take to end its thread [s]."""


class _Dismissed(BaseException):
    """Nobody listens any more. Not an Exception, so that partners do not swallow it."""


async def perform(partner: Partner, turn: PartnerTurn) -> AsyncGenerator[Piece]:
    """Let `partner` answer; yields what it says as it says it.

    Whatever the partner raises is raised here. When the iterator is closed early, a
    coroutine is cancelled and a generator closed; a plain function that is busy runs on
    until it returns, on a daemon thread, and is not heard.
    """
    stage = _Stage(partner, turn)
    stage.thread.start()
    try:
        while True:
            piece = await stage.next_piece()
            if piece is None:
                return
            yield piece
    finally:
        await stage.dismiss()


class _Stage:
    """The thread of one answer, and the way from it to the loop."""

    def __init__(self, partner: Partner, turn: PartnerTurn) -> None:
        self._partner, self._turn = partner, turn
        self._loop = asyncio.get_running_loop()
        self._handed: asyncio.Queue[Piece | BaseException | None] = asyncio.Queue()
        self._room = threading.Semaphore(PIECES_AHEAD)
        self._has_ended = asyncio.Event()
        self._is_dismissed = threading.Event()
        self._cancel: Callable[[], object] = lambda: None
        self.thread = threading.Thread(target=self._run, name="rehearsal-partner", daemon=True)

    # On the loop.
    async def next_piece(self) -> Piece | None:
        piece = await self._handed.get()
        self._room.release()
        if isinstance(piece, BaseException):
            raise piece
        return piece

    async def dismiss(self) -> None:
        self._is_dismissed.set()
        self._room.release(PIECES_AHEAD)
        self._cancel()
        with suppress(TimeoutError):
            # Not wait_for(), which before Python 3.12 swallows a cancellation that meets the end.
            async with asyncio.timeout(PATIENCE_S):
                await self._has_ended.wait()
            self.thread.join()

    # On the partner's thread.
    def _run(self) -> None:
        end: BaseException | None = None
        try:
            self._perform()
        except (_Dismissed, asyncio.CancelledError):
            pass
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited.
            # The line hears one sentence of it; whose function it is wants to see where.
            _LOG.warning("The rehearsal's partner failed.", exc_info=error)
            end = error
        self._tell_loop(self._handed.put_nowait, end)
        self._tell_loop(self._has_ended.set)

    def _tell_loop(self, function: Callable[..., object], *args: Any) -> None:
        _call_unless_closed(self._loop, function, *args)

    def _perform(self) -> None:
        answer = self._partner(self._turn)
        if inspect.isawaitable(answer) or hasattr(answer, "__aiter__"):
            asyncio.run(self._follow(answer))
        else:
            self._hand_all(answer)

    def _hand_all(self, answer: Any) -> None:
        if _is_one_piece(answer) or not isinstance(answer, Iterable):
            self._hand(answer)
        else:
            self._hand_each(answer)

    def _hand(self, said: Any) -> None:
        turn = self._turn
        for piece in pieces_from(said, turn.voice, speed=turn.speed, replace=turn.replace):
            self._room.acquire()
            if self._is_dismissed.is_set():
                raise _Dismissed
            self._tell_loop(self._handed.put_nowait, piece)

    def _hand_each(self, answer: Iterable[Any]) -> None:
        try:
            for said in answer:
                self._hand(said)
        finally:
            getattr(answer, "close", lambda: None)()

    async def _follow(self, answer: Any) -> None:
        """Drive an asynchronous partner on a loop of its own."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        self._cancel = lambda: _call_unless_closed(loop, task.cancel)
        if self._is_dismissed.is_set():
            raise _Dismissed
        if inspect.isawaitable(answer):
            answer = await answer
        if not hasattr(answer, "__aiter__"):
            # The hand-over waits, which must not hold up the partner's own loop.
            return await asyncio.to_thread(self._hand_all, answer)
        try:
            async for said in answer:
                await asyncio.to_thread(self._hand, said)
        finally:
            if hasattr(answer, "aclose"):
                await answer.aclose()
        return None


def _is_one_piece(answer: Any) -> bool:
    return answer is None or isinstance(answer, str | np.ndarray | ToolCall)


def _call_unless_closed(
    loop: asyncio.AbstractEventLoop, function: Callable[..., object], *args: Any
) -> None:
    # RuntimeError: the loop has ended in the meantime, and nobody is left to be told.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(function, *args)
