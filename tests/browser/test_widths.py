"""The panel can be read and used at every width, in every state; see `test_looks` for pictures."""

from __future__ import annotations

from pathlib import Path

import pytest

from .cells import NOISE
from .conftest import OpenNotebook
from .notebook_page import NotebookPage
from .speech import Studio
from .test_looks import _assert_can_be_read, pictures
from .themes import THEMES

__all__ = ["pictures"]

pytestmark = pytest.mark.slow

MADE = """
from grok_live_widget import PushToTalk, RehearsalServer, tool
from grok_live_widget.rehearsal import CallTool

@tool(approve=True)
def look_up_the_weather(city: str, days: int = 3) -> str:
    "Look up the weather."
    return "sunny"

WORDS = "Yes. The Fourier transform takes a sound apart into tones of different frequencies."
def partner(turn):
    if "weather" in turn.text:
        return CallTool("look_up_the_weather", {"city": "Llanfairpwllgwyngyll", "days": 3})
    return noise(20) if "long" in turn.text else WORDS

server = RehearsalServer(partner).start()
# The noise of the microphone must not be taken for speech.
live = GrokLive(url=server.url(), api_key="any", voice="nova", tools=[look_up_the_weather],
                turn_detection=PushToTalk())
live
"""
HANG_UP = "server.close()"

WIDTHS = (320, 480, 900)

# Texts that are wrapped must have room for a word; what is cut off must not be a text or a button.
NARROW = """(panel) => [...panel.querySelectorAll(
    '.glw-notice-text, .glw-turn-words, .glw-status, .glw-call-words, .glw-banner, .glw-empty')]
  .filter((element) => element.checkVisibility() && element.textContent.length > 20)
  .filter((element) => element.clientWidth < Math.min(130, 0.5 * panel.clientWidth))
  .map((element) => [element.className, element.clientWidth, panel.clientWidth])"""
CUT = """(panel) => {
  const box = panel.getBoundingClientRect();
  const isCut = (element) => {
    const { left, right } = element.getBoundingClientRect();
    const isWide = !element.matches('.glw-send') && element.scrollWidth > element.clientWidth + 1;
    return left < box.left || right > box.right || isWide;
  };
  return [...panel.querySelectorAll('button, .glw-notice-text, .glw-turn-words, .glw-name')]
    .filter((element) => element.checkVisibility() && isCut(element))
    .map((element) => [element.className, element.textContent]);
}"""


@pytest.mark.parametrize("theme", THEMES)
def test_the_panel_can_be_used_at_every_width(
    open_notebook: OpenNotebook, studio: Studio, pictures: Path, theme: str
):
    notebook = open_notebook([NOISE, MADE, HANG_UP], hears=studio.noise(60))
    notebook.use_theme(theme)
    notebook.command("application:toggle-left-area")
    notebook.run_cells(0, 1)

    def look(state: str) -> None:
        for width in WIDTHS:
            _look(notebook, pictures / f"{theme}_{width}_{state}.png", width)
        notebook.page.set_viewport_size({"width": 1000, "height": 1600})

    look("0_empty")
    notebook.start()
    notebook.send_text("Is it so?")
    notebook.wait_until_sounding()
    look("1_talk")
    notebook.wait_for_turns("grok", 1)
    notebook.wait_until_silent(1)
    notebook.send_text("How is the weather?")
    notebook.panel.locator(".glw-call[data-state=waiting]").wait_for()
    look("2_approval")
    notebook.press("Allow")
    notebook.wait_until_silent(2)
    notebook.send_text("Tell me a long story.")
    notebook.wait_until_sounding()
    notebook.send_text("And another one.")
    notebook.panel.get_by_role("button", name="Skip to the newest reply").wait_for()
    look("3_skip")
    notebook.press("Stop")
    notebook.wait_for_status("Press Start")
    look("4_after")
    notebook.run_cell(2)
    notebook.press("Start")
    notebook.panel.get_by_text("Nothing answers").wait_for()
    look("5_notice")
    notebook.kill_kernel()
    notebook.wait_for_status("No kernel")
    notebook.page.locator(".jp-Dialog button").click()
    look("6_no_kernel")
    notebook.command("application:toggle-left-area")


def _look(notebook: NotebookPage, path: Path, width: int) -> None:
    notebook.page.set_viewport_size({"width": width, "height": 1600})
    notebook.panel.scroll_into_view_if_needed()
    notebook.panel.screenshot(path=path)
    _assert_can_be_read(notebook)
    assert notebook.panel.evaluate(NARROW) == []
    assert notebook.panel.evaluate(CUT) == []
