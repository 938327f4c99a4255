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

from .conversation import Conversation
from .dialects import Dialect, Opening
from .dialects.live import is_about_the_key
from .echo import is_replaced_model, not_taken
from .event_queue import EventQueue, Room
from .events import (
    Authenticate,
    ClientEvent,
    ErrorReported,
    Event,
    Noted,
    PlaybackReported,
    PlayerChanged,
    SessionCreated,
    SessionEnded,
    SessionOpened,
    SessionUpdated,
    SettingsChanged,
    UpdateSession,
)
from .exceptions import ConnectError, GrokLiveError, SessionClosed
from .protocol import Line, Protocol, Reply
from .reopening import TRANSIENT_CODES
from .requests import named, server_error
from .session_face import SessionFace
from .settings import Settings
from .turns import Turn
from .wire import (
    ClientConnection,
    close_code_and_reason,
    closed_error,
    connected,
    host_of,
    translated,
    wrong_key,
    ws_errors,
)

__all__ = ["Observer", "Session", "Wanted", "open_session"]

_CONFIRM_TIMEOUT_S = 5.0

_SAID = frozenset(get_args(ClientEvent))

_LOG = logging.getLogger("grok_live_widget")

Wanted = Callable[[Settings], UpdateSession]
"""What is said to a server to have some settings; raises where it cannot be said."""

Observer = Callable[[Event, list[Turn], float], None]
"""Called on the loop with each event, the turns it changed, and its time [s]; must not block."""


class _Iterator(NamedTuple):
    """One that reads our events: forgotten when it is dropped, but for its room."""

    queue: weakref.ref[EventQueue]
    room: Room


