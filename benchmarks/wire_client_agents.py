"""`RealtimeSession` of openai-agents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import wire_jobs
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession
from agents.realtime.model_inputs import RealtimeModelSendRawMessage
from wire_jobs import Tally


class Agents:
    def __init__(self, session: RealtimeSession) -> None:
        self.session = session

    async def say(self, wire_type: str) -> None:
        message = RealtimeModelSendRawMessage(message={"type": wire_type})
        await self.session.model.send_event(message)

    async def ask(self) -> None:
        await self.say("response.create")

    async def send(self, pcm: np.ndarray) -> None:
        await self.session.send_audio(pcm.tobytes())

    async def commit(self) -> None:
        await self.say("input_audio_buffer.commit")

    async def listen(self, tally: Tally) -> None:
        async for event in self.session:
            match event.type:
                case "audio":
                    tally.sound(event.audio.data)
                case "raw_model_event" if event.data.type == "raw_server_event":
                    hear(event.data.data, tally)


def hear(message: dict[str, Any], tally: Tally) -> None:
    match message["type"]:
        case "response.output_audio_transcript.delta":
            tally.word(message["delta"])
        case "input_audio_buffer.speech_started":
            tally.speech_started()
        case "input_audio_buffer.committed":
            tally.committed(message["item_id"])
        case "response.done":
            tally.done()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Agents]:
    runner = RealtimeRunner(RealtimeAgent(name="bench"))
    session = await runner.run(model_config={"api_key": "not-a-key", "url": url})
    async with session:
        yield Agents(session)


if __name__ == "__main__":
    asyncio.run(wire_jobs.run(connected))
