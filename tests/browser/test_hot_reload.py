"""Hot reload of anywidget: the front end is built anew during a talk."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from ..support.versions import ROOT, folder_of
from .cells import NOISE
from .conftest import OpenNotebook
from .lab_server import LabServer

pytestmark = pytest.mark.slow

MADE = """
live = GrokLive(partner=lambda turn: noise(3), processing=False)
live
"""
WATCHED = "__import__('grok_live_widget').widget.front_end.STATIC.joinpath('widget.js').as_posix()"


@pytest.fixture
def edited_kernel(jupyter_lab: LabServer, tmp_path: Path) -> str:
    """The name of a kernel with a copy of the package, whose files anywidget watches."""
    shutil.copytree(ROOT / "grok_live_widget", tmp_path / "grok_live_widget")
    paths = [str(tmp_path), str(folder_of("watchfiles==1.1.1"))]
    spec = jupyter_lab.data_dir / "kernels" / "edited"
    spec.mkdir(parents=True)
    content = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "edited",
        "language": "python",
        "env": {"ANYWIDGET_HMR": "1", "PYTHONPATH": ":".join(paths)},
    }
    (spec / "kernel.json").write_text(json.dumps(content))
    return "edited"


def test_a_new_front_end_during_a_talk_keeps_the_session_and_opens_no_second_microphone(
    open_notebook: OpenNotebook, edited_kernel: str, tmp_path: Path
) -> None:
    notebook = open_notebook([NOISE, MADE], kernel_name=edited_kernel)
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.send_text("Go on.")
    notebook.wait_until_silent(1)
    assert notebook.live_track_count() == 1
    file = tmp_path / "grok_live_widget" / "widget" / "static" / "widget.js"
    assert notebook.kernel.value(WATCHED) == str(file)
    marked = f"document.body.dataset.reloaded = 'yes';\n{file.read_text('utf-8')}"
    file.write_text(marked, "utf-8")
    notebook.until("() => document.body.dataset.reloaded === 'yes'", what="the new front end")

    notebook.wait_for_turns("grok", 1)
    assert notebook.page.locator(".glw-panel").count() == 1
    assert notebook.kernel.value("live.phase") == "open"
    notebook.wait(lambda: notebook.live_track_count() == 0, what="a free microphone")
    notebook.send_text("Go on.")
    notebook.wait_for_turns("grok", 2)
    assert notebook.kernel.value("len(live.turns)") == 4
    notebook.panel.get_by_role("button", name="Turn microphone on").click()
    notebook.wait_for_status("Listening")
    assert notebook.live_track_count() == 1
