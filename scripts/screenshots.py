"""Draws every state of the panel, for docs/panel.md and to be looked at.

``python -m scripts.screenshots`` shows each scene of js/preview/scenes.js in Chromium, in light,
dark, narrow, in forced colours and from right to left. All pictures are in docs/_build/panel, with
sheets of all scenes; those that a page of the documentation names are also in docs/img/panel.
Arguments are the scenes to draw, all without any.
"""

from __future__ import annotations

import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageOps
from playwright.sync_api import sync_playwright

from tests.browser.browsers import Browsers
from tests.browser.stage import Stage

DOCS = Path(__file__).parents[1] / "docs"
DRAWN, SHOWN = DOCS / "_build" / "panel", DOCS / "img" / "panel"
NAMED = re.compile(r"img/panel/([\w-]+)\.png")
COLOR_COUNT = 128
MOST_BYTES = 1_500_000
SCALE = 2
# How long a scene with sound runs, so that its waveforms have something to show.
SOUND_MS = 7000
SHEET_COLUMNS, SHEET_PICTURE = 4, (480, 560)


@dataclass(frozen=True)
class Variant:
    """How a scene is shown.

    Attributes
    ----------
    host : str
        One of `HOSTS`.
    width : int
        Of the page, in CSS pixels.
    direction : str
    media : dict
        What Chromium emulates.
    """

    host: str = "lab_light"
    width: int = 760
    direction: str = "ltr"
    media: dict[str, Any] | None = None


VARIANTS = {
    "light": Variant(),
    "dark": Variant("lab_dark"),
    "narrow": Variant(width=320),
    "forced": Variant(media={"forced_colors": "active", "color_scheme": "dark"}),
    "rtl": Variant(direction="rtl"),
}
PLAIN: dict[str, Any] = {"forced_colors": "none", "color_scheme": "light"}


def draw(stage: Stage, scene: dict[str, Any]) -> None:
    """Draw a scene in all variants."""
    name = scene["name"]
    _use(stage, VARIANTS["light"])
    stage.show(name)
    if scene["isLong"]:
        stage.page.wait_for_timeout(SOUND_MS)
    for variant, how in VARIANTS.items():
        _use(stage, how)
        picture = stage.page.locator(f'[data-scene="{name}"]')
        picture.screenshot(path=DRAWN / f"{name}-{variant}.png", animations="disabled")


def _use(stage: Stage, how: Variant) -> None:
    stage.page.emulate_media(**(how.media or PLAIN))
    stage.page.set_viewport_size({"width": how.width, "height": 900})
    stage.set_direction(how.direction)
    stage.use(how.host)
    # Two frames later canvases have the colours and the size of their elements.
    stage.page.evaluate(
        "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def sheet(variant: str, scenes: list[dict[str, Any]]) -> Path:
    """All scenes in one variant, each below its title."""
    width, height = SHEET_PICTURE
    row_count = -(-len(scenes) // SHEET_COLUMNS)
    whole = Image.new("RGB", (SHEET_COLUMNS * width, row_count * height), "#808080")
    pen = ImageDraw.Draw(whole)
    for at, scene in enumerate(scenes):
        left, top = at % SHEET_COLUMNS * width, at // SHEET_COLUMNS * height
        picture = Image.open(DRAWN / f"{scene['name']}-{variant}.png").convert("RGB")
        pen.text((left + 8, top + 6), f"{scene['name']}: {scene['title']}", fill="white")
        whole.paste(ImageOps.contain(picture, (width - 16, height - 32)), (left + 8, top + 24))
    path = DRAWN / f"sheet-{variant}.png"
    whole.save(path)
    return path


def publish() -> int:
    """Write the pictures that the documentation names, and remove others; returns their size."""
    named = {name for page in DOCS.glob("*.md") for name in NAMED.findall(page.read_text())}
    SHOWN.mkdir(exist_ok=True)
    for old in SHOWN.glob("*.png"):
        if old.stem not in named:
            old.unlink()
    for name in named:
        if (DRAWN / f"{name}.png").exists():
            picture = Image.open(DRAWN / f"{name}.png").convert("RGB")
            picture.quantize(COLOR_COUNT).save(SHOWN / f"{name}.png", optimize=True)
    missing = sorted(name for name in named if not (SHOWN / f"{name}.png").exists())
    if missing:
        raise SystemExit(f"No picture is named {missing[0]}: its scene or variant does not exist.")
    return sum(path.stat().st_size for path in SHOWN.glob("*.png"))


def main(wanted: list[str]) -> None:
    """Draw these scenes, or all."""
    DRAWN.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = Browsers(playwright, Path(folder)).launch(
            None, {"width": 760, "height": 900}, pixel_ratio=SCALE
        )
        stage = Stage(browser)
        stage.page.add_style_tag(content="body { margin: 0; } [data-scene] { padding: 4px 8px; }")
        known = [scene["name"] for scene in stage.scenes]
        unknown = [name for name in wanted if name not in known]
        if unknown:
            raise SystemExit(f"No scene is named {unknown[0]}. The scenes are {', '.join(known)}.")
        for scene in stage.scenes:
            if not wanted or scene["name"] in wanted:
                draw(stage, scene)
        if not wanted:
            for variant in VARIANTS:
                print(sheet(variant, stage.scenes))
        browser.close()
    size = publish()
    print(f"{SHOWN}: {size / 1000:.0f} kB")
    if size > MOST_BYTES:
        raise SystemExit(f"That is more than {MOST_BYTES / 1000:.0f} kB: show fewer pictures.")


if __name__ == "__main__":
    main(sys.argv[1:])
