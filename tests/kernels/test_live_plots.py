"""A live figure in a kernel: drawn by its loop between cells, paused while a cell runs."""

from __future__ import annotations

import base64

import pytest

from .conftest import NEWEST
from .kernel import Kernel

BOTH = pytest.mark.parametrize("kernel", ["6.31.0", NEWEST], indirect=True)

MAKE = """
%matplotlib inline
from grok_live_widget import Talk, plots
live = Talk(partner=["One, two, three, four.", "Five, six.", "Seven."])
live.start()
figure = plots.live(live, fps=20)
"""
BLOCK = """
frames = figure.frame_count
live.ask("Count.")
assert figure.frame_count == frames
print("blocked")
"""


@pytest.mark.slow
@BOTH
def test_a_figure_is_drawn_between_cells_and_not_while_one_runs(kernel: Kernel) -> None:
    begun = kernel.position
    kernel.run(MAKE)
    shown = kernel.published("display_data", begun)
    assert [sorted(each.content["data"]) for each in shown] == [["image/png", "text/plain"]]
    place = shown[0].content["transient"]["display_id"]
    # While the connection is open, silence passes: the figure moves.
    kernel.wait(lambda: len(kernel.published("update_display_data", begun)) >= 5)
    cell = kernel.run(BLOCK)
    assert cell.output == "blocked\n"
    blocked = [each for each in kernel.published("", begun) if each.parent == cell.execution]
    assert "update_display_data" not in {each.kind for each in blocked}

    resumed = kernel.position
    kernel.wait(lambda: len(kernel.published("update_display_data", resumed)) >= 5)
    updates = kernel.published("update_display_data", begun)
    assert {each.content["transient"]["display_id"] for each in updates} == {place}
    png = base64.b64decode(updates[-1].content["data"]["image/png"])
    assert png.startswith(b"\x89PNG")

    # While a cell awaits, the loop draws.
    awaiting = kernel.run("frames = figure.frame_count\nawait live.ask_async('Go on.')")
    assert awaiting.has_ended
    assert kernel.value("figure.frame_count > frames")
    kernel.run("figure.stop()")
    assert kernel.value("figure.is_running") is False
    # Nor is the figure shown once more at the end of a cell.
    assert len(kernel.published("display_data", begun)) == 1
