"""The least that keeping a talk can cost in Python: bare, with its sound cut out of the frames.

The same `websockets`, no typed events, no state, no settings, nothing checked. Sound is kept in
memory and goes into a file, and each message leaves a line of text, by the shortest way.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import orjson
import pybase64
import wire_jobs
from websockets.asyncio.client import ClientConnection, connect
from wire_jobs import Tally

APPEND = b'{"type":"input_audio_buffer.append","audio":"'
DELTA = b'"delta": "'


class Floor:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.sound = {"user": bytearray(), "assistant": bytearray()}
        self.lines: list[bytes] = []

    def keep(self, side: str, pcm: bytes) -> None:
        sound = self.sound[side]
        self.lines.append(b'{"at_s":%f,"of":"%s","at":%d}\n' % (
            time.monotonic(), side.encode(), len(sound)
        ))  # fmt: skip
        sound += pcm

    def write(self, folder: Path) -> None:
        for side, sound in self.sound.items():
            (folder / side).write_bytes(sound)
        (folder / "lines").write_bytes(b"".join(self.lines))

    async def ask(self) -> None:
        await self.socket.send(orjson.dumps({"type": "response.create"}), text=True)

    async def send(self, pcm: np.ndarray) -> None:
        sound = pcm.tobytes()
        await self.socket.send(APPEND + pybase64.b64encode(sound) + b'"}', text=True)
        self.keep("user", sound)

    async def commit(self) -> None:
        await self.socket.send(orjson.dumps({"type": "input_audio_buffer.commit"}), text=True)

    async def listen(self, tally: Tally) -> None:
        while True:
            frame = await self.socket.recv(decode=False)
            if b"output_audio.delta" in frame:
                pcm = pybase64.b64decode(frame[frame.find(DELTA) + len(DELTA) : -2], validate=True)
                self.keep("assistant", pcm)
                tally.sound(pcm)
                continue
            message = orjson.loads(frame)
            match message["type"]:
                case "response.output_audio_transcript.delta":
                    self.lines.append(frame)
                    tally.word(message["delta"])
                case "input_audio_buffer.speech_started":
                    tally.speech_started()
                case "input_audio_buffer.committed":
                    tally.committed(message["item_id"])
                case "response.done":
                    tally.done()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Floor]:
    with tempfile.TemporaryDirectory() as folder:
        async with connect(url, compression=None, proxy=None, max_size=None) as socket:
            floor = Floor(socket)
            yield floor
        floor.write(Path(folder))


if __name__ == "__main__":
    asyncio.run(wire_jobs.run(connected))
