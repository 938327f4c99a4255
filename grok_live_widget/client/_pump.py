"""The pump of a session: carries frames between socket and protocol, and dispatches events.

After each received message automatic replies are flushed, then events are dispatched, in order:
to the conversation, to listeners, to iterators, to conditions. Everything here runs on one
asyncio loop.
"""

from __future__ import annotations

import asyncio
import logging
import time
import weakref
from collections.abc import AsyncIterator, Callable
from typing import get_args

from .._structs import Value
from .._threads import BackgroundTasks
from ..conversation import Conversation, ToolCalls
from ..exceptions import GrokLiveError
from ..protocol import (
    Authenticate,
    ClientEvent,
    ConnectionState,
    ErrorReported,
    Event,
    Noted,
    Protocol,
    ServerEvent,
    SessionEnded,
)
from ..recording import FrameLog
from .event_queue import QUEUE_EVENTS, EventQueue, FlowControl
from .listeners import Listener, ListenerHandle, Listeners
from .message_socket import MessageSocket
from .reconnect import TRANSIENT_CODES
from .transport import close_code_and_reason, closed_error, has_closed_first, wrong_key

_SENT = frozenset(get_args(ClientEvent))

_LOG = logging.getLogger("grok_live_widget")

_UNREAD_FOR_S = 5.0
_UNREAD = (
    f"{QUEUE_EVENTS} events wait for an iterator over this session that is not read, so the "
    "connection is paused and turns do not grow. Read on, or delete the iterator."
)


class _Iterator(Value, frozen=True):
    """An iterator over the session, which is not kept alive, and its flow control, which is."""

    queue: weakref.ref[EventQueue]
    flow: FlowControl


