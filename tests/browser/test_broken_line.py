"""A connection that breaks in the middle of a talk is reopened, and the panel shows the seam."""

from __future__ import annotations

import pytest

from .cells import NOISE
from .conftest import OpenNotebook
from .speech import Said, Studio

MADE = """
from grok_live_widget import RehearsalServer
server = RehearsalServer(
    lambda turn: noise(2), api_key="k", faults=["close:1012"]
).start()
live = GrokLive(url=server.url(), api_key="k", processing=False)
live
"""


# Speech that arrives two seconds late is dropped, which two browsers at once can bring about.
@pytest.mark.alone
def test_a_spoken_talk_continues_after_the_connection_broke_during_a_reply(
    open_notebook: OpenNotebook, studio: Studio
):
    script = studio.script(
        Said("Please tell me a long story.", 4.0), Said("And now another one, please.", 3.0)
    )
    notebook = open_notebook([NOISE, MADE], hears=script)
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.wait_for_turns("grok", 2)

    # The reply that broke off, and a complete one.
    lengths = notebook.kernel.value("[len(turn.pcm) for turn in live.turns.assistant[:2]]")
    assert 0 < lengths[0] < 48_000
    assert lengths[1] == 48_000
    assert notebook.kernel.value("live.phase") == "open"
    # The microphone was never released, and the note about the connection is withdrawn.
    assert notebook.live_track_count() == 1
    assert notebook.notices() == []
    seam = notebook.panel.locator(".glw-seam:visible")
    seam.wait_for()
    assert "was opened again" in seam.inner_text()
    notebook.wait_until_heard("live.turns.assistant[1]", 48_000)
