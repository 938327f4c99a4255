"""A talk whose connection is in a process of its own, which a busy kernel does not hold up."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget import RehearsalServer, Talk, load, tool
from grok_live_widget.client.process import (
    connection_process,
)
from grok_live_widget.events import (
    AudioDelta,
    ResponseDone,
)
from grok_live_widget.exceptions import (
    ReplyTimeout,
)

from ...support.processes import is_running, process_of, rehearsals
from ...support.sound import RATE_HZ, tone
from ...support.turns import assert_equal_turns
from ...support.waiting import wait_until


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
