"""Messages are delivered as they arrive, and wait while they may not be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from grok_live_widget.client.message_socket import MessageSocket
from grok_live_widget.client.transport import connected
from grok_live_widget.protocol.dialects import Opening

Received = list[tuple[bytes, bool]]
PATIENCE_S = 10
# More than the system holds for both ends of a connection.
MUCH = bytes(2**20)
MANY = 64


@asynccontextmanager
async def socket_to(serving: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[Any]:
    async with serve(serving, "127.0.0.1", 0, compression=None, max_size=None) as server:
        port = server.sockets[0].getsockname()[1]
        socket_ = await connected(Opening(url=f"ws://127.0.0.1:{port}", headers={}), PATIENCE_S)
        try:
            yield socket_
        finally:
            await socket_.close()


def listen(socket_: MessageSocket, may_deliver: Callable[[], bool] = lambda: True) -> Received:
    received: Received = []
    socket_.listen(lambda message, is_text: received.append((message, is_text)), may_deliver)
    return received


async def test_messages_are_delivered_in_order_whole_and_with_their_kind() -> None:
    async def speak(far: ServerConnection) -> None:
        await far.send("text")
        await far.send(b"\0\1")
        await far.send(["in ", "several ", "frames"])
        await far.send([b"\2", b"\3"])

    async with socket_to(speak) as socket_:
        received = listen(socket_)
        await socket_.end()
        assert received == [
            (b"text", True),
            (b"\0\1", False),
            (b"in several frames", True),
            (b"\2\3", False),
        ]


async def test_messages_before_the_first_listener_are_kept() -> None:
    async def speak(far: ServerConnection) -> None:
        await far.send("at once")

    async with socket_to(speak) as socket_:
        await socket_.end()
        assert not socket_.is_empty
        assert listen(socket_) == [(b"at once", True)]
        assert socket_.is_empty


async def test_while_nothing_may_be_delivered_reading_is_paused_and_nothing_is_lost() -> None:
    async def speak(far: ServerConnection) -> None:
        for _ in range(MANY):
            await far.send(MUCH)

    allowed = 1
    async with socket_to(speak) as socket_:
        received = listen(socket_, lambda: len(received) < allowed)
        while socket_.is_empty or not received:  # noqa: ASYNC110  (no event announces it)
            await asyncio.sleep(0)
        assert [message for message, _ in received] == [MUCH]
        assert not socket_.transport.is_reading()
        allowed = MANY
        socket_.deliver()
        await socket_.end()
        assert [message for message, _ in received] == [MUCH] * MANY


async def test_deliver_within_a_listener_does_not_call_it_recursively() -> None:
    async def speak(far: ServerConnection) -> None:
        await far.send("one")
        await far.send("two")

    depths: list[int] = []

    async with socket_to(speak) as socket_:
        depth = 0

        def listener(*_: object) -> None:
            nonlocal depth
            depth += 1
            socket_.deliver()
            depths.append(depth)
            depth -= 1

        await socket_.end()
        socket_.listen(listener, lambda: True)
        assert depths == [1, 1]


@pytest.mark.parametrize(("code", "reason"), [(1000, ""), (1011, "no more")])
async def test_end_returns_the_close_code_and_reason(code: int, reason: str) -> None:
    async def leave(far: ServerConnection) -> None:
        await far.close(code, reason)

    async with socket_to(leave) as socket_:
        closed = await socket_.end()
        assert closed.rcvd is not None
        assert (closed.rcvd.code, closed.rcvd.reason) == (code, reason)
        assert not socket_.is_open


async def test_written_messages_arrive_in_order_and_with_their_kind() -> None:
    got: list[str | bytes] = []

    async def listen_there(far: ServerConnection) -> None:
        got.extend([await far.recv(), await far.recv()])

    async with socket_to(listen_there) as socket_:
        socket_.write(b"text", is_text=True)
        socket_.write(b"\0\1", is_text=False)
        await socket_.end()
        assert got == ["text", b"\0\1"]


async def test_messages_written_after_the_end_are_dropped() -> None:
    async def leave(far: ServerConnection) -> None:
        await far.close()

    async with socket_to(leave) as socket_:
        await socket_.end()
        socket_.write(b"too late", is_text=True)
        assert not socket_.is_open


async def test_has_written_waits_while_much_is_unsent() -> None:
    may_read = asyncio.Event()
    got = 0

    async def listen_there(far: ServerConnection) -> None:
        nonlocal got
        far.transport.pause_reading()
        await may_read.wait()
        far.transport.resume_reading()
        async for message in far:
            got += len(message)

    async with socket_to(listen_there) as socket_:
        for _ in range(MANY):
            socket_.write(MUCH, is_text=False)
        waiting = asyncio.create_task(socket_.has_written())
        await asyncio.sleep(0)
        assert not waiting.done()
        may_read.set()
        async with asyncio.timeout(PATIENCE_S):
            await waiting
    assert got == MANY * len(MUCH)


async def test_a_connection_that_is_gone_can_be_closed_and_aborted_again() -> None:
    async def serving(connection: ServerConnection) -> None:
        await connection.recv()

    async with socket_to(serving) as socket_:
        socket_.write(b"x", is_text=True)
        await socket_.end()
        await socket_.connection_lost_waiter
        # As asyncio's transports leave it where the other side has reset the connection.
        socket_.transport._loop, socket_.transport._conn_lost = None, 0
        await socket_.close()
        socket_.abort()
