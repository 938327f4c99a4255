"""How the panel looks; screenshots are written to the folder in GROK_LIVE_PICTURES."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .cells import NOISE
from .conftest import OpenNotebook
from .notebook_page import NotebookPage
from .speech import Said, Studio
from .themes import LIGHT_AND_DARK

MADE = """
from grok_live_widget import RehearsalServer
replies = [
    "The Fourier transform takes a sound apart into tones, and tells how strong each is.",
    "Yes, and nothing of the sound is lost; the tones can be put together again.",
]
server = RehearsalServer(lambda turn: replies.pop(0) if replies else "Good.").start()
live = GrokLive(url=server.url("realtime"), api_key="rehearsal", voice="nova")
live
"""
HANG_UP = "server.close()"

# Relative luminance and contrast: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
CONTRASTS = """() => {
  const rgb = (text) => {
    const canvas = new OffscreenCanvas(1, 1).getContext('2d');
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b]
    .map((x) => x / 255).map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
    .reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const shown = [...document.querySelectorAll('.glw-panel *')]
    .filter((element) => element.checkVisibility({ opacityProperty: true }))
    .filter((element) => [...element.childNodes]
      .some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()));
  return shown.map((element) => {
    const [a, b] = [light(rgb(getComputedStyle(element).color)), light(ground(element))];
    return [element.className, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
  });
}"""
LEAST_CONTRAST = 4.5


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@LIGHT_AND_DARK
@pytest.mark.slow  # test_access.py measures all states without JupyterLab.
def test_the_panel_can_be_read_in_every_state(
    open_notebook: OpenNotebook, studio: Studio, pictures: Path, theme: str
):
    script = studio.script(Said("What is a Fourier transform?", 0.5), lead_s=3.0)
    size = {"width": 1100, "height": 900}
    notebook = open_notebook([NOISE, MADE, HANG_UP], hears=script, viewport=size)
    notebook.use_theme(theme)
    notebook.run_cells(0, 1)

    def look(state: str) -> None:
        notebook.panel.screenshot(path=pictures / f"{theme}_{state}.png")
        _assert_can_be_read(notebook)

    look("0_closed")
    notebook.start()
    notebook.wait_for_status("Listening")
    look("1_listening")
    notebook.wait_until_sounding()
    look("2_speaking")
    notebook.press("Interrupt")
    notebook.panel.locator(".glw-turn-interrupted").wait_for()
    look("3_interrupted")
    notebook.send_text("Can it be undone?")
    notebook.wait_for_turns("grok", 2)
    look("4_answered")
    notebook.run_cell(2)
    notebook.wait(notebook.notices, what="a notice")
    look("5_hung_up")
    notebook.command("application:toggle-left-area")
    notebook.page.set_viewport_size({"width": 420, "height": 900})
    notebook.page.screenshot(path=pictures / f"{theme}_6_narrow_page.png")
    look("6_narrow")
    notebook.command("application:toggle-left-area")


def _assert_can_be_read(notebook: NotebookPage) -> None:
    contrasts = notebook.page.evaluate(CONTRASTS)
    assert contrasts
    weak = [(name, round(ratio, 2)) for name, ratio in contrasts if ratio < LEAST_CONTRAST]
    assert not weak
    width, needed = notebook.panel.evaluate("panel => [panel.clientWidth, panel.scrollWidth]")
    assert needed <= width
