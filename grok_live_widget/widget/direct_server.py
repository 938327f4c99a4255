"""The direct channel: a WebSocket on the loopback interface, on which one page exchanges messages.

Jupyter's server, its kernel protocol and the page's main thread have no part in it. `Invitations`
decides who may open it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from .invitations import Invitation, Invitations
from .messages import AnyPageMessage, KernelMessage, decode, decode_earlier
from .sound_frames import MOST_BYTES, pack, unpack

if TYPE_CHECKING:
    from websockets.http11 import Request, Response

BAD_TOKEN, REPLACED, KERNEL_GONE = 4401, 4409, 4410
TOKEN_WITHIN_S = 3.0
# What a page that reads nothing any more may be behind; the credit of a reply is less.
_MOST_UNSENT_BYTES = 1 << 20

# No handshake of a stranger may print into the notebook.
_SILENT = logging.Logger("grok_live_widget.direct", logging.CRITICAL + 1)


class DirectListener(Protocol):
    """Learns what comes through the channel; called on its loop."""

    def on_direct(self, page: str) -> None:
        """A page uses the channel from now on; empty: none does any more."""

    def on_direct_message(
        self, message: AnyPageMessage, buffer: bytes | None, arrived_s: float
    ) -> None:
        """The page has sent a message; `arrived_s` is by the monotonic clock."""


class DirectServer:
    """Admits invited pages, the newest of which replaces the one before.

    Used on one loop.

    Parameters
    ----------
    listener : DirectListener
    now_s : callable
        The monotonic clock [s].

    Attributes
    ----------
    page : str
        The page that uses the channel; empty for none.
    port : int
        Where it listens; 0 while it does not.
    """

    def __init__(
        self, listener: DirectListener, *, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._listener, self._now_s = listener, now_s
        self._invitations = Invitations()
        self._server: Server | None = None
        self._connection: ServerConnection | None = None
        self.page = ""
        self.port = 0

    async def start(self) -> None:
        """Listen; without effect if it does so already.

        Raises
        ------
        OSError
            Where no port can be opened.
        """
        if self._server is not None:
            return
        self._server = await serve(
            self._serve_page,
            "127.0.0.1",
            0,
            process_request=self._check_request,
            compression=None,  # Pure loss with PCM.
            max_size=MOST_BYTES,
            open_timeout=TOKEN_WITHIN_S,
            close_timeout=1,
            ping_interval=20,
            ping_timeout=20,
            logger=_SILENT,
            server_header=None,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def close(self) -> None:
        """Close the connection, and listen no more."""
        server, self._server = self._server, None
        self.port = 0
        if server is not None:
            server.close()
            await server.wait_closed()

    @property
    def is_locked(self) -> bool:
        """Whether wrong tokens were shown too often, so that the comm has to do."""
        return self._invitations.is_locked

    def invite(self, page: str, origin: str, *, is_proxied: bool = False) -> Invitation:
        """Invite a page of this origin, once and for some seconds."""
        return self._invitations.invite(page, origin, self._now_s(), is_proxied=is_proxied)

    def send(self, message: KernelMessage, buffer: bytes | None = None) -> bool:
        """Send to the page without waiting; False where none is connected."""
        connection = self._connection
        if connection is None or connection.state is not State.OPEN:
            return False
        if connection.transport.get_write_buffer_size() > _MOST_UNSENT_BYTES:
            connection.transport.abort()
            return False
        # As the library's `broadcast` does (websockets 15 to 17).
        connection.protocol.send_binary(pack(message, buffer))
        connection.send_data()
        return True

    def tell_kernel_gone(self) -> None:
        """Close the connection with `KERNEL_GONE`, without waiting: this process ends soon."""
        connection = self._connection
        if connection is not None and connection.state is State.OPEN:
            connection.protocol.send_close(KERNEL_GONE, "the kernel is gone")
            connection.send_data()

    # ----------------------------------------------------------------- who comes
    def _check_request(self, connection: ServerConnection, request: Request) -> Response | None:
        # `get` raises for a header that is there twice.
        items = list(request.headers.raw_items())
        is_admitted = self._invitations.admits(
            request.path,
            [value for name, value in items if name.lower() == "host"],
            [value for name, value in items if name.lower() == "origin"],
            self.port,
            self._now_s(),
        )
        return None if is_admitted else connection.respond(HTTPStatus.FORBIDDEN, "")

    async def _serve_page(self, connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            invitation = await self._redeemed(connection)
            if invitation is None:
                await connection.close(BAD_TOKEN)
                return
            await connection.send(invitation.proof)
            await self._read_page(connection, invitation.page)

    async def _redeemed(self, connection: ServerConnection) -> Invitation | None:
        """The invitation of a page that shows its token in time."""
        assert connection.request is not None
        origin = connection.request.headers["Origin"]
        self._invitations.begin()
        try:
            async with asyncio.timeout(TOKEN_WITHIN_S):
                token = await connection.recv()
        except TimeoutError:
            return None
        finally:
            self._invitations.end()
        return self._invitations.redeem(token, origin, self._now_s())

    async def _read_page(self, connection: ServerConnection, page: str) -> None:
        before, self._connection, self.page = self._connection, connection, page
        if before is not None:
            # Not awaited: a page that is gone answers no closing handshake.
            closing = asyncio.ensure_future(before.close(REPLACED, "replaced"))
            closing.add_done_callback(_ignore_result)
        self._listener.on_direct(page)
        try:
            async for frame in connection:
                if isinstance(frame, bytes):
                    self._receive(frame, page)
        finally:
            if self._connection is connection:
                self._connection, self.page = None, ""
                self._listener.on_direct("")

    def _receive(self, frame: bytes, page: str) -> None:
        arrived_s = self._now_s()
        found = unpack(frame)
        if found is None:
            return
        content, buffer = found
        received: list[tuple[AnyPageMessage | None, bytes | None]] = [
            *((each, None) for each in decode_earlier(content)),
            (decode(content), buffer or None),
        ]
        for message, sound in received:
            # A page speaks for itself alone.
            if message is not None and message.page == page:
                self._listener.on_direct_message(message, sound, arrived_s)


def _ignore_result(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
