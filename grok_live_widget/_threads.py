"""A daemon thread that owns an asyncio loop, work for another thread, and background tasks."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import selectors
import signal
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from contextvars import Context
from typing import Any, TypeVar

from .exceptions import ConfigurationError, shorten_in_ipython

__all__ = ["BackgroundTasks", "LoopThread", "ThreadQueue", "queue_of", "wait_here"]

T = TypeVar("T")


class LoopThread:
    """One daemon thread with one loop, started when first needed.

    After a fork the thread is gone, so the child makes a new one.

    Parameters
    ----------
    name : str
        Name of the thread.
    start_timeout_s : number > 0 [s]
        How long the loop may take to start.
    """

    def __init__(self, name: str, start_timeout_s: float = 5.0) -> None:
        self._name = name
        self._start_timeout_s = start_timeout_s
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, running; ConfigurationError where it cannot be started."""
        with self._lock:
            # In the child of a fork no thread but its main one is alive.
            if self._loop is None or self._thread is None or not self._thread.is_alive():
                self._loop, self._thread = self._start()
            return self._loop

    def _start(self) -> tuple[asyncio.AbstractEventLoop, threading.Thread]:
        _check_not_patched()
        started: concurrent.futures.Future[asyncio.AbstractEventLoop] = concurrent.futures.Future()
        thread = threading.Thread(target=_run, args=(started,), name=self._name, daemon=True)
        try:
            thread.start()
            return started.result(self._start_timeout_s), thread
        except TimeoutError:
            started.cancel()
            reason = f"it has not started in {self._start_timeout_s:g} s"
        except Exception as error:  # noqa: BLE001 - a loop of another library may raise anything
            reason = f"{type(error).__name__}: {error}"
        raise ConfigurationError(
            f"the event loop of the thread {self._name!r} cannot be started: {reason}.",
            cure="Check what replaces the threads or the event loops of this process.",
        )

    @property
    def is_current(self) -> bool:
        """Whether the caller is this very thread."""
        return threading.current_thread() is self._thread

    def submit(self, coro: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start a coroutine on the loop; from any thread, at once."""
        try:
            loop = self.loop
        except BaseException:
            coro.close()
            raise
        return asyncio.run_coroutine_threadsafe(coro, loop)

    def call(self, function: Callable[..., object], *args: Any) -> None:
        """Call a plain function on the loop soon; from any thread, at once."""
        self.loop.call_soon_threadsafe(function, *args)

    def run(
        self,
        coro: Coroutine[Any, Any, T],
        timeout_s: float | None = None,
        *,
        makes_calls: bool = True,
    ) -> T:
        """Run a coroutine on the loop and wait for its result.

        An interrupt (or a time-out) cancels the coroutine and nothing else.

        Parameters
        ----------
        makes_calls : bool
            Whether the waiting thread makes the calls in its `ThreadQueue` meanwhile.

        Raises
        ------
        ConfigurationError
            When called on the loop's own thread, where it would wait for itself.
        """
        if self.is_current:
            coro.close()
            raise ConfigurationError(
                "a waiting call was made on the talk's own thread, where it can never return.",
                cure="Use the awaitable twin (its name ends in _async).",
            )
        future = self.submit(coro)
        try:
            return wait_here(future, timeout_s) if makes_calls else future.result(timeout_s)
        except BaseException:
            future.cancel()
            raise

    async def arun(self, coro: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and await its result on the caller's own."""
        if self.is_current:
            return await coro
        return await asyncio.wrap_future(self.submit(coro))

    def close(self, timeout_s: float = 5) -> None:
        """Cancel what runs, stop the loop and join the thread."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None or not thread.is_alive():
            return
        loop.call_soon_threadsafe(loop.stop)
        if thread is not threading.current_thread():
            thread.join(timeout_s)


def _run(started: concurrent.futures.Future[asyncio.AbstractEventLoop]) -> None:
    """Run a new loop, and report that it runs, or why it does not."""
    # Not awaited any more: the caller has given up.
    if not started.set_running_or_notify_cancel():
        return
    try:
        loop = asyncio.new_event_loop()
        loop.call_soon(started.set_result, loop)
        # At its end the runner cancels all tasks, and closes the generators, the executor and
        # the loop.
        with asyncio.Runner(loop_factory=lambda: loop):
            loop.run_forever()
    except BaseException as error:
        if started.done():
            raise
        started.set_exception(error)


def _check_not_patched() -> None:
    """Refuse threads that are replaced by greenlets: a loop on one blocks all others."""
    gevent: Any = sys.modules.get("gevent.monkey")
    eventlet: Any = sys.modules.get("eventlet.patcher")
    patcher, modules = "", ("thread", "threading", "select", "queue")
    if gevent is not None and any(map(gevent.is_module_patched, modules)):
        patcher = "gevent"
    elif eventlet is not None and any(map(eventlet.is_monkey_patched, ("thread", "select"))):
        patcher = "eventlet"
    # Such libraries replace this class by one of their own, also when only a part is patched.
    elif not selectors.DefaultSelector.__module__.startswith("selectors"):
        patcher = selectors.DefaultSelector.__module__.partition(".")[0]
    if patcher:
        raise ConfigurationError(
            f"{patcher} has replaced the threads or queues of this process, so that no event "
            "loop can run beside other work.",
            cure="Use a process of its own, in which nothing is patched.",
        )


# --------------------------------------------------------------------------- work for a thread
class ThreadQueue:
    """Calls for one thread to make: between two callbacks of its loop, or while it waits in
    `wait_here`.
    """

    def __init__(self, thread: threading.Thread) -> None:
        self._thread = weakref.ref(thread)
        self._changed = threading.Condition()
        self._calls: deque[Callable[[], object]] = deque()
        # The loop of the thread; None: it is not known to have one.
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_alive(self) -> bool:
        """Whether the thread has not ended."""
        thread = self._thread()
        return thread is not None and thread.is_alive()

    @property
    def has_loop(self) -> bool:
        """Whether the thread has a loop that is not closed."""
        return self._loop is not None and not self._loop.is_closed()

    def use_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Make the calls between the callbacks of this loop, too, which the thread runs."""
        self._loop = loop

    def submit(self, call: Callable[[], object]) -> None:
        """Have the thread make a call, which must raise nothing but KeyboardInterrupt."""
        with self._changed:
            self._calls.append(call)
            self._changed.notify_all()
        loop = self._loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):  # It is closed.
                loop.call_soon_threadsafe(self._make_next)

    def discard(self, call: Callable[[], object]) -> None:
        """Do not make a call any more; harmless when it was made."""
        with self._changed, contextlib.suppress(ValueError):
            self._calls.remove(call)

    # On the thread.
    def make_calls_until(self, is_over: Callable[[], bool], timeout_s: float | None) -> None:
        """Make calls, and wait for more, until `is_over()` or the time is over."""
        due_s = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            with self._changed:
                while not is_over() and not self._calls:
                    left_s = None if due_s is None else due_s - time.monotonic()
                    if left_s is not None and left_s <= 0:
                        return
                    self._changed.wait(left_s)
                if is_over():
                    return
                call = self._calls.popleft()
            call()

    def wake(self, _: object = None) -> None:
        """Have a waiting thread evaluate its condition; from any thread."""
        with self._changed:
            self._changed.notify_all()

    def _make_next(self) -> None:
        with self._changed:
            call = self._calls.popleft() if self._calls else None
            has_more = bool(self._calls)
        if has_more:
            # Also those of a time when there was no loop, which nothing else would make.
            asyncio.get_running_loop().call_soon(self._make_next)
        if call is not None:
            with _interruptible():
                call()


