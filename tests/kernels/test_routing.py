"""While a cell runs, the microphone comes through where the front end has a subshell for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .kernel import Kernel
from .page import CHUNK_SAMPLES, Page, numbered

CHUNK_COUNT = 25

# Whoever published last decides where ipykernel 7.4 sends what comes in.
PUBLISHERS = {
    "nobody": "",
    "a cell": "live.send({'type': 'state'})",
    "a cell that started the talk": "live.stop(); live.start()",
    "a cell that asked": "turn = live.ask('Hello.')",
    "the talk's thread": "live.say('Hello.')",
}


def speak_through(page: Page, partner: Any) -> None:
    """Send numbered sound, wait until it is answered, and compare what was heard."""
    sent = numbered(CHUNK_COUNT * CHUNK_SAMPLES)
    session = page.wait("heartbeat", since=page.kernel.position)["session"]
    begun = len(partner.heard)
    page.speak(sent, session=session)
    acknowledged = {seq: True for seq in range(CHUNK_COUNT)}
    page.kernel.wait(
        lambda: {each["seq"] for each in page.heard("microphone_received")} >= set(acknowledged),
        "acknowledgements",
    )
    page.say("commit")
    page.kernel.wait(lambda: len(partner.heard) > begun, "the server to hear it")
    np.testing.assert_array_equal(partner.heard[begun].pcm, sent)


@pytest.mark.parametrize("by_counting", [False, True], ids=["sleeps", "counts"])
@pytest.mark.parametrize("publisher", PUBLISHERS)
def test_speech_reaches_the_server_while_a_cell(
    kernel: Kernel, subshell: str, page: Any, partner: Any, publisher: str, by_counting: bool
):
    shown = page(subshell=subshell)
    kernel.run(PUBLISHERS[publisher])
    shown.wait("state", phase="open")
    shown.forget()
    with kernel.blocked(by_counting=by_counting) as cell:
        speak_through(shown, partner)
        assert not cell.has_ended


def test_without_the_repair_it_would_not(kernel: Kernel, subshell: str, page: Any, partner: Any):
    shown = page(subshell=subshell)
    kernel.run("del live.comm._reply_subshell_for\nlive.send({'type': 'state'})")
    shown.forget()
    with kernel.blocked():
        shown.speak(numbered(CHUNK_COUNT * CHUNK_SAMPLES))
        shown.wait_for_beats()
        assert shown.heard("microphone_received") == []
    kernel.wait(lambda: len(shown.heard("microphone_received")) == CHUNK_COUNT)


def test_without_a_subshell_it_does_not_but_nothing_is_lost(
    kernel: Kernel, page: Any, partner: Any
):
    shown = page()
    shown.forget()
    with kernel.blocked():
        shown.speak(numbered(CHUNK_COUNT * CHUNK_SAMPLES))
        shown.wait_for_beats(1)
        assert shown.heard("microphone_received") == []
    kernel.wait(lambda: len(shown.heard("microphone_received")) == CHUNK_COUNT)


def test_a_new_comm_is_repaired_too(kernel: Kernel, show: Any):
    show('partner="parrot"')
    assert kernel.value("'_reply_subshell_for' in vars(live.comm)")
    kernel.run("first = live.comm; live.comm = None; live.open()")
    assert kernel.value("live.comm is not first")
    assert kernel.value("'_reply_subshell_for' in vars(live.comm)")
    kernel.run("first.close()")
