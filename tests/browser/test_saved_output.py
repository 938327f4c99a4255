"""What a notebook shows of a talk when it is opened without its kernel."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..support.notebooks import new_notebook, read_notebook, write_notebook
from .cells import PLAIN
from .conftest import OpenNotebook
from .lab_server import LabServer
from .notebook_page import NotebookPage
from .themes import LIGHT_AND_DARK

KEPT = PLAIN.replace('"talker"', '"talker", keep_in_notebook=True')
ASKED, ANSWERED = "Please count to three.", "One, two, three."
SAVE_STATE = "@jupyter-widgets/jupyterlab-manager:saveWidgetState"


@pytest.fixture
def open_stateless(open_notebook: OpenNotebook) -> Iterator[OpenNotebook]:
    """`open_notebook`, with JupyterLab's default: the state of widgets is not saved."""
    opened: list[NotebookPage] = []

    def show(cells: list[str]) -> NotebookPage:
        opened.append(open_notebook(cells, viewport={"width": 1100, "height": 900}))
        opened[0].command(SAVE_STATE)
        return opened[0]

    yield show
    opened[0].command(SAVE_STATE)


def _talk(notebook: NotebookPage) -> None:
    notebook.run_cell(0)
    notebook.send_text(ASKED)
    notebook.wait_for_turns("grok", 1)
    notebook.press("Stop")
    notebook.wait_for_status("Press Start")


def _reload_without_its_kernel(notebook: NotebookPage) -> None:
    """As on the next day: the notebook gets another kernel."""
    notebook.command("docmanager:save")
    notebook.page.evaluate("() => testNotebook().sessionContext.session.kernel.restart()")
    notebook.reload()


def _wait_for_the_error(notebook: NotebookPage) -> None:
    """Wait until JupyterLab has given up the panel, and check that nobody sees it."""
    error = notebook.page.locator(".jp-OutputArea-output", has_text="model not found")
    error.wait_for(state="attached")
    assert not error.is_visible()


def _picture(notebook: NotebookPage, tmp_path: Path, name: str) -> None:
    folder = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    notebook.page.screenshot(path=folder / f"{name}.png")


@LIGHT_AND_DARK
@pytest.mark.slow
def test_a_talk_that_was_kept_is_shown_without_its_kernel(
    open_stateless: OpenNotebook, tmp_path: Path, theme: str
) -> None:
    notebook = open_stateless([KEPT])
    notebook.use_theme(theme)
    _talk(notebook)
    table = notebook.page.locator(".jp-OutputArea .glw-saved table")
    table.wait_for()
    _picture(notebook, tmp_path, f"{theme}_kept_live")
    _reload_without_its_kernel(notebook)
    notebook.use_theme(theme)
    table.wait_for()
    _wait_for_the_error(notebook)
    _picture(notebook, tmp_path, f"{theme}_kept")
    assert ASKED in table.inner_text()
    assert ANSWERED in table.inner_text()
    assert table.locator("svg").count() == 1


@pytest.mark.slow
def test_a_panel_of_another_kernel_says_what_stood_there(
    open_stateless: OpenNotebook, tmp_path: Path
) -> None:
    notebook = open_stateless([PLAIN])
    _talk(notebook)
    place = notebook.page.locator(".jp-OutputArea .glw-placeholder")
    place.wait_for(state="attached")
    assert not place.is_visible()
    _reload_without_its_kernel(notebook)
    place.wait_for()
    _wait_for_the_error(notebook)
    _picture(notebook, tmp_path, "not_kept")
    assert "GrokLive(keep_in_notebook=True)" in place.inner_text()
    assert ASKED not in notebook.page.locator(".jp-Notebook").inner_text()


@pytest.mark.slow
def test_a_notebook_of_another_person_shows_the_text_of_a_talk(
    open_stateless: OpenNotebook, lab: LabServer, tmp_path: Path
) -> None:
    notebook = open_stateless([KEPT])
    _talk(notebook)
    notebook.page.locator(".jp-OutputArea .glw-saved table").wait_for()
    notebook.command("docmanager:save")
    # A notebook is trusted only as it was saved here.
    path = lab.root / notebook.path
    saved = read_notebook(path)
    saved.cells += new_notebook(["pass"]).cells
    write_notebook(saved, path)
    notebook.page.evaluate("() => testNotebook().sessionContext.session.kernel.restart()")
    notebook.reload()
    table = notebook.page.locator(".jp-OutputArea table")
    table.wait_for()
    _picture(notebook, tmp_path, "untrusted")
    assert ANSWERED in table.inner_text()
    assert "model not found" not in notebook.page.locator(".jp-OutputArea").first.inner_text()
