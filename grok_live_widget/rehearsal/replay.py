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

from ..audio import pcm_from_bytes
from ..exceptions import ConfigurationError
from ..protocol import (
    DIALECTS,
    AppendAudio,
    Authenticate,
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
from .connection import Socket, Workers, is_right_key, on_worker
from .frames import frame_from
from .vad import Heard, SpeechBegan, VoiceActivityDetector

__all__ = [
    "INPUTS",
    "RecordedSession",
    "Replay",
    "ReplayLine",
    "Step",
    "Told",
    "recorded_sessions",
]

# ------------------------------------------------------------------------------------ the recording
_SERVER_EVENTS = get_args(ServerEvent)

INPUTS: dict[type[Any], str] = {
    CreateItem: "a typed text",
    CreateResponse: "a request for a reply",
    CommitAudio: "a commit (push-to-talk)",
    SpeechStarted: "speech (found by the server)",
    SpeechStopped: "the end of speech",
}
"""What takes a step, in words."""


@dataclass(frozen=True, slots=True)
class Told:
    """One event of the server, and when it was told, since the line was open [s]."""

    at_s: float
    event: ServerEvent


@dataclass(slots=True)
class Step:
    """The inputs that bring a burst, in order, and the burst.

    Parameters
    ----------
    since_s : float [s]
        When the last of the inputs was said, since the line was open.
    """

    inputs: list[type[Any]] = field(default_factory=list)
    burst: list[Told] = field(default_factory=list)
    since_s: float = 0.0


@dataclass(frozen=True, slots=True)
class RecordedSession:
    """One session of a recording.

    Parameters
    ----------
    greeting, confirmation : tuple of ServerEvent
        Told when the client connects, and when it has said its settings.
    steps : tuple of Step
        What is told after that. The first has no inputs.
    duration_s : float [s]
        How long the line was open.
    """

    dialect: Dialect
    greeting: tuple[ServerEvent, ...]
    confirmation: tuple[ServerEvent, ...]
    steps: tuple[Step, ...]
    duration_s: float

    def at_true_speed(self) -> tuple[Step, ...]:
        """All of it as one burst that no input brings."""
        return (Step([], [told for step in self.steps for told in step.burst]),)


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
    """What was told before the line was open, but for an attempt that was refused."""
    told = [cast(ServerEvent, e.event) for e in events if isinstance(e.event, _SERVER_EVENTS)]
    created = [at for at, event in enumerate(told) if isinstance(event, SessionCreated)]
    return told[created[-1] :] if created else []


def _steps_from(body: list[SavedEvent]) -> list[Step]:
    steps = [Step()]
    for each in body:
        at_s, is_told = each.at_s - body[0].at_s, isinstance(each.event, _SERVER_EVENTS)
        if type(each.event) in INPUTS:
            if is_told or steps[-1].burst or len(steps) == 1:
                steps.append(Step())
            steps[-1].inputs.append(type(each.event))
            steps[-1].since_s = at_s
        if is_told:
            steps[-1].burst.append(Told(at_s, cast(ServerEvent, each.event)))
    return steps


class Replay:
    """A recording to be played, session by session.

    Parameters
    ----------
    path : str or PathLike
        See `load`.
    is_stepwise : bool

    Raises
    ------
    ConfigurationError
        When there is no recording, or no session in it.
    """

    def __init__(self, path: str | PathLike[str], *, is_stepwise: bool = False) -> None:
        self.is_stepwise = is_stepwise
        self.sessions = recorded_sessions(load(path))
        if not self.sessions:
            raise ConfigurationError(f"in the recording at {str(path)!r} no line was ever open.")
        self._by_dialect = {
            name: itertools.cycle([s for s in self.sessions if s.dialect.name == name])
            for name in self.dialects
        }

    @property
    def dialects(self) -> tuple[str, ...]:
        """The dialects it was recorded in, in order."""
        return tuple(dict.fromkeys(session.dialect.name for session in self.sessions))

    def next_session(self, dialect: Dialect) -> RecordedSession:
        """The next session in this dialect; after the last the first again."""
        return next(self._by_dialect[dialect.name])


# ----------------------------------------------------------------------------------- the connection
class ReplayLine:
    """Plays one recorded session to one client until it hangs up, or the recording ends."""

    def __init__(
        self,
        socket: Socket,
        replay: Replay,
        dialect: Dialect,
        *,
        api_key: str | None,
        speed: float,
        workers: Workers,
    ) -> None:
        self._socket, self._dialect, self._speed = socket, dialect, speed
        self._api_key, self._workers = api_key, workers
        self._is_stepwise = replay.is_stepwise
        self._session = replay.next_session(dialect)
        self._steps = self._session.steps if self._is_stepwise else self._session.at_true_speed()
        # How many steps were taken, and what of the next one's inputs was said.
        self._taken, self._said_count = 0, 0
        self._gates = [asyncio.Event() for _ in range(len(self._steps) + 1)]
        self._heard_ms: dict[int, int] = {}
        self._is_answering_tool = False
        self._ear = VoiceActivityDetector()

    @property
    def settled_sample_count(self) -> int:
        """How many samples were received."""
        return self._ear.position

    async def talk(self) -> None:
        """Serve the client until the socket raises."""
        tasks = {asyncio.create_task(self._read()), asyncio.create_task(self._play())}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception):
                raise error

    # ------------------------------------------------------------------ what is told
    async def _play(self) -> None:
        loop = asyncio.get_running_loop()
        taken_s = 0.0
        for at, step in enumerate(self._steps):
            await self._gates[at].wait()
            taken_s = loop.time()
            for told in step.burst:
                due_s = taken_s + (told.at_s - step.since_s) / self._speed
                await self._pause(due_s - loop.time(), at)
                await self._tell(self._placed(told.event, at))
        if self._is_stepwise:
            await asyncio.Event().wait()  # The client may still say something.
        due_s = taken_s + self._session.duration_s / self._speed
        await asyncio.sleep(max(0.0, due_s - loop.time()))
        await self._socket.close(1000, "the recording has ended")

    async def _pause(self, pause_s: float, at: int) -> None:
        """Wait, but not for what is left of a burst when the client has gone on already."""
        if pause_s <= 0:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._gates[at + 1].wait()

    def _placed(self, event: ServerEvent, at: int) -> ServerEvent:
        """Speech is where it was heard in this client's sound."""
        heard_ms = self._heard_ms.get(at)
        if heard_ms is not None and isinstance(event, SpeechStarted):
            return replace(event, audio_start_ms=heard_ms)
        if heard_ms is not None and isinstance(event, SpeechStopped):
            return replace(event, audio_end_ms=heard_ms)
        return event

    async def _tell(self, event: ServerEvent) -> None:
        if isinstance(event, Unrecognized):
            frame: bytes | None = self._dialect.encode(event)
        else:
            frame = frame_from(event, self._dialect)
        if frame is not None:
            await self._socket.send(frame, text=True)

    async def _report(self, message: str) -> None:
        kind = "invalid_request_error"
        await self._tell(ErrorReported(message=message, error_type=kind, code=kind))

    # ------------------------------------------------------------------ what is heard
    async def _read(self) -> None:
        if self._dialect.has_responses:
            for greeting in self._session.greeting:
                await self._tell(greeting)
        elif not await self._is_admitted():
            return
        while not isinstance(event := await self._next_event(), UpdateSession):
            await self._report("this is a replay; it begins with session.update.")
        self._follow(event)
        for confirmed in self._session.confirmation:
            await self._tell(confirmed)
        self._take_step()
        while True:
            await self._receive(await self._next_event())

    async def _next_event(self) -> ClientEvent | Unrecognized:
        frame = await self._socket.recv(decode=False)
        return self._dialect.decode_client(frame if isinstance(frame, bytes) else frame.encode())

    async def _is_admitted(self) -> bool:
        event = await self._next_event()
        if isinstance(event, Authenticate) and is_right_key(event.api_key, self._api_key):
            return True
        await self._report("incorrect API key: the first message must be auth with the right one.")
        await self._socket.close(1008, "incorrect API key")
        return False

    async def _receive(self, event: ClientEvent | Unrecognized) -> None:
        match event:
            case AppendAudio():
                await self._listen(event)
            case UpdateSession():
                self._follow(event)
            case CreateItem() | CreateResponse() | CommitAudio():
                await self._take_input(type(event))
                if isinstance(event, CreateItem):
                    self._is_answering_tool = event.item.kind == "function_call_output"
            case Unrecognized():
                await self._report(f"unknown event {event.wire_type!r}.")

    def _follow(self, event: UpdateSession) -> None:
        if event.turn_detection is not None:
            self._ear.listen_for(event.turn_detection)

    async def _listen(self, event: AppendAudio) -> None:
        self._ear.receive(pcm_from_bytes(event.pcm[: len(event.pcm) // 2 * 2]))
        while self._is_stepwise and self._ear.has_unjudged:
            heard = await on_worker(self._workers.hearing, self._ear.next_heard)
            if heard is not None:
                await self._take_speech(heard)

    async def _take_speech(self, heard: Heard) -> None:
        if isinstance(heard, SpeechBegan):
            await self._take_input(SpeechStarted, heard.start_ms)
        else:
            await self._take_input(SpeechStopped, heard.end_ms)

    # ------------------------------------------------------------------ steps
    @property
    def _wanted(self) -> list[type[Any]]:
        """What of the next step's inputs is still to come; empty after the last."""
        has_next = self._taken < len(self._steps)
        return self._steps[self._taken].inputs[self._said_count :] if has_next else []

    async def _take_input(self, kind: type[Any], heard_ms: int | None = None) -> None:
        wanted = self._wanted
        if not wanted or wanted[0] is not kind:
            await self._refuse(kind, wanted)
            return
        self._said_count += 1
        if heard_ms is not None:
            self._heard_ms[self._taken] = heard_ms
        if len(wanted) == 1:
            self._take_step()

    def _take_step(self) -> None:
        self._gates[self._taken].set()
        self._taken, self._said_count = self._taken + 1, 0

    async def _refuse(self, kind: type[Any], wanted: list[type[Any]]) -> None:
        """Say so, once for what would have brought a reply."""
        asks = kind in (CreateResponse, SpeechStopped)
        asks |= kind is CommitAudio and not self._dialect.has_responses
        if not asks:
            return
        if wanted:
            named = f"{INPUTS[wanted[0]]}, not with {INPUTS[kind]}"
            await self._report(f"this is a replay; the recording goes on with {named}.")
        elif self._is_stepwise:
            await self._report("this is a replay, and the recording has ended.")
        elif not self._is_answering_tool:
            await self._report(
                "this is a replay at its own speed, which answers nobody; "
                "stepwise (step=True, --step) it waits for what you say."
            )
