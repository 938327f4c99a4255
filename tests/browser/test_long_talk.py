"""A talk with hundreds of turns behind it goes on for minutes, and leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import OpenNotebook
from .notebook_page import NotebookPage
from .speech import Said, Studio

pytestmark = [pytest.mark.slow, pytest.mark.alone]

EARLIER_COUNT = 150
# The silence with which the kernel ends what was spoken when the microphone is switched off.
END_SAMPLES = 19_200
SPOKEN_COUNT = 8
MADE = f"""
import numpy as np
from grok_live_widget import GrokLive
from grok_live_widget.rehearsal import Unvoiced

rng = np.random.default_rng(5)

def answer(turn):
    if turn.text.startswith("Question"):
        return Unvoiced("Nobody had ever seen **such a thing**, so they talked of it.")
    return rng.integers(-3000, 3000, 72_000).astype(np.int16)

live = GrokLive(partner=answer, processing=False, channel=CHANNEL)
for number in range({EARLIER_COUNT}):
    live.ask(f"Question {{number}}.")
live.stop()
live
"""
SOUND = """
heard = [turn.pcm[: turn.heard_sample_count or 0] for turn in live.turns.assistant]
pcm = np.concatenate(heard).astype(np.int64)
sums = np.cumsum(pcm)
sound = [int(each) % 2**32 for each in (len(pcm), sums[-1], sums.sum())]
"""
# Turns and their words are kept; eight exchanges take less than this.
MOST_GROWN_BYTES = 2_000_000
# JupyterLab adds a few of its own; one for each message or frame would be hundreds.
MOST_LISTENERS = 20


@pytest.mark.parametrize("channel", ["direct", "comm"])
def test_minutes_after_three_hundred_turns_lose_no_sample_and_leave_no_memory(
    open_notebook: OpenNotebook, studio: Studio, channel: str
):
    script = studio.script(*[Said("Good morning, is anybody there?", 6.5)] * SPOKEN_COUNT)
    notebook = open_notebook([MADE.replace("CHANNEL", repr(channel))], hears=script)
    notebook.begin_cell(0)
    notebook.panel.wait_for(timeout=120_000)
    notebook.end_cell(0)
    notebook.page.evaluate("() => { seams.countSound(); seams.countMessages(); }")
    cdp = notebook.page.context.new_cdp_session(notebook.page)
    notebook.press("Start")
    _wait_until_captured(notebook, script.duration_s / SPOKEN_COUNT * 3)
    before = _memory(cdp)
    _wait_until_captured(notebook, script.duration_s)
    after = _memory(cdp)
    reply_count = notebook.kernel.value("len(live.turns.assistant)") - EARLIER_COUNT
    assert reply_count >= SPOKEN_COUNT // 2
    notebook.press("Stop")
    notebook.wait_for_status("Press Start")

    assert len(notebook.transcript()) == notebook.kernel.value("len(live.turns)")
    # What is counted as heard was played, the same samples in the same order; of a reply that is
    # not interrupted that is all of it.
    notebook.kernel.do(SOUND)
    played = notebook.page.evaluate("seams.counted")
    sums = [played[name] % 2**32 for name in ("count", "sum", "sums")]
    assert sums == notebook.kernel.value("sound")
    is_whole = (
        "all(turn.was_interrupted or turn.heard_sample_count == turn.sample_count "
        "for turn in live.turns.assistant if turn.sample_count)"
    )
    assert notebook.kernel.value(is_whole)
    assert played["lost"] == 0
    # All that the microphone captured has reached the server, but for what is counted as dropped.
    if channel == "comm":
        captured = notebook.page.evaluate("seams.microphone")
        assert captured["missing"] == captured["dropped"]
        arrived = notebook.kernel.value("round(live.usage.sent_s * 24_000)")
        appended = arrived + captured["late"] - captured["samples"]
        assert appended in (0, END_SAMPLES)
    else:
        assert "not sent" not in notebook.losses()
    # The page keeps the new turns, and nothing else.
    assert after["bytes"] - before["bytes"] < MOST_GROWN_BYTES, (before, after)
    grown = after["jsEventListeners"] - before["jsEventListeners"]
    assert grown < MOST_LISTENERS, (before, after)


def _wait_until_captured(notebook: NotebookPage, duration_s: float) -> None:
    """Wait until so much was sent of the microphone, and the last reply is over and silent."""
    notebook.wait(
        lambda: notebook.kernel.value("live.usage.sent_s") >= duration_s,
        timeout_s=240,
        what=f"{duration_s:.0f} s of the microphone",
    )
    is_sounding = "() => !!document.querySelector('.glw-turn[aria-current=true]')"
    notebook.wait(
        lambda: (
            notebook.kernel.value("live.turns[-1].is_complete")
            and not notebook.page.evaluate(is_sounding)
        ),
        what="the last reply to end",
    )


def _memory(cdp: Any) -> dict[str, int]:
    cdp.send("HeapProfiler.collectGarbage")
    used = cdp.send("Runtime.getHeapUsage")["usedSize"]
    return {"bytes": used, **cdp.send("Memory.getDOMCounters")}
