"""`ours_recording_off`, whose connection is read by `async for message in websocket` in a task."""

from __future__ import annotations

import asyncio

from benchmarks import jobs
from benchmarks.clients import ours_recording_off
from benchmarks.clients.ours_recv import RecvSocket
from grok_live_widget.client import transport


class AsyncForSocket(RecvSocket):
    """`async for` awaits `recv()` for each message, which decodes it."""

    async def receive(self) -> bytes:
        return (await self.recv()).encode()


if __name__ == "__main__":
    transport.MessageSocket = AsyncForSocket
    asyncio.run(jobs.run(ours_recording_off.connected))
