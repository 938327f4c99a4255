"""A live voice server on this machine, for use without a key or a network."""

from __future__ import annotations

import asyncio
import http
import logging
from collections.abc import Sequence
from contextlib import suppress
from numbers import Integral
from os import PathLike
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from .._structs import names_checked
from .._threads import LoopThread
from ..exceptions import ConfigurationError, RehearsalError
from ..protocol import DIALECTS, Dialect
from ..settings import HasPartner, between
from .asr import recognition_is_available
from .connection import ClientConnection, Connection, ConnectionSettings, is_valid_key
from .faults.base import Fault, Faults
from .identity import ServerKind, server_header, set_running
from .partner import Partner, partner_from
from .refusals import WRONG_KEY

if TYPE_CHECKING:
    from websockets.http11 import Request
    from websockets.http11 import Response as HttpResponse

    from .replay import Replay

MAX_FRAME_BYTES = 16 * 2**20

# The log of websockets would contain headers, and with them the key.
_silent = logging.getLogger("grok_live_widget.rehearsal.socket")
_silent.setLevel(logging.CRITICAL + 1)
_silent.propagate = False

_BY_PATH = {dialect.path: dialect for dialect in DIALECTS.values()}


class RehearsalServer:
    """A server that speaks both dialects, on a loopback port and a thread of its own.

    It answers with a *partner* and never claims to be Grok. A context manager, synchronous or
    asynchronous::

        with RehearsalServer(partner=lambda turn: "Hello.") as server:
            live = Talk(url=server.url("realtime"), api_key=server.api_key)

    Parameters
    ----------
    partner : callable, list, Script, str, PathLike or None
        The function that answers, or a list of answers; see
        `grok_live_widget.rehearsal.partner`. A script, the path of its YAML file, or the name of
        one of this package. ``"parrot"`` or ``"talker"``. None takes the talker where a voice is
        installed, else the parrot.
    host : str
        Address to listen on.
    port : int
        0 takes a free port.
    api_key : str or None
        The only key that is accepted; None accepts any that is not empty (on ``live`` also an
        empty one).
    half_duplex : bool
        Process further speech only after the current response has been sent. Audio received in
        the meantime is kept. For files that are sent faster than real time.
    speed : float > 0 or None
        How much faster than real time responses are sent. None: 3, about as by the service
        (recorded: 2.5 to 4), and 1 for a recording. ``inf`` for no pacing.
    words : bool or None
        Whether to recognise the words of speech. None: where ``pocketsphinx`` is installed and
        the partner uses them.
    allowed_origins : sequence of str
        Origins of web pages that may connect. Without this no page can, because a browser
        sends the origin in each handshake.
    ping_interval_s : float > 0
        How often a ``ping`` event is sent [s].
    replay : str, PathLike or None
        A saved talk whose server side is replayed; see `grok_live_widget.rehearsal.replay`. It
        needs no key.
    step : bool
        Replay the recording step by step, as the client sends input, and not by the clock.
    faults : sequence of Fault or str
        Faults to inject; see `grok_live_widget.rehearsal.faults`.

    Raises
    ------
    ConfigurationError
        For a partner that cannot answer, a value out of range, a missing recording or an
        unknown fault; before any port is opened.

    Notes
    -----
    Methods may be called from any thread except the server's own.

    Examples
    --------
    A server for a client of your own; here, the client is a `Talk`.

    >>> from grok_live_widget import RehearsalServer, Talk
    >>> with RehearsalServer(partner=["Yes."]) as server:
    ...     with Talk(url=server.url("realtime"), api_key="any") as talk:
    ...         print(talk.ask("Is this a test?").text)
    Yes.
    """

    @names_checked
    def __init__(
        self,
        partner: Partner | HasPartner | Sequence[Any] | str | PathLike[str] | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        api_key: str | None = None,
        half_duplex: bool = False,
        speed: float | None = None,
        words: bool | None = None,
        allowed_origins: Sequence[str] = (),
        ping_interval_s: float = 10.0,
        replay: str | PathLike[str] | None = None,
        step: bool = False,
        faults: Sequence[Fault | str] = (),
    ) -> None:
        self._replay = _replay_from(replay, partner, step=step)
        speed = (1.0 if self._replay else 3.0) if speed is None else speed
        _check_positive(speed=speed, ping_interval_s=ping_interval_s)
        between("port", port, 0, 65_535, kind=Integral)
        self._faults = _faults_from(faults)
        known_partner = partner_from(partner)
        if words is None:
            words = getattr(known_partner, "needs_words", True)
        self.api_key = api_key
        self._host, self._requested_port = host, port
        self._allowed_origins = frozenset(allowed_origins)
        self._settings = ConnectionSettings(
            partner=known_partner,
            api_key=api_key,
            half_duplex=half_duplex,
            speed=speed,
            recognises_words=words and recognition_is_available(),
            ping_interval_s=ping_interval_s,
        )
        self._connections: set[ClientConnection] = set()
        self._is_closing = asyncio.Event()
        self._thread: LoopThread | None = None
        self._server: Server | None = None

    def __repr__(self) -> str:
        state = f"on port {self.port}" if self._server else "not running"
        faults = f", faults: {self._faults}" if self._faults else ""
        return f"<RehearsalServer {state}{faults}>"

    # ------------------------------------------------------------------ open and close
    @property
    def port(self) -> int:
        """The port on which it listens.

        Raises
        ------
        RehearsalError
            When the server is not running.
        """
        if (server := self._server) is None:
            raise RehearsalError(
                "the rehearsal server is not running.", cure="Use it in a `with` block."
            )
        return int(server.sockets[0].getsockname()[1])

    @property
    def _kind(self) -> ServerKind:
        return "replay" if self._replay else "rehearsal"

    @property
    def dialects(self) -> tuple[str, ...]:
        """The dialects it speaks: both, or those of the recording."""
        return self._replay.dialects if self._replay else tuple(DIALECTS)

    def url(self, dialect: str | None = None) -> str:
        """The URL for ``"realtime"`` or ``"live"``.

        Parameters
        ----------
        dialect : {"realtime", "live"} or None
            None: ``"realtime"``, or the dialect of the recording.

        Returns
        -------
        str
            ``ws://HOST:PORT/v1/realtime`` or ``…/v1/live``.

        Raises
        ------
        ConfigurationError
            When there is no such dialect.
        RehearsalError
            When the server is not running.
        """
        dialect = dialect or (self._replay.dialects[0] if self._replay else "realtime")
        if dialect not in DIALECTS:
            known = ", ".join(map(repr, DIALECTS))
            raise ConfigurationError(f"dialect must be one of {known}, not {dialect!r}.")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"ws://{host}:{self.port}{DIALECTS[dialect].path}"

    @property
    def settled_sample_count(self) -> int:
        """How many samples all connected clients have sent, once they are processed and answered.

        A client with audio still to be processed or answered counts as 0. For callers that send
        faster than real time and need to know when the end has been processed.
        """
        return sum(connection.settled_sample_count for connection in list(self._connections))

    def start(self) -> Self:
        """Listen; returns when the port is open.

        Returns
        -------
        RehearsalServer
            This one.

        Raises
        ------
        RehearsalError
            When the server is running already, or the port cannot be opened.
        """
        thread = self._new_thread()
        try:
            thread.run(self._open())
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Close all connections, stop listening and join the thread. May be called twice."""
        thread, self._thread = self._thread, None
        if thread:
            thread.run(self._close())
            thread.close()
            self._settings.partner_host.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        thread = self._new_thread()
        try:
            await thread.arun(self._open())
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        thread, self._thread = self._thread, None
        if thread:
            await thread.arun(self._close())
            thread.close()
            await asyncio.to_thread(self._settings.partner_host.close)

    def _new_thread(self) -> LoopThread:
        if self._thread:
            raise RehearsalError(
                "the rehearsal server is already running.",
                cure="Use its url(), or make another RehearsalServer.",
            )
        self._thread = LoopThread("rehearsal-server")
        return self._thread

    async def _open(self) -> None:
        self._is_closing, self._recognition_lock = asyncio.Event(), asyncio.Lock()
        try:
            self._server = await serve(
                self._serve_client,
                self._host,
                self._requested_port,
                process_request=self._process_handshake,
                # Compressing base64 audio saves little and takes 20 times as long.
                compression=None,
                max_size=MAX_FRAME_BYTES,
                # On loopback a lost peer is noticed at once, and a busy one must not be dropped.
                ping_interval=None,
                # A client that connects and sends nothing must not delay close().
                open_timeout=None if self._faults.stalls_handshakes else 2,
                close_timeout=1,
                server_header=server_header(self._kind),
                logger=_silent,
            )
        except OSError as error:
            raise RehearsalError(
                f"port {self._requested_port} cannot be opened ({error.strerror}).",
                cure="Use port=0, which takes a free one.",
            ) from error
        set_running(self.port, self._kind)

    async def _close(self) -> None:
        if self._server:
            set_running(self.port, None)
        server, self._server = self._server, None
        self._is_closing.set()
        if server:
            server.close()
            await server.wait_closed()

    # ------------------------------------------------------------------ one client
    async def _serve_client(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        target = urlsplit(socket.request.path)
        dialect = _BY_PATH[target.path]
        wrapped = self._faults.wrap(socket, dialect) if self._faults else socket
        common = wrapped, dialect, self._settings
        connection: ClientConnection
        if self._replay:
            from .replay import ReplayConnection

            connection = ReplayConnection(*common, replay=self._replay)
        else:
            query = parse_qs(target.query)
            connection = Connection(
                *common,
                recognition_lock=self._recognition_lock,
                model=query.get("model", [dialect.default_model])[0],
                conversation_id=query.get("conversation_id", [""])[0],
            )
        self._connections.add(connection)
        try:
            with suppress(ConnectionClosed):
                await connection.serve()
        finally:
            self._connections.discard(connection)

    async def _process_handshake(
        self, socket: ServerConnection, request: Request
    ) -> HttpResponse | None:
        """Apply a fault to a handshake, or accept or refuse it as usual."""
        fault = self._faults.handshake_fault()
        if fault is None:
            return self._refuse(socket, request)
        if fault.stalls:
            ends = socket.wait_closed(), self._is_closing.wait()
            await asyncio.wait(
                map(asyncio.ensure_future, ends), return_when=asyncio.FIRST_COMPLETED
            )
        return _json_response(socket, *fault.refusal)

    def _refuse(self, socket: ServerConnection, request: Request) -> HttpResponse | None:
        """The response that refuses a handshake; None to accept it."""
        dialect = _BY_PATH.get(urlsplit(request.path).path)
        if dialect is None:
            return socket.respond(http.HTTPStatus.NOT_FOUND, "no such path\n")
        if self._replay and dialect.name not in self._replay.dialects:
            return socket.respond(http.HTTPStatus.NOT_FOUND, "recorded in another dialect\n")
        origins = request.headers.get_all("Origin")
        if any(origin not in self._allowed_origins for origin in origins):
            return socket.respond(http.HTTPStatus.FORBIDDEN, "this page may not connect\n")
        return self._refuse_wrong_key(socket, request, dialect)

    def _refuse_wrong_key(
        self, socket: ServerConnection, request: Request, dialect: Dialect
    ) -> HttpResponse | None:
        """Check the key, on `realtime` in a header; statuses as measured at the service."""
        is_open = self._replay is not None and self.api_key is None
        if not dialect.has_responses or is_open:
            return None
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            return socket.respond(http.HTTPStatus.UNAUTHORIZED, "an API key is missing\n")
        if is_valid_key(key.strip(), self.api_key):
            return None
        return _json_response(socket, *WRONG_KEY)


def _json_response(socket: ServerConnection, status: int, body: str) -> HttpResponse:
    response = socket.respond(http.HTTPStatus(status), body)
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response


def _check_positive(**figures: float) -> None:
    for name, value in figures.items():
        if not value > 0:
            raise ConfigurationError(f"{name} must be greater than 0, not {value!r}.")


def _replay_from(path: str | PathLike[str] | None, partner: object, *, step: bool) -> Replay | None:
    if path is None:
        if step:
            raise ConfigurationError("step=True needs a recording.", cure="Pass replay=path.")
        return None
    if partner is not None:
        raise ConfigurationError(
            "partner and replay exclude each other.", cure="Pass only one of them."
        )
    from .replay import Replay

    return Replay(path, is_stepwise=step)


def _faults_from(wanted: Sequence[Fault | str]) -> Faults:
    if not wanted:
        return Faults(())
    from .faults import faults_from

    return faults_from(wanted)
