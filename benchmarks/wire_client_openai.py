"""`AsyncOpenAI.realtime.connect`."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import wire_jobs
from openai import AsyncOpenAI
from wire_jobs import Tally


class OpenAI:
    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def ask(self) -> None:
        await self.connection.response.create()

    async def send(self, pcm: np.ndarray) -> None:
        audio = base64.b64encode(pcm.tobytes()).decode()
        await self.connection.input_audio_buffer.append(audio=audio)

    async def commit(self) -> None:
        await self.connection.input_audio_buffer.commit()

    async def listen(self, tally: Tally) -> None:
        async for event in self.connection:
            match event.type:
                case "response.output_audio.delta":
                    tally.sound(base64.b64decode(event.delta))
                case "response.output_audio_transcript.delta":
                    tally.word(event.delta)
                case "input_audio_buffer.speech_started":
                    tally.speech_started()
                case "input_audio_buffer.committed":
                    tally.committed(event.item_id)
                case "response.done":
                    tally.done()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[OpenAI]:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    base = f"ws://{parts.netloc}{parts.path.removesuffix('/realtime')}"
    client = AsyncOpenAI(api_key="not-a-key", websocket_base_url=base)
    async with client.realtime.connect(model=query.pop("model"), extra_query=query) as connection:
        yield OpenAI(connection)


if __name__ == "__main__":
    asyncio.run(wire_jobs.run(connected))
