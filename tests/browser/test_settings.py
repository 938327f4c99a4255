"""The settings drawer: a bundle of its own, which changes the talk as Python does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .conftest import OpenNotebook
from .themes import LIGHT_AND_DARK

MADE = """
from grok_live_widget import GrokLive
live = GrokLive(partner="parrot", voice="nova")
live
"""


@pytest.mark.slow
@LIGHT_AND_DARK
def test_the_settings_of_the_panel_are_those_of_python(
    open_notebook: OpenNotebook, tmp_path: Path, theme: str
) -> None:
    notebook = open_notebook([MADE, "live.update(speed=1.3)"])
    notebook.use_theme(theme)
    notebook.run_cell(0)
    notebook.start()
    notebook.wait_for_status("Listening")
    notebook.panel.get_by_role("button", name="Settings").click()
    voice = notebook.panel.get_by_label("Voice")
    voice.wait_for()
    assert voice.input_value() == "nova"
    voice.select_option("echo")
    notebook.wait(lambda: notebook.kernel.value("live.settings.voice") == "echo", what="the voice")
    pause = notebook.panel.get_by_label("Pause that ends your turn")
    pause.focus()
    pause.press("ArrowRight")
    notebook.wait(
        lambda: notebook.kernel.value("live.settings.turn_detection.silence_duration_ms") == 550,
        what="the pause",
    )
    notebook.run_cell(1)
    speed = notebook.panel.get_by_label("Speed")
    notebook.wait(lambda: speed.input_value() == "1.3", what="the speed")
    drawer = notebook.panel.get_by_role("region", name="Settings")
    assert "echo cancellation" in drawer.inner_text()
    folder = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    notebook.panel.screenshot(path=folder / f"{theme}_settings.png")
    speed.press("Escape")
    drawer.wait_for(state="hidden")
