"""A chat-completions server that streams as real ones do, byte for byte as a test says."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from grok_live_widget._threads import LoopThread

from .waiting import PATIENCE_S


def chunk(content: str | None = None, *, finish: str | None = None, **delta: Any) -> str:
    """One ``chat.completion.chunk`` as the data of an event."""
    fields = {"role": "assistant", **({} if content is None else {"content": content}), **delta}
    choice = {"index": 0, "delta": fields, "finish_reason": finish}
    return json.dumps({"object": "chat.completion.chunk", "choices": [choice]}, ensure_ascii=False)


def called(index: int | None, arguments: str, name: str = "", call_id: str = "") -> str:
    """A delta of a call of a tool."""
    function = {"arguments": arguments, **({"name": name} if name else {})}
    call = {"index": index, "function": function, **({"id": call_id} if call_id else {})}
    return chunk(tool_calls=[{key: each for key, each in call.items() if each is not None}])


def events(*messages: str, end: str = "\n") -> bytes:
    """The messages as server-sent events."""
    return "".join(f"data: {message}{end}{end}" for message in messages).encode()


@dataclass
class Asked:
    """A request that the server received."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class Answering:
    """The connection on which a test answers a request."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def begin(
        self, status: str = "200 OK", kind: str = "text/event-stream; charset=utf-8", **headers: Any
    ) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", "Transfer-Encoding: chunked"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        await self._writer.drain()

    async def send(self, content: bytes, size: int | None = None) -> None:
        """Send content, cut into pieces of `size` bytes."""
        step = size or max(len(content), 1)
        for start in range(0, len(content), step):
            piece = content[start : start + step]
            self._writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await self._writer.drain()

    async def end(self) -> None:
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def wait_for_close(self) -> None:
        """Return when the client has closed the connection."""
        with contextlib.suppress(ConnectionError):
            assert await self._reader.read(1) == b""


Answer = Callable[[Answering], Awaitable[None]]


def streamed(*messages: str, size: int | None = None, **options: Any) -> Answer:
    """An answer of these messages and ``[DONE]``."""

    async def answer(answering: Answering) -> None:
        await answering.begin()
        await answering.send(events(*messages, "[DONE]", **options), size)
        await answering.end()

    return answer


def refused(status: str, content: Any, **headers: Any) -> Answer:
    """An answer with an error."""

    async def answer(answering: Answering) -> None:
        await answering.begin(status, "application/json", **headers)
        await answering.send(
            content if isinstance(content, bytes) else json.dumps(content).encode()
        )
        await answering.end()

    return answer


class ChatServer:
    """A server on a thread of its own; a context manager.

    Parameters
    ----------
    answers : iterable of callable
        What answers each request, one after another.

    Attributes
    ----------
    asked : list of Asked
    """

    def __init__(self, *answers: Answer) -> None:
        self.asked: list[Asked] = []
        self._answers: Iterable[Answer] = iter(answers)
        self._thread = LoopThread("test-chat-server")
        self._tasks: set[asyncio.Task[Any] | None] = set()
        self._failure: BaseException | None = None
        self.is_idle = threading.Event()

    def __enter__(self) -> ChatServer:
        self._server = self._thread.run(self._open())
        self.port = self._server.sockets[0].getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._thread.run(self._close())
        self._thread.close()
        if self._failure is not None and exc_info[0] is None:
            raise self._failure

    def wait_until_idle(self) -> None:
        """Return when the newest request has been answered."""
        assert self.is_idle.wait(PATIENCE_S)

    async def _open(self) -> asyncio.Server:
        return await asyncio.start_server(self._serve, "127.0.0.1", 0)

    async def _close(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            assert task is not None
            task.cancel()
        await asyncio.gather(*filter(None, self._tasks), return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._tasks.add(task)
        self.is_idle.clear()
        try:
            self.asked.append(await _request_from(reader))
            await next(iter(self._answers))(Answering(reader, writer))
        except (asyncio.CancelledError, ConnectionError):
            pass  # A client may hang up as soon as it knows enough.
        except BaseException as error:  # noqa: BLE001 - raised when the server is closed.
            self._failure = error
        finally:
            self.is_idle.set()
            self._tasks.discard(task)
            writer.close()


async def _request_from(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    pairs = (line.split(": ", 1) for line in head[1:] if line)
    headers = {name.lower(): value for name, value in pairs}
    body = await reader.readexactly(int(headers["content-length"]))
    return Asked(head[0].split()[1], headers, json.loads(body))
