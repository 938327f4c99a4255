"""What a client may ask of its session, on its own and through a line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grok_live_widget.events import (
    AudioFormat,
    CreateResponse,
    ErrorReported,
    PushToTalk,
    ResponseCreated,
    ResponseDone,
    ServerVad,
    SessionUpdated,
    Transcription,
    UpdateSession,
    UserTranscriptReplaced,
)
from grok_live_widget.rehearsal.settings import (
    SessionSettings,
    has_invalid_metadata,
    invalid_setting,
)

TERMS = "audio.input.transcription.keyterms"


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({}, ""),
        ({"threshold": 0.05}, "threshold"),
        ({"threshold": 0.95}, "threshold"),
        ({"silence_duration_ms": 10_001}, "silence_duration_ms"),
        ({"prefix_padding_ms": -1}, "prefix_padding_ms"),
        ({"idle_timeout_ms": 0}, "idle_timeout_ms"),
        ({"idle_timeout_ms": 1}, ""),
    ],
)
def test_figures_of_turn_detection_out_of_range_are_named(
    settings: dict[str, Any], wrong: str
) -> None:
    path = f"turn_detection.{wrong}" if wrong else ""
    assert invalid_setting(UpdateSession(turn_detection=ServerVad(**settings))) == path


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({}, ""),
        ({"turn_detection": PushToTalk()}, ""),
        ({"speed": 0.69}, "audio.output.speed"),
        ({"speed": 1.51}, "audio.output.speed"),
        ({"speed": 0.7}, ""),
        ({"reasoning": "some"}, "reasoning.effort"),
        ({"reasoning": "none"}, ""),
        ({"input_format": AudioFormat(sample_rate=1)}, "audio.input.format.rate"),
        ({"output_format": AudioFormat(encoding="opus")}, "audio.output.format.type"),
        ({"transcription": Transcription(keyterms=("x" * 51,))}, TERMS),
        ({"transcription": Transcription(keyterms=("x",) * 101)}, TERMS),
        ({"transcription": Transcription(keyterms=("x" * 50,) * 100)}, ""),
        ({"replace": {"a": 5}}, "replace"),
        ({"replace": {"": "a"}}, "replace"),
        ({"replace": {str(i): "a" for i in range(201)}}, "replace"),
        ({"replace": {}}, ""),
    ],
)
def test_settings_that_the_schema_does_not_allow_are_named(
    settings: dict[str, Any], wrong: str
) -> None:
    assert invalid_setting(UpdateSession(**settings)) == wrong


def test_what_is_not_said_stays_as_it_was_and_the_model_always_does() -> None:
    settings = SessionSettings(model="m").merged(UpdateSession(voice="nova", speed=1.2))
    again = settings.merged(UpdateSession(model="other", instructions="Be brief."))
    assert (again.model, again.voice, again.speed, again.instructions) == (
        "m",
        "nova",
        1.2,
        "Be brief.",
    )


@pytest.mark.parametrize(
    ("metadata", "is_wrong"),
    [
        (None, False),
        ({}, False),
        ({"k" * 64: "v" * 512}, False),
        ({"k": ""}, False),
        ({"k" * 65: "v"}, True),
        ({"k": "v" * 513}, True),
        ({str(i): "v" for i in range(16)}, False),
        ({str(i): "v" for i in range(17)}, True),
        ({"k": 1}, True),
    ],
)
def test_metadata_has_limits(metadata: Any, is_wrong: bool) -> None:
    assert has_invalid_metadata(metadata) is is_wrong


# --------------------------------------------------------------------------- through a line
async def test_settings_are_confirmed(serving: Any, connected: Any) -> None:
    settings = {
        "input_format": AudioFormat(sample_rate=48_000, transport="binary"),
        "output_format": AudioFormat(encoding="pcma"),
        "transcription": Transcription(language_hint="en", keyterms=("Grok",)),
        "speed": 1.25,
        "replace": {"SQL": "sequel"},
        "reasoning": "none",
        "resumption": True,
    }
    detection = ServerVad(idle_timeout_ms=60_000, create_response=False, interrupt_response=False)
    async with connected(serving("parrot"), detection=detection, **settings) as client:
        echo = client.opening[-1].session
    hints = {"model": "grok-transcribe", "language_hint": "en", "keyterms": ["Grok"]}
    assert echo["audio"] == {
        "input": {
            "format": {"type": "audio/pcm", "rate": 48_000},
            "transport": "binary",
            "transcription": hints,
        },
        "output": {"format": {"type": "audio/pcma"}, "transport": "json", "speed": 1.25},
    }
    assert echo["input_audio_transcription"] == {"model": "grok-transcribe"}
    assert echo["replace"] == {"SQL": "sequel"}
    assert echo["reasoning"] == {"effort": "none"}
    assert echo["resumption"] == {"enabled": True}
    found = echo["turn_detection"]
    assert (found["idle_timeout_ms"], found["create_response"], found["interrupt_response"]) == (
        60_000,
        False,
        False,
    )


async def test_settings_that_were_not_set_are_not_confirmed(serving: Any, connected: Any) -> None:
    async with connected(serving("parrot")) as client:
        echo = client.opening[-1].session
    sound = {"format": {"type": "audio/pcm", "rate": 24_000}, "transport": "json"}
    assert echo["audio"] == {"input": {**sound, "transcription": None}, "output": sound}
    assert echo["input_audio_transcription"] is None
    assert not {"replace", "reasoning", "resumption"} & set(echo)


async def test_replacements_can_be_taken_back(serving: Any, connected: Any) -> None:
    async with connected(serving("parrot"), replace={"a": "b"}) as client:
        await client.send(UpdateSession(replace={}))
        assert "replace" not in (await client.until(SessionUpdated)).session


async def test_an_error_names_the_message_that_it_is_about(serving: Any, connected: Any) -> None:
    async with connected(serving("parrot")) as client:
        for wrong in (
            UpdateSession(speed=9.0, event_id="mine-1"),
            CreateResponse(metadata={"k" * 65: "v"}, event_id="mine-2"),
        ):
            await client.send(wrong)
            error = await client.until(ErrorReported)
            assert error.about == wrong.event_id
        await client.send_raw('{"type": "nonsense", "event_id": "mine-3"}')
        assert (await client.until(ErrorReported)).about == "mine-3"
        await client.send_raw('{"type": "nonsense"}')
        assert (await client.until(ErrorReported)).about == ""


async def test_metadata_comes_back_at_both_ends_or_is_refused(serving: Any, connected: Any) -> None:
    async with connected(serving("parrot")) as client:
        await client.type_text("hello", metadata={"a": "b"})
        assert (await client.until(ResponseCreated)).metadata == {"a": "b"}
        assert (await client.until(ResponseDone)).metadata == {"a": "b"}
        await client.type_text("hello", metadata={str(i): "v" for i in range(17)})
        error = await client.until(ErrorReported)
        assert (error.error_type, error.param) == ("invalid_request_error", "response.metadata")


@pytest.mark.parametrize("model", [None, "grok-transcribe"])
async def test_partial_transcripts_come_only_where_a_model_was_asked_for(
    serving: Any, connected: Any, utterance: np.ndarray, model: str | None
) -> None:
    written = Transcription(model=model) if model else None
    async with connected(serving("parrot"), detection=ServerVad(), transcription=written) as client:
        await client.send_audio(utterance)
        await client.until(ResponseDone)
        sent = [event.is_final for event in client.all(UserTranscriptReplaced)]
    assert sent[-1] is True
    assert sent.count(True) == 1
    assert (len(sent) > 1) is bool(model)


async def test_text_is_spoken_at_the_speed_and_in_the_words_that_were_asked_for(
    serving: Any, connected: Any
) -> None:
    pytest.importorskip("espeakng_loader")
    server, sizes = serving(lambda turn: "I use it for my data every day."), {}
    for name, settings in (
        ("usual", {}),
        ("fast", {"speed": 1.5}),
        ("long", {"replace": {"It": "a very old and slow database"}}),
    ):
        async with connected(server, **settings) as client:
            done = await client.ask("go")
            assert done.output[0].text == "I use it for my data every day."
            sizes[name] = client.audio().size
    assert sizes["usual"] / sizes["fast"] == pytest.approx(1.5, rel=0.2)
    assert sizes["long"] > sizes["usual"] + 12_000


async def test_audio_of_a_partner_s_own_is_at_its_own_speed(serving: Any, connected: Any) -> None:
    sound = np.arange(5_000, dtype=np.int16)
    async with connected(serving(lambda turn: sound), speed=1.5) as client:
        await client.ask("go")
        np.testing.assert_array_equal(client.audio(), sound)
