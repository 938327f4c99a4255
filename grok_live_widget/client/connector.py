"""Opening a session at an endpoint, in the first dialect that is not refused: `connect`."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Unpack

from msgspec.structs import replace

from .._structs import names_checked
from ..conversation import Conversation, Turn
from ..exceptions import ConfigurationError, ConnectError, SessionClosed
from ..protocol import Event, Noted
from ..recording import FrameLog
from ..settings import UNSET, Settings, SettingsKwargs, expand_kwargs_signature, settings_from
from ..tools import secrets_of
from .credentials import Secret, wrap_secret
from .endpoint import (
    ConnectRequest,
    remember,
    resolve_endpoint,
    update_for,
    voice_notes,
    warn_of_rehearsal,
)
from .listeners import Listener
from .opening import open_session
from .session import NeedsAsyncWith, Session
from .tool_runner import ToolRunner
from .tool_thread import ToolThreads

if TYPE_CHECKING:
    # Imported where they are used, so that a talk that needs none of them imports faster.
    from ..recording import Recording
    from ..rehearsal import RehearsalServer


# --------------------------------------------------------------------------- opening
def new_rehearsal(settings: Settings, **options: Any) -> RehearsalServer:
    """An embedded rehearsal server that accepts only the random key it is made with."""
    from ..rehearsal import RehearsalServer

    partner = None if settings.partner in (UNSET, None) else settings.partner
    return RehearsalServer(partner, api_key=secrets.token_urlsafe(32), **options)


async def open_session_with(
    request: ConnectRequest,
    conversation: Conversation,
    frame_log: FrameLog,
    *,
    listener: Listener | None = None,
    tool_threads: ToolThreads | None = None,
    conversation_id: str = "",
) -> Session:
    """Open a session at an endpoint, in the first dialect that is not refused.

    Parameters
    ----------
    conversation_id : str
        Of a conversation to resume; empty: that of the settings, or a new one.
    tool_threads : ToolThreads or None
        Where tools run. None: in threads of the session, which end with it.

    Raises
    ------
    AuthenticationError, ConnectError, SessionClosed
    """
    endpoint, settings = request.endpoint, request.settings
    resumed = conversation_id or settings.conversation_id or ""
    notes: list[Noted] = []
    for dialect, url in endpoint.dialects:
        is_last = dialect is endpoint.dialects[-1][0]
        update = update_for(endpoint, settings, dialect)
        try:
            session = await open_session(
                request,
                dialect,
                dialect.opening(url, endpoint.key.reveal(), update, resumed),
                conversation,
                frame_log=frame_log,
                settle_s=0.0 if is_last else request.timeouts.settle_s,
                listener=listener,
            )
        except (ConnectError, SessionClosed) as error:
            has_answered = not isinstance(error, ConnectError) or error.has_answered
            if is_last or not has_answered:
                raise
            notes.append(Noted(f"{error.message} Trying the other dialect.", "warning"))
            continue
        if len(endpoint.dialects) > 1:
            remember(url, dialect)
        if tool_threads is None:
            tool_threads = ToolThreads()
            session.on_closed(_closing(tool_threads))
        ToolRunner(session, tool_threads)
        for note in (*notes, *voice_notes(endpoint, settings, dialect)):
            session.emit(note)
        return session
    raise AssertionError("an endpoint has at least one dialect")


def _closing(tool_threads: ToolThreads) -> Callable[[], None]:
    """Closes them without holding up the loop."""
    loop = asyncio.get_running_loop()

    def close() -> None:
        with contextlib.suppress(RuntimeError):  # The loop ends, and takes no more work.
            loop.run_in_executor(None, tool_threads.close)

    return close


# --------------------------------------------------------------------------- connect()
class Connecting(NeedsAsyncWith):
    """What `connect` returns: await it, or use it in ``async with``.

    Attributes
    ----------
    endpoint : Endpoint
        The server.
    """

    def __init__(self, request: ConnectRequest) -> None:
        self.endpoint = request.endpoint
        self._request = request
        self._session: Session | None = None
        self._server: RehearsalServer | None = None
        self._recording: Recording | None = None
        self._frame_log = FrameLog()
        self._on_note: Callable[[str], object] = lambda text: None

    def use_fast_rehearsal(self) -> RehearsalServer:
        """Have the rehearsal answer at once and half-duplex, for sound sent faster than real
        time; returns its server, not yet started.
        """
        self._server = new_rehearsal(self._request.settings, half_duplex=True, speed=float("inf"))
        return self._server

    def follow_notes(self, listener: Callable[[str], object]) -> None:
        """Call `listener` with the sentence of each note, from the opening on."""
        self._on_note = listener

    if not TYPE_CHECKING:  # For type checkers, what is missing is an error.

        def __getattr__(self, name: str) -> Any:
            # Called for what there is not.
            cure = ""
            if hasattr(Session, name):
                cure = " A session has it: write `async with connect(...) as session:`."
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}.{cure}")

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
        resources, loop = contextlib.ExitStack(), asyncio.get_running_loop()

        def close_resources() -> None:
            """Closing joins threads, which must not hold up the loop."""
            loop.run_in_executor(None, resources.close)

        try:
            self._session = session = await self._open_with(resources)
        except BaseException:
            await asyncio.to_thread(resources.close)
            raise
        session.on_closed(close_resources)
        return session

    async def _open_with(self, resources: contextlib.ExitStack) -> Session:
        """Open the session; what runs for it is put into `resources` as soon as it runs."""
        request = self._request
        conversation = Conversation.under(request.settings)
        if request.settings.record is not None:
            self._recording = self._new_recording(conversation)
            resources.callback(self._recording.close)
            await asyncio.to_thread(self._recording.start)
        if self.endpoint.is_rehearsal:
            server = self._server or new_rehearsal(request.settings)
            resources.callback(server.close)
            await asyncio.to_thread(server.start)
            request = replace(request, endpoint=self.endpoint.served_by(server))
        return await open_session_with(
            request, conversation, self._frame_log, listener=self._observe
        )

    def _observe(self, event: Event, changed: list[Turn], now_s: float) -> None:
        if self._recording is not None:
            self._recording.observe(event, changed, now_s)
        if isinstance(event, Noted) and event.text:
            self._on_note(event.text)

    def _new_recording(self, conversation: Conversation) -> Recording:
        from ..recording import Recording

        loop = asyncio.get_running_loop()

        def note(text: str) -> None:
            with contextlib.suppress(RuntimeError):  # The loop is closed: the note has no reader.
                loop.call_soon_threadsafe(self._note, text)

        return Recording(
            self._request.settings,
            conversation,
            secrets=lambda: (
                self.endpoint.key.reveal(),
                *secrets_of(self._request.settings.tools),
            ),
            on_trouble=note,
        )

    def _note(self, text: str) -> None:
        if self._session is not None:
            self._session.emit(Noted(text, "error"))


# A limit that is ignored here would be relied on.
_SETTINGS_OF_TALKS = (
    *("budget", "prices", "session_limit_s", "reconnect_tries", "idle_timeout_s"),
    *("max_audio_minutes", "isolation"),
)


@names_checked
@expand_kwargs_signature(SettingsKwargs)
def connect(
    *, api_key: str | Secret | None = None, **settings: Unpack[SettingsKwargs]
) -> Connecting:
    """Open a session without a notebook.

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

    Examples
    --------
    In a notebook, ``async with`` and ``await`` need no function around them.

    >>> import asyncio
    >>> from grok_live_widget import connect
    >>> async def main():
    ...     async with connect(partner=["Good morning."]) as session:
    ...         events = aiter(session)
    ...         await session.send_text("Hello.")
    ...         await session.respond()
    ...         async for event in events:
    ...             if type(event).__name__ == "ResponseDone":
    ...                 return event.status
    >>> asyncio.run(main())
    'completed'
    """
    api_key = wrap_secret(api_key)
    for name in _SETTINGS_OF_TALKS:
        if name in settings:
            raise ConfigurationError(
                f"{name} is for a talk, which opens one session after another.",
                cure="Use Talk, which keeps to it.",
            )
    checked = settings_from(settings)
    if checked.record is not None:
        from ..recording import check_new_folder

        check_new_folder(checked.record)
    endpoint = resolve_endpoint(checked, api_key)
    warn_of_rehearsal(endpoint)
    return Connecting(ConnectRequest(endpoint=endpoint, settings=checked))
