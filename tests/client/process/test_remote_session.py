"""A talk whose connection is in a process of its own, which a busy kernel does not hold up."""

from __future__ import annotations

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

from grok_live_widget import RehearsalServer, Talk, load, tool
from grok_live_widget.client.process import (
    RemoteSession,
    connection_process,
    remote_asker,
    remote_session,
)
from grok_live_widget.client.talk import TALK_THREAD
from grok_live_widget.conversation import Turn
from grok_live_widget.events import (
    AudioDelta,
    LineReopened,
    Noted,
    PhaseChanged,
    ResponseDone,
    SessionEnded,
)
from grok_live_widget.exceptions import (
    ConfigurationError,
    ConnectError,
    ReplyTimeout,
    SessionClosedError,
)

from ...support.sound import RATE_HZ, tone
from ...support.talks import EventLog
from ...support.turns import assert_equal_turns
from ...support.waiting import wait_until


def session_of(talk: Talk) -> RemoteSession:
    session = talk._sessions
    assert isinstance(session, RemoteSession)
    return session


def process_of(talk: Talk) -> int:
    process_id = session_of(talk).process_id
    assert process_id is not None
    return process_id


def is_running(process_id: int) -> bool:
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def rehearsals() -> list[int]:
    """The processes of rehearsals that this process has started."""
    children = subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True)
    found = [int(line) for line in children.stdout.split()]
    commands = {each: Path(f"/proc/{each}/cmdline") for each in found}
    return [each for each in found if "live_widget.rehearsal" in commands[each].read_text()]


def numbers_a_second() -> float:
    """How many numbers `sum` adds in a second, if nothing else runs."""
    rates = []
    for _ in range(5):
        began_s = time.monotonic()
        sum(range(3_000_000))
        rates.append(3_000_000 / (time.monotonic() - began_s))
    return max(rates)


def hold_the_interpreter(count: int) -> tuple[float, float]:
    """Call one function in C that lets no other thread run; returns when it began and ended."""
    began_s = time.monotonic()
    sum(range(count))
    return began_s, time.monotonic()


# --------------------------------------------------------------------------- a busy kernel
def test_what_happens_while_one_call_holds_the_kernel_has_its_own_time() -> None:
    with Talk(partner=["Good morning."], isolation="process") as talk:
        talk.start()
        count = int(6 * numbers_a_second())
        times: dict[type, list[float]] = {}
        talk.add_listener(lambda event, _, now_s: times.setdefault(type(event), []).append(now_s))
        asked = talk.say("Hello.")
        began_s, ended_s = hold_the_interpreter(count)
        # Listeners are called after the turns have changed.
        wait_until(lambda: ResponseDone in times)
        # The reply was received, piece by piece, while the kernel could do nothing.
        assert began_s < times[ResponseDone][0] < ended_s
        assert len(times[AudioDelta]) > 1
        assert talk.turns[1].latency_ms is not None
        assert talk.turns[1].latency_ms < 1000 * (ended_s - began_s)
        assert asked.text == "Hello."


def test_a_recording_goes_on_while_the_kernel_is_busy_and_is_whole_when_it_is_killed(
    tmp_path: Path,
) -> None:
    script = f"""
import os, signal
from grok_live_widget import Talk
talk = Talk(partner=["Good morning to you all."], record={str(tmp_path / "talk")!r},
            isolation="process")
talk.start()
talk.say("Hello.")
total = sum(range(60_000_000))
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script], timeout=60)
    lines = (tmp_path / "talk" / "events.jsonl").read_text()
    assert "ResponseDone" in lines
    saved = load(tmp_path / "talk")
    assert [turn.text for turn in saved.turns] == ["Hello.", "Good morning to you all."]
    assert saved.turns[1].duration_s > 1


def test_a_recording_of_a_moment_is_whole_when_the_kernel_is_killed(tmp_path: Path) -> None:
    script = """
