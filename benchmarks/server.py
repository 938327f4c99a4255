"""The server of the connection benchmark: it sends frames made beforehand, so that the figures
are those of the clients.

A client's model names its job: ``/v1/realtime?model=burst_down`` and so on. `response.create`
makes the server send the job's deltas. `input_audio_buffer.commit` makes it count the samples
appended so far, and the committed item is named after that count.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import socket
import sys
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from websockets.frames import Frame, Opcode
from websockets.utils import accept_key, apply_mask

from benchmarks.jobs import (
    AUDIO_DELTAS_PER_TRANSCRIPT_DELTA,
    DELTA_SAMPLES,
    JOBS,
    TRANSCRIPT_DELTA,
    Job,
)

IDS = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}
RESPONSE = {"id": "resp_1", "object": "realtime.response", "output": []}
ITEM = {"object": "realtime.item", "type": "message", "content": []}


def frame(message_type: str, **fields: object) -> bytes:
    """One WebSocket frame with a message of the server."""
    message = {"event_id": "event_1", "type": message_type, **fields}
    return Frame(Opcode.TEXT, json.dumps(message).encode()).serialize(mask=False)


def audio_delta(seed: int) -> bytes:
    noise = np.random.default_rng(seed).normal(0, 3000, DELTA_SAMPLES).astype("<i2")
    audio = base64.b64encode(noise.tobytes()).decode()
    return frame("response.output_audio.delta", **IDS, delta=audio)


# pipecat configures its session when it is told of the conversation.
CONVERSATION_CREATED = frame(
    "conversation.created", conversation={"id": "conv_1", "object": "realtime.conversation"}
)
SESSION_UPDATED = frame("session.updated", session={"id": "sess_1", "type": "realtime"})
AUDIO_DELTAS = [audio_delta(seed) for seed in range(32)]
TRANSCRIPT_DELTA_FRAME = frame(
    "response.output_audio_transcript.delta", **IDS, delta=TRANSCRIPT_DELTA
)
SPEECH_STARTED = frame("input_audio_buffer.speech_started", item_id="item_2", audio_start_ms=0)
RESPONSE_DONE = frame("response.done", response={**RESPONSE, "status": "completed"})


def response_start(metadata: object) -> bytes:
    """livekit recognizes its response by the metadata that it sent with the request."""
    response = {**RESPONSE, "status": "in_progress", "metadata": metadata}
    item = {**ITEM, "id": "item_1", "role": "assistant", "status": "in_progress"}
    added = frame("response.output_item.added", response_id="resp_1", output_index=0, item=item)
    return frame("response.created", response=response) + added


def deltas(job: Job) -> list[bytes]:
    """The job's audio deltas, each with the transcript delta that follows it, if any."""
    return [
        AUDIO_DELTAS[index % len(AUDIO_DELTAS)]
        + (TRANSCRIPT_DELTA_FRAME if index % AUDIO_DELTAS_PER_TRANSCRIPT_DELTA == 0 else b"")
        for index in range(job.delta_count)
    ]


def response_end(job: Job) -> bytes:
    return (SPEECH_STARTED if job.has_speech_started else b"") + RESPONSE_DONE


DELTAS = {name: deltas(job) for name, job in JOBS.items()}
BURSTS = {
    name: b"".join(DELTAS[name]) + response_end(job)
    for name, job in JOBS.items()
    if not job.is_paced
}


def committed(appends: list[bytes]) -> bytes:
    """The confirmation of a commit, as two messages: some clients pass on only the second."""
    audio = (base64.b64decode(json.loads(each)["audio"], validate=True) for each in appends)
    item_id = f"samples_{sum(map(len, audio)) // 2}"
    item = {**ITEM, "id": item_id, "role": "user", "status": "completed"}
    return frame("input_audio_buffer.committed", item_id=item_id) + frame(
        "conversation.item.added", item=item
    )


async def stay_awake() -> None:
    """Keep this process from sleeping.

    Sending to a process that sleeps includes waking it, which makes the system call several times
    as long, and a fast client would cause that less often than a slow one.
    """
    while True:  # noqa: ASYNC110  (there is nothing to wait for)
        await asyncio.sleep(0)


