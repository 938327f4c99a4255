"""The far end of the wire benchmark: frames made beforehand, so that only clients cost.

A client's path names its job: ``/v1/realtime?job=down`` and so on. What is asked for with
``response.create`` is sent; what was appended is counted when it is committed, and the count
comes back as the name of the committed item.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
import sys
from urllib.parse import parse_qs, urlsplit

import numpy as np
from websockets.frames import Frame, Opcode
from websockets.utils import accept_key, apply_mask
from wire_jobs import CHUNK_SAMPLES, DELTA_SAMPLES, DELTAS, DELTAS_PER_S, DELTAS_PER_WORD, WORD

NAMES = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}


def frame(wire_type: str, **fields: object) -> bytes:
    """One WebSocket frame as a server puts it on the wire."""
    message = {"event_id": "event_1", "type": wire_type, **fields}
    return Frame(Opcode.TEXT, json.dumps(message).encode()).serialize(mask=False)


def sound_frame(at: int) -> bytes:
    noise = np.random.default_rng(at).normal(0, 3000, DELTA_SAMPLES).astype("<i2")
    audio = base64.b64encode(noise.tobytes()).decode()
    return frame("response.output_audio.delta", **NAMES, delta=audio)


RESPONSE = {
    "id": "resp_1", "object": "realtime.response", "status": "in_progress", "output": [],
}  # fmt: skip
ITEM = {
    "id": "item_1", "object": "realtime.item", "type": "message", "role": "assistant",
    "status": "in_progress", "content": [],
}  # fmt: skip
BEGIN = [
    frame("response.created", response=RESPONSE),
    frame("response.output_item.added", response_id="resp_1", output_index=0, item=ITEM),
]
SOUNDS = [sound_frame(at) for at in range(32)]
SAID = frame("response.output_audio_transcript.delta", **NAMES, delta=WORD)
SPEECH = frame("input_audio_buffer.speech_started", item_id="item_2", audio_start_ms=0)
END = [frame("response.done", response={**RESPONSE, "status": "completed"})]
UPDATED = frame("session.updated", session={"id": "sess_1", "type": "realtime"})


def deltas(count: int) -> list[bytes]:
    """`count` pieces of sound, each with the word that came with it, if any."""
    return [
        SOUNDS[at % len(SOUNDS)] + (SAID if at % DELTAS_PER_WORD == 0 else b"")
        for at in range(count)
    ]


PIECES = {job: deltas(count) for job, count in DELTAS.items()}
BURSTS = {
    "down": b"".join([*BEGIN, *PIECES["down"], *END]),
    "barge_in": b"".join([*BEGIN, *PIECES["barge_in"], SPEECH, *END]),
}


def sample_count(appends: list[bytes]) -> int:
    audio = (base64.b64decode(json.loads(each)["audio"], validate=True) for each in appends)
    return sum(map(len, audio)) // 2


async def stay_awake() -> None:
    """Who sends to a process that sleeps pays for waking it: a system call of several times the
    length, which a quick client would cause less often than a slow one.
    """
    while True:  # noqa: ASYNC110  (there is nothing to wait for)
        await asyncio.sleep(0)


class Line(asyncio.Protocol):
    """One client. What is long is sound and only kept, to be looked at when all is there."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.received = bytearray()
        self.appends: list[tuple[bytes, bytes]] = []
        self.job = ""
        self.replying: asyncio.Task[None] | None = None
        self.waking: asyncio.Task[None] | None = None

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.job:
            self.shake_hands()
            return
        at = 0
        while (end := self.frame_end(at)) is not None:
            self.take(at, end)
            at = end
        del self.received[:at]

    def shake_hands(self) -> None:
        if b"\r\n\r\n" not in self.received:
            return
        path = self.received.split(b" ", 2)[1].decode()
        key = re.search(rb"(?i)sec-websocket-key: *(\S+)", self.received)[1].decode()
        self.job = parse_qs(urlsplit(path).query)["job"][0]
        self.received.clear()
        if self.job == "up":
            self.waking = asyncio.ensure_future(stay_awake())
        head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade"
        accept = f"{head}\r\nSec-WebSocket-Accept: {accept_key(key)}\r\n\r\n"
        self.transport.write(accept.encode())

    def connection_lost(self, _: Exception | None) -> None:
        if self.waking is not None:
            self.waking.cancel()

    def frame_end(self, at: int) -> int | None:
        """Where the frame that begins at `at` ends; None while it is not all there."""
        if len(self.received) < at + 8:
            return None
        length = self.received[at + 1] & 0x7F
        assert length < 127, "no client here sends 64 KiB at once"
        if length == 126:
            length = int.from_bytes(self.received[at + 2 : at + 4]) + 2
        end = at + 6 + length
        return end if end <= len(self.received) else None

    def take(self, at: int, end: int) -> None:
        opcode, is_long = self.received[at] & 0x0F, self.received[at + 1] & 0x7F == 126
        mask_at = at + (4 if is_long else 2)
        mask = bytes(self.received[mask_at : mask_at + 4])
        payload = bytes(self.received[mask_at + 4 : end])
        if opcode == Opcode.CLOSE:
            close = Frame(Opcode.CLOSE, apply_mask(payload, mask)).serialize(mask=False)
            self.transport.write(close)
            self.transport.close()
        elif len(payload) > CHUNK_SAMPLES:
            self.appends.append((payload, mask))
        else:
            self.answer(apply_mask(payload, mask))

    def answer(self, message: bytes) -> None:
        match json.loads(message or b"{}").get("type"):
            case "response.create":
                self.replying = asyncio.ensure_future(self.reply())
            case "input_audio_buffer.commit":
                name = f"samples_{sample_count([apply_mask(*each) for each in self.appends])}"
                self.transport.write(frame("input_audio_buffer.committed", item_id=name))
            case "session.update":
                self.transport.write(UPDATED)

    async def reply(self) -> None:
        if self.job in BURSTS:
            self.transport.write(BURSTS[self.job])
            return
        clock = asyncio.get_running_loop().time
        self.transport.write(b"".join(BEGIN))
        began_s = clock()
        for at, piece in enumerate(PIECES[self.job]):
            await asyncio.sleep(began_s + at / DELTAS_PER_S - clock())
            self.transport.write(piece)
        self.transport.write(b"".join(END))


def listener() -> socket.socket:
    """A socket on loopback with segments as on an Ethernet. With its own of 64 KiB, a client
    that holds the line back for a moment waits for a timer of 40 ms.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1448)
    return listening


async def main() -> None:
    listening = listener()
    server = await asyncio.get_running_loop().create_server(Line, sock=listening)
    async with server:
        print(listening.getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
