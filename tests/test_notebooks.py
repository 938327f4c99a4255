"""The lessons run from top to bottom, offline and unattended."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .support.notebooks import client_of, read_notebook

LESSONS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def executed(path: Path, folder: Path) -> Any:
    """The notebook as `jupyter execute` leaves it; a cell that fails raises."""
    notebook = read_notebook(path)
    client_of(notebook, folder).execute()
    return notebook


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_and_shows_the_reply_and_a_picture(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A kernel chooses inline figures by itself, unless it is told otherwise.
    monkeypatch.delenv("MPLBACKEND")
    outputs = [out for cell in executed(path, tmp_path).cells for out in cell.get("outputs", ())]
    shown = [out.data for out in outputs if "data" in out]
    assert any("image/png" in data for data in shown)
    assert any("float32" in data.get("text/plain", "") for data in shown)
    assert any("widget-view" in kind for data in shown for kind in data)
    assert (tmp_path / "talk.wav").stat().st_size > 48_000


def test_lessons_are_kept_without_outputs() -> None:
    for path in LESSONS:
        cells = read_notebook(path).cells
        assert all(not cell.get("outputs") for cell in cells), path.name
