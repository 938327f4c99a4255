"""Microphones that are refused, taken away, muted or busy: the panel, Python, and what still works.

Permissions are those of Chromium, devices those of PulseAudio, and headers those of the server. No
device here can be used by one program alone, so that this error is the only one thrown by a test.
"""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page

from ..support.cable import Cable
from ..support.waiting import wait_until
from .cells import NOISE, PLAIN
from .conftest import OpenNotebook
from .lab_server import LabServer
from .notebook_page import IS_READY, NotebookPage
from .sound_system import SoundSystem
from .speech import Studio

pytestmark = pytest.mark.slow

_RUN_CELL = """async (index) => {
  globalThis.testNotebook().content.activeCellIndex = index;
  await jupyterapp.commands.execute('notebook:run-cell');
}"""
QUIET = """
live = GrokLive(partner=lambda turn: noise(1), processing=False)
live
"""


def _microphone(notebook: NotebookPage) -> dict[str, str]:
    """What Python says of the microphone."""
    fields = ("state", "reason", "text", "ability")
    shown = ", ".join(f"{each!r}: live.microphone.{each}" for each in fields)
    found: dict[str, str] = notebook.kernel.value(f"{{{shown}}}")
    return found


def _wait_for_microphone(notebook: NotebookPage, state: str, reason: str) -> None:
    """Wait until Python says this; the panel and it have one sentence."""
    notebook.wait(
        lambda: (
            (_microphone(notebook)["state"], _microphone(notebook)["reason"]) == (state, reason)
        ),
        what=f"a microphone that is {state} ({reason}), not {_microphone(notebook)}",
    )
    if reason:
        text = _microphone(notebook)["text"]
        assert text
        notebook.wait(lambda: text in notebook.notices(), what=text)


def _assert_text_works(notebook: NotebookPage) -> None:
    notebook.send_text("Hello.")
    notebook.wait_for_turns("grok", 1)
    notebook.wait_until_silent(1)
    assert abs(notebook.heard()).max() > 0.01


def _permit(notebook: NotebookPage, setting: str) -> None:
    """What the user answers, or sets by the icon beside the address."""
    page = notebook.page
    origin = page.evaluate("location.origin")
    permission = {"permission": {"name": "microphone"}, "setting": setting, "origin": origin}
    session = page.context.new_cdp_session(page)
    # It holds as long as the session does.
    session.send("Browser.setPermission", permission)


# --------------------------------------------------------------------------- permissions
def test_a_microphone_that_the_user_refuses_works_once_it_is_allowed(
    open_notebook: OpenNotebook, studio: Studio
) -> None:
    notebook = open_notebook([NOISE, QUIET], hears=studio.noise(60), asks_for_microphone=True)
    notebook.run_cells(0, 1)
    _permit(notebook, "denied")
    notebook.start()
    _wait_for_microphone(notebook, "failed", "denied")
    _assert_text_works(notebook)
    _permit(notebook, "granted")
    notebook.press("Try again")
    _wait_for_microphone(notebook, "on", "")
    assert notebook.notices() == []


@pytest.mark.parametrize("setting", ["denied", "prompt"])
def test_a_permission_that_is_taken_back_in_a_talk_is_no_unplugged_microphone(
    open_notebook: OpenNotebook, studio: Studio, setting: str
) -> None:
    notebook = open_notebook([NOISE, QUIET], hears=studio.noise(60), asks_for_microphone=True)
    notebook.run_cells(0, 1)
    _permit(notebook, "granted")
    notebook.start()
    _wait_for_microphone(notebook, "on", "")
    _permit(notebook, setting)
    _wait_for_microphone(notebook, "failed", "denied")
    assert notebook.live_track_count() == 0
    _assert_text_works(notebook)


# --------------------------------------------------------------------------- devices
def test_a_microphone_that_the_system_mutes_is_named_until_it_is_unmuted(
    open_notebook: OpenNotebook,
) -> None:
    with SoundSystem() as system:
        notebook = open_notebook([NOISE, QUIET], sound_system=system)
        notebook.run_cells(0, 1)
        notebook.start()
        _wait_for_microphone(notebook, "on", "")
        system.mute(True)
        _wait_for_microphone(notebook, "on", "system_muted")
        assert "is muted by the system" in notebook.notices()[0]
        _assert_text_works(notebook)
        system.mute(False)
        notebook.wait(
            lambda: _microphone(notebook)["reason"] != "system_muted", what="the unmuted microphone"
        )