class ServerConnection(asyncio.Protocol):
    """The connection of one client. Appended audio is only stored until it is committed."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport
        self.received = bytearray()
        self.appends: list[bytes] = []
        self.job_name = ""
        self.responding: asyncio.Task[None] | None = None
        self.staying_awake: asyncio.Task[None] | None = None

    def connection_lost(self, _: Exception | None) -> None:
        for task in (self.responding, self.staying_awake):
            if task is not None:
                task.cancel()

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.job_name:
            self.accept_handshake()
            return
        start = 0
        while (end := self.frame_end(start)) is not None:
            self.receive_frame(start, end)
            start = end
        del self.received[:start]

    def accept_handshake(self) -> None:
        if b"\r\n\r\n" not in self.received:
            return
        path = self.received.split(b" ", 2)[1].decode()
        key = re.search(rb"(?i)sec-websocket-key: *(\S+)", self.received)[1].decode()
        self.job_name = parse_qs(urlsplit(path).query)["model"][0]
        self.received.clear()
        if self.job_name == "burst_up":
            self.staying_awake = asyncio.ensure_future(stay_awake())
        head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade"
        accept = f"{head}\r\nSec-WebSocket-Accept: {accept_key(key)}\r\n\r\n"
        self.transport.write(accept.encode() + CONVERSATION_CREATED)

    def frame_end(self, start: int) -> int | None:
        """The end of the frame that begins at `start`; None while it is not complete."""
        if len(self.received) < start + 8:
            return None
        length = self.received[start + 1] & 0x7F
        assert length < 127, "no client sends 64 KiB in one frame"
        if length == 126:
            length = int.from_bytes(self.received[start + 2 : start + 4]) + 2
        end = start + 6 + length
        return end if end <= len(self.received) else None

    def receive_frame(self, start: int, end: int) -> None:
        opcode = self.received[start] & 0x0F
        mask_start = start + (4 if self.received[start + 1] & 0x7F == 126 else 2)
        payload_start = mask_start + 4
        mask = bytes(self.received[mask_start:payload_start])
        payload = apply_mask(bytes(self.received[payload_start:end]), mask)
        if opcode == Opcode.CLOSE:
            self.transport.write(Frame(Opcode.CLOSE, payload).serialize(mask=False))
            self.transport.close()
        elif opcode == Opcode.PING:
            self.transport.write(Frame(Opcode.PONG, payload).serialize(mask=False))
        elif b'"input_audio_buffer.append"' in payload:
            self.appends.append(payload)
        elif opcode == Opcode.TEXT:
            self.receive_message(json.loads(payload))

    def receive_message(self, message: dict[str, Any]) -> None:
        match message["type"]:
            # As with the service, one response at a time: pipecat requests one with each commit.
            case "response.create" if self.responding is None:
                metadata = (message.get("response") or {}).get("metadata")
                self.responding = asyncio.ensure_future(self.respond(metadata))
            case "input_audio_buffer.commit":
                self.transport.write(committed(self.appends))
            case "session.update":
                self.transport.write(SESSION_UPDATED)

    async def respond(self, metadata: object) -> None:
        self.transport.write(response_start(metadata))
        if self.job_name in BURSTS:
            self.transport.write(BURSTS[self.job_name])
            return
        job = JOBS[self.job_name]
        clock = asyncio.get_running_loop().time
        began_s = clock()
        for index, delta in enumerate(DELTAS[self.job_name]):
            await asyncio.sleep(began_s + index / job.deltas_per_s - clock())
            self.transport.write(delta)
        self.transport.write(response_end(job))


def listening_socket() -> socket.socket:
    """A socket on loopback with the segment size of an Ethernet.

    With loopback's own segments of 64 KiB, a client that pauses reading for a moment waits for a
    timer of 40 ms.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1448)
    return listening


async def main() -> None:
    listening = listening_socket()
    loop = asyncio.get_running_loop()
    async with await loop.create_server(ServerConnection, sock=listening):
        print(listening.getsockname()[1], flush=True)
        # Serves until the benchmark closes our standard input.
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
