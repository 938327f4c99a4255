"""Draws the pictures of docs/gallery.md, in light and in dark, of a talk whose sound is stored.

``python -m scripts.gallery`` writes them to docs/img/gallery.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from PIL import Image

from grok_live_widget import Turns, plots
from tests.support.scripted_talk import scripted_turns

FOLDER = Path(__file__).parents[1] / "docs" / "img" / "gallery"
STYLES = {"": "default", "-dark": "dark_background"}
MOST_BYTES = 60_000
COLOR_COUNT = 200
WIDE, FLAT = (9, 2.6), (9, 2.2)


def pictures(turns: Turns) -> dict[str, tuple[tuple[float, float], Callable[[Any], object]]]:
    """The size [inches] of each picture, and what draws it on axes."""
    reply = turns[1]
    replies = [turn for turn in turns if turn.role == "assistant"]
    return {
        "waveform": (FLAT, lambda ax: plots.waveform(reply, ax=ax)),
        "spectrogram": (WIDE, lambda ax: plots.spectrogram(reply, ax=ax)),
        "mel_spectrogram": (WIDE, lambda ax: plots.mel_spectrogram(reply, ax=ax)),
        "mfcc": (WIDE, lambda ax: plots.mfcc(reply, ax=ax)),
        "pitch": (FLAT, lambda ax: (plots.pitch(reply, ax=ax), ax.legend(loc="upper right"))),
        "level": (FLAT, lambda ax: (plots.level(reply, ax=ax), ax.legend(loc="lower right"))),
        "timeline": ((9, 3), lambda ax: plots.timeline(turns, ax=ax)),
        "latency": ((9, 3.2), lambda ax: plots.latency(turns, ax=ax)),
        "compare_turns": (
            (8, 3.2),
            lambda ax: plots.compare_turns(replies, kind="spectrogram", ax=ax),
        ),
        "compare_pitch": ((9, 3.6), lambda ax: plots.compare_turns(replies, kind="pitch", ax=ax)),
        "speaking_rate": (FLAT, lambda ax: plots.speaking_rate(turns, ax=ax)),
        "live": (FLAT, lambda ax: follow(turns, ax)),
    }


@dataclass
class PastTalk:
    """A talk as it was at some moment."""

    turns: Turns
    elapsed_s: float = 9.6
    phase: str = "open"


def follow(turns: Turns, ax: Any) -> None:
    """Draw what a live figure showed at that moment."""
    figure = plots.LiveFigure(PastTalk(turns[:4]), "waveform", seconds=10, axes=ax)
    figure.refresh()


def drawn(turns: Turns) -> Iterator[tuple[str, bytes]]:
    """The name of each file, and what it holds."""
    for ending, style in STYLES.items():
        for name, (size, draw) in pictures(turns).items():
            with plt.style.context(style):
                figure, ax = plt.subplots(figsize=size, layout="constrained")
                draw(ax)
                yield f"{name}{ending}.png", png_of(figure)
                plt.close(figure)


def png_of(figure: Any) -> bytes:
    """A small PNG: few colours, which suffices for figures."""
    raw = io.BytesIO()
    figure.savefig(raw, format="png", dpi=85)
    small = io.BytesIO()
    image = Image.open(raw).convert("RGB")
    image.quantize(COLOR_COUNT, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
        small, "png", optimize=True
    )
    return small.getvalue()


def main() -> int:
    """Write the pictures; the status is 1 if one is too large."""
    plt.switch_backend("agg")
    FOLDER.mkdir(parents=True, exist_ok=True)
    is_small = True
    for name, png in drawn(scripted_turns()):
        (FOLDER / name).write_bytes(png)
        is_small &= len(png) <= MOST_BYTES
        print(f"{name}: {len(png):,} bytes")
    return 0 if is_small else 1


if __name__ == "__main__":
    sys.exit(main())
