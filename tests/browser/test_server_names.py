"""The panel names the server by what it is: only the service's hosts are called Grok."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .conftest import OpenNotebook
from .themes import LIGHT_AND_DARK

SERVERS = """
import subprocess, sys
from grok_live_widget import GrokLive, RehearsalServer, Talk

with Talk(partner=["Yes."]) as talk:
    talk.ask("Is it so?")
    saved = talk.save("saved_for_names")

# In a process of its own, as `grok-live rehearse` in a terminal.
OTHER = '''
import sys, time
from grok_live_widget import RehearsalServer
print(RehearsalServer(["Yes."]).start().url(), flush=True)
sys.stdin.read()
'''
other = subprocess.Popen([sys.executable, "-c", OTHER], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True)

# As any server that is not of this package.
import asyncio, json, threading
from websockets.sync.server import serve
def answer(socket):
    socket.send(json.dumps({"type": "session.created", "session": {"id": "s"}}))
    for frame in socket:
        if json.loads(frame)["type"] == "session.update":
            socket.send(json.dumps({"type": "session.updated", "session": {}}))
foreign = serve(answer, "127.0.0.1", 0)
threading.Thread(target=foreign.serve_forever, daemon=True).start()
foreign_host = f"127.0.0.1:{foreign.socket.getsockname()[1]}"
"""

MADE = {
    "Rehearsal": 'GrokLive(partner=["Yes."])',
    "Rehearsal at a url": 'GrokLive(url=RehearsalServer(["Yes."]).start().url(), api_key="any")',
    "Rehearsal of another process": "GrokLive(url=other.stdout.readline().strip(), api_key='any')",
    "Replay": "GrokLive(url=RehearsalServer(replay=saved, step=True).start().url())",
}


@pytest.mark.slow
def test_a_rehearsal_and_a_replay_are_named_so_in_every_place(open_notebook: OpenNotebook):
    cells = [f"live_{place} = {made}\nlive_{place}" for place, made in enumerate(MADE.values())]
    notebook = open_notebook([SERVERS, *cells])
    notebook.run_cells(*range(len(cells) + 1))
    for place, (title, made) in enumerate(MADE.items()):
        name = title.split()[0]
        notebook.look_at(place)
        if "other" not in made:  # Known before it is connected to.
            notebook.wait(lambda name=name: name in _names(notebook), what=name)
        notebook.send_text("Is it so?")
        notebook.wait_for_turns("grok", 1)
        assert [speaker for speaker, _ in notebook.transcript()] == ["You", name]
        assert _names(notebook) == [name, "You", name]
        assert notebook.panel.get_attribute("aria-label") == f"Talk with {name}"
        text = notebook.panel.inner_text()
        assert "Grok" not in text.replace("not Grok", "")
        assert f"with {name.lower()}," in notebook.kernel.value(f"repr(live_{place})")
    # ipykernel takes seconds to end if processes that it started are still there.
    notebook.kernel.value("[other.kill(), other.wait()]")


@pytest.mark.slow
@LIGHT_AND_DARK
def test_another_server_is_named_by_its_host(
    open_notebook: OpenNotebook, tmp_path: Path, theme: str
):
    made = 'live = GrokLive(url=f"ws://{foreign_host}/v1/realtime")\nlive'
    notebook = open_notebook([SERVERS, made])
    notebook.use_theme(theme)
    notebook.run_cells(0, 1)
    host = notebook.kernel.value("foreign_host")
    notebook.wait(lambda: host in _names(notebook), what="the host")
    notebook.press("Start")
    notebook.wait_for_status("Listening")
    assert _names(notebook) == [host, "You", host]
    name = notebook.panel.locator(".glw-voice-grok .glw-voice-name")
    assert name.evaluate("name => name.scrollWidth <= name.clientWidth")
    notebook.press("Mute")
    assert notebook.wait_for_status("Muted") == "Muted"
    assert "Grok" not in notebook.panel.inner_text()
    folder = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    notebook.panel.screenshot(path=folder / f"{theme}_host.png")
    # ipykernel takes seconds to end if processes that it started are still there.
    notebook.kernel.value("[other.kill(), other.wait()]")


def _names(notebook) -> list[str]:
    return notebook.panel.locator(".glw-name, .glw-voice-name").all_inner_texts()
