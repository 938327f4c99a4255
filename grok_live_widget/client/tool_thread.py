"""One call of a function on a thread of its own, awaited on a loop that must not be held up."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, closing, suppress
from typing import Any, TypeVar

from ..exceptions import ToolError

T = TypeVar("T")

Stage = Callable[[], AbstractContextManager[object]]
"""Makes what surrounds a call, on the call's own thread."""


async def call_on_thread(
    function: Callable[[], Any],
    finish: Callable[[Any], T],
    *,
    name: str,
    timeout_s: float,
    stage: Stage,
) -> T:
    """Call `function` and give what `finish` makes of its result, both on one new thread.

    An awaitable result is awaited there, on a loop of its own; `finish` reads a generator, also
    an async one, as an iterator.

    A coroutine that takes too long is cancelled. A plain function cannot be: it runs on, on a
    daemon thread, and what it returns is dropped.

    Raises
    ------
    ToolError
        After `timeout_s`, or when the function tried to end its thread.
    Exception
        Whatever `function` raises.
    """
    call = _Call(function, finish, stage)
    threading.Thread(target=call.run, name=f"tool-{name}", daemon=True).start()
    limit = asyncio.timeout(timeout_s)
    try:
        async with limit:
            value, error = await asyncio.wrap_future(call.outcome)
    except TimeoutError:
        if not limit.expired():
            raise
        raise ToolError(f"no result within {timeout_s:g} s.") from None
    finally:
        call.cancel()
    if error is None:
        result: T = value
        return result
    if isinstance(error, Exception):
        raise error
    raise ToolError(f"the function was ended by {type(error).__name__}.")


class _Call:
    def __init__(
        self, function: Callable[[], Any], finish: Callable[[Any], Any], stage: Stage
    ) -> None:
        self._function, self._finish, self._stage = function, finish, stage
        self._lock = threading.Lock()
        self._is_cancelled = False
        self._cancel_task: Callable[[], object] = lambda: None
        # A value and an error as a result: a function may raise what a future cannot hold.
        self.outcome: Future[tuple[Any, BaseException | None]] = Future()
        # Running, so that it is not cancelled together with the coroutine that awaits it.
        self.outcome.set_running_or_notify_cancel()

    # On the loop.
    def cancel(self) -> None:
        """Stop a coroutine; harmless at any time."""
        with self._lock, suppress(RuntimeError):  # Its loop is closed: it has ended.
            self._is_cancelled = True
            self._cancel_task()

    # On the call's thread.
    def run(self) -> None:
        try:
            with self._stage(), closing(asyncio.Runner()) as runner:
                value = self._function()
                if inspect.isawaitable(value):
                    value = runner.run(self._awaited(value))
                finished = self._finish(self._readable(value, runner))
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited.
            self.outcome.set_result((None, error))
        else:
            self.outcome.set_result((finished, None))

    def _readable(self, value: Any, runner: asyncio.Runner) -> Any:
        """A generator as an iterator that ends with the call; anything else as it is."""
        if isinstance(value, AsyncGenerator):
            return self._until_cancelled(self._drained(value, runner))
        return self._until_cancelled(value) if isinstance(value, Generator) else value

    def _drained(
        self, values: AsyncGenerator[Any, None], runner: asyncio.Runner
    ) -> Generator[Any, None, None]:
        try:
            while True:
                try:
                    yield runner.run(self._awaited(anext(values)))
                except StopAsyncIteration:
                    return
        finally:
            runner.run(_closed(values))

    def _until_cancelled(self, values: Generator[Any, None, None]) -> Iterator[Any]:
        with closing(values):
            for value in values:
                if self._is_cancelled:
                    return
                yield value

    async def _awaited(self, awaitable: Awaitable[Any]) -> Any:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        with self._lock:
            self._cancel_task = lambda: loop.call_soon_threadsafe(task.cancel)
            if self._is_cancelled:
                task.cancel()
        return await awaitable


async def _closed(values: AsyncGenerator[Any, None]) -> None:
    await values.aclose()
