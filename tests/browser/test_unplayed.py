"""Replies that were received before a panel was shown are offered, and played on request."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .cells import NOISE
from .conftest import OpenNotebook
from .notebook_page import NotebookPage
from .sound import PCM_RATE_HZ
from .speech import Said, Studio
from .themes import LIGHT_AND_DARK

# With all tests of the browser `make test` would take more than a quarter of an hour.
pytestmark = pytest.mark.slow

ASKED = """
live = GrokLive(partner=lambda turn: noise(2), processing=False)
reply = live.ask("Please tell me a story.")
"""


BLOCK_PAGE = """() => setTimeout(() => {
  const until = performance.now() + 6000;
  while (performance.now() < until);
})"""


def _ask_before_the_page_knows_of_it(notebook: NotebookPage) -> None:
    """A page that has the model plays replies, whether it shows a panel or not."""
    notebook.run_cell(0)
    notebook.page.evaluate(BLOCK_PAGE)
    notebook.kernel.do(ASKED)
    notebook.run_cell(1)


@LIGHT_AND_DARK
def test_a_reply_asked_for_before_the_panel_is_shown_can_be_played(
    open_notebook: OpenNotebook, studio: Studio, tmp_path: Path, theme: str
):
    script = studio.script(Said("Stop, that is enough.", 0.5), lead_s=1.0)
    notebook = open_notebook([NOISE, "live"], hears=script)
    notebook.use_theme(theme)
    _ask_before_the_page_knows_of_it(notebook)
    play = notebook.panel.get_by_role("button", name="Play the answer")
    play.wait_for()
    notebook.panel.get_by_text("not played").wait_for()
    folder = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    notebook.panel.screenshot(path=folder / f"{theme}_unplayed.png")
    play.click()
    notebook.wait_until_heard("reply", 2 * PCM_RATE_HZ)
    assert not notebook.kernel.value("reply.was_interrupted")
    play.wait_for(state="hidden")


def test_speech_leaves_a_reply_that_was_not_played_as_it_is(
    open_notebook: OpenNotebook, studio: Studio
):
    script = studio.script(Said("Stop, that is enough.", 0.5), lead_s=1.0)
    notebook = open_notebook([NOISE, "live"], hears=script)
    _ask_before_the_page_knows_of_it(notebook)
    notebook.press("Turn microphone on")
    notebook.wait_for_turns("grok", 2)
    state = "[reply.was_interrupted, reply.heard_sample_count]"
    assert notebook.kernel.value(state) == [False, None]
    notebook.panel.get_by_text("not played").wait_for()


LOOP = """
live = GrokLive(partner=lambda turn: noise(1.5), processing=False)
live
"""
ASKS = """
heard = []
for text in ("One.", "Two."):
    turn = await live.ask_async(text)
    heard.append((await turn.wait_async(heard=True)).heard_sample_count)
"""


def test_a_loop_of_questions_can_wait_for_the_sound_and_the_turn_that_plays_is_marked(
    open_notebook: OpenNotebook, tmp_path: Path
):
    notebook = open_notebook([NOISE, LOOP, ASKS])
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.begin_cell(2)
    playing = notebook.panel.locator(".glw-turn-grok[aria-current=true]")
    playing.wait_for()
    assert "not played" not in notebook.panel.inner_text()
    notebook.panel.screenshot(
        path=Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path)) / "playing.png"
    )
    notebook.end_cell(2)
    assert notebook.kernel.value("heard") == [36_000, 36_000]
    playing.wait_for(state="hidden")
