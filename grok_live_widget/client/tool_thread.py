"""Where the functions of tools run, awaited on a loop that must not be held up."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
import threading
import weakref
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Coroutine,
    Generator,
    Iterator,
)
from concurrent.futures import Future
from contextlib import AbstractContextManager
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

from .._threads import LoopThread, ThreadQueue, queue_of
from ..exceptions import ConfigurationError, ToolError
from ..tools import Tool, is_coroutine_function

T = TypeVar("T")

Stage = Callable[[], AbstractContextManager[object]]
"""Makes what surrounds a call, on the call's own thread and in its context."""

# The calls that the running code is a part of, the outermost first.
_calls: ContextVar[tuple[_Call, ...]] = ContextVar("grok_live_tool_calls", default=())


class ToolThreads:
    """Where the tools of one talk run, as long as it lasts.

    Each call of a plain function has a thread of its own. Coroutine functions share one thread
    with one loop, so that a client, a lock or an event of one call can be used by the next. Tools
    for the main thread run there.

    Parameters
    ----------
    main : ThreadQueue or None
        Of the main thread. None: as `main_queue` finds it for the calling thread.

    Attributes
    ----------
    stage : callable
        Makes the context manager that surrounds each call.
    context : Context
        Of the code that made the talk.
    """

    def __init__(self, main: ThreadQueue | None = None) -> None:
        self.stage: Stage = contextlib.nullcontext
        self.context = copy_context()
        self._main = main_queue() if main is None else main
        self._loop_thread = LoopThread("tools")
        # Held so that a call which outlives its talk does not start the thread again.
        self._closing = threading.Lock()
        self._is_closed = False
        # A talk that is dropped without being closed leaves no thread.
        weakref.finalize(self, self._loop_thread.close, 0).atexit = False

    def close(self) -> None:
        """Cancel the coroutines that still run, and end their thread for good."""
        with self._closing:
            self._is_closed = True
        self._loop_thread.close(timeout_s=1)

    def follow_caller(self) -> None:
        """Take the caller's thread as the main one if it runs a loop and the main one does not, or
        if the main one has ended.
        """
        if not self._main.is_alive or (_running_loop() and not self._main.has_loop):
            self._main = main_queue()

    def call_on_main(self, call: Callable[[], object]) -> None:
        """Have the main thread make a call soon, which must raise nothing; from any thread."""
        self._main.submit(call)

    def refuse_own_tool(self, method: str) -> None:
        """Raise where a tool of this talk calls what waits for the reply that waits for the tool.

        Raises
        ------
        ConfigurationError
        """
        for call in _calls.get():
            if call.threads is self and not call.outcome.done():
                raise ConfigurationError(
                    f"{method}() was called by the tool {call.name!r} of the same talk, whose "
                    "reply waits for this tool: neither could go on.",
                    cure="Return what the model should know; say() sends a text without waiting.",
                )

    async def read_arguments(self, tool: Tool, text: str) -> dict[str, Any]:
        """See `Tool.read_arguments`."""
        return tool.read_arguments(text)

    async def call(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        finish: Callable[[Any], T],
        context: Context,
        on_delay: Callable[[str], object],
        delay_s: float,
    ) -> T:
        """Call a tool in a copy of `context`, and give what `finish` makes of its result.

        An awaitable result of a plain function is awaited on the loop of the coroutines; `finish`
        reads a generator, also an async one, as an iterator.

        A coroutine that takes too long is cancelled. A plain function cannot be: it runs on, and
        what it returns is dropped.

        Parameters
        ----------
        on_delay : callable
            Called with a sentence when the call has waited for the main thread for `delay_s`, and
            with ``""`` when it waits no longer.

        Raises
        ------
        ToolError
            After the tool's time limit, or when the function tried to end its thread.
        Exception
            Whatever the function raises.
        """
        call = _Call(tool.name, lambda: tool.function(**arguments), finish, self, context.copy())
        main = self._main
        self._start(call, tool, main)
        limit = asyncio.timeout(tool.timeout_s)
        try:
            async with limit:
                if tool.thread == "main":
                    await _until_begun(call, on_delay, delay_s)
                value, error = await asyncio.wrap_future(call.outcome)
        except TimeoutError:
            if not limit.expired():
                raise
            raise _late_error(call, tool) from None
        finally:
            call.cancel()
            main.discard(call.run_on_main)
        if error is None:
            result: T = value
            return result
        if isinstance(error, Exception):
            raise error
        raise ToolError(f"the function was ended by {type(error).__name__}.")

    @staticmethod
    def _start(call: _Call, tool: Tool, main: ThreadQueue) -> None:
        if tool.thread == "main":
            main.submit(call.run_on_main)
        elif is_coroutine_function(tool.function):
            call.start_task()
        else:
            threading.Thread(target=call.run, name=f"tool-{tool.name}", daemon=True).start()

    def submit(self, coro: Coroutine[Any, Any, T]) -> Future[T]:
        """Start a coroutine on the loop of the coroutines, in a copy of the caller's context.

        Raises
        ------
        ToolError
            After `close`.
        """
        with self._closing:
            if self._is_closed:
                coro.close()
                raise ToolError("the talk is closed.")
            return self._loop_thread.submit(coro)


Outcome = tuple[Any, BaseException | None]
"""A value or an error as a result: a function may raise what a future cannot hold."""