def test_a_microphone_that_is_unplugged_in_a_talk_is_named_and_text_works(
    open_notebook: OpenNotebook,
) -> None:
    with SoundSystem() as system:
        notebook = open_notebook([NOISE, QUIET], sound_system=system)
        notebook.run_cells(0, 1)
        notebook.start()
        _wait_for_microphone(notebook, "on", "")
        system.unplug()
        _wait_for_microphone(notebook, "failed", "lost")
        # No loudspeaker is left either.
        notebook.send_text("Hello.")
        notebook.wait_for_turns("grok", 1)


BUSY = """() => {
  navigator.mediaDevices.getUserMedia = async () => {
    throw new DOMException("Could not start audio source", "NotReadableError");
  };
}"""


def test_a_microphone_that_another_program_uses_is_named_and_text_works(
    open_notebook: OpenNotebook,
) -> None:
    # A browser of its own, since the next test has another microphone.
    notebook = open_notebook([NOISE, QUIET], asks_for_microphone=True)
    notebook.run_cells(0, 1)
    notebook.page.evaluate(BUSY)
    notebook.start()
    _wait_for_microphone(notebook, "failed", "busy")
    _assert_text_works(notebook)


# --------------------------------------------------------------------------- hosts
@pytest.fixture(scope="module")
def forbidding_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    headers = {"Permissions-Policy": "microphone=()"}
    with LabServer(tmp_path_factory.mktemp("forbidding"), headers=headers) as server:
        yield server


class TestAServerThatForbidsMicrophones:
    @pytest.fixture
    def lab(self, forbidding_lab: LabServer) -> LabServer:
        return forbidding_lab

    def test_is_named_before_and_after_the_click_and_text_works(
        self, open_notebook: OpenNotebook
    ) -> None:
        notebook = open_notebook([PLAIN])
        notebook.run_cell(0)
        notebook.wait(lambda: _microphone(notebook)["ability"] == "policy", what="the policy")
        before = _microphone(notebook)
        assert before["state"] == "off"
        notebook.start()
        _wait_for_microphone(notebook, "failed", "policy")
        assert _microphone(notebook)["text"] == before["text"]
        _assert_text_works(notebook)


@pytest.fixture(scope="module")
def framed_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    headers = {"Content-Security-Policy": "frame-ancestors *"}
    with LabServer(tmp_path_factory.mktemp("framed"), headers=headers) as server:
        yield server


@contextmanager
def _frame_around(url: str) -> Iterator[str]:
    """The address of a page of another origin that shows `url` in a frame which grants nothing."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f'<iframe src="{url}" style="width:1200px;height:650px"></iframe>'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


class TestAPageInAFrame:
    @pytest.fixture
    def lab(self, framed_lab: LabServer) -> LabServer:
        return framed_lab

    def test_that_grants_no_microphone_is_named_and_text_works(
        self, open_notebook: OpenNotebook, lab: LabServer
    ) -> None:
        notebook = open_notebook([PLAIN])
        page = notebook.page
        with _frame_around(lab.page_url(notebook.path, "framed")) as url:
            page.goto(url)
            [frame] = page.main_frame.child_frames
            frame.wait_for_function("() => !!globalThis.jupyterapp", timeout=60_000)
            # A frame has the methods of a page that a notebook needs.
            framed: Any = frame
            notebook.page = framed
            try:
                notebook.wait_for_notebook()
                notebook.run_cell(0)
                notebook.start()
                _wait_for_microphone(notebook, "failed", "policy")
                _assert_text_works(notebook)
            finally:
                notebook.page = page


# --------------------------------------------------------------------------- sound
class WithoutGestures:
    """Runs scripts in a page; those of Playwright count as clicks of the user."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session = page.context.new_cdp_session(page)
        self.wait_for_timeout = page.wait_for_timeout

    def evaluate(self, script: str, argument: Any = None) -> Any:
        call = f"({script})({json.dumps(argument)})"
        options = {"awaitPromise": True, "returnByValue": True, "userGesture": False}
        answer = self._session.send("Runtime.evaluate", {"expression": call, **options})
        return answer["result"].get("value")


