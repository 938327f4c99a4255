"""One session: the protocol on a socket.

Everything here runs on one asyncio loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import uuid
import weakref
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple, get_args

from .audio import SAMPLE_RATE_HZ, ClipConverter
from .conversation import Conversation
from .dialects import Dialect, Opening
from .dialects.live import is_about_the_key
from .event_queue import EventQueue, Room
from .events import (
    AppendAudio,
    Authenticate,
    ClientEvent,
    CommitAudio,
    CreateItem,
    CreateResponse,
    ErrorReported,
    Event,
    Item,
    Noted,
    PlaybackReported,
    PlayerChanged,
    SessionEnded,
    SessionOpened,
    ToolAnswered,
)
from .exceptions import (
    ConfigurationError,
    ConnectError,
    GrokLiveError,
    ServerError,
    SessionClosed,
)
from .protocol import Line, Protocol
from .settings import Settings
from .tool_calls import ToolCalls, ToolCallState
from .turns import Turn, Turns
from .wire import (
    Socket,
    close_code_and_reason,
    closed_error,
    connected,
    host_of,
    translated,
    wrong_key,
    ws_errors,
)

__all__ = ["Observer", "Session", "open_session", "server_error", "typed_item"]

_CHUNK_BYTES = SAMPLE_RATE_HZ // 10 * 2
_CONFIRM_TIMEOUT_S = 5.0

_SAID = frozenset(get_args(ClientEvent))

_LOG = logging.getLogger("grok_live_widget")

Observer = Callable[[Event, list[Turn], float], None]
"""Called on the loop with each event, the turns it changed, and its time [s]; must not block."""


class _Iterator(NamedTuple):
    """One that reads our events: forgotten when it is dropped, but for its room."""

    queue: weakref.ref[EventQueue]
    room: Room


class Session:
    """One line to the server; made by `grok_live_widget.connect`.

    A reader runs from the start: turns grow with nobody iterating. Use it on the loop that
    made it.

    Attributes
    ----------
    host : str
        Whom we talk to.
    is_rehearsal : bool
    """

    def __init__(
        self,
        socket_: Socket,
        protocol: Protocol,
        conversation: Conversation,
        *,
        host: str,
        is_rehearsal: bool = False,
    ) -> None:
        self.host = host
        self.is_rehearsal = is_rehearsal
        self._socket = socket_
        self._protocol = protocol
        self._conversation = conversation
        self._tool_calls = ToolCalls()
        self._converter = ClipConverter()
        self._observers: tuple[Observer, ...] = ()
        self._iterators: list[_Iterator] = []
        self._writing = asyncio.Lock()
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._tick: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: GrokLiveError | None = None
        self._reader: asyncio.Task[None] | None = None
        self._is_closing = False
        self._on_closed: list[Callable[[], None]] = []

    # ----------------------------------------------------------------- what a user calls
    @property
    def turns(self) -> Turns:
        """The conversation so far."""
        return self._conversation.turns

    @property
    def pending_approvals(self) -> list[ToolCallState]:
        """Calls of tools that wait for consent, oldest first; `approve` answers one."""
        return self._tool_calls.waiting

    @property
    def dialect(self) -> str:
        """``"live"`` or ``"realtime"``."""
        return self._protocol.dialect.name

    @property
    def clipped_count(self) -> int:
        """Samples beyond ±1 that were clipped."""
        return self._converter.clipped_count

    async def send_audio(
        self, x: Any, sample_rate: int = SAMPLE_RATE_HZ, *, more: bool = False
    ) -> None:
        """Send sound as the user's.

        Parameters
        ----------
        x : array_like of int16, float32 or float64 [shape=(n,) or (n, channels)]
            Floats in [-1, 1]; beyond is clipped and counted. 24 kHz mono int16 passes
            untouched. Not kept.
        sample_rate : int [Hz]
        more : bool
            The next call continues this sound, so the resampler keeps its state.

        Raises
        ------
        AudioFormatError
            Before anything is sent.
        SessionClosed
        """
        await self.send_pcm(self._converter.convert(x, sample_rate, more=more))

    async def send_pcm(self, pcm: bytes) -> None:
        """Send 24 kHz mono PCM16 bytes as they are, 100 ms a message."""
        for start in range(0, len(pcm), _CHUNK_BYTES):
            await self.say(AppendAudio(pcm[start : start + _CHUNK_BYTES]))

    async def send_text(self, text: str) -> None:
        """Put a typed turn into the conversation; `respond` asks for the reply."""
        await self.say(CreateItem(typed_item(text)))

    async def commit(self) -> None:
        """End the user's turn by hand; see `PushToTalk`."""
        await self.say(CommitAudio())

    async def respond(self, instructions: str | None = None) -> None:
        """Ask for a reply now, or as soon as the running one has ended."""
        await self.request(CreateResponse(instructions=instructions))

    async def interrupt(self) -> None:
        """Stop the reply that is running or still sounding; harmless when there is none."""
        self._check()
        self._protocol.interrupt()
        await self._settle()

    async def approve(self, call_id: str, is_allowed: bool = True) -> None:
        """Allow a call in `pending_approvals`, or do not.

        Raises
        ------
        ConfigurationError
            When no such call waits.
        """
        if call_id not in {call.call_id for call in self.pending_approvals}:
            raise ConfigurationError(
                f"no call {call_id!r} waits for consent.", cure="pending_approvals lists those."
            )
        self.tell(ToolAnswered(call_id=call_id, is_allowed=bool(is_allowed)))

    def __aiter__(self) -> AsyncIterator[Event]:
        """Events from now on, said ones left out.

        Up to 256 wait; beyond that the line itself is held back. Ends quietly when the
        session is closed as asked, otherwise raises what broke it.
        """
        iterator = EventQueue(lambda: self._failure)
        if self._protocol.line is Line.CLOSED:
            iterator.end()
        alive = [each for each in self._iterators if each.queue() is not None]
        self._iterators = [*alive, _Iterator(weakref.ref(iterator), iterator.room)]
        return iterator

    async def close(self) -> None:
        """Close the line; turns stay. Safe to call again."""
        self._is_closing = True
        for iterator in self._iterators:
            iterator.room.release()
        await self._socket.close()
        if self._reader is not None and self._reader is not asyncio.current_task():
            await asyncio.wait([self._reader])

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        who = "rehearsal, " if self.is_rehearsal else ""
        state = self._protocol.line.value
        return f"<Session {who}{self.dialect} at {self.host}, {state}, {len(self.turns)} turns>"

    # ----------------------------------------------------------------- for talk and lanes
    @property
    def protocol(self) -> Protocol:
        """The rules and their state, to read."""
        return self._protocol

    @property
    def is_open(self) -> bool:
        """Whether sound and text can be sent."""
        return self._protocol.line is Line.OPEN

    @property
    def failure(self) -> GrokLiveError | None:
        """Why the session cannot be used any more; None while it can."""
        return self._failure

    @property
    def is_calling(self) -> bool:
        """Whether a tool's call is not over."""
        return self._tool_calls.has_open

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

    def set_player(self, has_player: bool) -> None:
        """Tell whether somebody listens."""
        self._protocol.has_player = has_player
        if has_player != self._conversation.has_player:
            self._hand_out(PlayerChanged(has_player))

    async def say(self, *events: ClientEvent) -> None:
        """Say `events` now; raises where the protocol forbids it."""
        self._check()
        for event in events:
            self._protocol.send(event)
        await self._settle()

    async def request(self, *events: ClientEvent) -> None:
        """Say `events` as soon as no reply is running."""
        self._check()
        self._protocol.request(*events)
        await self._settle()

    async def give_up_reply(self) -> None:
        """Wait no longer for a reply that does not come."""
        self._protocol.give_up_reply()
        await self._settle()

    async def report_playback(self, report: PlaybackReported) -> None:
        """Tell what was heard of a reply."""
        self._protocol.report_playback(report)
        await self._settle()

    def tell(self, event: Event) -> None:
        """Hand out a local event."""
        self._hand_out(event)

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

    # ----------------------------------------------------------------- opening
    async def begin(self, opening: Opening, settle_s: float = 0.0) -> None:
        """Say the first words and wait until the line is ready.

        Parameters
        ----------
        settle_s : float [s]
            Where the dialect has no word for "ready": how long an error or a close still
            counts as a refusal.
        """
        self._reader = asyncio.create_task(self._read())
        for event in opening.first:
            self._protocol.send(event)
        await self._settle()
        await self._wait_until_ready(opening.ready, settle_s)
        if self._failure is not None:
            await self.close()
            raise self._failure
        self._open()

    def _open(self) -> None:
        """The line is ready; told before anything else that the server says."""
        if self._protocol.line is Line.OPENING:
            self._protocol.open()
            self._hand_out(
                SessionOpened(dialect=self.dialect, host=self.host, is_rehearsal=self.is_rehearsal)
            )

    async def _wait_until_ready(self, ready: type[Any] | None, settle_s: float) -> None:
        has_answered = asyncio.Event()

        def watch(event: Event, _: list[Turn], __: float) -> None:
            is_answer = isinstance(event, ready) if ready else self._protocol.has_heard
            if is_answer and self._failure is None:
                self._open()
            if is_answer or isinstance(event, SessionEnded):
                has_answered.set()
            elif isinstance(event, ErrorReported) and self._failure is None:
                self._failure = self._refusal(event)
                has_answered.set()

        self.observe(watch)
        try:
            timeout_s = _CONFIRM_TIMEOUT_S if ready else settle_s
            if timeout_s:
                async with asyncio.timeout(timeout_s):
                    await has_answered.wait()
        except TimeoutError:
            if ready is not None:
                self._note("The server did not confirm the settings; talking all the same.")
        finally:
            self.ignore(watch)

    def _refusal(self, error: ErrorReported) -> GrokLiveError:
        if is_about_the_key(error):
            return wrong_key(self.host)
        return ConnectError(
            f"{self.host} refused the session: {error.message}", host=self.host, has_answered=True
        )

    # ----------------------------------------------------------------- the driver's loop
    async def _read(self) -> None:
        code: int | None = None
        reason = ""
        try:
            while True:
                await self._wait_for_room()
                frame = await self._socket.read()
                self._protocol.receive_frame(frame, time.monotonic())
                await self._settle()
        except ws_errors.ConnectionClosed as closed:
            code, reason = close_code_and_reason(closed)
        except SessionClosed:
            # A reply of our own found the line closed; the socket knows why.
            code, reason = self._socket.close_code, self._socket.close_reason or ""
        except Exception:  # noqa: BLE001  (a bug of ours must end the session, not hang it)
            _LOG.exception("The reader stopped; please report this.")
            await self._socket.close(1011)
        finally:
            self._end(code, reason)

    async def _wait_for_room(self) -> None:
        # Only the rooms are held meanwhile, so that a dropped iterator can go.
        for iterator in self._iterators:
            if iterator.room.is_full and not self._is_closing:
                await iterator.room.wait()

    async def _settle(self) -> None:
        """Flush what is to be sent, then hand out what is told."""
        # What somebody else is writing may have been queued by us.
        if self._protocol.has_messages_to_send or self._writing.locked():
            await self._flush()
        for event in self._protocol.events_told():
            self._hand_out(event)
        self._arm_tick()

    async def _flush(self) -> None:
        try:
            async with self._writing:
                await self._socket.write(self._protocol.messages_to_send())
            return
        except ws_errors.ConnectionClosed as closed:
            failure = translated(closed, self.host)
        # The reader knows best why, unless it is the one who is here.
        if self._reader not in (None, asyncio.current_task()):
            await asyncio.wait([self._reader], timeout=1)
        raise self._failure or failure

    def _hand_out(self, event: Event) -> None:
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
        if not self._protocol.has_heard and is_about_the_key(error):
            self._failure = wrong_key(self.host)
            self._spawn(self._socket.close())

    def _spawn(self, coro: Any) -> None:
        task = asyncio.get_running_loop().create_task(coro)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _arm_tick(self) -> None:
        at_s = self._protocol.next_tick_s()
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        if at_s is not None:
            delay_s = max(0.0, at_s - time.monotonic())
            self._tick = asyncio.get_running_loop().call_later(delay_s, self._let_time_pass)

    def _let_time_pass(self) -> None:
        self._protocol.tick(time.monotonic())
        self._spawn(self._settle_quietly())

    async def _settle_quietly(self) -> None:
        with contextlib.suppress(SessionClosed):  # The reader tells.
            await self._settle()

    # ----------------------------------------------------------------- the end
    def _end(self, code: int | None, reason: str) -> None:
        """Tell the end, once, with everything received kept."""
        has_opened = self._protocol.line is Line.OPEN
        is_refusal = not has_opened or not self._protocol.has_heard
        self._protocol.close()
        if self._tick is not None:
            self._tick.cancel()
        if self._failure is None:
            self._failure = self._reason_to_be_closed(code, reason, is_refusal=is_refusal)
        for event in self._protocol.events_told():
            self._hand_out(event)
        self._hand_out(SessionEnded(close_code=code, reason=reason))
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
        if self.dialect == "live" and is_refusal and code not in (1000, None):
            return wrong_key(self.host)
        return closed_error(code, reason, self.host)

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _note(self, text: str) -> None:
        self._hand_out(Noted(text, "warning"))


