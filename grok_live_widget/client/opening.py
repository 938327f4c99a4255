"""Opens one session in one dialect: the socket, the first messages and the answer to them."""

from __future__ import annotations

import asyncio
import time
import uuid

from ..conversation import Conversation, Turn
from ..exceptions import ConnectError, GrokLiveError
from ..protocol import (
    ConnectionState,
    Dialect,
    ErrorReported,
    Event,
    Opening,
    Protocol,
    SessionCreated,
    SessionEnded,
    SessionOpened,
    SessionUpdated,
    is_replaced_model,
)
from ..recording import FrameLog
from ..tools import secrets_of
from ._pump import Pump
from .endpoint import ConnectRequest, name_of_server
from .listeners import Listener
from .message_socket import MessageSocket
from .session import Session
from .session_settings import SessionSettings
from .transport import connected, host_of, wrong_key


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
    request : ConnectRequest
    dialect : Dialect
    opening : Opening
        The URL, the headers and the first messages of the dialect.
    conversation : Conversation
        Its turns grow.
    frame_log : FrameLog
        Gets what is sent and received, also when the connection is refused.
    settle_s : number >= 0 [s]
        Where the dialect does not confirm that the session is ready: how long an error or a
        close still counts as a refusal.
    listener : callable or None
        Added before anything is sent.

    Raises
    ------
    AuthenticationError, ConnectError, ConfigurationError, SessionClosed
    """
    settings = request.settings
    frame_log.add_secrets(request.endpoint.key.reveal(), *secrets_of(settings.tools))
    connection = frame_log.new_connection()
    socket_ = await _connected(request, dialect, opening, frame_log, connection)
    protocol = Protocol(
        dialect,
        turn_detection=settings.turn_detection,
        input_format=settings.input_format,
        output_format=settings.output_format,
        reply_quiet_s=settings.reply_quiet_ms / 1000,
        session_name=f"{uuid.uuid4().hex[:8]}_",
    )
    pump = Pump(
        socket_,
        protocol,
        conversation,
        host_of(opening.url),
        has_key=bool(request.endpoint.key),
        frame_log=frame_log,
        connection=connection,
    )
    server_name = name_of_server(opening.url, socket_.server_header)
    session_settings = SessionSettings(pump, protocol, request, frame_log)
    session = Session(
        pump, protocol, conversation, request, session_settings, server_name, frame_log
    )
    if listener is not None:
        session.add_listener(listener)
    try:
        await _Handshake(pump, protocol, request, session_settings, opening).complete(settle_s)
    except BaseException:
        await session.close()
        raise
    return session


async def _connected(
    request: ConnectRequest,
    dialect: Dialect,
    opening: Opening,
    frame_log: FrameLog,
    connection: int,
) -> MessageSocket:
    """The socket, opened; either way it is logged how that went."""
    settings, began_s = request.settings, time.monotonic()
    try:
        socket_ = await connected(opening, settings.open_timeout_s, settings.ssl)
    except GrokLiveError as error:
        status = error.status_code if isinstance(error, ConnectError) else None
        frame_log.add_opening(connection, began_s, opening, dialect.name, status, error.message)
        raise
    # The status of every WebSocket that was opened (RFC 6455, section 4.2.2).
    frame_log.add_opening(connection, began_s, opening, dialect.name, 101)
    return socket_


class _Handshake:
    """The first messages of a session, and the server's answer to them."""

    def __init__(
        self,
        pump: Pump,
        protocol: Protocol,
        request: ConnectRequest,
        settings: SessionSettings,
        opening: Opening,
    ) -> None:
        self._pump = pump
        self._protocol = protocol
        self._endpoint = request.endpoint
        self._confirm_s = request.timeouts.confirm_s
        self._settings = settings
        self._opening = opening
        self._has_answered = asyncio.Event()

    async def complete(self, settle_s: float) -> None:
        """Send the messages and wait until the session is ready; raise what refused it."""
        ready = self._opening.ready
        timeout_s = self._confirm_s if ready else settle_s
        with self._pump.add_listener(self._watch):
            try:
                for event in self._opening.first:
                    self._protocol.send(event)
                self._pump.start()
                await self._pump.drain()
                if timeout_s:
                    async with asyncio.timeout(timeout_s):
                        await self._has_answered.wait()
            except TimeoutError:
                if ready is not None:
                    self._pump.note("The server did not confirm the settings; the session goes on.")
        self._pump.check()
        self._open()

    def _watch(self, event: Event, _: list[Turn], __: float) -> None:
        ready = self._opening.ready
        is_answer = isinstance(event, ready) if ready else self._protocol.has_received
        if isinstance(event, SessionCreated):
            self._watch_for_another_model(event)
        if isinstance(event, SessionUpdated):
            self._watch_for_another_sound(event)
        if is_answer and self._pump.failure is None:
            self._open()
        if is_answer or isinstance(event, SessionEnded):
            self._has_answered.set()
        elif isinstance(event, ErrorReported) and self._pump.failure is None:
            self._pump.failure = self._refusal(event)
            self._has_answered.set()

    def _open(self) -> None:
        """The session is ready; dispatched before any other event of the server."""
        if self._protocol.state is ConnectionState.OPENING:
            self._protocol.open()
            self._pump.dispatch(
                SessionOpened(
                    dialect=self._protocol.dialect.name,
                    host=self._pump.host,
                    is_rehearsal=self._endpoint.is_rehearsal,
                )
            )

    def _watch_for_another_model(self, event: SessionCreated) -> None:
        asked = self._settings.current.model
        if is_replaced_model(asked, event.model):
            self._pump.note(
                f"The server answers as {event.model!r}, not as {asked!r}, which was requested; "
                "check model=."
            )

    def _watch_for_another_sound(self, event: SessionUpdated) -> None:
        """Sound at another rate than was requested would be played at the wrong pitch."""
        difference = self._settings.unsupported_sound(event.session)
        if difference:
            self._pump.failure = ConnectError(
                f"{self._pump.host} does not support the audio format: {difference}.",
                host=self._pump.host,
                cure="Use formats that it supports; all support pcm at 24000 Hz.",
            )

    def _refusal(self, error: ErrorReported) -> GrokLiveError:
        host = self._pump.host
        if self._protocol.dialect.is_auth_error(error):
            return wrong_key(host, has_key=bool(self._endpoint.key))
        return ConnectError(
            f"{host} refused the session: {error.message.rstrip('.')}.",
            host=host,
            has_answered=True,
            cure="Change the setting that it names, or try again.",
        )
