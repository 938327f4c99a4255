"""Recordings as steps, and their replay to clients."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed

from grok_live_widget import PushToTalk, RehearsalServer, ServerVad, Talk, load
from grok_live_widget.client.talk import TALK_THREAD
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
    Unrecognized,
    UpdateSession,
)
from grok_live_widget.exceptions import (
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    ServerError,
)
from grok_live_widget.protocol.dialects import REALTIME
from grok_live_widget.recording import SavedEvent
from grok_live_widget.rehearsal.replay import Replay, recorded_sessions

# --------------------------------------------------------------------------- the recording
OPENED = SessionOpened(dialect="realtime", host="h")
TEXT = CreateItem(Item(role="user", text="?"))


def session_of(*events: Event) -> Any:
    """The one session of a talk with these events, a second apart."""
    time = datetime.now(UTC)
    sent = [SavedEvent(event=event, at_s=float(at), time=time) for at, event in enumerate(events)]
    [session] = recorded_sessions(SimpleNamespace(events=tuple(sent)))  # type: ignore[arg-type]
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


def test_audio_brings_nothing_and_the_speech_in_it_does() -> None:
    sound = AppendAudio(b"")
    assert steps_of(sound, SpeechStarted(), sound, SpeechStopped(), AudioCommitted(), sound) == [
        ([], []),
        (["SpeechStarted"], ["SpeechStarted"]),
        (["SpeechStopped"], ["SpeechStopped", "AudioCommitted"]),
    ]


def test_events_without_input_wait_for_nothing() -> None:
    assert steps_of(ErrorReported(), CommitAudio(), AudioCommitted()) == [
        ([], ["ErrorReported"]),
        (["CommitAudio"], ["AudioCommitted"]),
    ]


def test_times_count_from_the_opening() -> None:
    session = session_of(Noted("."), OPENED, TEXT, Noted("."), ResponseCreated(), SessionEnded())
    step = session.steps[1]
    assert (step.since_s, [sent.at_s for sent in step.burst]) == (1.0, [3.0])
    assert session.duration_s == 4.0
    assert [sent.at_s for sent in session.at_true_speed()[0].burst] == [3.0]


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


# --------------------------------------------------------------------------- the connection
RATE = 24_000
DIALECTS = pytest.mark.parametrize("dialect", ["realtime", "live"])
Saved = Callable[..., Path]
Bounds = (SessionOpened, SessionEnded)


@pytest.fixture
def recorded(tmp_path: Path) -> Saved:
    """`recorded(what_to_say, partner="parrot", **settings)`: a folder with that talk."""

    def record(*questions: Any, partner: Any = "parrot", **settings: Any) -> Path:
        with Talk(partner=partner, **settings) as talk:
            for question in questions:
                if question is None:
                    talk.stop()
                else:
                    talk.ask(question, None if isinstance(question, str) else RATE)
        return talk.save(tmp_path / "recorded")

    return record


def wait_for_end(talk: Talk) -> None:
    """Until the server has hung up."""
    session = talk._sessions.session
    if session is not None:
        TALK_THREAD.run(session.wait_for(lambda: session.failure is not None), timeout_s=30)


def assert_same_replies(saved: Any, replayed: Any) -> None:
    """What a server tells of its replies; names too, where it gives any."""
    assert [turn.text for turn in replayed] == [turn.text for turn in saved]
    for ours, theirs in zip(saved, replayed, strict=True):
        assert np.array_equal(theirs.pcm, ours.pcm)
        assert theirs.is_complete
        if "reply_" not in ours.item_id:
            assert theirs.item_id == ours.item_id


# --------------------------------------------------------------------------- stepwise
@pytest.mark.parametrize(
    ("dialect", "detection"),
    [
        pytest.param("realtime", ServerVad(), id="realtime, vad"),
        pytest.param("live", ServerVad(), id="live, vad", marks=pytest.mark.slow),
        pytest.param("realtime", PushToTalk(), id="realtime, push", marks=pytest.mark.slow),
        pytest.param("live", PushToTalk(), id="live, push"),
    ],
)
def test_the_same_inputs_bring_the_same_responses(
    dialect: str, detection: Any, question: np.ndarray, recorded: Saved, silence: Any
) -> None:
    def partner(turn: Any) -> list[Any]:
        return [silence(0.3), f"Heard {len(turn.pcm) > 0}."]

    folder = recorded(
        "typed", question, "typed again", partner=partner, dialect=dialect, turn_detection=detection
    )
    saved = load(folder).turns
    with (
        RehearsalServer(replay=folder, step=True, speed=10) as server,
        Talk(url=server.url(), turn_detection=detection, api_key="any") as talk,
    ):
        assert talk.ask("something else").text == saved[1].text
        assert talk.ask(question, RATE).text == saved[3].text
        assert talk.ask("and again").text == saved[5].text
        assert_same_replies(saved.assistant, talk.turns.assistant)
        assert [turn.role for turn in talk.turns] == [turn.role for turn in saved]


def test_speech_is_placed_where_this_client_spoke(
    question: np.ndarray, recorded: Saved, silence: Any
) -> None:
    folder = recorded(question)
    later = np.concatenate((silence(2), question))
    with (
        RehearsalServer(replay=folder, step=True) as server,
        Talk(url=server.url(), dialect="realtime") as talk,
    ):
        talk.start()
        received: list[Any] = []
        talk.add_listener(lambda event, _, __: received.append(event))
        talk.ask(later, RATE)
        [started] = [event for event in received if isinstance(event, SpeechStarted)]
        [stopped] = [event for event in received if isinstance(event, SpeechStopped)]
    before = [each.event for each in load(folder).events]
    [recorded_start] = [event for event in before if isinstance(event, SpeechStarted)]
    assert abs(started.audio_start_ms - recorded_start.audio_start_ms - 2000) < 100
    assert stopped.audio_end_ms > started.audio_start_ms


def test_what_the_recording_has_not_is_refused_and_says_what_comes_next(
    question: np.ndarray, recorded: Saved
) -> None:
    folder = recorded("typed", question, turn_detection=PushToTalk())
    with (
        RehearsalServer(replay=folder, step=True) as server,
        Talk(url=server.url(), turn_detection=PushToTalk()) as talk,
    ):
        with pytest.raises(ServerError, match="continues with a typed text, not with a request"):
            talk.ask(question, RATE)
        assert talk.ask("typed").text == "typed"
        with pytest.raises(ServerError, match=r"continues with a commit \(push-to-talk\)"):
            talk.ask("typed again")
        assert np.array_equal(talk.ask(question, RATE).pcm, question)
        with pytest.raises(ServerError, match="the recording has ended"):
            talk.ask("more")
        assert talk.phase == "open"


def test_sessions_are_played_one_after_the_other_and_then_again(recorded: Saved) -> None:
    folder = recorded("one", None, "two")
    with RehearsalServer(replay=folder, step=True) as server, Talk(url=server.url()) as talk:
        for expected in ("one", "two", "one"):
            assert talk.ask("?").text == expected
            talk.stop()


async def test_a_client_that_continues_does_not_wait_for_what_is_left(
    recorded: Saved, connected: Any, silence: Any
) -> None:
    folder = recorded("one", "two", partner=lambda turn: silence(12))
    with RehearsalServer(replay=folder, step=True, speed=0.05) as server:
        async with connected(server) as client:
            await client.type_text("one")
            await client.until(AudioDelta)
            await client.type_text("two")
            began_s = time.monotonic()
            first = await client.until(ResponseDone)
            assert len(client.audio(first.response_id)) == 12 * RATE
    # At this speed the rest of the first reply would take 80 s. What a busy machine has added to
    # the beginning of the reply, when it was recorded, is as much longer.
    assert time.monotonic() - began_s < 40


@pytest.mark.usefixtures("in_thread")
# --------------------------------------------------------------------------- true speed
@DIALECTS
def test_a_client_without_input_receives_the_talk_again(
    dialect: str, question: np.ndarray, recorded: Saved
) -> None:
    folder = recorded(question, dialect=dialect)
    saved = load(folder).turns
    with RehearsalServer(replay=folder) as server, Talk(url=server.url(), api_key="any") as talk:
        talk.start()
        wait_for_end(talk)
        assert_same_replies(saved.assistant, talk.turns.assistant)
        assert talk.phase == "closed"
        assert [note.level for note in talk.notes if note.level == "error"] == []


@pytest.mark.usefixtures("in_thread")
@pytest.mark.parametrize("speed", [1.0, 2.0, float("inf")])
def test_it_takes_as_long_as_the_talk_did_or_as_its_speed_says(
    speed: float, recorded: Saved, silence: Any
) -> None:
    folder = recorded("one", "two", partner=lambda turn: [silence(2), turn.text])
    open_s = [each.at_s for each in load(folder).events if isinstance(each.event, Bounds)]
    with RehearsalServer(replay=folder, speed=speed) as server, Talk(url=server.url()) as talk:
        began_s = time.monotonic()
        talk.start()
        wait_for_end(talk)
        assert time.monotonic() - began_s >= (open_s[1] - open_s[0]) / speed
    assert [turn.text for turn in talk.turns.assistant] == ["one", "two"]


def test_at_true_speed_a_question_is_answered_by_an_error(recorded: Saved) -> None:
    folder = recorded("one")
    with (
        RehearsalServer(replay=folder, speed=0.001) as server,
        Talk(url=server.url()) as talk,
        pytest.raises(ServerError, match="step=True"),
    ):
        talk.ask("are you there")


@pytest.mark.usefixtures("in_thread")
def test_a_talk_of_which_the_process_was_killed_is_played_to_where_it_ended(
    recorded: Saved,
) -> None:
    folder = recorded("one", "two")
    lines = (folder / "events.jsonl").read_text("utf-8").splitlines(keepends=True)
    cut = next(at for at, line in enumerate(lines) if "SessionEnded" in line)
    (folder / "events.jsonl").write_text("".join(lines[:cut]), "utf-8")
    assert not any(isinstance(each.event, SessionEnded) for each in load(folder).events)
    with RehearsalServer(replay=folder) as server, Talk(url=server.url()) as talk:
        talk.start()
        wait_for_end(talk)
        assert [turn.text for turn in talk.turns.assistant] == ["one", "two"]


# --------------------------------------------------------------------------- handshake
def test_a_replay_needs_a_key_only_if_the_server_has_one(recorded: Saved) -> None:
    folder = recorded("one")
    with RehearsalServer(replay=folder, step=True) as server, Talk(url=server.url()) as talk:
        assert talk.ask("?").text == "one"
    with RehearsalServer(replay=folder, step=True, api_key="right") as server:
        for key in (None, "wrong"):
            with (
                Talk(url=server.url(), api_key=key) as talk,
                pytest.raises((AuthenticationError, ConnectError)),
            ):
                talk.ask("?")


async def test_on_live_the_key_is_the_first_message(recorded: Saved, connected: Any) -> None:
    folder = recorded("one", dialect="live")
    with RehearsalServer(replay=folder, api_key="right") as server:
        async with connected(server, "live", key="wrong") as client:
            assert "incorrect API key" in (await client.until(ErrorReported)).message
            with pytest.raises(ConnectionClosed):
                await client.receive()


def test_a_client_of_the_other_dialect_is_sent_away(recorded: Saved) -> None:
    folder = recorded("one", dialect="live")
    with RehearsalServer(replay=folder, step=True) as server:
        assert server.url().endswith("/v1/live")
        assert server.dialects == ("live",)
        with (
            Talk(url=server.url("realtime")) as talk,
            pytest.raises(ConnectError, match="no such address"),
        ):
            talk.ask("?")


async def test_unknown_messages_are_answered_by_an_error(recorded: Saved, connected: Any) -> None:
    with RehearsalServer(replay=recorded("one"), step=True) as server:
        async with connected(server) as client:
            await client.send(Unrecognized({"type": "dance"}))
            assert "'dance'" in (await client.until(ErrorReported)).message
            await client.send(CommitAudio(), CreateResponse())
            assert "typed text" in (await client.until(ErrorReported)).message
            reply = await client.ask("one")
            assert reply.status == "completed"


def test_what_cannot_be_replayed_is_refused_before_a_port_is_opened(
    tmp_path: Path, recorded: Saved
) -> None:
    with pytest.raises(ConfigurationError, match="no recording"):
        RehearsalServer(replay=tmp_path)
    empty = Talk(partner="parrot").save(tmp_path / "empty")
    with pytest.raises(ConfigurationError, match="has no session"):
        RehearsalServer(replay=empty)
    folder = recorded("one")
    with pytest.raises(ConfigurationError, match="exclude each other"):
        RehearsalServer("parrot", replay=folder)
    with pytest.raises(ConfigurationError, match="step=True"):
        RehearsalServer(step=True)
    with pytest.raises(ConfigurationError, match="speed"):
        RehearsalServer(replay=folder, speed=0)
