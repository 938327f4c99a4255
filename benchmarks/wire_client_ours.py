"""This package: `connect`, typed events iterated, turns growing, recording on."""

from __future__ import annotations

import asyncio
import tempfile
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import wire_jobs
from wire_jobs import Tally

from grok_live_widget import Session, connect
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

    async def ask(self) -> None:
        await self.session.respond()

    async def send(self, pcm: np.ndarray) -> None:
        await self.session.send_audio(pcm)

    async def commit(self) -> None:
        await self.session.commit()

    async def listen(self, tally: Tally) -> None:
        async for event in self.session:
            match event:
                case AudioDelta():
                    tally.sound(event.pcm)
                case TranscriptDelta():
                    tally.word(event.delta)
                case SpeechStarted():
                    tally.speech_started()
                case AudioCommitted():
                    tally.committed(event.item_id)
                case ResponseDone():
                    tally.done()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Ours]:
    with tempfile.TemporaryDirectory() as folder:
        talk = Path(folder, "talk")
        async with connect(url=url, api_key="not-a-key", record=talk) as session:
            yield Ours(session)
        check_recording(talk, session)


def check_recording(talk: Path, session: Session) -> None:
    """Turns and files hold what the job brought, sample for sample in count."""
    job = wire_jobs.sys.argv[-1]
    wanted = {
        "assistant": wire_jobs.DELTAS[job] * wire_jobs.DELTA_SAMPLES,
        "user": wire_jobs.CHUNKS[job] * wire_jobs.CHUNK_SAMPLES,
    }
    for role, count in wanted.items():
        with wave.open(str(talk / f"{role}.wav")) as file:
            assert file.getnframes() == count, (role, file.getnframes())
    assert sum(len(turn.pcm) for turn in session.turns.assistant) == wanted["assistant"]


if __name__ == "__main__":
    asyncio.run(wire_jobs.run(connected))
