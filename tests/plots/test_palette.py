"""Colours can be told apart by everybody, and read on their background."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import matplotlib.pyplot as plt
import pytest

from grok_live_widget import plots
from grok_live_widget.plots.palette import DARK, LIGHT, Palette, palette_of

from ..support.color_vision import VISIONS, contrast, difference, lab

LEAST_DIFFERENCE = 28
PALETTES = {"light": LIGHT, "dark": DARK}
# Grounds of matplotlib's styles, and of JupyterLab's dark theme.
GROUNDS = {"light": ("#ffffff",), "dark": ("#000000", "#212121")}


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize("palette", PALETTES.values(), ids=PALETTES)
def test_colours_of_one_figure_can_be_told_apart(palette: Palette, vision: str) -> None:
    voices = (palette.user, palette.assistant, palette.tool, palette.neutral)
    for together in (voices, palette.parts.values()):
        for one, other in combinations(together, 2):
            assert difference(one, other, vision) >= LEAST_DIFFERENCE, (one, other)


@pytest.mark.parametrize("name", PALETTES)
def test_colours_can_be_seen_on_their_background_and_read_on_one_another(name: str) -> None:
    palette = PALETTES[name]
    for ground in GROUNDS[name]:
        for color in (palette.user, palette.assistant, palette.tool, *palette.parts.values()):
            assert contrast(color, ground) >= 3, color
        assert contrast(palette.text, ground) >= 4.5
    for color in palette.voices.values():
        assert contrast(palette.on_color, color) >= 4.5


def test_the_simulation_is_that_of_known_colours() -> None:
    assert lab("#ffffff") == pytest.approx([100, 0, 0], abs=0.01)
    assert lab("#ff0000") == pytest.approx([53.24, 80.09, 67.20], abs=0.02)
    # Red and green that are equally light are confused by those without their cones.
    assert difference("#b03000", "#607000", "deuteranopia") < 15
    assert difference("#b03000", "#607000", "normal") > 60
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize(
    ("ground", "expected"), [("white", LIGHT), ("#f5f5f5", LIGHT), ("black", DARK), ("0.13", DARK)]
)
def test_the_palette_is_that_of_the_background(ax: Any, ground: str, expected: Palette) -> None:
    ax.set_facecolor(ground)
    assert palette_of(ax) is expected


def test_on_a_transparent_background_it_is_that_of_the_text(ax: Any) -> None:
    ax.set_facecolor("none")
    assert palette_of(ax) is LIGHT
    with plt.rc_context({"text.color": "white"}):
        assert palette_of(ax) is DARK


def test_colours_of_the_voices_are_public() -> None:
    assert {"user": LIGHT.user, "assistant": LIGHT.assistant} == plots.COLORS
