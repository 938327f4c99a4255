"""A plain client of a server with faults, and the messages of a complete response."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import numpy as np
import pybase64
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from grok_live_widget.events import (
    AppendAudio,
    Authenticate,
    CreateItem,
    CreateResponse,
    Item,
    PushToTalk,
    UpdateSession,
)
from grok_live_widget.protocol.dialects import DIALECTS
from grok_live_widget.rehearsal import RehearsalServer
from grok_live_widget.rehearsal.tts import Spoken

from ...support.waiting import PATIENCE_S

PIECE = 3_600
WORDS = ("one ", "two ", "three ", "four")
SOUND = "response.output_audio.delta"
WORDS_SENT = "response.output_audio_transcript.delta"
DONE = "response.done"
EVERYWHERE = [
    "session.created",
    "session.updated",
    "conversation.item.added",
    "response.created",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_audio.delta",
    "response.output_audio_transcript.delta",
    "response.output_audio_transcript.done",
    "response.output_audio.done",
    "response.output_item.done",
    "response.done",
]


def sound_of(number: int) -> np.ndarray:
    return np.full(PIECE, 1000 * number, np.int16)


def counting(turn: Any) -> Any:
    """Four words, each of which is a piece of its own."""
    for number, word in enumerate(WORDS, 1):
        yield Spoken(sound_of(number), word)


class FrameClient:
    """A plain client: keeps the frames as received."""

    def __init__(self, socket: Any, dialect: str) -> None:
        self.socket, self._dialect = socket, DIALECTS[dialect]
        self.frames: list[str | bytes] = []
        self.closed: ConnectionClosed | None = None

    async def send(self, *events: Any) -> None:
        for event in events:
            await self.socket.send(self._dialect.encode(event), text=True)

    async def type_text(self, text: str = "count") -> None:
        item = Item(role="user", part="input_text", text=text)
        await self.send(CreateItem(item), CreateResponse())

    async def send_audio(self, pcm: np.ndarray) -> None:
        for start in range(0, pcm.size, 2_400):
            await self.send(AppendAudio(pcm[start : start + 2_400].tobytes()))

    async def hear(self) -> str | bytes | None:
        """The next frame; None when the connection has closed."""
        try:
            self.frames.append(await self.socket.recv())
        except ConnectionClosed as closed:
            self.closed = closed
            return None
        return self.frames[-1]

    async def until(self, wire_type: str, count: int = 1) -> None:
        """Receive up to the next of this type, or until the connection closes."""
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(count):
                while (frame := await self.hear()) is not None and type_of(frame) != wire_type:
                    pass

    async def receives_nothing(self) -> bool:
        """Whether all that the server has done so far has brought nothing."""
        await asyncio.wait_for(await self.socket.ping(), PATIENCE_S)
        try:
            await asyncio.wait_for(self.socket.recv(), 0.05)
        except TimeoutError:
            return True
        return False

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [m for m in map(message_of, self.frames) if m.get("type") != "ping"]

    @property
    def types(self) -> list[str]:
        return [message.get("type", "?") for message in self.messages]

    def audio(self) -> bytes:
        return b"".join(pybase64.b64decode(m["delta"]) for m in self.of(SOUND))

    def of(self, wire_type: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message.get("type") == wire_type]


def message_of(frame: str | bytes) -> dict[str, Any]:
    try:
        message = json.loads(frame)
    except ValueError:
        return {}
    if not isinstance(message, dict):
        return {}
    # `live` has shorter names.
    name = str(message.get("type", "")).replace("response.audio", "response.output_audio")
    return {**message, "type": name}


def type_of(frame: str | bytes) -> str:
    return str(message_of(frame).get("type", ""))


@asynccontextmanager
async def connect_to(
    server: RehearsalServer, dialect: str = "realtime", detection: Any = PushToTalk()
) -> AsyncIterator[FrameClient]:
    async with connect(
        server.url(dialect),
        additional_headers={"Authorization": "Bearer any"},
        compression=None,
        proxy=None,
        max_queue=None,
    ) as socket:
        client = FrameClient(socket, dialect)
        with suppress(ConnectionClosed):
            if dialect == "live":
                await client.send(Authenticate("any"))
            await client.send(UpdateSession(turn_detection=detection))
        yield client


async def answers_normally(server: RehearsalServer, dialect: str = "realtime") -> bool:
    """Whether a new connection brings a complete response."""
    async with connect_to(server, dialect) as client:
        await client.type_text()
        await client.until(SOUND, 4)
        return client.audio() == b"".join(sound_of(n).tobytes() for n in (1, 2, 3, 4))
