"""What Python knows of the page's microphone."""

from __future__ import annotations

from typing import Any

import pytest

from grok_live_widget import MicrophoneStatus
from grok_live_widget.widget.messages import decode
from grok_live_widget.widget.microphone import Microphones

ON = {
    "state": "on",
    "reason": None,
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
    microphones.welcome(_said("hello", microphone="policy"))
    status = microphones.of("a")
    assert (status.state, status.ability, status.reason) == ("off", "policy", "policy")
    assert status.text.startswith("This page may not use the microphone:")
    microphones.welcome(_said("hello", page="b", microphone="none"))
    assert microphones.of("b").reason == "no_device"
    assert microphones.of("b").text.startswith("No microphone was found.")
    microphones.welcome(_said("hello", page="c", microphone="ok"))
    assert (microphones.of("c").reason, microphones.of("c").text) == ("", "")


def test_half_duplex_says_when_the_microphone_listens_again() -> None:
    microphones = Microphones()
    microphones.follow(_said("microphone_state", state="muted", reason="half_duplex"), "Grok")
    assert microphones.of("a").text == "Listening again when Grok has finished"


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("paused", "The browser has paused the sound of this page:"),
        ("silent", "The microphone “Headset” gives only silence. Check its mute switch"),
        ("system_muted", "The microphone “Headset” is muted by the system. Unmute it"),
    ],
)
def test_a_microphone_that_is_on_and_gives_no_sound_says_why(reason: str, text: str) -> None:
    microphones = Microphones()
    said = _said("microphone_state", state="on", reason=reason, device="Headset")
    microphones.follow(said, "Grok")
    assert microphones.of("a").text.startswith(text)


def test_a_reason_that_is_not_known_has_no_sentence() -> None:
    microphones = Microphones()
    microphones.follow(_said("microphone_state", state="failed", reason="on"), "Grok")
    assert microphones.of("a").text == ""


def test_the_constraints_are_those_that_the_browser_applies() -> None:
    microphones = Microphones()
    microphones.welcome(_said("hello", microphone="ok", device_rate_hz=None))
    microphones.follow(_said("microphone_state", **ON), "Grok")
    status = microphones.of("a")
    assert (status.device, status.device_rate_hz) == ("Built-in microphone", 48_000)
    assert (status.echo_cancellation, status.noise_suppression) == (True, False)
    assert repr(status) == (
        "MicrophoneStatus(state='on', ability='ok', device='Built-in microphone', "
        "echo_cancellation=True, noise_suppression=False, device_rate_hz=48000.0)"
    )


def test_a_failure_has_the_sentence_of_the_panel_and_a_repr_of_one_line() -> None:
    microphones = Microphones()
    microphones.follow(_said("microphone_state", state="failed", reason="insecure"), "Grok")
    status = microphones.of("a")
    assert status.reason == "insecure"
    assert status.text.startswith("This page is not secure (http)")
    assert "ssh -L 8888:localhost:8888" in status.text
    assert "{" not in status.text
    assert "\n" not in repr(status)


def test_a_second_hello_of_a_page_leaves_its_microphone_on() -> None:
    microphones = Microphones()
    microphones.follow(_said("microphone_state", **ON), "Grok")
    microphones.welcome(_said("hello", microphone="ok"))
    assert (microphones.of("a").state, microphones.of("a").ability) == ("on", "ok")


def test_each_page_has_its_own_and_one_that_is_gone_has_none() -> None:
    microphones = Microphones()
    microphones.follow(_said("microphone_state", **ON), "Grok")
    assert microphones.of("b").state == "none"
    microphones.leave("a")
    microphones.leave("a")
    assert microphones.of("a").state == "none"
