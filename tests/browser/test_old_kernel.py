"""ipykernel 6, which handles no message of the page while a cell runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from .cells import NOISE
from .conftest import OpenNotebook
from .lab_server import LabServer
from .sound import PCM_RATE_HZ, SEGMENT_S, correlations_of, samples_from
from .speech import Studio

pytestmark = pytest.mark.slow

VERSION = "6.31.0"

MADE = """
import time
live = GrokLive(partner=lambda turn: noise(16), processing=False, channel={!r}, isolation={!r})
live
"""
BLOCKING = """
began_s = time.time()
time.sleep(8)
ended_s = time.time()
"""
TAPE = "live._sessions.conversation.user_tape"
MAX_LATENESS_S = 2.0
SLACK_S = 0.4


@pytest.fixture(scope="module")
def old_kernel(jupyter_lab: LabServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a kernel of this environment with an older ipykernel."""
    folder = tmp_path_factory.mktemp("ipykernel")
    wanted = ["--no-deps", "--target", str(folder), f"ipykernel=={VERSION}"]
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", *wanted], check=True)
    _register(jupyter_lab.data_dir / "kernels" / "old", folder)
    return "old"


def _register(spec: Path, packages: Path) -> None:
    spec.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    content = {
        "argv": command,
        "display_name": f"ipykernel {VERSION}",
        "language": "python",
        "env": {"PYTHONPATH": str(packages)},
    }
    (spec / "kernel.json").write_text(json.dumps(content))


def _begin(open_notebook, script, old_kernel: str, channel: str, isolation: str):
    made = MADE.format(channel, isolation)
    notebook = open_notebook([NOISE, made, BLOCKING], hears=script, kernel_name=old_kernel)
    assert notebook.kernel.value("__import__('ipykernel').__version__") == VERSION
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.wait_for_status("Listening")
    notebook.send_text("Please tell me a long story.")
    notebook.wait_until_sounding()
    notebook.wait(lambda: notebook.kernel.value(f"len({TAPE})") > PCM_RATE_HZ, what="sound")
    notebook.begin_cell(2)
    return notebook


def test_during_a_blocking_cell_the_user_is_heard_through_the_direct_channel(
    open_notebook: OpenNotebook, studio: Studio, old_kernel: str
):
    script = studio.noise(45)
    notebook = _begin(open_notebook, script, old_kernel, "direct", "process")
    notebook.end_cell(2)
    notebook.wait_until_silent(1)
    began_s, ended_s = notebook.kernel.value("[began_s, ended_s]")
    _assert_plays_on(notebook, began_s, ended_s)
    assert notebook.losses() == ""
    assert _missing_s(notebook, script) <= 2 * SEGMENT_S


def test_during_a_blocking_cell_the_reply_is_played_and_old_speech_is_dropped_and_counted(
    open_notebook: OpenNotebook, studio: Studio, old_kernel: str
):
    script = studio.noise(45)
    notebook = _begin(open_notebook, script, old_kernel, "comm", "thread")
    notebook.wait_for_status("The kernel is busy")
    notebook.end_cell(2)
    notebook.wait(lambda: "not sent: the kernel was busy" in notebook.losses(), what="the count")
    notebook.wait_until_silent(1)

    notebook.wait(lambda: "A cell is running" not in notebook.losses(), what="the end of the cell")
    began_s, ended_s = notebook.kernel.value("[began_s, ended_s]")
    _assert_plays_on(notebook, began_s, ended_s)
    blocked_s = ended_s - began_s
    missing_s = _missing_s(notebook, script)
    assert blocked_s - MAX_LATENESS_S - SLACK_S < missing_s < blocked_s + SLACK_S
    uplink = "live._bridge.sound.uplink"
    lost = notebook.kernel.value(f"{uplink}.dropped_sample_count + {uplink}.late_sample_count")
    lost_s = lost / PCM_RATE_HZ
    # A segment that was sent in part is not found: up to one whole one at either end.
    assert lost_s - SEGMENT_S < missing_s < lost_s + 2.5 * SEGMENT_S


def _assert_plays_on(notebook, began_s: float, ended_s: float) -> None:
    np.testing.assert_array_equal(notebook.ring(), notebook.kernel.array("live.turns[-1].pcm"))
    sounding_s = np.array(notebook.page.evaluate("seams.soundingAtMs()")) / 1000
    assert sounding_s[0] < began_s < ended_s < sounding_s[-1]
    assert notebook.positions()[-1]["underrun_count"] == 0


def _missing_s(notebook, script) -> float:
    """Duration of the longest stretch of the microphone that was not sent."""
    sent = samples_from(notebook.kernel.array(f"{TAPE}.view(0, None)"))
    is_sent = correlations_of(script.samples, script.rate_hz, sent) > 0.9
    places = np.flatnonzero(is_sent)
    return float((np.diff(places).max() - 1) * SEGMENT_S)
