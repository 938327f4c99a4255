"""`live.doctor()` beside a panel in JupyterLab: what a real page tells of itself."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from .conftest import OpenNotebook
from .notebook_page import NotebookPage
from .sound_system import SoundSystem
from .speech import Studio
from .themes import LIGHT_AND_DARK

MADE = """
from grok_live_widget import GrokLive
live = GrokLive(partner="parrot")
live
"""
EXAMINED = """
report = live.doctor()
report
"""


@pytest.mark.slow
def test_a_page_that_speaks_tells_its_rights_its_microphone_and_its_messages(
    open_notebook: OpenNotebook, studio: Studio
):
    # Silence would be named instead, after some seconds.
    notebook = open_notebook([MADE, EXAMINED], hears=studio.noise(60))
    notebook.run_cell(0)
    notebook.start()
    notebook.run_cell(1)
    rows = "{each.name: [each.result, each.found] for each in report}"
    checks = notebook.kernel.value(rows)
    for name in (
        "page",
        "page version",
        "page security",
        "frame policy",
        "page transport",
    ):
        assert checks[name][0] == "ok", checks[name]
    assert "messages a second both ways" in checks["page transport"][1]
    assert "came back unchanged" in checks["page sound"][1]
    assert checks["busy kernel"] == ["ok", "What the page sends was read while this cell ran."]
    # Which processing a browser without a real microphone applies, it decides itself.
    assert checks["microphone"][0] in ("ok", "warning")
    assert checks["microphone"][1].startswith("It is on: ")
    assert notebook.kernel.value("live.phase") == "open", "the talk goes on"
    [table] = [each for each in notebook.outputs(1) if "text/html" in each.get("data", {})]
    assert "page transport" in "".join(table["data"]["text/html"])


# --------------------------------------------------------------------------- in the panel
KEY = "xai-not-to-be-shown"
SERVED = f"""
from grok_live_widget import GrokLive, RehearsalServer
server = RehearsalServer("parrot", api_key={KEY!r}).start()
live = GrokLive(url=server.url(), api_key={KEY!r}, processing=False)
live
"""
TESTED = "[[each.name, each.result, each.found] for each in live.doctor()]"
CUT = """(panel) => [...panel.querySelectorAll('.glw-doctor *')]
  .filter((element) => element.checkVisibility() && !element.matches('textarea'))
  .filter((element) => element.getBoundingClientRect().right > panel.getBoundingClientRect().right)
  .map((element) => element.className)"""


def _open_doctor(notebook: NotebookPage) -> None:
    notebook.panel.get_by_role("button", name="Doctor", exact=True).click()
    notebook.panel.get_by_text(re.compile(r"^\d+ checks: ")).wait_for()


def _rows(notebook: NotebookPage) -> dict[str, tuple[str, str]]:
    """Result and found of each row, by its name."""
    rows = notebook.panel.locator(".glw-check")
    parts = [
        rows.locator(f".glw-check-{part}").all_inner_texts() for part in ("name", "result", "found")
    ]
    return {name: (result, found) for name, result, found in zip(*parts, strict=True)}


def _test(notebook: NotebookPage, device: str) -> tuple[str, str]:
    """Run a test of sound; its row."""
    button = notebook.panel.get_by_role("button", name=f"Test {device}", exact=True)
    button.click()
    notebook.wait(button.is_enabled, what=f"the end of the {device} test")
    return _rows(notebook)[f"{device} test"]


@pytest.mark.slow
@LIGHT_AND_DARK
def test_the_doctor_of_the_panel_has_the_rows_of_python_and_no_secret(
    open_notebook: OpenNotebook, studio: Studio, tmp_path: Path, theme: str
) -> None:
    notebook = open_notebook([SERVED], hears=studio.noise(60))
    notebook.use_theme(theme)
    notebook.run_cell(0)
    _open_doctor(notebook)
    rows = _rows(notebook)
    for name in ("key", "API key", "server", "session", "model", "versions"):
        assert rows[name][0] == "ok", (name, rows[name])
    # How long it takes says something about this machine.
    assert "messages a second both ways" in rows["page transport"][1]
    assert "came back unchanged" in rows["page sound"][1]
    assert rows["busy kernel"] == (
        "ok",
        "What the page sends is read beside the cells, so that it waits for none of them.",
    )
    result, found = _test(notebook, "microphone")
    # Noise of this level is loud.
    assert result in ("ok", "warning")
    assert "It recorded -" in found
    assert _test(notebook, "loudspeaker")[1] == "The microphone did not hear the loudspeaker."
    assert notebook.live_track_count() == 0
    assert notebook.kernel.value("live.turns.audio().any() if live.turns else False") is False
    python = {name: (result, found) for name, result, found in notebook.kernel.value(TESTED)}
    assert set(python) == set(_rows(notebook))
    for name in ("microphone test", "loudspeaker test", "browser", "key", "versions"):
        assert python[name] == _rows(notebook)[name]
    folder = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    for width in (1280, 320):
        notebook.page.set_viewport_size({"width": width, "height": 1400})
        if width == 320:
            notebook.command("application:toggle-left-area")
        notebook.panel.screenshot(path=folder / f"{theme}_doctor_{width}.png")
        assert notebook.panel.evaluate(CUT) == []
    notebook.page.set_viewport_size({"width": 1280, "height": 1400})
    notebook.command("application:toggle-left-area")
    assert KEY not in notebook.panel.inner_text()
    notebook.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    notebook.press("Copy as text")
    notebook.panel.get_by_role("button", name="Copied", exact=True).wait_for()
    text = notebook.page.evaluate("navigator.clipboard.readText()")
    notebook.page.context.clear_permissions()
    assert "page transport" in text
    assert "Chrome " in text
    assert KEY not in text


@pytest.mark.slow
def test_the_tests_of_sound_are_not_offered_to_a_talk_that_listens(
    open_notebook: OpenNotebook,
) -> None:
    notebook = open_notebook([MADE])
    notebook.run_cell(0)
    _open_doctor(notebook)
    notebook.start()
    notebook.panel.get_by_text("press Stop to test them").wait_for()
    button = notebook.panel.get_by_role("button", name="Test microphone", exact=True)
    assert button.is_disabled()
    assert notebook.live_track_count() == 1
    notebook.press("Stop")
    notebook.wait(button.is_enabled, what="the test to be offered")


@pytest.mark.slow
@pytest.mark.alone
def test_a_loudspeaker_that_the_microphone_hears_is_measured(
    open_notebook: OpenNotebook,
) -> None:
    with SoundSystem() as system:
        notebook = open_notebook([MADE], sound_system=system)
        notebook.run_cell(0)
        _open_doctor(notebook)
        levels = []
        for percent in (100, 50):
            system.set_volume(percent)
            result, found = _test(notebook, "loudspeaker")
            assert result == "ok", found
            heard = re.search(r"after (\d+) ms, at (-\d+) dBFS", found)
            assert heard is not None, found
            assert 0 < int(heard[1]) < 1000
            levels.append(int(heard[2]))
        # The sweep leaves the page with -15.5 dBFS. PulseAudio has a cubic scale: half is -18 dB.
        assert abs(levels[0] - -15.5) <= 1.5
        assert abs(levels[1] - levels[0] - -18) <= 1.5
        system.set_volume(0)
        # What the loudspeaker does not give out is zeros for a microphone without noise.
        assert _test(notebook, "loudspeaker")[0] == "warning"
