"""What a server told in a recording: its sessions, cut into steps; no socket, no clock."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, cast, get_args

from ..exceptions import ConfigurationError
from ..protocol import (
    DIALECTS,
    CommitAudio,
    CreateItem,
    CreateResponse,
    Dialect,
    ServerEvent,
    SessionCreated,
    SessionEnded,
    SessionOpened,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
)
from ..recording import SavedEvent, SavedTalk, load

__all__ = ["INPUTS", "RecordedSession", "Replay", "Step", "Told", "recorded_sessions"]

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
