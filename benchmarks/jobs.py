"""The jobs of the connection benchmark, the same for every client, and how a client does one.

``python -m benchmarks.clients.NAME URL JOB`` connects, prints ``ready``, waits for a line on its
standard input, does the job, checks that everything arrived, and prints its figures as JSON. CPU
time is that of the client's whole process (all its threads), from the request until the
connection is closed, so that work which a client defers is counted too.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np

DELTA_SAMPLES = 2400
CHUNK_SAMPLES = 960
DELTAS_PER_S = 10
CHUNKS_PER_S = 25
AUDIO_DELTAS_PER_TRANSCRIPT_DELTA = 3
TRANSCRIPT_DELTA = " word"
REAL_TIME_S = 15

NOISE = np.random.default_rng(1).normal(0, 3000, 24_000).astype(np.int16)


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a client receives and sends.

    Parameters
    ----------
    delta_count : int
        Audio deltas of 100 ms that the server sends.
    chunk_count : int
        Audio chunks of 40 ms that the client sends.
    is_paced : bool
        Whether both go at a steady pace, by default that of speech, otherwise as fast as possible.
    deltas_per_s : int
        The pace of the deltas.
    has_speech_started : bool
        Whether the server reports `speech_started` after its last delta.
    """

    delta_count: int = 0
    chunk_count: int = 0
    is_paced: bool = False
    deltas_per_s: int = DELTAS_PER_S
    has_speech_started: bool = False

    @property
    def transcript_delta_count(self) -> int:
        return len(range(0, self.delta_count, AUDIO_DELTAS_PER_TRANSCRIPT_DELTA))

    @property
    def received_count(self) -> int:
        """Messages with audio or text that the client receives."""
        return self.delta_count + self.transcript_delta_count


JOBS = {
    "burst_down": Job(delta_count=3000),
    "burst_up": Job(chunk_count=3000),
    "real_time": Job(
        delta_count=REAL_TIME_S * DELTAS_PER_S,
        chunk_count=REAL_TIME_S * CHUNKS_PER_S,
        is_paced=True,
    ),
    "speech_started": Job(delta_count=600, has_speech_started=True),
    # Each message wakes the client, as in real time, but there are enough of them to tell
    # differences of microseconds. Only benchmarks.receiving measures it.
    "single_messages": Job(delta_count=1500, is_paced=True, deltas_per_s=100),
}


class Received:
    """What a client's user was handed; each client calls these methods as the user's handlers."""

    def __init__(self) -> None:
        self.sample_count = 0
        self.letter_count = 0
        self.committed_sample_count = 0
        self.speech_started_s = 0.0
        self.response_done = asyncio.Event()
        self.audio_committed = asyncio.Event()

    def on_audio(self, pcm: bytes) -> None:
        self.sample_count += len(np.frombuffer(pcm, "<i2"))

    def on_transcript(self, text: str) -> None:
        self.letter_count += len(text)

    def on_speech_started(self) -> None:
        self.speech_started_s = time.perf_counter()

    def on_response_done(self) -> None:
        self.response_done.set()

    def on_committed(self, item_id: str) -> None:
        """The server names the committed item after the samples that it received."""
        self.committed_sample_count = int(item_id.removeprefix("samples_"))
        self.audio_committed.set()


class Client(Protocol):
    """One client library, used as its own documentation shows."""

    async def request_response(self) -> None: ...
    async def send_audio(self, pcm: np.ndarray) -> None: ...
    async def commit(self) -> None: ...
    async def receive(self, received: Received) -> None: ...


Connect = Callable[[str, Job], AbstractAsyncContextManager[Client]]


async def run(connect: Connect) -> None:
    """Do the job that the command line names."""
    url, name = sys.argv[1:]
    job, received = JOBS[name], Received()
    async with connect(f"{url}?model={name}", job) as client:
        receiving = asyncio.create_task(client.receive(received))
        await asyncio.sleep(0.1)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        gc.collect()
        cpu_s, began_s = time.process_time(), time.perf_counter()
        await do(client, job, received)
    cpu_s = time.process_time() - cpu_s
    receiving.cancel()
    check(job, received)
    waited_s = received.speech_started_s - began_s if job.has_speech_started else None
    print(json.dumps({"cpu_s": cpu_s, "waited_s": waited_s}), flush=True)


async def do(client: Client, job: Job, received: Received) -> None:
    if job.delta_count:
        await client.request_response()
    if job.chunk_count:
        await send_chunks(client, job)
        await client.commit()
        await received.audio_committed.wait()
    if job.delta_count:
        await received.response_done.wait()


async def send_chunks(client: Client, job: Job) -> None:
    clock = asyncio.get_running_loop().time
    began_s = clock()
    for index in range(job.chunk_count):
        if job.is_paced:
            await asyncio.sleep(began_s + index / CHUNKS_PER_S - clock())
        start = index * CHUNK_SAMPLES % len(NOISE)
        await client.send_audio(NOISE[start : start + CHUNK_SAMPLES])


def check(job: Job, received: Received) -> None:
    """Check that every sample and every letter arrived."""
    assert received.sample_count == job.delta_count * DELTA_SAMPLES, received.sample_count
    letter_count = job.transcript_delta_count * len(TRANSCRIPT_DELTA)
    assert received.letter_count == letter_count, received.letter_count
    sent_count = job.chunk_count * CHUNK_SAMPLES
    assert received.committed_sample_count == sent_count, received.committed_sample_count
    assert bool(received.speech_started_s) == job.has_speech_started
