"""Which channel carries the sound, and why."""

from __future__ import annotations

import pytest

from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.widget.direct import (
    CHANNEL_VARIABLE,
    carrier_of,
    chosen_channel,
)
from grok_live_widget.widget.messages import DirectInvitation

ORIGIN = "http://localhost:8888"


@pytest.mark.parametrize(
    ("given", "allowed", "chosen"),
    [
        ("auto", "", "auto"),
        ("auto", " ", "auto"),
        ("auto", "auto", "auto"),
        ("auto", "comm", "comm"),
        ("comm", "auto", "comm"),
        ("auto", "direct", "direct"),
        ("proxy", "auto", "proxy"),
        ("proxy", "direct", "comm"),
        ("direct", "direct", "direct"),
    ],
)
def test_an_administrator_can_forbid_what_a_notebook_asks_for(
    monkeypatch: pytest.MonkeyPatch, given: str, allowed: str, chosen: str
) -> None:
    monkeypatch.setenv(CHANNEL_VARIABLE, allowed)
    assert chosen_channel(given) == chosen


def test_other_values_are_refused_with_those_that_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ConfigurationError, match="channel"):
        chosen_channel("Direct")
    monkeypatch.setenv(CHANNEL_VARIABLE, "proxied")
    with pytest.raises(ConfigurationError, match="GROK_LIVE_CHANNEL is 'proxied'") as found:
        chosen_channel("auto")
    assert found.value.cure == "It may be: auto, direct, proxy, comm."


def test_what_a_page_shows_is_in_no_repr() -> None:
    message = DirectInvitation(page="a", url="ws://x", token="secret 1", proof="secret 2")
    assert "secret" not in f"{message} {message!r}"


@pytest.mark.parametrize("host", ["localhost:8888", "127.0.0.1:8888", "[::1]:8888", "localhost"])
def test_a_page_of_this_computer_is_invited(host: str) -> None:
    assert carrier_of("auto", f"http://{host}") == ("direct", "")
    assert carrier_of("direct", f"http://{host}") == ("direct", "")


@pytest.mark.parametrize("origin", ["", "null", "http://[", "vscode-webview://1a2b"])
def test_a_page_without_an_address_is_not(origin: str) -> None:
    for choice in ("auto", "direct", "proxy"):
        carrier, why = carrier_of(choice, origin)  # type: ignore[arg-type]
        assert carrier is None
        assert "not at an address of this computer" in why


@pytest.mark.parametrize(
    "origin",
    ["http://hub.example", "https://localhost.evil.example", "http://10.0.0.1:8888"],
)
def test_a_page_of_another_address_may_come_through_the_notebook_server(origin: str) -> None:
    carrier, why = carrier_of("auto", origin)
    assert carrier == "proxy"
    assert "not at an address of this computer" in why
    assert carrier_of("direct", origin)[0] is None


def test_a_page_of_this_computer_comes_through_the_notebook_server_only_if_that_is_chosen() -> None:
    carrier, why = carrier_of("proxy", "http://localhost:8888")
    assert carrier == "proxy"
    assert "was chosen" in why
    assert carrier_of("comm", "http://localhost")[0] is None
