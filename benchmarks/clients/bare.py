"""A plain loop over `websockets`: no compression, msgspec, the standard base64. Keeps nothing."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from benchmarks import jobs
from benchmarks.jobs import Job, Received


class Bare:
    def __init__(self, websocket: ClientConnection) -> None:
        self.websocket = websocket

    async def send(self, message: dict[str, str]) -> None:
        await self.websocket.send(msgspec.json.encode(message), text=True)

    async def request_response(self) -> None:
        await self.send({"type": "response.create"})

    async def send_audio(self, pcm: np.ndarray) -> None:
        audio = base64.b64encode(pcm.tobytes()).decode()
        await self.send({"type": "input_audio_buffer.append", "audio": audio})

    async def commit(self) -> None:
        await self.send({"type": "input_audio_buffer.commit"})

    async def receive(self, received: Received) -> None:
        while True:
            message = msgspec.json.decode(await self.websocket.recv(decode=False))
            match message["type"]:
                case "response.output_audio.delta":
                    received.on_audio(base64.b64decode(message["delta"]))
                case "response.output_audio_transcript.delta":
                    received.on_transcript(message["delta"])
                case "input_audio_buffer.speech_started":
                    received.on_speech_started()
                case "input_audio_buffer.committed":
                    received.on_committed(message["item_id"])
                case "response.done":
                    received.on_response_done()


@asynccontextmanager
async def connected(url: str, _: Job) -> AsyncIterator[Bare]:
    async with connect(url, compression=None, proxy=None, max_size=None) as websocket:
        yield Bare(websocket)


if __name__ == "__main__":
    asyncio.run(jobs.run(connected))
