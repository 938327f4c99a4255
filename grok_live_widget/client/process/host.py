"""The process of a connection: a `ReconnectingSession`, and what the kernel asks of it.

Everything here runs on the loop of that process.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from contextvars import Context, ContextVar, copy_context
from importlib import import_module
from typing import Any, TypeVar

import numpy as np
from msgspec.structs import replace

from ..._processes.imports import import_now
from ..._threads import BackgroundTasks
from ...audio import AudioBuffer, pcm_from_bytes
from ...conversation import TAPE_S, Turn
from ...protocol import (
    AUDIO_CUT,
    DIALECTS,
    AppendAudio,
    AudioDelta,
    Event,
    PlaybackReported,
    SessionEnded,
)
from ...recording import Record
from ...settings import Settings
from ...tools import Tool
from ..ask import Asker
from ..clips import Clip
from ..credentials import Secret
from ..endpoint import Endpoint, remember, resolve_endpoint
from ..reconnecting_session import ReconnectingSession
from ..surroundings import Rehearsal
from . import messages
from .calls import Calls
from .pipe import Pipe
from .tapes import Memory, Place, SharedTape

T = TypeVar("T")
CallKernel = Callable[..., Awaitable[Any]]
"""See `SessionHost._call`."""

MOST_WAITING_BYTES = 1 << 28
"""What may wait for a kernel that is busy: events of days, without sound."""

# Stands for the context of the kernel's code that asks; 0: of the code that made the talk.
_caller: ContextVar[int] = ContextVar("grok_live_caller", default=0)

_END_WITHIN_S = 0.7
# How long the thread that writes may take to begin with an answer [s].
_WRITE_WITHIN_S = 0.01


class SessionHost:
    """Runs a talk's session for the kernel, as long as the pipe to it is open.

    Parameters
    ----------
    begin : Begin
    pipe : Pipe
    memory : Memory or None
        See `SharedTape`.

    Attributes
    ----------
    talk : ReconnectingSession
    methods : dict
        What the kernel may call, by name; parts add theirs.
    on_kernel_gone : list of callable
        Called when the kernel has ended without closing the talk.
    """

    def __init__(self, begin: messages.Begin, pipe: Pipe, memory: Memory | None = None) -> None:
        self._pipe = pipe
        self._tasks = BackgroundTasks()
        self._requests: dict[int, asyncio.Task[None]] = {}
        self.calls = Calls()
        self._known_turns: dict[str, Turn] = {}
        self._state = messages.TalkState()
        given = messages.settings_kwargs(begin.settings)
        settings = Settings(**given, **_partner(begin))
        self._tapes = {
            True: self._tape(True, settings.input_format.sample_rate, memory, begin.past),
            False: self._tape(False, settings.output_format.sample_rate, memory, begin.past),
        }
        tapes = (self._tapes[True].buffer, self._tapes[False].buffer)
        self._surroundings = ProcessSurroundings(begin, self._call, tapes)
        endpoint = self._surroundings.resolve(settings)
        self.talk = ReconnectingSession(
            settings, None, endpoint, begin.timeouts, self._surroundings
        )
        # Those that hold, and how often they have changed.
        self._settings, self._update_count = settings, 0
        self._asker = Asker(self.talk)
        self.talk.follow(self._on_event)
        self.talk.frame_log.on_add = self._on_frame
        if begin.past is not None:
            self._go_on_from(begin.past)
        self.methods: dict[str, Callable[..., Any]] = {
            each.__name__: each
            for each in (
                *(self.talk.stop, self.talk.disconnect, self.talk.close, self.talk.interrupt),
                *(self.talk.commit, self.talk.clear, self.talk.approve, self.talk.note),
                *(
                    self.talk.set_player,
                    self.talk.expect_player,
                    self.talk.end_press,
                    self.talk.discard_press,
                ),
                *(self.talk.end_microphone, self.talk.send_microphone),
                *(self.open, self.send_audio, self.update, self.save),
                *(self.ask, self.say, self.say_verbatim, self.say_text),
                *(self.skip, self.report_playback, self.delayed, self.tape_followed),
                self.ping,
            )
        }
        self.on_kernel_gone: list[Callable[[], object]] = []
        for name in begin.parts:
            # What they do is asked for by the kernel alone, which names its own modules.
            import_module(name).add_to(self)

    # ----------------------------------------------------------------- what the kernel sends
    def receive(self, received: list[messages.Down]) -> None:
        """Act on messages of the kernel."""
        for message in received:
            match message:
                case messages.Request():
                    context = copy_context()
                    context.run(_caller.set, message.caller)
                    task = self._tasks.spawn(self._answer(message), context)
                    self._requests[message.id] = task
                case messages.KeyFound():
                    self._surroundings.use(message)
                case messages.Told():
                    self.methods[message.method](**message.arguments)
                case messages.Cancelled():
                    if asked := self._requests.get(message.id):
                        asked.cancel()
                case messages.Returned() | messages.Raised():
                    self.calls.settle(message)
        self._prepare_for_sound()

    def _prepare_for_sound(self) -> None:
        """Import what only sound needs, unless an answer is waited for."""
        if not self._requests:
            import_now("numpy")

    async def _answer(self, request: messages.Request) -> None:
        answer: messages.Message
        try:
            value = await self.methods[request.method](**request.arguments)
            answer = messages.Returned(request.id, value)
        except Exception as error:  # noqa: BLE001  (raised again in the kernel)
            answer = messages.Raised(request.id, messages.failure_from(error))
        finally:
            del self._requests[request.id]
        self._send_state()
        self._send(answer)
        asyncio.get_running_loop().call_later(_WRITE_WITHIN_S, self._prepare_for_sound)

    async def end(self) -> None:
        """Close everything quickly: the kernel has closed the talk, or is gone."""
        if not self.talk.is_ended:
            for tell in self.on_kernel_gone:
                tell()
        try:
            async with asyncio.timeout(_END_WITHIN_S):
                await self.talk.close()
        finally:
            os._exit(0)

    # ----------------------------------------------------------------- to the kernel
    def _send(self, message: messages.Message, *, can_wait: bool = False) -> None:
        is_sent = self._pipe.send(messages.encode(message), can_wait=can_wait)
        # Where the kernel is gone, `end` has still to close the recording.
        if not is_sent and not self._pipe.is_closed:
            # The kernel has been busy for days; it begins anew with what it knows.
            os._exit(1)

    def send_part(self, part: str, content: Any, buffer: bytes | None = None) -> None:
        """Send a message of a part of this process to the part of the same name in the kernel."""
        self._send(messages.PartSent(part, content, buffer))

    def _on_event(self, event: Event, changed: list[Turn], now_s: float) -> None:
        self._send_state()
        is_hidden = isinstance(event, SessionEnded) and self.talk.session is None
        new = [turn for turn in changed if turn.turn_id not in self._known_turns]
        self._known_turns |= {turn.turn_id: turn for turn in new}
        kept, sound = self.talk.conversation.kept, None
        if kept is not None and isinstance(event, AppendAudio | AudioDelta):
            is_user = isinstance(event, AppendAudio)
            if self._tapes[is_user].is_followed:
                sound, event = (kept.start, kept.sample_count), replace(event, pcm=b"")
        turn_ids = tuple(turn.turn_id for turn in new)
        # Nothing in the kernel waits for the microphone, of which there are 50 chunks a second.
        can_wait = isinstance(event, AppendAudio)
        self._send(messages.Happened(event, now_s, turn_ids, sound, is_hidden), can_wait=can_wait)

    async def _call(
        self,
        method: str,
        arguments: dict[str, Any],
        caller: int = 0,
        on_told: Callable[[str], object] | None = None,
    ) -> Any:
        """Have the kernel call something."""
        request = messages.Request(self.calls.new_id(), method, arguments, caller)
        return await self.calls.call(self._send, request, on_told)

    def _on_frame(self, record: Record) -> None:
        *head, text, audio_byte_count = record
        parts = tuple(text.split(AUDIO_CUT)) if audio_byte_count >= 0 else (text,)
        logged = messages.FrameLogged((*head, b"", audio_byte_count), parts)  # type: ignore[arg-type]
        self._send(logged, can_wait=True)

    def _send_state(self) -> None:
        """Send what holds, unless it is what was sent last."""
        talk, session = self.talk, self.talk.session
        self._update_count += talk.settings is not self._settings
        self._settings = talk.settings
        state = messages.TalkState(
            phase=talk.phase,
            is_reopening=talk.is_reopening,
            server_name=talk.session_server_name,
            dialect=talk.dialect,
            conversation_id=self._state.conversation_id
            if session is None
            else session.conversation_id,
            ends_at_s=talk.ends_at_s,
            dropped_s=talk.dropped_s,
            is_sending_sound=talk.is_sending_sound,
            update_count=self._update_count,
        )
        if state != self._state:
            self._state = state
            self._send(messages.StateChanged(state))

    # ----------------------------------------------------------------- beginning
    def _tape(
        self, is_user: bool, sample_rate: int, memory: Memory | None, past: messages.Past | None
    ) -> SharedTape:
        def on_move(base: int, capacity: int, name: str) -> None:
            self._send(messages.TapeMoved(is_user, base, capacity, name))

        place = None if past is None else Place(*past.places[0 if is_user else 1])
        return SharedTape(TAPE_S * sample_rate, memory, on_move, place)

    def _go_on_from(self, past: messages.Past) -> None:
        conversation = self.talk.conversation
        for each in past.turns:
            turn = self._past_turn(each)
            conversation.add_past(turn, is_unheard=each.sound is not None)
            self._known_turns[each.turn_id] = turn
        conversation._origin_s = past.origin_s
        self.talk.recording.go_on()
        self.talk.go_on_with(past.conversation_id, past.why)

    def _past_turn(self, past: messages.PastTurn) -> Turn:
        tape, sound = AudioBuffer(), past.sound
        rate_hz = self.talk.conversation.output_sample_rate
        turn = Turn(past.role, tape=tape, sample_rate=rate_hz, text=past.text)  # type: ignore[arg-type]
        turn.is_complete, turn.turn_id = True, past.turn_id
        if sound is not None:
            tape.append(pcm_from_bytes(sound.pcm))
            turn.item_id, turn._response_id = sound.item_id, sound.response_id
            turn.was_interrupted = sound.was_interrupted
            turn._hear(sound.heard_sample_count)
        return turn

    # ----------------------------------------------------------------- methods
    async def open(self) -> None:
        """See `ReconnectingSession.open`."""
        await self.talk.open()

    async def send_audio(
        self, data: bytes, dtype: str, shape: list[int], sample_rate: Any, end: bool, pace: Any
    ) -> None:
        """See `ReconnectingSession.send_audio`."""
        x = np.frombuffer(data, np.dtype(dtype)).reshape(shape)
        await self.talk.send_audio(x, sample_rate, end=end, pace=pace)

    async def update(self, given: dict[str, Any]) -> list[str]:
        """See `ReconnectingSession.update`."""
        return await self.talk.update(messages.settings_kwargs(given))

    async def save(self, path: str) -> str:
        """See `Talk.save`."""
        return str(await self.talk.save(path))

    async def ask(self, asked: str | dict[str, Any], **arguments: Any) -> str:
        """See `Asker.ask_prepared`; returns the id of the turn, empty for one that is not there."""
        return self._id_of(await self._asker.ask_prepared(_asked(asked), **arguments))

    async def say(self, said: str | dict[str, Any]) -> str:
        """See `Asker.say_prepared`."""
        return self._id_of(await self._asker.say_prepared(_asked(said)))

    async def say_text(self, text: str) -> str:
        """See `ReconnectingSession.say_text`."""
        return self._id_of(await self.talk.say_text(text))

    async def say_verbatim(self, **arguments: Any) -> str:
        """See `Asker.say_verbatim`."""
        return self._id_of(await self._asker.say_verbatim(**arguments))

    async def ping(self) -> None:
        """Show that this process still answers."""

    def tape_followed(self, is_user: bool, name: str) -> None:
        """The kernel has opened memory that has a name."""
        self._tapes[is_user].confirm(name)

    async def skip(self, turn_ids: list[str]) -> None:
        """See `ReconnectingSession.skip`."""
        self.talk.cut_off(*filter(None, map(self.turn_of, turn_ids)))

    async def report_playback(self, **report: Any) -> None:
        """See `ReconnectingSession.report_playback`."""
        await self.talk.report_playback(PlaybackReported(**report))

    def delayed(self, call_id: int, text: str) -> None:
        """A tool waits for its thread, or waits no longer."""
        self.calls.tell(call_id, text)

    def turn_of(self, turn_id: str) -> Turn | None:
        """A turn of the talk."""
        return self._known_turns.get(turn_id)

    def _id_of(self, turn: Turn) -> str:
        return turn.turn_id if turn.turn_id in self._known_turns else ""


class KernelPartner(dict[str, Any]):
    """A partner that only the kernel has, with what a recording says of it."""

    def as_partner(self) -> Any:
        """The kernel starts the rehearsal, so that nothing calls this."""
        raise NotImplementedError


def _partner(begin: messages.Begin) -> dict[str, Any]:
    """The setting `partner`, or what stands for it."""
    if begin.partner is False:
        return {}
    is_object = isinstance(begin.partner, dict)
    return {"partner": KernelPartner(begin.partner) if is_object else begin.partner}


def _asked(plain: str | dict[str, Any]) -> str | Clip:
    return plain if isinstance(plain, str) else Clip(**plain | {"notes": ()})


class RemoteTools:
    """The functions of tools, which the kernel calls; see `surroundings.ToolCalls`."""

    def __init__(self, call: CallKernel) -> None:
        self.context = copy_context()
        self._call = call

    async def read_arguments(self, tool: Tool, text: str) -> dict[str, Any]:
        """Have the kernel check the arguments, and keep their text."""
        await self._call("read_arguments", {"name": tool.name, "text": text})
        return {"text": text}

    async def call(
        self,
        tool: Tool,
        arguments: dict[str, Any],
        finish: Callable[[Any], T],
        context: Context,
        on_delay: Callable[[str], object],
        delay_s: float,
    ) -> Any:
        """Have the kernel call the function, which finishes the result too."""
        return await self._call(
            "call_tool",
            {"name": tool.name, "text": arguments["text"]},
            caller=context.get(_caller, 0),
            on_told=on_delay,
        )

    def refuse_own_tool(self, method: str) -> None:
        """The kernel does."""

    def close(self) -> None:
        """The kernel does."""


class ProcessSurroundings:
    """The process of a connection; see `surroundings.Surroundings`."""

    keeps_events = False

    def __init__(
        self, begin: messages.Begin, call: CallKernel, tapes: tuple[AudioBuffer, AudioBuffer]
    ) -> None:
        self._key: Secret | None = None
        self._failure: Exception | None = None
        self.use(begin.key)
        self.tapes = tapes
        self.tool_threads = RemoteTools(call)
        self._call = call
        for url, name in begin.remembered.items():
            remember(url, DIALECTS[name])

    def use(self, found: messages.KeyFound) -> None:
        """Use what the kernel has found from the next session on."""
        self._key = None if found.key is None else Secret(found.key)
        self._failure = None if found.failure is None else messages.error_from(found.failure)

    def resolve(self, settings: Settings) -> Endpoint:
        """See `Surroundings`."""
        if self._failure is not None:
            raise self._failure
        return resolve_endpoint(settings, find=lambda _: self._key)

    async def start_rehearsal(self, settings: Settings) -> Rehearsal:
        """See `Surroundings`."""
        return KernelRehearsal(**await self._call("start_rehearsal", {}))


class KernelRehearsal:
    """A rehearsal that the kernel has started."""

    # Only the kernel knows; it is asked for each session.
    is_running = False

    def __init__(self, urls: Mapping[str, str], api_key: str | None, remark: str) -> None:
        self._urls, self.api_key, self.remark = urls, api_key, remark

    def url(self, dialect: str | None = None) -> str:
        """The URL of a dialect."""
        return self._urls[dialect or "realtime"]

    def close(self) -> None:
        """The kernel does, with the talk."""


async def serve(
    read_fd: int, write_fd: int, memory: Memory | None, on_start: Callable[..., object]
) -> None:
    """Serve the kernel until the pipe to it is closed."""
    host: SessionHost | None = None
    ended = asyncio.Event()

    def receive(received: list[Any]) -> None:
        nonlocal host
        if host is None:
            host, received = SessionHost(received[0], pipe, memory), received[1:]
        host.receive(received)

    decode = messages.decoder_of(messages.Begin | messages.Down)
    pipe = Pipe(read_fd, write_fd, decode, receive, ended.set, most_bytes=MOST_WAITING_BYTES)
    on_start(asyncio.get_running_loop(), ended)
    pipe.start()
    await ended.wait()
    if host is not None:
        await host.end()
    os._exit(0)
