"""The time axis of the panel: looking back plays the sound of that place."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from .cells import NOISE
from .conftest import OpenNotebook
from .notebook_page import NotebookPage
from .themes import LIGHT_AND_DARK

MADE = """
live = GrokLive(partner=lambda turn: noise(3), processing=False)
live
"""
LONG = """
words = " ".join(["One, two, three, four, five, six, seven, eight, nine, ten."] * 6)
live = GrokLive(partner=lambda turn: words, processing=False)
live
"""
# Pixels of the axis that are drawn.
DRAWN = """(canvas) => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 3; i < data.length; i += 4) count += data[i] > 0;
  return count;
}"""


def look_back(notebook: NotebookPage, *, least_pixels: int = 3_000) -> float:
    """Go to the beginning of the talk; returns its time.

    `least_pixels` is more than what is drawn without its sound.
    """
    axis = notebook.panel.get_by_role("slider", name="Time axis of the talk")
    axis.wait_for()
    notebook.wait(lambda: axis.get_attribute("aria-valuemin") is not None, what="the talk's clock")
    axis.focus()
    axis.press("Home")
    notebook.wait(
        lambda: axis.get_attribute("aria-valuenow") == axis.get_attribute("aria-valuemin"),
        what="the beginning of the talk",
    )
    notebook.wait(lambda: axis.evaluate(DRAWN) > least_pixels, what="the sound of the talk")
    return float(axis.get_attribute("aria-valuenow") or 0)


@pytest.mark.slow
@pytest.mark.alone
def test_a_click_plays_the_samples_of_its_place_and_a_click_ends_it(
    open_notebook: OpenNotebook,
) -> None:
    notebook = open_notebook([NOISE, MADE])
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.send_text("A noise, please.")
    notebook.wait_until_silent(1)
    reply = notebook.kernel.array("live.turns.assistant[0].pcm")
    notebook.wait_until_heard("live.turns.assistant[0]", len(reply))
    begin_s = look_back(notebook)
    axis = notebook.panel.get_by_role("slider", name="Time axis of the talk")
    box = axis.bounding_box()
    assert box is not None
    # The beginning is in the middle; 75 pixels are a second. It is that of the typed turn.
    before_s = notebook.kernel.value("live.turns.assistant[0].played_at_s") - begin_s
    axis.click(position={"x": box["width"] / 2 + 75 * (before_s + 1), "y": 20})
    notebook.panel.get_by_text("Playing from").wait_for()
    line = notebook.panel.locator(".glw-turn-grok")
    notebook.wait(lambda: line.get_attribute("aria-current") == "true", what="the line that plays")
    notebook.wait_until_silent(2)
    ring = notebook.ring()
    np.testing.assert_array_equal(ring[: len(reply)], reply)
    again = ring[len(reply) :]
    skipped = len(reply) - len(again)
    # Times are told with a tenth of a second, and a pixel is a seventy-fifth.
    assert abs(skipped - 24_000) < 24_000 * (0.05 + 2 / 75), "a second after its beginning"
    np.testing.assert_array_equal(again, reply[skipped:])
    assert notebook.kernel.value("live.turns.assistant[0].heard_sample_count") == len(reply)
    # Where it began is still in the middle, so that it can be played by the keyboard, too.
    look_back(notebook)
    axis.press("Enter")
    notebook.wait(lambda: np.abs(notebook.ring()[len(ring) :]).max(initial=0) > 0, what="sound")
    axis.press("Escape")
    notebook.wait_until_silent(3)
    played = notebook.ring()[len(ring) :]
    sounding = played[np.flatnonzero(played)[0] :]
    assert 240 < len(sounding) < len(reply), "it ends when Escape is pressed"
    # But for the fade of 5 ms.
    np.testing.assert_array_equal(sounding[:-240], reply[: len(sounding) - 240])
    assert "Playing" not in notebook.panel.inner_text()


@pytest.mark.slow
@LIGHT_AND_DARK
@pytest.mark.parametrize("width", [1280, 320])
def test_the_axis_shows_both_voices_marks_and_what_was_not_heard(
    open_notebook: OpenNotebook, tmp_path: Path, theme: str, width: int
) -> None:
    notebook = open_notebook([NOISE, LONG], viewport={"width": 1280, "height": 1400})
    notebook.use_theme(theme)
    notebook.command("application:toggle-left-area")
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.send_text("Please count to ten.")
    notebook.wait_until_sounding(after_samples=24_000)
    notebook.press("Interrupt")
    notebook.wait_for_turns("grok", 1)
    notebook.page.set_viewport_size({"width": width, "height": 1400})
    notebook.panel.scroll_into_view_if_needed()
    folder = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    axis = notebook.panel.get_by_role("slider", name="Time axis of the talk")
    axis.wait_for()
    notebook.wait(lambda: axis.evaluate(DRAWN) > 500, what="labels and marks")
    notebook.panel.screenshot(path=folder / f"{theme}_{width}_axis_live.png")
    axis.press("-")
    look_back(notebook, least_pixels=3_000 if width > 320 else 1_500)
    notebook.panel.screenshot(path=folder / f"{theme}_{width}_axis_back.png")
    notebook.panel.get_by_role("button", name="Turn menu").last.click()
    notebook.panel.get_by_role("menuitem", name="Show in Messages").click()
    jump = notebook.panel.get_by_role("button", name="Show the turn in the transcript").first
    jump.wait_for()
    notebook.panel.screenshot(path=folder / f"{theme}_{width}_axis_inspector.png")
    jump.click()
    line = notebook.panel.locator(".glw-turn-grok")
    assert line.evaluate("(line) => line === document.activeElement")
    notebook.command("application:toggle-left-area")