class _Call:
    """One call of a function, whose outcome is awaited on the talk's loop."""

    def __init__(
        self,
        name: str,
        function: Callable[[], Any],
        finish: Callable[[Any], Any],
        threads: ToolThreads,
        context: Context,
    ) -> None:
        self.name, self.threads = name, threads
        self._function, self._finish, self._context = function, finish, context
        self._lock = threading.Lock()
        self._is_cancelled = False
        # The coroutine that runs for it; None: none does.
        self._task: Future[Outcome] | None = None
        self.outcome: Future[Outcome] = Future()
        # Running, so that it is not cancelled together with the coroutine that awaits it.
        self.outcome.set_running_or_notify_cancel()
        # Done when the function is about to be called.
        self.begun: Future[None] = Future()
        self.begun.set_running_or_notify_cancel()

    # On the talk's loop.
    def cancel(self) -> None:
        """Stop a coroutine; harmless at any time."""
        with self._lock:
            self._is_cancelled, task = True, self._task
        if task is not None:
            task.cancel()

    def start_task(self) -> None:
        """Call a coroutine function on the loop of the coroutines."""
        self._context.run(self._submit, self._run_coroutine())

    def _submit(self, coro: Coroutine[Any, Any, Outcome]) -> Future[Outcome]:
        task = self.threads.submit(coro)
        with self._lock:
            self._task = task
            is_cancelled = self._is_cancelled
        if is_cancelled:
            task.cancel()
        return task

    # On the call's thread.
    def run(self) -> None:
        """Call a plain function."""
        with self._lock:
            if self._is_cancelled:
                return
            self.begun.set_result(None)
        self._context.run(self._run)

    def run_on_main(self) -> None:
        """Call a plain function; an interrupt of it goes on to what waits on the thread."""
        self.run()
        _, error = self.outcome.result() if self.outcome.done() else (None, None)
        if isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt

    def _run(self) -> None:
        _calls.set((*_calls.get(), self))
        outcome: Outcome
        try:
            with self.threads.stage():
                value = self._function()
                if inspect.isawaitable(value):
                    value = self._result_of(value)
                outcome = self._finish(self._readable(value)), None
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited.
            outcome = None, error
        self.outcome.set_result(outcome)

    def _result_of(self, awaitable: Awaitable[Any]) -> Any:
        try:
            value, error = self._submit(self._await(lambda: awaitable)).result()
        except ToolError:
            if inspect.iscoroutine(awaitable):
                awaitable.close()  # It would be reported as never awaited.
            raise
        if error is not None:
            raise error
        return value

    def _readable(self, value: Any) -> Any:
        """A generator as an iterator that ends with the call; anything else as it is."""
        if isinstance(value, AsyncGenerator):
            return self._until_cancelled(self._drained(value))
        return self._until_cancelled(value) if isinstance(value, Generator) else value

    def _drained(self, values: AsyncGenerator[Any, None]) -> Generator[Any, None, None]:
        try:
            while True:
                try:
                    yield self._result_of(anext(values))
                except StopAsyncIteration:
                    return
        finally:
            # Also when the call is cancelled, so not as a task of the call.
            self.threads.submit(_closed(values)).result()

    def _until_cancelled(self, values: Generator[Any, None, None]) -> Iterator[Any]:
        with contextlib.closing(values):
            for value in values:
                if self._is_cancelled:
                    return
                yield value

    # On the loop of the coroutines.
    async def _run_coroutine(self) -> Outcome:
        _calls.set((*_calls.get(), self))
        value, error = await self._await(self._function)
        if error is None:
            try:
                if isinstance(value, AsyncGenerator | Generator):
                    value = await asyncio.to_thread(self._finish, self._readable(value))
                else:
                    value = self._finish(value)
            except Exception as raised:  # noqa: BLE001 - raised again where it is awaited.
                error = raised
        self.outcome.set_result((value, error))
        return value, error

    async def _await(self, function: Callable[[], Awaitable[Any]]) -> Outcome:
        """The outcome of an awaitable; an error that ends a loop must not end this one."""
        try:
            with self.threads.stage():
                return await function(), None
        except BaseException as error:  # noqa: BLE001 - raised again where it is awaited.
            return None, error


async def _closed(values: AsyncGenerator[Any, None]) -> None:
    await values.aclose()


async def _until_begun(call: _Call, on_delay: Callable[[str], object], delay_s: float) -> None:
    """Wait until a call has begun on the main thread, and say so when that takes long."""
    begun = asyncio.wrap_future(call.begun)
    await asyncio.wait([begun], timeout=delay_s)
    if begun.done():
        return
    thread, why = _main_thread()
    on_delay(f"The tool {call.name!r} waits for {thread}: {why}.")
    try:
        await asyncio.wait([begun])
    finally:
        on_delay("")


def _late_error(call: _Call, tool: Tool) -> ToolError:
    if tool.thread == "own" or call.begun.done():
        return ToolError(f"no result within {tool.timeout_s:g} s.")
    thread, why = _main_thread()
    return ToolError(
        f"the function was not called: {thread}, where it has to run, was not free within "
        f"{tool.timeout_s:g} s ({why})."
    )


# --------------------------------------------------------------------------- the main thread
def main_queue() -> ThreadQueue:
    """The queue of the kernel's main thread; outside of a kernel, of the calling thread."""
    loop = _kernel_loop()
    queue = queue_of(threading.current_thread() if loop is None else threading.main_thread())
    loop = loop or _running_loop()
    if loop is not None:
        queue.use_loop(loop)
    return queue


def _main_thread() -> tuple[str, str]:
    """What the main thread is called, and why it may be busy."""
    if _kernel_loop() is not None:
        return "the kernel's main thread", "a cell is running"
    return "the thread of the talk", "it runs other code"


def _kernel_loop() -> asyncio.AbstractEventLoop | None:
    """The loop of the kernel's main thread, between whose callbacks cells run."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    loop = getattr(getattr(getattr(shell, "kernel", None), "io_loop", None), "asyncio_loop", None)
    return loop if isinstance(loop, asyncio.AbstractEventLoop) else None


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
