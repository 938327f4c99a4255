"""The key is in nothing that is shown, saved, sent to a page, logged or raised."""

from __future__ import annotations

import base64
import contextlib
import json
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget import (
    AuthenticationError,
    ConfigurationError,
    GrokLive,
    RehearsalServer,
    Talk,
    compare,
    connect,
)
from grok_live_widget.client.endpoint import resolve_endpoint
from grok_live_widget.settings.settings import Settings

from .kernels.kernel import Kernel
from .kernels.page import Page
from .support.notebooks import new_notebook, write_notebook
from .support.talks import internals_of, reconnecting_session_of
from .support.versions import ROOT, environment_with

KEY = "xai-this-must-never-be-shown-0123456789"
NAME = "XAI_API_KEY"
ASKED = "Which roses grow in shade?"
ANSWERED = "The rugosa roses do."
INSTRUCTIONS = "Answer as a gardener would."
DIALECTS = pytest.mark.parametrize("dialect", ["realtime", "live"])

LEAK_PROBE = ROOT / "tests" / "support" / "leak_probe.py"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"


def forms(key: str) -> set[str]:
    """The key, and its base64 wherever in a text it may begin."""
    found = {key, key[4:-4]}
    for before in range(3):
        encoded = base64.b64encode(b"." * before + key.encode()).decode()
        found.add(encoded[4:-4])
    return found


def assert_nowhere_in(text: str) -> None:
    for form in forms(KEY):
        at = text.find(form)
        assert at < 0, f"the key is in:\n{text[max(0, at - 300) : at + 60]}"


@pytest.fixture
def server() -> Iterator[RehearsalServer]:
    """One that accepts the key and no other."""
    options = {"speed": float("inf"), "words": False}
    with RehearsalServer(lambda turn: ANSWERED, api_key=KEY, **options) as server:
        yield server


@pytest.fixture
def refusing() -> Iterator[RehearsalServer]:
    """One that accepts another key only."""
    with RehearsalServer(lambda turn: ANSWERED, api_key="another") as server:
        yield server


def test_the_search_finds_a_key_in_base64_at_any_offset() -> None:
    for before in range(3):
        encoded = base64.b64encode(f"{'-' * before}{KEY}{'-' * before}".encode()).decode()
        with pytest.raises(AssertionError, match="the key is in"):
            assert_nowhere_in(f"{{{encoded}}}")


