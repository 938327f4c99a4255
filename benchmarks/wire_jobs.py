"""The jobs of the wire benchmark, the same for every client, and how a client is run.

``python wire_client_x.py URL JOB`` connects, prints ``ready``, waits for a line on its standard
input, does the job, checks that everything arrived, and prints its figures as JSON. CPU is that
of the client's whole process (all its threads), from the request to the closed line, so that
what a client leaves for later counts too.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import numpy as np

DELTA_SAMPLES = 2400
CHUNK_SAMPLES = 960
DELTAS_PER_S = 10
CHUNKS_PER_S = 25
DELTAS_PER_WORD = 3
WORD = " word"
DUPLEX_S = 15

DELTAS = {"down": 3000, "up": 0, "duplex": DUPLEX_S * DELTAS_PER_S, "barge_in": 600}
"""Pieces of sound that come down in each job, 100 ms each."""

CHUNKS = {"down": 0, "up": 3000, "duplex": DUPLEX_S * CHUNKS_PER_S, "barge_in": 0}
"""Pieces of sound that go up in each job, 40 ms each."""

NOISE = np.random.default_rng(1).normal(0, 3000, 24_000).astype(np.int16)


class Tally:
    """What a client's user has been told; its methods are the user's handlers."""

    def __init__(self) -> None:
        self.sample_count = 0
        self.letter_count = 0
        self.sent_sample_count = 0
        self.speech_s = 0.0
        self.is_done = asyncio.Event()
        self.is_committed = asyncio.Event()

    def sound(self, pcm: bytes) -> None:
        self.sample_count += len(np.frombuffer(pcm, "<i2"))

    def word(self, text: str) -> None:
        self.letter_count += len(text)

    def speech_started(self) -> None:
        self.speech_s = time.perf_counter()

    def done(self) -> None:
        self.is_done.set()

    def committed(self, item_id: str) -> None:
        self.sent_sample_count = int(item_id.removeprefix("samples_"))
        self.is_committed.set()


class Client(Protocol):
    """One stack, as its own documentation would use it."""

    async def ask(self) -> None: ...
    async def send(self, pcm: np.ndarray) -> None: ...
    async def commit(self) -> None: ...
    async def listen(self, tally: Tally) -> None: ...


async def send_all(client: Client, count: int, *, in_real_time: bool) -> None:
    clock = asyncio.get_running_loop().time
    began_s = clock()
    for at in range(count):
        if in_real_time:
            await asyncio.sleep(began_s + at / CHUNKS_PER_S - clock())
        start = at * CHUNK_SAMPLES % len(NOISE)
        await client.send(NOISE[start : start + CHUNK_SAMPLES])


async def do(client: Client, job: str, tally: Tally) -> None:
    if DELTAS[job]:
        await client.ask()
    if CHUNKS[job]:
        await send_all(client, CHUNKS[job], in_real_time=job == "duplex")
        await client.commit()
        await tally.is_committed.wait()
    if DELTAS[job]:
        await tally.is_done.wait()


def check(job: str, tally: Tally) -> None:
    words = len(range(0, DELTAS[job], DELTAS_PER_WORD))
    assert tally.sample_count == DELTAS[job] * DELTA_SAMPLES, tally.sample_count
    assert tally.letter_count == words * len(WORD), tally.letter_count
    assert tally.sent_sample_count == CHUNKS[job] * CHUNK_SAMPLES, tally.sent_sample_count
    assert bool(tally.speech_s) == (job == "barge_in")


async def run(connect: Callable[[str], AbstractAsyncContextManager[Client]]) -> None:
    url, job = sys.argv[1:]
    tally = Tally()
    async with connect(f"{url}?model=m&job={job}") as client:
        listening = asyncio.create_task(client.listen(tally))
        await asyncio.sleep(0.1)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        gc.collect()
        cpu_s, began_s = time.process_time(), time.perf_counter()
        await do(client, job, tally)
    cpu_s, took_s = time.process_time() - cpu_s, time.perf_counter() - began_s
    listening.cancel()
    check(job, tally)
    waited_s = tally.speech_s - began_s if tally.speech_s else None
    print(json.dumps({"cpu_s": cpu_s, "took_s": took_s, "waited_s": waited_s}), flush=True)
