"""A talk reconnects, shows that it did, and loses nothing that it had received."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any, get_args

import numpy as np
import pytest
from msgspec import msgpack

from grok_live_widget import Budget, RehearsalServer, Talk
from grok_live_widget.client.talk import TALK_THREAD
from grok_live_widget.client.timeouts import Timeouts
from grok_live_widget.conversation.conversation import Conversation
from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    ClientEvent,
    CreateItem,
    Event,
    ItemAdded,
    LineReopened,
    LocalEvent,
    Noted,
    PhaseChanged,
    ResponseCreated,
    ResponseDone,
    ServerEvent,
    SessionEnded,
    SessionOpened,
    SettingsChanged,
    SpeechStarted,
    UpdateSession,
)
from grok_live_widget.exceptions import (
    AuthenticationError,
    BudgetSpent,
    ConnectError,
    ReplyTimeout,
    SessionClosedError,
    SessionClosedOK,
)
from grok_live_widget.rehearsal.faults import Close, Stall
from grok_live_widget.rehearsal.partner import CallTool

from ..support.cable import Cable
from ..support.sound import ONE_SECOND, RATE_HZ
from ..support.talks import (
    EventLog,
    TimedTalk,
    reconnecting_session_of,
    send_microphone,
    session_of,
)

CONFIRMED = '{"type": "session.updated", "session": {}}'


class Partner:
    """Repeats what the user said, and keeps the history that each question came with."""

    def __init__(self) -> None:
        self.histories: list[list[str]] = []
        self.hold = threading.Event()
        self.hold.set()

    def __call__(self, turn: Any) -> Any:
        self.histories.append([line.text for line in turn.history])
        yield f"You said {turn.text}."
        self.hold.wait(20)


@pytest.fixture
def partner() -> Partner:
    return Partner()


@pytest.fixture
def server(partner: Partner) -> Iterator[RehearsalServer]:
    with RehearsalServer(partner, api_key="k", speed=float("inf"), words=False) as server:
        yield server
        partner.hold.set()


@pytest.fixture
def make_cable() -> Iterator[Callable[[str], Cable]]:
    """`make_cable(url) -> Cable`, which is closed after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda url: stack.enter_context(contextlib.closing(Cable(url)))


@pytest.fixture
def cable(server: RehearsalServer, make_cable: Callable[[str], Cable]) -> Cable:
    return make_cable(server.url())


def wait_for_phase(talk: Talk, phase: str) -> None:
    EventLog(talk).wait_for(lambda: talk.phase == phase)


def wait_until_reconnected(cable: Cable, talk: Talk) -> None:
    EventLog(talk).wait_for(lambda: cable.count == 2 and talk.phase == "open")


def cut_and_wait(cable: Cable, talk: Talk) -> None:
    """Cut the connection, and wait until a new one is open."""
    cable.cut()
    wait_until_reconnected(cable, talk)


def phases(log: EventLog) -> list[str]:
    return [event.phase for event in log.of(PhaseChanged)]


# --------------------------------------------------------------------------- reconnecting
def test_a_talk_reconnects_after_its_connection_broke(cable: Cable, partner: Partner) -> None:
    with Talk(url=cable.url, api_key="k") as talk:
        log = EventLog(talk)
        assert talk.ask("one").text == "You said one."
        cut_and_wait(cable, talk)
        assert talk.ask("two").text == "You said two."
        assert phases(log) == ["opening", "open", "opening", "open"]
        assert any("Opening the connection again" in note.text for note in talk.notes)
        assert [turn.text for turn in talk.turns.user] == ["one", "two"]
        assert talk.usage.session_count == 2


@pytest.mark.both_isolations
def test_without_resumption_the_history_is_replayed_and_the_seam_is_marked(
    cable: Cable, partner: Partner
) -> None:
    with Talk(url=cable.url, api_key="k", resumption=False) as talk:
        log = EventLog(talk)
        talk.ask("one")
        cut_and_wait(cable, talk)
        talk.ask("two")
        assert partner.histories[-1] == ["one", "You said one."]
        (reopened,) = log.of(LineReopened)
        assert reopened.memory == "retold"
        assert [bool(turn.seam) for turn in talk.turns] == [False, False, True, False]
        assert talk.turns[2].seam == reopened.text
        assert "sent to the server again, as text" in reopened.text
        assert "seam" in repr(talk.turns)
        # Replayed items make no turns.
        texts = [event.item.text for event in log.of(CreateItem)]
        assert texts == ["one", "one", "You said one.", "two"]


