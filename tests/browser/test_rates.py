"""A reply of any rate is played at its pitch, to its end, and its own samples are counted."""

from __future__ import annotations

import pytest

from .cells import NOISE
from .conftest import OpenNotebook
from .sound import match_reply

# The page resamples in js/tests/resampler.test.ts too, against exact figures.
pytestmark = [pytest.mark.alone, pytest.mark.slow]

MADE = """
server = __import__("grok_live_widget").RehearsalServer(lambda turn: noise(1.5)).start()
live = GrokLive(url=server.url("realtime"), api_key="rehearsal", sample_rate={rate_hz})
live
"""


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_a_reply_of_another_rate_is_played_to_its_end(open_notebook: OpenNotebook, rate_hz: int):
    notebook = open_notebook([NOISE, MADE.format(rate_hz=rate_hz)])
    notebook.run_cells(0, 1)
    notebook.start()
    notebook.send_text("Say something.")
    notebook.wait_for_turns("grok", 1)
    notebook.wait_until_silent(1)

    reply = notebook.kernel.array("live.turns[-1].pcm")
    assert notebook.kernel.value("live.turns[-1].sample_rate") == rate_hz
    assert abs(len(reply) - 1.5 * rate_hz) <= 1
    notebook.wait_until_heard("live.turns[-1]", len(reply))
    assert abs(len(notebook.ring()) - 1.5 * 24_000) <= 1
    # No two stretches are alike: a wrong pitch or position would not match.
    match = match_reply(reply, notebook.heard(), notebook.device_rate_hz(), pcm_rate_hz=rate_hz)
    assert match.snr_db > 50
    assert abs(match.gain - 1) < 2e-3
    assert notebook.positions()[-1]["underrun_count"] == 0
