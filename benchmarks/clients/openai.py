"""`AsyncOpenAI.realtime.connect` of openai. Keeps nothing."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from openai import AsyncOpenAI

from benchmarks import jobs
from benchmarks.jobs import Job, Received


class OpenAI:
    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def request_response(self) -> None:
        await self.connection.response.create()

    async def send_audio(self, pcm: np.ndarray) -> None:
        audio = base64.b64encode(pcm.tobytes()).decode()
        await self.connection.input_audio_buffer.append(audio=audio)

    async def commit(self) -> None:
        await self.connection.input_audio_buffer.commit()

    async def receive(self, received: Received) -> None:
        async for event in self.connection:
            match event.type:
                case "response.output_audio.delta":
                    received.on_audio(base64.b64decode(event.delta))
                case "response.output_audio_transcript.delta":
                    received.on_transcript(event.delta)
                case "input_audio_buffer.speech_started":
                    received.on_speech_started()
                case "input_audio_buffer.committed":
                    received.on_committed(event.item_id)
                case "response.done":
                    received.on_response_done()


@asynccontextmanager
async def connected(url: str, _: Job) -> AsyncIterator[OpenAI]:
    parts = urlsplit(url)
    base_url = f"ws://{parts.netloc}{parts.path.removesuffix('/realtime')}"
    model = parse_qs(parts.query)["model"][0]
    client = AsyncOpenAI(api_key="not-a-key", websocket_base_url=base_url)
    async with client.realtime.connect(model=model) as connection:
        yield OpenAI(connection)


if __name__ == "__main__":
    asyncio.run(jobs.run(connected))
