"""Runs a partner on a thread of its own and passes its answer to the event loop in pieces."""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import suppress
from contextvars import copy_context
from typing import Any

from .._threads import LoopThread
from ..exceptions import exc_info_without_own_frames
from .partner import Partner, PartnerTurn, Piece, is_one_answer, pieces_from, remark_about

_LOG = logging.getLogger("grok_live_widget")

MAX_PIECES_AHEAD = 16
"""How many pieces a partner may be ahead of those that were taken."""

STOP_TIMEOUT_S = 2.0
"""How long to wait for the thread of a partner that was stopped [s]."""


class _Stopped(BaseException):
    """The answer is no longer wanted. A BaseException, so that partners do not catch it."""


class PartnerHost:
    """What the answers of one server's partner share: a loop for coroutines, and a context.

    So a client, a lock or an event that a coroutine makes for one answer can be used by the next,
    and context variables have the values that they had where the server was made.
    """

    def __init__(self) -> None:
        self.context = copy_context()
        self._loop_thread = LoopThread("rehearsal-partner-loop")

    def run(self, coro: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine on the loop, and wait for its end on the calling thread."""
        error = self._loop_thread.run(_error_of(coro))
        if error is not None:
            raise error

    def close(self) -> None:
        """End the thread of the loop."""
        self._loop_thread.close(STOP_TIMEOUT_S)


async def _error_of(coro: Coroutine[Any, Any, None]) -> BaseException | None:
    """What a coroutine raises, as a value: some errors would end the loop."""
    try:
        await coro
    except BaseException as error:  # noqa: BLE001 - raised again on the answer's thread.
        return error
    return None


def _spoken(output: Any, turn: PartnerTurn) -> Iterator[Piece]:
    """What a partner returned or yielded, as it is sent to the client."""
    yield from pieces_from(output, turn.voice, speed=turn.speed, replace=turn.replace)
    if remark := remark_about(output, turn.tools):
        yield remark


async def run_partner(
    partner: Partner,
    turn: PartnerTurn,
    host: PartnerHost | None = None,
    convert: Callable[[Any, PartnerTurn], Iterator[Any]] = _spoken,
) -> AsyncGenerator[Any]:
    """Call `partner`; yields the pieces of its answer as they come.

    An exception of the partner is raised here. When the iterator is closed early, a coroutine
    is cancelled and a generator closed; a plain function runs on a daemon thread until it
    returns, and its answer is discarded.

    Parameters
    ----------
    host : PartnerHost or None
        None: one for this answer alone.
    convert : callable
        ``convert(output, turn)`` yields the pieces of what the partner returned or yielded, on the
        thread of the partner; by default each is a `Piece`.
    """
    used = host or PartnerHost()
    runner = _PartnerThread(partner, turn, used, convert)
    runner.thread.start()
    try:
        while (piece := await runner.next_piece()) is not None:
            yield piece
    finally:
        await runner.stop()
        if host is None:
            await asyncio.to_thread(used.close)


class _PartnerThread:
    """The thread of one answer, and the queue from it to the event loop."""

    def __init__(
        self,
        partner: Partner,
        turn: PartnerTurn,
        host: PartnerHost,
        convert: Callable[[Any, PartnerTurn], Iterator[Any]],
    ) -> None:
        self._partner, self._turn, self._host = partner, turn, host
        self._convert = convert
        self._context = host.context.copy()
        self._loop = asyncio.get_running_loop()
        self._pieces: asyncio.Queue[Any] = asyncio.Queue()
        self._capacity = threading.Semaphore(MAX_PIECES_AHEAD)
        self._is_stopping = threading.Event()
        self._cancel: Callable[[], object] = lambda: None
        self.thread = threading.Thread(
            target=self._context.run, args=(self._run,), name="rehearsal-partner", daemon=True
        )

    # On the loop.
    async def next_piece(self) -> Any:
        """None after the last one."""
        piece = await self._pieces.get()
        self._capacity.release()
        if isinstance(piece, BaseException):
            raise piece
        return piece

    async def stop(self) -> None:
        self._is_stopping.set()
        self._capacity.release(MAX_PIECES_AHEAD)
        self._cancel()
        await asyncio.to_thread(self.thread.join, STOP_TIMEOUT_S)

    # On the partner's thread.
    def _run(self) -> None:
        end: BaseException | None = None
        try:
            self._call_partner()
        except (_Stopped, asyncio.CancelledError):
            pass
        except BaseException as error:  # noqa: BLE001 - raised again in next_piece().
            # The client receives one sentence with its place. The traceback is for the log only:
            # shown by default, it would report the same error a second time.
            exc_info = exc_info_without_own_frames(error)
            _LOG.info("The rehearsal's partner failed.", exc_info=exc_info)
            end = error
        _call_unless_closed(self._loop, self._pieces.put_nowait, end)

    def _call_partner(self) -> None:
        answer = self._partner(self._turn)
        if inspect.isawaitable(answer) or hasattr(answer, "__aiter__"):
            self._host.run(self._run_async(answer))
        else:
            self._put_all(answer)

    def _put_all(self, answer: Any) -> None:
        pieces = [answer] if is_one_answer(answer) else answer
        try:
            for output in pieces:
                self._put(output)
        finally:
            getattr(pieces, "close", lambda: None)()

    def _put(self, output: Any) -> None:
        for piece in self._convert(output, self._turn):
            self._put_piece(piece)

    def _put_piece(self, piece: Any) -> None:
        self._capacity.acquire()
        if self._is_stopping.is_set():
            raise _Stopped
        _call_unless_closed(self._loop, self._pieces.put_nowait, piece)

    async def _run_async(self, answer: Any) -> None:
        """Run an asynchronous partner on the loop of its host."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        self._cancel = lambda: _call_unless_closed(loop, task.cancel)
        if self._is_stopping.is_set():
            raise _Stopped
        if inspect.isawaitable(answer):
            answer = await answer
        if not hasattr(answer, "__aiter__"):
            # Putting blocks while the queue is full, which must not block the partner's own loop.
            return await asyncio.to_thread(self._put_all, answer)
        try:
            async for output in answer:
                await asyncio.to_thread(self._put, output)
        finally:
            if hasattr(answer, "aclose"):
                await answer.aclose()
        return None


def _call_unless_closed(
    loop: asyncio.AbstractEventLoop, function: Callable[..., object], *args: Any
) -> None:
    # RuntimeError: the loop has been closed in the meantime.
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(function, *args)
