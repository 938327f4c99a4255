"""Turns that are shown in a cell can be read in the dark pages of every host."""

from __future__ import annotations

import pytest

from grok_live_widget import Talk

from .browsers import Browsers

pytestmark = pytest.mark.slow

DARK, LIGHT = "rgb(108, 176, 255)", "rgb(23, 105, 210)"
# How JupyterLab, VS Code and Colab mark the page.
PAGES = {
    '<body data-jp-theme-light="false">': DARK,
    '<body data-jp-theme-light="true">': LIGHT,
    '<body class="vscode-body vscode-dark">': DARK,
    '<body class="vscode-body vscode-high-contrast">': DARK,
    '<body class="vscode-body vscode-high-contrast vscode-high-contrast-light">': LIGHT,
    '<html theme="dark"><body>': DARK,
    '<html style="color-scheme:dark"><body>': DARK,
    "<body>": LIGHT,
}


def test_the_colours_of_the_table_are_those_of_the_page(browsers: Browsers) -> None:
    with Talk(partner=["Good morning."]) as talk:
        talk.ask("Hello.")
    browser = browsers.launch(None)
    try:
        [page] = browser.pages
        for begin, color in PAGES.items():
            page.set_content(f"<!DOCTYPE html>{begin}{talk.turns._repr_html_()}")
            found = page.evaluate("() => getComputedStyle(document.querySelector('.user')).color")
            assert found == color, begin
    finally:
        browser.close()