class Session(SessionFace):
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
        socket_: ClientConnection,
        protocol: Protocol,
        conversation: Conversation,
        settings: Settings,
        *,
        host: str,
        wanted: Wanted,
        is_rehearsal: bool = False,
    ) -> None:
        super().__init__(protocol, conversation, settings)
        self.host = host
        self.is_rehearsal = is_rehearsal
        self._wanted = wanted
        self._socket = socket_
        self._hears_binary = protocol.output_format.transport == "binary"
        self._observers: tuple[Observer, ...] = ()
        self._iterators: list[_Iterator] = []
        self._writing = asyncio.Lock()
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._tick: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: GrokLiveError | None = None
        self._reader: asyncio.Task[None] | None = None
        self._is_closing = False
        self._heard_count, self._heard_s = 0, time.monotonic()
        self._on_closed: list[Callable[[], None]] = []
        self._on_settings: list[Callable[[Settings], None]] = []

    # ----------------------------------------------------------------- to iterate and to close
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
    def is_quiet(self) -> bool:
        """Whether nobody speaks, no reply is awaited or comes, and no tool runs."""
        is_speech = self._protocol.is_speech_active
        return self._protocol.reply is Reply.IDLE and not is_speech and not self.is_calling

    @property
    def failure(self) -> GrokLiveError | None:
        """Why the session cannot be used any more; None while it can."""
        return self._failure

    @property
    def heard_count(self) -> int:
        """How many messages the server has sent, pings too."""
        return self._heard_count

    @property
    def silent_s(self) -> float:
        """For how long it has sent none [s]."""
        return time.monotonic() - self._heard_s

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

    def on_settings(self, callback: Callable[[Settings], None]) -> None:
        """Call when other settings hold."""
        self._on_settings.append(callback)

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

    def wanted(self, settings: Settings) -> UpdateSession:
        """What is said to the server to have these settings.

        Raises
        ------
        UnsupportedByServer
        """
        return self._wanted(settings)

    async def _asked_for(self, change: UpdateSession) -> list[str]:
        """Say it; servers confirm with an echo, or with an error that leaves all as it was."""
        answers: list[Event] = []

        def watch(event: Event, _: list[Turn], __: float) -> None:
            if isinstance(event, SessionUpdated | SessionEnded) or (
                isinstance(event, ErrorReported) and event.about in ("", change.event_id)
            ):
                answers.append(event)

        self.observe(watch)
        try:
            await self.say(change)
            if not self._protocol.dialect.has_responses:
                return []  # `live` confirms nothing.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CONFIRM_TIMEOUT_S):
                    await self.wait_for(lambda: bool(answers))
        finally:
            self.ignore(watch)
        return self._taken(change, answers[0] if answers else None)

    def _taken(self, change: UpdateSession, answer: Event | None) -> list[str]:
        self._check()
        if isinstance(answer, ErrorReported):
            raise server_error(answer)
        if not isinstance(answer, SessionUpdated):
            self._note("The server did not confirm the new settings.")
            return []
        return self._compare(change, answer)

    def _compare(self, asked: UpdateSession, answer: SessionUpdated) -> list[str]:
        """Note what the server says otherwise than it was asked."""
        differences = not_taken(self._protocol.dialect, asked, answer.session)
        for difference in differences:
            self._note(f"The server did not take over a setting: {difference}.")
        return differences

    def _settings_changed(self) -> None:
        for callback in self._on_settings:
            callback(self.settings)
        self.tell(SettingsChanged())

    async def give_up_reply(self) -> None:
        """Wait no longer for a reply that does not come."""
        self._protocol.give_up_reply()
        await self._settle()

    async def is_answering(self, within_s: float) -> bool:
        """Whether the server still says anything, if only that the settings hold.

        True also where that cannot be known: we do not read, or the line has just ended.
        """
        if self.silent_s < within_s or any(each.room.is_full for each in self._iterators):
            return True
        count = self._heard_count
        with contextlib.suppress(SessionClosed, TimeoutError):
            async with asyncio.timeout(within_s):
                await self.say(named(UpdateSession()))
                await self.wait_for(lambda: self._heard_count > count)
        return self._heard_count > count or self._failure is not None

    async def give_up(self, failure: GrokLiveError) -> None:
        """Close a line that is of no use any more, for this reason."""
        self._failure = self._failure or failure
        await self.close()

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
            if isinstance(event, SessionCreated):
                self._watch_for_another_model(event)
            if isinstance(event, SessionUpdated):
                self._watch_for_another_sound(event)
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

    def _watch_for_another_model(self, event: SessionCreated) -> None:
        asked = self.settings.model
        if is_replaced_model(asked, event.model):
            self._note(f"The server answers as {event.model!r}, not as {asked!r} as it was asked.")

    def _watch_for_another_sound(self, event: SessionUpdated) -> None:
        """Sound at another rate than was asked for would be heard at the wrong pitch."""
        asked = self._wanted(self.settings)
        sound = UpdateSession(input_format=asked.input_format, output_format=asked.output_format)
        differences = not_taken(self._protocol.dialect, sound, event.session)
        if differences:
            self._failure = ConnectError(
                f"{self.host} does not take the format of the sound: {differences[0]}.",
                host=self.host,
                cure="Use formats that it knows; pcm at 24000 Hz is known everywhere.",
            )

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
                await self._receive()
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

    async def _receive(self) -> None:
        # With sound in messages of its own, only so is one told from a text.
        message = await self._socket.recv(decode=None if self._hears_binary else False)
        self._heard_count, self._heard_s = self._heard_count + 1, time.monotonic()
        if isinstance(message, bytes) and self._hears_binary:
            self._protocol.receive_sound(message, self._heard_s)
        else:
            frame = message.encode() if isinstance(message, str) else message
            self._protocol.receive_frame(frame, self._heard_s)

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
                for frame in self._protocol.messages_to_send():
                    await self._socket.send(frame.body, text=frame.is_text)
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
        is_verdict = code != 1000 and code not in TRANSIENT_CODES
        if self.dialect == "live" and is_refusal and is_verdict:
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
    wanted: Wanted,
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
        input_format=settings.input_format,
        output_format=settings.output_format,
        reply_quiet_s=settings.reply_quiet_ms / 1000,
        session_name=f"{uuid.uuid4().hex[:8]}_",
    )
    session = Session(
        connection,
        protocol,
        conversation,
        settings,
        host=host,
        wanted=wanted,
        is_rehearsal=is_rehearsal,
    )
    if observer is not None:
        session.observe(observer)
    try:
        await session.begin(opening, settle_s)
    except BaseException:
        await session.close()
        raise
    return session
