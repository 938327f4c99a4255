"""Servers of a few lines, for what the rehearsal does not do."""

from __future__ import annotations

import asyncio
import base64
import threading
from typing import Any

import msgspec


def dumped(**message: Any) -> str:
    return msgspec.json.encode(message).decode()


def delta_of(pcm: bytes, response_id: str = "r1", item_id: str = "a1") -> str:
    return dumped(
        type="response.output_audio.delta",
        response_id=response_id,
        item_id=item_id,
        delta=base64.b64encode(pcm).decode(),
    )


def scripted(*frames: str, then: Any = None) -> Any:
    """A server that confirms the settings, and after the next message sends `frames`."""

    async def serve(socket: Any) -> None:
        await socket.recv()
        await socket.send(dumped(type="session.updated", session={}))
        await socket.recv()
        for frame in frames:
            await socket.send(frame)
        if then is not None:
            await then(socket)
        await socket.wait_closed()

    return serve


class ConfirmingServer:
    """A server that keeps the messages it receives, and confirms the settings.

    Parameters
    ----------
    model : str
        The one that it reports; empty: none.
    sound : bytes
        Sent after each confirmation.
    **other
        Settings that it confirms with another value.
    """

    def __init__(self, *, model: str = "", sound: bytes = b"", **other: Any) -> None:
        self.received: list[Any] = []
        self.other, self.model, self.sound = other, model, sound
        self.refusal: str | None = None
        self.other_errors: list[dict[str, str]] = []
        self._came = threading.Semaphore(0)

    async def serve(self, socket: Any) -> None:
        if self.model:
            await socket.send(dumped(type="session.created", session={"model": self.model}))
        async for frame in socket:
            message = msgspec.json.decode(frame) if isinstance(frame, str) else frame
            self.received.append(message)
            self._came.release()
            if isinstance(message, dict) and message["type"] == "session.update":
                await self._confirm(socket, message)

    async def _confirm(self, socket: Any, message: dict[str, Any]) -> None:
        for error in self.other_errors:
            await socket.send(dumped(type="error", error=error))
        if self.refusal is not None:
            error = {"message": self.refusal, "event_id": message.get("event_id", "")}
            self.refusal = None
            await socket.send(dumped(type="error", error=error))
            return
        session = {**message["session"], **self.other}
        await socket.send(dumped(type="session.updated", session=session))
        if self.sound:
            await socket.send(delta_of(self.sound))

    @property
    def updates(self) -> list[Any]:
        messages = [message for message in self.received if isinstance(message, dict)]
        return [each["session"] for each in messages if each["type"] == "session.update"]

    async def until(self, count: int) -> list[Any]:
        """Wait for so many messages; can be called once."""
        for _ in range(count):
            assert await asyncio.to_thread(self._came.acquire, timeout=10)
        return self.received
