"""A WebSocket server that answers no ping, which those of libraries always do."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager

from grok_live_widget._threads import LoopThread

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_PING = 0x89


@contextmanager
def deaf_server(*, hangs_up: bool = False) -> Iterator[str]:
    """Yields its URL, in the dialect ``live``, where it need not say anything.

    Parameters
    ----------
    hangs_up : bool
        Whether it drops the connection when it gets a ping.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        key = re.search(rb"Sec-WebSocket-Key: (\S+)", request, re.IGNORECASE)
        assert key is not None
        accepted = base64.b64encode(hashlib.sha1(key[1] + _GUID).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accepted + b"\r\n\r\n"
        )
        try:
            while not (await _kind_of_frame(reader) == _PING and hangs_up):
                pass
        except asyncio.IncompleteReadError:
            pass
        writer.transport.abort()

    async def open_() -> asyncio.Server:
        return await asyncio.start_server(answer, "127.0.0.1", 0)

    async def close(server: asyncio.Server) -> None:
        server.close()

    thread = LoopThread("test-deaf-server")
    server = thread.run(open_())
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/live"
    finally:
        thread.run(close(server))
        thread.close()


async def _kind_of_frame(reader: asyncio.StreamReader) -> int:
    """Read a frame of a client; returns its first byte."""
    kind, length = await reader.readexactly(2)
    length &= 0x7F
    if length >= 126:
        length = int.from_bytes(await reader.readexactly(2 if length == 126 else 8))
    await reader.readexactly(4 + length)
    return kind
