"""Opening a session at an endpoint, in the first dialect that is not refused: `connect`."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Generator, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Unpack

from ..conversation import Conversation
from ..exceptions import ConfigurationError, ConnectError, SessionClosed
from ..protocol import Dialect, Noted, Opening
from ..settings import UNSET, Settings, SettingsKwargs, expand_kwargs_signature, settings_from
from ..tools import functions_of
from ._pump import Listener
from .credentials import Secret, wrap_secret
from .endpoint import (
    ConnectRequest,
    Endpoint,
    remember,
    resolve_endpoint,
    update_for,
    voice_notes,
    warn_of_rehearsal,
)
from .session import Session, open_session

if TYPE_CHECKING:
    # Imported where they are used, so that a talk that needs none of them imports faster.
    from ..recording import Recording
    from ..rehearsal import RehearsalServer
    from .tool_runner import ToolRunner
    from .tool_thread import Stage

__all__ = ["Connecting", "connect", "new_rehearsal", "open_session_with"]


# --------------------------------------------------------------------------- opening
def new_rehearsal(settings: Settings, **options: Any) -> RehearsalServer:
    """An embedded rehearsal server that accepts only the random key it is made with."""
    from ..rehearsal import RehearsalServer

    partner = None if settings.partner in (UNSET, None) else settings.partner
    return RehearsalServer(partner, api_key=secrets.token_urlsafe(32), **options)


async def open_session_with(
    request: ConnectRequest,
    conversation: Conversation,
    *,
    rehearsal: RehearsalServer | None = None,
    listener: Listener | None = None,
    stage: Stage = nullcontext,
    conversation_id: str = "",
) -> Session:
    """Open a session at an endpoint, in the first dialect that is not refused.

    Parameters
    ----------
    rehearsal : RehearsalServer or None
        The running server, where the endpoint is the embedded rehearsal.
    conversation_id : str
        Of a conversation to resume; empty: that of the settings, or a new one.
    stage : callable
        Makes the context manager that surrounds each call of a tool, on the call's thread.

    Raises
    ------
    AuthenticationError, ConnectError, SessionClosed
    """
    endpoint, settings = request.endpoint, request.settings
    notes: list[Noted] = []
    for dialect, url in endpoint.dialects:
        is_last = dialect is endpoint.dialects[-1][0]
        resumed = conversation_id or settings.conversation_id or ""
        try:
            session = await open_session(
                request,
                dialect,
                _opening(endpoint, settings, dialect, url, rehearsal, resumed),
                conversation,
                settle_s=0.0 if is_last else request.timeouts.settle_s,
                listener=listener,
            )
        except (ConnectError, SessionClosed) as error:
            if is_last or not _may_fall_back(error):
                raise
            notes.append(Noted(f"{error.message} Trying the other dialect.", "warning"))
            continue
        remember(endpoint, dialect)
        _run_tools(session, settings, stage)
        for note in (*notes, *voice_notes(endpoint, settings, dialect)):
            session.emit(note)
        return session
    raise AssertionError("an endpoint has at least one dialect")


def _opening(
    endpoint: Endpoint,
    settings: Settings,
    dialect: Dialect,
    url: str,
    rehearsal: RehearsalServer | None,
    conversation_id: str,
) -> Opening:
    key = endpoint.key.reveal() if endpoint.key else ""
    if endpoint.is_rehearsal:
        assert rehearsal is not None
        url, key = rehearsal.url(dialect.name), rehearsal.api_key or ""
    return dialect.opening(url, key, update_for(endpoint, settings, dialect), conversation_id)


def _run_tools(session: Session, settings: Settings, stage: Stage) -> None:
    """Run the functions that the settings offer, also those of later settings."""
    runners: list[ToolRunner] = []

    def follow(settings: Settings) -> None:
        functions = functions_of(settings.tools)
        for runner in runners:
            runner.offer(functions, approve_all=settings.approve_tools)
        if functions and not runners:
            from .tool_runner import ToolRunner

            approve_all = settings.approve_tools
            runners.append(ToolRunner(session, functions, approve_all=approve_all, stage=stage))

    follow(settings)
    session.on_settings(follow)


def _may_fall_back(error: ConnectError | SessionClosed) -> bool:
    return isinstance(error, SessionClosed) or error.has_answered


# --------------------------------------------------------------------------- connect()
class Connecting:
    """What `connect` returns: await it, or use it in ``async with``."""

    def __init__(self, request: ConnectRequest) -> None:
        self._request = request
        self._session: Session | None = None
        self._server: RehearsalServer | None = None
        self._recording: Recording | None = None

    @property
    def name(self) -> str:
        """The server: ``"rehearsal"``, ``"Grok"``, or the host of another one."""
        return self._request.endpoint.name

    @property
    def is_rehearsal(self) -> bool:
        """Whether the rehearsal is the server."""
        return self._request.endpoint.is_rehearsal

    def use_fast_rehearsal(self) -> RehearsalServer:
        """Have the rehearsal answer at once and half-duplex, for sound sent faster than real
        time; returns its server, not yet started.
        """
        self._server = new_rehearsal(self._request.settings, half_duplex=True, speed=float("inf"))
        return self._server

    def __await__(self) -> Generator[Any, None, Session]:
        return self._open().__await__()

    async def __aenter__(self) -> Session:
        return await self._open()

    async def __aexit__(self, *exc_info: object) -> None:
        if self._session is not None:
            await self._session.close()
        if self._recording is not None:
            await asyncio.to_thread(self._recording.close)

    async def _open(self) -> Session:
        resources: list[Recording | RehearsalServer] = []
        try:
            session = await self._open_with(resources)
        except BaseException:
            for each in resources:
                await asyncio.to_thread(each.close)
            raise
        self._session, loop = session, asyncio.get_running_loop()
        session.on_closed(lambda: _close_all(loop, resources))
        return session

    async def _open_with(self, resources: list[Recording | RehearsalServer]) -> Session:
        """Open the session; what runs for it is put into `resources` as soon as it runs."""
        server = None
        conversation = Conversation.under(self._request.settings)
        if self._request.settings.record is not None:
            self._recording = self._new_recording(conversation)
            resources.append(self._recording)
            await asyncio.to_thread(self._recording.start)
        if self._request.endpoint.is_rehearsal:
            server = self._server or new_rehearsal(self._request.settings)
            resources.append(server)
            await asyncio.to_thread(server.start)
        return await open_session_with(
            self._request,
            conversation,
            rehearsal=server,
            listener=self._recording.observe if self._recording else None,
        )

    def _new_recording(self, conversation: Conversation) -> Recording:
        from ..recording import Recording

        key, loop = self._request.endpoint.key, asyncio.get_running_loop()

        def note(text: str) -> None:
            with contextlib.suppress(RuntimeError):  # The loop is closed: no one reads it.
                loop.call_soon_threadsafe(self._emit, Noted(text, "error"))

        secret = key.reveal if key else str
        return Recording(self._request.settings, conversation, secret=secret, on_trouble=note)

    def _emit(self, note: Noted) -> None:
        if self._session is not None:
            self._session.emit(note)


def _close_all(
    loop: asyncio.AbstractEventLoop, resources: list[Recording | RehearsalServer]
) -> None:
    """Closing joins threads, which must not hold up the loop."""
    for each in resources:
        loop.run_in_executor(None, each.close)


_SETTINGS_OF_TALKS = ("budget", "prices", "session_limit_s", "reconnect_tries", "idle_timeout_s")


def _refuse_settings_of_talks(given: Mapping[str, Any]) -> None:
    """A limit that is ignored here would be relied on."""
    for name in _SETTINGS_OF_TALKS:
        if name in given:
            raise ConfigurationError(
                f"{name} is for a talk, which opens one session after another.",
                cure="Use Talk, which keeps to it.",
            )


@expand_kwargs_signature(SettingsKwargs)
def connect(
    *, api_key: str | Secret | None = None, **settings: Unpack[SettingsKwargs]
) -> Connecting:
    """Open a session without a notebook::

        async with connect(voice="nova") as session:
            await session.send_text("Hello.")
            await session.respond()
            async for event in session: ...

    Parameters
    ----------
    api_key : str or None
        None looks in the environment (``XAI_API_KEY``), Colab's secrets, the keyring and
        ``.env``; where there is none, the embedded rehearsal answers.
    **settings
        See `Settings`.

    Returns
    -------
    Connecting
        Awaitable and asynchronous context manager, for a `Session`. Nothing is opened before.

    Raises
    ------
    ConfigurationError, AuthenticationError
        At once, before any I/O.
    """
    _refuse_settings_of_talks(settings)
    api_key = wrap_secret(api_key)
    checked = settings_from(settings)
    if checked.record is not None:
        from ..recording import check_new_folder

        check_new_folder(checked.record)
    endpoint = resolve_endpoint(checked, api_key)
    warn_of_rehearsal(endpoint)
    return Connecting(ConnectRequest(endpoint=endpoint, settings=checked))
