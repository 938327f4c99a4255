"""Without subshells a running cell holds up the page: audio is still sent to it, and old speech
is discarded.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from .conftest import NEWEST, Partner
from .kernel import Kernel
from .page import CHUNK_SAMPLES, RATE_HZ, numbered

OLDEST = "6.31.0"
# Front ends without subshells: VS Code, Colab, Voila.
BLOCKED = pytest.mark.parametrize("kernel", [OLDEST, NEWEST], indirect=True)

CREDIT_S = 2
MAX_LATENESS_S = 2
# How far two readings of a clock may be apart on a busy machine.
SLACK_S = 0.5


@BLOCKED
def test_messages_wait_while_a_cell_runs_and_are_all_handled_afterwards(
    kernel: Kernel, page: Any, partner: Partner
) -> None:
    shown = page()
    with kernel.blocked() as cell:
        shown.speak(numbered(10 * CHUNK_SAMPLES))
        shown.wait_for_beats(1)
        assert shown.received("microphone_received") == []
        assert not cell.has_ended
    shown.wait_for_acknowledgements(10)
    shown.say("commit")
    kernel.wait(lambda: partner.turns)
    np.testing.assert_array_equal(partner.turns[0].pcm, numbered(10 * CHUNK_SAMPLES))


@BLOCKED
def test_while_a_cell_runs_a_reply_is_sent_at_the_pace_of_the_clock(
    kernel: Kernel, page: Any, partner: Partner
) -> None:
    partner.reply = numbered(6 * RATE_HZ)
    shown = page()
    shown.forget()
    shown.say("text", text="Go on.")
    shown.wait("audio")
    with kernel.blocked() as cell:
        shown.wait("audio", lambda sound: sound["sample_offset"] > 3.5 * RATE_HZ)
        assert not cell.has_ended
    sent = shown.messages("audio")
    for message in sent:
        content = message.custom
        end_s = (content["sample_offset"] + len(message.buffers[0]) / 2) / RATE_HZ
        assert end_s <= CREDIT_S + message.sent_s - sent[0].sent_s + SLACK_S
    assert shown.play() == partner.reply.tobytes()


@BLOCKED
def test_the_page_is_informed_of_a_running_cell_and_of_its_end(
    kernel: Kernel, page: Any, partner: Partner
) -> None:
    partner.reply = numbered(6 * RATE_HZ)
    shown = page()
    shown.forget()
    shown.say("text", text="Go on.")
    shown.wait("audio")
    with kernel.blocked():
        shown.wait("state", busy_cell=True)
    ended = kernel.position
    shown.play()
    shown.wait("state", busy_cell=False, since=ended)


@BLOCKED
def test_speech_that_is_more_than_two_seconds_late_is_discarded_and_counted(
    kernel: Kernel, page: Any, partner: Partner
) -> None:
    before, during, after = 5, 30, 5
    sent = numbered((before + during + after) * CHUNK_SAMPLES)
    early, middle, late = np.split(
        sent, [before * CHUNK_SAMPLES, (before + during) * CHUNK_SAMPLES]
    )
    shown = page()
    shown.forget()
    shown.speak(early, captured_s=time.time() - before / 10)
    shown.wait_for_acknowledgements(before)

    cell = kernel.begin("print(time.time())\ntime.sleep(3)")
    began_s = float(kernel.wait(lambda: cell.output))
    # The chunks of a microphone that queue up in front of the kernel.
    shown.speak(middle, captured_s=began_s + 0.1)
    cell.wait()
    shown.wait_for_acknowledgements(before + during)
    shown.speak(late, captured_s=began_s + 0.1 + during / 10)
    shown.wait_for_acknowledgements(before + during + after)
    shown.say("commit")

    heard = kernel.wait(lambda: partner.turns)[0].pcm
    dropped = shown.received("state")[-1]["late_sample_count"]
    expected = np.concatenate((early, middle[dropped:], late))
    np.testing.assert_array_equal(heard, expected)
    ended_s = began_s + 3
    oldest_s = began_s + 0.1 + dropped / RATE_HZ
    assert oldest_s >= ended_s - MAX_LATENESS_S - 0.1
    assert dropped <= middle.size / 2, "recent audio is sent"


@BLOCKED
def test_old_speech_of_a_microphone_switched_on_while_a_cell_ran_is_discarded_too(
    kernel: Kernel, page: Any, partner: Partner
) -> None:
    count = 30
    sent = numbered(count * CHUNK_SAMPLES)
    shown = page()
    shown.forget()
    cell = kernel.begin("print(time.time())\ntime.sleep(3)")
    began_s = float(kernel.wait(lambda: cell.output))
    shown.speak(sent, captured_s=began_s + 0.1)
    cell.wait()
    shown.wait_for_acknowledgements(count)
    shown.say("commit")
    heard = kernel.wait(lambda: partner.turns)[0].pcm
    assert heard.size <= (MAX_LATENESS_S + 0.1) * RATE_HZ
    np.testing.assert_array_equal(heard, sent[sent.size - heard.size :])