def test_a_server_that_keeps_the_conversation_resumes_it(cable: Cable, partner: Partner) -> None:
    with Talk(url=cable.url, api_key="k") as talk:
        log = EventLog(talk)
        talk.ask("one")
        cut_and_wait(cable, talk)
        talk.ask("two")
        assert partner.histories[-1] == ["one", "You said one."]
        assert "still knows" in talk.turns[2].seam
        # Items that the server replays are marked, and make no turns.
        added = [event.item for event in log.of(ItemAdded)]
        assert [item.text for item in added if item.is_replayed] == ["one", "You said one."]
        assert [turn.text for turn in talk.turns] == [
            "one",
            "You said one.",
            "two",
            "You said two.",
        ]
        assert [event.item.text for event in log.of(CreateItem)] == ["one", "two"]


@pytest.mark.usefixtures("in_thread")
def test_another_talk_resumes_a_conversation_by_its_id(
    server: RehearsalServer, partner: Partner
) -> None:
    with Talk(url=server.url(), api_key="k") as talk:
        talk.ask("one")
        conversation_id = session_of(talk).conversation_id
    with Talk(url=server.url(), api_key="k", conversation_id=conversation_id) as talk:
        talk.ask("two")
    assert partner.histories[-1] == ["one", "You said one."]


def test_notes_about_the_connection_are_withdrawn_when_it_is_open_again(cable: Cable) -> None:
    with Talk(url=cable.url, api_key="k") as talk:
        log = EventLog(talk)
        talk.ask("one")
        cut_and_wait(cable, talk)
        notes = [note for note in log.of(Noted) if note.topic == "connection"]
        assert "Opening the connection again" in notes[-2].text
        assert notes[-1].text == ""
        # `Talk.notes` keeps all of them, and does not show the withdrawal.
        assert "" not in [note.text for note in talk.notes]


def test_the_seam_of_live_says_that_the_server_does_not_know_the_history(
    server: RehearsalServer, partner: Partner
) -> None:
    cable = Cable(server.url("live"))
    with Talk(url=cable.url, api_key="k", reply_quiet_ms=100) as talk:
        talk.ask("one")
        cut_and_wait(cable, talk)
        assert talk.ask("two").text == "You said two."
        assert "does not know what was said" in talk.turns[2].seam
        assert partner.histories[-1] == []
    cable.close()


@pytest.mark.both_isolations
def test_a_question_is_sent_again_if_nothing_of_its_reply_was_received(
    make_cable: Callable[[str], Cable],
) -> None:
    histories: list[list[str]] = []
    has_reconnected = threading.Event()

    def answer(turn: Any) -> Any:
        histories.append([line.text for line in turn.history])
        if len(histories) == 1:
            own_cable.cut()
            has_reconnected.wait(20)
        return "Here I am."

    with RehearsalServer(answer, api_key="k", words=False) as server:
        own_cable = make_cable(server.url())
        with Talk(url=own_cable.url, api_key="k", resumption=False) as talk:
            talk.add_listener(
                lambda event, _, __: (
                    has_reconnected.set() if isinstance(event, LineReopened) else None
                )
            )
            reply = talk.ask("are you there?")
            assert reply.text == "Here I am."
            assert [(turn.role, turn.text) for turn in talk.turns] == [
                ("user", "are you there?"),
                ("assistant", "Here I am."),
            ]
            # The new session got the question once, not twice.
            assert histories == [[], []]


def test_a_reply_that_breaks_off_raises_and_its_received_part_is_kept(
    cable: Cable, partner: Partner
) -> None:
    with Talk(url=cable.url, api_key="k") as talk:
        partner.hold.clear()
        began = threading.Event()
        # Before anything has come, the question would be asked again.
        talk.add_listener(
            lambda event, changed, _: (
                began.set() if any(t.text for t in talk.turns.assistant) else None
            )
        )
        cutter = threading.Thread(target=lambda: (began.wait(20), cable.cut()))
        cutter.start()
        with pytest.raises(SessionClosedError, match=r"before the reply.*ask again"):
            talk.ask("one")
        cutter.join()
        partner.hold.set()
        kept = talk.turns[1]
        assert kept.is_complete
        assert "You said one.".startswith(kept.text)
        assert talk.ask("two").text == "You said two."


