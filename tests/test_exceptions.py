"""Every error has a sentence with its value, a cure, and a place in one tree."""

from __future__ import annotations

import inspect
import pickle
import re
import subprocess
import sys
import traceback
from typing import Any

import pytest

from grok_live_widget import Talk, exceptions
from grok_live_widget.exceptions import (
    ArgumentError,
    AuthenticationError,
    BudgetSpent,
    ConfigurationError,
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
    ArgumentError: ConfigurationError,
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
        # Python's own kind of error for an argument that does not exist.
        others = (TypeError,) if kind is ArgumentError else ()
        assert kind.__bases__ == (TREE.get(kind, GrokLiveError), *others)
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


# --------------------------------------------------------------------------- in IPython
MADE = """
from grok_live_widget import Talk, connect, load
talk = Talk(partner="parrot")
def asked():
    return talk.ask(3)
"""
CALLS = {
    "talk.ask(3)": ["talk.ask(3)"],
    "Talk(voise='nova')": ["Talk(voise='nova')"],
    "await talk.ask_async(3)": ["await talk.ask_async(3)"],
    "load('nowhere')": ["load('nowhere')"],
    "await connect(url='ws://127.0.0.1:1')": ["await connect(url='ws://127.0.0.1:1')"],
    # The frames of the user's own functions stay.
    "asked()": ["asked()", "return talk.ask(3)"],
    "talk.turns[0:0].write_wav('a.mp3')": ["talk.turns[0:0].write_wav('a.mp3')"],
}


def shown_by_ipython(code: str) -> str:
    command = [sys.executable, "-m", "IPython", "--colors=NoColor", "-c", MADE + code]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return ran.stdout + ran.stderr


@pytest.mark.parametrize("call", CALLS)
def test_ipython_shows_the_users_frames_and_the_sentence_only(call: str) -> None:
    shown = shown_by_ipython(call)
    pointed = [line.partition(" ")[2] for line in shown.splitlines() if line.startswith("----> ")]
    assert [line.split(maxsplit=1)[1] for line in pointed] == CALLS[call]
    assert "File " not in shown
    assert "grok_live_widget/" not in shown
    sentence = shown.strip().splitlines()[-1]
    assert "Error: " in sentence


INTERRUPTED = """
import signal, threading
def interrupt(turn):
    signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    yield "One."
    threading.Event().wait()
talk = Talk(partner=interrupt)
"""


def test_ipython_shows_the_users_frame_only_of_an_interrupted_question() -> None:
    call = "talk.ask('Hello.')"
    shown = shown_by_ipython(INTERRUPTED + call)
    assert re.findall(r"^-+> \d+ (.*)$", shown, re.MULTILINE) == [call]
    assert "grok_live_widget/" not in shown
    assert "threading.py" not in shown
    assert shown.strip().splitlines()[-1].startswith("KeyboardInterrupt")


def test_ipython_shows_every_frame_on_request() -> None:
    shown = shown_by_ipython("%xmode Verbose\ntalk.ask(3)")
    assert "grok_live_widget/client/clips.py" in shown
    assert "concurrent/futures" in shown


def test_the_error_keeps_every_frame() -> None:
    with pytest.raises(exceptions.ConfigurationError) as caught:
        Talk(voise="nova")
    files = {each.filename for each in traceback.extract_tb(caught.value.__traceback__)}
    assert any(file.endswith("settings.py") for file in files)
