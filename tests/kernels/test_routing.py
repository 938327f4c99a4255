"""With a subshell for widgets, microphone audio is handled while a cell runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from .conftest import Partner
from .kernel import Kernel
from .page import CHUNK_SAMPLES, Page, numbered

CHUNK_COUNT = 25

# ipykernel 7.4 sends incoming messages to the shell that published last.
PUBLISHERS = {
    "nothing but the talk": "",
    "a cell": "live.send({'type': 'nothing'})",
    "a cell that started the talk": "live.stop(); live.start()",
    "a cell that asked": "turn = live.ask('Hello.')",
    "the talk's thread": "live.say('Hello.')",
}


def speak_through(page: Page, partner: Partner) -> None:
    """Send numbered audio, and compare what the server received."""
    sent = numbered(CHUNK_COUNT * CHUNK_SAMPLES)
    begun = len(partner.turns)
    page.speak(sent)
    page.wait_for_acknowledgements(CHUNK_COUNT)
    page.say("commit")
    page.kernel.wait(lambda: len(partner.turns) > begun, "the server to receive it")
    np.testing.assert_array_equal(partner.turns[begun].pcm, sent)


@pytest.mark.parametrize("by_counting", [False, True], ids=["sleeps", "counts"])
@pytest.mark.parametrize("publisher", PUBLISHERS)
def test_speech_reaches_the_server_while_a_cell(
    kernel: Kernel,
    subshell: str,
    page: Any,
    partner: Partner,
    publisher: str,
    by_counting: bool,
) -> None:
    shown = page(subshell=subshell)
    kernel.run(PUBLISHERS[publisher])
    shown.wait("state", phase="open")
    shown.forget()
    with kernel.blocked(by_counting=by_counting) as cell:
        speak_through(shown, partner)
        assert not cell.has_ended


# ipykernel 7.0 to 7.3 keep the front end's routing, but can lose requests under load.
@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["7.1.0", "7.3.0"], indirect=True)
def test_speech_reaches_the_server_in_earlier_kernels_too(
    kernel: Kernel, subshell: str, page: Any, partner: Partner
) -> None:
    shown = page(subshell=subshell)
    kernel.run(PUBLISHERS["a cell that asked"])
    shown.forget()
    with kernel.blocked() as cell:
        speak_through(shown, partner)
        assert not cell.has_ended


def test_without_the_override_no_speech_would(kernel: Kernel, subshell: str, page: Any) -> None:
    shown = page(subshell=subshell)
    kernel.run("del live.comm._reply_subshell_for\nlive.send({'type': 'nothing'})")
    shown.forget()
    with kernel.blocked():
        shown.speak(numbered(CHUNK_COUNT * CHUNK_SAMPLES))
        shown.wait_for_beats(2)
        assert shown.received("microphone_received") == []
    shown.wait_for_acknowledgements(CHUNK_COUNT)


def test_the_override_is_applied_to_a_new_comm(kernel: Kernel, show: Any) -> None:
    show('partner="parrot"')
    assert kernel.value("'_reply_subshell_for' in vars(live.comm)")
    kernel.run("first = live.comm; first.close(); live.comm = None; live.open()")
    assert kernel.value("live.comm is not first")
    assert kernel.value("'_reply_subshell_for' in vars(live.comm)")
