"""The Python blocks of the documents run as they are written.

The blocks of a page are the cells of one notebook, in their order, without a key. A block that
begins with the comment "# a script" is a program of its own.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

import grok_live_widget

from .support.notebooks import client_of, new_notebook

ROOT = Path(__file__).parents[1]
SCRIPT = "# a script\n"

_BLOCK = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks_of(page: Path) -> list[str]:
    found = _BLOCK.findall(page.read_text("utf-8"))
    return [text for language, text in found if language in ("python", "py", "pycon")]


PAGES = [
    page
    for page in [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").glob("*.md")),
    ]
    if blocks_of(page)
]
LONG = ("cluster", "experiments", "partners", "recording")
"""Pages whose blocks take longer than five seconds."""
SCRIPTS = [
    pytest.param(text, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, text in enumerate(blocks_of(page), 1)
    if text.startswith(SCRIPT)
]


@functools.cache
def executed(page: Path) -> list[list[Any]]:
    """The outputs of each block of a page; a block that fails raises."""
    cells = [text for text in blocks_of(page) if not text.startswith(SCRIPT)]
    notebook = new_notebook(cells)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        client_of(notebook, Path(folder)).execute()
    return [cell.outputs for cell in notebook.cells]


def written(outputs: list[Any], stream: str) -> str:
    return "".join(each.text for each in outputs if each.get("name") == stream)


def shown(outputs: list[Any]) -> list[str]:
    return [kind for each in outputs for kind in each.get("data", {})]


@pytest.fixture
def without_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    # A kernel chooses inline figures by itself, unless it is told otherwise.
    monkeypatch.delenv("MPLBACKEND")


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=page.stem, marks=[pytest.mark.slow] * (page.stem in LONG))
        for page in PAGES
    ],
)
@pytest.mark.usefixtures("without_backend")
def test_every_block_of_a_page_runs(page: Path) -> None:
    errors = "".join(written(outputs, "stderr") for outputs in executed(page))
    # A page without a panel warns of it.
    assert errors.count("Warning:") == errors.count("RehearsalWarning:") <= 1


@pytest.mark.usefixtures("without_backend")
def test_the_first_block_of_the_readme_shows_panel_reply_and_picture_only() -> None:
    first, *_ = executed(ROOT / "README.md")
    kinds = shown(first)
    assert "application/vnd.jupyter.widget-view+json" in kinds
    assert "image/png" in kinds
    # The last one is what stands there without a kernel.
    kinds_of_output = [each.output_type for each in first]
    assert kinds_of_output == ["display_data", "stream", "display_data", "display_data"]
    assert "glw-placeholder" in first[-1].data["text/html"]
    assert written(first, "stdout").endswith(" 24000\n")
    assert written(first, "stderr") == ""


@pytest.mark.usefixtures("without_backend")
def test_the_block_about_tools_shows_the_panel_only() -> None:
    tools, *_ = executed(ROOT / "docs" / "tools.md")
    assert "application/vnd.jupyter.widget-view+json" in shown(tools)
    # The second one is what stands there without a kernel.
    assert [each.output_type for each in tools] == ["display_data", "display_data"]
    assert "glw-placeholder" in tools[-1].data["text/html"]


@pytest.mark.parametrize("text", SCRIPTS)
def test_a_script_of_a_page_runs(text: str, tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(text, "utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ran = subprocess.run(
        [sys.executable, path],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env=environment,
    )
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr


def test_the_documents_name_one_place_to_import_each_public_name_from() -> None:
    texts = [text for page in PAGES for text in blocks_of(page)]
    pairs = re.findall(
        r"^from (grok_live_widget[\w.]*) import (.+)$", "\n".join(texts), re.MULTILINE
    )
    elsewhere = {
        name.strip()
        for module, names in pairs
        if module != "grok_live_widget"
        for name in names.split(",")
    }
    assert elsewhere
    assert elsewhere.isdisjoint(grok_live_widget.__all__)


def test_the_readme_names_the_wheel_of_this_version() -> None:
    wheels = re.findall(
        r"grok_live_widget-[\w.]+-py3-none-any\.whl", (ROOT / "README.md").read_text()
    )
    assert set(wheels) == {f"grok_live_widget-{grok_live_widget.__version__}-py3-none-any.whl"}