_queues: weakref.WeakKeyDictionary[threading.Thread, ThreadQueue] = weakref.WeakKeyDictionary()
_queues_lock = threading.Lock()


def queue_of(thread: threading.Thread) -> ThreadQueue:
    """The queue of a thread; always the same one."""
    with _queues_lock:
        return _queues.setdefault(thread, ThreadQueue(thread))


def wait_here(future: concurrent.futures.Future[T], timeout_s: float | None = None) -> T:
    """Wait for a result, and make the calls for this thread meanwhile.

    Raises
    ------
    TimeoutError
        After `timeout_s`.
    """
    queue = queue_of(threading.current_thread())
    future.add_done_callback(queue.wake)
    try:
        queue.make_calls_until(future.done, timeout_s)
    except KeyboardInterrupt as interrupt:
        shorten_in_ipython(interrupt)
        raise
    return future.result(0)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let an interrupt end the call that a loop makes, where it would be ignored or be handled
    after the call: a kernel ignores interrupts between cells, and `asyncio.run` cancels its task.
    """
    is_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT) if is_main else None
    if before is None or before is signal.default_int_handler:
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        if callable(before):
            before(number, frame)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGINT, before)


class BackgroundTasks:
    """Tasks that are not awaited; one without a reference may be collected while it runs."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(
        self, coro: Coroutine[Any, Any, T], context: Context | None = None
    ) -> asyncio.Task[T]:
        """Start a coroutine on the running loop, in a copy of the current context unless given."""
        task = asyncio.get_running_loop().create_task(coro, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def cancel(self) -> None:
        """Cancel those that still run."""
        for task in list(self._tasks):
            task.cancel()
