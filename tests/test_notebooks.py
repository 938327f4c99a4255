"""The lessons run from top to bottom, offline and unattended, and so do their solutions."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .support.hosts import host_program
from .support.notebooks import client_of, new_notebook, read_notebook, write_notebook

LESSONS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
SOLUTION = re.compile(r"<details>.*?```python\n(.*?)```.*?</details>", re.DOTALL)
EXERCISE_COUNT = 3
# Those that every run of the tests executes, without their solutions; the rest takes longer.
FIRST = ("01", "02", "03")


def solutions_of(notebook: Any) -> list[str]:
    """The code of the solutions, which are folded into the text below the exercises."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    return [code for text in texts for code in SOLUTION.findall(text)]


def executed(path: Path, folder: Path, *, with_solutions: bool) -> Any:
    """The notebook as `jupyter execute` leaves it, with its solutions as further cells; a cell
    that fails raises.
    """
    notebook = read_notebook(path)
    if with_solutions:
        notebook.cells += new_notebook(solutions_of(notebook)).cells
    client_of(notebook, folder).execute()
    return notebook


def lessons_in_their_tests() -> Iterator[Any]:
    for path in LESSONS:
        if path.stem.startswith(FIRST):
            yield pytest.param(path, False, id=path.stem)
        yield pytest.param(path, True, id=f"{path.stem}, solved", marks=pytest.mark.slow)


@pytest.fixture
def inline_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel chooses inline figures by itself, unless it is told otherwise."""
    monkeypatch.delenv("MPLBACKEND")


@pytest.mark.parametrize(("path", "with_solutions"), list(lessons_in_their_tests()))
@pytest.mark.usefixtures("inline_figures")
def test_a_lesson_runs_and_shows_pictures(path: Path, with_solutions: bool, tmp_path: Path) -> None:
    notebook = executed(path, tmp_path, with_solutions=with_solutions)
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", ())]
    shown = [out.data for out in outputs if "data" in out]
    assert any("image/png" in data for data in shown)
    if path.stem.startswith("01"):
        assert any("float32" in data.get("text/plain", "") for data in shown)
        assert any("widget-view" in kind for data in shown for kind in data)
        assert (tmp_path / "talk.wav").stat().st_size > 48_000


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_ends_with_exercises_that_are_solved_below(path: Path) -> None:
    notebook = read_notebook(path)
    assert "## Exercises" in notebook.cells[-1].source
    assert len(solutions_of(notebook)) == EXERCISE_COUNT


def test_lessons_are_kept_without_outputs() -> None:
    for path in LESSONS:
        cells = read_notebook(path).cells
        assert all(not cell.get("outputs") for cell in cells), path.name


PANEL = """
from grok_live_widget import GrokLive
live = GrokLive(partner=lambda turn: "A " + turn.text.split()[-1], instructions=instructions)
live
"""


@pytest.mark.slow
def test_papermill_runs_a_panel_with_its_parameters_and_saves_nothing_of_the_talk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = "question, instructions, count = 'none', 'none', 0"
    asked = "for _ in range(count):\n    live.ask(question)"
    notebook = new_notebook([parameters, PANEL, asked, "[turn.role for turn in live.turns]"])
    notebook.cells[0].metadata["tags"] = ["parameters"]
    notebook.metadata["language_info"] = {"name": "python"}
    write_notebook(notebook, tmp_path / "talk.ipynb")
    key = "xai-a-key-of-the-environment"
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    given = {"question": "What is a peony?", "instructions": "Be brief.", "count": "2"}
    options = [text for name, value in given.items() for text in ("-p", name, value)]
    done = subprocess.run(
        [host_program("papermill"), "talk.ipynb", "run.ipynb", "-k", "python3", *options],
        cwd=tmp_path,
        env=os.environ | {"XAI_API_KEY": key},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    run = read_notebook(tmp_path / "run.ipynb")
    assert 'question = "What is a peony?"' in run.cells[1].source
    (roles,) = run.cells[-1].outputs
    assert roles.data["text/plain"] == "['user', 'assistant', 'user', 'assistant']"
    assert any("widget-view" in kind for kind in run.cells[2].outputs[0].data)
    # Parameters are kept by papermill itself, in a cell and in the metadata of the notebook.
    outputs = json.dumps([cell.outputs for cell in run.cells])
    state = json.dumps(run.metadata["widgets"])
    assert "anywidget" in state
    for secret in (key, "peony", "Be brief", "UklGR"):
        assert secret not in outputs + state
