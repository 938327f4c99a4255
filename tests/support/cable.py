"""A TCP proxy between a client and a server, whose connections tests can break."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any
from urllib.parse import urlsplit

from grok_live_widget._threads import LoopThread


class Cable:
    """Forwards one loopback port to another; `url` is the address to connect to.

    Attributes
    ----------
    count : int
        How many connections were accepted so far.
    """

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._thread = LoopThread("test-cable")
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()
        self.count = 0
        self._port = self._thread.run(self._lay(0))

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._port}{self._target.path}"

    def cut(self, *, for_good: bool = False) -> None:
        """Reset all connections; `for_good` also refuses new ones."""
        self._thread.run(self._cut(for_good))

    def mend(self) -> None:
        """Accept connections again."""
        self._thread.run(self._lay(self._port))

    def close(self) -> None:
        self._thread.run(self._cut(True))
        self._thread.close()

    async def _lay(self, port: int) -> int:
        self._server = await asyncio.start_server(self._forward, "127.0.0.1", port)
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def _cut(self, for_good: bool) -> None:
        if for_good and self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._ends):
            # A reset, without a close frame.
            writer.transport.abort()
        self._ends.clear()

    async def _forward(self, reader: Any, writer: asyncio.StreamWriter) -> None:
        self.count += 1
        there = await asyncio.open_connection("127.0.0.1", self._target.port)
        self._ends |= {writer, there[1]}
        await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