import os, signal, sys
from grok_live_widget import Talk
talk = Talk(partner=["Good morning."], record=sys.argv[1], isolation="process")
talk.start()
print(talk._sessions.process_id, flush=True)
talk.say("Hello.")
os.kill(os.getpid(), signal.SIGKILL)
"""
    for number in range(4):
        folder = tmp_path / str(number)
        killed = subprocess.run(
            [sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, timeout=60
        )
        process_id = int(killed.stdout)
        wait_until(lambda: not is_running(process_id), what="the end")  # noqa: B023
        assert load(folder).turns[0].text == "Hello."
        assert "SessionEnded" in (folder / "events.jsonl").read_text()


# --------------------------------------------------------------------------- the same turns
@pytest.mark.parametrize("sharing", ["descriptors", "names", None])
def test_both_processes_fold_the_same_turns(
    tmp_path: Path,
    question: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    sharing: str | None,
) -> None:
    if sharing == "descriptors" and sharing != connection_process.SHARING:
        pytest.skip("needs memfd_create")
    monkeypatch.setattr(connection_process, "SHARING", sharing)
    # Off Windows names are files, which the process of the connection has removed at its end.
    monkeypatch.setattr("multiprocessing.resource_tracker.register", lambda *_: None)
    with Talk(partner="parrot", record=tmp_path / "talk", isolation="process") as talk:
        talk.ask("one")
        reply = talk.ask(question, RATE_HZ)
        talk.interrupt()
        talk.update(voice="nova")
        assert talk.settings.voice == "nova"
        talk.say_verbatim("And so on.").wait()
        assert len(reply.pcm) > RATE_HZ
        whole = talk.assistant_pcm
        assert np.shares_memory(whole, talk.turns.assistant[1].pcm)
        memory = talk._sessions._mirror._tapes[False].place.memory
        assert type(memory) is {"descriptors": int, "names": str}.get(sharing or "", type(None))
        assert not whole.flags.writeable
    recorded = load(tmp_path / "talk")
    assert_equal_turns(talk.turns, recorded.turns)
    assert [turn.turn_id for turn in talk.turns] == [turn.turn_id for turn in recorded.turns]


def test_a_talk_that_was_not_recorded_can_be_saved_after_its_process_has_ended(
    tmp_path: Path,
) -> None:
    with Talk(partner=["Yes."], isolation="process") as talk:
        talk.ask("Really?")
    assert_equal_turns(load(talk.save(tmp_path / "saved")).turns, talk.turns)


def test_the_frames_are_those_of_the_connection_without_audio_and_key() -> None:
    with Talk(partner=["Yes."], api_key="xai-a-key-of-somebody", isolation="process") as talk:
        talk.ask("Really?")
        frames = list(talk.frames)
    assert {"session.update", "response.output_audio.delta"} <= {each.type for each in frames}
    shown = b"\n".join(each.content for each in frames)
    assert b"bytes of audio" in shown
    assert b"a-key-of-somebody" not in shown


# --------------------------------------------------------------------------- what stays here
def test_functions_run_in_the_kernel_and_see_what_it_has() -> None:
    from grok_live_widget.rehearsal import CallTool

    seen: list[Any] = []

    @tool
    def look(at: str) -> str:
        """Look at something."""
        seen.append((os.getpid(), at))
        return f"{at} is there"

    partner = [CallTool("look", {"at": "the kernel"}), "Done."]
    with Talk(partner=partner, tools=[look], isolation="process") as talk:
        assert talk.ask("Look.").text == "Done."
        (call,) = talk.turns.assistant[-1].tool_calls
        assert (call.output, seen) == ("the kernel is there", [(os.getpid(), "the kernel")])


def test_a_function_as_partner_runs_in_the_kernel_and_the_rehearsal_in_a_process() -> None:
    where: list[int] = []

    def partner(turn: Any) -> str:
        where.append(os.getpid())
        return "Here."

    with Talk(partner=partner, isolation="process") as talk:
        talk.ask("Where?")
        (rehearsal,) = rehearsals()
    assert where == [os.getpid()]
    assert not is_running(rehearsal)


def test_the_key_is_neither_an_argument_nor_in_the_environment_of_the_process(
    server: RehearsalServer,
) -> None:
    with Talk(url=server.url(), api_key="xai-secret-of-mine", isolation="process") as talk:
        talk.ask("Hello.")
        folder = Path(f"/proc/{process_of(talk)}")
        for name in ("cmdline", "environ"):
            assert b"xai-secret" not in (folder / name).read_bytes()
        for descriptor in (folder / "fd").iterdir():
            target = str(descriptor.readlink())
            unnamed = ("pipe:", "socket:", "anon_inode:", "/memfd:", "/dev/null")
            # The last is its standard error, which has no name either.
            assert target.startswith(unnamed) or target.endswith("(deleted)"), target


# --------------------------------------------------------------------------- its end
@pytest.fixture
def server() -> Any:
    with RehearsalServer(lambda turn: f"You said {turn.text}.") as server:
        yield server


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
    monkeypatch.setattr(remote_session, "_END_WITHIN_S", 0.5)
    monkeypatch.setattr(remote_session, "_UNREAD_S", 0.2)
    with Talk(url=server.url(), api_key="k", isolation="process") as talk:
        talk.ask("one")
        stopped = process_of(talk)
        os.kill(stopped, signal.SIGSTOP)
        end(talk)
        wait_until(lambda: not is_running(stopped))
        if end is not Talk.close:
            monkeypatch.setattr(remote_session, "_END_WITHIN_S", 10.0)
            assert talk.ask("two").text == "You said two."


def test_a_process_that_answers_nothing_is_ended_after_the_time_limit(
    server: RehearsalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_asker, "_SPARE_S", 0.0)
    monkeypatch.setattr(remote_session, "_UNREAD_S", 0.2)
    with Talk(url=server.url(), api_key="k", isolation="process") as talk:
        talk.ask("one")
        stopped = process_of(talk)
        os.kill(stopped, signal.SIGSTOP)
        with pytest.raises(ReplyTimeout, match=r"did not answer in 0\.5 s, and was ended\. Ask"):
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
        assert "the next question, opens" in talk.notes[-1].text
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
processes = session._process._process, session._kernel_calls._rehearsal.result()._process
"""


