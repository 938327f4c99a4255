"""The messages between the kernel and the process of a connection."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from grok_live_widget import (
    AudioFormat,
    Budget,
    Mcp,
    Prices,
    PushToTalk,
    ServerVad,
    Settings,
    Transcription,
    WebSearch,
    exceptions,
    tool,
)
from grok_live_widget.client.process import messages
from grok_live_widget.conversation import Turn
from grok_live_widget.events import AppendAudio, CreateItem, Item, Noted
from grok_live_widget.exceptions import (
    AuthenticationError,
    ConfigurationError,
    GrokLiveError,
    ReplyTimeout,
    ToolError,
    UnsupportedByServer,
)


@tool(timeout_s=7, approve=True)
def weather(city: str, days: int = 1) -> str:
    """Look up the weather."""
    return f"{city}: sun for {days} days"


def sent(message: messages.Message, kinds: Any = messages.Up) -> Any:
    return messages.decoder_of(kinds)(messages.encode(message))


SETTINGS: list[dict[str, Any]] = [
    {},
    {"turn_detection": PushToTalk(), "voice": "nova", "speed": 1.2, "approve_tools": True},
    {"turn_detection": ServerVad(threshold=0.7, idle_timeout_ms=900), "sample_rate": 16_000},
    {
        "input_format": AudioFormat(encoding="pcmu"),
        "output_format": AudioFormat(transport="binary"),
    },
    {"transcription": Transcription(keyterms=("Fourier",)), "reasoning": "none", "model": "m"},
    {"transcription": None, "metadata": {"a": "b"}, "replace": {"kg": "kilograms"}},
    {"metadata": MappingProxyType({"a": "b"}), "reconnect_tries": np.int64(2)},
    {"budget": Budget(minutes=3), "prices": Prices(per_minute=0.1), "idle_timeout_s": None},
    {"instructions": "“Straße”, 東京", "max_audio_minutes": 2.5, "session_limit_s": 60},
    {
        "url": "ws://localhost:9",
        "conversation_id": "c1",
        "open_timeout_s": 2.5,
        "processing": False,
    },
]


@pytest.mark.parametrize("given", SETTINGS, ids=lambda given: ", ".join(given) or "none")
def test_settings_arrive_as_they_were(given: dict[str, Any]) -> None:
    settings = Settings(**given)
    request = messages.Request(1, "update", {"given": messages.plain_settings(settings)})
    arrived = sent(request).arguments["given"]
    assert Settings(**messages.settings_kwargs(arrived)) == settings


def test_only_the_settings_that_are_named_are_sent() -> None:
    settings = Settings(voice="nova", speed=1.1)
    assert messages.plain_settings(settings, ["voice"]) == {"voice": "nova"}


def test_functions_are_described_and_tools_of_the_provider_are_sent() -> None:
    provided = [
        WebSearch(allowed_domains=["wikipedia.org"]),
        Mcp(server_url="https://example.org/mcp", server_label="notes", headers={"X": "y"}),
    ]
    settings = Settings(tools=[weather, *provided])
    plain = sent(messages.Told("m", {"s": messages.plain_settings(settings)}), messages.Told)
    arrived = Settings(**messages.settings_kwargs(plain.arguments["s"]))
    assert arrived.tool_offers == settings.tool_offers
    described, *others = arrived.tools
    assert tuple(others) == settings.tools[1:]
    assert (described.timeout_s, described.approve, described.thread) == (7, True, "own")
    with pytest.raises(ToolError, match="in another process"):
        described()


def test_a_folder_is_sent_as_an_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plain = messages.plain_settings(Settings(record=Path("talk")))
    assert plain["record"] == str(tmp_path / "talk")


@pytest.mark.parametrize(
    "error",
    [
        ConfigurationError("this is wrong.", cure="Do that."),
        AuthenticationError("no key.", host="x", status_code=401, has_answered=True),
        UnsupportedByServer("speed", "live"),
        ReplyTimeout("too late.", timeout_s=3.0),
        ValueError("of Python"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_arrives_with_all_that_it_tells(error: Exception) -> None:
    failure = sent(messages.Raised(1, messages.failure_from(error))).failure
    arrived = messages.error_from(failure)
    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert arrived.args == error.args
    assert arrived.__dict__ == error.__dict__


def test_every_error_of_the_package_has_its_class_there() -> None:
    kinds = [getattr(exceptions, name) for name in exceptions.__all__]
    for kind in kinds:
        if issubclass(kind, GrokLiveError):
            failure = messages.Failure(kind.__name__, ("text",), {"message": "text", "cure": ""})
            assert type(messages.error_from(failure)) is kind


def test_an_error_of_another_library_is_told_by_its_name() -> None:
    class Foreign(Exception):
        pass

    error = messages.error_from(messages.failure_from(Foreign("what happened")))
    assert str(error) == "Foreign: what happened"


def test_a_turn_in_an_error_is_that_of_the_kernel() -> None:
    turn = Turn("assistant", tape=None)  # type: ignore[arg-type]
    failure = messages.failure_from(ReplyTimeout("late.", timeout_s=1.0, turn=turn))
    assert failure.turn_id == turn.turn_id
    own = object()
    arrived = messages.error_from(sent(messages.Raised(1, failure)).failure, own)
    assert isinstance(arrived, ReplyTimeout)
    assert arrived.turn is own


def test_events_arrive_as_they_were_with_their_times() -> None:
    for event in (
        AppendAudio(b"\1\0" * 10),
        CreateItem(Item(role="user", part="input_text", text="Straße")),
        Noted("…", "error", "topic"),
    ):
        message = messages.Happened(event, 12.345678, ("t1",), (3, 10), is_hidden=True)
        assert sent(message) == message


def test_characters_that_are_none_are_replaced() -> None:
    arrived = sent(messages.Happened(Noted("the file 'a\udcff' is not there"), 1.0))
    assert arrived.event.text == "the file 'a?' is not there"
