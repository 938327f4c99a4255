"""`floor` with `async for message in websocket`, the loop of the documentation of websockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import connect

from benchmarks import jobs
from benchmarks.clients.floor import Floor
from benchmarks.jobs import Job, Received


class FloorAsyncFor(Floor):
    async def receive(self, received: Received) -> None:
        async for message in self.websocket:
            self.receive_message(message.encode(), received)


@asynccontextmanager
async def connected(url: str, _: Job) -> AsyncIterator[FloorAsyncFor]:
    async with connect(url, compression=None, proxy=None, max_size=None) as websocket:
        yield FloorAsyncFor(websocket)


if __name__ == "__main__":
    asyncio.run(jobs.run(connected))
