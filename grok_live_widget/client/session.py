"""One session: a connection to the server that is opened, used and closed.

Everything here runs on one asyncio loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import Any, Literal, NoReturn, Unpack

from .._structs import names_checked
from ..conversation import Conversation, PendingReply, ToolCallState, Turn, Turns
from ..exceptions import ConfigurationError, GrokLiveError, SessionClosed
from ..protocol import (
    ClearAudio,
    ClientEvent,
    CommitAudio,
    ConnectionState,
    CreateItem,
    DeleteItem,
    Event,
    Item,
    PlaybackReported,
    PlayerChanged,
    Protocol,
    ResponseState,
    SessionUpdated,
    SilenceAnnounced,
    ToolAnswered,
    TruncateItem,
    UpdateSession,
)
from ..recording import FrameLog, Frames
from ..settings import Settings, UpdateKwargs, expand_kwargs_signature, one_of
from ._pump import Pump
from .audio_stream import AudioStream
from .callers import Callers
from .clips import Clip
from .endpoint import ConnectRequest
from .listeners import Listener, ListenerHandle
from .requests import reply_request, user_message, verbatim_message, with_new_id
from .session_settings import SessionSettings


class NeedsAsyncWith:
    """Refuses ``with``, of which Python's own error does not tell what to use instead."""

    def __enter__(self) -> NoReturn:
        raise ConfigurationError(
            "a session is opened and closed with `await`, so that `with` cannot be used.",
            cure="Write `async with connect(...) as session:`, or use Talk(...) in code without "
            "await.",
        )

    def __exit__(self, *exc_info: object) -> None:
        """Python looks for it before it calls `__enter__`."""