@pytest.mark.usefixtures("in_thread")
def test_microphone_sound_is_dropped_while_no_session_is_open(
    cable: Cable, partner: Partner
) -> None:
    with Talk(url=cable.url, api_key="k") as talk:
        log = EventLog(talk)
        talk.ask("one")
        cable.cut(for_good=True)
        wait_for_phase(talk, "opening")
        send_microphone(talk, ONE_SECOND.tobytes())
        cable.mend()
        wait_for_phase(talk, "open")
        send_microphone(talk, ONE_SECOND.tobytes()[:4_800])
        assert sum(len(event.pcm) for event in log.of(AppendAudio)) == 4_800


# --------------------------------------------------------------------------- not reconnecting
def test_reconnecting_ends_after_reconnect_tries_attempts(
    cable: Cable,
) -> None:
    in_haste = Timeouts(first_backoff_s=0.01)
    with TimedTalk(in_haste, url=cable.url, api_key="k", reconnect_tries=3) as talk:
        talk.ask("one")
        cable.cut(for_good=True)
        wait_for_phase(talk, "closed")
        texts = [note.text for note in talk.notes]
        assert [text.split(":")[0] for text in texts if text.startswith("Try")] == [
            "Try 1 of 3",
            "Try 2 of 3",
            "Try 3 of 3",
        ]
        assert "could not be opened again in 3 tries" in texts[-1]
        assert len(talk.turns) == 2
        with pytest.raises(ConnectError, match="nothing answers"):
            talk.ask("two")
        cable.mend()
        assert talk.ask("three").text == "You said three."
        assert talk.turns[2].seam


def test_a_key_that_is_refused_is_not_tried_again(
    peer: Any,
) -> None:
    statuses: list[int] = []

    def admit(connection: Any, request: Any) -> Any:
        statuses.append(101 if not statuses else 401)
        return None if statuses[-1] == 101 else connection.respond(401, "")

    async def drop(socket: Any) -> None:
        await socket.recv()
        await socket.send(CONFIRMED)
        await socket.recv()
        socket.transport.abort()

    with Talk(url=peer(drop, process_request=admit).url, api_key="k") as talk:
        log = EventLog(talk)
        talk.say("one")
        log.wait_for(lambda: phases(log)[-1] == "closed")
        assert statuses == [101, 401]
        assert "does not accept the API key" in talk.notes[-1].text
        with pytest.raises(AuthenticationError, match="does not accept the API key"):
            talk.ask("two")


def test_without_tries_a_broken_connection_stays_closed_with_a_note(cable: Cable) -> None:
    with Talk(url=cable.url, api_key="k", reconnect_tries=0) as talk:
        talk.ask("one")
        cable.cut()
        wait_for_phase(talk, "closed")
        assert "closed without a close frame" in talk.notes[-1].text
        assert cable.count == 1


def test_without_tries_a_silent_connection_is_closed_with_a_note(
    partner: Partner,
) -> None:
    in_haste = Timeouts(response_check_s=0.2)
    with (
        RehearsalServer(partner, faults=[Stall(at=ResponseCreated, nth=2)]) as server,
        TimedTalk(in_haste, url=server.url(), api_key="k", reconnect_tries=0) as talk,
    ):
        talk.ask("one")
        with pytest.raises(ReplyTimeout, match=r"nothing for \d+ s\. Ask again"):
            talk.ask("two", timeout_s=0.5)
        assert talk.phase == "closed"
        assert [note.level for note in talk.notes] == ["error"]
        assert "has sent nothing for" in talk.notes[0].text
        assert talk.ask("three").text == "You said three."


def test_a_time_out_is_not_delayed_by_the_check_whether_the_server_is_gone(
    partner: Partner,
) -> None:
    timeouts = Timeouts(response_check_s=2.0)
    with (
        RehearsalServer(partner, faults=[Stall(at=ResponseCreated, nth=2)]) as server,
        TimedTalk(timeouts, url=server.url(), api_key="k") as talk,
    ):
        log = EventLog(talk)
        talk.ask("one")
        with pytest.raises(ReplyTimeout, match=r"none was received\. Ask again, or allow more"):
            talk.ask("two", timeout_s=0.3)
        # The check goes on after the time-out.
        assert not log.of(SessionEnded)
        log.wait_for(lambda: bool(log.of(LineReopened)))
        assert talk.ask("three").text == "You said three."


