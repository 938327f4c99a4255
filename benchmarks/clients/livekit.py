"""`RealtimeSession` of livekit-plugins-xai, without an `AgentSession` around it. Keeps nothing.

The session cuts what it is given into frames of 100 ms, so it sends 2 messages where the others
send 5, and holds up to 60 ms back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import numpy as np
from livekit import rtc
from livekit.agents.llm import MessageGeneration
from livekit.plugins import xai

from benchmarks import jobs
from benchmarks.jobs import CHUNK_SAMPLES, Job, Received

RATE_HZ = 24_000


class LiveKit:
    def __init__(self, session: xai.realtime.RealtimeSession) -> None:
        self.session = session
        self.reading: asyncio.Task[None] | None = None

    async def request_response(self) -> None:
        self.session.generate_reply()

    async def send_audio(self, pcm: np.ndarray) -> None:
        self.session.push_audio(rtc.AudioFrame(pcm.tobytes(), RATE_HZ, 1, CHUNK_SAMPLES))

    async def commit(self) -> None:
        self.session.commit_audio()

    async def receive(self, received: Received) -> None:
        def read(event: Any) -> None:
            self.reading = asyncio.create_task(read_response(event, received))

        def receive_message(message: dict[str, Any]) -> None:
            if message["type"] == "input_audio_buffer.committed":
                received.on_committed(message["item_id"])

        self.session.on("generation_created", read)
        self.session.on("input_speech_started", lambda _: received.on_speech_started())
        self.session.on("openai_server_event_received", receive_message)


async def read_response(event: Any, received: Received) -> None:
    async for message in event.message_stream:
        await asyncio.gather(read_audio(message, received), read_text(message, received))
    received.on_response_done()


async def read_audio(message: MessageGeneration, received: Received) -> None:
    async for frame in message.audio_stream:
        received.on_audio(bytes(frame.data))


async def read_text(message: MessageGeneration, received: Received) -> None:
    async for text in message.text_stream:
        received.on_transcript(text)


@asynccontextmanager
async def connected(url: str, _: Job) -> AsyncIterator[LiveKit]:
    parts = urlsplit(url)
    async with aiohttp.ClientSession() as http_session:
        model = xai.realtime.RealtimeModel(
            model=parse_qs(parts.query)["model"][0],
            api_key="not-a-key",
            base_url=f"http://{parts.netloc}{parts.path}",
            http_session=http_session,
        )
        session = model.session()
        await session_updated(session)
        try:
            yield LiveKit(session)
        finally:
            await session.aclose()


async def session_updated(session: xai.realtime.RealtimeSession) -> None:
    """Wait until the session, which connects in the background, is ready."""
    updated = asyncio.Event()

    def receive_message(message: dict[str, Any]) -> None:
        if message["type"] == "session.updated":
            updated.set()

    session.on("openai_server_event_received", receive_message)
    await updated.wait()
    session.off("openai_server_event_received", receive_message)


if __name__ == "__main__":
    asyncio.run(jobs.run(connected))
