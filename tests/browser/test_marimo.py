"""The panel in marimo, which has neither IPython nor comms of Jupyter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from .browsers import Browsers
from .marimo_page import FIRST, MarimoPage, MarimoServer
from .speech import Said, Script, Studio

pytestmark = pytest.mark.slow

OpenMarimo = Callable[..., MarimoPage]

PANEL = """
live = GrokLive(partner="{partner}", processing=False)
mo.ui.anywidget(live)
"""
TURNS = "tell([(turn.role, turn.text) for turn in live.turns])"
SOUNDS = """
np.save("said.npy", live.turns.user[0].pcm)
np.save("reply.npy", live.turns.assistant[0].pcm)
tell([turn.role for turn in live.turns])
"""
ASKED = """
answer = live.ask("Please count to three.")
tell(answer.text)
"""
COUNTED = ("Rehearsal", "One, two, three.")


@pytest.fixture
def open_marimo(browsers: Browsers, studio: Studio, tmp_path: Path) -> Iterator[OpenMarimo]:
    """``open_marimo(cells, mode="edit", hears=…)`` opens a notebook with these cells."""
    opened: list[MarimoPage] = []
    with ExitStack() as stack:

        def show(
            cells: list[str], *, mode: str = "edit", hears: Script | None = None
        ) -> MarimoPage:
            server = stack.enter_context(MarimoServer(tmp_path, [FIRST, *cells], mode))
            browser = browsers.launch((hears or studio.script()).path)
            stack.callback(browser.close)
            opened.append(MarimoPage(browser.pages[0], server))
            return opened[0]

        yield show
    errors = [error for page in opened for error in page.errors]
    assert not errors, "the page threw errors:\n" + "\n".join(errors)


@pytest.mark.alone
def test_speech_becomes_a_turn_whose_reply_is_played_to_the_last_sample(
    open_marimo: OpenMarimo, studio: Studio, tmp_path: Path
) -> None:
    script = studio.script(Said("The quick brown fox jumps over the lazy dog.", 0.5))
    page = open_marimo([PANEL.format(partner="parrot"), SOUNDS], hears=script)
    page.run_cell(1)
    page.tap_microphone()
    page.start()
    page.wait_for_turns("grok", 1)
    page.wait_until_silent(1)
    assert page.value(2) == ["user", "assistant"]
    said, reply = np.load(tmp_path / "said.npy"), np.load(tmp_path / "reply.npy")
    page.assert_speech_arrived(script, [said])
    np.testing.assert_array_equal(page.ring(), reply)
    assert page.positions()[-1]["sample_count"] == len(reply)
    assert abs(page.heard()).max() > 0.01


@pytest.mark.parametrize("mode", ["edit", "run"])
def test_a_typed_question_is_answered_and_its_sound_is_played(
    open_marimo: OpenMarimo, mode: str
) -> None:
    page = open_marimo([PANEL.format(partner="talker"), TURNS], mode=mode)
    if mode == "edit":
        page.run_cell(1)
    page.start()
    page.send_text("Please count to three.")
    page.wait_for_turns("grok", 1)
    page.wait_until_silent(1)
    assert page.transcript()[-1] == COUNTED
    assert abs(page.heard()).max() > 0.01
    if mode == "edit":
        expected = [["user", "Please count to three."], ["assistant", "One, two, three."]]
        assert page.value(2) == expected


def test_a_question_of_another_cell_is_heard_in_the_panel(open_marimo: OpenMarimo) -> None:
    page = open_marimo([PANEL.format(partner="talker"), ASKED])
    page.run_cell(1)
    page.start()
    assert page.value(2) == "One, two, three."
    page.wait_for_turns("grok", 1)
    page.wait_until_silent(1)
    assert page.transcript()[-1] == COUNTED
    assert abs(page.heard()).max() > 0.01


def test_a_cell_that_runs_again_leaves_one_talk(open_marimo: OpenMarimo) -> None:
    server = """
server = RehearsalServer("talker").start()
"""
    panel = """
live = GrokLive(url=server.url("realtime"), api_key="rehearsal")
mo.ui.anywidget(live)
"""
    page = open_marimo([server, panel, "tell(len(server._server.connections))"])
    for _ in range(3):
        page.run_cell(2)
        page.panel.get_by_role("button", name="Start", exact=True).wait_for()
        page.start()
        page.wait(lambda: page.live_track_count() == 1, what="one microphone")
        page.wait_for_status("Listening")
    assert page.value(3) == 1
    assert page.page.locator(".glw-panel").count() == 1
    assert page.page.evaluate("seams.page().playbacks.size") == 1
