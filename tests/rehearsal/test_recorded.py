"""A recording's sessions, cut into steps."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from grok_live_widget import Talk, load
from grok_live_widget.events import (
    AppendAudio,
    AudioCommitted,
    AudioDelta,
    CommitAudio,
    ConversationCreated,
    CreateItem,
    CreateResponse,
    ErrorReported,
    Event,
    Item,
    Noted,
    ResponseCreated,
    ResponseDone,
    SessionCreated,
    SessionEnded,
    SessionOpened,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    UpdateSession,
)
from grok_live_widget.protocol.dialects import REALTIME
from grok_live_widget.recording import SavedEvent
from grok_live_widget.rehearsal.recorded import Replay, recorded_sessions

OPENED = SessionOpened(dialect="realtime", host="h")
TEXT = CreateItem(Item(role="user", text="?"))


def session_of(*events: Event) -> Any:
    """The one session of a talk with these events, a second apart."""
    time = datetime.now(UTC)
    told = [SavedEvent(event=event, at_s=float(at), time=time) for at, event in enumerate(events)]
    [session] = recorded_sessions(SimpleNamespace(events=tuple(told)))  # type: ignore[arg-type]
    return session


def steps_of(*events: Event) -> list[tuple[list[str], list[str]]]:
    return [
        ([kind.__name__ for kind in step.inputs], [type(e.event).__name__ for e in step.burst])
        for step in session_of(OPENED, *events).steps
    ]


def test_inputs_said_together_bring_one_burst() -> None:
    done = ResponseDone()
    assert steps_of(TEXT, CreateResponse(), ResponseCreated(), done, TEXT, CreateResponse()) == [
        ([], []),
        (["CreateItem", "CreateResponse"], ["ResponseCreated", "ResponseDone"]),
        (["CreateItem", "CreateResponse"], []),
    ]


def test_sound_brings_nothing_and_the_speech_in_it_does() -> None:
    sound = AppendAudio(b"")
    assert steps_of(sound, SpeechStarted(), sound, SpeechStopped(), AudioCommitted(), sound) == [
        ([], []),
        (["SpeechStarted"], ["SpeechStarted"]),
        (["SpeechStopped"], ["SpeechStopped", "AudioCommitted"]),
    ]


def test_what_is_told_unasked_waits_for_nothing() -> None:
    assert steps_of(ErrorReported(), CommitAudio(), AudioCommitted()) == [
        ([], ["ErrorReported"]),
        (["CommitAudio"], ["AudioCommitted"]),
    ]


def test_times_count_from_the_opening() -> None:
    session = session_of(Noted("."), OPENED, TEXT, Noted("."), ResponseCreated(), SessionEnded())
    step = session.steps[1]
    assert (step.since_s, [told.at_s for told in step.burst]) == (1.0, [3.0])
    assert session.duration_s == 4.0
    assert [told.at_s for told in session.at_true_speed()[0].burst] == [3.0]


def test_an_attempt_that_was_refused_is_not_played() -> None:
    created = SessionCreated(session_id="s")
    session = session_of(
        UpdateSession(),
        ErrorReported(message="not this one"),
        UpdateSession(),
        created,
        ConversationCreated(),
        SessionUpdated(),
        OPENED,
        AudioDelta(pcm=b""),
    )
    assert session.dialect is REALTIME
    assert session.greeting == (created, ConversationCreated())
    assert session.confirmation == (SessionUpdated(),)


def test_sessions_of_both_dialects_are_kept_apart(tmp_path: Path) -> None:
    with Talk(partner="parrot") as talk:
        talk.ask("one")
    folder = talk.save(tmp_path / "one")
    assert len(recorded_sessions(load(folder))) == 1
    replay = Replay(folder)
    assert replay.dialects == ("realtime",)
    assert replay.next_session(REALTIME) is replay.next_session(REALTIME)
    with pytest.raises(KeyError):
        replay.next_session(SimpleNamespace(name="live"))  # type: ignore[arg-type]
