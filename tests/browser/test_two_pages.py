"""One talk in two pages: one of them has the microphone and the sound."""

from __future__ import annotations

import numpy as np

from .cells import NOISE
from .conftest import OpenNotebook

MADE = """
live = GrokLive(partner=lambda turn: noise(1))
live
"""


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
    assert second.notices() == ["Another page has this talk’s microphone and sound."]
    first.send_text("Two.")
    second.wait_for_turns("grok", 2)
    first.wait_until_silent(2)
    assert second.nodes() == []
    assert (first.live_track_count(), second.live_track_count()) == (1, 0)

    second.press("Take over")
    first.wait(lambda: first.live_track_count() == 0, what="the first to let go")
    second.press("Turn microphone on")
    second.wait_for_status("Listening")
    second.until("() => seams.tap()", what="the second loudspeaker")
    second.send_text("Three.")
    second.wait_until_silent(1)
    np.testing.assert_array_equal(second.ring(), second.kernel.array("live.turns[-1].pcm"))
    assert first.page.evaluate("seams.page().playbacks.size") == 0
    assert (first.live_track_count(), second.live_track_count()) == (0, 1)
