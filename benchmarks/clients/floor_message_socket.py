"""`floor` with the package's `MessageSocket`, which hands on each message in `process_event`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import connect

from benchmarks import jobs
from benchmarks.clients.floor import Floor
from benchmarks.jobs import Job, Received
from grok_live_widget.client.message_socket import MessageSocket


class FloorMessageSocket(Floor):
    async def receive(self, received: Received) -> None:
        assert isinstance(self.websocket, MessageSocket)
        self.websocket.listen(
            lambda message, _: self.receive_message(message, received), lambda: True
        )


@asynccontextmanager
async def connected(url: str, _: Job) -> AsyncIterator[FloorMessageSocket]:
    async with connect(
        url, create_connection=MessageSocket, compression=None, proxy=None, max_size=None
    ) as websocket:
        yield FloorMessageSocket(websocket)


if __name__ == "__main__":
    asyncio.run(jobs.run(connected))
