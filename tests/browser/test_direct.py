"""The direct channel: the sound goes neither through Jupyter nor through the main thread."""

from __future__ import annotations

import numpy as np
import pytest

from .cells import NOISE
from .conftest import OpenNotebook
from .notebook_page import NotebookPage
from .speech import Said, Studio

pytestmark = pytest.mark.alone

MADE = """
from grok_live_widget import GrokLive
live = GrokLive(partner="parrot", processing=False, channel="auto")
live
"""
KILLED = """
import os, signal
ended = live._sessions.process_id
os.kill(ended, signal.SIGKILL)
"""
BLOCK_PAGE = """() => {
  const until = performance.now() + 3000;
  while (performance.now() < until);
}"""


@pytest.mark.slow
def test_a_talk_goes_through_the_notebook_server_where_that_has_a_proxy(
    open_notebook: OpenNotebook, studio: Studio
) -> None:
    script = studio.script(Said("Good morning, is anybody there?", 0.5), lead_s=3)
    made = MADE.replace('"auto"', '"proxy"')
    notebook = open_notebook([made], hears=script, watches_frames=True)
    notebook.run_cell(0)
    notebook.wait(lambda: notebook.kernel.value("live.channel.kind") == "proxy", what="the channel")
    before = len(notebook.jupyter_frames)
    notebook.start()
    notebook.wait_for_turns("grok", 1)
    notebook.wait_until_silent(1)
    [reply] = _sounds(notebook, "assistant")
    np.testing.assert_array_equal(notebook.ring(), reply)
    assert notebook.kernel.value("live.turns.assistant[0].heard_sample_count") == len(reply)
    assert notebook.losses() == ""
    assert notebook.sound_messages(before) == []


@pytest.mark.slow
def test_a_microphone_can_be_switched_on_again_and_again(
    open_notebook: OpenNotebook, studio: Studio
) -> None:
    notebook = open_notebook([MADE], hears=studio.noise(120))
    notebook.run_cell(0)
    notebook.wait_until_direct()
    for _ in range(10):
        notebook.start()
        notebook.wait_for_status("Listening")
        notebook.press("Stop")
        notebook.panel.get_by_role("button", name="Start", exact=True).wait_for()


def _noise_begins(
    open_notebook: OpenNotebook, studio: Studio, isolation: str = "process"
) -> NotebookPage:
    """Noise on both sides, six seconds of the reply, of which the first have sounded."""
    partner = f"partner=lambda turn: noise(6), isolation={isolation!r}"
    made = MADE.replace('partner="parrot"', partner)
    notebook = open_notebook([NOISE, made], hears=studio.noise(60))
    notebook.run_cells(0, 1)
    notebook.wait_until_direct()
    notebook.start()
    notebook.send_text("Make a noise.")
    notebook.wait_until_sounding(after_samples=12_000)
    return notebook


def _sounds(notebook: NotebookPage, role: str) -> list[np.ndarray]:
    count = notebook.kernel.value(f"len(live.turns.{role})")
    return [notebook.kernel.array(f"live.turns.{role}[{each}].pcm") for each in range(count)]


def test_a_page_whose_main_thread_is_blocked_plays_and_hears_on(
    open_notebook: OpenNotebook, studio: Studio
) -> None:
    notebook = _noise_begins(open_notebook, studio)
    before = notebook.kernel.value("live.usage.sent_s")
    notebook.page.evaluate(BLOCK_PAGE)
    assert notebook.kernel.value("live.usage.sent_s") - before > 2.5, "it heard meanwhile"
    notebook.wait_until_silent(1)
    [reply] = _sounds(notebook, "assistant")
    np.testing.assert_array_equal(notebook.ring(), reply)
    assert notebook.positions()[-1]["underrun_count"] == 0
    assert notebook.losses() == ""


def test_the_sound_goes_on_through_jupyter_where_the_channel_ends_and_none_is_lost(
    open_notebook: OpenNotebook, studio: Studio
) -> None:
    # In a thread, where the kernel can close it.
    notebook = _noise_begins(open_notebook, studio, "thread")
    notebook.kernel.do(
        "from grok_live_widget.client import TALK_THREAD\n"
        "TALK_THREAD.run(live._bridge.sound._direct.close())"
    )
    notebook.wait(
        lambda: notebook.kernel.value("live.channel.kind") == "comm", what="the other channel"
    )
    assert notebook.kernel.value("live.channel.reason") == "The direct one was closed."
    notebook.wait_until_silent(1)
    [reply] = _sounds(notebook, "assistant")
    np.testing.assert_array_equal(notebook.ring(), reply)
    assert notebook.kernel.value("live.turns[-1].heard_sample_count") == len(reply)
    before = notebook.kernel.value("live.usage.sent_s")
    notebook.wait(
        lambda: notebook.kernel.value("live.usage.sent_s") > before + 1, what="the microphone"
    )
    assert notebook.losses() == ""


@pytest.mark.slow
def test_a_reply_sounds_on_while_another_process_takes_the_place_of_a_killed_one(
    open_notebook: OpenNotebook, studio: Studio
) -> None:
    notebook = _noise_begins(open_notebook, studio)
    # The server is three times as fast as the sound: most of it is in the kernel, not in the page.
    notebook.wait(
        lambda: notebook.kernel.value("live.turns[-1].is_complete"), what="the reply's end"
    )
    notebook.kernel.do(KILLED)
    notebook.wait_until_silent(1)
    [reply] = _sounds(notebook, "assistant")
    assert len(reply) == 6 * 24_000
    np.testing.assert_array_equal(notebook.ring(), reply)
    assert notebook.kernel.value("live.turns[-1].heard_sample_count") == len(reply)
    assert notebook.kernel.value("live._sessions.process_id != ended")
    assert notebook.positions()[-1]["underrun_count"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("end", ["SIGKILL", "SIGSTOP"])
def test_a_microphone_that_runs_goes_through_the_channel_that_opens_next(
    open_notebook: OpenNotebook, studio: Studio, end: str
) -> None:
    notebook = open_notebook([MADE, KILLED.replace("SIGKILL", end)], hears=studio.noise(120))
    notebook.run_cell(0)
    notebook.wait_until_direct()
    notebook.start()
    notebook.wait(lambda: notebook.kernel.value("live.usage.sent_s") > 1, what="the microphone")
    notebook.run_cell(1)
    notebook.wait(
        lambda: notebook.kernel.value(
            "live.phase == 'open' and live._sessions.process_id != ended"
        ),
        timeout_s=60,
        what="another process",
    )
    notebook.wait_until_direct()
    before = notebook.kernel.value("live.usage.sent_s")
    notebook.wait(
        lambda: notebook.kernel.value("live.usage.sent_s") > before + 1, what="the microphone"
    )
    before = notebook.kernel.value("live.usage.sent_s")
    notebook.page.evaluate(BLOCK_PAGE)
    assert notebook.kernel.value("live.usage.sent_s") - before > 2.5, "it heard meanwhile"
