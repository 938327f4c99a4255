"""One client's connection: the socket, the clock and the tasks around a `SessionState`."""

from __future__ import annotations

import asyncio
import hmac
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from contextlib import aclosing
from typing import Any, Protocol

from msgspec import Struct, field

from .._structs import repr_of
from ..exceptions import RehearsalError
from ..protocol import (
    PARTNER_PARAM,
    AppendAudio,
    AudioDelta,
    Authenticate,
    ClearAudio,
    ClientEvent,
    CommitAudio,
    Dialect,
    ServerEvent,
    TextDelta,
    TranscriptDelta,
    Unrecognized,
    UpdateSession,
)
from .asr import recognise
from .faults.base import ConnectionFault, FaultySocket, socket_with_fault
from .formats import InputConverter
from .frames import binary_frame_from, frame_from
from .history import ConversationStore
from .partner import ANSWERS, CallTool, Partner, Remark
from .partner_runner import PartnerHost, run_partner
from .response import Response, UserInput
from .session import SessionState
from .timing import IdleTimer, Pacer
from .vad import SpeechBegan, SpeechEnded, VoiceActivityDetector

_DELTAS = (AudioDelta, TextDelta, TranscriptDelta)


class ConnectionSettings(Struct, frozen=True, kw_only=True):
    """What all connections of a server have in common; no repr shows the key.

    Parameters
    ----------
    speed : float > 0
        How much faster than real time the audio of a response is sent.
    recognises_words : bool
        Whether words are recognised in the user's speech.
    conversations : ConversationStore
        Conversations that can be resumed.
    partner_host : PartnerHost
        What the partner's answers share.
    """

    partner: Partner
    api_key: str | None
    half_duplex: bool
    speed: float
    recognises_words: bool
    ping_interval_s: float
    conversations: ConversationStore = field(default_factory=ConversationStore)
    partner_host: PartnerHost = field(default_factory=PartnerHost)

    def __repr__(self) -> str:
        return repr_of(self, [each for each in self.__struct_fields__ if each != "api_key"])


class Socket(Protocol):
    """What a connection needs of its socket; every method may raise once it is closed."""

    transport: asyncio.Transport

    async def recv(self, *, decode: bool | None) -> str | bytes:
        """The next frame; as bytes with ``decode=False``, else text as str."""

    async def send(self, message: bytes, *, text: bool) -> None:
        """Send a frame."""

    async def close(self, code: int, reason: str) -> None:
        """Close the connection."""


class ClientConnection(ABC):
    """A client until it disconnects: its socket, its key and the audio it sends.

    Everything happens on the server's loop, except what takes time, such as voice activity
    detection.
    """

    def __init__(self, socket: Socket, dialect: Dialect, settings: ConnectionSettings) -> None:
        self._socket, self._dialect, self._settings = socket, dialect, settings
        self._input = InputConverter()
        self._vad = VoiceActivityDetector()
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def settled_sample_count(self) -> int:
        """How many samples were received."""
        return self._input.received_count

    @abstractmethod
    async def _read(self) -> None:
        """Receive from the client."""

    @abstractmethod
    async def _write(self) -> None:
        """Send to the client."""

    @abstractmethod
    async def _report(self, message: str) -> None:
        """Send an error; returns when it is on its way."""

    async def serve(self) -> None:
        """Serve the client until the socket raises; all tasks have ended by then."""
        ends = self._spawn(self._write()), self._spawn(self._read())
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self._end_tasks()
        # Both exceptions are retrieved: asyncio logs one that never is.
        errors = [task.exception() for task in ends if not task.cancelled()]
        for error in filter(None, errors):
            raise error

    async def _end_tasks(self) -> None:
        while tasks := self._tasks - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._tasks -= tasks

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _next_event(self) -> ClientEvent | Unrecognized:
        is_binary, codec = self._input.audio_format.transport == "binary", self._input.codec
        # Telling text from binary frames takes decoding, so it is done only where audio is binary.
        frame = await self._socket.recv(decode=None if is_binary else False)
        if is_binary and isinstance(frame, bytes):
            return AppendAudio(codec.decode(frame)[0])
        data = frame if isinstance(frame, bytes) else frame.encode()
        return self._dialect.decode_client(data, codec)

    async def _authenticate(self) -> bool:
        """On `live` the key is the first message."""
        event = await self._next_event()
        if isinstance(event, Authenticate) and is_valid_key(event.api_key, self._settings.api_key):
            return True
        await self._report("incorrect API key: the first message must be auth with the right one.")
        await self._socket.close(1008, "incorrect API key")
        return False


