"""What a newcomer sees who runs a whole notebook at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .cells import NOISE
from .conftest import OpenNotebook
from .speech import FILE_RATE_HZ, Studio, write_wav
from .themes import LIGHT_AND_DARK

MADE = """
from grok_live_widget import GrokLive
replies = [noise(12), "So it is."]
live = GrokLive(partner=lambda turn: replies.pop(0))
live
"""
ASKED = 'turn = live.ask("Please count to five.")'
# As the lesson does: a sound is sent while the reply before it still plays.
ASKED_WITH_SOUND = """
import soundfile
answer = live.ask(*soundfile.read({path!r}, dtype="int16"))
"""


@pytest.mark.slow
@LIGHT_AND_DARK
def test_a_reply_that_the_next_cell_interrupts_says_why_and_how_to_avoid_it(
    open_notebook: OpenNotebook, studio: Studio, tmp_path: Path, theme: str
):
    speech = tmp_path / "question.wav"
    write_wav(speech, studio.speak("What is the weather like today?"), FILE_RATE_HZ)
    notebook = open_notebook([NOISE, MADE, ASKED, ASKED_WITH_SOUND.format(path=str(speech))])
    notebook.use_theme(theme)
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.page.evaluate("() => (testNotebook().content.activeCellIndex = 2)")
    notebook.command("notebook:run-all-below")
    notebook.wait_for_turns("grok", 2)
    remarks = notebook.panel.locator(".glw-turn-interrupted .glw-turn-remarks")
    remarks.wait_for()
    assert "interrupted by the sound of a cell" in remarks.inner_text()
    [note] = [text for text in notebook.notices() if "by the sound that a cell sent" in text]
    assert "turn.wait(heard=True)" in note
    folder = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    notebook.panel.screenshot(path=folder / f"{theme}_run_all.png")


@pytest.mark.slow
def test_replies_to_cells_that_ran_before_the_panel_was_ready_are_offered_with_the_reason(
    open_notebook: OpenNotebook,
):
    # The cell of the question ends before the panel is shown, however fast the page is.
    made = MADE.replace("noise(12)", '"It is so."').removesuffix("live\n") + ASKED
    notebook = open_notebook([NOISE, made, "live"])
    notebook.command("notebook:run-all-cells")
    notebook.wait_for_turns("grok", 1)
    notebook.panel.get_by_role("button", name="Play the answer").wait_for()
    [notice] = [text for text in notebook.notices() if "no page could play it" in text]
    assert "when all cells are run at once" in notice
