"""A setting that cannot be used is refused at once, with its value and what is allowed."""

from __future__ import annotations

import copy
import pickle
import re
import ssl
from inspect import Parameter, signature
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest
from msgspec.structs import fields

from grok_live_widget.events import AudioFormat, PushToTalk, ServerVad, Transcription
from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.protocol.dialects import DIALECTS
from grok_live_widget.settings.settings import (
    IMMUTABLE,
    UNSET,
    DialectName,
    Settings,
    SettingsKwargs,
    UpdateKwargs,
    check_setting_names,
    expand_kwargs_signature,
    is_loopback,
    settings_from,
)
from grok_live_widget.tools.provider import WebSearch

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"dialect": "openai"}, "dialect must be one of 'auto', 'live', 'realtime', not 'openai'"),
    ({"dialect": None}, "dialect .* not None"),
    ({"url": "https://api.x.ai/v1/live"}, "wss://.*'https'"),
    ({"url": "api.x.ai"}, "wss://.*''"),
    ({"url": "wss://"}, "name a host"),
    ({"url": "ws://host:port/"}, "url has an invalid port. A port is"),
    ({"url": 5}, "url .*wss://"),
    ({"url": b"wss://api.x.ai"}, "url .*wss://"),
    ({"model": ""}, "model is empty"),
    ({"model": 3}, "model must be text, not 3"),
    ({"voice": "  "}, "voice is empty"),
    ({"voice": b"nova"}, "voice must be text, not b'nova'"),
    ({"instructions": None}, "instructions must be text, not None"),
    ({"instructions": "half an emoji \ud83d"}, r"instructions .*\\ud83d"),
    ({"turn_detection": 5}, r"ServerVad\(...\) or PushToTalk\(\), not 5"),
    ({"turn_detection": "server"}, r"cannot be 'server'.*server_vad"),
    ({"turn_detection": PushToTalk}, "PushToTalk"),
    ({"turn_detection": ServerVad(threshold=0.05)}, "threshold .* 0.1 to 0.9, not 0.05"),
    ({"turn_detection": ServerVad(threshold=1)}, "threshold .* 0.1 to 0.9, not 1"),
    ({"turn_detection": ServerVad(threshold=float("nan"))}, "threshold .* not nan"),
    ({"turn_detection": ServerVad(threshold="0.5")}, "threshold .* not '0.5'"),
    ({"turn_detection": ServerVad(silence_duration_ms=-1)}, "silence_duration_ms .* 0 to 10000"),
    ({"turn_detection": ServerVad(silence_duration_ms=0.5)}, "silence_duration_ms .*whole.* 0.5"),
    ({"turn_detection": ServerVad(silence_duration_ms=True)}, "silence_duration_ms .* not True"),
    ({"turn_detection": ServerVad(prefix_padding_ms=10_001)}, "prefix_padding_ms .* not 10001"),
    ({"tools": abs}, "tools must be a list"),
    ({"tools": ["look"]}, "a tool must be a function .*, not 'look'"),
    ({"approve_tools": None}, "approve_tools must be one of True, False, not None"),
    ({"sample_rate": 12_000}, "sample_rate must be one of 8000, .* not 12000"),
    ({"sample_rate": "24000"}, "sample_rate .* not '24000'"),
    ({"input_format": 5}, r"input_format must be AudioFormat\(...\) or None, not 5"),
    ({"output_format": AudioFormat(encoding="opus")}, "output_format cannot be opus.*'pcmu'"),
    ({"output_format": AudioFormat(encoding="mp3")}, "output_format.encoding .* not 'mp3'"),
    ({"input_format": AudioFormat(sample_rate=21_050)}, "input_format.sample_rate .* not 21050"),
    ({"input_format": AudioFormat(encoding="pcma", sample_rate=16_000)}, "8000, not 16000"),
    ({"input_format": AudioFormat(transport="udp")}, "input_format.transport .* not 'udp'"),
    ({"turn_detection": ServerVad(idle_timeout_ms=0)}, "idle_timeout_ms .* or None, not 0"),
    ({"turn_detection": ServerVad(create_response=1)}, "create_response .* not 1"),
    ({"turn_detection": ServerVad(interrupt_response=None)}, "interrupt_response .* not None"),
    ({"transcription": "en"}, r"transcription must be Transcription\(...\) or None, not 'en'"),
    ({"transcription": Transcription(model="")}, "transcription.model must be text, not ''"),
    ({"transcription": Transcription(language_hint=1)}, "transcription.language_hint .* not 1"),
    ({"transcription": Transcription(keyterms="abc")}, "keyterms must be a list .* not 'abc'"),
    ({"transcription": Transcription(keyterms=["a"] * 101)}, "up to 100 texts, not 101"),
    ({"transcription": Transcription(keyterms=["a" * 51])}, "1 to 50 characters; 'a+' has 51"),
    ({"speed": 0.5}, "speed .* 0.7 to 1.5 or None, not 0.5"),
    ({"replace": ["nm"]}, r"replace must be a dict of texts or None, not \['nm'\]"),
    ({"replace": {"nm": 3}}, r"replace\['nm'\] must be text, not 3"),
    ({"replace": {"": "x"}}, "a name in replace .* 1 to 100"),
    ({"replace": {str(n): "x" for n in range(201)}}, "replace may have up to 200 entries, not 201"),
    ({"reasoning": "low"}, "reasoning must be one of 'high', 'none', None, not 'low'"),
    ({"resumption": "yes"}, "resumption must be one of True, False, not 'yes'"),
    ({"metadata": {"a" * 65: "b"}}, "a name in metadata .* 1 to 64 characters"),
    ({"metadata": {"a": "b" * 513}}, r"metadata\['a'\] .* 1 to 512 characters; 'b+…' has 513"),
    ({"metadata": {str(n): "x" for n in range(17)}}, "metadata may have up to 16 entries, not 17"),
    ({"processing": 1}, "processing must be one of True, False, not 1"),
    ({"partner": "echo"}, "partner must be 'parrot', 'talker'.* not 'echo'"),
    ({"partner": np.zeros(2)}, "partner must be"),
    ({"partner": lambda: "yes"}, r"of one argument, the turn, not <lambda>\(\)"),
    (
        {"partner": lambda turn, history: "yes"},
        r"not <lambda>\(turn, history\). Define def partner",
    ),
    ({"idle_timeout_s": 0}, "idle_timeout_s .* 1 to 86400 or None, not 0"),
    ({"idle_timeout_s": float("inf")}, "idle_timeout_s .* not inf"),
    ({"reply_quiet_ms": 99}, "reply_quiet_ms .* 100 to 10000, not 99"),
    ({"open_timeout_s": "soon"}, "open_timeout_s .* 0.1 to 120, not 'soon'"),
    ({"temperature": 1}, "no setting 'temperature'.*api_key, dialect, url"),
    ({"voise": "eve"}, "no setting 'voise'. Did you mean 'voice'"),
    ({"url": "wss://api.x.ai:99999/v1"}, "invalid port: 99999. A port is a number from 0 to 65535"),
    ({"url": "wss://api.x.ai:secret/v1"}, "url has an invalid port. A port is"),
    ({"url": "wss://api. x.ai/v1"}, "url contains a space"),
]