# --------------------------------------------------------------------------- opening a line
async def open_session(
    dialect: Dialect,
    opening: Opening,
    settings: Settings,
    conversation: Conversation,
    *,
    is_rehearsal: bool = False,
    settle_s: float = 0.0,
    observer: Observer | None = None,
) -> Session:
    """Open one line in one dialect.

    Raises
    ------
    AuthenticationError, ConnectError, ConfigurationError
    """
    host = host_of(opening.url)
    connection = await connected(opening, settings.open_timeout_s)
    protocol = Protocol(
        dialect,
        turn_detection=settings.turn_detection,
        reply_quiet_s=settings.reply_quiet_ms / 1000,
        session_name=f"{uuid.uuid4().hex[:8]}_",
    )
    session = Session(connection, protocol, conversation, host=host, is_rehearsal=is_rehearsal)
    if observer is not None:
        session.observe(observer)
    try:
        await session.begin(opening, settle_s)
    except BaseException:
        await session.close()
        raise
    return session


def typed_item(text: object) -> Item:
    """The user's typed message; ConfigurationError when there is nothing in it."""
    if not isinstance(text, str) or not text.strip():
        raise ConfigurationError(f"there is nothing to say in {text!r}.", cure="Pass some text.")
    return Item(role="user", part="input_text", text=text)


def server_error(error: ErrorReported) -> ServerError:
    """The error of ours for one that the server reported."""
    return ServerError(
        f"the server reported: {error.message or error.code or 'an error without a text'}",
        error_type=error.error_type,
        code=error.code,
    )
