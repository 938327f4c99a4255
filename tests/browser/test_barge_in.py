"""Barge-in stops playback, and the heard part of the reply is counted to the sample."""

from __future__ import annotations

import numpy as np
import pytest

from .cells import NOISE
from .conftest import OpenNotebook
from .notebook_page import NotebookPage
from .sound import PCM_RATE_HZ, end_of_reply
from .speech import Said, Studio

pytestmark = pytest.mark.alone

MADE = """
replies = [noise(9)]
def partner(turn):
    return replies.pop() if replies else noise(0.1)

live = GrokLive(partner=partner, processing=False)
live
"""

SERVED = """
from grok_live_widget import RehearsalServer
server = RehearsalServer(lambda turn: noise(6), speed=float("inf")).start()
live = GrokLive(url=server.url(), api_key="k", reconnect_tries=0, processing=False)
live
"""

FADE_SAMPLES = 120
QUANTUM = 128


def test_speech_stops_the_reply_and_its_heard_part_is_known_to_the_sample(
    open_notebook: OpenNotebook, studio: Studio
):
    script = studio.script(
        Said("Please tell me a long story.", 4.0), Said("Stop, that is enough.", 0.5)
    )
    notebook = open_notebook([NOISE, MADE], hears=script)
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.wait_for_turns("grok", 2)

    _assert_cut_where_it_says(notebook)
    roles = notebook.kernel.value("[turn.role for turn in live.turns]")
    assert roles == ["user", "assistant"] * 2


@pytest.mark.slow
def test_the_button_stops_a_reply_that_is_being_received(open_notebook: OpenNotebook):
    notebook = open_notebook([NOISE, MADE])
    _ask_by_text(notebook)
    assert not notebook.kernel.value("live.turns[-1].is_complete")
    notebook.press("Interrupt")
    notebook.wait_for_turns("grok", 1)
    _assert_cut_where_it_says(notebook)


def test_the_button_stops_a_received_reply_that_is_being_played(open_notebook: OpenNotebook):
    notebook = open_notebook([NOISE, MADE])
    _ask_by_text(notebook)
    notebook.wait_for_turns("grok", 1)
    assert "speaking" in notebook.status()
    notebook.press("Interrupt")
    notebook.panel.locator(".glw-turn-interrupted").wait_for()
    _assert_cut_where_it_says(notebook)


@pytest.mark.slow
def test_python_stops_playback_too(open_notebook: OpenNotebook):
    notebook = open_notebook([NOISE, MADE, "live.interrupt()"])
    _ask_by_text(notebook)
    notebook.wait_for_turns("grok", 1)
    notebook.run_cell(2)
    notebook.panel.locator(".glw-turn-interrupted").wait_for()
    _assert_cut_where_it_says(notebook)


@pytest.mark.slow
@pytest.mark.parametrize("by", ["button", "python"])
def test_stop_interrupts_the_reply_that_is_being_played(open_notebook: OpenNotebook, by: str):
    notebook = open_notebook([NOISE, MADE, "live.stop()"])
    _ask_by_text(notebook)
    notebook.wait_for_turns("grok", 1)
    # Where nothing is left to play, Stop releases the context.
    rate_hz = notebook.device_rate_hz()
    if by == "button":
        notebook.press("Stop")
    else:
        notebook.run_cell(2)
    notebook.panel.locator(".glw-turn-interrupted").wait_for()
    _assert_cut_where_it_says(notebook, rate_hz)
    assert notebook.kernel.value("live.phase") == "closed"


@pytest.mark.slow
def test_a_received_reply_is_played_to_its_end_after_the_server_has_closed_the_connection(
    open_notebook: OpenNotebook,
):
    notebook = open_notebook([NOISE, SERVED, "server.close()"])
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.send_text("Please tell me a long story.")
    notebook.wait_until_sounding()
    notebook.wait_for_turns("grok", 1)
    notebook.run_cell(2)
    notebook.wait(lambda: notebook.kernel.value("live.phase") == "closed", what="the close")
    assert "speaking" in notebook.status()
    notebook.wait_until_heard("live.turns[-1]", 6 * PCM_RATE_HZ)
    assert not notebook.kernel.value("live.turns[-1].was_interrupted")
    pcm = notebook.kernel.array("live.turns[-1].pcm")
    np.testing.assert_array_equal(notebook.ring()[: len(pcm)], pcm)
    notebook.until(
        "() => document.querySelector('.glw-status').textContent.includes('Press Start')",
        what="the end of the playback",
    )


def _ask_by_text(notebook: NotebookPage) -> None:
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.send_text("Please tell me a long story.")
    notebook.wait_until_sounding()


def _assert_cut_where_it_says(notebook: NotebookPage, rate_hz: int | None = None) -> None:
    notebook.wait_until_silent(1)
    first = "live.turns.assistant[0]"
    notebook.wait(
        lambda: notebook.kernel.value(f"{first}.heard_sample_count") == _flushed(notebook),
        what="the count of what was heard",
    )
    assert notebook.kernel.value(f"{first}.was_interrupted")
    counted = notebook.kernel.value(f"{first}.heard_sample_count")
    pcm = notebook.kernel.array(f"{first}.pcm")
    assert 0 < counted < len(pcm)

    rate_hz = rate_hz or notebook.device_rate_hz()
    end = end_of_reply(pcm, notebook.heard(), rate_hz, counted)
    tolerance = QUANTUM * PCM_RATE_HZ / rate_hz
    assert abs(end.last_clean_sample + FADE_SAMPLES - counted) <= tolerance
    # Beyond the count there is only the resampler's ringing.
    assert end.last_sounding_sample <= counted + tolerance
    np.testing.assert_array_equal(notebook.ring()[:counted], pcm[:counted])


def _flushed(notebook: NotebookPage) -> int:
    counts = [each["sample_count"] for each in notebook.positions() if each["type"] == "flushed"]
    return int(counts[0]) if counts else -1