def test_every_dialect_can_be_chosen_and_auto() -> None:
    assert get_args(DialectName) == ("auto", *DIALECTS)


@pytest.mark.parametrize(("given", "says"), REFUSED, ids=[says for _, says in REFUSED])
def test_an_invalid_setting_is_refused_with_value_and_range(
    given: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        settings_from(given)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"dialect": "live", "url": "ws://[::1]:8080/v1/live", "voice": "My Own", "model": "x"},
        {"turn_detection": PushToTalk(), "idle_timeout_s": None, "processing": False},
        {"turn_detection": ServerVad(threshold=0.9, silence_duration_ms=0, prefix_padding_ms=0)},
        # What numpy hands out in a sweep.
        {"turn_detection": ServerVad(threshold=np.float32(0.5), silence_duration_ms=np.int64(9))},
        {"sample_rate": 48_000, "speed": np.float32(0.75), "reasoning": "high"},
        {"input_format": AudioFormat(encoding="pcma")},
        {"output_format": AudioFormat(transport="binary"), "resumption": False},
        {"transcription": Transcription(language_hint="de", keyterms=["a" * 50])},
        {"transcription": None, "replace": {"nm": "nanometers"}, "metadata": {"a": "b"}},
        {"turn_detection": ServerVad(idle_timeout_ms=6000, create_response=False)},
        {"partner": None},
        {"partner": "parrot"},
        {"partner": lambda turn: "yes"},
    ],
)  # fmt: skip
def test_a_valid_setting_is_kept_unchanged(given: dict[str, Any]) -> None:
    settings = settings_from(given)
    assert all(getattr(settings, name) is value for name, value in given.items())


