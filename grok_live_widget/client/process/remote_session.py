"""A talk whose connection is in a process of its own, as the kernel sees it.

`Mirror` has what the process tells, `KernelCalls` does what it asks for. The kernel may be busy for
any time: the connection goes on, and its events are folded when the kernel is free. Everything here
runs on the talk's loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
from msgspec.structs import asdict, replace

from ..._threads import BackgroundTasks, ThreadQueue
from ...audio import AudioBuffer, checked
from ...conversation import ToolCallState, Turn, Usage
from ...exceptions import (
    ConnectError,
    GrokLiveError,
    ReplyTimeout,
    SessionClosedError,
    SessionClosedOK,
)
from ...protocol import (
    DIALECTS,
    Event,
    Interrupted,
    Noted,
    PlaybackReported,
    PushToTalk,
    SessionEnded,
    SessionOpened,
)
from ...recording import Frames, copy_recording, plain
from ...settings import UNSET, Settings
from ...tools import secrets_of
from ..credentials import Secret
from ..endpoint import Endpoint, remember, remembered_dialects, resolve_endpoint
from ..listeners import Listener, ListenerHandle
from ..reconnecting_session import off_loop, sentence
from ..timeouts import Timeouts
from ..tool_thread import ToolThreads
from . import messages
from .calls import Calls
from .connection_process import ConnectionProcess
from .kernel_calls import KernelCalls
from .mirror import Mirror

Level = Literal["info", "warning", "error"]

# A process that ends as often as this in a minute is not started again by itself.
_MOST_ENDS = 3
_LINGER_S = 1.0
# How long an answer may wait to be read [s].
_UNREAD_S = 3.0
# How long the process may take to end something, such as the connection [s].
_END_WITHIN_S = 10.0
_TOPIC = "connection"
_BROKE = "The connection broke and was opened again"
_CLOSED = "The connection was closed and opened again"


class RemoteSession:
    """Does what `ReconnectingSession` does, in another process; see there.

    Attributes
    ----------
    settings, timeouts, endpoint, api_key, conversation, notes, frame_log, recording, hooks
        As there.
    tool_threads : ToolThreads
        Where tools run: in this process.
    """

    def __init__(
        self,
        settings: Settings,
        api_key: Secret | None,
        endpoint: Endpoint,
        timeouts: Timeouts = Timeouts(),
        main: ThreadQueue | None = None,
    ) -> None:
        self.settings, self.timeouts = settings, timeouts
        self.endpoint, self.api_key = endpoint, api_key
        self.tool_threads = ToolThreads(main)
        self._kernel_calls = KernelCalls(settings, timeouts, self.tool_threads)
        self._mirror = Mirror(
            settings,
            messages.TalkState(phase="closed", dialect=endpoint.dialects[0][0].name),
            secrets=self.secrets,
            on_trouble=self._note_from_any_thread,
        )
        self._mirror.add_listener(self._on_opened)
        self.conversation, self.notes = self._mirror.conversation, self._mirror.notes
        self.frame_log, self.recording = self._mirror.frame_log, self._mirror.recording
        self.hooks = self._mirror.hooks
        self.frame_log.add_secrets(*self.secrets())
        self._loop = asyncio.get_running_loop()
        # The settings that hold as soon as the process says so.
        self._next_settings = settings
        self._changing = asyncio.Lock()
        self._process: ConnectionProcess | None = None
        # Whether there was one before, and what the transcript says when the next one goes on.
        self._has_had_process = False
        self._why_reopened = _CLOSED
        self._starting = asyncio.Lock()
        self._is_ended = False
        # What each new process is told first, by method.
        self._standing: dict[str, dict[str, Any]] = {}
        self._parts: tuple[str, ...] = ()
        self._on_part: dict[str, Callable[[Any, bytes | None], object]] = {}
        self._on_start: list[Callable[[], object]] = []
        self._on_end: list[Callable[[], object]] = []
        self._asked = Calls(self._error_from)
        self._tasks = BackgroundTasks()
        # When processes have ended by themselves [s, monotonic].
        self._ends_s: list[float] = []
        # Whether a note says so, and whether what was asked then may be asked of the next process.
        self._has_told_end = self._may_repeat = False
        self._reopening: asyncio.Task[None] | None = None

    # ----------------------------------------------------------------- to read
    @property
    def phase(self) -> str:
        """``"closed"``, ``"opening"``, ``"open"`` or ``"closing"``."""
        return self._state.phase

    @property
    def dialect(self) -> str:
        """Of the newest session; before there was one, the first that is tried."""
        return self._state.dialect

    @property
    def server_name(self) -> str:
        """``"Grok"``, ``"rehearsal"``, ``"replay"``, or the host of another server."""
        return self._state.server_name or self.endpoint.name

    @property
    def is_ended(self) -> bool:
        """Whether the talk is closed for good, or about to be."""
        return self._is_ended

    @property
    def is_push_to_talk(self) -> bool:
        """Whether the user's turns are ended by hand."""
        return isinstance(self.settings.turn_detection, PushToTalk)

    @property
    def is_reopening(self) -> bool:
        """Whether a session is being opened that goes on with an earlier one."""
        return self._state.is_reopening

    @property
    def is_sending_sound(self) -> bool:
        """Whether a cell is sending sound, so that the microphone is dropped."""
        return self._state.is_sending_sound

    @property
    def dropped_s(self) -> float:
        """Sound of both sides that is neither in memory nor in files [s]."""
        return self._state.dropped_s

    @property
    def ends_in_s(self) -> float | None:
        """How long the server lets this session last from now [s]; None: not known, or closed."""
        ends_s = self._state.ends_at_s
        return None if ends_s is None else ends_s - time.monotonic()

    @property
    def frames(self) -> Frames:
        """The newest frames of all connections, as of now."""
        return self._mirror.frames

    @property
    def usage(self) -> Usage:
        """What was used up until now."""
        return self.conversation.meter.total(time.monotonic())

    @property
    def pending_approvals(self) -> list[ToolCallState]:
        """Calls of tools that wait for approval, oldest first."""
        return [] if self.phase == "closed" else self._mirror.pending_approvals

    @property
    def process_id(self) -> int | None:
        """The id of the process of the connection; None where it does not run."""
        return None if self._process is None else self._process.process_id

    def secrets(self) -> tuple[str, ...]:
        """The key, and the secrets of tools, which nothing that is written may contain."""
        return (self.endpoint.key.reveal(), *secrets_of(self.settings.tools))

    def check_ended(self) -> None:
        """Raise SessionClosedOK when the talk is closed for good; by any thread."""
        if self._is_ended:
            raise SessionClosedOK("the talk is closed.", close_code=1000, cure="Make a new one.")

    # ----------------------------------------------------------------- listeners and notes
    def add_listener(self, listener: Listener) -> ListenerHandle:
        """Call ``listener(event, turns, now_s)`` with every event of every session."""
        return self._mirror.add_listener(listener)

    def note(self, text: str, level: Level = "info", topic: str = "") -> None:
        """Note a sentence for the user; in the panel it replaces the last one of its topic."""
        if self._process is not None:
            # So that it has its place among the events, and is recorded.
            self.tell("note", text=text, level=level, topic=topic)
        else:
            self._mirror.add(Noted(sentence(text), level, topic))

    def _note_from_any_thread(self, text: str) -> None:
        with contextlib.suppress(RuntimeError):  # The loop is closed: the note has no reader.
            self._loop.call_soon_threadsafe(self.note, text, "error")

    # ----------------------------------------------------------------- from the process
    def _receive(self, received: list[messages.Up]) -> None:
        for message in received:
            match message:
                case messages.Happened():
                    self._mirror.happened(message)
                case messages.FrameLogged():
                    self._mirror.log_frame(message)
                case messages.StateChanged():
                    self._follow_state(message.state)
                case messages.TapeMoved() if self._process is not None:
                    if self._mirror.move_tape(message, self._process.descriptors):
                        self.tell("tape_followed", is_user=message.is_user, name=message.name)
                case messages.PartSent():
                    self._on_part[message.part](message.content, message.buffer)
                case messages.Request() if self._process is not None:
                    self._kernel_calls.begin(message, self._process.send)
                case messages.Cancelled():
                    self._kernel_calls.cancel(message.id)
                case messages.Returned() | messages.Raised():
                    self._asked.settle(message)

    @property
    def _state(self) -> messages.TalkState:
        return self._mirror.state

    def _follow_state(self, state: messages.TalkState) -> None:
        if state.update_count != self._state.update_count:
            self.settings = self._next_settings
            self.conversation.meter.prices = self.settings.prices
            self.frame_log.add_secrets(*self.secrets())
        self._mirror.state = state

    def _on_opened(self, event: Event, changed: Sequence[Turn], now_s: float) -> None:
        if not isinstance(event, SessionOpened):
            return
        if len(self.endpoint.dialects) > 1:
            urls = {dialect.name: url for dialect, url in self.endpoint.dialects}
            remember(urls[event.dialect], DIALECTS[event.dialect])
        if self._has_told_end:
            # Once all listeners know of the session.
            self._has_told_end = False
            self._loop.call_soon(self._mirror.add, Noted("", topic=_TOPIC))

    # ----------------------------------------------------------------- the process
    async def start_process(self) -> None:
        """Start the process before it is needed; harmless when it runs."""
        async with self._starting:
            if self._process is None:
                with contextlib.suppress(ConnectError):  # It is raised when the talk is opened.
                    self._start_process()

    def add_part(
        self,
        module: str,
        on_message: Callable[[Any, bytes | None], object],
        on_start: Callable[[], object],
        on_end: Callable[[], object],
    ) -> None:
        """Have each new process load a module with further methods.

        Parameters
        ----------
        module : str
            Its name; see `messages.Begin`.
        on_message : callable
            ``on_message(content, buffer)`` is called with what the part sends.
        on_start : callable
            Called when a new process has begun, to tell it what holds.
        on_end : callable
            Called when a process has ended by itself.
        """
        self._parts = (*self._parts, module)
        self._on_part[module] = on_message
        self._on_start.append(on_start)
        self._on_end.append(on_end)

    def _start_process(self) -> None:
        past = self._mirror.past(self._why_reopened) if self._has_had_process else None
        begin = messages.Begin(
            settings=messages.plain_settings(self.settings),
            key=self._found(),
            timeouts=self.timeouts,
            remembered=remembered_dialects(),
            partner=False if self.settings.partner is UNSET else plain(self.settings.partner),
            parts=self._parts,
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
                self._start_process()
            process = self._process
            assert process is not None
            if self.phase == "closed" and method not in _OPENS_NOTHING:
                failure = None
                try:
                    self.endpoint = await asyncio.to_thread(
                        resolve_endpoint, self.settings, self.api_key
                    )
                except GrokLiveError as error:
                    failure = messages.failure_from(error)
                self.frame_log.add_secrets(*self.secrets())
                process.send(self._found(failure))
        return process

    def _on_process_ended(self, process: ConnectionProcess) -> None:
        """The process has ended by itself, which is a connection that broke."""
        if process is not self._process:
            return
        self._process = None
        self._mirror.end_process()
        error = process.last_error()
        failure = SessionClosedError(
            f"the process of the connection has ended{error}.",
            close_code=None,
            cure="What was received is kept. Ask again, which waits until the connection is open.",
        )
        process.close()
        self._asked.fail(_ProcessEnded(failure))
        self._kernel_calls.cancel_all()
        was_open = self.phase in ("open", "opening")
        self._why_reopened = _BROKE if was_open else _CLOSED
        # A change that was not confirmed is not known to the next process.
        self._next_settings = self.settings
        self._mirror.state = replace(
            self._state, phase="closed", ends_at_s=None, is_sending_sound=False
        )
        self._mirror.add(SessionEnded(close_code=None, reason="the process has ended"))
        now_s = time.monotonic()
        self._ends_s = [each for each in self._ends_s if now_s - each < 60] + [now_s]
        may_start = len(self._ends_s) <= _MOST_ENDS and not self._is_ended
        if not may_start:
            # Nothing plays the rest, which must not sound before a later reply.
            self._cut_off(*self.conversation.unheard)
        for tell in self._on_end:
            tell()
        may_open = may_start and len(self._ends_s) <= self.settings.reconnect_tries
        self._may_repeat = may_open if was_open else may_start
        if not was_open or not may_open:
            if was_open and not self._is_ended:
                text = (
                    f"The process of the connection has ended{error}. Start, or the next question, "
                    "opens the connection again."
                )
                self._tell_end(text, "error")
            self._mirror.tell_phase("closed")
            if may_start and self.conversation.unheard:
                # What was received is played to its end.
                self._tasks.spawn(self.start_process())
            return
        text = f"The process of the connection has ended{error}. Opening another one."
        self._tell_end(text, "warning")
        self._mirror.state = replace(self._state, is_reopening=True)
        self._mirror.tell_phase("opening")
        if self._reopening is not None:
            self._reopening.cancel()
        self._reopening = self._tasks.spawn(self._open_again())

    def _tell_end(self, text: str, level: Level) -> None:
        self._has_told_end = True
        self._mirror.add(Noted(text, level, _TOPIC))

    async def _open_again(self) -> None:
        with contextlib.suppress(GrokLiveError):  # It was noted.
            await self.open()

    # ----------------------------------------------------------------- requests
    async def request(
        self,
        method: str,
        *,
        within_s: float | None = None,
        again: Callable[[], Mapping[str, Any] | None] | None = None,
        **arguments: Any,
    ) -> Any:
        """Have the process do something, and wait for the result.

        Parameters
        ----------
        within_s : float or None [s]
            A process that answers later than this is ended.
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

    async def _request_if_running(self, method: str, **arguments: Any) -> None:
        """Have the process do what ends something, also the next one if it ends meanwhile."""
        for _ in range(2):
            if self._process is None and not self.is_reopening:
                return
            with contextlib.suppress(_ProcessEnded, ReplyTimeout):
                await self._request(method, _END_WITHIN_S, arguments)
                return

    async def _end_connection(self, method: str) -> None:
        """Have the process end the connection, and open no other one."""
        for _ in range(2):
            self._end_reopening()
            if self._process is None:
                break
            with contextlib.suppress(_ProcessEnded, ReplyTimeout):
                await self._request(method, _END_WITHIN_S, {})
                break
        self._end_reopening()

    def _end_reopening(self) -> None:
        if self._reopening is None or self._reopening.done():
            return
        self._reopening.cancel()
        self._reopening = None
        # A process that has not begun to open a session has no change of phase to tell.
        self._mirror.state = replace(self._state, is_reopening=False)
        self._mirror.tell_phase("closed")

    async def _request(
        self, method: str, within_s: float | None, arguments: Mapping[str, Any]
    ) -> Any:
        if method not in _OPENS_NOTHING:
            self.check_ended()
        process = await self._process_for(method)
        request_id = self._asked.new_id()
        self._kernel_calls.remember_caller(request_id)
        request = messages.Request(request_id, method, dict(arguments), request_id)
        call = self._asked.call(process.send, request)
        return await (call if within_s is None else self._within(call, within_s, process))

    async def _within(
        self, call: Coroutine[Any, Any, Any], limit_s: float, process: ConnectionProcess
    ) -> Any:
        answer = asyncio.ensure_future(call)
        try:
            # The second time for a kernel that was busy itself, and has not read the answer.
            for each_s in (limit_s, _UNREAD_S):
                await asyncio.wait({answer}, timeout=each_s)
                if answer.done():
                    return answer.result()
        finally:
            answer.cancel()
        process.kill()
        self._on_process_ended(process)
        raise ReplyTimeout(
            f"the process of the connection did not answer in {limit_s:g} s, and was ended.",
            timeout_s=limit_s,
            cure="Ask again, which waits until another one has opened the connection.",
        )

    def _error_from(self, failure: messages.Failure) -> Exception:
        return messages.error_from(failure, self._mirror.turn_of(failure.turn_id))

    def tell(self, method: str, **arguments: Any) -> None:
        """Have the process do something, unless there is none."""
        if self._process is not None:
            self._process.send(messages.Told(method, arguments))

    def _tell_standing(self, method: str, **arguments: Any) -> None:
        """The same, and have each later process do it first."""
        self._standing[method] = arguments
        self.tell(method, **arguments)

    def turn_of(self, turn_id: str) -> Turn:
        """A turn by its id; one that is in no conversation, of a reply of which nothing came."""
        if turn := self._mirror.turn_of(turn_id):
            return turn
        turn = Turn("assistant", tape=AudioBuffer())
        turn.is_complete = turn.was_interrupted = True
        return turn

    # ----------------------------------------------------------------- the talk
    async def open(self) -> None:
        """See `ReconnectingSession.open`."""
        self.check_ended()
        await self.request("open")

    async def send_audio(
        self, x: Any, sample_rate: int, *, end: bool, pace: Literal["fast", "realtime"]
    ) -> None:
        """See `ReconnectingSession.send_audio`."""
        self.check_ended()
        array = np.ascontiguousarray(checked(x))
        await self.request(
            "send_audio",
            data=array.tobytes(),
            dtype=array.dtype.str,
            shape=list(array.shape),
            sample_rate=sample_rate,
            end=end,
            pace=pace,
        )

    async def commit(self) -> None:
        """See `ReconnectingSession.commit`."""
        self.check_ended()
        await self.request("commit")

    async def clear(self) -> None:
        """See `ReconnectingSession.clear`."""
        await self._request_if_running("clear")

    async def interrupt(self) -> None:
        """See `ReconnectingSession.interrupt`."""
        await self._request_if_running("interrupt")
        if self._process is None:
            self._cut_off(*self.conversation.unheard)

    async def approve(self, call_id: str, is_allowed: bool) -> None:
        """See `ReconnectingSession.approve`."""
        self.check_ended()
        await self.request("approve", call_id=call_id, is_allowed=bool(is_allowed))

    async def update(
        self, given: Mapping[str, Any] | Callable[[Settings], Mapping[str, Any]]
    ) -> list[str]:
        """See `ReconnectingSession.update`."""
        self.check_ended()
        async with self._changing:
            given = given(self.settings) if callable(given) else given
            settings = self.settings.changed(given)
            await asyncio.to_thread(resolve_endpoint, settings, self.api_key)
            self._next_settings = settings
            self._kernel_calls.add_tools(settings)
            plain = messages.plain_settings(settings, given)
            rejected: list[str] = await self.request("update", given=plain)
            self.settings = settings
            return rejected

    async def say_text(self, text: str) -> Turn:
        """See `ReconnectingSession.say_text`."""
        return self.turn_of(await self.request("say_text", text=text))

    async def save(self, path: str | PathLike[str]) -> Path:
        """See `Talk.save`."""
        if self.settings.record is None:
            return await asyncio.to_thread(self.recording.save, path)
        if self._is_ended:
            return await asyncio.to_thread(copy_recording, self.settings.record, path)
        return Path(await self.request("save", path=os.fspath(path)))

    # ----------------------------------------------------------------- for a page
    def prepare(self) -> None:
        """Start the process, since a page shows the talk, which may be opened soon."""
        if self._process is None and not self._is_ended:
            self._tasks.spawn(self.start_process())

    def set_player(self, has_player: bool) -> None:
        """See `ReconnectingSession.set_player`."""
        self.conversation.may_be_played |= has_player
        self._tell_standing("set_player", has_player=has_player)

    def expect_player(self) -> None:
        """A panel that is shown later may play the replies."""
        self.conversation.may_be_played = True
        self._tell_standing("expect_player")

    async def skip(self, turns: Sequence[Turn]) -> None:
        """See `ReconnectingSession.skip`."""
        await self._request_if_running("skip", turn_ids=[each.turn_id for each in turns])
        if self._process is None:
            self._cut_off(*turns)

    def _cut_off(self, *turns: Turn) -> None:
        for turn in turns:
            self._mirror.add(Interrupted(response_id=turn._response_id, item_id=turn.item_id))

    def send_microphone(self, pcm: bytes) -> None:
        """See `ReconnectingSession.send_microphone`."""
        self.tell("send_microphone", pcm=pcm)

    async def report_playback(self, report: PlaybackReported) -> None:
        """See `ReconnectingSession.report_playback`."""
        await self._request_if_running("report_playback", **asdict(report))
        if self._process is None:
            self._mirror.add(report)

    async def end_microphone(self) -> None:
        """See `ReconnectingSession.end_microphone`."""
        await self._request_if_running("end_microphone")

    async def end_press(self) -> None:
        """See `ReconnectingSession.end_press`."""
        await self.request("end_press")

    async def discard_press(self) -> None:
        """See `ReconnectingSession.discard_press`."""
        await self._request_if_running("discard_press")

    async def disconnect(self) -> None:
        """See `ReconnectingSession.disconnect`."""
        await self._end_connection("disconnect")

    # ----------------------------------------------------------------- closing
    async def stop(self) -> None:
        """See `ReconnectingSession.stop`."""
        await self._end_connection("stop")
        if self._process is None:
            self._cut_off(*self.conversation.unheard)

    async def close(self) -> None:
        """Close the session, and end the process, for good."""
        self._is_ended = True
        self._end_reopening()
        process = self._process
        if process is not None:
            # It has ended by itself, or is ended since it does not answer.
            with contextlib.suppress(_ProcessEnded, ReplyTimeout):
                await self._request("close", _END_WITHIN_S, {})
            if self._parts:
                # A page still says how much of the last reply it has played.
                self._loop.call_later(_LINGER_S, self._end_process)
            else:
                self._end_process()
                await off_loop(process.wait)
        self._tasks.cancel()
        await self._kernel_calls.close()
        await off_loop(self.tool_threads.close)
        self._mirror.close()

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.close()


class _ProcessEnded(Exception):
    """The process has ended before it has answered; `error` is what the caller is told."""

    def __init__(self, error: SessionClosedError) -> None:
        super().__init__()
        self.error = error


# Methods that the next process may be asked for again, since nothing is done twice by that.
_REPEATABLE = ("open", "update", "save", "invite_page")
# Methods before which the key is not looked for.
_OPENS_NOTHING = (
    *("stop", "close", "clear", "interrupt", "approve", "save", "update"),
    *("end_microphone", "discard_press", "disconnect", "skip", "report_playback"),
    *("invite_page",),
)
