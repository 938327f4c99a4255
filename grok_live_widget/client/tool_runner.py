"""Makes the model's calls, outside of the session's receive loop.

A listener of the session: on `ToolCalled` it runs the function where `ToolThreads` does, and when
the reply that called has ended and all its calls are over, it sends every output and requests
one reply.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextvars import Context
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .._threads import BackgroundTasks
from ..conversation import calls_in, is_cut_off
from ..exceptions import GrokLiveError, ToolError, exc_info_without_own_frames
from ..protocol import (
    CreateItem,
    CreateResponse,
    Event,
    Item,
    Noted,
    OutputItemDone,
    ResponseCreated,
    ResponseDone,
    SessionEnded,
    SpeechStarted,
    ToolAnswered,
    ToolApprovalAsked,
    ToolCalled,
    ToolFinished,
    ToolStarted,
)
from ..tools import Tool, functions_of, text_from
from .requests import reply_request
from .tool_thread import ToolThreads

if TYPE_CHECKING:
    from ..conversation import Turn
    from .session import Session

_LOG = logging.getLogger("grok_live_widget")


# Tested first, since nearly all events are others, and most talks have no tools.
_OF_CALLERS = (CreateResponse, SpeechStarted)
_FOLLOWED = (
    ToolCalled,
    OutputItemDone,
    ResponseDone,
    ResponseCreated,
    ToolAnswered,
    SessionEnded,
    *_OF_CALLERS,
)


CALL_TOPIC = "tool "
"""How the topics of notes about calls begin."""


@dataclass(slots=True, eq=False)
class _Round:
    """The calls of one reply."""

    context: Context
    """Of the call that asked for the reply."""
    calls: dict[str, asyncio.Task[CreateItem]] = field(default_factory=dict)
    cut: str = ""
    """Why none of them may begin any more."""


class ToolRunner:
    """Runs the functions among the tools of one session, by the settings that hold then.

    Calls of other names are handled by the provider.

    Parameters
    ----------
    session : Session
        Gets a listener.
    threads : ToolThreads
        Where they run.
    """

    def __init__(self, session: Session, threads: ToolThreads) -> None:
        self._session = session
        self._threads = threads
        session.callers.default = threads.context
        self._seen: set[str] = set()
        self._rounds: dict[str, _Round] = {}
        # Those whose reply has ended, and whose calls have not.
        self._ended_rounds: list[_Round] = []
        self._answers: dict[str, asyncio.Future[str]] = {}
        self._tasks = BackgroundTasks()
        session.add_listener(self._on_event)
        session.on_interrupt(self._interrupt)

    def _on_event(self, event: Event, _: list[Turn], __: float) -> None:
        if type(event) not in _FOLLOWED:
            return
        for call in calls_in(event):
            self._begin(call)
        match event:
            case ResponseDone():
                self._end_round(event.response_id, is_cut=is_cut_off(event))
            case ResponseCreated():
                # The service may abandon a reply without reporting its end.
                for response_id in [each for each in self._rounds if each != event.response_id]:
                    self._end_round(response_id, is_cut=True)
            case ToolAnswered():
                objection = "" if event.is_allowed else "the user did not allow this call."
                self._resolve(event.call_id, objection)
            case CreateResponse() | SpeechStarted():
                self._session.callers.follow(event)
            case SessionEnded():
                self._tasks.cancel()

    # ----------------------------------------------------------------- rounds
    def _begin(self, call: ToolCalled) -> None:
        """A call is reported several times, and made once."""
        tool = functions_of(self._session.settings.tools).get(call.name)
        if tool is None or call.call_id in self._seen:
            return
        self._seen.add(call.call_id)
        response_id = call.response_id or self._session.protocol.response_id
        round_ = self._rounds.get(response_id)
        if round_ is None:
            round_ = self._rounds[response_id] = _Round(self._session.callers.current)
        round_.calls[call.call_id] = self._tasks.spawn(self._output_of(call, tool, round_))

    def _end_round(self, response_id: str, *, is_cut: bool) -> None:
        round_ = self._rounds.pop(response_id, None)
        if round_ is None:
            return
        if is_cut:
            self._cut(round_)
        self._ended_rounds.append(round_)
        self._tasks.spawn(self._send_outputs(round_), round_.context.copy())

    def _interrupt(self) -> None:
        """The user wants no reply to the outputs of the calls that run.

        Nor to those of a reply that is running: it may have ended before the server is told.
        """
        for round_ in (*self._rounds.values(), *self._ended_rounds):
            self._cut(round_)

    def _cut(self, round_: _Round) -> None:
        round_.cut = "the reply that asked for it was interrupted."
        for call_id in round_.calls:
            self._resolve(call_id, round_.cut)

    async def _send_outputs(self, round_: _Round) -> None:
        try:
            outputs = await asyncio.gather(*round_.calls.values())
        finally:
            self._ended_rounds.remove(round_)
        try:
            # The server replies to a user who speaks now without a request, and has the outputs.
            if not round_.cut and not self._session.protocol.is_speech_active:
                request = reply_request(metadata=self._session.settings.metadata)
                await self._session.send_when_idle(*outputs, request)
            else:
                await self._session.send(*outputs)
        except GrokLiveError:
            _LOG.debug("The outputs of tools were not sent.", exc_info=True)

    # ----------------------------------------------------------------- one call
    async def _output_of(self, call: ToolCalled, tool: Tool, round_: _Round) -> CreateItem:
        """Whatever happens, the model gets an output."""
        try:
            finished = await self._run_if_allowed(call, tool, round_)
        except asyncio.CancelledError:
            self._session.emit(_finished(call, error="the session has ended."))
            raise
        self._session.emit(finished)
        text = f"Error: {finished.error}" if finished.error else finished.output
        return CreateItem(Item(kind="function_call_output", call_id=call.call_id, text=text))

    async def _run_if_allowed(self, call: ToolCalled, tool: Tool, round_: _Round) -> ToolFinished:
        try:
            arguments = await self._threads.read_arguments(tool, call.arguments)
        except Exception as error:  # noqa: BLE001 - a class of the user may raise anything
            return _failed(call, error)
        objection = await self._objection(call, tool, round_)
        if objection:
            return _finished(call, error=objection, is_denied=True)
        return await self._run(call, tool, arguments, round_.context)

    async def _objection(self, call: ToolCalled, tool: Tool, round_: _Round) -> str:
        """Why the call may not be made; empty when it may."""
        approve_all = self._session.settings.approve_tools
        is_asked = approve_all if tool.approve is None else tool.approve
        if round_.cut or not is_asked:
            return round_.cut
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._answers[call.call_id] = answer
        self._session.emit(
            ToolApprovalAsked(call_id=call.call_id, name=call.name, arguments=call.arguments)
        )
        try:
            async with asyncio.timeout(tool.timeout_s):
                return await answer
        except TimeoutError:
            return f"this call was not allowed within {tool.timeout_s:g} s."
        finally:
            del self._answers[call.call_id]

    def _resolve(self, call_id: str, objection: str) -> None:
        answer = self._answers.get(call_id)
        if answer is not None and not answer.done():
            answer.set_result(objection)

    async def _run(
        self, call: ToolCalled, tool: Tool, arguments: dict[str, Any], context: Context
    ) -> ToolFinished:
        self._session.emit(
            ToolStarted(call_id=call.call_id, name=call.name, arguments=call.arguments)
        )
        began_s = time.monotonic()
        try:
            output = await self._threads.call(
                tool,
                arguments,
                text_from,
                context,
                on_delay=lambda text: self._session.emit(
                    Noted(text, topic=f"{CALL_TOPIC}{call.call_id}")
                ),
                delay_s=self._session.timeouts.busy_thread_s,
            )
        except Exception as error:  # noqa: BLE001 - a tool may raise anything
            return _failed(call, error, time.monotonic() - began_s)
        return _finished(call, output=output, duration_s=time.monotonic() - began_s)


def _finished(call: ToolCalled, **outcome: Any) -> ToolFinished:
    return ToolFinished(call_id=call.call_id, name=call.name, **outcome)


def _failed(call: ToolCalled, error: Exception, duration_s: float = 0.0) -> ToolFinished:
    """The model gets the error's sentence; the traceback goes to the log."""
    is_ours = isinstance(error, ToolError)
    text = str(error) if is_ours else f"{type(error).__name__}: {error}"
    exc_info = None if is_ours else exc_info_without_own_frames(error)
    _LOG.warning("The tool %r failed: %s", call.name, text, exc_info=exc_info)
    return _finished(call, error=text_from(text), duration_s=duration_s)
