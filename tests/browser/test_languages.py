"""The panel in German: by `language=`, and by JupyterLab's language."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from .conftest import OpenNotebook
from .themes import LIGHT_AND_DARK

# js/tests/languages.test.ts shows every state in every language.
pytestmark = pytest.mark.slow

GERMAN = """
from grok_live_widget import GrokLive
live = GrokLive(partner="parrot", language="de")
live
"""
OF_THE_PAGE = GERMAN.replace(', language="de"', "")
BEGIN = "Start drücken und sprechen, oder unten schreiben"

SET_LOCALE = """async (locale) => {
  const { settings } = window.jupyterapp.serviceManager;
  await settings.save("@jupyterlab/translation-extension:plugin", JSON.stringify({ locale }));
}"""


@LIGHT_AND_DARK
def test_a_panel_in_german_has_german_texts_in_each_bundle(
    open_notebook: OpenNotebook, tmp_path: Path, theme: str
) -> None:
    notebook = open_notebook([GERMAN, 'live.ask("Guten Tag.")'])
    notebook.use_theme(theme)
    notebook.run_cell(0)
    notebook.wait_for_status(BEGIN)
    notebook.run_cell(1)
    panel = notebook.panel
    assert "Probe: Ein Programm antwortet, nicht Grok." in panel.inner_text()
    # The direction is that of the page, since German is not written from the right.
    assert (panel.get_attribute("lang"), panel.get_attribute("dir")) == ("de", "")
    panel.get_by_role("button", name="Menü des Beitrags").last.click()
    panel.get_by_role("menuitem", name="Noch einmal abspielen").wait_for()
    panel.get_by_role("button", name="Einstellungen").click()
    panel.get_by_label("Sprechpause, die Ihren Beitrag beendet").wait_for()
    assert panel.get_by_label("Tempo").get_attribute("aria-valuetext") == "1,00 ×"
    folder = Path(os.environ.get("GROK_LIVE_PICTURES", tmp_path))
    panel.screenshot(path=folder / f"{theme}_german.png")
    # Nothing is cut off, though German is longer.
    cut_off = panel.evaluate(
        """panel => [...panel.querySelectorAll("button, .glw-status, .glw-field-label, legend")]
          .filter((each) => each.checkVisibility() && each.scrollWidth > each.clientWidth + 1)
          .filter((each) => getComputedStyle(each).display !== "inline")
          .map((each) => each.textContent)"""
    )
    assert cut_off == []


def test_a_panel_has_the_language_of_jupyterlab(open_notebook: OpenNotebook) -> None:
    notebook = open_notebook([OF_THE_PAGE])
    notebook.page.evaluate(SET_LOCALE, "de_DE")
    try:
        notebook.reload()
        # Without a language pack JupyterLab's own texts stay English, but the page is German.
        assert notebook.page.evaluate("document.documentElement.lang") == "de-DE"
        notebook.run_cell(0)
        notebook.wait_for_status(BEGIN)
    finally:
        notebook.page.evaluate(SET_LOCALE, "default")
        notebook.reload()
    assert notebook.page.evaluate("document.documentElement.lang") == "en"
