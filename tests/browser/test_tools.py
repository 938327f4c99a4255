"""A call waits for consent, and the tool's output is shown below the panel."""

from __future__ import annotations

import pytest

from .conftest import OpenNotebook

TOOLS = """
import matplotlib.pyplot as plt
from IPython.display import HTML, display
from grok_live_widget import GrokLive, tool

@tool(approve=True)
def draw(title: str, values: list[float]) -> str:
    "Draw a line."
    plt.figure(figsize=(4, 2))
    plt.title(title)
    plt.plot(values)
    plt.show()
    display(HTML(f"<b class='by-a-tool'>{title}</b>"))
    return f"drew {title}"

live = GrokLive(partner="talker", tools=[draw])
live
"""
LATER = "print('a later cell')"


def test_a_person_allows_a_call_and_sees_what_it_displays(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook([TOOLS, LATER], viewport={"width": 1100, "height": 1400})
    notebook.run_cells(0, 1)
    notebook.send_text('call draw {"title": "hills", "values": [1, 3, 2]}')
    question = notebook.panel.locator(".glw-call[data-state=waiting]")
    question.wait_for()
    assert "would like to call draw" in question.inner_text()
    assert '"title": "hills"' in question.inner_text()
    notebook.press("Allow")
    box = notebook.page.locator(".glw-host", has=notebook.panel)
    box.locator("img").wait_for()
    assert box.locator(".by-a-tool").inner_text() == "hills"
    panel, image = notebook.panel.bounding_box(), box.locator("img").bounding_box()
    assert panel is not None
    assert image is not None
    assert image["y"] >= panel["y"] + panel["height"]
    notebook.wait_for_turns("grok", 1)
    chip = notebook.panel.locator(".glw-turn-grok .glw-chip")
    assert "draw ran" in chip.inner_text()
    chip.locator("summary").click()
    assert "drew hills" in chip.inner_text()
    assert notebook.transcript()[-1][1].startswith("The tool answered: drew hills")
    assert [each["output_type"] for each in notebook.outputs(1)] == ["stream"]


def test_a_call_that_is_not_allowed_is_not_made(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook([TOOLS])
    notebook.run_cells(0)
    notebook.send_text('call draw {"title": "hills", "values": []}')
    notebook.panel.locator(".glw-call[data-state=waiting]").wait_for()
    notebook.press("Don’t allow")
    notebook.wait_for_turns("grok", 1)
    assert "not allow" in notebook.transcript()[-1][1]
    assert notebook.page.locator(".by-a-tool").count() == 0


LONG = """
import numpy as np
from grok_live_widget import GrokLive, tool

@tool
def samples() -> np.ndarray:
    "Return many samples."
    return np.arange(3_000_000)

live = GrokLive(partner="talker", tools=[samples])
live
"""
OTHER_VOICE = "live.update(voice='nobody')"


@pytest.mark.slow
def test_the_beginning_of_a_long_output_is_read_aloud(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook([LONG, OTHER_VOICE])
    notebook.run_cells(0)
    notebook.send_text("call samples {}")
    notebook.wait_for_turns("grok", 1)
    notebook.panel.locator(".glw-turns").get_by_text("and so on.").wait_for()
    said = notebook.transcript()[-1][1]
    assert said.startswith("The tool answered: [0, 1, 2, 3,")
    assert len(said) < 240
    notebook.run_cells(1)
    notebook.panel.get_by_text("The rehearsal has no voice 'nobody'").first.wait_for()


ON_MAIN = """
import threading, time
from grok_live_widget import GrokLive, tool

@tool(thread="main")
def where() -> str:
    "Name the thread."
    return threading.current_thread().name

live = GrokLive(partner="talker", tools=[where])
live
"""
BUSY = "began_s = time.time()\nwhile time.time() < began_s + 8: time.sleep(0.02)"


@pytest.mark.slow
def test_the_panel_says_that_a_tool_waits_for_the_running_cell(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook([ON_MAIN, BUSY])
    notebook.run_cells(0)
    notebook.begin_cell(1)
    notebook.send_text("call where {}")
    note = notebook.panel.get_by_text(
        "The tool 'where' waits for the kernel's main thread: a cell is running."
    )
    note.wait_for()
    notebook.end_cell(1)
    notebook.wait_for_turns("grok", 1)
    note.wait_for(state="detached")
    assert notebook.transcript()[-1][1].startswith("The tool answered: MainThread")
