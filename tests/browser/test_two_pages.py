"""One talk in two pages: one of them has the microphone and the sound."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from .cells import NOISE
from .conftest import OpenNotebook
from .speech import Studio
from .themes import LIGHT_AND_DARK

MADE = """
live = GrokLive(partner=lambda turn: noise(1))
live
"""


TAKEN = "Another page has this talk’s microphone and sound: it hears you and plays the replies."


def test_a_second_page_shows_the_talk_and_is_silent_until_it_takes_over(
    open_notebook: OpenNotebook,
):
    first = open_notebook([NOISE, MADE])
    first.run_cells(0, 1)
    first.start()
    first.send_text("One.")
    first.wait_for_turns("grok", 1)
    first.wait_until_silent(1)
    first.command("docmanager:save")

    second = first.open_again()
    second.wait_for_turns("grok", 1)
    assert second.transcript() == first.transcript()
    assert second.notices() == [TAKEN]
    first.send_text("Two.")
    second.wait_for_turns("grok", 2)
    first.wait_until_silent(2)
    assert second.nodes() == []
    assert (first.live_track_count(), second.live_track_count()) == (1, 0)

    assert TAKEN not in first.notices()
    second.press("Take over")
    first.wait(lambda: first.notices() == [TAKEN], what="the first to be told")
    first.wait_for_status("Talking in another page")
    assert second.notices() == []
    first.wait(lambda: first.live_track_count() == 0, what="the first to let go")
    second.press("Turn microphone on")
    second.wait_for_status("Listening")
    second.until("() => seams.tap()", what="the second loudspeaker")
    second.send_text("Three.")
    second.wait_for_turns("grok", 3)
    # The end of the second reply, without sound, may be sent to this page, too.
    second.wait(lambda: second.ring().size > 0, what="sound")
    second.wait(lambda: second.positions()[-1]["is_final"], what="its end")
    np.testing.assert_array_equal(second.ring(), second.kernel.array("live.turns[-1].pcm"))
    assert first.page.evaluate("seams.page().playbacks.size") == 0
    assert (first.live_track_count(), second.live_track_count()) == (0, 1)


ONE = """
from grok_live_widget import GrokLive
one = GrokLive(partner="parrot")
one
"""
TWO = """
two = GrokLive(partner="parrot")
two
"""


@pytest.mark.slow
@LIGHT_AND_DARK
def test_a_panel_is_told_that_another_panel_of_the_page_took_the_microphone(
    open_notebook: OpenNotebook, studio: Studio, tmp_path: Path, theme: str
):
    notebook = open_notebook([ONE, TWO], hears=studio.noise(60))
    notebook.use_theme(theme)
    notebook.run_cells(0, 1)
    notebook.press("Start")
    notebook.wait_for_status("Listening")
    notebook.look_at(1)
    notebook.press("Start")
    notebook.wait_for_status("Listening")
    assert notebook.notices() == []
    notebook.look_at(0)
    assert notebook.notices() == [
        "Another panel of this page has taken the microphone, so this talk no longer hears you."
    ]
    assert notebook.status() == "Connected, the microphone is off"
    folder = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    notebook.panel.screenshot(path=folder / f"{theme}_taken.png")
    notebook.press("Take it back")
    notebook.wait_for_status("Listening")
    assert notebook.notices() == []
    assert notebook.live_track_count() == 1
    notebook.look_at(1)
    assert "has taken the microphone" in notebook.notices()[0]
    notebook.press("Stop")
    notebook.wait(lambda: not notebook.notices(), what="the notice to disappear")
