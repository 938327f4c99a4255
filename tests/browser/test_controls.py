"""What the panel and Python say of microphone and loudspeaker, and how each sets it, is one."""

from __future__ import annotations

from typing import Any

import pytest

from .cells import NOISE
from .conftest import OpenNotebook
from .notebook_page import NotebookPage

MADE = """
live = GrokLive(partner=lambda turn: noise(1.5))
live
"""


def _wait_for(notebook: NotebookPage, expression: str, value: Any) -> None:
    notebook.wait(lambda: notebook.kernel.value(expression) == value, what=expression)


def _is_mute_pressed(notebook: NotebookPage) -> str | None:
    return notebook.panel.get_by_role("button", name="Mute").get_attribute("aria-pressed")


@pytest.mark.slow
def test_the_mute_of_the_panel_and_of_python_are_one_and_python_knows_the_microphone(
    open_notebook: OpenNotebook,
) -> None:
    notebook = open_notebook([NOISE, MADE])
    notebook.run_cells(0, 1)
    _wait_for(notebook, "(live.microphone.state, live.microphone.ability)", ["off", "ok"])
    notebook.start()
    _wait_for(notebook, "live.microphone.state", "on")
    assert notebook.kernel.value("live.microphone.device != ''")
    assert notebook.kernel.value("live.microphone.echo_cancellation") is True
    notebook.press("Mute")
    _wait_for(notebook, "(live.muted, live.microphone.state)", [True, "muted"])
    notebook.kernel.value("setattr(live, 'muted', False)")
    notebook.wait(lambda: _is_mute_pressed(notebook) == "false", what="the button")
    _wait_for(notebook, "live.microphone.state", "on")


@pytest.mark.slow
def test_a_refused_microphone_has_one_sentence_in_panel_and_python(
    open_notebook: OpenNotebook,
) -> None:
    notebook = open_notebook([NOISE, MADE])
    notebook.run_cells(0, 1)
    notebook.page.evaluate("seams.isMicrophoneRefused = true")
    notebook.press("Start")
    _wait_for(notebook, "(live.microphone.state, live.microphone.reason)", ["failed", "denied"])
    assert notebook.kernel.value("live.microphone.text") in notebook.notices()


def test_in_half_duplex_the_microphone_is_not_sent_while_a_reply_sounds(
    open_notebook: OpenNotebook,
) -> None:
    notebook = open_notebook([NOISE, MADE])
    notebook.run_cells(0, 1)
    notebook.kernel.value("(setattr(live, 'half_duplex', True), setattr(live, 'volume', 0.2))")
    notebook.start()
    _wait_for(notebook, "live.microphone.state", "on")
    notebook.send_text("Make a noise.")
    notebook.wait_for_status("Listening again when Rehearsal has finished")
    _wait_for(notebook, "(live.microphone.state, live.microphone.reason)", ["muted", "half_duplex"])
    _wait_for(notebook, "live.microphone.state", "on")
    # It was opened again after all of the reply.
    assert notebook.kernel.value("live.turns[1].heard_sample_count == live.turns[1].sample_count")
    assert notebook.kernel.value("live.microphone.text") == ""