class Pump:
    """Carries frames between one socket and one protocol, and dispatches events.

    It reads from `start` on: turns grow with no iterator.
    """

    def __init__(
        self,
        socket_: MessageSocket,
        protocol: Protocol,
        conversation: Conversation,
        host: str,
        *,
        has_key: bool,
        frame_log: FrameLog,
        connection: int,
    ) -> None:
        # Host and port of the server, for messages, and whether it was sent a key.
        self.host, self._has_key = host, has_key
        # Why the session cannot be used any more; None while it can.
        self.failure: GrokLiveError | None = None
        # Calls of tools, folded from the same events as the turns.
        self.tool_calls = ToolCalls()
        # Messages received so far, and the time of the newest [s, monotonic].
        self.received_message_count, self.received_s = 0, time.monotonic()
        self._socket = socket_
        self._protocol = protocol
        self._conversation = conversation
        self._frame_log, self._connection = frame_log, connection
        # Whether sound comes in binary messages, which must then not be read as text.
        self._receives_binary = protocol.output_format.transport == "binary"
        self._listeners = Listeners(self._note_soon)
        self._iterators: list[_Iterator] = []
        # Conditions awaited by `wait_for`, evaluated after every event.
        self._conditions: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        # Calls `Protocol.tick` when it is due.
        self._timer: asyncio.TimerHandle | None = None
        self._tasks = BackgroundTasks()
        self._reader: asyncio.Task[None] | None = None
        self._is_closing = False
        # Waits until no iterator is full any more, and the socket with it; None: none is.
        self._waiting: asyncio.Task[None] | None = None
        self._on_closed: list[Callable[[], None]] = []

    # ----------------------------------------------------------------- listeners
    def add_listener(self, listener: Listener) -> ListenerHandle:
        """Call `listener` with every event, sent ones too, in order."""
        return self._listeners.add(listener)

    def on_closed(self, callback: Callable[[], None]) -> None:
        """Call once when the connection has ended."""
        self._on_closed.append(callback)

    async def wait_for(self, is_so: Callable[[], bool]) -> None:
        """Return when ``is_so()``, which is evaluated after every event."""
        if is_so():
            return
        condition = (is_so, asyncio.get_running_loop().create_future())
        self._conditions.append(condition)
        try:
            await condition[1]
        finally:
            self._conditions.remove(condition)

    def iterate(self) -> AsyncIterator[Event]:
        """Events from now on, sent ones left out."""
        iterator = EventQueue(lambda: self.failure)
        if self._protocol.state is ConnectionState.CLOSED:
            iterator.end()
        alive = [each for each in self._iterators if each.queue() is not None]
        self._iterators = [*alive, _Iterator(weakref.ref(iterator), iterator.flow)]
        return iterator

    @property
    def is_paused(self) -> bool:
        """Whether an iterator is full, so that the socket is not read."""
        return any(each.flow.is_paused for each in self._iterators)

    def check(self) -> None:
        """Raise what ended the session, if it has ended."""
        if self.failure is not None:
            raise self.failure

    def note(self, text: str) -> None:
        """Dispatch a sentence for the user."""
        self.dispatch(Noted(text, "warning"))

    def _note_soon(self, text: str) -> None:
        """Dispatch a sentence after the event that is being dispatched."""
        asyncio.get_running_loop().call_soon(self.dispatch, Noted(text, "error"))

    async def close(self) -> None:
        """Close the connection. Safe to call again."""
        self._begin_closing()
        await self._socket.close()
        await self._wait_for_end()

    async def abort(self) -> None:
        """End the connection without a closing handshake, which the other side would not answer."""
        self._begin_closing()
        self._socket.abort()
        await self._wait_for_end()

    def _begin_closing(self) -> None:
        self._is_closing = True
        for iterator in self._iterators:
            iterator.flow.resume()
        # A socket that is paused would not see the other side's close frame.
        self._socket.deliver()

    async def _wait_for_end(self) -> None:
        if self._reader is not None and self._reader is not asyncio.current_task():
            await asyncio.wait([self._reader])

    # ----------------------------------------------------------------- the loop
    def start(self) -> None:
        """Begin to read; returns at once."""
        self._reader = asyncio.create_task(self._read())
        self._socket.listen(self._receive, self._may_deliver)

    async def _read(self) -> None:
        code: int | None = None
        reason, is_closed_here = "", False
        try:
            closed = await self._socket.end()
            code, reason = close_code_and_reason(closed)
            is_closed_here = has_closed_first(closed)
            while not self._socket.is_empty:
                await asyncio.wait([self._resuming()])
        finally:
            self._frame_log.add_close(
                self._connection, time.monotonic(), code, reason, is_sent=is_closed_here
            )
            self._end(code, reason)

    def _receive(self, message: bytes, is_text: bool) -> None:
        self.received_message_count += 1
        self.received_s = now_s = time.monotonic()
        protocol, log = self._protocol, self._frame_log
        try:
            event: ServerEvent
            # Where sound comes in binary messages, the opcode distinguishes it from text.
            if is_text or not self._receives_binary:
                event, text, byte_count = protocol.read_frame(message)
                log.add_received(text, len(message), now_s, self._connection, byte_count)
            else:
                log.add_binary(len(message), now_s, self._connection, is_sent=False)
                event = protocol.read_sound(message)
            protocol.receive(event, now_s)
            self.flush()
        except Exception:  # noqa: BLE001  (a bug must end the session, not hang it)
            _LOG.exception("The reader stopped; please report this.")
            self._tasks.spawn(self._socket.close(1011))

    def _may_deliver(self) -> bool:
        if not self._iterators or not self.is_paused or self._is_closing:
            return True
        self._resuming()
        return False

    def _resuming(self) -> asyncio.Task[None]:
        """The one task that waits for a full iterator and then goes on delivering."""
        if self._waiting is None:
            self._waiting = self._tasks.spawn(self._wait_until_resumed())
        return self._waiting

    async def _wait_until_resumed(self) -> None:
        # The queues are not referenced meanwhile, so that a dropped iterator is collected.
        for flow in [each.flow for each in self._iterators]:
            if flow.is_paused and not self._is_closing:
                warning = asyncio.get_running_loop().call_later(_UNREAD_FOR_S, self._warn_of_unread)
                try:
                    await flow.wait()
                finally:
                    warning.cancel()
        self._waiting = None
        self._socket.deliver()

    def _warn_of_unread(self) -> None:
        """The user may not know of an iterator that was made and forgotten."""
        _LOG.warning(_UNREAD)
        self.note(_UNREAD)

    def flush(self) -> None:
        """Write the frames that are queued, then dispatch the events."""
        if self._protocol.has_messages_to_send:
            for frame in self._protocol.messages_to_send():
                if self._socket.write(frame.body, is_text=frame.is_text):
                    self._log_sent(frame.body, is_text=frame.is_text)
        for event in self._protocol.events_to_dispatch():
            self.dispatch(event)
        self._schedule_timer()

    def _log_sent(self, message: bytes, *, is_text: bool) -> None:
        now_s = time.monotonic()
        if is_text:
            self._frame_log.add_sent(message, now_s, self._connection)
        else:
            self._frame_log.add_binary(len(message), now_s, self._connection, is_sent=True)

    async def drain(self) -> None:
        """`flush`, then wait while the connection is slower than the client; raises when nothing
        can be sent any more.
        """
        if not self._socket.is_open and self._protocol.has_messages_to_send:
            # The reader sets the failure, which says why.
            if self._reader not in (None, asyncio.current_task()):
                await asyncio.wait([self._reader], timeout=1)
            raise self.failure or closed_error(None, "", self.host)
        self.flush()
        await self._socket.has_written()

    async def ping(self) -> float:
        """How long the answer to a ping of the WebSocket takes [s]."""
        self.check()
        round_trip_s = await self._socket.round_trip_s()
        if round_trip_s is None:
            raise self.failure or closed_error(None, "", self.host)
        return round_trip_s

    def dispatch(self, event: Event) -> None:
        """Pass `event` to the conversation, listeners, iterators and conditions, in this order."""
        # It holds the key, and no listener needs it.
        if isinstance(event, Authenticate):
            return
        now_s = time.monotonic()
        if isinstance(event, ErrorReported):
            self._watch_for_refused_key(event)
        known_count = len(self._conversation.unrecognized_types)
        changed = self._conversation.apply(event, now_s)
        self.tool_calls.apply(event)
        self._listeners.call(event, changed, now_s)
        if type(event) not in _SENT:
            for iterator in self._iterators:
                queue = iterator.queue()
                if queue is not None:
                    queue.put(event)
        for is_so, future in self._conditions:
            if not future.done() and is_so():
                future.set_result(None)
        for name in self._conversation.unrecognized_types[known_count:]:
            text = f"The server sent a message of the unknown type {name!r}, which is ignored."
            self.dispatch(Noted(text, "info"))

    def _watch_for_refused_key(self, error: ErrorReported) -> None:
        if not self._protocol.has_received and self._protocol.dialect.is_auth_error(error):
            self.failure = wrong_key(self.host, has_key=self._has_key)
            self._tasks.spawn(self._socket.close())

    def _schedule_timer(self) -> None:
        at_s = self._protocol.next_tick_s()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if at_s is not None:
            delay_s = max(0.0, at_s - time.monotonic())
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._on_timer)

    def _on_timer(self) -> None:
        self._protocol.tick(time.monotonic())
        self.flush()

    # ----------------------------------------------------------------- the end
    def _end(self, code: int | None, reason: str) -> None:
        """Dispatch the end, once; everything received is kept."""
        has_opened = self._protocol.state is ConnectionState.OPEN
        is_refusal = not has_opened or not self._protocol.has_received
        self._protocol.close()
        if self._timer is not None:
            self._timer.cancel()
        if self.failure is None:
            self.failure = self._failure_from_close(code, reason, is_refusal=is_refusal)
        for event in self._protocol.events_to_dispatch():
            self.dispatch(event)
        self.dispatch(SessionEnded(close_code=code, reason=reason))
        for iterator in self._iterators:
            queue = iterator.queue()
            if queue is not None:
                queue.end()
        for callback in self._on_closed:
            callback()

    def _failure_from_close(
        self, code: int | None, reason: str, *, is_refusal: bool
    ) -> GrokLiveError:
        is_permanent = code != 1000 and code not in TRANSIENT_CODES
        if self._protocol.dialect.early_close_is_auth_failure and is_refusal and is_permanent:
            return wrong_key(self.host, has_key=self._has_key)
        return closed_error(code, reason, self.host)
