"""What Python knows of the page's microphone."""

from __future__ import annotations

from typing import Any

from grok_live_widget import MicrophoneStatus
from grok_live_widget.widget.messages import decode
from grok_live_widget.widget.microphone import Microphones

ON = {
    "state": "on",
    "reason": None,
    "text": "",
    "device": "Built-in microphone",
    "echo_cancellation": True,
    "noise_suppression": False,
    "auto_gain": None,
    "device_rate_hz": 48_000,
}


def _said(kind: str, page: str = "a", **fields: Any) -> Any:
    message = decode({"type": kind, "page": page, **fields})
    assert message is not None
    return message


def test_nothing_is_known_before_a_page_says_something() -> None:
    assert Microphones().of("") == MicrophoneStatus()
    assert repr(MicrophoneStatus()) == "MicrophoneStatus(state='none')"


def test_a_page_that_can_use_no_microphone_says_why_before_it_is_asked() -> None:
    microphones = Microphones()
    text = "This app does not let notebook outputs use the microphone."
    microphones.welcome(_said("hello", microphone="policy", microphone_text=text))
    assert microphones.of("a") == MicrophoneStatus(state="off", ability="policy", text=text)


def test_the_constraints_are_those_that_the_browser_applies() -> None:
    microphones = Microphones()
    microphones.welcome(_said("hello", microphone="ok", device_rate_hz=None))
    microphones.follow(_said("microphone_state", **ON))
    status = microphones.of("a")
    assert (status.device, status.device_rate_hz) == ("Built-in microphone", 48_000)
    assert (status.echo_cancellation, status.noise_suppression) == (True, False)
    assert repr(status) == (
        "MicrophoneStatus(state='on', ability='ok', device='Built-in microphone', "
        "echo_cancellation=True, noise_suppression=False, device_rate_hz=48000.0)"
    )


def test_a_failure_has_the_sentence_of_the_panel_and_a_repr_of_one_line() -> None:
    microphones = Microphones()
    fields = {"state": "failed", "reason": "denied", "text": "It was refused.\nAllow it."}
    microphones.follow(_said("microphone_state", **fields))
    status = microphones.of("a")
    assert (status.reason, status.text) == ("denied", "It was refused.\nAllow it.")
    assert "\n" not in repr(status)


def test_a_second_hello_of_a_page_leaves_its_microphone_on() -> None:
    microphones = Microphones()
    microphones.follow(_said("microphone_state", **ON))
    microphones.welcome(_said("hello", microphone="ok"))
    assert (microphones.of("a").state, microphones.of("a").ability) == ("on", "ok")


def test_each_page_has_its_own_and_one_that_is_gone_has_none() -> None:
    microphones = Microphones()
    microphones.follow(_said("microphone_state", **ON))
    assert microphones.of("b").state == "none"
    microphones.leave("a")
    microphones.leave("a")
    assert microphones.of("a").state == "none"
