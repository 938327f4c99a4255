"""Starts the processes of a talk's connection, one after the other, and asks them to do things.

Everything here runs on the talk's loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal
from weakref import WeakMethod

from msgspec.structs import replace

from ..._threads import BackgroundTasks
from ...conversation import Turn
from ...exceptions import (
    ConnectError,
    GrokLiveError,
    ReplyTimeout,
    SessionClosedError,
    SessionClosedOK,
)
from ...protocol import DIALECTS, Event, Interrupted, Noted, SessionEnded, SessionOpened
from ...recording import plain
from ...settings import UNSET
from ..credentials import Secret
from ..endpoint import Endpoint, remember, remembered_dialects, resolve_endpoint
from ..reconnecting_session import off_loop, sentence
from ..timeouts import Timeouts
from . import messages
from .calls import Calls
from .connection_process import ConnectionProcess
from .kernel_calls import KernelCalls
from .mirror import Mirror

Level = Literal["info", "warning", "error"]

# After more ends than this in a minute, a process is started only when something is asked of it.
_MOST_ENDS = 3
_LINGER_S = 1.0
# How long an answer may wait to be read [s].
_UNREAD_S = 1.0
# How long the process may take to end something, such as the connection, or to answer a ping; and
# how often it is pinged [s].
_ANSWER_WITHIN_S = 10.0
_TOPIC = "connection"
_BROKE = "The connection broke and was opened again"
_CLOSED = "The connection was closed and opened again"


class Supervisor:
    """The processes of one talk, of which one runs at a time.

    A process that ends by itself is a connection that broke: where it was open, the next process
    opens it again; otherwise that one is started when it is needed. It goes on with what the
    mirror has. A process that answers no ping, while the connection is open or something waits for
    it, is ended.

    Parameters
    ----------
    mirror : Mirror
        Follows what the processes tell.
    kernel_calls : KernelCalls
        Does what they ask for.
    api_key : Secret or None
    endpoint : Endpoint
    timeouts : Timeouts

    Attributes
    ----------
    endpoint : Endpoint
        With the key that was found for the newest session.
    is_ended : bool
        Whether the talk is closed for good, or about to be.
    """

    def __init__(
        self,
        mirror: Mirror,
        kernel_calls: KernelCalls,
        api_key: Secret | None,
        endpoint: Endpoint,
        timeouts: Timeouts,
    ) -> None:
        self._mirror, self._kernel_calls = mirror, kernel_calls
        self._api_key, self.endpoint, self._timeouts = api_key, endpoint, timeouts
        self.is_ended = False
        self._process: ConnectionProcess | None = None
        # Whether there was one before, and what the transcript says when the next one goes on.
        self._has_had_process = False
        self._why_reopened = _CLOSED
        self._starting = asyncio.Lock()
        # What each new process is told first, by method.
        self._standing: dict[str, dict[str, Any]] = {}
        self._parts: dict[str, Callable[[Any, bytes | None], object]] = {}
        self._on_start: list[Callable[[], object]] = []
        self._on_end: list[Callable[[], object]] = []
        self._asked = Calls(self._error_from)
        self._tasks = BackgroundTasks()
        # When processes have ended by themselves [s, monotonic].
        self._ends_s: list[float] = []
        # Whether a note says so, and whether what was asked then may be asked of the next process.
        self._has_told_end = self._may_repeat = False
        self._reopening: asyncio.Task[None] | None = None
        self._next_ping: asyncio.TimerHandle | None = None
        # How often something of a process was read.
        self._receive_count = 0
        mirror.add_listener(self._on_opened)

    # ----------------------------------------------------------------- to read
    @property
    def is_running(self) -> bool:
        """Whether a process runs, as far as is known."""
        return self._process is not None

    @property
    def process_id(self) -> int | None:
        """The id of the process; None where none runs."""
        return None if self._process is None else self._process.process_id

    def check_ended(self) -> None:
        """Raise SessionClosedOK when the talk is closed for good; by any thread."""
        if self.is_ended:
            raise SessionClosedOK("the talk is closed.", close_code=1000, cure="Make a new one.")

    # ----------------------------------------------------------------- starting
    def prepare(self) -> None:
        """Start the process soon, since it may be needed."""
        if self._process is None and not self.is_ended:
            self._tasks.spawn(self._start_early())

    async def _start_early(self) -> None:
        async with self._starting:
            if self._process is None:
                with contextlib.suppress(ConnectError):  # It is raised when the talk is opened.
                    self._start()

    def add_part(
        self,
        module: str,
        on_message: Callable[[Any, bytes | None], object],
        on_start: Callable[[], object] | None = None,
        on_end: Callable[[], object] | None = None,
    ) -> None:
        """Have each new process load a module with further methods.

        Parameters
        ----------
        module : str
            Its name; see `messages.Begin`.
        on_message : callable
            ``on_message(content, buffer)`` is called with what the part sends.
        on_start : callable, optional
            Called when a new process has begun, to tell it what holds.
        on_end : callable, optional
            Called when a process has ended by itself.
        """
        self._parts[module] = on_message
        self._on_start += [on_start] if on_start else []
        self._on_end += [on_end] if on_end else []

    def _start(self) -> None:
        past = self._mirror.past(self._why_reopened) if self._has_had_process else None
        settings = self._mirror.settings
        begin = messages.Begin(
            settings=messages.plain_settings(settings),
            key=self._found(),
            timeouts=self._timeouts,
            remembered=remembered_dialects(),
            partner=False if settings.partner is UNSET else plain(settings.partner),
            parts=tuple(self._parts),
            past=past,
        )
        fds = self._mirror.descriptors if past else []
        if self.endpoint.is_rehearsal:
            # Both processes start at the same time.
            self._kernel_calls.start_rehearsal()
        try:
            process = ConnectionProcess(begin, self._receive, self._on_process_ended, keep_fds=fds)
        except OSError as error:
            raise ConnectError(
                f"the process of the connection cannot be started: {error.strerror or error}.",
                cure='isolation="thread" keeps the connection in this process.',
            ) from None
        self._process, self._has_had_process = process, True
        self._ping_later()
        for method, arguments in self._standing.items():
            process.send(messages.Told(method, arguments))
        for tell in self._on_start:
            tell()

    def _found(self, failure: messages.Failure | None = None) -> messages.KeyFound:
        return messages.KeyFound(self.endpoint.key.reveal() or None, failure)

    async def _process_for(self, method: str) -> ConnectionProcess:
        """The process, started if there is none, with the key as it is to be found now."""
        async with self._starting:
            if self._process is not None and self._process.has_ended:
                # Before its pipe says so: what is sent to it would be lost.
                self._on_process_ended(self._process)
            if self._process is None:
                self._start()
            process = self._process
            assert process is not None
            if self._mirror.state.phase == "closed" and method not in _OPENS_NOTHING:
                failure = None
                try:
                    self.endpoint = await asyncio.to_thread(
                        resolve_endpoint, self._mirror.settings, self._api_key
                    )
                except GrokLiveError as error:
                    failure = messages.failure_from(error)
                self._mirror.frame_log.add_secrets(self.endpoint.key.reveal())
                process.send(self._found(failure))
        return process

    # ----------------------------------------------------------------- what the process sends
    def _receive(self, received: list[messages.Up]) -> None:
        self._receive_count += 1
        for message in received:
            match message:
                case messages.Happened():
                    self._mirror.happened(message)
                case messages.FrameLogged():
                    self._mirror.log_frame(message)
                case messages.StateChanged():
                    self._mirror.follow_state(message.state)
                case messages.TapeMoved() if self._process is not None:
                    if self._mirror.move_tape(message, self._process.descriptors):
                        self.tell("tape_followed", is_user=message.is_user, name=message.name)
                case messages.PartSent():
                    self._parts[message.part](message.content, message.buffer)
                case messages.Request() if self._process is not None:
                    self._kernel_calls.begin(message, self._process.send)
                case messages.Cancelled():
                    self._kernel_calls.cancel(message.id)
                case messages.Returned() | messages.Raised():
                    self._asked.settle(message)

    def _on_opened(self, event: Event, changed: Sequence[Turn], now_s: float) -> None:
        if not isinstance(event, SessionOpened):
            return
        if len(self.endpoint.dialects) > 1:
            urls = {dialect.name: url for dialect, url in self.endpoint.dialects}
            remember(urls[event.dialect], DIALECTS[event.dialect])
        if self._has_told_end:
            # Once all listeners know of the session.
            self._has_told_end = False
            asyncio.get_running_loop().call_soon(self._mirror.add, Noted("", topic=_TOPIC))

    # ----------------------------------------------------------------- pings
    def _ping_later(self) -> None:
        # A talk that is dropped is not kept alive by that.
        look = WeakMethod(self._ping_if_open)
        self._next_ping = asyncio.get_running_loop().call_later(
            _ANSWER_WITHIN_S, lambda: (ping := look()) and ping()
        )

    def _ping_if_open(self) -> None:
        if self._process is not None and self._mirror.state.phase != "closed":
            self._tasks.spawn(self._keep_answering(self._process))
        elif self._process is not None:
            self._ping_later()

    async def _keep_answering(self, process: ConnectionProcess) -> None:
        with contextlib.suppress(_ProcessEnded):
            await self._ping(process)
            self._ping_later()

    # ----------------------------------------------------------------- a process that has ended
    def _on_process_ended(self, process: ConnectionProcess) -> None:
        """The process has ended by itself, which is a connection that broke."""
        failure = SessionClosedError(
            f"the process of the connection has ended{process.last_error()}.",
            close_code=None,
            cure="What was received is kept. Ask again, which waits until the connection is open.",
        )
        self._follow_end(process, failure)

    def _follow_end(
        self,
        process: ConnectionProcess,
        failure: SessionClosedError | ReplyTimeout,
        *,
        may_open: bool = True,
    ) -> None:
        if process is not self._process:
            return
        self._process = None
        if self._next_ping is not None:
            self._next_ping.cancel()
        self._mirror.end_process()
        phase = self._mirror.state.phase
        process.close()
        self._asked.fail(_ProcessEnded(failure))
        self._kernel_calls.cancel_all()
        was_open = phase in ("open", "opening")
        self._why_reopened = _BROKE if was_open else _CLOSED
        self._mirror.state = replace(
            self._mirror.state, phase="closed", ends_at_s=None, is_sending_sound=False
        )
        self._mirror.add(SessionEnded(close_code=None, reason="the process has ended"))
        now_s = time.monotonic()
        self._ends_s = [each for each in self._ends_s if now_s - each < 60] + [now_s]
        may_start = len(self._ends_s) <= _MOST_ENDS and not self.is_ended
        if not may_start:
            # Nothing plays the rest, which must not sound before a later reply.
            self.cut_off(*self._mirror.conversation.unheard)
        for tell in self._on_end:
            tell()
        count = len(self._ends_s)
        opens_again = may_open and may_start and count <= self._mirror.settings.reconnect_tries
        self._may_repeat = opens_again if was_open else may_start
        if was_open and opens_again:
            self._open_again(failure)
            return
        if was_open and may_open and not self.is_ended:
            text = sentence(failure.message)
            if count > 1:
                text = f"The process of the connection has ended {count} times within a minute."
            self._tell_end(
                f"{text} Start, or the next question, opens the connection again.", "error"
            )
        self._mirror.tell_phase("closed")
        if may_start and self._mirror.conversation.unheard:
            # What was received is played to its end.
            self.prepare()

    def _open_again(self, failure: SessionClosedError | ReplyTimeout) -> None:
        self._tell_end(f"{sentence(failure.message)} Opening another one.", "warning")
        self._mirror.state = replace(self._mirror.state, is_reopening=True)
        self._mirror.tell_phase("opening")
        if self._reopening is not None:
            self._reopening.cancel()
        self._reopening = self._tasks.spawn(self._reopen())

    async def _reopen(self) -> None:
        with contextlib.suppress(GrokLiveError):  # It was noted.
            await self.request("open")

    def _end_reopening(self) -> None:
        if self._reopening is None or self._reopening.done():
            return
        self._reopening.cancel()
        self._reopening = None
        # A process that has not begun to open a session has no change of phase to tell.
        self._mirror.state = replace(self._mirror.state, is_reopening=False)
        self._mirror.tell_phase("closed")

    def _tell_end(self, text: str, level: Level) -> None:
        self._has_told_end = True
        self._mirror.add(Noted(text, level, _TOPIC))

    def cut_off(self, *turns: Turn) -> None:
        """Without a process, what was not heard of these replies is not played any more; a process
        that runs has cut them off itself.
        """
        if self._process is None:
            for turn in turns:
                self._mirror.add(Interrupted(response_id=turn._response_id, item_id=turn.item_id))

    # ----------------------------------------------------------------- requests
    def tell(self, method: str, **arguments: Any) -> None:
        """Have the process do something, unless there is none."""
        if self._process is not None:
            self._process.send(messages.Told(method, arguments))

    def tell_standing(self, method: str, **arguments: Any) -> None:
        """The same, and have each later process do it first."""
        self._standing[method] = arguments
        self.tell(method, **arguments)

    async def request(
        self,
        method: str,
        *,
        within_s: float = math.inf,
        again: Callable[[], Mapping[str, Any] | None] | None = None,
        **arguments: Any,
    ) -> Any:
        """Have the process do something, and wait for the result.

        Parameters
        ----------
        within_s : float [s]
            A process that answers later than this is ended, and earlier one that answers no ping.
        again : callable or None
            Called when the process has ended meanwhile. Returns what changes where the next one is
            asked for the same, or None where it must not be. None: that depends on the method.
        """
        for may_repeat in (True, False):
            try:
                return await self._request(method, within_s, arguments)
            except _ProcessEnded as ended:
                changed: Mapping[str, Any] | None = {} if method in _REPEATABLE else None
                if again is not None:
                    changed = again()
                if changed is None or not (may_repeat and self._may_repeat):
                    raise ended.error from None
                arguments = {**arguments, **changed}
        return None

    async def request_if_running(self, method: str, **arguments: Any) -> None:
        """Have the process do what ends something, also the next one if it ends meanwhile."""
        for _ in range(2):
            if self._process is None and not self._mirror.state.is_reopening:
                return
            with contextlib.suppress(_ProcessEnded, ReplyTimeout):
                await self._request(method, _ANSWER_WITHIN_S, arguments)
                return

    async def end_connection(self, method: str) -> None:
        """Have the process end the connection, and open no other one."""
        for _ in range(2):
            self._end_reopening()
            if self._process is None:
                break
            with contextlib.suppress(_ProcessEnded, ReplyTimeout):
                await self._request(method, _ANSWER_WITHIN_S, {})
                break
        self._end_reopening()

    async def _request(self, method: str, within_s: float, arguments: Mapping[str, Any]) -> Any:
        if method not in _OPENS_NOTHING:
            self.check_ended()
        process = await self._process_for(method)
        request_id = self._asked.new_id()
        self._kernel_calls.remember_caller(request_id)
        request = messages.Request(request_id, method, dict(arguments), request_id)
        answer = asyncio.ensure_future(self._asked.call(process.send, request))
        due_s = time.monotonic() + within_s
        try:
            while due_s - time.monotonic() > _ANSWER_WITHIN_S:
                await asyncio.wait({answer}, timeout=_ANSWER_WITHIN_S)
                if answer.done():
                    return answer.result()
                await self._ping(process)
            return await self._answer_of(process, answer, due_s, within_s, method not in _ENDS)
        finally:
            answer.cancel()

    async def _ping(self, process: ConnectionProcess) -> None:
        request = messages.Request(self._asked.new_id(), "ping", {}, 0)
        answer = asyncio.ensure_future(self._asked.call(process.send, request))
        due_s = time.monotonic() + _ANSWER_WITHIN_S
        try:
            await self._answer_of(process, answer, due_s, _ANSWER_WITHIN_S, may_open=True)
        except ReplyTimeout as error:
            raise _ProcessEnded(error) from None
        finally:
            answer.cancel()

    async def _answer_of(
        self,
        process: ConnectionProcess,
        answer: asyncio.Future[Any],
        due_s: float,
        limit_s: float,
        may_open: bool,
    ) -> Any:
        """The answer of a process that is ended where it gives none."""
        await asyncio.wait({answer}, timeout=max(0.0, due_s - time.monotonic()))
        # A kernel that was busy itself has not read the answer, nor what was sent before it.
        while not answer.done():
            count = self._receive_count
            await asyncio.wait({answer}, timeout=_UNREAD_S)
            if self._receive_count == count:
                break
        if answer.done():
            return answer.result()
        answer.cancel()
        process.kill()
        failure = ReplyTimeout(
            "the process of the connection did not answer, and was ended.",
            timeout_s=limit_s,
            cure="What was being sent is lost. Try again, which waits until another one has opened "
            "the connection.",
        )
        self._follow_end(process, failure, may_open=may_open)
        raise failure

    def _error_from(self, failure: messages.Failure) -> Exception:
        return messages.error_from(failure, self._mirror.turn_of(failure.turn_id))

    # ----------------------------------------------------------------- closing
    async def close(self) -> None:
        """Close the session, and end the process, for good."""
        self.is_ended = True
        self._end_reopening()
        process = self._process
        if process is not None:
            # It has ended by itself, or is ended since it does not answer.
            with contextlib.suppress(_ProcessEnded, ReplyTimeout):
                await self._request("close", _ANSWER_WITHIN_S, {})
            if self._parts:
                # A page still says how much of the last reply it has played.
                asyncio.get_running_loop().call_later(_LINGER_S, self._end_process)
            else:
                self._end_process()
                await off_loop(process.wait)
        self._tasks.cancel()

    def _end_process(self) -> None:
        if self._next_ping is not None:
            self._next_ping.cancel()
        process, self._process = self._process, None
        if process is not None:
            process.close()


class _ProcessEnded(Exception):
    """The process has ended before it has answered; `error` is what the caller is told."""

    def __init__(self, error: SessionClosedError | ReplyTimeout) -> None:
        super().__init__()
        self.error = error


# Methods that the next process may be asked for again, since nothing is done twice by that.
_REPEATABLE = ("open", "update", "save", "invite_page")
# Methods that end the connection.
_ENDS = ("stop", "disconnect", "close")
# Methods before which the key is not looked for.
_OPENS_NOTHING = (
    *("stop", "close", "clear", "interrupt", "approve", "save", "update"),
    *("end_microphone", "discard_press", "disconnect", "skip", "report_playback"),
    *("invite_page",),
)
