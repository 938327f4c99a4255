"""The echo of the settings, and usage."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grok_live_widget.events import PushToTalk, ServerVad, ToolOffer
from grok_live_widget.rehearsal.reply import Reply, UserInput
from grok_live_widget.rehearsal.reporting import Meter, session_echo, wrong_setting
from grok_live_widget.rehearsal.voice import Spoken


def reply_of(sample_count: int, text: str = "", heard: UserInput | None = None) -> Reply:
    reply = Reply(heard or UserInput())
    reply.add(Spoken(np.zeros(sample_count, np.int16), text))
    while reply.next_delta(is_last=True):
        pass
    return reply


def test_sound_is_counted_exactly() -> None:
    assert Meter().usage(reply_of(12_345))["output_audio_seconds"] == 12_345 / 24_000


def test_billed_seconds_are_a_running_total_of_both_directions() -> None:
    meter = Meter()
    meter.count(24_000)
    assert meter.usage(reply_of(36_000))["billable_audio_seconds"] == 3
    assert meter.usage(reply_of(24_000))["billable_audio_seconds"] == 4


def test_tokens_add_up() -> None:
    heard = UserInput(text="What is it?", pcm=np.zeros(24_000, np.int16))
    usage = Meter().usage(reply_of(24_000, "Hello there!", heard))
    assert usage["output_token_details"] == {
        "text_tokens": 3,
        "audio_tokens": 50,
        "grok_tokens": 0,
    }
    assert usage["input_tokens"] == sum(usage["input_token_details"].values()) == 53
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_push_to_talk_is_echoed_as_an_empty_object() -> None:
    assert session_echo("m", "", PushToTalk())["turn_detection"] == {}


def test_the_echo_has_the_settings_but_no_voice() -> None:
    echo = session_echo("m", "Be brief.", ServerVad(threshold=0.7))
    assert (echo["model"], echo["instructions"]) == ("m", "Be brief.")
    assert echo["turn_detection"]["threshold"] == 0.7
    assert "voice" not in echo


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({}, ""),
        ({"threshold": 0.05}, "threshold"),
        ({"threshold": 0.95}, "threshold"),
        ({"silence_duration_ms": 10_001}, "silence_duration_ms"),
        ({"prefix_padding_ms": -1}, "prefix_padding_ms"),
    ],
)
def test_settings_out_of_range_are_named(settings: dict[str, Any], wrong: str) -> None:
    assert wrong_setting(ServerVad(**settings)) == wrong


def test_push_to_talk_cannot_be_wrong() -> None:
    assert wrong_setting(PushToTalk()) == ""
    assert wrong_setting(None) == ""


def test_functions_are_echoed_nested() -> None:
    offers = (
        ToolOffer(name="look", description="Look.", parameters={"type": "object"}),
        ToolOffer(kind="web_search", parameters={"allowed_domains": ["x.ai"]}),
    )
    assert session_echo("m", "", PushToTalk(), offers)["tools"] == [
        {
            "type": "function",
            "function": {
                "name": "look",
                "description": "Look.",
                "parameters": {"type": "object"},
            },
        },
        {"type": "web_search", "allowed_domains": ["x.ai"]},
    ]
