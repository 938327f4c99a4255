"""A panel without a kernel behind it says so, and loses nothing that was typed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from .cells import PLAIN
from .conftest import OpenNotebook
from .notebook_page import NotebookPage
from .themes import LIGHT_AND_DARK

TYPED = "What I typed with care."


def _restart(notebook: NotebookPage) -> None:
    notebook.page.evaluate("() => testNotebook().sessionContext.session.kernel.restart()")


def _shut_down(notebook: NotebookPage) -> None:
    notebook.page.evaluate("() => testNotebook().sessionContext.shutdown()")


LOSSES: dict[str, Callable[[NotebookPage], None]] = {
    "restarted": _restart,
    "shut down": _shut_down,
    "killed": NotebookPage.kill_kernel,
}


@pytest.mark.parametrize(
    "loss",
    [
        "restarted",
        *(pytest.param(loss, marks=pytest.mark.slow) for loss in ("shut down", "killed")),
    ],
)
@pytest.mark.parametrize(
    "is_open",
    [
        pytest.param(False, id="closed", marks=pytest.mark.slow),
        pytest.param(True, id="open without a microphone"),
    ],
)
def test_the_controls_are_disabled_and_the_text_stays_when_the_kernel_was(
    open_notebook: OpenNotebook, loss: str, is_open: bool
):
    notebook = open_notebook([PLAIN], refuses_microphone=True)
    notebook.run_cell(0)
    if is_open:
        notebook.start()
    box = notebook.panel.get_by_role("textbox", name="Message")
    box.fill(TYPED)
    LOSSES[loss](notebook)
    notebook.wait_for_status("No kernel")
    [notice] = notebook.notices()
    assert "run the cell again" in notice
    for name in ("Start", "Send"):
        assert notebook.panel.get_by_role("button", name=name, exact=True).is_disabled()
    box.press("Enter")
    assert box.input_value() == TYPED


@pytest.mark.slow
@LIGHT_AND_DARK
def test_a_saved_notebook_without_its_kernel_keeps_what_is_typed(
    open_notebook: OpenNotebook, tmp_path: Path, theme: str
):
    notebook = open_notebook([PLAIN])
    notebook.use_theme(theme)
    notebook.run_cell(0)
    notebook.wait_for_status("Press Start")
    notebook.command("docmanager:save")
    _restart(notebook)
    notebook.wait_for_status("No kernel")
    notebook.reload()
    box = notebook.panel.get_by_role("textbox", name="Message")
    notebook.wait_for_status("No kernel")
    box.fill(TYPED)
    box.press("Enter")
    assert box.input_value() == TYPED
    [notice] = notebook.notices()
    assert "Run the cell again" in notice
    folder = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    notebook.panel.screenshot(path=folder / f"{theme}_no_kernel.png")


UNREACHABLE = """
from grok_live_widget import GrokLive, RehearsalServer
server = RehearsalServer("talker", api_key="right").start()
live = GrokLive(url=server.url("realtime"), api_key="wrong")
live
"""


def test_a_text_that_the_server_did_not_get_is_in_the_box_again(open_notebook: OpenNotebook):
    notebook = open_notebook([UNREACHABLE])
    notebook.run_cell(0)
    notebook.send_text(TYPED)
    [notice] = notebook.wait(notebook.notices, what="a notice")
    assert "does not accept the API key" in notice
    box = notebook.panel.get_by_role("textbox", name="Message")
    notebook.wait(box.is_editable, what="the box")
    assert box.input_value() == TYPED
    notebook.panel.get_by_role("button", name="Send").click()
    notebook.wait(box.is_editable, what="the box")
    assert box.input_value() == TYPED
