"""This package as in `ours`, without a recording on disk. Turns grow all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks import jobs
from benchmarks.clients.ours import Ours, check_turns
from benchmarks.jobs import Job
from grok_live_widget import connect


@asynccontextmanager
async def connected(url: str, job: Job) -> AsyncIterator[Ours]:
    async with connect(url=url, api_key="not-a-key") as session:
        yield Ours(session)
    check_turns(session, job)


if __name__ == "__main__":
    asyncio.run(jobs.run(connected))