def test_the_processes_of_a_talk_that_is_left_open_end_by_themselves_with_python() -> None:
    ended = subprocess.run([sys.executable, "-c", LEFT_OPEN], capture_output=True, text=True)
    assert (ended.stdout, ended.stderr) == ("0 0\n", "")


def test_a_time_limit_and_a_cancelled_question_leave_the_talk_usable() -> None:
    replies = iter(["late", "on time"])

    def partner(turn: Any) -> Any:
        text = next(replies)
        if text == "late":
            time.sleep(1.0)
        return text

    with Talk(partner=partner, isolation="process") as talk:
        talk.start()
        with pytest.raises(ReplyTimeout):
            talk.ask("one", timeout_s=0.2)
        assert talk.ask("two").text == "on time"


def test_a_thousand_samples_of_every_kind_of_array_arrive_alike() -> None:
    with Talk(partner=lambda turn: turn.pcm, isolation="process") as talk:
        sound = tone(0.5)
        from grok_live_widget import PushToTalk

        talk.update(turn_detection=PushToTalk())
        for x in (sound, sound / np.float32(32768), (sound / 32768).tolist()):
            talk.send_audio(x, RATE_HZ, end=True)
            talk.commit()
            wait_until(lambda: talk.turns[-1].role == "assistant" and talk.turns[-1].is_complete)
            assert np.array_equal(talk.turns[-1].pcm, sound)
            talk.send_audio(sound[:10], RATE_HZ, end=True)
            talk.clear()


def test_eight_talks_at_once_hear_only_their_own_partner() -> None:
    names = [f"Number {number}" for number in range(8)]
    talks = [Talk(partner=[f"{name}."] * 3, isolation="process") for name in names]
    try:
        with ThreadPoolExecutor(8) as pool:
            for _ in range(3):
                replies = list(pool.map(lambda talk: talk.ask("Who are you?"), talks))
                assert [reply.text for reply in replies] == [f"{name}." for name in names]
        assert len({process_of(talk) for talk in talks}) == 8
    finally:
        for talk in talks:
            talk.close()


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
