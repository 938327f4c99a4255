"""`floor` with `recv(decode=False)` in a loop, and no file, as the other variants of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from websockets.asyncio.client import connect

from benchmarks import jobs
from benchmarks.clients.floor import Floor
from benchmarks.jobs import Job


@asynccontextmanager
async def connected(url: str, _: Job) -> AsyncIterator[Floor]:
    async with connect(url, compression=None, proxy=None, max_size=None) as websocket:
        yield Floor(websocket)


if __name__ == "__main__":
    asyncio.run(jobs.run(connected))
