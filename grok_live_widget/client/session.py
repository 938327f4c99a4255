"""One session: opened, and its settings changed.

Everything here runs on one asyncio loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable

from ..conversation import Conversation, Turn
from ..exceptions import ConnectError, GrokLiveError, SessionClosed
from ..protocol import (
    ClientEvent,
    ConnectionState,
    Dialect,
    ErrorReported,
    Event,
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
    UpdateSession,
    is_ignorable_error,
    is_replaced_model,
    rejected_settings,
)
from ..settings import Settings
from ._pump import Observer, Pump
from .message_socket import MessageSocket
from .requests import named, server_error
from .session_face import SessionFace
from .transport import connected, host_of, wrong_key

__all__ = ["Session", "Wanted", "open_session"]

_CONFIRM_TIMEOUT_S = 5.0

Wanted = Callable[[Settings], UpdateSession]
"""What is said to a server to have some settings; raises where it cannot be said."""


class Session(Pump, SessionFace):
    """One line to the server; made by `grok_live_widget.connect`.

    A reader runs from the start: turns grow with nobody iterating. Use it on the loop that
    made it.

    Attributes
    ----------
    is_rehearsal : bool
    """

    def __init__(
        self,
        socket_: MessageSocket,
        protocol: Protocol,
        conversation: Conversation,
        settings: Settings,
        *,
        host: str,
        wanted: Wanted,
        is_rehearsal: bool = False,
    ) -> None:
        Pump.__init__(self, socket_, protocol, conversation, host)
        SessionFace.__init__(self, protocol, settings)
        self.is_rehearsal = is_rehearsal
        self._wanted = wanted
        self._on_settings: list[Callable[[Settings], None]] = []

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        who = "rehearsal, " if self.is_rehearsal else ""
        state = self._protocol.state.value
        return f"<Session {who}{self.dialect} at {self.host}, {state}, {len(self.turns)} turns>"

    # ----------------------------------------------------------------- for talk and lanes
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
        """Whether nobody speaks, no reply is awaited or comes, and no tool runs."""
        is_speech = self._protocol.is_speech_active
        return (
            self._protocol.response_state is ResponseState.IDLE
            and not is_speech
            and not self.is_calling
        )

    @property
    def received_message_count(self) -> int:
        """How many messages the server has sent, pings too."""
        return self._received_message_count

    @property
    def silent_s(self) -> float:
        """For how long it has sent none [s]."""
        return time.monotonic() - self._received_s

    @property
    def is_calling(self) -> bool:
        """Whether a tool's call is not over."""
        return self._tool_calls.has_open

    def on_settings(self, callback: Callable[[Settings], None]) -> None:
        """Call when other settings hold."""
        self._on_settings.append(callback)

    def set_player(self, has_player: bool) -> None:
        """Tell whether somebody listens."""
        self._protocol.has_player = has_player
        if has_player != self._conversation.has_player:
            self._dispatch(PlayerChanged(has_player))

    async def send(self, *events: ClientEvent) -> None:
        """Say `events` now; raises where the protocol forbids it."""
        self._check()
        for event in events:
            self._protocol.send(event)
        await self._drain()

    async def send_when_idle(self, *events: ClientEvent) -> None:
        """Say `events` as soon as no reply is running."""
        self._check()
        self._protocol.send_when_idle(*events)
        await self._drain()

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
                isinstance(event, ErrorReported)
                and not is_ignorable_error(event)
                and event.about in ("", change.event_id)
            ):
                answers.append(event)

        self.observe(watch)
        try:
            await self.send(change)
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
        differences = rejected_settings(self._protocol.dialect, asked, answer.session)
        for difference in differences:
            self._note(f"The server did not take over a setting: {difference}.")
        return differences

    def _settings_changed(self) -> None:
        self._protocol.set_reply_quiet(self.settings.reply_quiet_ms / 1000)
        for callback in self._on_settings:
            callback(self.settings)
        self.emit(SettingsChanged())

    async def give_up_reply(self) -> None:
        """Wait no longer for a reply that does not come."""
        self._protocol.give_up_reply()
        await self._drain()

    async def is_answering(self, within_s: float) -> bool:
        """Whether the server still says anything, if only that the settings hold.

        True also where that cannot be known: we do not read, or the line has just ended.
        """
        if self.silent_s < within_s or any(each.room.is_full for each in self._iterators):
            return True
        count = self._received_message_count
        with contextlib.suppress(SessionClosed, TimeoutError):
            async with asyncio.timeout(within_s):
                await self.send(named(UpdateSession()))
                await self.wait_for(lambda: self._received_message_count > count)
        return self._received_message_count > count or self._failure is not None

    async def abort(self, failure: GrokLiveError) -> None:
        """Close a line that is of no use any more, for this reason."""
        self._failure = self._failure or failure
        await self.close()

    async def report_playback(self, report: PlaybackReported) -> None:
        """Tell what was heard of a reply."""
        self._protocol.report_playback(report)
        await self._drain()

    # ----------------------------------------------------------------- opening
    async def begin(self, opening: Opening, settle_s: float = 0.0) -> None:
        """Say the first words and wait until the line is ready.

        Parameters
        ----------
        settle_s : float [s]
            Where the dialect has no word for "ready": how long an error or a close still
            counts as a refusal.
        """
        await self._say_first_words(opening, settle_s)
        if self._failure is not None:
            await self.close()
            raise self._failure
        self._open()

    def _open(self) -> None:
        """The line is ready; told before anything else that the server says."""
        if self._protocol.state is ConnectionState.OPENING:
            self._protocol.open()
            self._dispatch(
                SessionOpened(dialect=self.dialect, host=self.host, is_rehearsal=self.is_rehearsal)
            )

    async def _say_first_words(self, opening: Opening, settle_s: float) -> None:
        has_answered, ready = asyncio.Event(), opening.ready

        def watch(event: Event, _: list[Turn], __: float) -> None:
            is_answer = isinstance(event, ready) if ready else self._protocol.has_received
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
            for event in opening.first:
                self._protocol.send(event)
            self._listen()
            await self._drain()
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
        differences = rejected_settings(self._protocol.dialect, sound, event.session)
        if differences:
            self._failure = ConnectError(
                f"{self.host} does not take the format of the sound: {differences[0]}.",
                host=self.host,
                cure="Use formats that it knows; pcm at 24000 Hz is known everywhere.",
            )

    def _refusal(self, error: ErrorReported) -> GrokLiveError:
        if self._protocol.dialect.is_auth_error(error):
            return wrong_key(self.host)
        return ConnectError(
            f"{self.host} refused the session: {error.message}", host=self.host, has_answered=True
        )


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
