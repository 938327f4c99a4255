"""One playback, socket and microphone, however often a talk is displayed or made again."""

from __future__ import annotations

import numpy as np
import pytest

from .cells import NOISE, PLAIN
from .conftest import OpenNotebook
from .notebook_page import NotebookPage

SERVER = """
server = __import__("grok_live_widget").RehearsalServer(lambda turn: noise(1)).start()
"""
MADE = """
live = GrokLive(url=server.url("realtime"), api_key="rehearsal")
live
"""
CONNECTION_COUNT = "len(server._server.connections)"


def test_two_displays_share_one_playback(open_notebook: OpenNotebook):
    notebook = open_notebook([NOISE, SERVER, MADE, "live"])
    notebook.run_cells(0, 1, 2, 3)
    assert notebook.page.locator(".glw-panel").count() == 2
    notebook.start()
    _ask(notebook)
    notebook.wait_until_silent(1)

    assert sorted(notebook.nodes()) == ["grok-live-capture", "grok-live-playback"]
    assert notebook.page.evaluate("seams.contexts") <= 1  # That of the test before, or a new one.
    assert notebook.live_track_count() == 1
    np.testing.assert_array_equal(notebook.ring(), notebook.kernel.array("live.turns[-1].pcm"))
    shown = [panel.inner_text() for panel in notebook.page.locator(".glw-turns").all()]
    assert len(shown) == 2
    assert shown[0] == shown[1]


@pytest.mark.slow
def test_running_the_constructor_again_leaves_one_socket_and_one_microphone(
    open_notebook: OpenNotebook,
):
    notebook = open_notebook([NOISE, SERVER, MADE])
    notebook.run_cells(0, 1)
    for _ in range(3):
        notebook.run_cell(2)
        notebook.start()
        notebook.wait_for_status("Listening")
        notebook.wait(lambda: notebook.live_track_count() == 1, what="one microphone")
    assert notebook.kernel.value(CONNECTION_COUNT) == 1
    assert notebook.page.evaluate("seams.page().playbacks.size") == 1
    assert notebook.page.locator(".glw-panel").count() == 1


def test_of_the_talks_of_two_cells_one_has_the_microphone(
    open_notebook: OpenNotebook,
):
    notebook = open_notebook(
        [PLAIN, PLAIN.replace("live", "other").replace("grok_other", "grok_live")]
    )
    notebook.run_cells(0, 1)
    for place in range(2):
        notebook.look_at(place)
        notebook.press("Start")
        notebook.wait_for_status("Listening")

    assert notebook.live_track_count() == 1
    notebook.look_at(0)
    assert "microphone is off" in notebook.status()
    assert notebook.kernel.value("[live.phase, other.phase]") == ["open", "open"]
    answers = notebook.kernel.value("[live.ask('one').text, other.ask('two').text]")
    assert answers == ["You wrote: one", "You wrote: two"]


def test_closing_the_talk_releases_the_microphone(open_notebook: OpenNotebook):
    notebook = open_notebook([PLAIN, "live.close()"])
    notebook.run_cell(0)
    notebook.start()
    notebook.wait(lambda: notebook.live_track_count() == 1, what="the microphone")
    notebook.run_cell(1)
    _wait_for_release(notebook)
    assert notebook.page.locator(".glw-panel").count() == 0


def test_a_talk_that_is_not_displayed_releases_the_microphone(open_notebook: OpenNotebook):
    notebook = open_notebook([PLAIN])
    notebook.run_cell(0)
    notebook.start()
    notebook.wait(lambda: notebook.live_track_count() == 1, what="the microphone")
    notebook.command("notebook:clear-cell-output")
    assert notebook.live_track_count() == 1, "a panel that comes back must find its microphone"
    _wait_for_release(notebook)
    assert notebook.kernel.value("live.phase") == "open"


@pytest.mark.parametrize("end", ["shut down", pytest.param("killed", marks=pytest.mark.slow)])
def test_a_kernel_that_is_gone_releases_the_microphone(open_notebook: OpenNotebook, end: str):
    notebook = open_notebook([PLAIN])
    notebook.run_cell(0)
    notebook.start()
    notebook.wait(lambda: notebook.live_track_count() == 1, what="the microphone")
    if end == "killed":
        notebook.kill_kernel()
    else:
        notebook.command("notebook:shutdown-kernel")
    _wait_for_release(notebook, timeout_s=25)
    notebook.wait_for_status("No kernel")
    assert notebook.live_track_count() == 0


def test_a_reloaded_page_shows_the_talk_and_plays_nothing(open_notebook: OpenNotebook):
    notebook = open_notebook([NOISE, SERVER, MADE])
    notebook.run_cells(0, 1, 2)
    notebook.start()
    _ask(notebook)
    notebook.wait_until_silent(1)
    before = notebook.transcript()
    notebook.command("docmanager:save")
    notebook.reload()
    notebook.wait_for_turns("grok", 1)

    assert notebook.transcript() == before
    assert notebook.nodes() == []
    assert notebook.live_track_count() == 0
    assert notebook.kernel.value(CONNECTION_COUNT) == 1
    notebook.press("Turn microphone on")
    notebook.wait_for_status("Listening")
    assert notebook.live_track_count() == 1
    _ask(notebook, count=2)


def _ask(notebook: NotebookPage, count: int = 1) -> None:
    notebook.send_text("Say something.")
    notebook.wait_for_turns("grok", count)


def _wait_for_release(notebook: NotebookPage, *, timeout_s: float = 15) -> None:
    notebook.wait(
        lambda: notebook.live_track_count() == 0, timeout_s=timeout_s, what="a free microphone"
    )
