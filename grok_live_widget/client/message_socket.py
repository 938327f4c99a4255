"""A WebSocket that delivers each message when it arrives, instead of when it is received.

`recv` wakes up a task for each message. Without it, a message of a burst costs 4 µs of 33 less,
and one of 100 messages a second 9 µs less (``python -m benchmarks.receiving``, 2026-11-28).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State

Listener = Callable[[bytes, bool], None]
"""``(message, is_text)``: called on the loop for each message, in order; must not raise."""

# In a tuple, which compares by identity first: an enum computes its hash in Python.
_OF_MESSAGES = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
_MUCH_UNSENT_BYTES = 2**16


class MessageSocket(ClientConnection):
    """A client's connection whose messages go to a listener; its `recv` only waits for the end.

    What arrives before `listen`, or while it may not be delivered, waits here, and reading is
    paused meanwhile.

    Notes
    -----
    Source: ``connect(create_connection=…)`` takes a subclass, and `process_event` is there to
    be overridden; `write` does what the library's `broadcast` does (websockets 15 to 17).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._listener: Listener | None = None
        self._may_deliver: Callable[[], bool] = lambda: True
        self._waiting: deque[tuple[bytes, bool]] = deque()
        self._parts: list[bytes] = []
        self._is_text = True
        self._is_delivering = False
        self._is_paused = False

    @property
    def server_header(self) -> str:
        """The ``Server`` header of the handshake; empty where there is none."""
        return self.response.headers.get("Server", "") if self.response else ""

    def listen(self, listener: Listener, may_deliver: Callable[[], bool]) -> None:
        """Deliver all messages to `listener`, while `may_deliver()` before each."""
        self._listener, self._may_deliver = listener, may_deliver
        self.deliver()

    def process_event(self, event: Any) -> None:
        """Called by the connection with each frame (and, once, with the handshake)."""
        if isinstance(event, Frame) and event.opcode in _OF_MESSAGES:
            self._take(event)
        else:
            super().process_event(event)

    def _take(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        self._parts.append(bytes(frame.data))
        if frame.fin:
            whole = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
            self._parts.clear()
            self._waiting.append((whole, self._is_text))
            self.deliver()

    def deliver(self) -> None:
        """Deliver what waits, as far as it may be delivered."""
        if self._is_delivering or self._listener is None:
            return
        self._is_delivering = True
        try:
            while self._waiting and self._may_deliver():
                self._listener(*self._waiting.popleft())
        finally:
            self._is_delivering = False
        if self._waiting or self._is_paused:
            self._set_paused(bool(self._waiting))

    def _set_paused(self, is_paused: bool) -> None:
        if is_paused and not self._is_paused:
            self.transport.pause_reading()
        elif self._is_paused and not is_paused:
            self.transport.resume_reading()
        self._is_paused = is_paused

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be delivered."""
        return not self._waiting

    async def end(self) -> ConnectionClosed:
        """Wait until the connection is gone, and return how it went."""
        try:
            await self.recv()
        except ConnectionClosed as closed:
            return closed
        raise AssertionError("a message was not delivered")

    async def round_trip_s(self) -> float | None:
        """How long the answer to a ping takes [s]; None if the connection ends before it."""
        try:
            return float(await (await self.ping()))
        except ConnectionClosed:
            return None

    async def close(self, code: int | CloseCode = 1000, reason: str = "") -> None:
        """Close the connection; harmless when it is gone."""
        # The library would abort the transport again, which asyncio's may then not be.
        if not self.connection_lost_waiter.done():
            await super().close(code, reason)

    def abort(self) -> None:
        """End the connection without a closing handshake; harmless when it is gone."""
        if not self.connection_lost_waiter.done():
            self.transport.abort()

    # ----------------------------------------------------------------- writing
    @property
    def is_open(self) -> bool:
        """Whether messages can be written."""
        return self.state is State.OPEN

    def write(self, message: bytes, *, is_text: bool) -> bool:
        """Write a message without waiting; False when the connection is not open, and the message
        is dropped.
        """
        if not self.is_open:
            return False
        (self.protocol.send_text if is_text else self.protocol.send_binary)(message)
        self.send_data()
        return True

    async def has_written(self) -> None:
        """Wait while much of what was written has not left yet."""
        if self.transport.get_write_buffer_size() > _MUCH_UNSENT_BYTES:
            await self.drain()