def test_sound_that_a_silent_server_does_not_react_to_makes_the_talk_reconnect(
    partner: Partner, question: np.ndarray
) -> None:
    in_haste = Timeouts(no_speech_s=0.3, response_check_s=0.2)
    with (
        RehearsalServer(partner, faults=[Stall(at=SpeechStarted, nth=1)]) as server,
        TimedTalk(in_haste, url=server.url(), api_key="k") as talk,
    ):
        log = EventLog(talk)
        talk.say(question, RATE_HZ)
        log.wait_for(lambda: talk.phase == "open" and bool(log.of(LineReopened)))
        assert [event.memory for event in log.of(LineReopened)] == ["resumed"]
        texts = [note.text for note in talk.notes]
        assert "Opening the connection again" in texts[0]
        assert "the server has sent nothing for" in texts[1].lower()
        assert talk.ask("two").text == "You said two."


def test_a_talk_does_not_reconnect_after_the_server_closed_with_1000(partner: Partner) -> None:
    fault = Close(1000, at=ResponseDone, nth=2)
    with (
        RehearsalServer(partner, faults=[fault], words=False) as server,
        Talk(url=server.url(), api_key="k") as talk,
    ):
        log = EventLog(talk)
        talk.ask("one")
        talk.say("two")
        log.wait_for(lambda: phases(log)[-1] == "closed")
        assert phases(log) == ["opening", "open", "closed"]


def test_stop_cancels_reconnecting(cable: Cable) -> None:
    with Talk(url=cable.url, api_key="k") as talk:
        talk.ask("one")
        cable.cut(for_good=True)
        wait_for_phase(talk, "opening")
        talk.stop()
        assert talk.phase == "closed"
        cable.mend()
        talk.ask("two")
        assert talk.turns[2].seam.startswith("The connection broke and was opened again: ")


@pytest.mark.both_isolations
# --------------------------------------------------------------------------- limits
def test_a_session_is_replaced_before_the_server_ends_it(cable: Cable, partner: Partner) -> None:
    with Talk(url=cable.url, api_key="k", session_limit_s=2, resumption=False) as talk:
        log = EventLog(talk)
        talk.ask("one")
        assert 0 < talk.ends_in_s <= 2  # type: ignore[operator]
        wait_until_reconnected(cable, talk)
        assert "closed" not in phases(log)
        talk.ask("two")
        assert partner.histories[-1] == ["one", "You said one."]
        texts = [note.text for note in talk.notes]
        assert any("This session ends in" in text for text in texts)
        assert any("goes on in a new one" in text for text in texts)
        assert "replaced by a new one" in talk.turns[2].seam


def test_a_talk_that_was_closed_for_idleness_resumes_with_its_history(
    cable: Cable, partner: Partner
) -> None:
    with Talk(url=cable.url, api_key="k", idle_timeout_s=1, resumption=False) as talk:
        talk.ask("one")
        wait_for_phase(talk, "closed")
        assert talk.ends_in_s is None
        talk.ask("two")
        assert partner.histories[-1] == ["one", "You said one."]
        assert "since nothing was said" in talk.turns[2].seam


@pytest.mark.parametrize(
    ("error_type", "ends"), [("max_duration", ["open"]), ("timeout", ["closed"])]
)
def test_the_error_before_a_close_decides_whether_the_talk_reconnects(
    peer: Any, error_type: str, ends: list[str]
) -> None:
    sockets: list[Any] = []

    async def serve(socket: Any) -> None:
        sockets.append(socket)
        await socket.recv()
        await socket.send(CONFIRMED)
        if len(sockets) == 1:
            await socket.recv()
            message = f'{{"type": "error", "error": {{"type": "{error_type}", "message": "over"}}}}'
            await socket.send(message)
            await socket.close(1000)
            return
        async for _ in socket:
            pass

    with Talk(url=peer(serve).url) as talk:
        log = EventLog(talk)
        talk.start()
        talk.say("hello")
        log.wait_for(lambda: phases(log)[2:][-1:] == ends)
        assert len(log.of(SessionOpened)) == (2 if ends == ["open"] else 1)


def test_replacing_a_session_cuts_off_no_question(cable: Cable, partner: Partner) -> None:
    with Talk(url=cable.url, api_key="k", session_limit_s=1) as talk:
        count = 0
        while cable.count < 2:
            count += 1
            assert talk.ask(f"number {count}").text == f"You said number {count}."
        assert talk.ask("the last").text == "You said the last."
        assert len(talk.turns) == 2 * (count + 1)


