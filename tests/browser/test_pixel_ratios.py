"""The panel on screens with one and with two pixels for each of CSS."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .cells import NOISE
from .conftest import OpenNotebook

MADE = """
live = GrokLive(partner=lambda turn: noise(20), processing=False)
live
"""

# Canvases whose pixels are not those of the screen, and are blurred therefore.
BLURRED = """() => [...document.querySelectorAll('.glw-panel canvas')]
  .filter((canvas) => canvas.checkVisibility())
  .map((canvas) => [canvas, Math.round(canvas.clientWidth * devicePixelRatio),
                    Math.round(canvas.clientHeight * devicePixelRatio)])
  .filter(([canvas, width, height]) => canvas.width !== width || canvas.height !== height)
  .map(([canvas, ...wanted]) => [canvas.className, canvas.width, canvas.height, ...wanted])"""
COUNT = "() => document.querySelectorAll('.glw-panel canvas').length"


@pytest.mark.slow
@pytest.mark.parametrize("ratio", [1, 1.5, 2])
def test_canvases_have_the_pixels_of_the_screen(
    open_notebook: OpenNotebook, tmp_path: Path, ratio: float
) -> None:
    size = {"width": 1100, "height": 1300}
    notebook = open_notebook([NOISE, MADE], viewport=size, pixel_ratio=ratio)
    folder = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    assert notebook.page.evaluate("devicePixelRatio") == ratio
    notebook.run_cells(0, 1)
    notebook.press("Spectrogram")
    notebook.panel.locator("canvas.glw-spectrogram").first.wait_for()
    notebook.start()
    notebook.send_text("Go on.")
    notebook.wait_until_sounding(after_samples=24_000)
    # Two of each kind (level, waveform, spectrogram), and the time axis.
    notebook.wait(lambda: notebook.page.evaluate(COUNT) == 7, what="all canvases")
    notebook.wait(lambda: notebook.page.evaluate(BLURRED) == [], what="sharp canvases")
    notebook.panel.screenshot(path=folder / f"pixel_ratio_{ratio}.png")
