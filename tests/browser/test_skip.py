"""Replies that wait for the loudspeaker can be skipped in the panel."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .cells import NOISE
from .conftest import OpenNotebook
from .sound import PCM_RATE_HZ
from .themes import LIGHT_AND_DARK

MADE = """
lengths_s = [20, 4, 2]
live = GrokLive(partner=lambda turn: noise(lengths_s.pop(0)), processing=False)
live
"""


@pytest.mark.slow
@LIGHT_AND_DARK
def test_the_newest_of_the_replies_that_wait_is_played_on_request(
    open_notebook: OpenNotebook, tmp_path: Path, theme: str
):
    notebook = open_notebook([NOISE, MADE])
    notebook.use_theme(theme)
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.send_text("One.")
    notebook.wait_until_sounding()
    skip = notebook.panel.get_by_role("button", name="Skip to the newest reply")
    assert skip.count() == 0
    notebook.send_text("Two.")
    notebook.panel.get_by_text("One more answer waits to be played.").wait_for()
    notebook.send_text("Three.")
    notebook.panel.get_by_text("2 more answers wait to be played.").wait_for()
    notebook.wait_for_turns("grok", 3)
    folder = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    notebook.panel.screenshot(path=folder / f"{theme}_skip.png")
    skip.click()
    skip.wait_for(state="hidden")
    notebook.wait_until_heard("live.turns.assistant[2]", 2 * PCM_RATE_HZ)
    heard = notebook.kernel.value("[t.heard_sample_count for t in live.turns.assistant]")
    assert 0 < heard[0] < 20 * PCM_RATE_HZ
    assert not heard[1]
    cut = notebook.kernel.value("[t.was_interrupted for t in live.turns.assistant]")
    assert cut == [True, True, False]
    assert [len(notebook.kernel.array(f"live.turns.assistant[{i}].pcm")) for i in range(3)] == [
        20 * PCM_RATE_HZ,
        4 * PCM_RATE_HZ,
        2 * PCM_RATE_HZ,
    ]
