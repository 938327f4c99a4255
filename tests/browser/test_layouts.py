"""Several panels in one box, and one widget that is shown twice, linked and closed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .conftest import OpenNotebook
from .notebook_page import NotebookPage
from .test_widths import CUT, NARROW

pytestmark = pytest.mark.slow

MADE = """
import ipywidgets as w
from IPython.display import display
from grok_live_widget import GrokLive, ServerVad

live = GrokLive(partner="talker", turn_detection=ServerVad())
"""
# A widget has one layout, which AppLayout changes, so that each cell makes panels of its own.
PAIR = 'one, two = GrokLive(partner="talker"), GrokLive(partner="talker")'
PAIRS = {
    "hbox": "w.HBox([one, two])",
    "box": "w.Box([one, two])",
    "grid": "w.GridBox([one, two], layout=w.Layout(grid_template_columns='1fr 1fr'))",
    "app_layout": "w.AppLayout(left_sidebar=one, center=two)",
    "two_by_two": "w.TwoByTwoLayout(top_left=one, top_right=two)",
}
WIDTHS = (1100, 700, 500)
# Below this width of the window, the output of the cell is scrolled.
ROOM_FOR_TWO = 700

# Panels that overlap, and panels that cannot be seen whole, even by scrolling their box.
WRONG = """(hasRoom) => {
  const panels = [...document.querySelectorAll('.glw-panel')].filter((it) => it.checkVisibility());
  const wrong = [];
  const boxes = panels.map((panel) => panel.getBoundingClientRect());
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b) => {
    const isApart = a.right <= b.left + 1 || b.right <= a.left + 1
      || a.bottom <= b.top + 1 || b.bottom <= a.top + 1;
    if (!isApart) wrong.push(['overlap', a.left, a.right, b.left, b.right]);
  }));
  for (const panel of panels) {
    for (let at = panel.parentElement; at; at = at.parentElement) {
      const { overflowX } = getComputedStyle(at);
      if (overflowX === 'visible') continue;
      const box = at.getBoundingClientRect();
      const { left, right } = panel.getBoundingClientRect();
      const isCut = right > box.right + 1 || left < box.left - 1;
      if (isCut && (hasRoom || overflowX === 'hidden')) wrong.push(['cut', at.className, right]);
      if (overflowX === 'auto' || overflowX === 'scroll') break;
    }
  }
  return wrong;
}"""


def test_two_panels_in_one_box_lie_side_by_side_and_can_be_read_at_every_width(
    open_notebook: OpenNotebook, tmp_path: Path
) -> None:
    size = {"width": 1100, "height": 1000}
    notebook = open_notebook([MADE, *(f"{PAIR}\n{each}" for each in PAIRS.values())], viewport=size)
    folder = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    notebook.command("application:toggle-left-area")
    notebook.run_cell(0)
    found = []
    for index, name in enumerate(PAIRS, 1):
        notebook.run_cell(index)
        for width in WIDTHS:
            notebook.page.set_viewport_size({**size, "width": width})
            notebook.look_at(2 * index - 2)
            notebook.panel.wait_for()
            notebook.page.screenshot(path=folder / f"pair_{name}_{width}.png")
            wrong = notebook.page.evaluate(WRONG, width >= ROOM_FOR_TWO)
            wrong += notebook.panel.evaluate(NARROW) + notebook.panel.evaluate(CUT)
            found += [(name, width, each) for each in wrong]
    notebook.command("application:toggle-left-area")
    assert found == []


def test_a_long_transcript_is_scrolled_in_itself_alone(open_notebook: OpenNotebook) -> None:
    asked = 'for number in range(8):\n    live.ask(f"Question {number}")\nlive.interrupt()'
    notebook = open_notebook([MADE, "live", asked])
    notebook.run_cells(0, 1, 2)
    cut = notebook.panel.locator(".glw-turn-interrupted .glw-hidden")
    notebook.wait(lambda: cut.count() > 0, what="interrupted replies")
    assert notebook.panel.locator(".glw-turns").evaluate("it => it.scrollHeight > it.clientHeight")
    output = notebook.page.locator(".jp-OutputArea-output", has=notebook.panel)
    assert output.evaluate("it => it.scrollHeight - it.clientHeight") <= 0


def test_a_widget_can_be_shown_twice_linked_and_closed_as_others_can(
    open_notebook: OpenNotebook,
) -> None:
    sliders = """
volume, threshold = w.FloatSlider(value=1, max=1), w.FloatSlider(min=0.1, max=0.9)
silence = w.IntSlider(max=2000)
w.jslink((volume, "value"), (live, "volume"))
w.link((live, "threshold"), (threshold, "value"))
w.link((live, "silence_duration_ms"), (silence, "value"))
seen = []
live.observe(lambda change: seen.append(change["new"]), "phase")
muted = w.Checkbox(description="Muted here")
w.jslink((muted, "value"), (live, "muted"))
w.VBox([volume, threshold, silence, muted])
"""
    again = "display(live)\ndisplay(live)"
    notebook = open_notebook([MADE, again, sliders, "live.close()", "live", "live.ask('Hello.')"])
    notebook.run_cells(0, 1, 2)
    notebook.wait(lambda: notebook.page.locator(".glw-panel").count() == 2, what="two panels")
    assert notebook.kernel.value("seen") == []
    notebook.start()
    for place in (0, 1):
        notebook.look_at(place)
        notebook.wait_for_status("Listening")
    notebook.wait(lambda: notebook.kernel.value("seen")[-1:] == ["open"], what="the phase")

    _slide(notebook, 0, 0.5)
    notebook.wait(lambda: notebook.kernel.value("live.volume") == 0.5, what="the volume")
    _slide(notebook, 1, 0.7)
    notebook.wait(
        lambda: notebook.kernel.value("live.settings.turn_detection.threshold") == 0.7,
        what="the threshold",
    )
    _slide(notebook, 2, 800)
    notebook.wait(
        lambda: notebook.kernel.value("live.settings.turn_detection.silence_duration_ms") == 800,
        what="the silence",
    )
    notebook.page.get_by_label("Muted here").check()
    notebook.wait_for_status("Muted")
    notebook.wait(lambda: notebook.kernel.value("live.muted"), what="muted")
    notebook.press("Mute")
    notebook.wait(lambda: not notebook.page.get_by_label("Muted here").is_checked(), what="unmuted")

    notebook.run_cell(3)
    notebook.until("() => !document.querySelector('.glw-panel')", what="no panel")
    notebook.until("() => seams.liveTracks() === 0", what="a free microphone")
    notebook.run_cell(4)
    (output,) = notebook.outputs(4)
    assert output["data"] == {"text/plain": "<GrokLive with rehearsal, closed, 0 turns>"}
    notebook.begin_cell(5)
    notebook.wait(lambda: notebook.outputs(5), what="what it says")
    (output,) = notebook.outputs(5)
    assert output["evalue"] == "the talk is closed. Make a new one."


def _slide(notebook: NotebookPage, place: int, value: float) -> None:
    """Type a value into a slider's readout, as users do."""
    readout = notebook.page.locator(".widget-readout").nth(place)
    readout.click()
    readout.fill(str(value))
    readout.press("Enter")
