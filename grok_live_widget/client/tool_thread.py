"""One call of a function on a thread of its own, awaited on a loop that must not be held up."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from ..exceptions import ToolError

T = TypeVar("T")

__all__ = ["Stage", "call_on_thread"]

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

    An awaitable result is awaited there, on a loop of its own.

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
            outcome = await call.outcome
    except TimeoutError:
        if not limit.expired():
            raise
        raise ToolError(f"no result within {timeout_s:g} s.") from None
    finally:
        call.cancel()
    if outcome.error is None:
        value: T = outcome.value
        return value
    if isinstance(outcome.error, Exception):
        raise outcome.error
    raise ToolError(f"the function was ended by {type(outcome.error).__name__}.")


@dataclass(frozen=True, slots=True)
class _Outcome:
    """A value and not an exception: a function may raise what a future cannot hold."""

    value: Any = None
    error: BaseException | None = None


class _Call:
    def __init__(
        self, function: Callable[[], Any], finish: Callable[[Any], Any], stage: Stage
    ) -> None:
        self._function, self._finish, self._stage = function, finish, stage
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        self._is_cancelled = False
        self._cancel_task: Callable[[], object] = lambda: None
        self.outcome: asyncio.Future[_Outcome] = self._loop.create_future()

    # On the loop.
    def cancel(self) -> None:
        """Stop a coroutine; harmless at any time."""
        with self._lock:
            self._is_cancelled = True
            self._cancel_task()

    def _tell(self, outcome: _Outcome) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    # On the call's thread.
    def run(self) -> None:
        try:
            with self._stage():
                value = self._function()
                if inspect.isawaitable(value):
                    value = asyncio.run(self._awaited(value))
                outcome = _Outcome(self._finish(value))
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited.
            outcome = _Outcome(error=error)
        _call_unless_closed(self._loop, self._tell, outcome)

    async def _awaited(self, awaitable: Awaitable[Any]) -> Any:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        with self._lock:
            self._cancel_task = lambda: _call_unless_closed(loop, task.cancel)
            if self._is_cancelled:
                task.cancel()
        return await awaitable


def _call_unless_closed(
    loop: asyncio.AbstractEventLoop, function: Callable[..., object], *args: Any
) -> None:
    with suppress(RuntimeError):  # The loop is closed: nothing waits.
        loop.call_soon_threadsafe(function, *args)
