"""Notebook 7, and a page that is not secure: what docs/front-ends.md says of them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from .cells import PLAIN
from .conftest import OpenNotebook
from .lab_server import INSECURE_HOST, LabServer
from .speech import Said, Studio

SPOKEN = """
from grok_live_widget import GrokLive
live = GrokLive(partner="parrot", processing=False)
live
"""


@pytest.fixture(scope="module")
def notebook_7(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    with LabServer(tmp_path_factory.mktemp("notebook"), "notebook") as server:
        yield server


@pytest.mark.slow
class TestNotebook7:
    @pytest.fixture
    def lab(self, notebook_7: LabServer) -> LabServer:
        return notebook_7

    def test_the_panel_hears_and_speaks_and_the_next_cell_has_the_turns(
        self, open_notebook: OpenNotebook, studio: Studio
    ) -> None:
        script = studio.script(Said("The quick brown fox jumps over the lazy dog.", 0.5))
        cells = [SPOKEN, "[turn.role for turn in live.turns]"]
        notebook = open_notebook(cells, hears=script)
        assert "/notebooks/" in notebook.page.url
        notebook.run_cell(0)
        notebook.tap_microphone()
        notebook.start()
        notebook.wait_for_turns("grok", 1)
        notebook.wait_until_silent(1)
        notebook.send_text("Please count to three.")
        notebook.wait_for_turns("grok", 2)
        said = notebook.kernel.array("live.turns.user[0].pcm")
        notebook.assert_speech_arrived(script, [said])
        reply = notebook.kernel.array("live.turns.assistant[0].pcm")
        np.testing.assert_array_equal(notebook.ring(), reply)
        notebook.wait_until_heard("live.turns.assistant[0]", len(reply))
        assert notebook.transcript()[-1] == ("Rehearsal", "Please count to three.")
        notebook.run_cell(1)
        (output,) = notebook.outputs(1)
        expected = "['user', 'assistant', 'user', 'assistant']"
        assert output["data"]["text/plain"] == expected
        # Notebook 7.6 fails at a schema of settings that JupyterLab 4.6 has and it lacks.
        notebook.errors[:] = [each for each in notebook.errors if "reading 'schema'" not in each]


def test_a_page_that_is_not_secure_shows_text_and_says_what_gives_it_sound(
    open_notebook: OpenNotebook,
) -> None:
    notebook = open_notebook([PLAIN], host=INSECURE_HOST)
    assert not notebook.page.evaluate("isSecureContext")
    notebook.run_cell(0)
    notebook.send_text("Please count to three.")
    notebook.wait_for_turns("grok", 1)
    assert notebook.transcript()[-1] == ("Rehearsal", "One, two, three.")
    notebook.wait(notebook.notices, what="a notice")
    (notice,) = notebook.notices()
    assert "voice cannot be played here: this page is not secure (http)" in notice
    notebook.press("Turn microphone on")
    card = notebook.panel.locator(".glw-notice-text", has_text="no microphone and no sound")
    card.wait_for()
    for each in notebook.notices():
        assert "https" in each
        assert "ssh -L" in each
    assert notebook.live_track_count() == 0
    status = "[live.microphone.state, live.microphone.text, live.loudspeaker.state]"
    told = ["failed", card.inner_text(), "failed"]
    notebook.wait(lambda: notebook.kernel.value(status) == told, what="Python to know it")
    assert notebook.kernel.value("live.microphone.reason") == "insecure"
