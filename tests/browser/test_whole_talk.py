"""A whole talk in a real JupyterLab: what is said is heard, answered, and played."""

from __future__ import annotations

import numpy as np
import pytest

from .conftest import OpenNotebook
from .notebook_page import NotebookPage
from .sound import match_reply
from .speech import Said, Studio

pytestmark = pytest.mark.alone

MADE = """
from grok_live_widget import GrokLive
live = GrokLive(partner={partner!r}, processing={processing})
live
"""

# A turn in Python, in the form in which the transcript shows it.
SHOWN = """[
    ("You" if turn.role == "user" else "Rehearsal",
     turn.text or f"(speech, {turn.duration_s:.1f} s)")
    for turn in live.turns
]"""


def test_two_turns_are_heard_answered_and_played_sample_by_sample_past_jupyter(
    open_notebook: OpenNotebook, studio: Studio
):
    script = studio.script(
        Said("Good morning, is anybody there?", 4.2), Said("Thank you, and goodbye.", 0.5)
    )
    made = MADE.format(partner="parrot", processing=False)
    notebook = open_notebook([made], hears=script, watches_frames=True)
    notebook.run_cell(0)
    notebook.wait_until_direct()
    before = len(notebook.jupyter_frames)
    notebook.tap_microphone()
    notebook.start()
    notebook.wait_for_turns("grok", 2)
    notebook.wait_until_silent(2)

    assert notebook.kernel.value("[turn.role for turn in live.turns]") == ["user", "assistant"] * 2
    said, replies = _sounds(notebook, "user"), _sounds(notebook, "assistant")
    notebook.assert_speech_arrived(script, said)
    np.testing.assert_array_equal(notebook.ring(), np.concatenate(replies))
    _assert_played_cleanly(notebook, replies)
    _assert_heard_to_the_end(notebook, replies)
    assert "lost" not in notebook.losses()
    assert notebook.transcript() == _shown(notebook)
    assert notebook.sound_messages(before) == []


def test_speech_is_heard_through_the_browsers_processing_and_answered_in_words(
    open_notebook: OpenNotebook, studio: Studio
):
    script = studio.script(Said("Good morning, is anybody there?", 0.5))
    notebook = open_notebook([MADE.format(partner="talker", processing=True)], hears=script)
    notebook.run_cell(0)
    notebook.start()
    notebook.wait_for_turns("grok", 1)
    notebook.wait_until_silent(1)

    asked_for = notebook.page.evaluate("seams.constraints.audio")
    names = ("echoCancellation", "noiseSuppression", "autoGainControl")
    assert [asked_for[name] for name in names] == [True, True, True]
    assert notebook.kernel.value("[turn.role for turn in live.turns]") == ["user", "assistant"]
    assert notebook.kernel.value("live.turns[-1].text")
    replies = _sounds(notebook, "assistant")
    np.testing.assert_array_equal(notebook.ring(), np.concatenate(replies))
    _assert_heard_to_the_end(notebook, replies)
    assert notebook.transcript() == _shown(notebook)


def _sounds(notebook: NotebookPage, role: str) -> list[np.ndarray]:
    count = notebook.kernel.value(f"len(live.turns.{role})")
    return [notebook.kernel.array(f"live.turns.{role}[{i}].pcm") for i in range(count)]


def _assert_played_cleanly(notebook: NotebookPage, replies: list[np.ndarray]) -> None:
    heard = notebook.heard()
    matches = [match_reply(reply, heard, notebook.device_rate_hz()) for reply in replies]
    assert min(match.snr_db for match in matches) > 60
    assert max(abs(match.gain - 1) for match in matches) < 1e-3
    assert [match.start for match in matches] == sorted(match.start for match in matches)
    assert notebook.positions()[-1]["underrun_count"] == 0


def _assert_heard_to_the_end(notebook: NotebookPage, replies: list[np.ndarray]) -> None:
    for place, reply in enumerate(replies):
        notebook.wait_until_heard(f"live.turns.assistant[{place}]", len(reply))


def _shown(notebook: NotebookPage) -> list[tuple[str, str]]:
    return [tuple(line) for line in notebook.kernel.value(SHOWN)]
