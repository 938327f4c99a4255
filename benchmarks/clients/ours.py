"""This package: `connect`, an iterator over typed events, turns that grow, recording on."""

from __future__ import annotations

import asyncio
import tempfile
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np

from benchmarks import jobs
from benchmarks.jobs import CHUNK_SAMPLES, DELTA_SAMPLES, Job, Received
from grok_live_widget import Session, connect
from grok_live_widget.audio import SAMPLE_RATE_HZ
from grok_live_widget.events import (
    AudioCommitted,
    AudioDelta,
    ResponseDone,
    SpeechStarted,
    TranscriptDelta,
)


class Ours:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def request_response(self) -> None:
        await self.session.respond()

    async def send_audio(self, pcm: np.ndarray) -> None:
        await self.session.send_audio(pcm, SAMPLE_RATE_HZ)

    async def commit(self) -> None:
        await self.session.commit()

    async def receive(self, received: Received) -> None:
        async for event in self.session:
            match event:
                case AudioDelta():
                    received.on_audio(event.pcm)
                case TranscriptDelta():
                    received.on_transcript(event.delta)
                case SpeechStarted():
                    received.on_speech_started()
                case AudioCommitted():
                    received.on_committed(event.item_id)
                case ResponseDone():
                    received.on_response_done()


@asynccontextmanager
async def connected(url: str, job: Job) -> AsyncIterator[Ours]:
    with tempfile.TemporaryDirectory() as folder:
        recording = Path(folder, "recording")
        async with connect(url=url, api_key="not-a-key", record=recording) as session:
            yield Ours(session)
        check_turns(session, job)
        check_recording(recording, job)


def check_turns(session: Session, job: Job) -> None:
    sample_count = sum(len(turn.pcm) for turn in session.turns.assistant)
    assert sample_count == job.delta_count * DELTA_SAMPLES, sample_count


def check_recording(recording: Path, job: Job) -> None:
    sample_counts = {
        "assistant": job.delta_count * DELTA_SAMPLES,
        "user": job.chunk_count * CHUNK_SAMPLES,
    }
    for role, sample_count in sample_counts.items():
        with wave.open(str(recording / f"{role}.wav")) as file:
            assert file.getnframes() == sample_count, (role, file.getnframes())


if __name__ == "__main__":
    asyncio.run(jobs.run(connected))
