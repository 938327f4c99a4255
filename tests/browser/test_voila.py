"""The panel on a page of Voila, which runs all cells of a notebook and then shows only outputs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from ..support.hosts import host_program
from ..support.notebooks import new_notebook, write_notebook
from .browsers import LOAD_WITHIN_MS, Browsers
from .panel_page import PanelPage
from .programs import Program, fetch, free_port
from .speech import Said, Studio

pytestmark = pytest.mark.slow

PANEL = """
from grok_live_widget import GrokLive
live = GrokLive(partner="parrot")
live
"""
# Code runs on a page of Voila when a widget calls it.
BUTTON = """
import ipywidgets, numpy as np
button, area = ipywidgets.Button(description="Turns"), ipywidgets.Output()

@button.on_click
def show(_):
    replies = [turn.pcm for turn in live.turns.assistant]
    np.save("replies.npy", np.concatenate(replies))
    with area:
        print([turn.role for turn in live.turns])

ipywidgets.VBox([button, area])
"""


@pytest.fixture
def page(browsers: Browsers, studio: Studio, tmp_path: Path) -> Iterator[PanelPage]:
    """The page of a notebook whose panel hears one sentence."""
    write_notebook(new_notebook([PANEL, BUTTON]), tmp_path / "talk.ipynb")
    port = free_port()
    options = ["--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]
    # A page is made when it is asked for, so the answer to be waited for is that of a file.
    address = f"http://127.0.0.1:{port}"
    script = studio.script(Said("The quick brown fox jumps over the lazy dog.", 0.5))
    with ExitStack() as stack:
        command = [host_program("voila"), "talk.ipynb", *options]
        program = Program(
            command, tmp_path, lambda: fetch(f"{address}/voila/static/voila.js"), name="Voila"
        )
        stack.enter_context(program)
        browser = browsers.launch(script.path)
        stack.callback(browser.close)
        shown = PanelPage(browser.pages[0])
        shown.page.goto(address, timeout=LOAD_WITHIN_MS)
        shown.panel.wait_for(timeout=LOAD_WITHIN_MS)
        yield shown
    assert not shown.errors, "the page threw errors:\n" + "\n".join(shown.errors)


@pytest.mark.alone
def test_speech_is_answered_aloud_and_text_in_text_and_python_has_the_turns(
    page: PanelPage, tmp_path: Path
) -> None:
    page.start()
    page.wait_for_turns("grok", 1)
    page.wait_until_silent(1)
    page.send_text("Please count to three.")
    page.wait_for_turns("grok", 2)
    assert page.transcript()[-1] == ("Rehearsal", "Please count to three.")
    page.page.get_by_role("button", name="Turns", exact=True).click()
    shown = page.page.get_by_text("['user', 'assistant', 'user', 'assistant']")
    shown.wait_for()
    replies = np.load(tmp_path / "replies.npy")
    np.testing.assert_array_equal(page.ring(), replies)
    assert abs(page.heard()).max() > 0.01
    page.press("Stop")
    page.wait_for_status("Press Start")
    assert page.live_track_count() == 0
