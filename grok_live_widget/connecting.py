"""Who answers, and in which dialect."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import warnings
from collections.abc import Generator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Unpack
from urllib.parse import parse_qs, urlsplit

from .conversation import Conversation
from .credentials import ENVIRONMENT_NAME, Secret, find_key, hidden
from .dialects import DIALECTS, LIVE, REALTIME, Dialect, dialect_from_url
from .dialects.realtime import NEAREST_VOICE
from .events import Noted, ServerVad, UpdateSession
from .exceptions import (
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    RehearsalWarning,
    SessionClosed,
    UnsupportedByServer,
)
from .session import Observer, Session, open_session
from .settings import UNSET, Settings, SettingsGiven, is_loopback, listing, settings_from
from .tools import functions_of
from .wire import host_of

if TYPE_CHECKING:
    # Loaded by those who need them, where they need them: a talk with a server, without tools
    # and not written down, is to cost no more to import than what it stands on.
    from .recording import Recording
    from .rehearsal import RehearsalServer
    from .tool_runner import ToolRunner
    from .tool_thread import Stage

__all__ = ["Answerer", "Connecting", "connect", "new_rehearsal", "open_line", "who_answers"]

SERVICE_URL = "wss://api.x.ai"
_SETTLE_S = 2.0

# What a host was found to speak, for this process.
_remembered: dict[str, Dialect] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answerer:
    """Who answers.

    Parameters
    ----------
    dialects : tuple of (Dialect, str)
        To try in this order, each with its URL; the URL is empty for the rehearsal, which has
        none before it runs.
    key : Secret or None
    is_chosen : bool
        False when nobody asked for the rehearsal and only the key is missing.
    """

    is_rehearsal: bool
    dialects: tuple[tuple[Dialect, str], ...]
    key: Secret | None = field(default=None, repr=False)
    is_chosen: bool = True

    @property
    def name(self) -> str:
        """``"rehearsal"``, ``"Grok"``, or the host of another server."""
        return _name_of(self)


def _name_of(answerer: Answerer) -> str:
    if answerer.is_rehearsal:
        return "rehearsal"
    url = answerer.dialects[0][1]
    return "Grok" if url.startswith(SERVICE_URL) else host_of(url)


def who_answers(settings: Settings, api_key: str | Secret | None = None) -> Answerer:
    """Decide who answers, before any I/O.

    Raises
    ------
    AuthenticationError
        Where a key is needed and none is found.
    ConfigurationError
        Where a key would travel unprotected.
    UnsupportedByServer
        Where there are tools and the dialect has none.
    """
    answerer = _answerer(settings, hidden(api_key))
    for dialect, _ in answerer.dialects:
        _refuse_what_it_lacks(settings, dialect)
    return answerer


def _asked_beyond(settings: Settings, dialect: Dialect) -> list[str]:
    """What was asked for, by name, that a dialect has no word for."""
    usual = Settings()
    return [name for name in sorted(dialect.lacks) if _value(settings, name) != _value(usual, name)]


def _value(settings: Settings, name: str) -> Any:
    """A setting, or one of `ServerVad`: as it usually is where push-to-talk leaves it open."""
    within, _, inner = name.rpartition(".")
    if not within:
        return getattr(settings, name)
    return getattr(getattr(settings, within), inner, getattr(ServerVad(), inner))


def _refuse_what_it_lacks(settings: Settings, dialect: Dialect) -> None:
    for name in _asked_beyond(settings, dialect):
        value = _value(settings, name)
        if name == "tools":
            value = ", ".join(each.name or each.kind for each in settings.tools)
        raise UnsupportedByServer(f"{name}={value}", dialect.name)


def _answerer(settings: Settings, api_key: Secret | None) -> Answerer:
    if settings.partner is not UNSET and settings.partner is not None:
        return _rehearsal(settings)
    key = find_key(api_key)
    if api_key is not None and not key:
        raise _no_key("api_key is empty.")
    if settings.url is not None:
        return _at_url(settings, settings.url, key)
    if key:
        return _service(settings, key)
    if settings.partner is None:
        raise _no_key("partner=None rules out the rehearsal, and no API key was found.")
    return _rehearsal(settings, is_chosen=False)


def _no_key(what: str) -> AuthenticationError:
    return AuthenticationError(
        what,
        cure=f"Set the environment variable {ENVIRONMENT_NAME} or pass api_key=, "
        "or leave both out for the rehearsal.",
    )


def _rehearsal(settings: Settings, *, is_chosen: bool = True) -> Answerer:
    dialect = LIVE if settings.dialect == "live" else REALTIME
    return Answerer(is_rehearsal=True, dialects=((dialect, ""),), is_chosen=is_chosen)


def _at_url(settings: Settings, url: str, key: Secret | None) -> Answerer:
    if not key and not is_loopback(url):
        raise _no_key(f"{host_of(url)} needs an API key, and none was found.")
    if key and url.startswith("ws://") and not is_loopback(url):
        raise ConfigurationError(
            f"ws:// to {host_of(url)} would show the API key to everybody on the way.",
            cure="Use wss://.",
        )
    is_auto = settings.dialect == "auto"
    dialect = dialect_from_url(url) if is_auto else DIALECTS[settings.dialect]
    return Answerer(is_rehearsal=False, dialects=((dialect, url),), key=key)


def _service(settings: Settings, key: Secret) -> Answerer:
    if settings.dialect != "auto":
        chosen: tuple[Dialect, ...] = (DIALECTS[settings.dialect],)
    elif _asked_beyond(settings, LIVE):
        chosen = (REALTIME,)
    elif SERVICE_URL in _remembered:
        chosen = (_remembered[SERVICE_URL],)
    else:
        chosen = (LIVE, REALTIME)
    urls = tuple((dialect, SERVICE_URL + dialect.path) for dialect in chosen)
    return Answerer(is_rehearsal=False, dialects=urls, key=key)


# --------------------------------------------------------------------------- opening
def new_rehearsal(settings: Settings, **options: Any) -> RehearsalServer:
    """An embedded rehearsal server that accepts only the random key it is made with."""
    from .rehearsal import RehearsalServer  # See above.

    partner = None if settings.partner in (UNSET, None) else settings.partner
    return RehearsalServer(partner, api_key=secrets.token_urlsafe(32), **options)


async def open_line(
    answerer: Answerer,
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
    for at, (dialect, url) in enumerate(answerer.dialects):
        is_last = at == len(answerer.dialects) - 1
        try:
            session = await _open(
                answerer, settings, conversation, dialect, url, rehearsal, observer,
                settle_s=0.0 if is_last else _SETTLE_S, conversation_id=conversation_id,
            )  # fmt: skip
        except (ConnectError, SessionClosed) as error:
            if is_last or not _may_fall_back(error):
                raise
            notes.append(Noted(f"{error.message} Trying the other dialect.", "warning"))
            continue
        _remember(answerer, dialect)
        _run_tools(session, settings, stage)
        for note in (*notes, *_voice_notes(answerer, settings, dialect)):
            session.tell(note)
        return session
    raise AssertionError("an answerer has at least one dialect")


def _run_tools(session: Session, settings: Settings, stage: Stage) -> None:
    """Have the functions run that the settings offer, also those of later settings."""
    runners: list[ToolRunner] = []

    def follow(settings: Settings) -> None:
        functions = functions_of(settings.tools)
        for runner in runners:
            runner.offer(functions, approve_all=settings.approve_tools)
        if functions and not runners:
            from .tool_runner import ToolRunner  # See above.

            approve_all = settings.approve_tools
            runners.append(ToolRunner(session, functions, approve_all=approve_all, stage=stage))

    follow(settings)
    session.on_settings(follow)


def _may_fall_back(error: ConnectError | SessionClosed) -> bool:
    return isinstance(error, SessionClosed) or error.has_answered


def _remember(answerer: Answerer, dialect: Dialect) -> None:
    if len(answerer.dialects) > 1:
        _remembered[SERVICE_URL] = dialect


async def _open(
    answerer: Answerer,
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
    key = answerer.key.reveal() if answerer.key else ""
    if answerer.is_rehearsal:
        assert rehearsal is not None
        url, key = rehearsal.url(dialect.name), rehearsal.api_key or ""
    resumed = conversation_id or settings.conversation_id or ""
    opening = dialect.opening(url, key, _wanted(answerer, settings, dialect), resumed)
    del key

    def wanted(settings: Settings) -> UpdateSession:
        _refuse_what_it_lacks(settings, dialect)
        return _wanted(answerer, settings, dialect)

    return await open_session(
        dialect,
        opening,
        settings,
        conversation,
        wanted=wanted,
        is_rehearsal=answerer.is_rehearsal,
        settle_s=settle_s,
        observer=observer,
    )


def _wanted(answerer: Answerer, settings: Settings, dialect: Dialect) -> UpdateSession:
    beyond: dict[str, Any] = {
        "tools": settings.tool_offers or None,
        "input_format": settings.input_format,
        "output_format": settings.output_format,
        "transcription": settings.transcription,
        "speed": settings.speed,
        "replace": settings.replace,
        "reasoning": settings.reasoning,
        "resumption": settings.resumption or None,
    }
    return UpdateSession(
        model=settings.model or _default_model(settings, dialect),
        voice=_voice(answerer, settings, dialect),
        instructions=settings.instructions or None,
        turn_detection=settings.turn_detection,
        **{name: value for name, value in beyond.items() if name not in dialect.lacks},
    )


def _default_model(settings: Settings, dialect: Dialect) -> str | None:
    """None where the URL names one already."""
    is_named = "model" in parse_qs(urlsplit(settings.url or "").query)
    return None if is_named else dialect.default_model


def _is_mapped(answerer: Answerer, settings: Settings, dialect: Dialect) -> bool:
    # A server on this machine is somebody's own, and may well have the seed's voices.
    is_own = settings.url is not None and is_loopback(settings.url)
    is_service = dialect is REALTIME and not answerer.is_rehearsal and not is_own
    return is_service and (settings.voice or "").lower() in NEAREST_VOICE


def _voice(answerer: Answerer, settings: Settings, dialect: Dialect) -> str:
    voice = settings.voice or dialect.default_voice
    return NEAREST_VOICE[voice.lower()] if _is_mapped(answerer, settings, dialect) else voice


def _voice_notes(answerer: Answerer, settings: Settings, dialect: Dialect) -> list[Noted]:
    if not _is_mapped(answerer, settings, dialect):
        return []
    nearest = _voice(answerer, settings, dialect)
    return [
        Noted(
            f"The service has no voice {settings.voice!r}; {nearest!r} is the nearest it has.",
            "info",
        )
    ]


# --------------------------------------------------------------------------- connect()
class Connecting:
    """What `connect` returns: await it, or use it in ``async with``."""

    def __init__(self, settings: Settings, answerer: Answerer) -> None:
        self._settings = settings
        self._answerer = answerer
        self._session: Session | None = None
        self._server: RehearsalServer | None = None
        self._recording: Recording | None = None

    @property
    def name(self) -> str:
        """Who will answer: ``"rehearsal"``, ``"Grok"``, or the host of another server."""
        return self._answerer.name

    @property
    def is_rehearsal(self) -> bool:
        """Whether the rehearsal will answer."""
        return self._answerer.is_rehearsal

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
        if self._answerer.is_rehearsal:
            server = self._server or new_rehearsal(self._settings)
            beside.append(server)
            await asyncio.to_thread(server.start)
        return await open_line(
            self._answerer,
            self._settings,
            conversation,
            rehearsal=server,
            observer=self._recording.observe if self._recording else None,
        )

    def _new_recording(self, conversation: Conversation) -> Recording:
        from .recording import Recording  # See above.

        key, loop = self._answerer.key, asyncio.get_running_loop()

        def note(text: str) -> None:
            with contextlib.suppress(RuntimeError):  # The loop is closed: nobody reads.
                loop.call_soon_threadsafe(self._tell, Noted(text, "error"))

        secret = key.reveal if key else str
        tape = conversation.user_tape
        return Recording(self._settings, tape, secret=secret, on_trouble=note)

    def _tell(self, note: Noted) -> None:
        if self._session is not None:
            self._session.tell(note)


def _close_beside(
    loop: asyncio.AbstractEventLoop, beside: list[Recording | RehearsalServer]
) -> None:
    """Closing joins threads, which must not hold up the loop."""
    for each in beside:
        loop.run_in_executor(None, each.close)


@listing(SettingsGiven)
def connect(
    *, api_key: str | Secret | None = None, **settings: Unpack[SettingsGiven]
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
    api_key = hidden(api_key)
    checked = settings_from(settings)
    if checked.record is not None:
        from .recording import check_new_folder  # See above.

        check_new_folder(checked.record)
    answerer = who_answers(checked, api_key)
    warn_of_rehearsal(answerer)
    return Connecting(checked, answerer)


def warn_of_rehearsal(answerer: Answerer, stacklevel: int = 3) -> None:
    """Say once that nobody asked for the rehearsal and that it is what answers."""
    if answerer.is_rehearsal and not answerer.is_chosen:
        warnings.warn(
            f"No API key was found ({ENVIRONMENT_NAME}), so the built-in rehearsal answers, "
            "not Grok.",
            RehearsalWarning,
            stacklevel=stacklevel,
        )
