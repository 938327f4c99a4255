"""A marimo notebook in a real browser: its cells, and its panel."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from ..support.hosts import host_program
from .browsers import LOAD_WITHIN_MS
from .panel_page import PanelPage
from .programs import Program, fetch, free_port

CELL_WITHIN_S = 60

FIRST = """
import itertools
import json
import os

import marimo as mo
import numpy as np
from grok_live_widget import GrokLive, RehearsalServer

told = itertools.count(1)

def tell(value):
    with open("telling.json", "w") as file:
        json.dump([next(told), value], file)
    os.rename("telling.json", "told.json")
"""
"""The first cell of a notebook whose later cells tell the test values."""


class MarimoServer(Program):
    """marimo with one notebook, which is edited (``"edit"``) or shown as an app (``"run"``).

    Parameters
    ----------
    folder : Path
    cells : sequence of str
    mode : {"edit", "run"}
    """

    def __init__(self, folder: Path, cells: Sequence[str], mode: str) -> None:
        (folder / "notebook.py").write_text(_program_of(cells))
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        options = ["--headless", "--no-token", "--host=127.0.0.1", f"--port={port}"]
        if mode == "edit":
            options.append("--skip-update-check")
        command = [host_program("marimo"), mode, "notebook.py", *options]
        super().__init__(command, folder, lambda: fetch(f"{self.url}/health"), name="marimo")


def _program_of(cells: Sequence[str]) -> str:
    """The file of a notebook; marimo finds the names that cells define and use by itself."""
    parts = ["import marimo", "", "app = marimo.App()", ""]
    for cell in cells:
        parts += ["", "@app.cell", "def _():", textwrap.indent(cell.strip(), "    "), "    return"]
    return "\n".join(parts) + "\n"


class MarimoPage(PanelPage):
    """The notebook of a `MarimoServer`, whose first cell is `FIRST`."""

    def __init__(self, page: Page, server: MarimoServer) -> None:
        super().__init__(page)
        self._told = server.folder / "told.json"
        page.goto(server.url, timeout=LOAD_WITHIN_MS)

    def run_cell(self, index: int) -> None:
        """Begin to run a cell, and before it those that it needs and that have not run yet."""
        cell = self.page.locator(".marimo-cell").nth(index)
        cell.locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")

    def value(self, index: int) -> Any:
        """Run a cell that ends with ``tell(value)``; the value, once it has run."""
        before = self._read()
        self.run_cell(index)
        count, value = self.wait(
            lambda: (now := self._read()) != before and now,
            timeout_s=CELL_WITHIN_S,
            what=f"cell {index} to have run",
        )
        assert count == before[0] + 1, "the cell ran once"
        return value

    def _read(self) -> list[Any]:
        return json.loads(self._told.read_text()) if self._told.exists() else [0, None]
