"""Where the connection of a talk is, and why."""

from __future__ import annotations

import ssl
import sys

import pytest

from grok_live_widget import Settings, Talk, connect
from grok_live_widget.client.isolation import ISOLATION_VARIABLE, IsolationStatus, isolation_of
from grok_live_widget.exceptions import ConfigurationError


@pytest.mark.parametrize(
    ("given", "allowed", "kind"),
    [
        ("process", "", "process"),
        ("process", "thread", "process"),
        ("thread", "process", "thread"),
        (None, "process", "process"),
        (None, " thread ", "thread"),
    ],
)
def test_a_talk_chooses_and_else_the_environment_does(
    monkeypatch: pytest.MonkeyPatch, given: str | None, allowed: str, kind: str
) -> None:
    monkeypatch.setenv(ISOLATION_VARIABLE, allowed)
    status = isolation_of(Settings(isolation=given))  # type: ignore[typeddict-item]
    assert status.kind == kind
    assert bool(status.reason) == (kind == "thread")


def test_other_values_are_refused_with_those_that_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(ConfigurationError, match="isolation must be one of 'process', 'thread'"):
        Settings(isolation="fork")  # type: ignore[typeddict-item]
    monkeypatch.setenv(ISOLATION_VARIABLE, "fork")
    with pytest.raises(ConfigurationError, match="GROK_LIVE_ISOLATION is 'fork'"):
        Talk(partner=["Yes."])
    with pytest.raises(ConfigurationError, match="isolation is for a talk"):
        connect(partner=["Yes."], isolation="thread")


def test_where_no_process_can_be_started_the_talk_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ISOLATION_VARIABLE, "process")
    monkeypatch.setattr(sys, "executable", "")
    talk = Talk(partner=["Yes."])
    assert talk.isolation == IsolationStatus("thread", "This Python cannot start processes.")
    with pytest.raises(ConfigurationError, match='"process" is not possible: this Python cannot'):
        Talk(partner=["Yes."], isolation="process")


def test_certificates_of_ones_own_keep_the_connection_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ISOLATION_VARIABLE, "process")
    talk = Talk(url="wss://localhost:9", api_key="k", ssl=ssl.create_default_context())
    assert talk.isolation.reason == "ssl= cannot be given to another process."
