"""Rejected settings are found, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json

from grok_live_widget.events import (
    AudioFormat,
    PushToTalk,
    ServerVad,
    ToolOffer,
    Transcription,
    UpdateSession,
)
from grok_live_widget.protocol.dialects import LIVE, REALTIME
from grok_live_widget.protocol.settings_diff import is_replaced_model, rejected_settings


def confirmed(asked: UpdateSession, **otherwise: Any) -> dict[str, Any]:
    """The settings as they were sent, but for some."""
    session = json.decode(REALTIME.encode(asked))["session"]
    return {**session, **otherwise}


def differences(asked: UpdateSession, found: dict[str, Any]) -> list[str]:
    return rejected_settings(REALTIME, asked, found)


# --------------------------------------------------------------------------- exact confirmation
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PAIRS = st.dictionaries(TEXTS, TEXTS, max_size=3)
DETECTIONS = st.just(PushToTalk()) | st.builds(
    ServerVad,
    threshold=st.floats(0.1, 0.9) | st.just(np.float32(0.3)),
    silence_duration_ms=st.integers(0, 10_000),
    prefix_padding_ms=st.integers(0, 10_000),
    idle_timeout_ms=st.none() | st.integers(1, 9999),
    create_response=st.booleans(),
    interrupt_response=st.booleans(),
)
FORMATS = st.builds(
    AudioFormat,
    encoding=st.sampled_from(["pcm", "pcmu", "pcma"]),
    sample_rate=st.sampled_from([0, 8000, 48_000]),
    transport=st.sampled_from(["json", "binary"]),
)
UPDATES = st.builds(
    UpdateSession,
    model=st.none() | TEXTS,
    voice=st.none() | TEXTS | st.just("xai_Eve"),
    instructions=st.none() | TEXTS,
    turn_detection=st.none() | DETECTIONS,
    tools=st.none() | st.just((ToolOffer(name="look", parameters={"type": "object"}),)),
    input_format=st.none() | FORMATS,
    output_format=st.none() | FORMATS,
    transcription=st.none()
    | st.builds(Transcription, language_hint=st.none() | TEXTS, keyterms=st.just(("a", "b"))),
    speed=st.none() | st.floats(0.7, 1.5),
    replace=st.none() | PAIRS,
    reasoning=st.sampled_from([None, "high", "none"]),
    resumption=st.sampled_from([None, True, False]),
)


@given(UPDATES)
def test_exactly_confirmed_settings_are_accepted(asked: UpdateSession) -> None:
    assert differences(asked, confirmed(asked)) == []


@given(UPDATES)
def test_unconfirmed_settings_are_not_doubted(asked: UpdateSession) -> None:
    assert differences(asked, {}) == []


def test_live_is_compared_in_its_own_form() -> None:
    asked = UpdateSession(voice="nova", turn_detection=PushToTalk())
    assert rejected_settings(LIVE, asked, {"voice": "nova", "turn_detection": None}) == []
    assert rejected_settings(LIVE, asked, {"voice": "alloy"}) == ["voice is 'alloy', not 'nova'"]


# --------------------------------------------------------------------------- differences
@pytest.mark.parametrize(
    ("asked", "confirmed_session", "found"),
    [
        ({"speed": 1.2}, {"audio": {"output": {"speed": 1}}}, "audio.output.speed is 1, not 1.2"),
        ({"instructions": "Hi."}, {"instructions": ""}, "instructions is '', not 'Hi.'"),
        ({"voice": "eve"}, {"voice": "ara"}, "voice is 'ara', not 'eve'"),
        (
            {"turn_detection": ServerVad(silence_duration_ms=200)},
            {"turn_detection": {"type": "server_vad", "silence_duration_ms": 500}},
            "turn_detection.silence_duration_ms is 500, not 200",
        ),
        (
            {"turn_detection": ServerVad(create_response=False)},
            {"turn_detection": {"create_response": True}},
            "turn_detection.create_response is True, not False",
        ),
        (
            {"turn_detection": PushToTalk()},
            {"turn_detection": {"type": "server_vad"}},
            "turn_detection.type is 'server_vad', not None",
        ),
        (
            {"output_format": AudioFormat(sample_rate=16_000)},
            {"audio": {"output": {"format": {"type": "audio/pcm", "rate": 24_000}}}},
            "audio.output.format.rate is 24000, not 16000",
        ),
        ({"resumption": True}, {"resumption": {"enabled": False}}, "resumption.enabled is False"),
        ({"reasoning": "none"}, {"reasoning": None}, "reasoning is None, not {'effort': 'none'}"),
        ({"replace": {}}, {"replace": {"nm": "x"}}, "replace is {'nm': 'x'}, not None"),
        ({"replace": {"nm": "x"}}, {"replace": {}}, "replace is {}, not {'nm': 'x'}"),
        ({"replace": {"a": "b"}}, {"replace": {"c": "d"}}, "replace is {'c': 'd'}, not"),
        ({"transcription": Transcription(keyterms=("a",))},
         {"audio": {"input": {"transcription": {"keyterms": []}}}},
         "audio.input.transcription.keyterms is [], not ['a']"),
        ({"turn_detection": ServerVad(silence_duration_ms=0)},
         {"turn_detection": {"silence_duration_ms": None}},
         "turn_detection.silence_duration_ms is None, not 0"),
    ],
)  # fmt: skip
def test_a_rejected_setting_is_shown_with_both_values(
    asked: dict[str, Any], confirmed_session: dict[str, Any], found: str
) -> None:
    (difference,) = differences(UpdateSession(**asked), confirmed_session)
    assert difference.startswith(found)


@pytest.mark.parametrize("confirmed_session", [{}, None])
def test_turn_detection_confirmed_as_none_was_rejected(confirmed_session: Any) -> None:
    (difference,) = differences(
        UpdateSession(turn_detection=ServerVad()), {"turn_detection": confirmed_session}
    )
    assert difference.startswith(f"turn_detection is {confirmed_session!r}, not ")


@pytest.mark.parametrize(
    ("asked", "confirmed_session"),
    [
        ({"voice": "eve"}, {"voice": "xai_Eve"}),
        ({"voice": "Eve"}, {"voice": "eve"}),
        ({"turn_detection": PushToTalk()}, {"turn_detection": {}}),
        ({"turn_detection": PushToTalk()}, {"turn_detection": None}),
        ({"turn_detection": PushToTalk()}, {"turn_detection": {"type": None}}),
        ({"speed": 1.1}, {"audio": {"output": {"speed": float(np.float32(1.1))}}}),
        ({"speed": 1.0}, {"audio": {"output": {"speed": 1}}}),
        ({"replace": {}}, {"replace": {}}),
        ({"replace": {}}, {"replace": None}),
        ({"instructions": ""}, {"instructions": None}),
        ({"model": "grok-voice-latest"}, {"model": "grok-voice-think-fast-2.0"}),
        ({"tools": (ToolOffer(name="look"),)}, {"tools": []}),
        ({"input_format": AudioFormat(encoding="pcmu")},
         {"audio": {"input": {"format": {"type": "audio/pcmu", "rate": 8000}}}}),
    ],
)  # fmt: skip
def test_equivalent_values_are_the_same(asked: dict[str, Any], confirmed_session: Any) -> None:
    assert differences(UpdateSession(**asked), confirmed_session) == []


# --------------------------------------------------------------------------- the model
@pytest.mark.parametrize(
    ("asked", "found", "is_it"),
    [
        ("grok-9", "grok-voice-think-fast-2.0", True),
        ("grok-voice-think-fast-1.0", "grok-voice-think-fast-2.0", True),
        ("Grok-9", "grok-9", False),
        ("grok-voice-latest", "grok-voice-think-fast-2.0", False),
        (None, "grok-voice-think-fast-2.0", False),
        ("", "grok-9", False),
        ("grok-9", "", False),
    ],
)
def test_another_model_than_requested_is_a_replaced_one_unless_an_alias_was_requested(
    asked: str | None, found: str, is_it: bool
) -> None:
    assert is_replaced_model(asked, found) is is_it
