"""`RealtimeSession` of openai-agents. Keeps nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession
from agents.realtime.model_inputs import RealtimeModelSendRawMessage

from benchmarks import jobs
from benchmarks.jobs import Job, Received


class Agents:
    def __init__(self, session: RealtimeSession) -> None:
        self.session = session

    async def send(self, message_type: str) -> None:
        message = RealtimeModelSendRawMessage(message={"type": message_type})
        await self.session.model.send_event(message)

    async def request_response(self) -> None:
        await self.send("response.create")

    async def send_audio(self, pcm: np.ndarray) -> None:
        await self.session.send_audio(pcm.tobytes())

    async def commit(self) -> None:
        await self.send("input_audio_buffer.commit")

    async def receive(self, received: Received) -> None:
        async for event in self.session:
            match event.type:
                case "audio":
                    received.on_audio(event.audio.data)
                case "raw_model_event" if event.data.type == "raw_server_event":
                    receive_message(event.data.data, received)


def receive_message(message: dict[str, Any], received: Received) -> None:
    match message["type"]:
        case "response.output_audio_transcript.delta":
            received.on_transcript(message["delta"])
        case "input_audio_buffer.speech_started":
            received.on_speech_started()
        case "input_audio_buffer.committed":
            received.on_committed(message["item_id"])
        case "response.done":
            received.on_response_done()


@asynccontextmanager
async def connected(url: str, _: Job) -> AsyncIterator[Agents]:
    runner = RealtimeRunner(RealtimeAgent(name="benchmark"))
    session = await runner.run(model_config={"api_key": "not-a-key", "url": url})
    async with session:
        yield Agents(session)


if __name__ == "__main__":
    asyncio.run(jobs.run(connected))
