"""A page that shows the scenes of `js/preview/scenes.js`, in the colours of several hosts."""

from __future__ import annotations

import mimetypes
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Locator, Page, Route

__all__ = ["FOLDERS", "HOSTS", "Host", "Stage"]

ROOT = Path(__file__).parents[2]
JS = ROOT / "js"
AXE = JS / "node_modules" / "axe-core" / "axe.min.js"
# The page is answered here, so no port is needed; https, since only that has a microphone.
ORIGIN = "https://preview.test"
FOLDERS = {
    "/preview/": JS / "preview",
    "/texts/": ROOT / "grok_live_widget" / "widget" / "texts",
    "/static/": ROOT / "grok_live_widget" / "widget" / "static",
}
LAB_THEMES = Path(sys.prefix) / "share" / "jupyter" / "lab" / "themes" / "@jupyterlab"
# These begin a wait of seconds when the page is loaded.
SLOW_SCENES = ["no_kernel"]

_ATTRIBUTES = """({ attributes, css }) => {
  for (const { name } of [...document.body.attributes]) document.body.removeAttribute(name);
  for (const [name, value] of Object.entries(attributes)) document.body.setAttribute(name, value);
  let style = document.querySelector('style.of-host');
  if (!style) {
    style = document.createElement('style');
    style.className = 'of-host';
    document.head.prepend(style);
  }
  style.textContent = css;
}"""


@dataclass(frozen=True)
class Host:
    """What a host of notebooks gives a panel: variables, and a mark of its theme.

    Attributes
    ----------
    css : str
    attributes : dict
        Of the page's body.
    is_dark : bool
    """

    css: str
    attributes: dict[str, str] = field(default_factory=dict)
    is_dark: bool = False


def _lab(name: str, *, is_dark: bool) -> Host:
    css = (LAB_THEMES / f"theme-{name}-extension" / "index.css").read_text()
    # Fonts and icons of the theme are not those of the panel.
    css = re.sub(r"url\([^)]*\)", "none", css)
    ground = "html body { background: var(--jp-layout-color0); }"
    attributes = {"data-jp-theme-light": str(not is_dark).lower(), "class": "jp-ThemedContainer"}
    return Host(f"{css}{ground}", attributes, is_dark)


def _vscode(kind: str, colours: dict[str, str]) -> Host:
    lines = "".join(f"--vscode-{name}: {value};" for name, value in colours.items())
    ground = "html body { background: var(--vscode-editor-background); }"
    is_dark = kind in ("vscode-dark", "vscode-high-contrast")
    # https://code.visualstudio.com/api/extension-guides/webview#theming-webview-content
    scheme = f"html {{ color-scheme: {'dark' if is_dark else 'light'}; }}"
    return Host(f":root {{ {lines} }} {ground} {scheme}", {"class": kind}, is_dark)


# The colours of VS Code: extensions/theme-defaults/themes and src/vs/platform/theme/common/colors
# in github.com/microsoft/vscode. A colour that a theme does not have is no variable.
HOSTS = {
    "lab_light": _lab("light", is_dark=False),
    "lab_dark": _lab("dark", is_dark=True),
    "vscode_light": _vscode(
        "vscode-light",
        {
            "editor-background": "#ffffff",
            "editor-foreground": "#3b3b3b",
            "descriptionForeground": "#3b3b3b",
            "textBlockQuote-background": "#f8f8f8",
            "widget-border": "#e5e5e5",
            "focusBorder": "#005fb8",
        },
    ),
    "vscode_dark": _vscode(
        "vscode-dark",
        {
            "editor-background": "#1f1f1f",
            "editor-foreground": "#cccccc",
            "descriptionForeground": "#9d9d9d",
            "textBlockQuote-background": "#2b2b2b",
            "widget-border": "#313131",
            "focusBorder": "#0078d4",
        },
    ),
    "vscode_high_contrast": _vscode(
        "vscode-high-contrast",
        {
            "editor-background": "#000000",
            "editor-foreground": "#ffffff",
            "descriptionForeground": "rgba(255, 255, 255, 0.7)",
            "widget-border": "#6fc3df",
            "contrastBorder": "#6fc3df",
            "focusBorder": "#f38518",
        },
    ),
    "vscode_high_contrast_light": _vscode(
        "vscode-high-contrast-light vscode-high-contrast",
        {
            "editor-background": "#ffffff",
            "editor-foreground": "#292929",
            "descriptionForeground": "rgba(41, 41, 41, 0.7)",
            "textBlockQuote-background": "#f2f2f2",
            "widget-border": "#0f4a85",
            "contrastBorder": "#0f4a85",
            "focusBorder": "#006bbd",
        },
    ),
    "none": Host("html body { background: #ffffff; }"),
}


class Stage:
    """The preview in a page of a browser.

    Parameters
    ----------
    browser : playwright.sync_api.BrowserContext
    """

    def __init__(self, browser: BrowserContext) -> None:
        self.page: Page = browser.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error.stack or error)))
        self.page.route(f"{ORIGIN}/**", _answer)
        self.page.goto(f"{ORIGIN}/preview/index.html?tests")
        self.page.wait_for_function("() => !!globalThis.stage")
        self.page.evaluate("names => stage.prepare(...names)", SLOW_SCENES)
        self.scenes: list[dict[str, Any]] = self.page.evaluate("() => stage.scenes")

    def use(self, host: str) -> None:
        """Give the page the colours of a host."""
        chosen = HOSTS[host]
        self.page.evaluate(_ATTRIBUTES, {"attributes": chosen.attributes, "css": chosen.css})

    def show(self, scene: str) -> Locator:
        """Show a scene from its beginning; the returned locator is its panel."""
        self.page.evaluate("name => stage.show(name)", scene)
        return self.panel

    def show_together(self, scenes: list[str]) -> None:
        """Show scenes one below the other; only one of them can have the sound of the page."""
        self.page.evaluate("() => stage.hide()")
        for scene in scenes:
            self.page.evaluate("name => stage.add(name)", scene)

    @property
    def panel(self) -> Locator:
        return self.page.locator(".glw-panel, .glw-explorer").first

    def set_direction(self, direction: str) -> None:
        """Set the direction of the page, ``"ltr"`` or ``"rtl"``."""
        self.page.evaluate("dir => { document.documentElement.dir = dir; }", direction)

    def load_axe(self) -> None:
        """Load axe-core, which the development set-up of `js/` installs."""
        self.page.add_script_tag(path=AXE)

    def close(self) -> None:
        self.page.close()


def _answer(route: Route) -> None:
    path = route.request.url.removeprefix(ORIGIN).partition("?")[0]
    folder = next((folder for folder in FOLDERS if path.startswith(folder)), None)
    file = FOLDERS[folder] / path.removeprefix(folder) if folder else None
    if file is None or not file.is_file():
        route.fulfill(status=404)
        return
    kind = "text/javascript" if file.suffix == ".js" else mimetypes.guess_type(file.name)[0]
    route.fulfill(body=file.read_bytes(), content_type=kind)
