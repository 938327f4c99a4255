"""The live spectrogram: a drawer that shows what is heard while it is heard."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .cells import NOISE
from .conftest import OpenNotebook

MADE = """
live = GrokLive(partner=lambda turn: noise(6), processing=False)
live
"""
BRIGHT = """(canvas) => {
  const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let count = 0;
  for (let i = 0; i < data.length; i += 4) count += data[i] > 180;
  return count;
}"""


@pytest.mark.slow
def test_the_spectrogram_shows_a_reply_while_it_sounds(
    open_notebook: OpenNotebook, tmp_path: Path
) -> None:
    notebook = open_notebook([NOISE, MADE])
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.panel.get_by_role("button", name="Spectrogram").click()
    reply = notebook.panel.locator("canvas.glw-spectrogram").nth(1)
    reply.wait_for()
    assert reply.evaluate(BRIGHT) == 0
    notebook.send_text("Go on.")
    notebook.wait_until_sounding()
    notebook.wait(lambda: reply.evaluate(BRIGHT) > 2_000, what="the sound in the spectrogram")
    folder = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    notebook.panel.screenshot(path=folder / "spectrogram.png")
    notebook.wait_until_heard("live.turns.assistant[0]", 6 * 24_000)
