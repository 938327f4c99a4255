"""The least that a client needs which keeps the conversation, in Python and over `websockets`.

It has no typed events, no state and no settings, and checks nothing. Audio is cut out of the
frames, decoded by pybase64, kept in memory and written into a file when the connection has
closed, with a line of text for each message.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import numpy as np
import pybase64
from websockets.asyncio.client import ClientConnection, connect

from benchmarks import jobs
from benchmarks.jobs import Job, Received

APPEND_START = b'{"type":"input_audio_buffer.append","audio":"'
APPEND_END = b'"}'
DELTA_KEY = b'"delta": "'
DELTA_END_BYTES = len(b'"}')


class Floor:
    def __init__(self, websocket: ClientConnection) -> None:
        self.websocket = websocket
        self.audio = {"user": bytearray(), "assistant": bytearray()}
        self.lines: list[bytes] = []

    async def send(self, message: dict[str, str]) -> None:
        await self.websocket.send(msgspec.json.encode(message), text=True)

    async def request_response(self) -> None:
        await self.send({"type": "response.create"})

    async def send_audio(self, pcm: np.ndarray) -> None:
        sent = pcm.tobytes()
        await self.websocket.send(APPEND_START + pybase64.b64encode(sent) + APPEND_END, text=True)
        self.keep("user", sent)

    async def commit(self) -> None:
        await self.send({"type": "input_audio_buffer.commit"})

    async def receive(self, received: Received) -> None:
        while True:
            self.receive_message(await self.websocket.recv(decode=False), received)

    def receive_message(self, message: bytes, received: Received) -> None:
        if b"output_audio.delta" in message:
            delta = message[message.find(DELTA_KEY) + len(DELTA_KEY) : -DELTA_END_BYTES]
            pcm = pybase64.b64decode(delta, validate=True)
            self.keep("assistant", pcm)
            received.on_audio(pcm)
            return
        event = msgspec.json.decode(message)
        match event["type"]:
            case "response.output_audio_transcript.delta":
                self.lines.append(message)
                received.on_transcript(event["delta"])
            case "input_audio_buffer.speech_started":
                received.on_speech_started()
            case "input_audio_buffer.committed":
                received.on_committed(event["item_id"])
            case "response.done":
                received.on_response_done()

    def keep(self, role: str, pcm: bytes) -> None:
        audio = self.audio[role]
        line = b'{"at_s":%f,"of":"%s","at":%d}\n'
        self.lines.append(line % (time.monotonic(), role.encode(), len(audio)))
        audio += pcm

    def write(self, folder: Path) -> None:
        for role, audio in self.audio.items():
            (folder / role).write_bytes(audio)
        (folder / "lines").write_bytes(b"".join(self.lines))


@asynccontextmanager
async def connected(url: str, _: Job) -> AsyncIterator[Floor]:
    with tempfile.TemporaryDirectory() as folder:
        async with connect(url, compression=None, proxy=None, max_size=None) as websocket:
            floor = Floor(websocket)
            yield floor
        floor.write(Path(folder))


if __name__ == "__main__":
    asyncio.run(jobs.run(connected))
