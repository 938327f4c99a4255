"""The server side of a saved talk, replayed to any client, without a key.

At true speed every event is sent when it was sent in the recording, whatever the client does.
Stepwise each input of the client brings the next *burst*: the events that the server sent
between this input and the next one in the recording. Inputs are typed items, requests for a
response, commits, and speech, which is detected anew in the client's own audio. Only their kind
and order count, not their content; an input of another kind is answered by an ``error`` that
says how the recording continues. Cancelling and truncating change nothing.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, cast, get_args

from msgspec.structs import replace

from .._structs import Value
from ..exceptions import ConfigurationError
from ..protocol import (
    DIALECTS,
    AppendAudio,
    ClientEvent,
    CommitAudio,
    CreateItem,
    CreateResponse,
    Dialect,
    ErrorReported,
    ServerEvent,
    SessionCreated,
    SessionEnded,
    SessionOpened,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    Unrecognized,
    UpdateSession,
)
from ..recording import SavedEvent, SavedTalk, load
from .connection import ClientConnection, ConnectionSettings, Socket
from .frames import frame_from
from .vad import SpeechBegan, SpeechEnded

# --------------------------------------------------------------------------- the recording
_SERVER_EVENTS = get_args(ServerEvent)

INPUTS: dict[type[Any], str] = {
    CreateItem: "a typed text",
    CreateResponse: "a request for a response",
    CommitAudio: "a commit (push-to-talk)",
    SpeechStarted: "speech (found by the server)",
    SpeechStopped: "the end of speech",
}
"""The inputs that bring a step, with a description for error messages."""


class TimedEvent(Value, frozen=True):
    """One event of the server, and when it was sent, from the opening of the session [s]."""

    at_s: float
    event: ServerEvent


@dataclass(slots=True)
class Step:
    """A burst, and the inputs that bring it, in order.

    Parameters
    ----------
    since_s : float [s]
        When the last of the inputs was received, from the opening of the session.
    """

    inputs: list[type[Any]] = field(default_factory=list)
    burst: list[TimedEvent] = field(default_factory=list)
    since_s: float = 0.0


class RecordedSession(Value, frozen=True):
    """One session of a recording.

    Parameters
    ----------
    greeting, confirmation : tuple of ServerEvent
        Sent when the client connects, and when it has sent its settings.
    steps : tuple of Step
        The events after that. The first step has no inputs.
    duration_s : float [s]
        How long the connection was open.
    """

    dialect: Dialect
    greeting: tuple[ServerEvent, ...]
    confirmation: tuple[ServerEvent, ...]
    steps: tuple[Step, ...]
    duration_s: float

    def at_true_speed(self) -> tuple[Step, ...]:
        """All events as one burst without inputs."""
        return (Step([], [timed for step in self.steps for timed in step.burst]),)


def recorded_sessions(saved: SavedTalk) -> list[RecordedSession]:
    """The sessions of a saved talk that were opened, in order."""
    found = []
    for events in _split_at_ends(saved.events):
        opened = [at for at, each in enumerate(events) if isinstance(each.event, SessionOpened)]
        if opened:
            found.append(_session_from(events, opened[-1]))
    return found


def _split_at_ends(events: Sequence[SavedEvent]) -> Iterator[list[SavedEvent]]:
    session: list[SavedEvent] = []
    for each in events:
        session.append(each)
        if isinstance(each.event, SessionEnded):
            yield session
            session = []
    yield session


def _session_from(events: list[SavedEvent], opened: int) -> RecordedSession:
    mark, body = events[opened].event, events[opened:]
    assert isinstance(mark, SessionOpened)
    greeting = _greeting(events[:opened])
    return RecordedSession(
        dialect=DIALECTS[mark.dialect],
        greeting=tuple(each for each in greeting if not isinstance(each, SessionUpdated)),
        confirmation=tuple(each for each in greeting if isinstance(each, SessionUpdated)),
        steps=tuple(_steps_from(body)),
        duration_s=body[-1].at_s - body[0].at_s,
    )


def _greeting(events: list[SavedEvent]) -> list[ServerEvent]:
    """The events before the opening, without those of an attempt that was refused."""
    sent = [cast(ServerEvent, e.event) for e in events if isinstance(e.event, _SERVER_EVENTS)]
    created = [at for at, event in enumerate(sent) if isinstance(event, SessionCreated)]
    return sent[created[-1] :] if created else []


def _steps_from(body: list[SavedEvent]) -> list[Step]:
    steps = [Step()]
    for each in body:
        at_s, is_sent = each.at_s - body[0].at_s, isinstance(each.event, _SERVER_EVENTS)
        if type(each.event) in INPUTS:
            if is_sent or steps[-1].burst or len(steps) == 1:
                steps.append(Step())
            steps[-1].inputs.append(type(each.event))
            steps[-1].since_s = at_s
        if is_sent:
            steps[-1].burst.append(TimedEvent(at_s, cast(ServerEvent, each.event)))
    return steps


class Replay:
    """A recording to be played, session by session.

    Parameters
    ----------
    path : str or PathLike
        See `load`.
    is_stepwise : bool

    Attributes
    ----------
    dialects : tuple of str
        The dialects it was recorded in, in order.

    Raises
    ------
    ConfigurationError
        When there is no recording, or no session in it.
    """

    def __init__(self, path: str | PathLike[str], *, is_stepwise: bool = False) -> None:
        self.is_stepwise = is_stepwise
        self.sessions = recorded_sessions(load(path))
        if not self.sessions:
            raise ConfigurationError(
                f"the recording at {str(path)!r} has no session.",
                cure="Record a talk whose connection was open.",
            )
        self.dialects = tuple(dict.fromkeys(each.dialect.name for each in self.sessions))
        self._by_dialect = {
            name: itertools.cycle([s for s in self.sessions if s.dialect.name == name])
            for name in self.dialects
        }

    def next_session(self, dialect: Dialect) -> RecordedSession:
        """The next session in this dialect; the first follows the last."""
        return next(self._by_dialect[dialect.name])


# --------------------------------------------------------------------------- the connection
class ReplayConnection(ClientConnection):
    """Replays one recorded session to one client until it disconnects or the recording ends."""

    def __init__(
        self, socket: Socket, dialect: Dialect, settings: ConnectionSettings, *, replay: Replay
    ) -> None:
        super().__init__(socket, dialect, settings)
        self._is_stepwise = replay.is_stepwise
        self._session = replay.next_session(dialect)
        self._steps = self._session.steps if self._is_stepwise else self._session.at_true_speed()
        # How many steps were begun, and how many inputs of the next one were received.
        self._taken, self._input_count = 0, 0
        self._step_events = [asyncio.Event() for _ in range(len(self._steps) + 1)]
        # By step, the event about this client's speech, and when that was detected.
        self._detected: dict[int, tuple[type[Any], dict[str, int]]] = {}
        self._is_answering_tool = False

    # ------------------------------------------------------------------ sending
    async def _write(self) -> None:
        loop = asyncio.get_running_loop()
        taken_s = 0.0
        for at, step in enumerate(self._steps):
            await self._step_events[at].wait()
            taken_s = loop.time()
            for timed in step.burst:
                due_s = taken_s + (timed.at_s - step.since_s) / self._settings.speed
                await self._wait_until(due_s, at)
                kind, detected = self._detected.get(at, (None, {}))
                is_speech = type(timed.event) is kind
                await self._send(replace(timed.event, **detected) if is_speech else timed.event)
        if self._is_stepwise:
            await asyncio.Event().wait()  # The client may still send something.
        due_s = taken_s + self._session.duration_s / self._settings.speed
        await asyncio.sleep(max(0.0, due_s - loop.time()))
        await self._socket.close(1000, "the recording has ended")

    async def _wait_until(self, due_s: float, at: int) -> None:
        """Wait, but not for the rest of a burst whose next step has begun."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(due_s):
                await self._step_events[at + 1].wait()

    async def _send(self, event: ServerEvent) -> None:
        if isinstance(event, Unrecognized):
            frame: bytes | None = self._dialect.encode(event)
        else:
            frame = frame_from(event, self._dialect)
        if frame is not None:
            await self._socket.send(frame, text=True)

    async def _report(self, message: str) -> None:
        kind = "invalid_request_error"
        await self._send(ErrorReported(message=message, error_type=kind, code=kind))

    # ------------------------------------------------------------------ receiving
    async def _read(self) -> None:
        if self._dialect.has_responses:
            for greeting in self._session.greeting:
                await self._send(greeting)
        elif not await self._authenticate():
            return
        while not isinstance(event := await self._next_event(), UpdateSession):
            await self._report("this is a replay; it begins with session.update.")
        self._configure_vad(event)
        for confirmed in self._session.confirmation:
            await self._send(confirmed)
        self._take_step()
        while True:
            await self._receive(await self._next_event())

    async def _receive(self, event: ClientEvent | Unrecognized) -> None:
        match event:
            case AppendAudio():
                await self._listen(event)
            case UpdateSession():
                self._configure_vad(event)
            case CreateItem() | CreateResponse() | CommitAudio():
                await self._take_input(type(event))
                if isinstance(event, CreateItem):
                    self._is_answering_tool = event.item.kind == "function_call_output"
            case Unrecognized():
                await self._report(f"unknown event {event.wire_type!r}.")

    def _configure_vad(self, event: UpdateSession) -> None:
        if event.turn_detection is not None:
            self._vad.configure(event.turn_detection)

    async def _listen(self, event: AppendAudio) -> None:
        self._vad.receive(self._input.receive(event.pcm))
        while self._is_stepwise and self._vad.has_unprocessed:
            match await asyncio.to_thread(self._vad.next_event):
                case SpeechBegan(start_ms):
                    await self._take_input(SpeechStarted, audio_start_ms=start_ms)
                case SpeechEnded(_, end_ms):
                    await self._take_input(SpeechStopped, audio_end_ms=end_ms)

    # ------------------------------------------------------------------ steps
    @property
    def _expected_inputs(self) -> list[type[Any]]:
        """The inputs of the next step that are still to come; empty after the last step."""
        has_next = self._taken < len(self._steps)
        return self._steps[self._taken].inputs[self._input_count :] if has_next else []

    async def _take_input(self, kind: type[Any], **detected: int) -> None:
        expected = self._expected_inputs
        if not expected or expected[0] is not kind:
            await self._report_wrong_input(kind, expected)
            return
        self._input_count += 1
        self._detected[self._taken] = kind, detected
        if len(expected) == 1:
            self._take_step()

    def _take_step(self) -> None:
        self._step_events[self._taken].set()
        self._taken, self._input_count = self._taken + 1, 0

    async def _report_wrong_input(self, kind: type[Any], expected: list[type[Any]]) -> None:
        """Report it for the input that would have brought a response."""
        asks = kind in (CreateResponse, SpeechStopped)
        asks |= kind is CommitAudio and not self._dialect.has_responses
        if not asks:
            return
        if expected:
            inputs = f"{INPUTS[expected[0]]}, not with {INPUTS[kind]}"
            await self._report(f"this is a replay; the recording continues with {inputs}.")
        elif self._is_stepwise:
            await self._report("this is a replay, and the recording has ended.")
        elif not self._is_answering_tool:
            await self._report(
                "this is a replay at the speed of the recording, which does not wait for input; "
                "use step=True or --step to have it wait."
            )
