"""A line to whoever answers, in the first dialect that is not refused."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Generator, Mapping
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Unpack

from ..conversation import Conversation
from ..exceptions import ConfigurationError, ConnectError, SessionClosed
from ..protocol import Dialect, Noted, UpdateSession
from ..settings import UNSET, Settings, SettingsKwargs, expand_kwargs_signature, settings_from
from ..tools import functions_of
from ._pump import Observer
from .credentials import Secret, wrap_secret
from .endpoint import (
    Endpoint,
    refuse_what_it_lacks,
    remember,
    resolve_endpoint,
    voice_notes,
    wanted_from,
    warn_of_rehearsal,
)
from .session import Session, open_session

if TYPE_CHECKING:
    # Loaded by those who need them, where they need them: a talk with a server, without tools
    # and not written down, is to cost no more to import than what it stands on.
    from ..recording import Recording
    from ..rehearsal import RehearsalServer
    from .tool_runner import ToolRunner
    from .tool_thread import Stage

__all__ = ["Connecting", "connect", "new_rehearsal", "open_session_with"]

_SETTLE_S = 2.0


# --------------------------------------------------------------------------- opening
def new_rehearsal(settings: Settings, **options: Any) -> RehearsalServer:
    """An embedded rehearsal server that accepts only the random key it is made with."""
    from ..rehearsal import RehearsalServer

    partner = None if settings.partner in (UNSET, None) else settings.partner
    return RehearsalServer(partner, api_key=secrets.token_urlsafe(32), **options)


async def open_session_with(
    endpoint: Endpoint,
    settings: Settings,
    conversation: Conversation,
    *,
    rehearsal: RehearsalServer | None = None,
    observer: Observer | None = None,
    stage: Stage = nullcontext,
    conversation_id: str = "",
) -> Session:
    """Open a session with whoever answers, in the first dialect that is not refused.

    Parameters
    ----------
    conversation_id : str
        Of a conversation to go on with; empty: that of the settings, or a new one.
    stage : callable
        Makes what surrounds each call of a tool, on the call's thread.

    Raises
    ------
    AuthenticationError, ConnectError, SessionClosed
    """
    notes: list[Noted] = []
    for at, (dialect, url) in enumerate(endpoint.dialects):
        is_last = at == len(endpoint.dialects) - 1
        try:
            session = await _open(
                endpoint, settings, conversation, dialect, url, rehearsal, observer,
                settle_s=0.0 if is_last else _SETTLE_S, conversation_id=conversation_id,
            )  # fmt: skip
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


def _run_tools(session: Session, settings: Settings, stage: Stage) -> None:
    """Have the functions run that the settings offer, also those of later settings."""
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


async def _open(
    endpoint: Endpoint,
    settings: Settings,
    conversation: Conversation,
    dialect: Dialect,
    url: str,
    rehearsal: RehearsalServer | None,
    observer: Observer | None,
    *,
    settle_s: float,
    conversation_id: str,
) -> Session:
    key = endpoint.key.reveal() if endpoint.key else ""
    if endpoint.is_rehearsal:
        assert rehearsal is not None
        url, key = rehearsal.url(dialect.name), rehearsal.api_key or ""
    resumed = conversation_id or settings.conversation_id or ""
    opening = dialect.opening(url, key, wanted_from(endpoint, settings, dialect), resumed)
    del key

    def wanted(settings: Settings) -> UpdateSession:
        refuse_what_it_lacks(settings, dialect)
        return wanted_from(endpoint, settings, dialect)

    return await open_session(
        dialect,
        opening,
        settings,
        conversation,
        wanted=wanted,
        is_rehearsal=endpoint.is_rehearsal,
        settle_s=settle_s,
        observer=observer,
    )


# --------------------------------------------------------------------------- connect()
class Connecting:
    """What `connect` returns: await it, or use it in ``async with``."""

    def __init__(self, settings: Settings, endpoint: Endpoint) -> None:
        self._settings = settings
        self._endpoint_for = endpoint
        self._session: Session | None = None
        self._server: RehearsalServer | None = None
        self._recording: Recording | None = None

    @property
    def name(self) -> str:
        """Who will answer: ``"rehearsal"``, ``"Grok"``, or the host of another server."""
        return self._endpoint_for.name

    @property
    def is_rehearsal(self) -> bool:
        """Whether the rehearsal will answer."""
        return self._endpoint_for.is_rehearsal

    def use_fast_rehearsal(self) -> RehearsalServer:
        """Have the rehearsal answer at once and half-duplex, for sound sent faster than real
        time; returns its server, not yet started.
        """
        self._server = new_rehearsal(self._settings, half_duplex=True, speed=float("inf"))
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
        beside: list[Recording | RehearsalServer] = []
        try:
            session = await self._open_with(beside)
        except BaseException:
            for each in beside:
                await asyncio.to_thread(each.close)
            raise
        self._session, loop = session, asyncio.get_running_loop()
        session.on_closed(lambda: _close_beside(loop, beside))
        return session

    async def _open_with(self, beside: list[Recording | RehearsalServer]) -> Session:
        """Open the line; what runs for it is put into `beside` as soon as it runs."""
        server = None
        conversation = Conversation.under(self._settings)
        if self._settings.record is not None:
            self._recording = self._new_recording(conversation)
            beside.append(self._recording)
            await asyncio.to_thread(self._recording.start)
        if self._endpoint_for.is_rehearsal:
            server = self._server or new_rehearsal(self._settings)
            beside.append(server)
            await asyncio.to_thread(server.start)
        return await open_session_with(
            self._endpoint_for,
            self._settings,
            conversation,
            rehearsal=server,
            observer=self._recording.observe if self._recording else None,
        )

    def _new_recording(self, conversation: Conversation) -> Recording:
        from ..recording import Recording

        key, loop = self._endpoint_for.key, asyncio.get_running_loop()

        def note(text: str) -> None:
            with contextlib.suppress(RuntimeError):  # The loop is closed: nobody reads.
                loop.call_soon_threadsafe(self._tell, Noted(text, "error"))

        secret = key.reveal if key else str
        return Recording(self._settings, conversation, secret=secret, on_trouble=note)

    def _tell(self, note: Noted) -> None:
        if self._session is not None:
            self._session.emit(note)


def _close_beside(
    loop: asyncio.AbstractEventLoop, beside: list[Recording | RehearsalServer]
) -> None:
    """Closing joins threads, which must not hold up the loop."""
    for each in beside:
        loop.run_in_executor(None, each.close)


_OF_A_TALK = ("budget", "prices", "session_limit_s", "reconnect_tries", "idle_timeout_s")


def _refuse_what_is_a_talks(given: Mapping[str, Any]) -> None:
    """Somebody who relied on a limit here would have none."""
    for name in _OF_A_TALK:
        if name in given:
            raise ConfigurationError(
                f"{name} is for a talk, which opens one line after another; this is one line.",
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
    _refuse_what_is_a_talks(settings)
    api_key = wrap_secret(api_key)
    checked = settings_from(settings)
    if checked.record is not None:
        from ..recording import check_new_folder

        check_new_folder(checked.record)
    endpoint = resolve_endpoint(checked, api_key)
    warn_of_rehearsal(endpoint)
    return Connecting(checked, endpoint)
