"""A client of the rehearsal server on a real socket, and speech made when it is needed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import numpy as np
import pytest
from websockets.asyncio.client import connect

from grok_live_widget.audio.g711 import codec_of
from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    AudioFormat,
    Authenticate,
    CreateItem,
    CreateResponse,
    Item,
    PushToTalk,
    ResponseDone,
    ServerVad,
    SessionUpdated,
    UpdateSession,
)
from grok_live_widget.protocol.dialects import DIALECTS
from grok_live_widget.rehearsal import RehearsalServer

from ..support.waiting import PATIENCE_S

E = TypeVar("E")

CHUNK_SAMPLES = 2_400


class Client:
    """A client: sends events and keeps the events received, in order.

    Audio is PCM16 at the rate of its direction, in any format of the connection.
    """

    def __init__(self, socket: Any, dialect: Any) -> None:
        self.socket = socket
        self.received: list[Any] = []
        self.opening: list[Any] = []
        self.input_format = self.output_format = AudioFormat()
        self._dialect = dialect

    async def send(self, *events: Any) -> None:
        codec = codec_of(self.input_format.encoding)
        for event in events:
            if isinstance(event, AppendAudio) and self.input_format.transport == "binary":
                await self.socket.send(codec.encode(event.pcm))
            else:
                await self.socket.send(self._dialect.encode(event, codec=codec), text=True)

    async def send_raw(self, text: str) -> None:
        await self.socket.send(text)

    async def receive(self) -> Any:
        """The next event."""
        message = await asyncio.wait_for(self.socket.recv(), PATIENCE_S)
        codec = codec_of(self.output_format.encoding)
        if isinstance(message, bytes):
            assert self.output_format.transport == "binary"
            self.received.append(AudioDelta(pcm=codec.decode(message)[0]))
        else:
            self.received.append(self._dialect.decode_server(message.encode(), codec))
        return self.received[-1]

    async def until(self, kind: type[E]) -> E:
        """The next event of this class."""
        while not isinstance(event := await self.receive(), kind):
            pass
        return event

    async def send_audio(self, pcm: np.ndarray, chunk_samples: int = CHUNK_SAMPLES) -> None:
        for start in range(0, pcm.size, chunk_samples):
            await self.send(AppendAudio(pcm[start : start + chunk_samples].tobytes()))

    async def type_text(self, text: str, **response: Any) -> None:
        item = Item(role="user", part="input_text", text=text)
        await self.send(CreateItem(item), CreateResponse(**response))

    async def ask(self, text: str) -> ResponseDone:
        await self.type_text(text)
        return await self.until(ResponseDone)

    def all(self, kind: type[E]) -> list[E]:
        return [event for event in self.received if isinstance(event, kind)]

    def kinds(self) -> list[str]:
        """Names of the events received, without repetitions in a row and pings."""
        names = [
            type(event).__name__ for event in self.received if type(event).__name__ != "Pinged"
        ]
        return [name for name, before in zip(names, ["", *names], strict=False) if name != before]

    def audio(self, response_id: str | None = None) -> np.ndarray:
        deltas = self.all(AudioDelta)
        pieces = [d.pcm for d in deltas if response_id in (None, d.response_id)]
        return np.frombuffer(b"".join(pieces), "<i2")

    def forget(self) -> None:
        self.received.clear()


@asynccontextmanager
async def client_of(
    server: RehearsalServer,
    dialect: str = "realtime",
    *,
    detection: ServerVad | PushToTalk | None = None,
    key: str = "any-key",
    query: str = "",
    **settings: Any,
) -> AsyncIterator[Client]:
    """Connect and settle the session."""
    wanted = UpdateSession(turn_detection=detection or PushToTalk(), **settings)
    headers = {"Authorization": f"Bearer {key}"} if dialect == "realtime" else {}
    url = server.url(dialect) + query
    async with connect(
        url, additional_headers=headers, compression=None, max_queue=None, proxy=None
    ) as socket:
        client = Client(socket, DIALECTS[dialect])
        client.input_format = settings.get("input_format", client.input_format)
        client.output_format = settings.get("output_format", client.output_format)
        if dialect == "live":
            await client.send(Authenticate(key))
        await client.send(wanted)
        if dialect == "realtime":
            await client.until(SessionUpdated)
            client.opening = client.received[:]
            client.forget()
        yield client


@pytest.fixture
def connected() -> Callable[..., Any]:
    """`async with connected(server, dialect, detection=...) as client`."""
    return client_of


@pytest.fixture
def serving() -> Iterator[Callable[..., RehearsalServer]]:
    """Start servers that are closed after the test; as fast as can be unless said."""
    servers = []

    def start(partner: Any = "parrot", **settings: Any) -> RehearsalServer:
        server = RehearsalServer(partner, **{"speed": float("inf"), "words": False, **settings})
        servers.append(server)
        return server.start()

    yield start
    for server in servers:
        server.close()


class Hesitant:
    """Gives speech back, and to text says half of `sound`, and the rest when it is let."""

    def __init__(self, sound: np.ndarray) -> None:
        self._sound, self._may_go_on = sound, threading.Event()

    def __call__(self, turn: Any) -> Iterator[np.ndarray]:
        if turn.pcm.size:
            yield turn.pcm
            return
        first, rest = np.array_split(self._sound, 2)
        yield first
        assert self._may_go_on.wait(PATIENCE_S)
        yield rest

    def go_on(self) -> None:
        self._may_go_on.set()


@pytest.fixture
def hesitant() -> type[Hesitant]:
    """A partner whose reply lasts until `go_on`."""
    return Hesitant


# --------------------------------------------------------------------------- sound
@pytest.fixture(scope="session")
def utterance(speech: Any, silence: Any) -> np.ndarray:
    """Silence, one sentence, and silence enough to end a turn; int16 at 24 kHz."""
    sentence = speech("Hello there, please count to five.")
    return np.concatenate((silence(0.7), sentence, silence(1.0)))