# --------------------------------------------------------------------------- output and errors
@pytest.mark.parametrize(
    ("requirement", "source"),
    [
        pytest.param("", "environment", id="newest, environment"),
        pytest.param("", "argument", id="newest, argument", marks=pytest.mark.slow),
        pytest.param(
            "websockets==15.0", "environment", id="lowest, environment", marks=pytest.mark.slow
        ),
        pytest.param("websockets==15.0", "argument", id="lowest, argument"),
    ],
)
def test_no_log_error_or_traceback_shows_the_key(
    requirement: str, source: str, tmp_path: Path
) -> None:
    more = {"RIGHT_KEY": KEY, "PYTHONASYNCIODEBUG": "1", "IPYTHONDIR": str(tmp_path)}
    if source == "environment":
        more[NAME] = KEY
    done = subprocess.run(
        [sys.executable, "-X", "dev", str(LEAK_PROBE), *[KEY] * (source == "argument")],
        env=environment_with(*filter(None, [requirement]), **more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-3000:]
    version = requirement.partition("==")[2] or "1"
    assert f"VERSION {version}" in output
    assert output.count("WENT WELL") == 2
    for sentence in ("LOG asyncio", "does not accept the API key", "nothing answers", "redirect"):
        assert sentence in output
    assert "ResourceWarning" not in output
    assert_nowhere_in(output)


@pytest.mark.parametrize("make", [Talk, GrokLive, connect])
def test_a_traceback_with_locals_of_a_failed_constructor_can_be_formatted(make: Any) -> None:
    with pytest.raises(Exception, match="sample_rate") as caught:
        make(api_key="a-key", sample_rate=1)
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "sample_rate" in "".join(shown.format())


@pytest.mark.parametrize(
    "call",
    [
        *(lambda make=make: make(api_key=KEY, sample_rate=1) for make in (Talk, GrokLive, connect)),
        *(lambda make=make: make(KEY) for make in (Talk, GrokLive, connect)),
        lambda: compare(["Hello."], api_key=KEY, sample_rate=1),
    ],
)
def test_no_local_of_a_failed_call_holds_the_key(call: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        call()
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert_nowhere_in("".join(shown.format()))


# --------------------------------------------------------------------------- shown and pickled
@DIALECTS
def test_nothing_that_can_be_printed_or_pickled_holds_the_key(
    server: RehearsalServer, dialect: str
) -> None:
    url = server.url(dialect)
    with Talk(url=url, api_key=KEY) as talk, GrokLive(url=url, api_key=KEY) as live:
        events: list[Any] = []
        talk.add_listener(lambda event, changed, now_s: events.append(event))
        for each in (talk, live):
            each.ask(ASKED)
        held = [
            *(talk.frames, *talk.frames, live.frames, live.frames._repr_html_()),
            *(
                talk.frames.to_json(),
                [frame.row() for frame in talk.frames],
                talk.frames.to_frame(),
            ),
            *(reconnecting_session_of(talk).frame_log, reconnecting_session_of(live).frame_log),
            *(talk, talk.settings, talk.turns, talk.turns[-1], talk.notes, *internals_of(talk)),
            *(live, live.get_state(), *internals_of(live)),
            *(connect(url=url, api_key=KEY), resolve_endpoint(Settings(url=url), KEY), *events),
        ]
    assert len(events) > 5
    for value in held:
        assert_nowhere_in(repr(value) + str(value))
        assert_nowhere_in("".join(_pickled(value)))


@DIALECTS
def test_the_frames_of_a_refused_key_and_of_an_address_with_it_do_not_hold_it(
    refusing: RehearsalServer, dialect: str, tmp_path: Path
) -> None:
    url = f"{refusing.url(dialect)}?secret={KEY}"
    with Talk(url=url, api_key=KEY) as talk:
        with pytest.raises(AuthenticationError):
            talk.ask(f"The key is {KEY}.")
        folder = talk.save(tmp_path / "talk")
    assert talk.frames.filter(type="websocket.open")
    assert_nowhere_in(repr(talk.frames) + talk.frames.to_json() + talk.frames._repr_html_())
    assert_nowhere_in((folder / "frames.jsonl").read_text("utf-8"))


@DIALECTS
def test_the_frames_of_a_text_with_the_key_do_not_hold_it(
    server: RehearsalServer, dialect: str, tmp_path: Path
) -> None:
    with Talk(url=server.url(dialect), api_key=KEY) as talk:
        talk.ask(f"The key is {KEY}.")
        folder = talk.save(tmp_path / "talk")
    assert "The key is (key)." in talk.frames.to_json()
    assert_nowhere_in(talk.frames.to_json())
    assert_nowhere_in((folder / "frames.jsonl").read_text("utf-8"))


def _pickled(value: object) -> Iterator[str]:
    """As far as it can be pickled at all."""
    for protocol in (0, pickle.HIGHEST_PROTOCOL):
        with contextlib.suppress(TypeError, AttributeError, pickle.PicklingError):
            yield pickle.dumps(value, protocol).decode("latin-1")


# --------------------------------------------------------------------------- the notebook
SHOWN = """
live = GrokLive(url={url!r}, instructions={instructions!r})
live
"""
EVERYTHING_IS_LOGGED = """
%xmode Verbose
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
from grok_live_widget import GrokLive
"""


def test_a_saved_notebook_holds_no_key_and_its_widget_state_no_text_of_the_talk(
    server: RehearsalServer, refusing: RehearsalServer, tmp_path: Path
) -> None:
    cells = [EVERYTHING_IS_LOGGED]
    for each in (server, refusing):
        for dialect in ("realtime", "live"):
            cells.append(SHOWN.format(url=each.url(dialect), instructions=INSTRUCTIONS))
            cells.append(f"turn = live.ask({ASKED!r})")
    cells.append("GrokLive(sample_rate=1)")
    saved = _executed(cells, tmp_path)
    assert saved.count(" does not accept the API key") >= 2
    assert "sample_rate must be" in saved
    _assert_state_without_talk(saved)


KEPT = """
import os
live.keep_in_notebook = "audio"
turn = live.ask("The key is " + os.environ["XAI_API_KEY"])
live.close()
"""


def test_a_talk_that_is_kept_in_a_notebook_holds_no_key_and_is_in_no_state_of_widgets(
    server: RehearsalServer, tmp_path: Path
) -> None:
    shown = SHOWN.format(url=server.url("realtime"), instructions=INSTRUCTIONS)
    asked = f"turn = live.ask({ASKED!r})"
    saved = _executed(["from grok_live_widget import GrokLive", shown, asked, KEPT], tmp_path)
    assert saved.count("The key is (key)") == 2, "as text and as HTML"
    assert saved.count("data:audio/wav;base64,UklGR") == 2
    _assert_state_without_talk(saved)


def _executed(cells: list[str], folder: Path) -> str:
    """The notebook of these cells as nbclient saves it, with the key in the environment."""
    path = folder / "talk.ipynb"
    write_notebook(new_notebook(cells), path)
    done = subprocess.run(
        [sys.executable, "-m", "jupyter", "execute", "--inplace", "--allow-errors", str(path)],
        env=environment_with(**{NAME: KEY, "IPYTHONDIR": str(folder / "ipython")}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    saved = path.read_text("utf-8")
    assert_nowhere_in(saved + done.stdout + done.stderr)
    return saved


def _assert_state_without_talk(saved: str) -> None:
    state = json.dumps(json.loads(saved)["metadata"]["widgets"][WIDGET_STATE])
    assert "anywidget" in state
    # "UklGR" is how a WAV file begins in base64.
    for text in (ASKED, ANSWERED, INSTRUCTIONS, "The key is", "data:audio", "UklGR"):
        assert text not in state


# --------------------------------------------------------------------------- the page
@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    """One that has the key in its environment."""
    kernel = Kernel(tmp_path_factory.mktemp("kernel"), **{NAME: KEY})
    yield kernel
    kernel.close()


def _all_that_was_published(kernel: Kernel) -> str:
    buffers = b" ".join(buffer for each in kernel.published() for buffer in each.buffers)
    contents = json.dumps([each.content for each in kernel.published()])
    return contents + buffers.decode("latin-1") + (kernel.folder / "kernel.log").read_text()


@DIALECTS
def test_no_message_to_the_page_holds_the_key(
    kernel: Kernel, server: RehearsalServer, dialect: str
) -> None:
    made = kernel.run(f"live = GrokLive(url={server.url(dialect)!r})")
    page = Page(kernel, made.comm_id, "page-1")
    page.say_hello()
    page.say("start", with_microphone=True)
    page.wait("state", phase="open")
    page.speak(np.zeros(2400, np.int16))
    page.say("text", text=ASKED)
    page.wait_for_turn(role="assistant", is_complete=True)
    page.say_hello()
    kernel.run("live.close()")
    published = _all_that_was_published(kernel)
    assert ASKED in published
    assert_nowhere_in(published)


@DIALECTS
def test_a_refused_key_is_not_sent_to_the_page(
    kernel: Kernel, refusing: RehearsalServer, dialect: str
) -> None:
    made = kernel.run(f"live = GrokLive(url={refusing.url(dialect)!r})")
    page = Page(kernel, made.comm_id, "page-1")
    page.say_hello()
    page.say("start", with_microphone=True)
    page.wait("note", lambda content: "does not accept the API key" in content["note"]["text"])
    asked = kernel.begin("%xmode Verbose\nlive.ask('Hello.')")
    assert asked.wait_for_reply()["ename"] == "AuthenticationError"
    kernel.run("live.close()")
    assert_nowhere_in(_all_that_was_published(kernel))
