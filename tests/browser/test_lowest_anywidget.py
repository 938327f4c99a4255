"""A talk with the lowest anywidget that the package allows, in kernel and page."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from ..support.versions import folder_of
from .cells import NOISE
from .conftest import OpenNotebook
from .lab_server import LabServer

pytestmark = pytest.mark.slow

LOWEST = "0.9.18"
MADE = """
live = GrokLive(partner=lambda turn: noise(2), processing=False)
live
"""


@pytest.fixture
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A JupyterLab whose pages run this anywidget, and whose kernels import it."""
    packages = folder_of(f"anywidget=={LOWEST}")
    extensions = packages / "share" / "jupyter" / "labextensions"
    option = f"--LabApp.extra_labextensions_path={extensions}"
    with LabServer(tmp_path_factory.mktemp("lowest"), options=[option]) as server:
        spec = server.data_dir / "kernels" / "lowest"
        spec.mkdir(parents=True)
        content = {
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": f"anywidget {LOWEST}",
            "language": "python",
            "env": {"PYTHONPATH": ":".join([str(packages), *sys.path])},
        }
        (spec / "kernel.json").write_text(json.dumps(content))
        yield server


def test_with_the_lowest_anywidget_a_talk_sounds_and_ends_with_its_widget(
    open_notebook: OpenNotebook,
) -> None:
    notebook = open_notebook([NOISE, MADE, "live.close()"], kernel_name="lowest")
    notebook.run_cells(0, 1)
    assert notebook.kernel.value("__import__('anywidget').__version__") == LOWEST
    # JupyterLab finds no model of this version in the front end of a newer anywidget.
    assert notebook.kernel.value("live._model_module_version") == "~0.9.*"
    notebook.start()
    notebook.send_text("Go on.")
    notebook.wait_until_silent(1)
    np.testing.assert_array_equal(notebook.ring(), notebook.kernel.array("live.turns[-1].pcm"))
    assert notebook.live_track_count() == 1
    notebook.run_cell(2)
    notebook.until("() => seams.liveTracks() === 0", what="a free microphone")
    notebook.until("() => !document.querySelector('.glw-panel')", what="no panel")
