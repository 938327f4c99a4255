"""One session: a connection to the server that is opened, used and closed.

Everything here runs on one asyncio loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import Any, Literal, NoReturn, Unpack

from .._structs import names_checked
from ..conversation import Conversation, PendingReply, ToolCallState, Turn, Turns
from ..exceptions import (
    ConfigurationError,
    ConnectError,
    GrokLiveError,
    ServerError,
    SessionClosed,
)
from ..protocol import (
    ClearAudio,
    ClientEvent,
    CommitAudio,
    ConnectionState,
    CreateItem,
    DeleteItem,
    Dialect,
    ErrorReported,
    Event,
    Item,
    Opening,
    PlaybackReported,
    PlayerChanged,
    Protocol,
    ResponseState,
    SessionCreated,
    SessionEnded,
    SessionOpened,
    SessionUpdated,
    SettingsChanged,
    SilenceAnnounced,
    ToolAnswered,
    TruncateItem,
    UpdateSession,
    is_ignorable_error,
    is_replaced_model,
    rejected_settings,
)
from ..recording import FrameLog, Frames
from ..settings import Settings, UpdateKwargs, expand_kwargs_signature, one_of
from ..tools import secrets_of
from ._pump import Listener, ListenerHandle, Pump
from .audio_stream import AudioStream
from .callers import Callers
from .clips import Clip
from .endpoint import (
    ConnectRequest,
    name_of_server,
    refuse_unsupported,
    update_for,
    voice_notes,
)
from .message_socket import MessageSocket
from .requests import reply_request, server_error, user_message, verbatim_message, with_new_id
from .transport import connected, host_of, wrong_key

_SETTINGS = tuple(name for name in UpdateSession.__struct_fields__ if name != "event_id")

# What resets a setting to its default, where leaving it out changes nothing.
_DEFAULTS: dict[str, Any] = {
    "instructions": "",
    "speed": 1.0,
    "replace": {},
    "reasoning": "high",
    "tools": (),
    "resumption": False,
}


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
    settings : Settings
        Those that hold now.
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
        socket_: MessageSocket,
        protocol: Protocol,
        conversation: Conversation,
        request: ConnectRequest,
        host: str,
        server_name: str,
        frame_log: FrameLog,
        connection: int,
    ) -> None:
        self.settings = request.settings
        self.host = host
        self.server_name = server_name
        self.is_rehearsal = request.endpoint.is_rehearsal
        self.timeouts = request.timeouts
        self.callers = Callers()
        self._on_interrupt: list[Callable[[], object]] = []
        self._endpoint = request.endpoint
        self._protocol = protocol
        self._conversation = conversation
        has_key = bool(request.endpoint.key)
        self._frame_log = frame_log
        self._pump = Pump(
            socket_,
            protocol,
            conversation,
            host,
            has_key=has_key,
            frame_log=frame_log,
            connection=connection,
        )
        # Confirmations of two concurrent changes could not be told apart.
        self._changing = asyncio.Lock()
        self.audio = AudioStream(self._pump, protocol, request.timeouts.stream_gap_s)

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
        async with self._changing:
            before, after = self.settings, self.settings.changed(settings)
            self._frame_log.add_secrets(*secrets_of(after.tools))
            change = self._change(before, after)
            if change.model is not None and self._protocol.dialect.has_responses:
                raise ConfigurationError(
                    "another model needs a new session.", cure="Talk.update(model=…) opens one."
                )
            rejected = await self._apply_change(before, change) if change != UpdateSession() else []
            self.settings = after
            self._settings_changed()
            if after.voice != before.voice:
                for note in voice_notes(self._endpoint, after, self._protocol.dialect):
                    self.emit(note)
            return rejected

    async def _apply_change(self, before: Settings, change: UpdateSession) -> list[str]:
        try:
            return await self._request_settings(change)
        except ServerError:
            if change.turn_detection is not None:
                # Whatever follows turns uses what was sent last; the server still has this.
                detection = UpdateSession(turn_detection=before.turn_detection)
                with contextlib.suppress(ServerError):
                    await self._request_settings(with_new_id(detection))
            raise

    def _message_of(self, settings: Settings) -> UpdateSession:
        """The message that asks the server for some settings."""
        refuse_unsupported(settings, self._protocol.dialect)
        return update_for(self._endpoint, settings, self._protocol.dialect)

    def _change(self, before: Settings, after: Settings) -> UpdateSession:
        """The message that changes some settings to others."""
        was, wanted = self._message_of(before), self._message_of(after)
        changed: dict[str, Any] = {}
        for name in _SETTINGS:
            old, new = getattr(was, name), getattr(wanted, name)
            if new != old:
                changed[name] = _default_of(name) if new is None else new
        return with_new_id(UpdateSession(**changed))

    async def _request_settings(self, change: UpdateSession) -> list[str]:
        """Send a change; servers confirm the settings, or report an error and change nothing."""
        answers: list[Event] = []

        def watch(event: Event, _: list[Turn], __: float) -> None:
            if isinstance(event, SessionUpdated | SessionEnded) or (
                isinstance(event, ErrorReported)
                and not is_ignorable_error(event)
                and event.about in ("", change.event_id)
            ):
                answers.append(event)

        with self.add_listener(watch):
            await self.send(change)
            if not self._protocol.dialect.confirms_settings:
                return []
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.timeouts.confirm_s):
                    await self.wait_for(lambda: bool(answers))
        return self._rejected_by(change, answers[0] if answers else None)

    def _rejected_by(self, change: UpdateSession, answer: Event | None) -> list[str]:
        """Note the settings that the server confirmed with another value."""
        self._pump.check()
        if isinstance(answer, ErrorReported):
            raise server_error(answer)
        if not isinstance(answer, SessionUpdated):
            self._pump.note(
                "The server did not confirm the new settings, so they may not hold; "
                "update() sends them again."
            )
            return []
        differences = rejected_settings(self._protocol.dialect, change, answer.session)
        for difference in differences:
            self._pump.note(f"The server rejected a setting and keeps its own: {difference}.")
        return differences

    def _settings_changed(self) -> None:
        self._protocol.set_reply_quiet(self.settings.reply_quiet_ms / 1000)
        self.emit(SettingsChanged())

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

    # ----------------------------------------------------------------- opening
    async def begin(self, opening: Opening, settle_s: float = 0.0) -> None:
        """Send the opening messages and wait until the session is ready.

        Parameters
        ----------
        opening : Opening
            The URL, the headers and the first messages of the dialect.
        settle_s : float [s]
            Where the dialect does not confirm that: how long an error or a close still
            counts as a refusal.
        """
        await self._send_opening(opening, settle_s)
        if self._pump.failure is not None:
            await self.close()
            raise self._pump.failure
        self._open()

    def _open(self) -> None:
        """The session is ready; dispatched before any other event of the server."""
        if self._protocol.state is ConnectionState.OPENING:
            self._protocol.open()
            self._pump.dispatch(
                SessionOpened(dialect=self.dialect, host=self.host, is_rehearsal=self.is_rehearsal)
            )

    async def _send_opening(self, opening: Opening, settle_s: float) -> None:
        has_answered, ready = asyncio.Event(), opening.ready

        def watch(event: Event, _: list[Turn], __: float) -> None:
            is_answer = isinstance(event, ready) if ready else self._protocol.has_received
            if isinstance(event, SessionCreated):
                self._watch_for_another_model(event)
            if isinstance(event, SessionUpdated):
                self._watch_for_another_sound(event)
            if is_answer and self._pump.failure is None:
                self._open()
            if is_answer or isinstance(event, SessionEnded):
                has_answered.set()
            elif isinstance(event, ErrorReported) and self._pump.failure is None:
                self._pump.failure = self._refusal(event)
                has_answered.set()

        handle = self.add_listener(watch)
        try:
            for event in opening.first:
                self._protocol.send(event)
            self._pump.start()
            await self._pump.drain()
            timeout_s = self.timeouts.confirm_s if ready else settle_s
            if timeout_s:
                async with asyncio.timeout(timeout_s):
                    await has_answered.wait()
        except TimeoutError:
            if ready is not None:
                self._pump.note("The server did not confirm the settings; the session goes on.")
        finally:
            handle.remove()

    def _watch_for_another_model(self, event: SessionCreated) -> None:
        asked = self.settings.model
        if is_replaced_model(asked, event.model):
            self._pump.note(
                f"The server answers as {event.model!r}, not as {asked!r}, which was requested; "
                "check model=."
            )

    def _watch_for_another_sound(self, event: SessionUpdated) -> None:
        """Sound at another rate than was requested would be played at the wrong pitch."""
        asked = self._message_of(self.settings)
        sound = UpdateSession(input_format=asked.input_format, output_format=asked.output_format)
        differences = rejected_settings(self._protocol.dialect, sound, event.session)
        if differences:
            self._pump.failure = ConnectError(
                f"{self.host} does not support the audio format: {differences[0]}.",
                host=self.host,
                cure="Use formats that it supports; all support pcm at 24000 Hz.",
            )

    def _refusal(self, error: ErrorReported) -> GrokLiveError:
        if self._protocol.dialect.is_auth_error(error):
            return wrong_key(self.host, has_key=bool(self._endpoint.key))
        return ConnectError(
            f"{self.host} refused the session: {error.message.rstrip('.')}.",
            host=self.host,
            has_answered=True,
            cure="Change the setting that it names, or try again.",
        )


def _default_of(name: str) -> Any:
    if name not in _DEFAULTS:
        raise ConfigurationError(
            f"{name} cannot be reset in a running session.",
            cure=f"Give {name} a value, or open another session.",
        )
    return _DEFAULTS[name]


def _check_id(name: str, value: object) -> None:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(
            f"{name} must be the id of an item, not {value!r}.", cure="Turn.item_id is one."
        )


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ConfigurationError(f"{name} must be a whole number from 0, not {value!r}.")


# --------------------------------------------------------------------------- opening a session
async def open_session(
    request: ConnectRequest,
    dialect: Dialect,
    opening: Opening,
    conversation: Conversation,
    *,
    frame_log: FrameLog,
    settle_s: float = 0.0,
    listener: Listener | None = None,
) -> Session:
    """Open one session in one dialect.

    Parameters
    ----------
    frame_log : FrameLog
        Gets what is sent and received, also when the connection is refused.
    settle_s : number >= 0 [s]
        See `Session.begin`.
    listener : callable or None
        Added before anything is sent.

    Raises
    ------
    AuthenticationError, ConnectError, ConfigurationError
    """
    settings = request.settings
    frame_log.add_secrets(request.endpoint.key.reveal(), *secrets_of(settings.tools))
    connection, began_s = frame_log.new_connection(), time.monotonic()
    try:
        socket_ = await connected(opening, settings.open_timeout_s, settings.ssl)
    except GrokLiveError as error:
        status = error.status_code if isinstance(error, ConnectError) else None
        frame_log.add_opening(connection, began_s, opening, dialect.name, status, error.message)
        raise
    # The status of every WebSocket that was opened (RFC 6455, section 4.2.2).
    frame_log.add_opening(connection, began_s, opening, dialect.name, 101)
    protocol = Protocol(
        dialect,
        turn_detection=settings.turn_detection,
        input_format=settings.input_format,
        output_format=settings.output_format,
        reply_quiet_s=settings.reply_quiet_ms / 1000,
        session_name=f"{uuid.uuid4().hex[:8]}_",
    )
    name = name_of_server(opening.url, socket_.server_header)
    host = host_of(opening.url)
    session = Session(socket_, protocol, conversation, request, host, name, frame_log, connection)
    if listener is not None:
        session.add_listener(listener)
    try:
        await session.begin(opening, settle_s)
    except BaseException:
        await session.close()
        raise
    return session
