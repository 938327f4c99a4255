"""A live voice server on this machine, for when there is no key, no network, or no need."""

from __future__ import annotations

import asyncio
import http
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from numbers import Integral
from os import PathLike
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request
from websockets.http11 import Response as HttpResponse

from .._threads import LoopThread
from ..exceptions import ConfigurationError, RehearsalError
from ..protocol import DIALECTS, Dialect
from ..settings import between
from .asr import words_are_available
from .connection import Line, LineSettings, Socket, Workers, is_right_key
from .faults import Fault, Refuse, faults_from
from .partner import Partner, partner_from
from .replay import Replay, ReplayLine

__all__ = ["RehearsalServer"]

MAX_FRAME_BYTES = 16 * 2**20

# Headers carry the key, so this logger never makes a record.
_silent = logging.getLogger("grok_live_widget.rehearsal.socket")
_silent.setLevel(logging.CRITICAL + 1)
_silent.propagate = False

_BY_PATH = {dialect.path: dialect for dialect in DIALECTS.values()}


class RehearsalServer:
    """A peer that speaks both dialects, on a loopback port and a thread of its own.

    It is not Grok and never says so; who answers is a *partner*. A context manager, plain or
    asynchronous::

        with RehearsalServer(partner=lambda turn: "Hello.") as server:
            live = Talk(url=server.url("realtime"), api_key=server.api_key)

    Parameters
    ----------
    partner : callable, "parrot", "talker" or None
        Who answers; see `grok_live_widget.rehearsal.partner`. None takes the talker where a
        voice is installed, else the parrot.
    host : str
        Address to listen on.
    port : int
        0 takes a free one.
    api_key : str or None
        The only key that is accepted; None accepts any that is not empty (on `live` also
        that).
    half_duplex : bool
        Judge further speech only after the running reply has been sent. Sound that comes in
        the meantime is kept. For files that are sent faster than real time.
    speed : float > 0 or None
        How much faster than real time replies are sent. None: 3, about as the service does
        (recorded: 2.5 to 4); a recording at the speed it was made. ``inf`` for at once.
    words : bool or None
        Whether to recognise the words of what is heard. None: where `pocketsphinx` is
        installed and the partner has a use for them.
    allowed_origins : sequence of str
        Web pages that may connect. A browser names its page in each handshake, so without
        this no page can.
    ping_interval_s : float > 0
        How often a ``ping`` event is sent [s].
    replay : str, PathLike or None
        A saved talk, whose server side is told again instead; see
        `grok_live_widget.rehearsal.replay`. Nobody needs a key for it.
    step : bool
        Tell the recording step by step, as the client says something, and not by the clock.
    faults : sequence of Fault or str
        What goes wrong, and where; see `grok_live_widget.rehearsal.faults`.

    Raises
    ------
    ConfigurationError
        For a partner that cannot be called, a figure out of range, no recording, or a fault
        that is not known; before any port is opened.

    Notes
    -----
    Methods may be called from any thread but the server's own.
    """

    def __init__(
        self,
        partner: Partner | str | None = None,
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
        self._faults = faults_from(faults)
        known_partner = partner_from(partner)
        if words is None:
            words = getattr(known_partner, "needs_words", True)
        self.api_key = api_key
        self._host, self._wanted_port = host, port
        self._allowed_origins = frozenset(allowed_origins)
        self._settings = LineSettings(
            partner=known_partner,
            api_key=api_key,
            half_duplex=half_duplex,
            speed=speed,
            recognises_words=words and words_are_available(),
            ping_interval_s=ping_interval_s,
        )
        self._lines: set[Line | ReplayLine] = set()
        self._is_closing = asyncio.Event()
        self._thread: LoopThread | None = None
        self._server: Server | None = None
        self._port = 0

    def __repr__(self) -> str:
        state = f"on port {self._port}" if self._port else "not running"
        faults = f", faults: {self._faults}" if self._faults else ""
        return f"<RehearsalServer {state}{faults}>"

    # ------------------------------------------------------------------ open and close
    @property
    def port(self) -> int:
        """The port it listens on.

        Raises
        ------
        RehearsalError
            When the server is not running.
        """
        if not self._port:
            raise RehearsalError(
                "the rehearsal server is not running.", cure="Use it in a `with` block."
            )
        return self._port

    @property
    def dialects(self) -> tuple[str, ...]:
        """What it speaks: both, or what the recording was made in."""
        return self._replay.dialects if self._replay else tuple(DIALECTS)

    def url(self, dialect: str | None = None) -> str:
        """Where to connect to, for ``"realtime"`` or ``"live"``.

        None: ``"realtime"``, or what the recording was made in.
        """
        dialect = dialect or (self._replay.dialects[0] if self._replay else "realtime")
        if dialect not in DIALECTS:
            known = ", ".join(map(repr, DIALECTS))
            raise ConfigurationError(f"dialect={dialect!r} is not one of {known}.")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"ws://{host}:{self.port}{DIALECTS[dialect].path}"

    @property
    def settled_sample_count(self) -> int:
        """How many samples all present clients have sent, as far as they are judged and answered.

        A client with something still to be judged or answered counts as 0. For whoever sends
        faster than real time and wants to know when the end has been heard.
        """
        return sum(line.settled_sample_count for line in list(self._lines))

    def start(self) -> Self:
        """Listen; returns when the port is open."""
        thread = self._new_thread()
        try:
            thread.run(self._open())
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Hang up on everybody, stop listening and join the thread. May be called twice."""
        thread, self._thread = self._thread, None
        if thread:
            thread.run(self._close())
            thread.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        try:
            await self._new_thread().arun(self._open())
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        thread, self._thread = self._thread, None
        if thread:
            await thread.arun(self._close())
            thread.close()

    def _new_thread(self) -> LoopThread:
        if self._thread:
            raise RehearsalError("the rehearsal server is already running.")
        self._thread = LoopThread("rehearsal-server")
        return self._thread

    async def _open(self) -> None:
        self._workers = Workers(
            hearing=ThreadPoolExecutor(2, thread_name_prefix="rehearsal-hearing"),
            words=ThreadPoolExecutor(1, thread_name_prefix="rehearsal-words"),
        )
        self._is_closing = asyncio.Event()
        try:
            self._server = await serve(
                self._talk,
                self._host,
                self._wanted_port,
                process_request=self._faulty_door if self._faults else self._refusal,
                # base64 of sound does not get smaller, and it costs 20 times the time.
                compression=None,
                max_size=MAX_FRAME_BYTES,
                # On loopback a vanished peer is noticed at once; a busy one is not gone.
                ping_interval=None,
                # Whoever connects and says nothing must not hold up close().
                open_timeout=None if self._faults.stalls_handshakes else 2,
                close_timeout=1,
                server_header=None,
                logger=_silent,
            )
        except OSError as error:
            raise RehearsalError(
                f"port {self._wanted_port} cannot be opened ({error.strerror}).",
                cure="Use port=0, which takes a free one.",
            ) from error
        self._port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        server, self._server, self._port = self._server, None, 0
        self._is_closing.set()
        if server:
            server.close()
            await server.wait_closed()
            await asyncio.to_thread(self._workers.hearing.shutdown)
            await asyncio.to_thread(self._workers.words.shutdown)

    # ------------------------------------------------------------------ one client
    async def _talk(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        target = urlsplit(socket.request.path)
        dialect = _BY_PATH[target.path]
        query = parse_qs(target.query)
        line = self._new_line(
            self._faults.around(socket, dialect) if self._faults else socket,
            dialect,
            query.get("model", [dialect.default_model])[0],
            query.get("conversation_id", [""])[0],
        )
        self._lines.add(line)
        try:
            with suppress(ConnectionClosed):
                await line.talk()
        finally:
            self._lines.discard(line)

    def _new_line(
        self, socket: Socket, dialect: Dialect, model: str, conversation_id: str
    ) -> Line | ReplayLine:
        if self._replay is None:
            return Line(socket, dialect, model, self._settings, self._workers, conversation_id)
        return ReplayLine(
            socket,
            self._replay,
            dialect,
            api_key=self.api_key,
            speed=self._settings.speed,
            workers=self._workers,
        )

    async def _faulty_door(self, socket: ServerConnection, request: Request) -> HttpResponse | None:
        """The answer to a handshake, where one may go wrong as was asked."""
        fault = self._faults.at_door()
        if isinstance(fault, Refuse):
            return _json_response(socket, http.HTTPStatus(fault.status), fault.text)
        if fault is not None and fault.stalls:
            gone = {
                asyncio.ensure_future(socket.wait_closed()),
                asyncio.ensure_future(self._is_closing.wait()),
            }
            await asyncio.wait(gone, return_when=asyncio.FIRST_COMPLETED)
            for each in gone:
                each.cancel()
            return socket.respond(http.HTTPStatus.SERVICE_UNAVAILABLE, "closing\n")
        return self._refusal(socket, request)

    def _refusal(self, socket: ServerConnection, request: Request) -> HttpResponse | None:
        """The answer to a handshake that is not accepted."""
        dialect = _BY_PATH.get(urlsplit(request.path).path)
        if dialect is None:
            return socket.respond(http.HTTPStatus.NOT_FOUND, "no such path\n")
        if self._replay and dialect.name not in self._replay.dialects:
            return socket.respond(http.HTTPStatus.NOT_FOUND, "recorded in another dialect\n")
        origins = request.headers.get_all("Origin")
        if any(origin not in self._allowed_origins for origin in origins):
            return socket.respond(http.HTTPStatus.FORBIDDEN, "this page may not connect\n")
        return self._key_refusal(socket, request, dialect)

    def _key_refusal(
        self, socket: ServerConnection, request: Request, dialect: Dialect
    ) -> HttpResponse | None:
        """On `realtime` the key is in a header. Statuses as measured at the service."""
        is_open = self._replay is not None and self.api_key is None
        if not dialect.has_responses or is_open:
            return None
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            return socket.respond(http.HTTPStatus.UNAUTHORIZED, "an API key is missing\n")
        if is_right_key(key.strip(), self.api_key):
            return None
        return _json_response(socket, http.HTTPStatus.BAD_REQUEST, Refuse(400).text)


def _json_response(socket: ServerConnection, status: http.HTTPStatus, body: str) -> HttpResponse:
    response = socket.respond(status, body)
    del response.headers["Content-Type"]
    response.headers["Content-Type"] = "application/json"
    return response


def _check_positive(**figures: float) -> None:
    for name, value in figures.items():
        if not value > 0:
            raise ConfigurationError(f"{name}={value!r} must be greater than 0.")


def _replay_from(path: str | PathLike[str] | None, partner: object, *, step: bool) -> Replay | None:
    if path is None:
        if step:
            raise ConfigurationError("step=True is for a recording.", cure="Pass replay=path.")
        return None
    if partner is not None:
        raise ConfigurationError("a recording needs no partner.", cure="Pass replay= alone.")
    return Replay(path, is_stepwise=step)
