"""The echo of the settings, and usage."""

from __future__ import annotations

from typing import Any

import numpy as np

from grok_live_widget.events import ServerVad, ToolOffer
from grok_live_widget.rehearsal.response import Response, UserInput
from grok_live_widget.rehearsal.settings import SessionSettings
from grok_live_widget.rehearsal.tts import Spoken
from grok_live_widget.rehearsal.usage import UsageMeter, confirmed_settings


def reply_of(sample_count: int, text: str = "", received: UserInput | None = None) -> Response:
    response = Response(received or UserInput())
    response.add(Spoken(np.zeros(sample_count, np.int16), text))
    while response.next_delta(is_last=True):
        pass
    return response


def echo(**settings: Any) -> dict[str, Any]:
    return confirmed_settings(SessionSettings(model="m", **settings))


def test_audio_is_counted_exactly() -> None:
    assert UsageMeter().usage(reply_of(12_345))["output_audio_seconds"] == 12_345 / 24_000


def test_billed_seconds_are_a_running_total_of_both_directions() -> None:
    meter = UsageMeter()
    meter.count(1.0)
    assert meter.usage(reply_of(36_000))["billable_audio_seconds"] == 3
    assert meter.usage(reply_of(24_000))["billable_audio_seconds"] == 4


def test_tokens_add_up() -> None:
    received = UserInput(text="What is it?", pcm=np.zeros(24_000, np.int16))
    usage = UsageMeter().usage(reply_of(24_000, "Hello there!", received))
    assert usage["output_token_details"] == {
        "text_tokens": 3,
        "audio_tokens": 50,
        "grok_tokens": 0,
    }
    assert usage["input_tokens"] == sum(usage["input_token_details"].values()) == 53
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_push_to_talk_is_echoed_as_an_empty_object() -> None:
    assert echo()["turn_detection"] == {}


def test_the_echo_has_the_settings_but_no_voice() -> None:
    sent = echo(instructions="Be brief.", turn_detection=ServerVad(threshold=0.7))
    assert (sent["model"], sent["instructions"]) == ("m", "Be brief.")
    assert sent["turn_detection"]["threshold"] == 0.7
    assert "voice" not in sent


def test_functions_are_echoed_nested() -> None:
    offers = (
        ToolOffer(name="look", description="Look.", parameters={"type": "object"}),
        ToolOffer(kind="web_search", parameters={"allowed_domains": ["x.ai"]}),
    )
    assert echo(tools=offers)["tools"] == [
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