class Session(NeedsAsyncWith):
    """One connection to the server; made by `grok_live_widget.connect`.

    A reader runs from the start: turns grow with no iterator. Use it on the loop that
    made it. Everything is checked before it is queued: what the dialect does not support raises
    `UnsupportedByServer`, what may not be sent now `LocalProtocolError`, and a connection that
    has ended the error that says how.

    Attributes
    ----------
    host : str
        Host and port of the server.
    server_name : str
        ``"Grok"``, ``"rehearsal"``, ``"replay"``, or the host of another server.
    is_rehearsal : bool
    timeouts : Timeouts
    audio : AudioStream
        What `send_audio` sends; a microphone's sound takes its ``send_nowait``.
    callers : Callers
        Of the replies, for what runs in their contexts.

    Examples
    --------
    >>> import asyncio
    >>> from grok_live_widget import connect
    >>> async def main():
    ...     async with connect(partner=["Good morning."]) as session:
    ...         await session.send_text("Hello.")
    ...         return session.is_rehearsal, session.server_name
    >>> asyncio.run(main())
    (True, 'rehearsal')
    """

    def __init__(
        self,
        pump: Pump,
        protocol: Protocol,
        conversation: Conversation,
        request: ConnectRequest,
        settings: SessionSettings,
        server_name: str,
        frame_log: FrameLog,
    ) -> None:
        self.host = pump.host
        self.server_name = server_name
        self.is_rehearsal = request.endpoint.is_rehearsal
        self.timeouts = request.timeouts
        self.callers = Callers()
        self._on_interrupt: list[Callable[[], object]] = []
        self._protocol = protocol
        self._conversation = conversation
        self._frame_log = frame_log
        self._pump = pump
        self._settings = settings
        self.audio = AudioStream(pump, protocol, request.timeouts.stream_gap_s)

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[Event]:
        """Server events and local events from now on.

        Up to 256 wait; beyond that reading is paused. Ends quietly when the
        session is closed as asked, otherwise raises what broke it.
        """
        return self._pump.iterate()

    def __repr__(self) -> str:
        who = "rehearsal, " if self.is_rehearsal else ""
        state = self._protocol.state.value
        return f"<Session {who}{self.dialect} at {self.host}, {state}, {len(self.turns)} turns>"

    @names_checked
    async def close(self) -> None:
        """Close the connection; turns stay. Safe to call again."""
        with contextlib.suppress(GrokLiveError):
            self.audio.end()
        await self._pump.close()

    @property
    def settings(self) -> Settings:
        """Those that hold now."""
        return self._settings.current

    # ----------------------------------------------------------------- listeners
    @property
    def failure(self) -> GrokLiveError | None:
        """Why the session cannot be used any more; None while it can."""
        return self._pump.failure

    @names_checked
    def add_listener(self, listener: Listener) -> ListenerHandle:
        """Call ``listener(event, turns, now_s)`` with every event, sent ones too, in order.

        Parameters
        ----------
        listener : callable
            Called on the session's loop; must not block. ``turns`` is the list of the turns that
            the event changed, ``now_s`` its time on the monotonic clock [s]. The first error that
            it raises is logged and noted.

        Returns
        -------
        ListenerHandle
            Its ``remove()`` ends the calls; it is a context manager too.

        Raises
        ------
        ConfigurationError
            When it cannot be called with these three arguments.
        SessionClosed, AuthenticationError
            When the session has ended.
        """
        if self._protocol.state is ConnectionState.CLOSED:
            self._pump.check()
        return self._pump.add_listener(listener)

    def on_closed(self, callback: Callable[[], None]) -> None:
        """Call once when the connection has ended.

        Parameters
        ----------
        callback : callable
            Without arguments; called on the session's loop.
        """
        self._pump.on_closed(callback)

    def on_interrupt(self, callback: Callable[[], object]) -> None:
        """Call whenever `interrupt` is called.

        Parameters
        ----------
        callback : callable
            Without arguments; called on the session's loop.
        """
        self._on_interrupt.append(callback)

    def emit(self, event: Event) -> None:
        """Dispatch a local event.

        Parameters
        ----------
        event : events.Event
            It is not sent.
        """
        self._pump.dispatch(event)

    async def wait_for(self, is_so: Callable[[], bool]) -> None:
        """Return when ``is_so()``, which is evaluated after every event.

        Parameters
        ----------
        is_so : callable
            ``() -> bool``
        """
        await self._pump.wait_for(is_so)

    @names_checked
    async def ping(self) -> float:
        """How long the server takes to answer a ping of the WebSocket [s].

        Returns
        -------
        float

        Raises
        ------
        SessionClosed, AuthenticationError
            When the session has ended, or ends before the answer.
        """
        return await self._pump.ping()

    # ----------------------------------------------------------------- state, for a talk
    @property
    def protocol(self) -> Protocol:
        """The rules and their state, to read."""
        return self._protocol

    @property
    def is_open(self) -> bool:
        """Whether sound and text can be sent."""
        return self._protocol.state is ConnectionState.OPEN

    @property
    def is_quiet(self) -> bool:
        """Whether neither side speaks, no reply is awaited, and no tool runs."""
        is_idle = self._protocol.response_state is ResponseState.IDLE
        return is_idle and not self._protocol.is_speech_active and not self.is_calling

    @property
    def received_message_count(self) -> int:
        """How many messages the server has sent, pings too."""
        return self._pump.received_message_count

    @property
    def silent_s(self) -> float:
        """For how long it has sent none [s]."""
        return time.monotonic() - self._pump.received_s

    @property
    def is_calling(self) -> bool:
        """Whether a tool's call is not over."""
        return self._pump.tool_calls.has_open

    @property
    def open_calls(self) -> list[ToolCallState]:
        """Calls of tools that are not over, oldest first."""
        return self._pump.tool_calls.unfinished

    def set_player(self, has_player: bool) -> None:
        """Set whether a page plays the sound.

        Parameters
        ----------
        has_player : bool
        """
        self._protocol.has_player = has_player
        if has_player != self._conversation.has_player:
            self._pump.dispatch(PlayerChanged(has_player))

    async def send(self, *events: ClientEvent) -> None:
        """Send `events` now.

        Parameters
        ----------
        *events : ClientEvent

        Raises
        ------
        LocalProtocolError, UnsupportedByServer
            Where the protocol forbids one, and then none of them is sent.
        """
        self._pump.check()
        self.callers.note_requests(events)
        for event in events:
            self._protocol.send(event)
        await self._pump.drain()

    async def send_when_idle(self, *events: ClientEvent) -> None:
        """Send `events` as soon as no reply is running.

        Parameters
        ----------
        *events : ClientEvent
        """
        self._pump.check()
        self.callers.note_requests(events)
        self._protocol.send_when_idle(*events)
        await self._pump.drain()

    @contextlib.asynccontextmanager
    async def expect(
        self, *events: ClientEvent, tools: Collection[str] = ()
    ) -> AsyncIterator[PendingReply]:
        """Follow the reply to `events` while the block runs.

        Parameters
        ----------
        *events
            What the block sends, of which the last one requests the reply; none for the reply
            to speech. What is still queued when the block ends is withdrawn.
        tools : collection of str
            Names of the functions whose outputs the reply is to be made of.

        Yields
        ------
        PendingReply
            It changes with what is received.

        Examples
        --------
        ::

            async with session.expect(item, request) as pending:
                await session.send_when_idle(item, request)
                await session.wait_for(lambda: pending.is_settled)
        """
        request = events[-1] if events else None
        pending = PendingReply(request, tuple(tools), related=events)

        def follow(event: Event, _: list[Turn], __: float) -> None:
            pending.apply(event)

        with self.add_listener(follow):
            try:
                yield pending
            finally:
                self._protocol.withdraw(*events)
                self.callers.forget(events)

    async def abandon_reply(self, *, is_coming: bool = False) -> None:
        """Wait no longer for a reply; cancel it, now or when it begins.

        Parameters
        ----------
        is_coming : bool
            Whether the server will begin one by itself, to speech.
        """
        self._protocol.abandon_reply(is_coming=is_coming)
        await self._pump.drain()

    async def is_answering(self, within_s: float) -> bool:
        """Whether the server still sends messages, if only to confirm the settings.

        Parameters
        ----------
        within_s : float > 0 [s]
            How long the server may be silent, and then take to confirm.

        Returns
        -------
        bool
            True also where that cannot be known: reading is paused, or has just been closed.
        """
        if self.silent_s < within_s or self._pump.is_paused:
            return True
        return await self._answers_probe(within_s)

    async def is_heard_from(self, within_s: float) -> bool:
        """Whether the server sends a message from now on, of its own or to confirm the settings.

        Parameters
        ----------
        within_s : float > 0 [s]
            A third of it is for a message of the server's own.

        Returns
        -------
        bool
            True also where that cannot be known, as with `is_answering`.
        """
        count = self._pump.received_message_count
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s / 3):
                await self.wait_for(lambda: self._pump.received_message_count > count)
        if self._pump.received_message_count > count or self._pump.is_paused:
            return True
        return await self._answers_probe(within_s * 2 / 3)

    async def catch_up(self, within_s: float) -> None:
        """Wait until the server has read what was sent, as it shows by confirming the settings.

        Where settings are not confirmed (``live``), this returns at once.

        Parameters
        ----------
        within_s : float > 0 [s]
            The longest time to wait.
        """
        confirmed: list[Event] = []

        def watch(event: Event, _: list[Turn], __: float) -> None:
            if isinstance(event, SessionUpdated):
                confirmed.append(event)

        if not self._protocol.dialect.confirms_settings:
            return
        with contextlib.suppress(TimeoutError), self.add_listener(watch):
            async with asyncio.timeout(within_s):
                await self.send(with_new_id(UpdateSession()))
                await self.wait_for(lambda: bool(confirmed))

    async def _answers_probe(self, within_s: float) -> bool:
        count = self._pump.received_message_count
        with contextlib.suppress(SessionClosed, TimeoutError):
            async with asyncio.timeout(within_s):
                await self.send(with_new_id(UpdateSession()))
                await self.wait_for(lambda: self._pump.received_message_count > count)
        return self._pump.received_message_count > count or self._pump.failure is not None

    async def abort(self, failure: GrokLiveError) -> None:
        """End a session whose server is gone, for this reason, without a closing handshake.

        Parameters
        ----------
        failure : GrokLiveError
            What later calls raise, unless the session has failed before.
        """
        self._pump.failure = self._pump.failure or failure
        await self._pump.abort()

    async def report_playback(self, report: PlaybackReported) -> None:
        """Report how much of a reply was heard.

        Parameters
        ----------
        report : events.PlaybackReported
        """
        self._protocol.report_playback(report)
        await self._pump.drain()

    # ----------------------------------------------------------------- to read
    @property
    def turns(self) -> Turns:
        """The conversation so far."""
        return self._conversation.turns

    @property
    def frames(self) -> Frames:
        """The newest WebSocket frames in both directions, as of now, without audio and keys."""
        return self._frame_log.frames(self._conversation.origin_s)

    @property
    def pending_approvals(self) -> list[ToolCallState]:
        """Calls of tools that wait for consent, oldest first; `approve` answers one."""
        return self._pump.tool_calls.waiting

    @property
    def dialect(self) -> str:
        """``"live"`` or ``"realtime"``."""
        return self._protocol.dialect.name

    @property
    def conversation_id(self) -> str:
        """What the server calls this conversation; empty where it does not.

        With ``resumption=True``, the default, ``connect(conversation_id=…)`` goes on with it.
        """
        return self._protocol.conversation_id

    @property
    def input_sample_rate(self) -> int:
        """Of the user's sound as it is sent, and in the user's turns [Hz]."""
        return self._protocol.input_format.sample_rate

    @property
    def output_sample_rate(self) -> int:
        """Of the replies' sound [Hz]."""
        return self._protocol.output_format.sample_rate

    @property
    def clipped_count(self) -> int:
        """Samples beyond ±1 that were clipped."""
        return self.audio.clipped_count

    # ----------------------------------------------------------------- sound
    @names_checked
    async def send_audio(
        self,
        x: Any,
        sample_rate: int,
        *,
        end: bool = False,
        pace: Literal["fast", "realtime"] = "fast",
    ) -> None:
        """Send sound as the user's. Consecutive calls at one rate are one continuous stream.

        The stream ends with `end`, `commit`, `finish_audio`, `send_text`, another rate, or 200 ms
        without a call; what the resampler still holds is then sent.

        Parameters
        ----------
        x : array_like of int16, float32 or float64 [shape=(n,) or (n, channels)]
            Floats in [-1, 1]; beyond is clipped, counted and noted. Mono int16 at the session's own
            rate (`input_sample_rate`) passes untouched. Not kept.
        sample_rate : int [Hz]
            Of `x`.
        end : bool
            Whether the stream ends with `x`.
        pace : {"fast", "realtime"}
            ``"realtime"`` sends each 100 ms when they would have been spoken.

        Raises
        ------
        AudioFormatError
            Before anything is sent.
        ConfigurationError
            For another `pace`.
        SessionClosed
        """
        one_of("pace", pace, ("fast", "realtime"))
        self.callers.note_sound()
        await self.audio.send(x, sample_rate, is_last=end, is_real_time=pace == "realtime")

    async def send_clip(self, clip: Clip) -> None:
        """Send the sound of a question as it is, 100 ms a message, at its pace.

        Parameters
        ----------
        clip : Clip
            At `input_sample_rate`; not kept. The caller holds ``audio.sending``.
        """
        self.callers.note_sound()
        await self.audio.send_clip(clip.pcm, is_real_time=clip.pace == "realtime")

    async def finish_audio(self) -> None:
        """End the stream of `send_audio`: send what the resampler still holds."""
        self.audio.end()
        await self._pump.drain()

    async def send_silence(self, duration_s: float) -> None:
        """Send silence that is part of no turn, so that the server detects the end of the speech
        before it.

        Parameters
        ----------
        duration_s : float >= 0 [s]
        """
        self._pump.check()
        sample_count = round(duration_s * self.input_sample_rate)
        self.emit(SilenceAnnounced(sample_count=sample_count))
        # All at once: no other sound may come between.
        await self.send(*self.audio.chunks(bytes(sample_count * 2)))

    @names_checked
    async def commit(self) -> None:
        """End the user's turn by hand; see `PushToTalk`.

        Raises
        ------
        LocalProtocolError
            With push-to-talk, for less than 100 ms of sound, which servers refuse.
        """
        # The resampler's tail belongs to this turn. Nothing else may come between the two.
        await self.send(*self.audio.chunks(self.audio.drop()), CommitAudio())

    @names_checked
    async def clear(self) -> None:
        """Have the server forget the sound that was sent and not yet committed."""
        self.audio.drop()
        await self.send(ClearAudio())

    # ----------------------------------------------------------------- text and items
    @names_checked
    async def send_text(self, text: str) -> None:
        """Add a typed turn to the conversation; `respond` requests the reply.

        Parameters
        ----------
        text : str
        """
        message = user_message(text)
        await self.finish_audio()
        await self.send(message)

    @names_checked
    async def send_item(self, item: Item, previous_item_id: str | None = None) -> None:
        """Add any item to the conversation: history, a call of a tool, its output.

        Parameters
        ----------
        item : Item
            Of `grok_live_widget.events`, such as
            ``Item(role="user", part="input_text", text="…")``.
        previous_item_id : str or None
            The item that it is put after; None: at the end.
        """
        if not isinstance(item, Item):
            raise ConfigurationError(
                f"item must be an Item of grok_live_widget.events, not {type(item).__name__}.",
                cure="send_text(text) adds a typed message of the user.",
            )
        await self.send(CreateItem(item, previous_item_id))

    @names_checked
    async def delete_item(self, item_id: str) -> None:
        """Have the server forget an item; a turn's is its `Turn.item_id`. Our turn stays.

        Parameters
        ----------
        item_id : str

        Raises
        ------
        UnsupportedByServer
            In the ``live`` dialect.
        """
        _check_id("item_id", item_id)
        await self.send(DeleteItem(item_id))

    @names_checked
    async def truncate_item(self, item_id: str, audio_end_ms: int, content_index: int = 0) -> None:
        """Report to the server how much of a reply was heard [ms]. Where a page plays the sound
        this is done for you; whether the service obeys is disputed.

        Parameters
        ----------
        item_id : str
            Of the reply: its `Turn.item_id`.
        audio_end_ms : int >= 0 [ms]
        content_index : int
            Of the part of the item; replies have one.

        Raises
        ------
        UnsupportedByServer
            In the ``live`` dialect.
        """
        _check_id("item_id", item_id)
        _check_count("audio_end_ms", audio_end_ms)
        _check_count("content_index", content_index)
        await self.send(
            TruncateItem(item_id=item_id, audio_end_ms=audio_end_ms, content_index=content_index)
        )

    # ----------------------------------------------------------------- replies
    @names_checked
    async def respond(
        self, instructions: str | None = None, metadata: Mapping[str, str] | None = None
    ) -> None:
        """Ask for a reply now, or as soon as the running one has ended.

        Parameters
        ----------
        instructions : str or None
            In place of the session's, for this reply only.
        metadata : Mapping or None
            Returned with the reply, up to 16 pairs; None: that of the settings.
        """
        pairs = self.settings.metadata if metadata is None else metadata
        await self.send_when_idle(reply_request(instructions, pairs))

    @names_checked
    async def say_verbatim(self, text: str, *, interruptible: bool = True) -> None:
        """Have the model's voice speak `text` word for word, as soon as no reply is running.

        Parameters
        ----------
        text : str
        interruptible : bool
            Whether the user's speech interrupts it.
        """
        await self.send_when_idle(verbatim_message(text, is_interruptible=interruptible))

    @names_checked
    async def interrupt(self) -> None:
        """Stop the reply that is running or still sounding, and request none for the outputs of
        tools that run; harmless when there is none.
        """
        self._pump.check()
        self._protocol.interrupt()
        for callback in self._on_interrupt:
            callback()
        await self._pump.drain()

    # ----------------------------------------------------------------- settings and tools
    @names_checked
    @expand_kwargs_signature(UpdateKwargs)
    async def update(self, **settings: Unpack[UpdateKwargs]) -> list[str]:
        """Change settings of the running session.

        Parameters
        ----------
        **settings
            See `Settings`. What a session is opened with (the model, the formats of the sound,
            the server) cannot be changed here; `Talk.update` opens a new session for
            the model.

        Returns
        -------
        list of str
            What the server rejected, by the settings that it confirmed; each was also noted. Empty
            as a rule.

        Raises
        ------
        ConfigurationError
            Before anything is sent.
        UnsupportedByServer
            Where the dialect does not support it.
        ServerError
            When the server refuses; the earlier settings stay.
        """
        return await self._settings.change(settings)

    @names_checked
    async def approve(self, call_id: str, is_allowed: bool = True) -> None:
        """Allow a call in `pending_approvals`, or do not.

        Parameters
        ----------
        call_id : str
            Of a call in `pending_approvals`.
        is_allowed : bool

        Raises
        ------
        ConfigurationError
            When no such call waits.
        SessionClosed, AuthenticationError
            When the session has ended.
        """
        self._pump.check()
        if call_id not in {call.call_id for call in self.pending_approvals}:
            raise ConfigurationError(
                f"no call {call_id!r} waits for consent.", cure="pending_approvals lists those."
            )
        self.emit(ToolAnswered(call_id=call_id, is_allowed=bool(is_allowed)))


def _check_id(name: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(
            f"{name} must be the id of an item, not {value!r}.", cure="Turn.item_id is one."
        )


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ConfigurationError(f"{name} must be a whole number from 0, not {value!r}.")
