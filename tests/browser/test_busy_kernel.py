"""A talk continues while a cell runs."""

from __future__ import annotations

import pytest

from .cells import NOISE
from .conftest import OpenNotebook
from .speech import Said, Studio

MADE = """
import time
answered_at_s = []
def partner(turn):
    answered_at_s.append(time.time())
    return noise(1)

partner.needs_words = False
live = GrokLive(partner=partner, processing=False)
live
"""

SLEEPING = """
began_s = time.time()
time.sleep(6)
ended_s = time.time()
"""

COUNTING = """
began_s = time.time()
count = 0
while time.time() < began_s + 6:
    count += 1
ended_s = time.time()
"""


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(SLEEPING, id="sleeps", marks=pytest.mark.slow),
        pytest.param(COUNTING, id="counts"),
    ],
)
def test_speech_reaches_the_server_and_the_reply_is_played_while_a_cell(
    open_notebook: OpenNotebook, studio: Studio, cell: str
):
    script = studio.script(Said("What is the weather like today?", 0.5), lead_s=1.5)
    notebook = open_notebook([NOISE, MADE, cell], hears=script)
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.begin_cell(2)
    notebook.end_cell(2)
    notebook.wait_for_turns("grok", 1)
    notebook.wait_until_silent(1)

    began_s, ended_s = notebook.kernel.value("[began_s, ended_s]")
    [answered_s] = notebook.kernel.value("answered_at_s")
    sounded_s = [at_ms / 1000 for at_ms in notebook.page.evaluate("seams.soundingAtMs()")]
    assert began_s < answered_s < ended_s
    assert answered_s < min(sounded_s) < ended_s
    assert notebook.losses() == ""
    assert notebook.positions()[-1]["underrun_count"] == 0
