"""Events for one reader: an async iterator with a bounded queue."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable

from ..exceptions import GrokLiveError, SessionClosedOK
from ..protocol import Event

QUEUE_EVENTS = 256


class EventQueue(AsyncIterator[Event]):
    """The events for one reader; pauses nothing any more when it is dropped."""

    def __init__(self, failure: Callable[[], GrokLiveError | None]) -> None:
        self._failure = failure
        self._events: deque[Event] = deque()
        self._is_ended = False
        # Paused while `QUEUE_EVENTS` or more wait; does not keep the iterator.
        self.flow = FlowControl()
        weakref.finalize(self, self.flow.resume_threadsafe)

    def put(self, event: Event) -> None:
        """Add one event."""
        self._events.append(event)
        self.flow.arrived.set()
        if len(self._events) >= QUEUE_EVENTS:
            self.flow.pause()

    def end(self) -> None:
        """Nothing more will come."""
        self._is_ended = True
        self.flow.arrived.set()

    async def __anext__(self) -> Event:
        while not self._events:
            if self._is_ended:
                raise self._final_exception()
            self.flow.arrived.clear()
            await self.flow.arrived.wait()
        event = self._events.popleft()
        if self.flow.is_paused and len(self._events) < QUEUE_EVENTS:
            self.flow.resume()
        return event

    def _final_exception(self) -> Exception:
        failure = self._failure()
        if failure is None or isinstance(failure, SessionClosedOK):
            return StopAsyncIteration()
        return failure


class FlowControl:
    """Whether an iterator's queue is full, so that reading is paused; outlives the iterator."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self.is_paused = False
        self._resumed = asyncio.Event()
        self._loop = _running_loop()

    def pause(self) -> None:
        """The queue is full."""
        self.is_paused = True
        self._resumed.clear()

    def resume(self) -> None:
        """The queue is no longer full."""
        self.is_paused = False
        self._resumed.set()

    def resume_threadsafe(self) -> None:
        """As `resume`; the garbage collector may run on any thread."""
        if self._loop is None or self._loop is _running_loop():
            self.resume()
            return
        with contextlib.suppress(RuntimeError):  # The loop is closed: nothing waits.
            self._loop.call_soon_threadsafe(self.resume)

    async def wait(self) -> None:
        """Wait while the queue is full."""
        if self.is_paused:
            await self._resumed.wait()


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
