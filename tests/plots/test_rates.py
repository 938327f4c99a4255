"""Speaking rates are those of turns with sound and text, when they sounded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grok_live_widget import plots
from grok_live_widget.conversation import Turns

from ..support.drawing import drawn_pixels, texts_of
from ..support.turns import turn_of


def test_a_bar_is_as_high_as_the_rate_and_as_wide_as_the_turn(talk: Turns, ax: Any) -> None:
    bars = plots.speaking_rate(talk, ax=ax)
    assert len(bars) == 7
    first, second = bars[0], bars[1]
    # Ten words in 1.75 s, and fourteen in 2.5 s, of which 1.65 s were heard.
    assert (first.get_x(), first.get_width(), first.get_height()) == pytest.approx(
        (1.1, 1.75, 10 * 60 / 1.75), abs=0.01
    )
    assert (second.get_x(), second.get_width(), second.get_height()) == pytest.approx(
        (3.45, 2.5, 14 * 60 / 2.5), abs=0.01
    )
    assert ax.get_xlabel() == "Time since the first event [s]"
    assert ax.get_ylabel() == "Speaking rate [words/min]"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["You", "Reply"]
    assert drawn_pixels(ax, first) > 100


def test_turns_without_text_or_sound_have_no_bar(ax: Any) -> None:
    turns = [turn_of(np.ones(2_400)), turn_of(role="user", text="Hi")]
    assert len(plots.speaking_rate(turns, ax=ax)) == 0
    assert texts_of(ax) == ["No turn has both sound and text yet."]
    assert ax.get_ylabel() == "Speaking rate [words/min]"
