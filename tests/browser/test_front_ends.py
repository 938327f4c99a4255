"""Notebook 7, and a page that is not secure: what docs/front-ends.md says of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .cells import PLAIN
from .conftest import OpenNotebook
from .lab_server import INSECURE_HOST, LabServer


@pytest.fixture(scope="module")
def notebook_7(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    with LabServer(tmp_path_factory.mktemp("notebook"), "notebook") as server:
        yield server


@pytest.mark.slow
class TestNotebook7:
    @pytest.fixture
    def lab(self, notebook_7: LabServer) -> LabServer:
        return notebook_7

    def test_the_panel_talks_and_the_next_cell_has_the_turns(
        self, open_notebook: OpenNotebook
    ) -> None:
        asked = "len(live.turns), live.turns[-1].text"
        notebook = open_notebook([PLAIN, asked])
        assert "/notebooks/" in notebook.page.url
        notebook.run_cell(0)
        notebook.start()
        notebook.wait_for_status("Listening")
        notebook.send_text("Please count to three.")
        notebook.wait_for_turns("grok", 1)
        notebook.wait_until_silent(1)
        assert notebook.transcript()[-1] == ("Rehearsal", "One, two, three.")
        assert abs(notebook.heard()).max() > 0.01
        notebook.run_cell(1)
        (output,) = notebook.outputs(1)
        assert output["data"]["text/plain"] == "(2, 'One, two, three.')"
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
