"""What the process of a connection asks the kernel to do: functions of tools, and the rehearsal."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from functools import partial
from typing import Any

from ..._threads import BackgroundTasks
from ...exceptions import ToolError, exc_info_without_own_frames
from ...protocol import DIALECTS
from ...rehearsal import RehearsalProcess
from ...settings import Settings
from ...tools import functions_of, text_from
from ..reconnecting_session import off_loop
from ..timeouts import Timeouts
from ..tool_thread import ToolThreads
from . import messages

_LOG = logging.getLogger("grok_live_widget")

# Of the newest requests, in whose contexts tools are called.
_MOST_CALLERS = 1000

Send = Callable[[messages.Message], object]


class KernelCalls:
    """Answers the requests of one talk's processes; used on the talk's loop.

    Parameters
    ----------
    settings : Settings
    timeouts : Timeouts
    tool_threads : ToolThreads
        Where tools run.
    """

    def __init__(self, settings: Settings, timeouts: Timeouts, tool_threads: ToolThreads) -> None:
        self._partner, self._timeouts = settings.partner, timeouts
        self._tool_threads = tool_threads
        self._tools = functions_of(settings.tools)
        # The contexts of the code that asks, by number.
        self._callers: dict[int, Context] = {}
        self._running: dict[int, asyncio.Task[None]] = {}
        self._tasks = BackgroundTasks()
        # Of the newest rehearsal, from when it begins to start.
        self._rehearsal: asyncio.Future[RehearsalProcess] | None = None
        self._methods: dict[str, Callable[..., Awaitable[Any]]] = {
            "read_arguments": self._read_arguments,
            "call_tool": self._call_tool,
            "start_rehearsal": self._tell_rehearsal,
        }

    def add_tools(self, settings: Settings) -> None:
        """Further functions may be called; those from before still may."""
        self._tools |= functions_of(settings.tools)

    def remember_caller(self, number: int) -> None:
        """Tools that are called for this request run in a copy of the present context."""
        self._callers[number] = copy_context()
        while len(self._callers) > _MOST_CALLERS:
            del self._callers[next(iter(self._callers))]

    # ----------------------------------------------------------------- requests
    def begin(self, request: messages.Request, send: Send) -> None:
        """Do what a process asks for, and send it the result."""
        work = self._running[request.id] = self._tasks.spawn(self._answer(request, send))

        def forget(_: object) -> None:
            # Each process counts its requests from 1.
            if self._running.get(request.id) is work:
                del self._running[request.id]

        # Also where it is cancelled before it has begun.
        work.add_done_callback(forget)

    def cancel(self, request_id: int) -> None:
        """The process does not want the result any more."""
        if work := self._running.get(request_id):
            work.cancel()

    def cancel_all(self) -> None:
        """The process has ended."""
        for work in list(self._running.values()):
            work.cancel()

    async def _answer(self, request: messages.Request, send: Send) -> None:
        answer: messages.Message
        try:
            value = await self._methods[request.method](request, send, **request.arguments)
            answer = messages.Returned(request.id, value)
        except Exception as error:  # noqa: BLE001  (raised again there)
            answer = messages.Raised(request.id, messages.failure_from(error))
        send(answer)

    async def _read_arguments(
        self, request: messages.Request, send: Send, name: str, text: str
    ) -> None:
        try:
            self._tools[name].read_arguments(text)
        except Exception as error:  # noqa: BLE001  (a class of the user's may raise anything)
            raise _as_tool_error(name, error) from None

    async def _call_tool(self, request: messages.Request, send: Send, name: str, text: str) -> str:
        tool = self._tools[name]

        def on_delay(why: str) -> None:
            send(messages.Told("delayed", {"call_id": request.id, "text": why}))

        try:
            return await self._tool_threads.call(
                tool,
                tool.read_arguments(text),
                text_from,
                self._callers.get(request.caller, self._tool_threads.context),
                on_delay,
                self._timeouts.busy_thread_s,
            )
        except Exception as error:  # noqa: BLE001  (a tool may raise anything)
            raise _as_tool_error(name, error) from None

    # ----------------------------------------------------------------- the rehearsal
    async def _tell_rehearsal(self, request: messages.Request, send: Send) -> dict[str, Any]:
        # Others may wait for it too.
        rehearsal = await asyncio.shield(self.start_rehearsal())
        urls = {dialect: rehearsal.url(dialect) for dialect in DIALECTS}
        return {"urls": urls, "api_key": rehearsal.api_key, "remark": rehearsal.remark}

    def start_rehearsal(self) -> asyncio.Future[RehearsalProcess]:
        """Start the rehearsal in a process of its own, unless it runs; the future may fail."""
        if self._rehearsal is None or _has_ended(self._rehearsal):
            ended, self._rehearsal = self._rehearsal, None
            # At once, and not when the loop is free: a talk waits for the process.
            self._rehearsal = asyncio.get_running_loop().run_in_executor(
                None, self._tool_threads.context.copy().run, self._new_rehearsal, ended
            )
            # It is raised where the talk is opened.
            self._rehearsal.add_done_callback(_take_error)
        return self._rehearsal

    def _new_rehearsal(self, ended: asyncio.Future[RehearsalProcess] | None) -> RehearsalProcess:
        _close(ended)
        return RehearsalProcess(self._partner, secrets.token_urlsafe(32))

    async def close(self) -> None:
        """End what runs, and the rehearsal."""
        self._tasks.cancel()
        rehearsal, self._rehearsal = self._rehearsal, None
        # One that has not started yet is ended when the future is dropped.
        if rehearsal is not None and rehearsal.done():
            await off_loop(partial(_close, rehearsal))


def _has_ended(rehearsal: asyncio.Future[RehearsalProcess]) -> bool:
    """Whether it has not started, or runs no more."""
    if not rehearsal.done():
        return False
    return rehearsal.exception() is not None or not rehearsal.result().is_running


def _take_error(rehearsal: asyncio.Future[RehearsalProcess]) -> None:
    if not rehearsal.cancelled():
        rehearsal.exception()


def _close(rehearsal: asyncio.Future[RehearsalProcess] | None) -> None:
    if rehearsal is not None and rehearsal.exception() is None:
        rehearsal.result().close()


def _as_tool_error(name: str, error: Exception) -> ToolError:
    """An error of a tool's function with the sentence that the model gets; logged here, where its
    traceback is.
    """
    if isinstance(error, ToolError):
        return error
    text = f"{type(error).__name__}: {error}"
    _LOG.warning("The tool %r failed: %s", name, text, exc_info=exc_info_without_own_frames(error))
    return ToolError(text)
