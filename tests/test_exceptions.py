"""Every error has a sentence with its value, a cure, and a place in one tree."""

from __future__ import annotations

import inspect
import pickle
import traceback
from typing import Any

import pytest

from grok_live_widget import exceptions
from grok_live_widget.exceptions import (
    AuthenticationError,
    BudgetSpent,
    ConnectError,
    GrokLiveError,
    LocalProtocolError,
    ProtocolError,
    RehearsalWarning,
    RemoteProtocolError,
    ReplyTimeout,
    ServerError,
    SessionClosed,
    SessionClosedError,
    SessionClosedOK,
    SessionError,
    UnsupportedByServer,
)

TREE = {
    SessionClosedOK: SessionClosed,
    SessionClosedError: SessionClosed,
    SessionClosed: SessionError,
    ReplyTimeout: SessionError,
    BudgetSpent: SessionError,
    ServerError: SessionError,
    ConnectError: SessionError,
    AuthenticationError: ConnectError,
    LocalProtocolError: ProtocolError,
    RemoteProtocolError: ProtocolError,
    UnsupportedByServer: ProtocolError,
    ProtocolError: GrokLiveError,
    SessionError: GrokLiveError,
    RehearsalWarning: UserWarning,
    GrokLiveError: Exception,
}
EVERY = [
    each
    for each in vars(exceptions).values()
    if inspect.isclass(each) and issubclass(each, Exception)
]
FACTS: dict[type, dict[str, Any]] = {
    ReplyTimeout: {"timeout_s": 60.0, "turn": None},
    SessionClosed: {"close_code": 1006, "reason": "gone"},
    SessionClosedOK: {"close_code": 1000, "reason": ""},
    SessionClosedError: {"close_code": None, "reason": ""},
    ConnectError: {"host": "api.x.ai", "status_code": 403, "has_answered": True},
    AuthenticationError: {"host": "api.x.ai", "status_code": 401, "has_answered": True},
    ServerError: {"error_type": "internal_error", "code": "x"},
}


def example(kind: type) -> Any:
    if kind is UnsupportedByServer:
        return kind("CancelResponse", "live")
    if kind is RehearsalWarning:
        return kind("what 5 happened. Do this.")
    return kind("what 5 happened.", cure="Do this.", **FACTS.get(kind, {}))


def test_the_tree_is_the_documented_one() -> None:
    for kind in EVERY:
        assert kind.__bases__ == (TREE.get(kind, GrokLiveError),)
        assert kind.__name__ in (exceptions.__doc__ or "")
    assert sorted(exceptions.__all__) == sorted(kind.__name__ for kind in EVERY)


@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind is not UnsupportedByServer])
def test_the_sentence_has_the_value_and_the_cure(kind: type) -> None:
    error = example(kind)
    assert str(error) == "what 5 happened. Do this."
    assert all(getattr(error, name) == value for name, value in FACTS.get(kind, {}).items())


@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind is not RehearsalWarning])
def test_a_cure_may_be_missing(kind: type) -> None:
    if kind is UnsupportedByServer:
        error = kind("w", "realtime")
    else:
        error = kind("a.", **FACTS.get(kind, {}))
    assert str(error) == str(error).strip()
    assert error.cure == ""


@pytest.mark.parametrize(("dialect", "cure"), [("live", 'dialect="realtime"'), ("realtime", "")])
def test_what_is_unsupported_is_named_with_the_other_dialect(dialect: str, cure: str) -> None:
    error = UnsupportedByServer("TruncateItem", dialect)
    assert (error.word, error.dialect) == ("TruncateItem", dialect)
    assert repr(dialect) in str(error)
    assert "'TruncateItem'" in str(error)
    assert cure in error.cure


@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind is not RehearsalWarning])
def test_details_are_attributes_and_not_in_the_traceback(kind: type) -> None:
    error = example(kind)
    shown = "".join(traceback.format_exception_only(error))
    assert shown == f"grok_live_widget.exceptions.{kind.__name__}: {error}\n"


@pytest.mark.parametrize(
    "error",
    [
        exceptions.ReplyTimeout("late.", timeout_s=1.0, cure="Wait."),
        exceptions.SessionClosedError("broken.", close_code=1011, reason="why"),
        exceptions.UnsupportedByServer("word", "live"),
        exceptions.AuthenticationError("no.", host="h", status_code=400, has_answered=True),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_pickled_with_all_its_attributes(error: exceptions.GrokLiveError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
