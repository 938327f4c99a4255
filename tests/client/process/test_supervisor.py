"""The processes of a connection: their start, their end, and what follows."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget import Prices, RehearsalServer, Talk, load
from grok_live_widget.client.process import (
    remote_asker,
    supervisor,
)
from grok_live_widget.client.talk import TALK_THREAD
from grok_live_widget.conversation import Turn
from grok_live_widget.events import (
    LineReopened,
    Noted,
    PhaseChanged,
    SessionEnded,
)
from grok_live_widget.exceptions import (
    ConfigurationError,
    ConnectError,
    ReplyTimeout,
    SessionClosedError,
)

from ...support.processes import is_running, process_of, rehearsals, session_of
from ...support.sound import RATE_HZ
from ...support.talks import EventLog
from ...support.waiting import wait_until


def test_a_process_that_dies_is_a_connection_that_broke(server: RehearsalServer) -> None:
    with Talk(url=server.url(), api_key="k", isolation="process") as talk:
        talk.ask("one")
        log = EventLog(talk)
        pcm = talk.turns[1].pcm
        kept = pcm.copy()
        os.kill(process_of(talk), signal.SIGKILL)
        log.wait_for(lambda: talk.phase == "open" and bool(log.of(LineReopened)))
        assert talk.ask("two").text == "You said two."
        assert [turn.text for turn in talk.turns] == [
            "one",
            "You said one.",
            "two",
            "You said two.",
        ]
        assert np.array_equal(talk.turns[1].pcm, kept)
        assert np.array_equal(pcm, kept)
        assert np.array_equal(talk.assistant_pcm[: len(kept)], kept)
        assert "broke and was opened again" in talk.turns[2].seam
        assert log.of(SessionEnded)[0].close_code is None
        phases = [event.phase for event in log.of(PhaseChanged)]
        assert phases == ["opening", "open"]
        (told, withdrawn) = [each.text for each in log.of(Noted) if each.topic == "connection"]
        assert "The process of the connection has ended" in told
        assert withdrawn == ""


def test_the_next_process_goes_on_with_the_recording(
    server: RehearsalServer, tmp_path: Path
) -> None:
    folder = tmp_path / "talk"
    with Talk(url=server.url(), api_key="k", isolation="process", record=folder) as talk:
        log = EventLog(talk)
        talk.ask("one")
        wait_until(lambda: "ResponseDone" in (folder / "events.jsonl").read_text())
        os.kill(process_of(talk), signal.SIGKILL)
        log.wait_for(lambda: talk.phase == "open" and bool(log.of(LineReopened)))
        talk.ask("two")
    saved = load(folder)
    assert [turn.text for turn in saved.turns] == [turn.text for turn in talk.turns]
    for live, kept in zip(talk.turns, saved.turns, strict=True):
        assert np.array_equal(live.pcm, kept.pcm)
    assert talk.turns[3].sample_count > 0


def test_a_process_that_dies_while_the_connection_is_closed_loses_no_sound() -> None:
    with Talk(partner=["One.", "Two."], isolation="process") as talk:
        first = talk.ask("one")
        kept = first.pcm.copy()
        talk.stop()
        process_id = process_of(talk)
        os.kill(process_id, signal.SIGKILL)
        wait_until(lambda: session_of(talk).process_id is None)
        second = talk.ask("two")
        assert second.text == "Two."
        assert np.array_equal(first.pcm, kept)
        assert np.array_equal(talk.assistant_pcm, np.concatenate((kept, second.pcm)))


def hang(talk: Talk, monkeypatch: pytest.MonkeyPatch, answer_within_s: float = 0.5) -> int:
    """Stop the process, which has little time for answers, unlike the next one; its id."""
    stopped = process_of(talk)

    def allow_more(event: object, *_: object) -> None:
        if isinstance(event, SessionEnded):
            monkeypatch.setattr(supervisor, "_ANSWER_WITHIN_S", 10.0)

    talk.add_listener(allow_more)
    os.kill(stopped, signal.SIGSTOP)
    monkeypatch.setattr(supervisor, "_ANSWER_WITHIN_S", answer_within_s)
    monkeypatch.setattr(supervisor, "_UNREAD_S", 0.2)
    return stopped


class SlowPartner:
    """Answers with what it is given, and goes on when it may."""

    def __init__(self, *pieces: str) -> None:
        self._pieces = pieces
        self.may_go_on = threading.Event()

    def __call__(self, turn: Any) -> Iterator[str]:
        yield from self._pieces
        self.may_go_on.wait(60)
        yield "Here I am."

    def kill(self, talk: Talk, turns: Callable[[], list[Turn]]) -> None:
        """Kill the process when there is such a turn, and have the partner go on."""
        wait_until(lambda: bool(turns()), what="the turn")
        os.kill(process_of(talk), signal.SIGKILL)
        self.may_go_on.set()


def test_a_text_of_whose_reply_nothing_had_come_is_asked_once_more() -> None:
    partner = SlowPartner()
    with Talk(partner=partner, isolation="process") as talk, ThreadPoolExecutor(1) as threads:
        killed = threads.submit(partner.kill, talk, lambda: talk.turns.user)
        assert talk.ask("Are you there?").text == "Here I am."
        killed.result()
        assert [turn.text for turn in talk.turns] == ["Are you there?", "Here I am."]
        assert "broke and was opened again" in talk.turns[1].seam


def test_a_question_learns_that_the_process_has_died_within_the_reply() -> None:
    partner = SlowPartner("I am ")
    with Talk(partner=partner, isolation="process") as talk, ThreadPoolExecutor(1) as threads:
        killed = threads.submit(
            partner.kill, talk, lambda: [t for t in talk.turns.assistant if t.text]
        )
        with pytest.raises(SessionClosedError, match="process of the connection has ended"):
            talk.ask("Are you there?")
        killed.result()
        assert talk.turns[-1].text == "I am "


def test_a_sound_is_not_sent_a_second_time(question: np.ndarray) -> None:
    partner = SlowPartner()
    with Talk(partner=partner, isolation="process") as talk, ThreadPoolExecutor(1) as threads:
        killed = threads.submit(partner.kill, talk, lambda: talk.turns.user)
        with pytest.raises(SessionClosedError, match="process of the connection has ended"):
            talk.ask(question, RATE_HZ)
        killed.result()


@pytest.mark.parametrize(
    "call",
    [
        Talk.start,
        Talk.interrupt,
        lambda talk: talk.update(instructions="Be brief."),
        lambda talk: talk.ask("two"),
        lambda talk: talk.say("two"),
        lambda talk: talk.save("/dev/null/no"),
    ],
    ids=["start", "interrupt", "update", "ask", "say", "save"],
)
def test_what_is_asked_of_a_process_that_has_just_died_is_done_by_the_next_one(
    server: RehearsalServer, call: Callable[[Talk], Any]
) -> None:
    with Talk(url=server.url(), api_key="k", isolation="process") as talk:
        talk.ask("one")
        os.kill(process_of(talk), signal.SIGKILL)
        with contextlib.suppress(ConfigurationError):  # What is wrong with the call itself.
            call(talk)
        wait_until(lambda: talk.phase == "open")
        assert talk.ask("three").text == "You said three."
        texts = [turn.text for turn in talk.turns.user]
        assert texts in (["one", "three"], ["one", "two", "three"])


def test_a_talk_that_is_stopped_or_closed_while_its_process_dies_stays_closed(
    server: RehearsalServer,
) -> None:
    for delay_s in (0.0, 0.02, 0.1, 0.2):
        with Talk(url=server.url(), api_key="k", isolation="process") as talk:
            log = EventLog(talk)
            talk.ask("one")
            os.kill(process_of(talk), signal.SIGKILL)
            time.sleep(delay_s)  # So that it is at any step of its reopening.
            talk.stop()
            assert talk.phase == "closed"
            talk.stop()
            assert log.of(PhaseChanged)[-1].phase == "closed"
            assert talk.ask("two").text == "You said two."
            os.kill(process_of(talk), signal.SIGKILL)
            time.sleep(delay_s)
            talk.close()
            assert talk.phase == "closed"


@pytest.mark.parametrize("end", [Talk.stop, Talk.interrupt, Talk.close])
def test_a_process_that_does_not_answer_is_ended_by_what_ends_something(
    server: RehearsalServer, monkeypatch: pytest.MonkeyPatch, end: Callable[[Talk], Any]
) -> None:
    with Talk(url=server.url(), api_key="k", isolation="process") as talk:
        talk.ask("one")
        stopped = hang(talk, monkeypatch)
        end(talk)
        wait_until(lambda: not is_running(stopped))
        if end is not Talk.close:
            assert talk.ask("two").text == "You said two."


@pytest.mark.parametrize(
    ("ask", "is_repeated"),
    [
        (Talk.start, True),
        (lambda talk: talk.update(voice="nova"), True),
        (lambda talk: talk.ask("More."), True),
        (lambda talk: talk.say("More."), True),
        (lambda talk: TALK_THREAD.run(talk._sessions.say_text("More.")), True),
        (lambda talk: talk.send_audio(np.zeros(240, np.int16), RATE_HZ), False),
        (lambda talk: talk.commit(), False),
    ],
    ids=["start", "update", "ask", "say", "typed", "send_audio", "commit"],
)
def test_a_process_that_answers_no_ping_is_ended_by_whatever_waits_for_it(
    server: RehearsalServer,
    monkeypatch: pytest.MonkeyPatch,
    ask: Callable[[Talk], Any],
    is_repeated: bool,
) -> None:
    with Talk(url=server.url(), api_key="k", isolation="process") as talk:
        talk.ask("one")
        stopped = hang(talk, monkeypatch)
        if is_repeated:
            ask(talk)
            wait_until(lambda: talk.phase == "open")
        else:
            with pytest.raises(ReplyTimeout, match=r"did not answer, and was ended\."):
                ask(talk)
        wait_until(lambda: not is_running(stopped))
        wait_until(lambda: not talk.turns or talk.turns[-1].is_complete)
        assert talk.ask("two").text == "You said two."


def test_a_process_that_hangs_while_the_connection_is_open_is_replaced(
    server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "_ANSWER_WITHIN_S", 2.0)
    with Talk(url=server.url(), api_key="k", isolation="process") as talk:
        log = EventLog(talk)
        talk.ask("one")
        stopped = hang(talk, monkeypatch, 2.0)
        log.wait_for(lambda: talk.phase == "open" and bool(log.of(LineReopened)))
        assert not is_running(stopped)
        log.wait_for(lambda: log.of(Noted)[-1].text == "")
        (told, _) = [each.text for each in log.of(Noted) if each.topic == "connection"]
        ended = "The process of the connection did not answer, and was ended. Opening another one."
        assert told == ended
        assert talk.ask("two").text == "You said two."


def test_a_talk_whose_process_hangs_and_is_stopped_opens_no_other_one(
    server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Talk(url=server.url(), api_key="k", isolation="process") as talk:
        talk.start()
        hang(talk, monkeypatch)
        talk.stop()
        assert talk.phase == "closed"
        assert session_of(talk).process_id is None
        assert talk.notes == []


def test_a_change_of_prices_that_the_next_process_confirms_counts(
    server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Talk(url=server.url(), api_key="k", isolation="process") as talk:
        talk.start()
        hang(talk, monkeypatch)
        talk.update(prices=Prices(per_minute=0, per_text=1.0))
        talk.ask("two")
        # The minutes before have another price.
        assert talk.usage.dollars == pytest.approx(1.0, abs=0.1)


def test_a_process_whose_messages_are_still_being_read_does_not_hang() -> None:
    with Talk(partner=["Good morning."], isolation="process") as talk:
        talk.start()
        kept = process_of(talk)
        processes = session_of(talk).supervisor

        async def answer_late() -> str:
            """As after a busy hour of the kernel, in which much has happened."""
            answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            process, due_s = processes._process, time.monotonic()
            assert process is not None
            waiting = asyncio.ensure_future(
                processes._answer_of(process, answer, due_s, 0.0, may_open=True)
            )
            while time.monotonic() < due_s + 1.5 * supervisor._UNREAD_S:
                processes._receive([])
                await asyncio.sleep(0.05)
            answer.set_result("late")
            found: str = await waiting
            return found

        assert TALK_THREAD.run(answer_late()) == "late"
        assert process_of(talk) == kept


def test_a_process_that_takes_long_and_answers_pings_goes_on(
    server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Talk(url=server.url(), api_key="k", isolation="process") as talk:
        talk.start()
        kept = process_of(talk)
        monkeypatch.setattr(supervisor, "_ANSWER_WITHIN_S", 0.2)
        began_s = time.monotonic()
        talk.send_audio(np.zeros(RATE_HZ, np.int16), RATE_HZ, pace="realtime")
        assert time.monotonic() - began_s > 0.9
        assert process_of(talk) == kept


def test_a_process_that_answers_nothing_is_ended_after_the_time_limit(
    server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_asker, "_SPARE_S", 0.0)
    monkeypatch.setattr(supervisor, "_UNREAD_S", 0.2)
    with Talk(url=server.url(), api_key="k", isolation="process") as talk:
        talk.ask("one")
        stopped = process_of(talk)
        os.kill(stopped, signal.SIGSTOP)
        with pytest.raises(ReplyTimeout, match=r"did not answer, and was ended\. What"):
            talk.ask("two", timeout_s=0.5)
        monkeypatch.setattr(remote_asker, "_SPARE_S", 2.0)
        assert talk.ask("three", timeout_s=20).text == "You said three."
        assert not is_running(stopped)
        assert [turn.text for turn in talk.turns.assistant] == ["You said one.", "You said three."]


def test_a_rehearsal_that_dies_is_followed_by_another_one() -> None:
    with Talk(partner=lambda turn: turn.text, isolation="process") as talk:
        assert talk.ask("one").text == "one"
        (rehearsal,) = rehearsals()
        os.kill(rehearsal, signal.SIGKILL)
        wait_until(lambda: talk.phase == "open" and rehearsals() not in ([], [rehearsal]))
        assert talk.ask("two").text == "two"
        assert [turn.text for turn in talk.turns.assistant] == ["one", "two"]


def test_a_process_that_dies_again_and_again_is_not_started_for_ever(
    server: RehearsalServer,
) -> None:
    with Talk(url=server.url(), api_key="k", isolation="process", reconnect_tries=1) as talk:
        log = EventLog(talk)
        talk.ask("one")
        first = process_of(talk)
        os.kill(first, signal.SIGKILL)
        log.wait_for(lambda: talk.phase == "open" and bool(log.of(LineReopened)))
        os.kill(process_of(talk), signal.SIGKILL)
        log.wait_for(lambda: talk.phase == "closed")
        assert talk.notes[-1].text == (
            "The process of the connection has ended 2 times within a minute. Start, or the next "
            "question, opens the connection again."
        )
        assert talk.ask("two").text == "You said two."
        # The note is withdrawn.
        log.wait_for(lambda: [each.text for each in log.of(Noted)][-1] == "")


def test_a_process_that_cannot_be_started_is_an_error_with_the_cure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Talk(partner=["Yes."], isolation="process") as talk:
        with monkeypatch.context() as patched:
            patched.setattr(sys, "executable", "/nowhere/python")
            with pytest.raises(ConnectError, match="cannot be started: No such file") as found:
                talk.ask("Hello.")
        assert found.value.cure == 'isolation="thread" keeps the connection in this process.'
        assert talk.ask("Hello.").text == "Yes."


def test_a_change_of_settings_holds_in_the_next_process(server: RehearsalServer) -> None:
    with Talk(url=server.url(), api_key="k", isolation="process") as talk:
        log = EventLog(talk)
        talk.ask("one")
        talk.update(voice="nova", instructions="Be brief.")
        os.kill(process_of(talk), signal.SIGKILL)
        log.wait_for(lambda: talk.phase == "open" and bool(log.of(LineReopened)))
        assert (talk.settings.voice, talk.settings.instructions) == ("nova", "Be brief.")
        sent = [each for each in talk.frames if each.type == "session.update"][-1]
        assert b"Be brief." in sent.content


def test_the_process_of_a_closed_or_dropped_talk_ends() -> None:
    talk = Talk(partner=["Yes.", "No."], isolation="process")
    talk.ask("Really?")
    closed = process_of(talk)
    talk.close()
    assert not is_running(closed)
    talk = Talk(partner=["Yes.", "No."], isolation="process")
    talk.ask("Really?")
    dropped = process_of(talk)
    del talk
    wait_until(lambda: gc.collect() >= 0 and not is_running(dropped))


LEFT_OPEN = """
import atexit
# What is registered first is called last.
atexit.register(lambda: print(*[each.returncode for each in processes]))
from grok_live_widget import Talk
talk = Talk(partner=["Good morning."], isolation="process")
talk.ask("Hello.")
session = talk._sessions
processes = session.supervisor._process._process, session._kernel_calls._rehearsal.result()._process
"""
STOPPED = """
import os, signal
for each in processes:
    os.kill(each.pid, signal.SIGSTOP)