class Connection(ClientConnection):
    """A client that talks with the partner, which runs on a thread of its own.

    Parameters
    ----------
    recognition_lock : asyncio.Lock
        Held while words are recognised: that is slow and works for one speaker at a time.
    """

    def __init__(
        self,
        socket: Socket,
        dialect: Dialect,
        settings: ConnectionSettings,
        *,
        recognition_lock: asyncio.Lock,
        model: str,
        conversation_id: str = "",
    ) -> None:
        super().__init__(socket, dialect, settings)
        self._recognition_lock = recognition_lock
        self._state = SessionState(
            model,
            answers_commits=not dialect.has_responses,
            resumable=settings.conversations.find(conversation_id, time.monotonic()),
        )
        self._idle_timer = IdleTimer(self._on_idle)
        self._pacer = Pacer(settings.speed)
        # Held while the detector is in use, because it runs on another thread.
        self._vad_lock = asyncio.Lock()
        self._outbox: asyncio.Queue[ServerEvent] = asyncio.Queue()
        # The response that `_response_task` sends.
        self._current_response: Response | None = None
        self._response_task: asyncio.Task[None] | None = None
        self._transcription_tasks: dict[UserInput, asyncio.Task[None]] = {}

    @property
    def settled_sample_count(self) -> int:
        """How many samples were received once all are processed and answered, else 0."""
        is_at_work = self._vad.has_unprocessed or self._state.response or self._transcription_tasks
        return 0 if is_at_work or self._response_task else self._input.received_count

    async def _end_tasks(self) -> None:
        self._state.forget_unsent()
        # First, so that the next connection already finds the conversation.
        self._settings.conversations.release(self._state.history, time.monotonic())
        await super()._end_tasks()
        self._idle_timer.stop()

    # ------------------------------------------------------------------ the socket
    async def _write(self) -> None:
        while True:
            event = await self._outbox.get()
            audio_format = self._state.format_of(event)
            audio = binary_frame_from(event, audio_format)
            frame = frame_from(event, self._dialect, audio_format) if audio is None else audio
            if frame is not None:
                await self._socket.send(frame, text=audio is None)
                if isinstance(event, _DELTAS) and not self._has_ended:
                    self._state.note_sent(event.item_id)
            self._outbox.task_done()

    @property
    def _has_ended(self) -> bool:
        """Whether a fault has ended the connection."""
        return isinstance(self._socket, FaultySocket) and self._socket.has_ended

    async def _read(self) -> None:
        if self._dialect.has_responses:
            self._state.start(_now_ms())
            self._apply_state()
        elif not await self._authenticate():
            return
        self._spawn(self._ping())
        while True:
            event = await self._next_event()
            async with self._vad_lock:
                await self._receive(event)
                self._apply_state()

    async def _report(self, message: str) -> None:
        self._state.report_error(message)
        self._apply_state()
        await self._outbox.join()

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(self._settings.ping_interval_s)
            self._state.ping(_now_ms())
            self._apply_state()

    # ------------------------------------------------------------------ client events
    async def _receive(self, event: ClientEvent | Unrecognized) -> None:
        match event:
            case AppendAudio():
                self._vad.receive(self._input.receive(event.pcm))
                await self._listen()
                self._input.discard_before(self._vad.oldest_position)
            case UpdateSession():
                self._update(event)
            case CommitAudio():
                self._commit()
            case ClearAudio():
                self._vad.receive(self._input.flush())
                self._vad.clear()
                self._state.clear()
            case Authenticate():
                pass  # Sent again, or after the handshake has authenticated the client.
            case _:
                self._state.receive(event)

    async def _listen(self) -> None:
        """Process the audio received; in half duplex only while there is no response."""
        while self._vad.has_unprocessed and not (
            self._settings.half_duplex and self._state.response
        ):
            event = await asyncio.to_thread(self._vad.next_event)
            if event is None:
                break
            if isinstance(event, SpeechBegan):
                self._state.begin_speech(event)
            else:
                self._end_speech(event)
            self._apply_state()
        self._state.report_speech_progress(self._vad.speech_ms)

    def _update(self, event: UpdateSession) -> None:
        before = self._state.settings
        self._state.update(event, _now_ms())
        settings, conversations = self._state.settings, self._settings.conversations
        if settings.input_format != before.input_format:
            self._vad.receive(self._input.change(settings.input_format))
        if type(before.turn_detection) is not type(settings.turn_detection) and self._vad.is_speech:
            self._end_speech(self._vad.end_speech())
        self._vad.configure(settings.turn_detection)
        retain_or_drop = conversations.retain if settings.resumption else conversations.drop
        retain_or_drop(self._state.history)

    def _commit(self) -> None:
        self._vad.receive(self._input.flush())
        if self._vad.is_speech:
            self._end_speech(self._vad.end_speech())
        else:
            received = self._input.cut(self._vad.uncommitted_from, self._vad.position)
            self._state.commit(self._vad.take(), received)

    def _end_speech(self, ended: SpeechEnded) -> None:
        received = self._input.cut(ended.start_ms * 24, ended.end_ms * 24)
        self._state.end_speech(ended, received)

    def _on_idle(self, silence_start_ms: int) -> None:
        self._state.take_idle_turn(silence_start_ms, self._vad.position // 24)
        self._apply_state()

    # ------------------------------------------------------------------ the session's state
    def _apply_state(self) -> None:
        """Send the events of the session; start and stop its tasks."""
        for event in self._state.take_events():
            self._outbox.put_nowait(event)
        for user_input in self._state.take_unrecognised():
            self._transcription_tasks[user_input] = self._spawn(self._transcribe(user_input))
        response = self._state.response
        silence_start_ms, timeout_ms = self._vad.position // 24, self._state.idle_timeout_ms
        self._idle_timer.update(timeout_ms, silence_start_ms, self._pacer.remaining_playback_s)
        if response is self._current_response:
            return
        if self._response_task:
            self._response_task.cancel()
            self._pacer = Pacer(self._settings.speed)
        self._current_response = response
        self._response_task = self._spawn(self._run_response(response)) if response else None

    async def _transcribe(self, user_input: UserInput) -> None:
        recognised = ""
        if self._settings.recognises_words:
            async with self._recognition_lock:
                recognised = await self._recognise(user_input)
        self._state.set_transcript(user_input, recognised)
        del self._transcription_tasks[user_input]
        self._apply_state()

    @staticmethod
    async def _recognise(user_input: UserInput) -> str:
        """Recognise words on another thread, which ends with this task: `close` joins it."""
        cancelled = threading.Event()
        try:
            return await asyncio.to_thread(recognise, user_input.pcm, cancelled)
        finally:
            cancelled.set()

    async def _run_response(self, response: Response) -> None:
        """Run a response from its beginning to its end, unless it is cancelled in between."""
        transcription = self._transcription_tasks.get(response.user_input)
        if transcription:
            # Awaited indirectly: cancelling the response must not cancel the transcription.
            await asyncio.wait({transcription})
        self._state.begin_response(response)
        self._apply_state()
        try:
            await self._stream_response(response)
            self._state.complete_response(response)
        except Exception as error:  # noqa: BLE001 - reported to the client; the server stays up.
            self._state.fail_response(response, error)
        self._current_response = self._response_task = None
        self._apply_state()
        async with self._vad_lock:
            await self._listen()
            self._apply_state()

    async def _stream_response(self, response: Response) -> None:
        self._pacer = Pacer(self._settings.speed)
        verbatim, remarks = response.verbatim, list[str]()
        partner = self._settings.partner if verbatim is None else lambda _: verbatim
        turn, host = self._state.partner_turn(response), self._settings.partner_host
        try:
            async with aclosing(run_partner(partner, turn, host)) as pieces:
                async for piece in pieces:
                    match piece:
                        case CallTool():
                            response.call(piece)
                        case Remark():
                            remarks.append(piece.text)
                        case ConnectionFault():
                            await self._inject(piece)
                        case _:
                            response.add(piece)
                            await self._send_deltas(response)
        except Exception:
            # What the partner said before it failed is sent to the last sample.
            await self._send_deltas(response, is_last=True)
            raise
        if response.is_empty:
            raise RehearsalError(
                "the partner returned neither text nor sound.",
                cure=ANSWERS,
            )
        await self._send_deltas(response, is_last=True)
        # After the response has begun: before it, an error would be taken for its failure.
        for remark in remarks:
            self._state.report_error(remark, param=PARTNER_PARAM)

    async def _inject(self, fault: ConnectionFault) -> None:
        """Have a fault act on what is sent from now on."""
        await self._outbox.join()
        self._socket = socket_with_fault(self._socket, fault, self._dialect)

    async def _send_deltas(self, response: Response, *, is_last: bool = False) -> None:
        while delta := response.next_delta(is_last=is_last):
            await self._pacer.wait_for(delta.duration_s)
            self._state.emit_delta(response, delta.events)
            self._apply_state()
            # Back-pressure: for a client that does not read, no further audio is made.
            await self._outbox.join()


def is_valid_key(given: str, expected: str | None) -> bool:
    """Compare keys in constant time; None accepts any key."""
    return expected is None or hmac.compare_digest(given.encode(), expected.encode())


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
