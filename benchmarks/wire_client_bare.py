"""The floor: websockets without compression, orjson, base64, numpy, and a loop."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import orjson
import wire_jobs
from websockets.asyncio.client import ClientConnection, connect
from wire_jobs import Tally


class Bare:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    async def ask(self) -> None:
        await self.socket.send(orjson.dumps({"type": "response.create"}), text=True)

    async def send(self, pcm: np.ndarray) -> None:
        audio = base64.b64encode(pcm.tobytes()).decode()
        message = {"type": "input_audio_buffer.append", "audio": audio}
        await self.socket.send(orjson.dumps(message), text=True)

    async def commit(self) -> None:
        await self.socket.send(orjson.dumps({"type": "input_audio_buffer.commit"}), text=True)

    async def listen(self, tally: Tally) -> None:
        while True:
            message = orjson.loads(await self.socket.recv(decode=False))
            match message["type"]:
                case "response.output_audio.delta":
                    tally.sound(base64.b64decode(message["delta"]))
                case "response.output_audio_transcript.delta":
                    tally.word(message["delta"])
                case "input_audio_buffer.speech_started":
                    tally.speech_started()
                case "input_audio_buffer.committed":
                    tally.committed(message["item_id"])
                case "response.done":
                    tally.done()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Bare]:
    async with connect(url, compression=None, proxy=None, max_size=None) as socket:
        yield Bare(socket)


if __name__ == "__main__":
    asyncio.run(wire_jobs.run(connected))