def test_the_defaults_are_those_documented() -> None:
    settings = Settings()
    assert settings.partner is UNSET
    assert repr(UNSET) == "UNSET"
    assert settings.turn_detection == ServerVad(
        threshold=0.5, silence_duration_ms=500, prefix_padding_ms=333
    )
    assert (settings.dialect, settings.idle_timeout_s) == ("auto", 300)
    assert settings.reply_quiet_ms == 800


def test_an_error_does_not_repeat_the_url_which_may_hold_a_key() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Settings(url="https://user:secret-password@host/?token=secret-token")
    assert not re.search("secret", str(caught.value))


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("ws://localhost:9", True),
        ("ws://127.0.0.1/v1/live", True),
        ("ws://[::1]:80/", True),
        ("ws://LOCALHOST/", True),
        ("wss://api.x.ai/v1/live", False),
        ("ws://localhost.example.com/", False),
        ("ws://127.0.0.1.example.com/", False),
        ("ws://host/?localhost", False),
        ("ws://localhost@example.com/", False),
    ],
)
def test_only_this_machine_is_loopback(url: str, is_here: bool) -> None:
    assert is_loopback(url) is is_here


def look(up: bool) -> None:
    """Look."""


def test_tools_are_described_to_the_model() -> None:
    function, search = Settings(tools=[look, WebSearch(allowed_domains=("x.ai",))]).tool_offers
    assert (function.kind, function.name, function.description) == ("function", "look", "Look.")
    assert function.parameters["required"] == ["up"]
    assert (search.kind, search.parameters) == ("web_search", {"allowed_domains": ["x.ai"]})
    assert Settings().tool_offers == ()


def test_both_sides_have_the_sample_rate_unless_a_format_says_otherwise() -> None:
    found = Settings(sample_rate=16_000, output_format=AudioFormat(encoding="pcmu"))
    assert found.input_format == AudioFormat(encoding="pcm", sample_rate=16_000)
    assert found.output_format.sample_rate == 8_000
    assert Settings(input_format=None).input_format == AudioFormat()


# --------------------------------------------------------------------------- what is given
# Of these more can be given than is kept: None for the usual, functions for tools of them, and the
# service's JSON.
WIDER = {
    *("tools", "turn_detection", "transcription"),
    *("input_format", "output_format", "partner"),
}


def listed(given: Any) -> dict[str, Parameter]:
    @expand_kwargs_signature(given)
    def taking(own: int, *, key: str = "", **settings: Any) -> dict[str, Any]:
        return settings

    assert taking(1, voice="eve") == {"voice": "eve"}
    found = dict(signature(taking).parameters)
    assert [found.pop("own").kind, found.pop("key").default] == [
        Parameter.POSITIONAL_OR_KEYWORD,
        "",
    ]
    return found


def test_every_setting_can_be_given_under_its_name_and_type() -> None:
    kept, given = get_type_hints(Settings), get_type_hints(SettingsKwargs)
    assert set(given) == set(kept)
    assert {name for name in kept if given[name] != kept[name]} == WIDER


def test_signatures_list_every_setting_with_its_type_and_default_in_order() -> None:
    found = listed(SettingsKwargs)
    assert list(found) == [field.name for field in fields(Settings)]
    types = get_type_hints(SettingsKwargs)
    for field in fields(Settings):
        parameter = found[field.name]
        is_format = field.name.endswith("_format")
        assert parameter.kind is Parameter.KEYWORD_ONLY
        assert parameter.annotation == types[field.name]
        assert parameter.default is (None if is_format else field.default)