# --------------------------------------------------------------------------- stopping
def test_the_seam_after_a_stop_says_what_the_server_still_knows(
    cable: Cable, partner: Partner
) -> None:
    with Talk(url=cable.url, api_key="k") as talk:
        talk.ask("one")
        talk.stop()
        talk.ask("two")
        assert partner.histories[-1] == ["one", "You said one."]
        assert "still knows" in talk.turns[2].seam
    with Talk(url=cable.url, api_key="k", resumption=False) as talk:
        talk.ask("one")
        talk.stop()
        talk.ask("two")
        assert partner.histories[-1] == []
        assert "does not know what was said" in talk.turns[2].seam


def test_a_closed_talk_stays_closed(cable: Cable) -> None:
    with Talk(url=cable.url, api_key="k") as talk:
        talk.ask("one")
    with pytest.raises(SessionClosedOK, match="the talk is closed"):
        talk.ask("two")
    assert len(talk.turns) == 2


# --------------------------------------------------------------------------- budgets
def ask_without_end(talk: Talk) -> None:
    for number in range(100_000):
        talk.ask(f"number {number}")


def test_a_budget_ends_a_talk_that_asks_without_a_pause(server: RehearsalServer) -> None:
    with Talk(url=server.url(), api_key="k", budget=Budget(minutes=0.01)) as talk:
        with pytest.raises(BudgetSpent, match="used up its budget"):
            ask_without_end(talk)
        count = len(talk.notes)
        for _ in range(3):
            with pytest.raises(BudgetSpent):
                talk.ask("more?")
        wait_for_phase(talk, "closed")
        assert len(talk.notes) <= count + 1


def test_a_budget_in_dollars_without_a_price_is_noted(server: RehearsalServer) -> None:
    with Talk(url=server.url("live"), api_key="k", budget=Budget(dollars=0.01)) as talk:
        log = EventLog(talk)
        talk.start()
        log.wait_for(lambda: any("No price is known" in note.text for note in talk.notes))
        assert talk.usage.dollars is None


@pytest.mark.usefixtures("in_thread")
def test_stopping_while_a_session_is_being_opened_closes_that_session(
    server: RehearsalServer,
) -> None:
    with Talk(url=server.url(), api_key="k") as talk:
        sessions = reconnecting_session_of(talk)
        opening = TALK_THREAD.submit(sessions.open())
        talk.stop()
        assert talk.phase == "closed"
        opening.result(timeout=20)
        assert sessions.session is None


# --------------------------------------------------------------------------- between processes
def caller(turn: Any) -> Any:
    if turn.role == "user" and turn.tools and turn.text == "weather?":
        return CallTool("weather", {"city": "Rome"})
    return [turn.text or "I heard you.", np.full(2_400, 1_000, np.int16)]


def weather(city: str) -> str:
    """Look up the weather."""
    return f"It is sunny in {city}."


@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_all_events_and_commands_of_a_talk_can_be_sent_to_another_process(
    dialect: str, question: np.ndarray
) -> None:
    """The other side gets equal values as MessagePack, and derives the same turns from them."""
    tools = [weather] if dialect == "realtime" else []
    seen: list[tuple[Event, float]] = []
    with Talk(partner=caller, dialect=dialect, tools=tools) as talk:
        talk.add_listener(lambda event, _, now_s: seen.append((event, now_s)))
        talk.ask("hello")
        talk.ask("weather?")
        talk.ask(question, RATE_HZ)
        talk.update(voice="ara")
        talk.interrupt()
        talk.stop()
        talk.ask("still there?")
    decoder = msgpack.Decoder(tuple[Event, float])
    received = [decoder.decode(msgpack.encode(each)) for each in seen]

    assert received == seen
    for (event, _), (copy, _) in zip(seen, received, strict=True):
        assert type(copy) is type(event)
        assert getattr(copy, "event_id", "") == getattr(event, "event_id", "")

    # The talk has had each kind of event, and the commands that matter most.
    kinds = {type(event) for event, _ in seen}
    assert kinds >= {UpdateSession, CreateItem, AppendAudio, AudioDelta, SessionOpened}
    assert kinds >= {SessionEnded, PhaseChanged, SettingsChanged}
    for group in (ClientEvent, ServerEvent, LocalEvent):
        assert kinds & set(get_args(group))

    conversation = Conversation.under(talk.settings)
    for event, now_s in received:
        conversation.apply(event, now_s)
    assert [described(turn) for turn in conversation.turns] == [
        described(turn) for turn in talk.turns
    ]


def described(turn: Any) -> tuple[Any, ...]:
    return (turn.role, turn.text, turn.text_source, turn.seam, turn.is_complete, turn.pcm.tobytes())
