"""Pages come and go and send requests, and one of them owns the sound."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .conftest import NEWEST, Partner
from .kernel import Kernel
from .page import CHUNK_SAMPLES, RATE_HZ, Page, numbered

STATE = {
    *(
        "type",
        "owner",
        "session",
        "epoch",
        "phase",
        "is_reopening",
        "is_rehearsal",
        "server_name",
        "banner",
        "dialect",
    ),
    *("voice", "voice_help", "partner", "turn_detection", "processing", "sample_rate", "busy_cell"),
    "late_sample_count",
    *("settings", "replay", "replayed_turn", "replay_start_s", "used_minutes", "cost_dollars"),
}
TURN = {
    *("id", "order", "role", "text", "text_source", "is_complete", "was_interrupted"),
    "interruption",
    *("has_audio", "duration_s", "started_s", "reply", "heard_s", "latency_ms"),
    *("tool_ms", "approval_ms", "seam"),
    "is_approximate",
    "reply_start_s",
}


def another(page: Page, name: str = "page-2") -> Page:
    """A second page that shows the same panel."""
    return Page(page.kernel, page.comm_id, name, page.subshell)


# --------------------------------------------------------------------------- hello
def test_hello_is_answered_with_a_snapshot(kernel: Kernel, show: Any) -> None:
    page = Page(kernel, show('partner="parrot", voice="nova", processing=False'), "page-1")
    snapshot = page.say_hello()
    more = {"page", "notes", "turns", "tools", "told_count", "translations"}
    assert set(snapshot) == STATE | more
    assert snapshot["translations"]["de"]["Rehearsal"] == "Probe"
    expected = {
        "owner": "page-1",
        "session": 0,
        "epoch": 0,
        "phase": "closed",
        "is_rehearsal": True,
        "server_name": "Rehearsal",
        "dialect": "realtime",
        "voice": "nova",
        "voice_help": (
            "nova: bright, energetic. In the rehearsal: American, female, about 201 Hz. In the "
            "realtime dialect eve replies in its place. Voices: alloy (neutral, balanced), echo "
            "(warm, conversational), fable (expressive, dynamic), onyx (deep, authoritative), nova "
            "(bright, energetic), shimmer (clear, professional), and those that voices() lists in "
            "Python."
        ),
        "partner": "parrot",
        "turn_detection": "server_vad",
        "processing": False,
        "sample_rate": RATE_HZ,
        "busy_cell": False,
        "late_sample_count": 0,
        "notes": [],
        "turns": [],
        "tools": [],
    }
    assert expected.items() <= snapshot.items()
    assert "not Grok" in snapshot["banner"]


def test_the_snapshot_of_a_later_page_has_the_turns_and_the_notes(
    kernel: Kernel, page: Any, partner: Partner
) -> None:
    partner.reply = numbered(RATE_HZ)
    first = page()
    first.say("text", text="Hello.")
    first.play()
    first.wait_for_turn(role="assistant", is_complete=True)
    kernel.run("live.stop()")
    first.wait("state", phase="closed")
    kernel.run("live._sessions.note('look here', 'warning')")
    snapshot = another(first).say_hello()
    assert snapshot["notes"] == [{"text": "Look here", "level": "warning", "topic": ""}]
    assert [set(turn) for turn in snapshot["turns"]] == [TURN, TURN]
    asked, answered = snapshot["turns"]
    assert (asked["role"], asked["text"], asked["text_source"]) == ("user", "Hello.", "typed")
    assert (asked["order"], answered["order"]) == (0, 1)
    assert answered["has_audio"]
    assert answered["duration_s"] == answered["heard_s"] == 1.0


def test_a_state_has_the_fields_of_a_snapshot_and_a_turn_is_sent_as_it_grows(
    kernel: Kernel, page: Any, partner: Partner
) -> None:
    partner.reply = numbered(RATE_HZ)
    shown = page()
    shown.say("text", text="Hello.")
    shown.play()
    shown.wait_for_turn(role="assistant", is_complete=True)
    # Only a state with a sentence has its translations.
    assert all(set(state) - {"translations"} == STATE for state in shown.received("state"))
    assert [state["phase"] for state in shown.received("state")][:2] == ["opening", "open"]
    turns = [each["turn"] for each in shown.received("turn")]
    assert all(set(turn) == TURN for turn in turns)
    assert len({turn["id"] for turn in turns}) == 2


# --------------------------------------------------------------------------- the lease
def test_the_first_page_owns_the_sound_and_keeps_it_while_it_answers(page: Any) -> None:
    first = page()
    second = another(first)
    assert second.say_hello()["owner"] == "page-1"
    ping = first.wait("ping")
    first.say("pong", id=ping["id"], clock_ms=first.clock_ms())
    first.wait_for_beats(2)
    assert first.received("owner") == []
    assert first.say_hello()["owner"] == "page-1"


def test_a_page_that_does_not_answer_loses_the_sound(page: Any) -> None:
    first = page()
    another(first).say_hello()
    first.wait("owner", owner="page-2")
    first.wait("state", owner="page-2")


@pytest.mark.parametrize("kind", ["take_over", "start"])
def test_a_page_that_takes_over_owns_the_sound_at_once(page: Any, kind: str) -> None:
    first = page()
    second = another(first)
    second.say_hello()
    first.say("pong", id=first.wait("ping")["id"], clock_ms=first.clock_ms())
    second.say(kind, with_microphone=True)
    second.wait("owner", owner="page-2")


def test_when_the_owner_leaves_the_newest_other_page_becomes_owner(page: Any) -> None:
    first = page()
    second, third = another(first), another(first, "page-3")
    for each in (second, third):
        each.say_hello()
        first.say("pong", id=first.wait("ping")["id"], clock_ms=first.clock_ms())
    first.say("bye")
    first.wait("owner", owner="page-3")
    third.say("bye")
    first.wait("owner", owner="page-2")
    second.say("bye")
    first.wait("owner", owner="")


def test_only_the_owners_microphone_is_sent(page: Any, partner: Partner) -> None:
    first = page()
    second = another(first)
    second.say_hello()
    first.say("pong", id=first.wait("ping")["id"], clock_ms=first.clock_ms())
    second.speak(numbered(CHUNK_SAMPLES, 1000))
    first.speak(numbered(CHUNK_SAMPLES))
    first.wait_for_acknowledgements(1)
    first.say("commit")
    heard = first.kernel.wait(lambda: partner.turns)[0].pcm
    np.testing.assert_array_equal(heard, numbered(CHUNK_SAMPLES))


# --------------------------------------------------------------------------- the buttons
def test_a_page_opens_and_closes_the_connection(kernel: Kernel, page: Any) -> None:
    shown = page()
    assert kernel.value("live.phase") == "open"
    shown.wait("heartbeat", session=1)
    shown.say("stop")
    shown.wait("state", phase="closed")
    assert kernel.value("live.phase") == "closed"
    shown.forget()
    shown.say("start", with_microphone=False)
    assert shown.wait("state", phase="open")["session"] == 2


LOWEST = "anywidget==0.9.18 ipywidgets==8.0.0"


# Older libraries create the comm in other ways.
@pytest.mark.parametrize(
    "kernel", ["6.31.0", NEWEST, f"6.31.0 {LOWEST}", f"{NEWEST} {LOWEST}"], indirect=True
)
def test_a_page_types_and_is_answered(kernel: Kernel, page: Any, partner: Partner) -> None:
    shown = page()
    shown.say("text", text="Which roses grow in shade?")
    shown.wait_for_turn(role="user", text="Which roses grow in shade?")
    shown.wait_for_turn(role="assistant", is_complete=True)
    assert [turn.text for turn in partner.turns] == ["Which roses grow in shade?"]


def test_a_page_ends_the_speakers_turn(kernel: Kernel, page: Any, partner: Partner) -> None:
    shown = page()
    shown.speak(numbered(3 * CHUNK_SAMPLES))
    shown.wait_for_acknowledgements(3)
    shown.say("commit")
    turn = shown.wait_for_turn(role="user", is_complete=True)
    assert turn["duration_s"] == 0.3
    shown.wait_for_turn(role="assistant", is_complete=True)


def test_a_python_start_asks_the_page_for_its_microphone(kernel: Kernel, show: Any) -> None:
    page = Page(kernel, show('partner="parrot"'), "page-1")
    page.say_hello()
    kernel.run("live.start()")
    assert page.wait("microphone_wanted")["wanted"] is True
