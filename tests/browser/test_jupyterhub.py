"""A talk in JupyterHub: through its proxy, below a path of its own, and under its headers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from .browsers import Browsers
from .hub_server import BASE_URL, USER, HubServer
from .kernel_window import KernelWindow
from .notebook_page import NotebookPage
from .speech import Said, Script, Studio

pytestmark = pytest.mark.slow

OpenHub = Callable[..., NotebookPage]

PANEL = """
from grok_live_widget import GrokLive
live = GrokLive(partner={partner!r}, processing=False)
live
"""
TURNS = "[turn.role for turn in live.turns]"


@pytest.fixture
def open_hub(browsers: Browsers, studio: Studio, tmp_path: Path) -> Iterator[OpenHub]:
    """``open_hub(partner, hears, headers)`` opens a notebook in the user's server."""
    opened: list[NotebookPage] = []
    with ExitStack() as stack:

        def show(partner: str, hears: Script, headers: dict[str, str]) -> NotebookPage:
            hub = stack.enter_context(HubServer(tmp_path, headers))
            path = hub.write_notebook("talk", [PANEL.format(partner=partner), TURNS])
            browser = browsers.launch(hears.path)
            stack.callback(browser.close)
            [page] = browser.pages
            hub.log_in(page, path)
            kernel = KernelWindow(hub.connection_file(page), tmp_path)
            stack.callback(kernel.close)
            opened.append(NotebookPage(page, hub, path, kernel))
            opened[0].wait_for_notebook()
            return opened[0]

        yield show
    errors = [error for notebook in opened for error in notebook.errors]
    assert not errors, "the page threw errors:\n" + "\n".join(errors)


@pytest.mark.alone
def test_a_spoken_talk_passes_the_hubs_proxy_unchanged(open_hub: OpenHub, studio: Studio) -> None:
    script = studio.script(Said("The quick brown fox jumps over the lazy dog.", 0.5))
    notebook = open_hub("parrot", script, {})
    assert f"{BASE_URL}user/{USER}/" in notebook.page.url
    notebook.run_cell(0)
    notebook.tap_microphone()
    notebook.start()
    notebook.wait_for_turns("grok", 1)
    notebook.wait_until_silent(1)
    said = notebook.kernel.array("live.turns.user[0].pcm")
    reply = notebook.kernel.array("live.turns.assistant[0].pcm")
    notebook.assert_speech_arrived(script, [said])
    np.testing.assert_array_equal(notebook.ring(), reply)
    assert abs(notebook.heard()).max() > 0.01
    notebook.wait_until_heard("live.turns.assistant[0]", len(reply))
    notebook.run_cell(1)
    (output,) = notebook.outputs(1)
    assert output["data"]["text/plain"] == "['user', 'assistant']"


def test_a_header_that_forbids_the_microphone_leaves_text_and_sound(
    open_hub: OpenHub, studio: Studio
) -> None:
    notebook = open_hub("talker", studio.script(), {"Permissions-Policy": "microphone=()"})
    notebook.run_cell(0)
    notebook.start()
    notebook.wait(notebook.notices, what="a notice")
    assert "may not use the microphone" in " ".join(notebook.notices())
    assert notebook.live_track_count() == 0
    notebook.send_text("Please count to three.")
    notebook.wait_for_turns("grok", 1)
    notebook.wait_until_silent(1)
    assert notebook.transcript()[-1] == ("Rehearsal", "One, two, three.")
