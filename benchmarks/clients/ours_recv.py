"""`ours_recording_off`, whose connection is read by `recv(decode=False)` in a task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from benchmarks import jobs
from benchmarks.clients import ours_recording_off
from grok_live_widget.client import transport
from grok_live_widget.client.message_socket import Listener, MessageSocket


class RecvSocket(MessageSocket):
    """Reads in a task; its `recv` and back-pressure are those of websockets."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.may_have_room = asyncio.Event()
        self.is_held_back = False

    process_event = ClientConnection.process_event

    def listen(self, listener: Listener, has_room: Callable[[], bool]) -> None:
        self.receiving = asyncio.create_task(self.receive_all(listener, has_room))

    async def receive_all(
        self, listener: Listener, has_room: Callable[[], bool]
    ) -> ConnectionClosed:
        try:
            while True:
                message = await self.receive()
                while not has_room():
                    self.is_held_back = True
                    self.may_have_room.clear()
                    await self.may_have_room.wait()
                self.is_held_back = False
                listener(message, True)
        except ConnectionClosed as closed:
            return closed

    async def receive(self) -> bytes:
        return await self.recv(decode=False)

    def deliver(self) -> None:
        self.may_have_room.set()

    @property
    def is_empty(self) -> bool:
        return not self.is_held_back

    async def end(self) -> ConnectionClosed:
        return await self.receiving


if __name__ == "__main__":
    transport.MessageSocket = RecvSocket
    asyncio.run(jobs.run(ours_recording_off.connected))
