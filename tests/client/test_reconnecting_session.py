"""A talk whose line breaks goes on, visibly, and with nothing lost that had been received."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from grok_live_widget import Budget, RehearsalServer, Talk
from grok_live_widget.client.talk import TALK_THREAD
from grok_live_widget.client.timeouts import Timeouts
from grok_live_widget.events import (
    AppendAudio,
    CreateItem,
    Event,
    ItemAdded,
    LineReopened,
    Noted,
    PhaseChanged,
    ResponseCreated,
    SessionOpened,
    SpeechStarted,
)
from grok_live_widget.exceptions import (
    AuthenticationError,
    BudgetSpent,
    ConnectError,
    ReplyTimeout,
    SessionClosedError,
    SessionClosedOK,
)
from grok_live_widget.rehearsal.faults import Stall

from ..support.cable import Cable
from ..support.talks import TimedTalk

SECOND = np.full(24_000, 1_000, np.int16)


class Partner:
    """Answers with the words it heard, and remembers what it was told before."""

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
def cable(server: RehearsalServer) -> Iterator[Cable]:
    cable = Cable(server.url())
    yield cable
    cable.close()


def watched(talk: Talk) -> list[Event]:
    """Every event of the talk from now on."""
    events: list[Event] = []
    talk.add_listener(lambda event, _, __: events.append(event))
    return events


def wait_until(is_so: Callable[[], bool]) -> None:
    """Look often; give up after half a minute."""
    for _ in range(3000):
        if is_so():
            return
        time.sleep(0.01)
    raise AssertionError("it never came to pass")


def cut_and_wait(cable: Cable, talk: Talk) -> None:
    """Until the line is open again."""
    cable.cut()
    wait_until(lambda: cable.count == 2 and talk.phase == "open")


def phases(events: list[Event]) -> list[str]:
    return [event.phase for event in events if isinstance(event, PhaseChanged)]


# --------------------------------------------------------------------------- it goes on
def test_a_line_that_breaks_is_opened_again_and_the_talk_goes_on(
    cable: Cable, partner: Partner
) -> None:
    with Talk(url=cable.url, api_key="k") as talk:
        events = watched(talk)
        assert talk.ask("one").text == "You said one."
        cut_and_wait(cable, talk)
        assert talk.ask("two").text == "You said two."
        assert phases(events) == ["opening", "open", "opening", "open"]
        assert any("Opening it again" in note.text for note in talk.notes)
        assert [turn.text for turn in talk.turns.user] == ["one", "two"]
        assert talk.usage.session_count == 2


def test_the_seam_is_marked_and_the_new_session_told_what_was_said(
    cable: Cable, partner: Partner
) -> None:
    with Talk(url=cable.url, api_key="k", resumption=False) as talk:
        events = watched(talk)
        talk.ask("one")
        cut_and_wait(cable, talk)
        talk.ask("two")
        assert partner.histories[-1] == ["one", "You said one."]
        (reopened,) = [event for event in events if isinstance(event, LineReopened)]
        assert reopened.memory == "retold"
        assert [bool(turn.seam) for turn in talk.turns] == [False, False, True, False]
        assert talk.turns[2].seam == reopened.text
        assert "sent to the server again, as text" in reopened.text
        assert "seam" in repr(talk.turns)
        # What is told again is nobody's turn, and is no sound.
        said = [event for event in events if isinstance(event, CreateItem)]
        assert [event.item.text for event in said] == ["one", "one", "You said one.", "two"]


def test_the_server_that_keeps_the_conversation_goes_on_with_it(
    cable: Cable, partner: Partner
) -> None:
    with Talk(url=cable.url, api_key="k") as talk:
        events = watched(talk)
        talk.ask("one")
        cut_and_wait(cable, talk)
        talk.ask("two")
        assert partner.histories[-1] == ["one", "You said one."]
        assert "still knows" in talk.turns[2].seam
        # What it tells again is told apart from what is new, and is nobody's turn.
        told = [event.item for event in events if isinstance(event, ItemAdded)]
        assert [item.text for item in told if item.is_replayed] == ["one", "You said one."]
        assert [turn.text for turn in talk.turns] == [
            "one",
            "You said one.",
            "two",
            "You said two.",
        ]
        assert [event.item.text for event in events if isinstance(event, CreateItem)] == [
            "one",
            "two",
        ]


def test_a_conversation_goes_on_in_another_talk_by_its_id(
    server: RehearsalServer, partner: Partner
) -> None:
    with Talk(url=server.url(), api_key="k") as talk:
        talk.ask("one")
        session = talk._sessions.session
        assert session is not None
        conversation_id = session.conversation_id
    with Talk(url=server.url(), api_key="k", conversation_id=conversation_id) as talk:
        talk.ask("two")
    assert partner.histories[-1] == ["one", "You said one."]


def test_what_was_said_of_the_line_is_withdrawn_when_it_is_open_again(cable: Cable) -> None:
    with Talk(url=cable.url, api_key="k") as talk:
        events = watched(talk)
        talk.ask("one")
        cut_and_wait(cable, talk)
        noted = [event for event in events if isinstance(event, Noted)]
        said = [note for note in noted if note.topic == "connection"]
        assert "Opening it again" in said[-2].text
        assert said[-1].text == ""
        # Python has the whole story.
        assert "" not in [note.text for note in talk.notes]


def test_live_says_that_the_server_knows_nothing_of_what_was_said(
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


def test_a_question_of_whose_reply_nothing_came_is_asked_once_more(
    cable: Cable, partner: Partner
) -> None:
    def answer(turn: Any) -> Any:
        partner.histories.append([line.text for line in turn.history])
        if len(partner.histories) == 1:
            cable.cut()
            partner.hold.clear()
            partner.hold.wait(0.2)
        return "Here I am."

    with RehearsalServer(answer, api_key="k", words=False) as server:
        cable._target = cable._target._replace(netloc=f"127.0.0.1:{server.port}")
        with Talk(url=cable.url, api_key="k", resumption=False) as talk:
            reply = talk.ask("are you there?")
            assert reply.text == "Here I am."
            assert [(turn.role, turn.text) for turn in talk.turns] == [
                ("user", "are you there?"),
                ("assistant", "Here I am."),
            ]
            # The new session was told of the question once, not twice.
            assert partner.histories == [[], []]


def test_a_reply_that_breaks_off_fails_its_question_and_what_came_is_kept(
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
        with pytest.raises(SessionClosedError, match=r"before the reply.*ask once more"):
            talk.ask("one")
        cutter.join()
        partner.hold.set()
        kept = talk.turns[1]
        assert kept.is_complete
        assert "You said one.".startswith(kept.text)
        assert talk.ask("two").text == "You said two."


async def microphone(talk: Talk, pcm: bytes) -> None:
    talk._sessions.send_microphone(pcm)


def test_what_the_microphone_hears_in_the_gap_is_never_sent(cable: Cable, partner: Partner) -> None:
    with Talk(url=cable.url, api_key="k") as talk:
        events = watched(talk)
        talk.ask("one")
        cable.cut(for_good=True)
        wait_until(lambda: talk.phase == "opening")
        TALK_THREAD.run(microphone(talk, SECOND.tobytes()))
        cable.mend()
        wait_until(lambda: talk.phase == "open")
        TALK_THREAD.run(microphone(talk, SECOND.tobytes()[:4_800]))
        sent = [len(event.pcm) for event in events if isinstance(event, AppendAudio)]
        assert sum(sent) == 4_800


# --------------------------------------------------------------------------- it does not
def test_a_server_that_stays_away_is_given_up_after_so_many_tries(
    cable: Cable,
) -> None:
    in_haste = Timeouts(first_backoff_s=0.01)
    with TimedTalk(in_haste, url=cable.url, api_key="k", reconnect_tries=3) as talk:
        talk.ask("one")
        cable.cut(for_good=True)
        wait_until(lambda: talk.phase == "closed")
        told = [note.text for note in talk.notes]
        assert [text.split(":")[0] for text in told if text.startswith("Try")] == [
            "Try 1 of 3",
            "Try 2 of 3",
            "Try 3 of 3",
        ]
        assert "could not be opened again in 3 tries" in told[-1]
        assert len(talk.turns) == 2
        with pytest.raises(ConnectError, match="nothing answers"):
            talk.ask("two")
        cable.mend()
        assert talk.ask("three").text == "You said three."
        assert talk.turns[2].seam


def test_a_key_that_is_refused_now_is_not_tried_again(
    cable: Cable, server: RehearsalServer
) -> None:
    with Talk(url=cable.url, api_key="k") as talk:
        talk.ask("one")
        with RehearsalServer("parrot", api_key="another") as other:
            cable._target = cable._target._replace(netloc=f"127.0.0.1:{other.port}")
            cable.cut()
            wait_until(lambda: talk.phase == "closed")
            assert cable.count == 2
            assert "does not accept the API key" in talk.notes[-1].text
            with pytest.raises(AuthenticationError, match="does not accept the API key"):
                talk.ask("two")


def test_without_tries_a_line_that_breaks_is_closed_and_says_so(cable: Cable) -> None:
    with Talk(url=cable.url, api_key="k", reconnect_tries=0) as talk:
        talk.ask("one")
        cable.cut()
        wait_until(lambda: talk.phase == "closed")
        assert "closed without a close frame" in talk.notes[-1].text
        assert cable.count == 1


def test_without_tries_a_line_on_which_nothing_is_said_is_closed_and_says_so(
    partner: Partner,
) -> None:
    in_haste = Timeouts(response_check_s=0.2)
    with (
        RehearsalServer(partner, faults=[Stall(at=ResponseCreated, nth=2)]) as server,
        TimedTalk(in_haste, url=server.url(), api_key="k", reconnect_tries=0) as talk,
    ):
        talk.ask("one")
        with pytest.raises(ReplyTimeout, match=r"nothing for \d+ s\. Ask once more"):
            talk.ask("two", timeout_s=0.5)
        assert talk.phase == "closed"
        assert [note.level for note in talk.notes] == ["error"]
        assert "has sent nothing for" in talk.notes[0].text
        assert talk.ask("three").text == "You said three."


def test_a_sound_said_on_a_line_where_nothing_is_said_any_more_has_it_opened_again(
    partner: Partner, question: np.ndarray
) -> None:
    in_haste = Timeouts(no_speech_s=0.3, response_check_s=0.2)
    with (
        RehearsalServer(partner, faults=[Stall(at=SpeechStarted, nth=1)]) as server,
        TimedTalk(in_haste, url=server.url(), api_key="k") as talk,
    ):
        talk.say(question, 24_000)
        wait_until(lambda: talk._sessions.memory == "resumed" and talk.phase == "open")
        said = [note.text for note in talk.notes]
        assert "Opening it again" in said[0]
        assert "the server has sent nothing for" in said[1].lower()
        assert talk.ask("two").text == "You said two."


def test_a_server_that_says_goodbye_is_not_called_back(server: RehearsalServer) -> None:
    with Talk(url=server.url(), api_key="k") as talk:
        talk.ask("one")
        session = talk._sessions.session
        assert session is not None
        TALK_THREAD.run(session._pump._socket.close(1000))
        wait_until(lambda: talk.phase == "closed")


def test_stop_ends_the_tries(cable: Cable) -> None:
    with Talk(url=cable.url, api_key="k") as talk:
        talk.ask("one")
        cable.cut(for_good=True)
        wait_until(lambda: talk.phase == "opening")
        talk.stop()
        assert talk.phase == "closed"
        cable.mend()
        talk.ask("two")
        assert talk.turns[2].seam.startswith("The connection broke and was opened again: ")


# --------------------------------------------------------------------------- limits
def test_a_session_is_changed_for_a_new_one_before_the_server_ends_it(
    cable: Cable, partner: Partner
) -> None:
    with Talk(url=cable.url, api_key="k", session_limit_s=2, resumption=False) as talk:
        events = watched(talk)
        talk.ask("one")
        assert 0 < talk.ends_in_s <= 2  # type: ignore[operator]
        wait_until(lambda: cable.count == 2)
        wait_until(lambda: talk.phase == "open")
        assert "closed" not in phases(events)
        talk.ask("two")
        assert partner.histories[-1] == ["one", "You said one."]
        texts = [note.text for note in talk.notes]
        assert any("This session ends in" in text for text in texts)
        assert any("goes on in a new one" in text for text in texts)
        assert "replaced by a new one" in talk.turns[2].seam


def test_a_line_closed_for_silence_goes_on_where_it_was(cable: Cable, partner: Partner) -> None:
    with Talk(url=cable.url, api_key="k", idle_timeout_s=1, resumption=False) as talk:
        talk.ask("one")
        wait_until(lambda: talk.phase == "closed")
        assert talk.ends_in_s is None
        talk.ask("two")
        assert partner.histories[-1] == ["one", "You said one."]
        assert "since nothing was said" in talk.turns[2].seam


@pytest.mark.parametrize(
    ("error_type", "ends"), [("max_duration", ["open"]), ("timeout", ["closed"])]
)
def test_what_the_server_says_before_it_hangs_up_decides(
    peer: Any, error_type: str, ends: list[str]
) -> None:
    lines: list[Any] = []

    async def serve(socket: Any) -> None:
        lines.append(socket)
        await socket.recv()
        await socket.send('{"type": "session.updated", "session": {}}')
        if len(lines) == 1:
            await socket.recv()
            message = f'{{"type": "error", "error": {{"type": "{error_type}", "message": "over"}}}}'
            await socket.send(message)
            await socket.close(1000)
            return
        async for _ in socket:
            pass

    with Talk(url=peer(serve).url) as talk:
        events = watched(talk)
        talk.start()
        talk.say("hello")
        wait_until(lambda: phases(events)[2:][-1:] == ends)
        opened = [event for event in events if isinstance(event, SessionOpened)]
        assert len(opened) == (2 if ends == ["open"] else 1)


def test_a_question_is_not_cut_off_by_the_end_of_its_session(
    cable: Cable, partner: Partner
) -> None:
    with Talk(url=cable.url, api_key="k", session_limit_s=2) as talk:
        for number in range(60):
            assert talk.ask(f"number {number}").text == f"You said number {number}."
            time.sleep(0.05)
        assert cable.count > 1
        assert len(talk.turns) == 120


# --------------------------------------------------------------------------- hanging up
def test_who_hangs_up_and_goes_on_is_told_what_the_server_still_knows(
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


def test_a_talk_that_is_closed_stays_closed(cable: Cable) -> None:
    with Talk(url=cable.url, api_key="k") as talk:
        talk.ask("one")
    with pytest.raises(SessionClosedOK, match="the talk is closed"):
        talk.ask("two")
    assert len(talk.turns) == 2


# --------------------------------------------------------------------------- money
def _ask_for_ever(talk: Talk) -> None:
    for number in range(100_000):
        talk.ask(f"number {number}")


def test_a_budget_is_kept_also_by_who_asks_without_a_pause(server: RehearsalServer) -> None:
    with Talk(url=server.url(), api_key="k", budget=Budget(minutes=0.01)) as talk:
        with pytest.raises(BudgetSpent, match="used up its budget"):
            _ask_for_ever(talk)
        count = len(talk.notes)
        for _ in range(3):
            with pytest.raises(BudgetSpent):
                talk.ask("more?")
        wait_until(lambda: talk.phase == "closed")
        assert len(talk.notes) <= count + 1


def test_a_limit_in_money_that_cannot_be_held_is_said(server: RehearsalServer) -> None:
    with Talk(url=server.url("live"), api_key="k", budget=Budget(dollars=0.01)) as talk:
        talk.start()
        wait_until(lambda: any("No price is known" in note.text for note in talk.notes))
        assert talk.usage.dollars is None


def test_who_hangs_up_while_the_line_is_being_opened_has_no_line(
    server: RehearsalServer,
) -> None:
    with Talk(url=server.url(), api_key="k") as talk:
        opening = TALK_THREAD.submit(talk._sessions.open())
        talk.stop()
        assert talk.phase == "closed"
        opening.result(timeout=20)
        assert talk._sessions.session is None
