"""Reply audio sent to a page: complete, in order, on credit, and cut off by an interruption."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .conftest import NEWEST, Partner
from .kernel import Kernel
from .page import RATE_HZ, Page, numbered

BOTH = pytest.mark.parametrize("kernel", ["6.31.0", NEWEST], indirect=True)
CREDIT_SAMPLES = 2 * RATE_HZ
# A playhead within the first message: more than was sent cannot have been heard.
HEARD = 1000


def ask(page: Page, text: str = "Hello.") -> dict[str, Any]:
    """Send a text, and return the first audio message of the reply."""
    page.forget()
    page.say("text", text=text)
    return page.wait("audio")


@BOTH
def test_the_audio_sent_is_the_reply_sample_for_sample(
    kernel: Kernel, page: Any, partner: Partner
) -> None:
    shown = page()
    shown.forget()
    for reply, duration_s in enumerate((3.0, 0.05, 1.23), 1):
        partner.reply = numbered(round(duration_s * RATE_HZ), reply)
        shown.say("text", text="Hello.")
        assert shown.play(reply) == partner.reply.tobytes()
    sounds = shown.received("audio")
    assert [sound["seq"] for sound in sounds] == list(range(len(sounds)))
    assert {(sound["session"], sound["epoch"]) for sound in sounds} == {(1, 0)}
    assert [sound["reply"] for sound in sounds] == sorted(sound["reply"] for sound in sounds)
    # An end is sent again, without sound, until it is acknowledged, which may take a second.
    assert list(dict.fromkeys(sound["reply"] for sound in sounds if sound["is_last"])) == [1, 2, 3]
    turn = shown.wait_for_turn(role="assistant", reply=3, is_complete=True)
    assert turn["duration_s"] == partner.reply.size / RATE_HZ
    assert kernel.value("live.turns[-1].pcm.tolist()") == partner.reply.tolist()


@pytest.mark.parametrize("form", ["pcm", "pcmu"])
def test_a_reply_of_another_rate_is_sent_at_24_khz_and_heard_at_its_own(
    kernel: Kernel, page: Any, partner: Partner, form: str
) -> None:
    time_s = np.arange(round(1.5 * RATE_HZ)) / RATE_HZ
    partner.reply = np.rint(9_000 * np.sin(2 * np.pi * 440 * time_s)).astype(np.int16)
    kernel.run("from grok_live_widget import AudioFormat")
    shape = "sample_rate=48_000" if form == "pcm" else 'output_format=AudioFormat(encoding="pcmu")'
    rate_hz = 48_000 if form == "pcm" else 8_000
    shown = page(settings=shape)
    shown.say("text", text="Hello.")
    heard = np.frombuffer(shown.play(), np.int16)
    assert abs(heard.size - partner.reply.size) <= 3
    least = min(heard.size, partner.reply.size) - 240
    difference = heard[240:least].astype(np.int32) - partner.reply[240:least]
    assert np.sqrt(np.mean(np.square(difference))) < (8 if form == "pcm" else 300)
    shown.wait_for_turn(lambda turn: turn["heard_s"] == turn["duration_s"] and turn["is_complete"])
    turn = "live.turns[-1]"
    counts = kernel.value(f"[{turn}.sample_rate, {turn}.heard_sample_count, len({turn}.pcm)]")
    assert counts == [rate_hz, counts[2], counts[2]]
    assert abs(counts[2] - 1.5 * rate_hz) <= 1


def test_a_new_session_numbers_its_messages_from_zero(kernel: Kernel, page: Any) -> None:
    shown = page()
    ask(shown)
    shown.play()
    kernel.run("live.stop(); live.start()")
    shown.wait("state", phase="open", session=2)
    sound = ask(shown)
    assert (sound["session"], sound["seq"], sound["reply"]) == (2, 0, 2)


def test_two_seconds_are_sent_ahead_of_the_playhead_and_no_more(
    kernel: Kernel, page: Any, partner: Partner
) -> None:
    partner.reply = numbered(5 * RATE_HZ)
    shown = page()
    sound = ask(shown)
    acknowledged: list[int] = []

    def sent() -> int:
        """Acknowledge all audio at once; nothing of it has been heard yet."""
        for message in shown.messages("audio")[len(acknowledged) :]:
            shown.acknowledge(message.custom)
            acknowledged.append(1)
        return len(shown.audio(1)) // 2

    # Until three heartbeats, however long they take.
    kernel.wait(lambda: sent() and len(shown.received("heartbeat")) >= 3)
    for played in range(0, partner.reply.size, RATE_HZ):
        shown.report(sound, played)
        least = min(played + CREDIT_SAMPLES - RATE_HZ // 2, partner.reply.size)
        kernel.wait(lambda least=least: sent() >= least)
        assert sent() <= played + CREDIT_SAMPLES
    assert shown.audio(1) == partner.reply.tobytes()


# --------------------------------------------------------------------------- playhead
def test_the_playhead_gives_the_heard_samples_and_the_latency(
    kernel: Kernel, page: Any, partner: Partner
) -> None:
    partner.reply = numbered(RATE_HZ)
    shown = page()
    sound = ask(shown)
    asked_ms = shown.messages("turn")[0].sent_s * 1000
    shown.report(sound, HEARD, first_sound_at_ms=asked_ms + 700)
    turn = shown.wait_for_turn(lambda turn: turn["heard_s"])
    assert turn["heard_s"] == HEARD / RATE_HZ
    queue_ms = kernel.value("live.turns[-1].queue_ms")
    assert 600 < turn["latency_ms"] + queue_ms < 1000
    assert kernel.value("live.turns[-1].heard_sample_count") == HEARD
    shown.report(sound, HEARD - 100)
    shown.report(sound, 10**9, is_final=True)
    shown.wait_for_turn(heard_s=1.0)
    assert kernel.value("live.turns[-1].heard_sample_count") == RATE_HZ
    assert kernel.value("live.turns[-1].latency_ms") == turn["latency_ms"]
    assert kernel.value("live.turns[-1].queue_ms") == queue_ms


def test_only_the_owners_playhead_counts(kernel: Kernel, page: Any, partner: Partner) -> None:
    shown = page()
    sound = ask(shown)
    Page(kernel, shown.comm_id, "page-2").report(sound, 1000)
    shown.report(sound, 500)
    shown.wait_for_turn(heard_s=500 / RATE_HZ)


# --------------------------------------------------------------------------- interruption
@pytest.mark.parametrize("by", ["page", "cell"])
@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_an_interrupted_reply_is_flushed_and_no_more_of_it_is_sent(
    kernel: Kernel, page: Any, partner: Partner, dialect: str, by: str
) -> None:
    partner.reply = numbered(6 * RATE_HZ)
    shown = page(dialect)
    sound = ask(shown)
    if by == "page":
        # The page has flushed by itself already.
        shown.say("interrupt", epoch=1)
    else:
        kernel.run("live.interrupt()")
        flush = shown.wait("flush")
        assert (flush["session"], flush["epoch"], flush["reply"]) == (1, 1, 1)
        shown.report({**flush, "reply": 1}, HEARD, is_final=True)
    shown.wait_for_turn(role="assistant", was_interrupted=True)
    cut = kernel.position
    for message in shown.messages("audio"):
        shown.acknowledge(message.custom)
    shown.report(sound, HEARD, is_final=True)
    shown.wait_for_turn(role="assistant", is_complete=True)
    assert shown.received("audio", cut) == []
    partner.reply = numbered(RATE_HZ)
    assert ask(shown)["epoch"] == 1
    assert shown.play() == partner.reply.tobytes()
    assert kernel.value("live.turns[1].heard_sample_count") == HEARD


# On `live` no message makes the server stop.
@pytest.mark.parametrize("server", [6.0], indirect=True)
def test_late_audio_of_an_interrupted_reply_is_kept_and_not_sent(
    kernel: Kernel, page: Any, partner: Partner
) -> None:
    partner.reply = numbered(6 * RATE_HZ)
    shown = page("live")
    ask(shown)
    kernel.run("live.interrupt(); came = len(live.turns[-1].pcm)")
    flushed = kernel.published("comm_msg").index(shown.messages("flush")[0])
    shown.wait_for_turn(role="assistant", is_complete=True, duration_s=6.0)
    assert kernel.value("came") < partner.reply.size
    assert kernel.value("live.turns[-1].pcm.tolist()") == partner.reply.tolist()
    last = kernel.published("comm_msg").index(shown.messages("audio")[-1])
    assert last < flushed


def test_speech_interrupts_the_reply(
    kernel: Kernel, page: Any, partner: Partner, question: np.ndarray, silence: Any
) -> None:
    partner.reply = numbered(20 * RATE_HZ)
    shown = page(settings="turn_detection=ServerVad()")
    sound = ask(shown)
    shown.report(sound, HEARD)
    partner.reply = numbered(RATE_HZ)
    shown.speak(np.concatenate((question, silence(1.5))))
    flush = shown.wait("flush")
    assert flush["epoch"] == 1
    shown.wait_for_turn(reply=1, was_interrupted=True)
    shown.wait("audio", reply=2)
    first, second = (
        [each["epoch"] for each in shown.received("audio") if each["reply"] == reply]
        for reply in (1, 2)
    )
    assert set(first) == {0}
    assert set(second) == {1}
    assert shown.play(2) == partner.reply.tobytes()
    assert kernel.value("live.turns[1].heard_sample_count") == HEARD


# --------------------------------------------------------------------------- another page
@pytest.mark.parametrize(
    ("says_bye", "duration_s"),
    [(True, 5), (True, 1.9), (False, 5)],
    ids=["said_bye", "all_was_sent", "said_nothing"],
)
def test_after_a_reload_the_audio_not_heard_is_sent_again(
    kernel: Kernel, page: Any, partner: Partner, says_bye: bool, duration_s: float
) -> None:
    partner.reply = numbered(round(duration_s * RATE_HZ))
    heard = round(1.25 * RATE_HZ)
    first = page()
    sound = ask(first)
    kernel.wait(lambda: len(first.audio(1)) // 2 > heard)
    first.report(sound, heard)
    first.wait_for_turn(heard_s=1.25)
    if says_bye:
        first.say("bye")
        first.wait("owner", owner="")
        came = kernel.position
        first.wait_for_beats(1)
        assert first.received("audio", came) == [], "no page is there to play it"
    second = Page(kernel, first.comm_id, "page-2")
    second.forget()
    second.say_hello()
    assert second.play(2) == partner.reply[heard:].tobytes()
    second.wait_for_turn(reply=2, heard_s=duration_s)
    assert kernel.value("live.turns[-1].heard_sample_count") == partner.reply.size
