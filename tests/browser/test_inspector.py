"""The inspector: what goes over the connection, seen in the panel."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .cells import PLAIN
from .conftest import OpenNotebook
from .themes import LIGHT_AND_DARK


@pytest.mark.slow
@LIGHT_AND_DARK
def test_the_messages_of_a_talk_are_listed_filtered_and_shown_as_json(
    open_notebook: OpenNotebook, tmp_path: Path, theme: str
) -> None:
    notebook = open_notebook([PLAIN])
    notebook.use_theme(theme)
    notebook.run_cell(0)
    notebook.panel.get_by_role("button", name="Messages").click()
    notebook.panel.get_by_text("No messages yet").wait_for()
    notebook.send_text("Please count to three.")
    notebook.wait_for_turns("grok", 1)
    rows = notebook.panel.locator(".glw-frame")
    deltas = rows.filter(has_text="audio.delta").first
    deltas.wait_for()
    assert "×" in deltas.inner_text()
    notebook.panel.get_by_role("searchbox", name="Filter by type").fill("session")
    types = notebook.panel.locator(".glw-frame-type")
    assert all("session" in text for text in types.all_inner_texts())
    rows.filter(has_text="session.update").first.click()
    shown = notebook.panel.locator(".glw-inspector-text")
    notebook.wait(lambda: '"type": "session.update"' in shown.inner_text(), what="the JSON")
    folder = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    notebook.panel.screenshot(path=folder / f"{theme}_inspector.png")
