"""A cell that holds the interpreter: one call in C, beside which no thread of the kernel runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .cells import RATE_OF_C
from .conftest import OpenNotebook
from .notebook_page import NotebookPage
from .speech import Said, Script, Studio

pytestmark = pytest.mark.alone

MADE = """
from grok_live_widget import GrokLive
live = GrokLive(partner=PARTNER, processing=False, channel="auto", isolation="process")
live
"""
HOLD = """
began_s = time.time()
sum(range(int(SECONDS * per_second)))
ended_s = time.time()
"""
SENTENCE = (
    "This is a long answer, which goes on while the kernel can do nothing at all, "
    "and nobody who listens to it hears any of that until it has come to its end."
)


def _opened(
    open_notebook: OpenNotebook, hears: Script, partner: str, seconds: int = 4
) -> NotebookPage:
    hold = HOLD.replace("SECONDS", str(seconds))
    notebook = open_notebook([MADE.replace("PARTNER", partner), RATE_OF_C, hold], hears=hears)
    notebook.run_cells(0, 1)
    notebook.wait(
        lambda: notebook.kernel.value("live.channel.kind") == "direct", what="the direct channel"
    )
    notebook.start()
    return notebook


def _hold(notebook: NotebookPage) -> tuple[float, float]:
    """Run the cell; returns when its call began and ended."""
    notebook.begin_cell(2)
    notebook.end_cell(2)
    began_s, ended_s = notebook.kernel.value("[began_s, ended_s]")
    assert ended_s - began_s > 2
    return began_s, ended_s


def _sounding_s(notebook: NotebookPage) -> list[float]:
    return [at_ms / 1000 for at_ms in notebook.page.evaluate("seams.soundingAtMs()")]


@pytest.mark.parametrize(
    "partner",
    [f"lambda turn: {SENTENCE!r}", pytest.param(f"[{SENTENCE!r}]", marks=pytest.mark.slow)],
    ids=["function", "list"],
)
def test_a_reply_sounds_on_sample_by_sample(
    open_notebook: OpenNotebook, studio: Studio, partner: str
) -> None:
    notebook = _opened(open_notebook, studio.script(lead_s=60), partner)
    notebook.send_text("Go on.")
    notebook.wait_until_sounding(after_samples=12_000)
    _hold(notebook)
    notebook.wait_until_silent(1)
    reply = notebook.kernel.array("live.turns.assistant[0].pcm")
    assert len(reply) / 24_000 > 6
    assert np.array_equal(notebook.ring(), reply)
    assert notebook.positions()[-1]["underrun_count"] == 0
    assert notebook.losses() == ""
    assert notebook.kernel.value("live.turns.assistant[0].heard_sample_count") == len(reply)
    # What was heard during the call is told with the time at which it was.
    played_s = notebook.kernel.value("live.turns.assistant[0].played_at_s")
    assert played_s is not None


def test_the_user_is_heard_and_answered_aloud_before_the_cell_ends(
    open_notebook: OpenNotebook, studio: Studio
) -> None:
    script = studio.script(Said("What is the weather like today?", 0.5), lead_s=4)
    notebook = _opened(open_notebook, script, "'parrot'", seconds=12)
    notebook.wait(lambda: notebook.kernel.value("live.usage.sent_s") > 0, what="the microphone")
    began_s, ended_s = _hold(notebook)
    notebook.wait_for_turns("grok", 1)
    notebook.wait_until_silent(1)
    sounded_s = _sounding_s(notebook)
    assert began_s < min(sounded_s) < ended_s
    reply = notebook.kernel.array("live.turns.assistant[0].pcm")
    assert np.array_equal(notebook.ring(), reply)
    assert notebook.positions()[-1]["underrun_count"] == 0
    # Times are those at which things happened, not those at which the kernel learned of them.
    latency_ms = notebook.kernel.value("live.turns.assistant[0].latency_ms")
    assert 0 < latency_ms < 3000


@pytest.mark.slow
def test_a_call_of_any_length_is_no_lost_kernel(
    open_notebook: OpenNotebook, studio: Studio
) -> None:
    # Where nothing but the comm tells of the kernel, it is taken for lost after 15 s.
    script = studio.script(Said("What is the weather like today?", 0.5), lead_s=18)
    notebook = _opened(open_notebook, script, "'parrot'", seconds=30)
    notebook.wait(lambda: notebook.kernel.value("live.usage.sent_s") > 0, what="the microphone")
    notebook.begin_cell(2)
    notebook.wait_for_status("The kernel is busy; speech goes on, typed text waits")
    notebook.send_text("And tomorrow?")
    notebook.wait(lambda: notebook.live_track_count() == 1, what="the microphone")
    statuses = set()
    notebook.wait(
        lambda: statuses.add(notebook.status()) or _sounding_s(notebook),
        timeout_s=40,
        what="the reply",
    )
    assert not [each for each in statuses if "No kernel" in each]
    notebook.end_cell(2)
    began_s, ended_s = notebook.kernel.value("[began_s, ended_s]")
    assert ended_s - began_s > 16
    assert began_s < min(_sounding_s(notebook)) < ended_s
    # What was typed meanwhile is sent once.
    notebook.wait_for_turns("grok", 2)
    asked = notebook.kernel.value("[turn.text for turn in live.turns.user]")
    assert asked[1:] == ["And tomorrow?"]
    notebook.wait(lambda: notebook.panel.get_attribute("data-kernel") == "ok", what="the kernel")
    assert notebook.losses() == ""


@pytest.mark.slow
def test_a_killed_kernel_leaves_no_process_and_no_open_microphone(
    open_notebook: OpenNotebook, studio: Studio
) -> None:
    notebook = _opened(open_notebook, studio.noise(60), "'parrot'")
    process_id = notebook.kernel.value("live._sessions.process_id")
    notebook.wait(lambda: notebook.kernel.value("live.usage.sent_s") > 0.5, what="the microphone")
    notebook.kill_kernel()
    notebook.wait(lambda: not Path(f"/proc/{process_id}").exists(), what="the end of the process")
    notebook.wait(lambda: notebook.live_track_count() == 0, what="the microphone's release")
