"""What was said before the microphone fell silent is answered."""

from __future__ import annotations

import numpy as np
import pytest

from .conftest import OpenNotebook
from .notebook_page import NotebookPage
from .speech import Said, Studio

MADE = """
from grok_live_widget import GrokLive
live = GrokLive(partner="parrot", processing=False)
live
"""
LONG = "This is a sentence that goes on and on for much longer than anybody would like to hear it."


def _speak(open_notebook: OpenNotebook, studio: Studio) -> NotebookPage:
    """A notebook in which the user is in the middle of a sentence."""
    script = studio.script(Said(LONG, 4.0), Said("And this is said after that.", 1.0))
    notebook = open_notebook([MADE], hears=script)
    notebook.run_cell(0)
    notebook.start()
    growing = "bool(len(live.turns)) and live.turns[0].duration_s > 1"
    notebook.wait(lambda: notebook.kernel.value(growing), what="the beginning of speech")
    return notebook


@pytest.mark.slow
def test_a_sentence_that_mute_cuts_off_is_answered(
    open_notebook: OpenNotebook, studio: Studio
) -> None:
    notebook = _speak(open_notebook, studio)
    notebook.press("Mute")
    notebook.wait_for_turns("grok", 1)
    notebook.wait_until_silent(1)
    assert notebook.kernel.value("[turn.is_complete for turn in live.turns]") == [True, True]
    said = notebook.kernel.array("live.turns[0].pcm")
    # The silence that ends the turn at the server is no part of it; the parrot repeats it.
    assert np.abs(said[-2400:].astype(int)).max() > 100
    assert notebook.notices() == []
    notebook.press("Mute")
    notebook.wait_for_turns("grok", 2)
    roles = notebook.kernel.value("[turn.role for turn in live.turns]")
    assert roles == ["user", "assistant"] * 2


@pytest.mark.slow
def test_a_sentence_that_a_lost_microphone_cuts_off_is_answered(
    open_notebook: OpenNotebook, studio: Studio
) -> None:
    notebook = _speak(open_notebook, studio)
    notebook.page.evaluate(
        "for (const track of seams.tracks) track.dispatchEvent(new Event('ended'))"
    )
    notebook.wait_for_turns("grok", 1)
    assert notebook.kernel.value("[turn.is_complete for turn in live.turns][0]")


@pytest.mark.slow
def test_a_sentence_that_a_reload_of_the_page_cuts_off_is_answered(
    open_notebook: OpenNotebook, studio: Studio
) -> None:
    notebook = _speak(open_notebook, studio)
    notebook.reload()
    answered = "len(live.turns) == 2 and live.turns[1].is_complete"
    notebook.wait(lambda: notebook.kernel.value(answered), what="the reply")
