"""Jupyter drops messages when output floods; positions stay correct, and the loss is shown."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import pytest

from .cells import NOISE
from .conftest import OpenNotebook
from .notebook_page import NotebookPage
from .sound import PCM_RATE_HZ

pytestmark = pytest.mark.slow

MADE = """
live = GrokLive(partner=lambda turn: noise(8), channel="comm")
live
"""
DIRECT = MADE.replace("comm", "direct")
# Output beyond the server's limit is dropped, and with it every other message, until the
# kernel is idle for a moment. This output belongs to no cell, since rendering it would keep the
# page busy, which is not tested here.
FLOOD = """
import time
kernel = get_ipython().kernel
content = {{"name": "stdout", "text": "x" * 50_000}}
until_s = time.monotonic() + {duration_s}
while time.monotonic() < until_s:
    kernel.session.send(kernel.iopub_socket, "stream", content, parent={{}})
    time.sleep(0.002)
"""


def test_audio_lost_in_a_flood_of_output_is_silence_and_counted(
    open_notebook: OpenNotebook,
):
    notebook = open_notebook([NOISE, MADE, FLOOD.format(duration_s=3)])
    _ask_and_flood(notebook, after_s=0.0)
    notebook.wait_until_silent(1)

    pcm = notebook.kernel.array("live.turns[1].pcm")
    notebook.wait_until_heard("live.turns[1]", len(pcm))
    lost = notebook.positions()[-1]["lost_sample_count"]
    ring = notebook.ring()
    assert lost > 0, "nothing was lost, so this proves nothing"
    assert len(ring) + lost == len(pcm)
    assert _is_all_of(ring, pcm)
    # Browsers round the shortest decimal that is the double, and a tie up (ICU); Python rounds its
    # exact value.
    shown_s = Decimal(repr(lost / PCM_RATE_HZ)).quantize(Decimal("0.1"), ROUND_HALF_UP)
    assert f"{shown_s} s" in notebook.losses()
    assert "was lost" in notebook.losses()
    assert notebook.kernel.value("live.loudspeaker.lost_s") == lost / PCM_RATE_HZ
    check = "live.doctor()['loudspeaker'].found"
    assert f"{lost / PCM_RATE_HZ:.1f} s of sound was lost" in notebook.kernel.value(check)


def test_a_reply_whose_end_is_lost_still_ends_and_the_talk_continues(
    open_notebook: OpenNotebook,
):
    notebook = open_notebook([NOISE, MADE, FLOOD.format(duration_s=3)])
    _ask_and_flood(notebook, after_s=4.5)
    pcm = notebook.kernel.array("live.turns[1].pcm")
    notebook.wait_until_heard("live.turns[1]", len(pcm))
    notebook.wait(lambda: "speaking" not in notebook.status(), what="silence")
    notebook.wait(lambda: "A cell is running" not in notebook.losses(), what="the end of the cell")

    notebook.send_text("And another.")
    notebook.wait(lambda: notebook.kernel.value("len(live.turns)") == 4, what="an answer")
    notebook.wait_until_heard("live.turns[3]", len(pcm))


def test_no_audio_of_the_direct_channel_is_lost_in_a_flood_of_output(
    open_notebook: OpenNotebook,
) -> None:
    notebook = open_notebook([NOISE, DIRECT, FLOOD.format(duration_s=3)])
    _ask_and_flood(notebook, after_s=0.0, is_direct=True)
    assert notebook.kernel.value("live.channel.kind") == "direct"
    notebook.wait_until_silent(1)
    pcm = notebook.kernel.array("live.turns[1].pcm")
    np.testing.assert_array_equal(notebook.ring(), pcm)
    assert notebook.positions()[-1]["lost_sample_count"] == 0
    assert notebook.positions()[-1]["underrun_count"] == 0
    notebook.wait_until_heard("live.turns[1]", len(pcm))


def _ask_and_flood(notebook: NotebookPage, *, after_s: float, is_direct: bool = False) -> None:
    notebook.run_cells(0, 1)
    if is_direct:
        notebook.wait_until_direct()
    notebook.start()
    notebook.send_text("Please tell me a long story.")
    notebook.wait_until_sounding(after_samples=int(after_s * PCM_RATE_HZ))
    # The page does not notice the cell's end, since that message is dropped too.
    notebook.begin_cell(2)


def _is_all_of(ring: np.ndarray, pcm: np.ndarray) -> bool:
    """Whether `ring` is `pcm` with some stretches left out."""
    size = 1_200
    starts = {pcm[at : at + 16].tobytes(): at for at in range(len(pcm) - 16)}
    places = [starts.get(ring[at : at + 16].tobytes(), -1) for at in range(0, len(ring) - 16, size)]
    known = [place for place in places if place >= 0]
    return len(known) > 0.9 * len(places) and known == sorted(known)
