"""The driver of a session: carries frames between the socket and the rules, and hands out events.

After each message: what has to be answered is written out, then everybody is told, in order:
the fold into turns, observers, iterators, and whoever waits. Everything here runs on one
asyncio loop.
"""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any, get_args

from .._structs import Value
from ..conversation import Conversation, ToolCalls, Turn
from ..exceptions import GrokLiveError
from ..protocol import (
    Authenticate,
    ClientEvent,
    ConnectionState,
    ErrorReported,
    Event,
    Noted,
    Protocol,
    SessionEnded,
)
from .event_queue import QUEUE_EVENTS, EventQueue, Room
from .message_socket import MessageSocket
from .reconnect import TRANSIENT_CODES
from .transport import close_code_and_reason, closed_error, wrong_key

__all__ = ["Observer", "Pump"]

_SAID = frozenset(get_args(ClientEvent))

_LOG = logging.getLogger("grok_live_widget")

_UNREAD_FOR_S = 5.0
_UNREAD = (
    f"{QUEUE_EVENTS} events wait for an iterator over this session that nobody reads, so the line "
    "is held back and turns do not grow. Read on, or let go of the iterator."
)

Observer = Callable[[Event, list[Turn], float], None]
"""Called on the loop with each event, the turns it changed, and its time [s]; must not block."""


class _Iterator(Value, frozen=True):
    """One that reads our events: forgotten when it is dropped, but for its room."""

    queue: weakref.ref[EventQueue]
    room: Room