def test_the_defaults_in_signatures_are_the_defaults() -> None:
    shown = {name: each.default for name, each in listed(SettingsKwargs).items()}
    assert settings_from(shown) == Settings()


def test_every_setting_but_the_immutable_can_be_changed_and_has_no_default() -> None:
    found = listed(UpdateKwargs)
    assert set(found) == {field.name for field in fields(Settings)} - IMMUTABLE
    assert all(each.default is UNSET for each in found.values())
    assert {"url", "partner", "sample_rate", "record"} < IMMUTABLE


@pytest.mark.parametrize("name", sorted(IMMUTABLE))
def test_an_immutable_setting_cannot_be_changed(name: str) -> None:
    settings = Settings()
    with pytest.raises(ConfigurationError, match=f"{name} cannot be changed"):
        settings.changed({name: getattr(settings, name)})


def test_changes_are_checked_and_leave_the_rest() -> None:
    settings = Settings(voice="eve", sample_rate=16_000, tools=[look])
    changed = settings.changed({"speed": 1.2, "voice": None})
    assert (changed.speed, changed.voice) == (1.2, None)
    assert changed.input_format == settings.input_format
    assert changed.tools == settings.tools
    assert settings.voice == "eve"
    assert settings.changed({}) == settings
    with pytest.raises(ConfigurationError, match="speed"):
        settings.changed({"speed": 9})


def test_settings_can_be_copied_and_cross_a_pipe() -> None:
    settings = settings_from({"voice": "nova"})
    for again in (copy.deepcopy(settings), pickle.loads(pickle.dumps(settings))):
        assert again == settings
        assert again.partner is UNSET
        assert again.changed({"speed": 1.1}).speed == 1.1


def test_the_key_cannot_be_changed() -> None:
    with pytest.raises(ConfigurationError, match="api_key cannot be changed during a talk"):
        settings_from({}).changed({"api_key": "k"})


def test_the_signature_of_settings_lists_every_setting() -> None:
    kept, given = signature(Settings).parameters, listed(SettingsKwargs)
    assert list(kept) == list(given)
    for name, parameter in kept.items():
        assert parameter.kind is Parameter.KEYWORD_ONLY
        assert parameter.default is given[name].default
        assert name in WIDER or parameter.annotation == given[name].annotation
    with pytest.raises(TypeError, match=r"no argument 'voise'\. Did you mean 'voice'"):
        Settings(voise="eve")  # type: ignore[call-arg]


def test_settings_are_frozen_and_equal_by_value() -> None:
    settings = Settings(sample_rate=np.int64(16_000))
    assert settings == Settings(sample_rate=16_000, input_format=AudioFormat(sample_rate=16_000))
    assert type(settings.sample_rate) is int
    with pytest.raises(AttributeError):
        settings.voice = "eve"  # type: ignore[misc]


# --------------------------------------------------------------------------- TLS
def test_a_context_is_kept_and_cannot_be_changed_during_a_talk() -> None:
    context = ssl.create_default_context()
    settings = Settings(ssl=context)
    assert settings.ssl is context
    with pytest.raises(ConfigurationError, match="ssl cannot be changed during a talk"):
        settings.changed({"ssl": None})


@pytest.mark.parametrize("unchecked", [False, ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)])
def test_tls_that_checks_no_certificate_is_refused_with_the_reason(unchecked: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"key .* would otherwise be sent to any server"):
        Settings(ssl=unchecked)


@pytest.mark.parametrize("other", [True, "ca.pem", 1])
def test_what_is_no_context_is_refused_with_the_cure(other: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"not .*create_default_context\(cafile=PATH\)"):
        Settings(ssl=other)


def test_a_context_for_a_url_without_tls_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="uses no TLS"):
        Settings(ssl=ssl.create_default_context(), url="ws://127.0.0.1:9/v1/live")


def test_a_misspelt_setting_is_named_with_the_nearest_one_also_of_the_other_arguments() -> None:
    check_setting_names(["voice", "url"], "language")
    with pytest.raises(ConfigurationError) as found:
        check_setting_names(["voice", "langauge"], "api_key", "language")
    assert found.value.message == "there is no setting 'langauge'."
    assert found.value.cure.startswith("Did you mean 'language'? Settings are: api_key, language, ")