print(*[each.pid for each in processes], flush=True)
"""


def test_the_processes_of_a_talk_that_is_left_open_end_by_themselves_with_python() -> None:
    ended = subprocess.run([sys.executable, "-c", LEFT_OPEN], capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("0 0\n", "")


def test_processes_that_are_stopped_end_with_python_too() -> None:
    code = LEFT_OPEN + STOPPED
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    stopped = [int(each) for each in ended.stdout.splitlines()[0].split()]
    assert len(stopped) == 2
    wait_until(lambda: not any(map(is_running, stopped)))


@pytest.mark.slow
def test_no_process_is_left_of_a_thousand(server: RehearsalServer) -> None:
    def start(number: int) -> int:
        talk = Talk(url=server.url(), api_key="k", isolation="process")
        talk.start()
        process_id = process_of(talk)
        if number % 3 == 0:
            os.kill(process_id, signal.SIGKILL)
        if number % 3 < 2:
            talk.close()
        return process_id

    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(start, range(1000)))
    wait_until(lambda: gc.collect() >= 0 and not any(map(is_running, started)))


def test_the_talks_thread_is_free_while_the_process_starts() -> None:
    talk = Talk(partner=["Yes."], isolation="process")
    started = threading.Thread(target=talk.start)
    started.start()

    async def answer() -> int:
        return 42

    assert TALK_THREAD.run(answer()) == 42
    started.join()
    talk.close()
