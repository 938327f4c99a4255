"""A talk in which the browser has paused the sound, or the microphone gives none, says so."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from .cells import NOISE
from .conftest import OpenNotebook
from .notebook_page import NotebookPage
from .speech import Said, Studio
from .themes import LIGHT_AND_DARK

MADE = """
import time
live = GrokLive(partner=lambda turn: noise(6), processing={processing})
live
"""
HEARD = "live.turns[-1].heard_sample_count"
SUSPEND = "() => seams.page().context.suspend()"


def _picture(notebook: NotebookPage, tmp_path: Path, name: str) -> None:
    folder = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    notebook.panel.screenshot(path=folder / f"{name}.png")


@pytest.mark.slow
@LIGHT_AND_DARK
def test_sound_that_the_browser_pauses_in_a_talk_is_resumed_by_a_click(
    open_notebook: OpenNotebook, studio: Studio, tmp_path: Path, theme: str
):
    notebook = open_notebook([NOISE, MADE.format(processing=False)], hears=studio.noise(60))
    notebook.use_theme(theme)
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.wait_for_status("Listening")
    notebook.send_text("Please tell me a story.")
    notebook.wait_until_sounding()
    notebook.page.evaluate(SUSPEND)
    notebook.wait_for_status("Paused by the browser")
    [notice] = notebook.notices()
    assert notice == (
        "The browser has paused the sound of this page: nothing is heard or played until you "
        "resume it."
    )
    heard = notebook.kernel.value(HEARD)
    notebook.kernel.do("time.sleep(1.5)")
    assert notebook.kernel.value(HEARD) == heard, "nothing is reported as heard"
    # No cell runs, so nothing says so.
    assert not notebook.kernel.value("live._bridge.sound.state['busy_cell']")
    assert notebook.losses() == ""
    _picture(notebook, tmp_path, f"{theme}_paused")
    notebook.press("Resume")
    notebook.wait_for_status("Rehearsal is speaking")
    assert notebook.notices() == []
    notebook.wait_until_silent(1)
    np.testing.assert_array_equal(notebook.ring(), notebook.kernel.array("live.turns[-1].pcm"))
    notebook.wait_for_status("Listening")


@pytest.mark.parametrize(
    "processing",
    [pytest.param(False, id="raw"), pytest.param(True, id="processed", marks=pytest.mark.slow)],
)
def test_a_microphone_that_gives_only_zeros_can_be_changed_for_another(
    open_notebook: OpenNotebook, studio: Studio, tmp_path: Path, processing: bool
):
    notebook = open_notebook([NOISE, MADE.format(processing=processing)], hears=studio.script())
    notebook.use_theme("dark" if processing else "light")
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.wait_for_status("No sound comes from the microphone")
    [notice] = notebook.notices()
    assert "gives only silence" in notice
    _picture(notebook, tmp_path, f"{'dark' if processing else 'light'}_only_zeros")
    notebook.press("Use another microphone")
    notebook.wait(lambda: not notebook.notices(), what="the notice to disappear")
    labels = "() => seams.tracks.length === 2 && seams.tracks.map(({ label }) => label)"
    first, second = notebook.until(labels, what="the other microphone")
    assert first != second
    assert notebook.live_track_count() == 1


@pytest.mark.slow
def test_a_microphone_that_is_silent_for_a_while_is_listened_to_again(
    open_notebook: OpenNotebook, studio: Studio
):
    script = studio.script(Said("What is the weather like today?", 20.0), lead_s=9.0)
    notebook = open_notebook([NOISE, MADE.format(processing=False)], hears=script)
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.wait_for_status("No sound comes from the microphone")
    notebook.wait_for_status("Listening", "Rehearsal is speaking")
    assert notebook.notices() == []
    notebook.wait_for_turns("grok", 1)


@pytest.mark.slow
def test_a_mute_is_not_a_dead_microphone(open_notebook: OpenNotebook, studio: Studio):
    notebook = open_notebook([NOISE, MADE.format(processing=False)], hears=studio.script())
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.wait_for_status("No sound comes from the microphone")
    notebook.press("Mute")
    notebook.wait_for_status("Muted")
    assert notebook.notices() == []
