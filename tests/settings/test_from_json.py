"""Settings as the service's JSON are accepted as what they mean."""

from __future__ import annotations

from typing import Any

import pytest

from grok_live_widget import FileSearch, PushToTalk, ServerVad, Settings, Talk, WebSearch
from grok_live_widget.events import AudioFormat, Transcription
from grok_live_widget.exceptions import ConfigurationError


@pytest.mark.parametrize(
    ("name", "given", "meant"),
    [
        (
            "turn_detection",
            {"type": "server_vad", "threshold": 0.4, "silence_duration_ms": 700},
            ServerVad(threshold=0.4, silence_duration_ms=700),
        ),
        ("turn_detection", {"threshold": 0.4}, ServerVad(threshold=0.4)),
        ("turn_detection", "server_vad", ServerVad()),
        ("turn_detection", None, PushToTalk()),
        ("turn_detection", {"type": None}, PushToTalk()),
        ("turn_detection", {"type": "none"}, PushToTalk()),
        ("turn_detection", "none", PushToTalk()),
        ("turn_detection", "push_to_talk", PushToTalk()),
        ("turn_detection", ServerVad(threshold=0.3), ServerVad(threshold=0.3)),
        ("input_format", {"type": "audio/pcm", "rate": 16_000}, AudioFormat(sample_rate=16_000)),
        ("output_format", {"type": "audio/pcmu"}, AudioFormat(encoding="pcmu")),
        ("output_format", "pcm16", AudioFormat()),
        ("input_format", "g711_alaw", AudioFormat(encoding="pcma")),
        (
            "transcription",
            {"model": "grok-transcribe", "language_hint": "en", "keyterms": ["Fourier"]},
            Transcription(language_hint="en", keyterms=("Fourier",)),
        ),
        (
            "tools",
            [{"type": "web_search", "allowed_domains": ["x.ai"]}],
            (WebSearch(allowed_domains=("x.ai",)),),
        ),
        (
            "tools",
            [{"type": "file_search", "vector_store_ids": ["a"], "max_num_results": 3}],
            (FileSearch(vector_store_ids=("a",), max_num_results=3),),
        ),
    ],
)
def test_json_means_the_value_of_this_package(name: str, given: Any, meant: Any) -> None:
    assert getattr(Settings(**{name: given}), name) == meant


@pytest.mark.parametrize("given", ["pcm", {"type": "audio/pcm"}, None])
def test_a_format_without_a_rate_has_the_setting_sample_rate(given: Any) -> None:
    assert Settings(input_format=given, sample_rate=16_000).input_format.sample_rate == 16_000


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("turn_detection", {"type": "server_vad", "treshold": 0.5}, "Did you mean 'threshold'"),
        ("turn_detection", {"silence_ms": 500}, "no key 'silence_ms'.*silence_duration_ms"),
        ("turn_detection", {"type": "server-vad"}, "Did you mean 'server_vad'"),
        ("turn_detection", "semantic_vad", "turn_detection cannot be 'semantic_vad'"),
        ("turn_detection", {"type": "none", "threshold": 0.5}, "no key 'threshold'"),
        ("turn_detection", {"threshold": 5}, "threshold must be a number"),
        ("turn_detection", 5, "turn_detection must be"),
        ("input_format", {"type": "audio/pcm", "sample_rate": 16_000}, "Did you mean 'rate'"),
        ("input_format", "mp3", "input_format cannot be 'mp3'"),
        ("input_format", {"type": "audio/pcm", "rate": 12_345}, "sample_rate"),
        ("transcription", {"language": "en"}, "Did you mean 'language_hint'"),
        ("tools", [{"type": "websearch"}], "Did you mean 'web_search'"),
        ("tools", [{"type": "web_search", "domains": []}], "no key 'domains'"),
        ("tools", [{"type": "file_search"}], "vector_store_ids"),
        ("tools", [{"type": "function", "name": "f"}], "Pass the Python function itself"),
        ("tools", [{}], r"tools\[0\]\['type'\] cannot be None"),
    ],
)
def test_other_keys_and_values_are_refused_with_the_near_name(
    name: str, given: Any, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        Settings(**{name: given})


def test_a_talk_is_updated_with_json_too() -> None:
    with Talk(partner="parrot", turn_detection="server_vad") as talk:
        talk.start()
        talk.update(turn_detection={"type": "server_vad", "threshold": 0.6})
        assert talk.settings.turn_detection == ServerVad(threshold=0.6)
        talk.update(turn_detection=None)
        assert talk.settings.turn_detection == PushToTalk()
