"""The panel in the layouts of ipywidgets: it can be read there, and shows what a tool displays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .conftest import OpenNotebook
from .notebook_page import NotebookPage

MADE = """
import ipywidgets as w
from IPython.display import HTML, display
from grok_live_widget import GrokLive

def show(title: str) -> str:
    "Show a title."
    display(HTML(f"<b class='by-a-tool'>{title}</b>"))
    display(w.HTML(f"<i class='by-a-widget'>{title}</i>"))
    return f"showed {title}"

live = GrokLive(partner="talker", tools=[show])
"""
LAYOUTS = {
    "cell": "live",
    "hbox": "w.HBox([live])",
    "hbox_with_others": "w.HBox([w.Button(description='One'), live, w.Label('two')])",
    "vbox": "w.VBox([w.Label('above'), live])",
    "box": "w.Box([live])",
    "grid": "w.GridBox([live, w.Label('x')], layout=w.Layout(grid_template_columns='1fr 200px'))",
    "app_layout": "w.AppLayout(left_sidebar=w.Label('left'), center=live)",
    "accordion": "w.Accordion([live], titles=['Talk'], selected_index=0)",
    "tab": "w.Tab([w.Label('first'), live], titles=['First', 'Talk'], selected_index=1)",
    "nested": "w.VBox([w.HBox([w.VBox([live]), w.Button(description='One')])])",
    "output": "out = w.Output()\nwith out:\n    display(live)\nw.HBox([out])",
    "interact": "w.interact(lambda x: display(live), x=(0, 3));",
}
LEAST_WIDTH = 400


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _assert_can_be_read(notebook: NotebookPage) -> None:
    size = notebook.panel.bounding_box()
    assert size is not None
    assert size["width"] >= LEAST_WIDTH
    width, needed = notebook.panel.evaluate("panel => [panel.clientWidth, panel.scrollWidth]")
    assert needed <= width


@pytest.mark.slow
def test_the_panel_and_what_tools_display_are_shown_in_every_layout(
    open_notebook: OpenNotebook, pictures: Path
) -> None:
    size = {"width": 1100, "height": 1200}
    layouts = list(LAYOUTS.values())
    notebook = open_notebook([MADE, *layouts], viewport=size)
    notebook.run_cell(0)
    for index, name in enumerate(LAYOUTS, 1):
        notebook.run_cell(index)
        notebook.look_at(index - 1)
        notebook.panel.wait_for()
        notebook.send_text(f'call show {{"title": "{name}"}}')
        host = notebook.panel.locator("..")
        for by in ("by-a-tool", "by-a-widget"):
            host.locator(f".{by}", has_text=name).first.wait_for()
        host.screenshot(path=pictures / f"box_{name}.png")
        _assert_can_be_read(notebook)


def test_in_a_box_the_panel_grows_and_shows_what_a_tool_displays(
    open_notebook: OpenNotebook,
) -> None:
    cell = "w.HBox([w.Button(description='One'), live])"
    notebook = open_notebook([MADE, cell], viewport={"width": 1400, "height": 900})
    notebook.run_cells(0, 1)
    notebook.panel.wait_for()
    notebook.send_text('call show {"title": "hills"}')
    notebook.panel.locator("..").locator(".by-a-tool", has_text="hills").wait_for()
    widths = []
    for width in (1400, 1200, 1050):
        notebook.page.set_viewport_size({"width": width, "height": 900})
        # Two frames later the page has its new layout.
        notebook.page.evaluate(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
        )
        widths.append(notebook.panel.evaluate("panel => panel.clientWidth"))
        _assert_can_be_read(notebook)
    assert widths[0] > widths[1] > widths[2]
