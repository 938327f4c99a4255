"""Notebooks that are written, read and executed without a browser.

nbformat and nbclient are imported where they are used: they import jsonschema, which compiles the
grammar of addresses (rfc3987-syntax) for two seconds, and every process of the tests would do so.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

TIMEOUT_S = 120


def new_notebook(cells: Iterable[str]) -> Any:
    """A notebook with these code cells."""
    from nbformat import v4

    notebook = v4.new_notebook()
    notebook.cells = [v4.new_code_cell(source) for source in cells]
    return notebook


def read_notebook(path: Path) -> Any:
    import nbformat

    return nbformat.read(path, as_version=4)


def write_notebook(notebook: Any, path: Path) -> None:
    import nbformat

    nbformat.write(notebook, path)


def client_of(notebook: Any, folder: Path | None = None) -> Any:
    """What executes the notebook in a kernel of its own, whose current folder is `folder`."""
    from nbclient import NotebookClient

    resources = {"metadata": {"path": str(folder)}} if folder else {}
    return NotebookClient(notebook, timeout=TIMEOUT_S, kernel_name="python3", resources=resources)