class Pump:
    """Reads from the start: turns grow with nobody iterating.

    Attributes
    ----------
    host : str
        Whom we talk to.
    """

    def __init__(
        self, socket_: MessageSocket, protocol: Protocol, conversation: Conversation, host: str
    ) -> None:
        self.host = host
        self._socket = socket_
        self._protocol = protocol
        self._conversation = conversation
        self._tool_calls = ToolCalls()
        self._hears_binary = protocol.output_format.transport == "binary"
        self._observers: tuple[Observer, ...] = ()
        self._iterators: list[_Iterator] = []
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._tick: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: GrokLiveError | None = None
        self._reader: asyncio.Task[None] | None = None
        self._is_closing = self._is_held_back = False
        self._received_message_count, self._received_s = 0, time.monotonic()
        self._on_closed: list[Callable[[], None]] = []

    # ----------------------------------------------------------------- who listens
    @property
    def failure(self) -> GrokLiveError | None:
        """Why the session cannot be used any more; None while it can."""
        return self._failure

    def observe(self, observer: Observer) -> None:
        """Have `observer` called with every event, said ones too, in order."""
        self._observers = (*self._observers, observer)

    def ignore(self, observer: Observer) -> None:
        """Stop calling `observer`."""
        # Compared as a list does: a bound method is a new object each time it is named.
        self._observers = tuple(each for each in self._observers if each != observer)

    def on_closed(self, callback: Callable[[], None]) -> None:
        """Call once when the line is gone."""
        self._on_closed.append(callback)

    def emit(self, event: Event) -> None:
        """Hand out a local event."""
        self._dispatch(event)

    async def wait_for(self, is_so: Callable[[], bool]) -> None:
        """Return when `is_so()`, which is looked at after every event."""
        if is_so():
            return
        waiter = (is_so, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        try:
            await waiter[1]
        finally:
            self._waiting.remove(waiter)

    def __aiter__(self) -> AsyncIterator[Event]:
        """Events from now on, said ones left out.

        Up to 256 wait; beyond that the line itself is held back. Ends quietly when the
        session is closed as asked, otherwise raises what broke it.
        """
        iterator = EventQueue(lambda: self._failure)
        if self._protocol.state is ConnectionState.CLOSED:
            iterator.end()
        alive = [each for each in self._iterators if each.queue() is not None]
        self._iterators = [*alive, _Iterator(weakref.ref(iterator), iterator.room)]
        return iterator

    async def close(self) -> None:
        """Close the line; turns stay. Safe to call again."""
        self._is_closing = True
        for iterator in self._iterators:
            iterator.room.release()
        # What is held back would keep the other side's farewell from us.
        self._socket.deliver()
        await self._socket.close()
        if self._reader is not None and self._reader is not asyncio.current_task():
            await asyncio.wait([self._reader])

    # ----------------------------------------------------------------- the loop
    def _listen(self) -> None:
        """Begin to read; returns at once."""
        self._reader = asyncio.create_task(self._read())
        self._socket.listen(self._receive, self._has_room)

    async def _read(self) -> None:
        code: int | None = None
        reason = ""
        try:
            code, reason = close_code_and_reason(await self._socket.end())
            while not self._socket.is_empty:
                await self._wait_for_room()
        finally:
            self._end(code, reason)

    def _receive(self, message: bytes, is_text: bool) -> None:
        self._received_message_count, self._received_s = (
            self._received_message_count + 1,
            time.monotonic(),
        )
        try:
            # With sound in messages of its own, only so is one told from a text.
            if is_text or not self._hears_binary:
                self._protocol.receive_frame(message, self._received_s)
            else:
                self._protocol.receive_sound(message, self._received_s)
            self._flush()
        except Exception:  # noqa: BLE001  (a bug of ours must end the session, not hang it)
            _LOG.exception("The reader stopped; please report this.")
            self._spawn(self._socket.close(1011))

    def _has_room(self) -> bool:
        if self._is_closing or not any(each.room.is_full for each in self._iterators):
            return True
        if not self._is_held_back:
            self._is_held_back = True
            self._spawn(self._wait_for_room())
        return False

    async def _wait_for_room(self) -> None:
        # Only the rooms are held meanwhile, so that a dropped iterator can go.
        for room in [each.room for each in self._iterators]:
            if room.is_full and not self._is_closing:
                warning = asyncio.get_running_loop().call_later(_UNREAD_FOR_S, self._warn_of_unread)
                try:
                    await room.wait()
                finally:
                    warning.cancel()
        self._is_held_back = False
        self._socket.deliver()

    def _warn_of_unread(self) -> None:
        """Nobody may know of an iterator that was made and forgotten."""
        _LOG.warning(_UNREAD)
        self._note(_UNREAD)

    def _flush(self) -> None:
        """Write what is to be sent, then hand out what is told."""
        for frame in self._protocol.messages_to_send():
            self._socket.write(frame.body, is_text=frame.is_text)
        for event in self._protocol.events_to_dispatch():
            self._dispatch(event)
        self._schedule_timer()

    async def _drain(self) -> None:
        """The same for whoever has said something: raises when it cannot be sent any more, and
        waits while the line is slower than we are.
        """
        if not self._socket.is_open and self._protocol.has_messages_to_send:
            # The reader knows best why.
            if self._reader not in (None, asyncio.current_task()):
                await asyncio.wait([self._reader], timeout=1)
            raise self._failure or closed_error(None, "", self.host)
        self._flush()
        await self._socket.has_written()

    def _dispatch(self, event: Event) -> None:
        # The key is in it; whoever keeps what is told need not keep that.
        if isinstance(event, Authenticate):
            return
        now_s = time.monotonic()
        if isinstance(event, ErrorReported):
            self._watch_for_refused_key(event)
        changed = self._conversation.apply(event, now_s)
        self._tool_calls.apply(event)
        for observer in self._observers:
            try:
                observer(event, changed, now_s)
            except Exception:  # noqa: BLE001  (one observer must not stop the others)
                _LOG.exception("An observer failed.")
        if type(event) not in _SAID:
            for iterator in self._iterators:
                queue = iterator.queue()
                if queue is not None:
                    queue.put(event)
        for is_so, future in self._waiting:
            if not future.done() and is_so():
                future.set_result(None)

    def _watch_for_refused_key(self, error: ErrorReported) -> None:
        if not self._protocol.has_received and self._protocol.dialect.is_auth_error(error):
            self._failure = wrong_key(self.host)
            self._spawn(self._socket.close())

    def _spawn(self, coro: Any) -> None:
        task = asyncio.get_running_loop().create_task(coro)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _schedule_timer(self) -> None:
        at_s = self._protocol.next_tick_s()
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        if at_s is not None:
            delay_s = max(0.0, at_s - time.monotonic())
            self._tick = asyncio.get_running_loop().call_later(delay_s, self._on_timer)

    def _on_timer(self) -> None:
        self._protocol.tick(time.monotonic())
        self._flush()

    # ----------------------------------------------------------------- the end
    def _end(self, code: int | None, reason: str) -> None:
        """Tell the end, once, with everything received kept."""
        has_opened = self._protocol.state is ConnectionState.OPEN
        is_refusal = not has_opened or not self._protocol.has_received
        self._protocol.close()
        if self._tick is not None:
            self._tick.cancel()
        if self._failure is None:
            self._failure = self._reason_to_be_closed(code, reason, is_refusal=is_refusal)
        for event in self._protocol.events_to_dispatch():
            self._dispatch(event)
        self._dispatch(SessionEnded(close_code=code, reason=reason))
        for iterator in self._iterators:
            queue = iterator.queue()
            if queue is not None:
                queue.end()
        for callback in self._on_closed:
            callback()

    def _reason_to_be_closed(
        self, code: int | None, reason: str, *, is_refusal: bool
    ) -> GrokLiveError:
        # `live` shows no key at the handshake: a close before it says anything is its verdict.
        is_verdict = code != 1000 and code not in TRANSIENT_CODES
        if self._protocol.dialect.name == "live" and is_refusal and is_verdict:
            return wrong_key(self.host)
        return closed_error(code, reason, self.host)

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _note(self, text: str) -> None:
        self._dispatch(Noted(text, "warning"))
