"""One client's line: the socket, the clock and the workers around a `SessionState`."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from ..protocol import (
    AppendAudio,
    Authenticate,
    ClearAudio,
    ClientEvent,
    CommitAudio,
    Dialect,
    ServerEvent,
    Unrecognized,
    UpdateSession,
)
from .asr import words
from .formats import InputConverter
from .frames import frame_from, sound_from
from .history import Memories
from .partner import Partner, ToolCall
from .partner_runner import perform
from .response import Reply, UserInput
from .session import SessionState
from .timing import Idleness, Pace
from .vad import SpeechBegan, SpeechEnded, VoiceActivityDetector

__all__ = ["Line", "LineSettings", "Socket", "Workers", "is_right_key", "on_worker"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSettings:
    """What all lines of a server have in common; the key is in no repr.

    Parameters
    ----------
    speed : float > 0
        How much faster than real time a reply's sound is sent.
    recognises_words : bool
        Whether words are looked for in the user's sound.
    memories : Memories
        Conversations that may go on.
    """

    partner: Partner
    api_key: str | None = field(repr=False)
    half_duplex: bool
    speed: float
    recognises_words: bool
    ping_interval_s: float
    memories: Memories = field(default_factory=Memories)


@dataclass(frozen=True, slots=True)
class Workers:
    """Where hearing runs, and where words are recognised: slower, and one at a time."""

    hearing: Executor
    words: Executor


class Socket(Protocol):
    """What a line needs of its socket; all may raise when the line is closed."""

    async def recv(self, *, decode: bool | None) -> str | bytes:
        """The next frame; as bytes with ``decode=False``, else text as str."""

    async def send(self, message: bytes, *, text: bool) -> None:
        """Send a frame."""

    async def close(self, code: int, reason: str) -> None:
        """Hang up."""


class Line:
    """Talks with one client until it hangs up.

    Everything happens on the server's loop, except what takes time: hearing and words run
    on `workers`, the partner on a thread of its own.
    """

    def __init__(
        self,
        socket: Socket,
        dialect: Dialect,
        model: str,
        settings: LineSettings,
        workers: Workers,
        conversation_id: str = "",
    ) -> None:
        self._socket, self._dialect, self._settings = socket, dialect, settings
        self._workers = workers
        self._state = SessionState(
            model,
            answers_commits=not dialect.has_responses,
            resumable=settings.memories.recall(conversation_id, time.monotonic()),
        )
        self._inlet = InputConverter()
        self._ear = VoiceActivityDetector()
        self._idleness = Idleness(self._take_turn)
        self._pace = Pace(settings.speed)
        # Held while the ear is used: it is lent to a worker.
        self._ear_lock = asyncio.Lock()
        self._outbox: asyncio.Queue[ServerEvent] = asyncio.Queue()
        self._tasks: set[asyncio.Task[Any]] = set()
        # The reply that `_answering` tells.
        self._told: Reply | None = None
        self._answering: asyncio.Task[None] | None = None
        self._understanding: dict[UserInput, asyncio.Task[None]] = {}

    @property
    def settled_sample_count(self) -> int:
        """How many samples were received, once all of them are judged and answered; else 0."""
        is_at_work = self._ear.has_unjudged or self._state.reply or self._understanding
        return 0 if is_at_work or self._answering else self._inlet.received_count

    async def talk(self) -> None:
        """Serve the client until the socket raises; by then everything else has ended."""
        writer = self._spawn(self._write())
        reader = self._spawn(self._read())
        try:
            await asyncio.wait({writer, reader}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._end_tasks()
        # Both are asked: an error that nobody asks for is logged as lost.
        errors = [task.exception() for task in (writer, reader) if not task.cancelled()]
        for error in filter(None, errors):
            raise error

    async def _end_tasks(self) -> None:
        # First, so that the next line already finds the conversation.
        self._settings.memories.leave(self._state.history, time.monotonic())
        while tasks := self._tasks - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._tasks -= tasks
        self._idleness.stop()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # ------------------------------------------------------------------ the socket
    async def _write(self) -> None:
        while True:
            event = await self._outbox.get()
            form = self._state.format_of(event)
            sound = sound_from(event, form)
            frame = frame_from(event, self._dialect, form) if sound is None else sound
            if frame is not None:
                await self._socket.send(frame, text=sound is None)
            self._outbox.task_done()

    async def _read(self) -> None:
        if self._dialect.has_responses:
            self._state.greet(_now_ms())
            self._carry_out()
        elif not await self._is_admitted():
            return
        self._spawn(self._ping())
        while True:
            event = await self._next_event()
            async with self._ear_lock:
                await self._receive(event)
                self._carry_out()

    async def _next_event(self) -> ClientEvent | Unrecognized:
        is_binary, codec = self._inlet.form.transport == "binary", self._inlet.codec
        # Only where sound may come alone is it told from text, which takes decoding.
        frame = await self._socket.recv(decode=None if is_binary else False)
        if is_binary and isinstance(frame, bytes):
            return AppendAudio(codec.decode(frame)[0])
        data = frame if isinstance(frame, bytes) else frame.encode()
        return self._dialect.decode_client(data, codec)

    async def _is_admitted(self) -> bool:
        """On `live` the key is the first message."""
        event = await self._next_event()
        if isinstance(event, Authenticate) and is_right_key(event.api_key, self._settings.api_key):
            return True
        self._state.report("incorrect API key: the first message must be auth with the right one.")
        self._carry_out()
        await self._outbox.join()
        await self._socket.close(1008, "incorrect API key")
        return False

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self._settings.ping_interval_s)
            self._state.ping(_now_ms())
            self._carry_out()

    # ------------------------------------------------------------------ what comes in
    async def _receive(self, event: ClientEvent | Unrecognized) -> None:
        match event:
            case AppendAudio():
                self._ear.receive(self._inlet.receive(event.pcm))
                await self._listen()
                self._inlet.forget_before(self._ear.known_from)
            case UpdateSession():
                self._update(event)
            case CommitAudio():
                self._commit()
            case ClearAudio():
                self._ear.receive(self._inlet.flush())
                self._ear.clear()
                self._state.clear()
            case Authenticate():
                pass  # Said again, or where the handshake has settled it.
            case _:
                self._state.receive(event)

    async def _listen(self) -> None:
        """SpeechClassifier what was received; in half duplex only while nobody replies."""
        while self._ear.has_unjudged and not (self._settings.half_duplex and self._state.reply):
            heard = await on_worker(self._workers.hearing, self._ear.next_heard)
            if heard is None:
                break
            if isinstance(heard, SpeechBegan):
                self._state.begin_speech(heard)
            else:
                self._end_speech(heard)
            self._carry_out()
        self._state.follow_speech(self._ear.speech_ms)

    def _update(self, event: UpdateSession) -> None:
        before = self._state.settings
        self._state.update(event, _now_ms())
        settings, memories = self._state.settings, self._settings.memories
        if settings.input_format != before.input_format:
            self._ear.receive(self._inlet.change(settings.input_format))
        if type(before.turn_detection) is not type(settings.turn_detection) and self._ear.is_speech:
            self._end_speech(self._ear.end_speech())
        self._ear.listen_for(settings.turn_detection)
        remember = memories.keep if settings.resumption else memories.drop
        remember(self._state.history)

    def _commit(self) -> None:
        self._ear.receive(self._inlet.flush())
        if self._ear.is_speech:
            self._end_speech(self._ear.end_speech())
        else:
            received = self._inlet.cut(self._ear.untaken_from, self._ear.position)
            self._state.commit(self._ear.take(), received)

    def _end_speech(self, ended: SpeechEnded) -> None:
        received = self._inlet.cut(ended.start_ms * 24, ended.end_ms * 24)
        self._state.end_speech(ended, received)

    def _take_turn(self, quiet_since_ms: int) -> None:
        self._state.take_turn(quiet_since_ms, self._ear.position // 24)
        self._carry_out()

    # ------------------------------------------------------------------ what follows from it
    def _carry_out(self) -> None:
        """Send what the state has said, and start or stop what takes time."""
        for event in self._state.take_said():
            self._outbox.put_nowait(event)
        for heard in self._state.take_unrecognised():
            self._understanding[heard] = self._spawn(self._understand(heard))
        reply = self._state.reply
        quiet_since_ms, timeout_ms = self._ear.position // 24, self._state.idle_timeout_ms
        self._idleness.follow(timeout_ms, quiet_since_ms, self._pace.rest_s)
        if reply is self._told:
            return
        if self._answering:
            self._answering.cancel()
            self._pace = Pace(self._settings.speed)
        self._told = reply
        self._answering = self._spawn(self._answer(reply)) if reply else None

    async def _understand(self, heard: UserInput) -> None:
        recognised = ""
        if self._settings.recognises_words:
            recognised = await on_worker(self._workers.words, words, heard.pcm)
        self._state.understand(heard, recognised)
        del self._understanding[heard]
        self._carry_out()

    async def _answer(self, reply: Reply) -> None:
        """Tell a reply from its beginning to its end, unless it is cancelled in between."""
        understanding = self._understanding.get(reply.heard)
        if understanding:
            # Not awaited itself: a cancelled reply must not cost the user's words.
            await asyncio.wait({understanding})
        if not reply.is_begun:
            self._state.begin_reply(reply)
            self._carry_out()
        try:
            await self._tell(reply)
            self._state.end_reply(reply)
        except Exception as error:  # noqa: BLE001 - told to the client; the server stays up.
            self._state.fail_reply(reply, error)
        self._told = self._answering = None
        self._carry_out()
        async with self._ear_lock:
            await self._listen()
            self._carry_out()

    async def _tell(self, reply: Reply) -> None:
        self._pace = Pace(self._settings.speed)
        verbatim = reply.verbatim
        partner = self._settings.partner if verbatim is None else lambda _: verbatim
        async with aclosing(perform(partner, self._state.turn_for(reply))) as pieces:
            async for piece in pieces:
                if isinstance(piece, ToolCall):
                    reply.call(piece)
                else:
                    reply.add(piece)
                    await self._send_deltas(reply)
        await self._send_deltas(reply, is_last=True)

    async def _send_deltas(self, reply: Reply, *, is_last: bool = False) -> None:
        while delta := reply.next_delta(is_last=is_last):
            await self._pace.wait_for(delta.duration_s)
            self._state.tell(reply, delta.events)
            self._carry_out()
            # A client that does not read holds up its reply, and the memory it would take.
            await self._outbox.join()


async def on_worker(worker: Executor, function: Callable[..., T], *args: Any) -> T:
    """Run a function on one of the workers."""
    return await asyncio.get_running_loop().run_in_executor(worker, function, *args)


def is_right_key(given: str, wanted: str | None) -> bool:
    """Compare keys in a time that tells nothing; None accepts any."""
    return wanted is None or hmac.compare_digest(given.encode(), wanted.encode())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
