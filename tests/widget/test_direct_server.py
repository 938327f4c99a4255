"""The direct channel: messages both ways, and every attempt of a stranger to use it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from grok_live_widget.widget import direct_server
from grok_live_widget.widget.direct_server import BAD_TOKEN, KERNEL_GONE, REPLACED, DirectServer
from grok_live_widget.widget.invitations import MOST_FAILURES, MOST_PENDING, PATH, Invitation
from grok_live_widget.widget.messages import (
    AnyPageMessage,
    Audio,
    Microphone,
    MicrophoneReceived,
    Playhead,
)
from grok_live_widget.widget.sound_frames import MOST_BYTES, unpack

from ..support.waiting import wait_until_async

ORIGIN = "http://localhost:8888"


class Listener:
    def __init__(self) -> None:
        self.pages: list[str] = []
        self.received: list[tuple[AnyPageMessage, bytes | None]] = []

    def on_direct(self, page: str) -> None:
        self.pages.append(page)

    def on_direct_message(
        self, message: AnyPageMessage, buffer: bytes | None, arrived_s: float
    ) -> None:
        assert arrived_s > 0
        self.received.append((message, buffer))


@pytest.fixture
def listener() -> Listener:
    return Listener()


CLIENTS: list[ClientConnection] = []


@pytest.fixture
async def server(listener: Listener) -> AsyncIterator[DirectServer]:
    made = DirectServer(listener)
    await made.start()
    yield made
    for client in CLIENTS:
        client.transport.abort()
        await client.wait_closed()
    CLIENTS.clear()
    await made.close()


def frame_of(content: Any, sound: bytes = b"") -> bytes:
    """A frame as a page makes it."""
    text = json.dumps(content).encode()
    text += b" " * (len(text) % 2)
    return len(text).to_bytes(4, "little") + text + sound


def chunk(page: str = "a", seq: int = 0, **more: Any) -> dict[str, Any]:
    fields = {"sample_index": 480 * seq, "captured_at_ms": 20.0 * seq, "dropped_sample_count": 0}
    return {"type": "microphone", "page": page, "session": 1, "seq": seq, **fields, **more}


async def handshake(
    server: DirectServer,
    *,
    origin: str | None = ORIGIN,
    path: str = PATH,
    host: str | None = None,
    more: dict[str, str] | None = None,
) -> ClientConnection:
    """A client that may say what it is."""
    name = host or f"127.0.0.1:{server.port}"
    client = await connect(
        f"ws://{name}{path}",
        origin=origin,  # type: ignore[arg-type]
        host="127.0.0.1",
        port=server.port,
        additional_headers=more,
        proxy=None,
        compression=None,
    )
    CLIENTS.append(client)
    return client


async def opened(server: DirectServer, page: str = "a") -> tuple[ClientConnection, Invitation]:
    """A page that was invited, has shown its token, and was shown the proof."""
    invitation = server.invite(page, ORIGIN)
    client = await handshake(server)
    await client.send(invitation.token)
    assert await client.recv() == invitation.proof
    return client, invitation


async def close_code(client: ClientConnection) -> int | None:
    async with asyncio.timeout(10):
        await client.wait_closed()
    return client.close_code


# --------------------------------------------------------------------------- messages
async def test_what_a_page_sends_arrives_in_order_with_its_sound(
    server: DirectServer, listener: Listener
) -> None:
    client, _ = await opened(server)
    for seq in range(3):
        await client.send(frame_of(chunk(seq=seq), bytes([seq, 0])))
    await wait_until_async(lambda: len(listener.received) == 3, what="the chunks")
    messages = [message for message, _ in listener.received]
    assert all(isinstance(message, Microphone) for message in messages)
    assert [sound for _, sound in listener.received] == [b"\0\0", b"\1\0", b"\2\0"]
    assert listener.pages == ["a"] == [server.page]


async def test_what_a_chunk_carries_arrives_before_it_and_has_no_sound(
    server: DirectServer, listener: Listener
) -> None:
    client, _ = await opened(server)
    playhead = {"type": "playhead", "page": "a", "session": 1, "epoch": 0, "reply": 1}
    playhead |= {"sample_count": 5, "is_final": False}
    await client.send(frame_of(chunk(earlier=[playhead]), b"\1\0"))
    await wait_until_async(lambda: len(listener.received) == 2, what="both")
    (first, no_sound), (second, sound) = listener.received
    assert (type(first), no_sound) == (Playhead, None)
    assert (type(second), sound) == (Microphone, b"\1\0")


async def test_what_is_sent_to_the_page_arrives_with_its_sound(server: DirectServer) -> None:
    assert not server.send(MicrophoneReceived(session=1, seq=0)), "no page is connected"
    client, _ = await opened(server)
    audio = Audio(session=1, epoch=0, seq=0, reply=1, sample_offset=0, is_last=True)
    assert server.send(audio, b"\1\0\2\0")
    frame = await client.recv()
    assert isinstance(frame, bytes)
    found = unpack(frame)
    assert found is not None
    assert (found[0]["type"], found[0]["is_last"], found[1]) == ("audio", True, b"\1\0\2\0")


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff\xff\xff\xff",
        "text after the token",
        frame_of({"type": "unknown", "page": "a"}),
        frame_of([1]),
        frame_of(chunk(page="another page")),
    ],
)
async def test_what_is_no_message_of_this_page_is_ignored(
    server: DirectServer, listener: Listener, frame: bytes | str
) -> None:
    client, _ = await opened(server)
    await client.send(frame)
    await client.send(frame_of(chunk(seq=7), b"\1\0"))
    await wait_until_async(lambda: bool(listener.received), what="the chunk")
    [(message, _)] = listener.received
    assert isinstance(message, Microphone)
    assert message.seq == 7


async def test_the_listener_learns_when_the_page_is_gone(
    server: DirectServer, listener: Listener
) -> None:
    client, _ = await opened(server)
    client.transport.abort()
    await wait_until_async(lambda: listener.pages == ["a", ""], what="the end")
    assert server.page == ""
    assert not server.send(MicrophoneReceived(session=1, seq=0))


async def test_a_page_that_reads_nothing_is_disconnected_instead_of_taking_memory(
    server: DirectServer, listener: Listener
) -> None:
    client, _ = await opened(server)
    client.transport.pause_reading()
    audio = Audio(session=1, epoch=0, seq=0, reply=1, sample_offset=0, is_last=False)
    sent = 0
    while server.send(audio, bytes(100_000)):
        sent += 1
        assert sent < 1000
        await asyncio.sleep(0)
    await wait_until_async(lambda: listener.pages == ["a", ""], what="the end")


async def test_the_page_is_told_at_once_that_the_kernel_is_gone(server: DirectServer) -> None:
    server.tell_kernel_gone()
    client, _ = await opened(server)
    await wait_until_async(lambda: server.page == "a")
    server.tell_kernel_gone()
    server.tell_kernel_gone()
    await client.wait_closed()
    assert client.close_code == KERNEL_GONE
    await wait_until_async(lambda: server.page == "")


async def test_a_closed_server_starts_again_at_another_time(server: DirectServer) -> None:
    await server.close()
    assert server.port == 0
    await server.close()
    await server.start()
    client, _ = await opened(server)
    await client.close()


# --------------------------------------------------------------------------- strangers
@pytest.mark.parametrize(
    "changed",
    [
        {"origin": None},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:8888"},
        {"path": "/"},
        {"path": f"{PATH}?token=guessed"},
        {"host": "evil.example"},
        {"more": {"Origin": "http://evil.example"}},
    ],
    ids=str,
)
async def test_a_handshake_that_is_not_the_page_s_is_refused_and_uses_nothing_up(
    server: DirectServer, changed: dict[str, Any]
) -> None:
    invitation = server.invite("a", ORIGIN)
    with pytest.raises(InvalidStatus) as refused:
        await handshake(server, **changed)
    assert refused.value.response.status_code == 403
    client = await handshake(server)
    await client.send(invitation.token)
    assert await client.recv() == invitation.proof
    await client.close()


async def test_without_an_invitation_there_is_no_handshake(server: DirectServer) -> None:
    with pytest.raises(InvalidStatus):
        await handshake(server)


async def test_a_token_is_good_once(server: DirectServer) -> None:
    client, invitation = await opened(server)
    with pytest.raises(InvalidStatus):
        await handshake(server)
    server.invite("b", ORIGIN)
    replay = await handshake(server)
    await replay.send(invitation.token)
    assert await close_code(replay) == BAD_TOKEN
    assert server.page == "a"
    await client.close()


@pytest.mark.parametrize("token", ["", "guessed", b"\0" * 43])
async def test_wrong_tokens_are_told_nothing_and_lock_the_channel(
    server: DirectServer, listener: Listener, token: str | bytes
) -> None:
    for _ in range(MOST_FAILURES):
        server.invite("a", ORIGIN)
        client = await handshake(server)
        await client.send(token)
        assert await close_code(client) == BAD_TOKEN
    assert server.is_locked
    server.invite("a", ORIGIN)
    with pytest.raises(InvalidStatus):
        await handshake(server)
    assert (listener.pages, listener.received) == ([], [])


async def test_a_client_that_shows_no_token_in_time_is_disconnected(
    server: DirectServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct_server, "TOKEN_WITHIN_S", 0.05)
    server.invite("a", ORIGIN)
    client = await handshake(server)
    assert await close_code(client) == BAD_TOKEN
    assert not server.is_locked, "it was not a wrong token"


async def test_few_clients_may_wait_with_their_token(server: DirectServer) -> None:
    server.invite("a", ORIGIN)
    waiting = [await handshake(server) for _ in range(MOST_PENDING)]
    with pytest.raises(InvalidStatus):
        await handshake(server)
    await waiting[0].close()
    client, _ = await opened(server)
    await client.close()


async def test_idle_sockets_keep_no_page_out(server: DirectServer) -> None:
    idle = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]
    client, _ = await opened(server)
    await client.close()
    for each in idle:
        each.close()


async def test_a_frame_beyond_any_use_closes_the_connection(
    server: DirectServer, listener: Listener
) -> None:
    client, _ = await opened(server)
    with contextlib.suppress(ConnectionClosed):
        await client.send(bytes(MOST_BYTES + 1))
    assert await close_code(client) == 1009
    assert listener.received == []


async def test_the_newest_page_replaces_the_one_before(
    server: DirectServer, listener: Listener
) -> None:
    first, _ = await opened(server)
    second, _ = await opened(server, "b")
    assert await close_code(first) == REPLACED
    assert (server.page, listener.pages) == ("b", ["a", "b"])
    await second.send(frame_of(chunk(page="b"), b"\1\0"))
    await wait_until_async(lambda: bool(listener.received), what="the chunk")


async def test_what_is_no_websocket_is_answered_with_an_error_and_told_nothing(
    server: DirectServer, capfd: pytest.CaptureFixture[str]
) -> None:
    server.invite("a", ORIGIN)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\nOrigin: a\r\nOrigin: b\r\n\r\n")
    answer = (await reader.read()).decode()
    assert answer.startswith("HTTP/1.1 4")
    assert "grok" not in answer.lower()
    writer.close()
    with pytest.raises((InvalidHandshake, OSError)):
        await connect(f"ws://127.0.0.1:{server.port}/x" + "y" * 10_000, proxy=None)
    assert capfd.readouterr() == ("", "")


async def test_only_this_computer_reaches_it(server: DirectServer) -> None:
    assert server._server is not None
    [listening] = server._server.sockets
    assert listening.getsockname() == ("127.0.0.1", server.port)
