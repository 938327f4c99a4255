"""Interrupting a cell cancels its call and not the talk."""

from __future__ import annotations

from .cells import NOISE
from .conftest import OpenNotebook

MADE = """
replies = [noise(15)]
live = GrokLive(partner=lambda turn: replies.pop() if replies else "Here I am.")
live
"""


def test_a_cell_that_asks_can_be_interrupted_and_the_talk_continues(open_notebook: OpenNotebook):
    notebook = open_notebook(
        [NOISE, MADE, "live.ask('Tell me a story.')", "turn = live.ask('Are you there?')"]
    )
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.begin_cell(2)
    notebook.wait_until_sounding()
    notebook.command("notebook:interrupt-kernel")
    notebook.until(
        "index => testNotebook().content.widgets[index].model.outputs.length > 0",
        2,
        what="the interrupted cell",
    )
    [output] = notebook.outputs(2)
    assert output["ename"] == "KeyboardInterrupt"
    assert notebook.kernel.value("live.phase") == "open"
    notebook.run_cell(3)
    assert notebook.kernel.value("turn.text") == "Here I am."