def test_a_reply_that_waits_for_a_click_is_named_in_python_and_then_played(
    open_notebook: OpenNotebook, lab: LabServer
) -> None:
    notebook = open_notebook([NOISE, QUIET, "turn = live.ask('Hello.')"], asks_for_microphone=True)
    notebook.page.goto("about:blank")
    page = notebook.page.context.new_page()
    untouched: Any = WithoutGestures(page)
    again = NotebookPage(page, lab, notebook.path, notebook.kernel)
    page.goto(lab.page_url(notebook.path, "second"))
    again.page = untouched
    wait_until(
        lambda: untouched.evaluate(IS_READY),
        timeout_s=60,
        what="the notebook",
        pause=lambda: page.wait_for_timeout(500),
    )
    for index in range(3):
        untouched.evaluate(_RUN_CELL, index)
    state = "[live.loudspeaker.state, live.loudspeaker.text]"
    wait_until(
        lambda: notebook.kernel.value(state)[0] == "waiting",
        timeout_s=30,
        what="the loudspeaker",
        pause=lambda: page.wait_for_timeout(500),
    )
    again.page = page
    assert notebook.kernel.value(state)[1] == again.notices()[0]
    assert "wants a click" in again.notices()[0]
    again.press("Enable sound")
    again.wait_until_heard("turn", int(notebook.kernel.value("len(turn.pcm)")))
    wait_until(
        lambda: notebook.kernel.value(state) == ["ok", ""],
        what="Python to know it",
        pause=lambda: page.wait_for_timeout(500),
    )


def test_python_is_told_that_the_browser_has_paused_the_sound(
    open_notebook: OpenNotebook, studio: Studio
) -> None:
    notebook = open_notebook([NOISE, QUIET], hears=studio.noise(60))
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.wait_for_status("Listening")
    notebook.page.evaluate("() => seams.page().context.suspend()")
    _wait_for_microphone(notebook, "muted", "paused")
    notebook.press("Resume")
    _wait_for_microphone(notebook, "on", "")


def test_a_reply_during_which_the_page_is_reloaded_is_played_from_where_it_was(
    open_notebook: OpenNotebook,
) -> None:
    made = QUIET.replace("noise(1)", "noise(12)")
    notebook = open_notebook([NOISE, made])
    notebook.run_cells(0, 1)
    notebook.command("docmanager:save")
    notebook.start()
    notebook.send_text("Please tell me a long story.")
    notebook.wait_until_sounding(after_samples=24_000)
    notebook.command("docmanager:save")
    notebook.reload()
    notebook.wait_for_turns("grok", 1)
    # The browser wants a click in the new page, which has none of the sound yet.
    notebook.wait(
        lambda: (
            any("wants a click" in each for each in notebook.notices())
            or bool(notebook.kernel.value("live.turns[-1].heard_sample_count or 0") >= 12 * 24_000)
        ),
        what="the reply, or the question for a click",
    )
    sound = notebook.panel.get_by_role("button", name="Enable sound", exact=True)
    if sound.count():
        sound.click()
    notebook.wait_until_heard("live.turns[-1]", 12 * 24_000)
    assert np.any(notebook.kernel.array("live.turns[-1].pcm"))
    _wait_for_microphone(notebook, "off", "")


# --------------------------------------------------------------------------- the notebook's socket
def test_a_notebook_whose_network_fails_and_comes_back_talks_on(
    open_notebook: OpenNotebook, lab: LabServer
) -> None:
    # A channel of its own would not need that network, and the talk would go on.
    made = QUIET.replace("processing=False", 'processing=False, channel="comm"')
    notebook = open_notebook([NOISE, made], asks_for_microphone=True)
    cable = Cable(f"http://127.0.0.1:{lab.port}/")
    try:
        address = lab.page_url(notebook.path, "cable").replace(f":{lab.port}/", f":{cable.port}/")
        notebook.page.goto(address)
        notebook.wait_for_notebook()
        notebook.run_cells(0, 1)
        notebook.start()
        cable.cut(for_good=True)
        notebook.wait_for_status("No kernel", timeout_s=60)
        [notice] = notebook.notices()
        assert "otherwise check the network" in notice
        assert notebook.live_track_count() == 0
        box = notebook.panel.get_by_role("textbox", name="Message")
        box.fill("What I typed with care.")
        cable.mend()
        notebook.wait(lambda: "No kernel" not in notebook.status(), timeout_s=90, what="the kernel")
        while notebook.page.locator(".jp-Dialog").count():
            notebook.page.keyboard.press("Escape")
        assert box.input_value() == "What I typed with care."
        notebook.press("Send")
        notebook.wait_for_turns("grok", 1)
    finally:
        cable.close()
