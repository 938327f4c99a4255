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
        self.resumed = asyncio.Event()
        self.is_paused = False

    process_event = ClientConnection.process_event

    def listen(self, listener: Listener, may_deliver: Callable[[], bool]) -> None:
        self.receiving = asyncio.create_task(self.receive_all(listener, may_deliver))

    async def receive_all(
        self, listener: Listener, may_deliver: Callable[[], bool]
    ) -> ConnectionClosed:
        try:
            while True:
                message = await self.receive()
                while not may_deliver():
                    self.is_paused = True
                    self.resumed.clear()
                    await self.resumed.wait()
                self.is_paused = False
                listener(message, True)
        except ConnectionClosed as closed:
            return closed

    async def receive(self) -> bytes:
        return await self.recv(decode=False)

    def deliver(self) -> None:
        self.resumed.set()

    @property
    def is_empty(self) -> bool:
        return not self.is_paused

    async def end(self) -> ConnectionClosed:
        return await self.receiving


if __name__ == "__main__":
    transport.MessageSocket = RecvSocket
    asyncio.run(jobs.run(ours_recording_off.connected))
