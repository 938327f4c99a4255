"""The key is in no page, in no message to a page, and in no notebook file."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ..support.notebooks import client_of, new_notebook
from .conftest import OpenNotebook
from .notebook_page import NotebookPage

KEY = "xai-a-very-secret-key-that-nobody-may-see-0123456789"
NEEDLES = (KEY, base64.b64encode(KEY.encode()).decode().rstrip("="))
INSTRUCTIONS = "Answer like a gardener would."
SAID = "Which roses grow in shade?"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"

SERVER = """
import os
from grok_live_widget import GrokLive, RehearsalServer
server = RehearsalServer("talker", api_key=os.environ["XAI_API_KEY"]).start()
"""
MADE = """
live = GrokLive(url=server.url(dialect := {dialect!r}), instructions={instructions!r})
live
"""

# Visits all objects reachable from JupyterLab, the notebook (including its kernel's comms) and
# the page's own object.
SEARCH = """(needles) => {
  const seen = new Set(), found = [], queue = [testNotebook(), seams.page(), jupyterapp];
  while (queue.length > 0) {
    const value = queue.pop();
    const isText = typeof value === 'string';
    if (isText && needles.some(needle => value.includes(needle))) found.push(value);
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) continue;
    if (seen.has(value) || value instanceof Node || value === window) continue;
    seen.add(value);
    const isHolder = value instanceof Map || value instanceof Set;
    if (isHolder) queue.push(...value.keys(), ...value.values());
    if (ArrayBuffer.isView(value)) continue;
    for (const name of Reflect.ownKeys(value)) {
      const property = Object.getOwnPropertyDescriptor(value, name);
      if (property && 'value' in property) queue.push(property.value);
    }
  }
  return [found, seen.size];
}"""


@pytest.mark.parametrize("dialect", ["realtime", pytest.param("live", marks=pytest.mark.slow)])
def test_the_key_reaches_neither_the_page_nor_the_saved_notebook(
    open_notebook: OpenNotebook, dialect: str
):
    cells = [SERVER, MADE.format(dialect=dialect, instructions=INSTRUCTIONS)]
    notebook = open_notebook(cells, watches_frames=True)
    notebook.kernel.do(f"import os; os.environ['XAI_API_KEY'] = {KEY!r}")
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.send_text(SAID)
    notebook.wait_for_turns("grok", 1)

    frames = " ".join(notebook.frames)
    assert SAID in frames, "the frames of the comm must have been seen for this to prove anything"
    found, object_count = notebook.page.evaluate(SEARCH, list(NEEDLES))
    assert object_count > 10_000
    assert found == []
    notebook.command("docmanager:save")
    saved = (notebook.lab.root / notebook.path).read_text()
    for needle in NEEDLES:
        assert needle not in frames
        assert needle not in notebook.page.content()
        assert needle not in saved


def test_what_opens_the_direct_channel_is_in_nothing_that_is_kept(
    open_notebook: OpenNotebook, tmp_path: Path
):
    made = f"""
from grok_live_widget import GrokLive
live = GrokLive(partner=["Yes."], record={str(tmp_path / "talk")!r}, keep_in_notebook="audio")
live
"""
    notebook = open_notebook([made], watches_frames=True)
    notebook.run_cell(0)
    notebook.wait(
        lambda: notebook.kernel.value("live.channel.kind") == "direct", what="the direct channel"
    )
    notebook.start()
    notebook.send_text(SAID)
    notebook.wait_for_turns("grok", 1)
    notebook.press("Stop")
    notebook.wait(lambda: notebook.kernel.value("live.phase") == "closed", what="the end")
    found = {
        value
        for frame in notebook.frames
        for value in re.findall(r'"(?:token|proof)": ?"([^"]{40,})"', frame)
    }
    assert len(found) == 2, "the invitation must have been seen for this to prove anything"
    notebook.command("docmanager:save")
    kept = [(notebook.lab.root / notebook.path).read_text()]
    kept += [path.read_bytes().decode("latin-1") for path in (tmp_path / "talk").iterdir()]
    kept.append(notebook.kernel.value("repr(live.get_state()) + repr(list(live.frames))"))
    kept.append(notebook.kernel.value("repr(vars(live)) + repr(live.notes) + repr(live.channel)"))
    assert len(kept) > 5
    for secret in found:
        assert not any(secret in text for text in kept)


def test_a_refused_key_is_not_repeated_in_the_panel(open_notebook: OpenNotebook):
    server = SERVER.replace('os.environ["XAI_API_KEY"]', '"another"')
    notebook = open_notebook(
        [server, MADE.format(dialect="realtime", instructions="")], watches_frames=True
    )
    notebook.kernel.do(f"import os; os.environ['XAI_API_KEY'] = {KEY!r}")
    notebook.run_cells(0, 1)
    notebook.press("Start")
    notebook.wait(notebook.notices, what="a notice")
    _assert_nowhere(notebook)


def _assert_nowhere(notebook: NotebookPage) -> None:
    for needle in NEEDLES:
        assert needle not in " ".join(notebook.frames)
        assert needle not in notebook.page.content()


def test_a_notebook_run_without_a_page_saves_no_secret_and_no_transcript(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XAI_API_KEY", KEY)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    cells = [SERVER, MADE.format(dialect="realtime", instructions=INSTRUCTIONS)]
    asked = f"turn = live.ask({SAID!r}); assert turn.text"
    notebook = new_notebook([*cells, asked])
    client = client_of(notebook)
    # A browser's loop may be running on this thread.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, client.async_execute()).result()

    for cell in notebook.cells:
        cell.source = ""
    state = json.dumps(notebook.metadata["widgets"][WIDGET_STATE])
    assert "GrokLive" in state or "AnyModel" in state
    saved = json.dumps(notebook, ensure_ascii=False)
    for secret in (*NEEDLES, SAID, INSTRUCTIONS):
        assert secret not in saved
