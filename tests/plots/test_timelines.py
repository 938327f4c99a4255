"""A timeline shows when each side was heard, by a talk whose times are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grok_live_widget import plots
from grok_live_widget.conversation import Turns
from grok_live_widget.plots.palette import LIGHT

from ..support.drawing import spans_of, texts_of, unseen
from ..support.turns import turn_of


def test_turns_are_drawn_when_they_sounded(talk: Turns, ax: Any) -> None:
    drawn = plots.timeline(talk, ax=ax)
    # Speech is placed at the end of the chunk of 0.1 s in which it began.
    spoken = [span for span in spans_of(drawn.speech["user"]) if span[1] > span[0]]
    assert spoken == [(1.1, 2.85), (5.0, 6.75), (11.9, 13.65)]
    # The first reply was cut off after 1.65 s of 2.5 s.
    assert spans_of(drawn.speech["assistant"]) == [
        (3.45, 5.1), (7.12, 8.37), (9.5, 10.75), (14.05, 15.3),
    ]  # fmt: skip
    assert spans_of(drawn.unheard) == [(5.1, 5.95)]
    assert spans_of(drawn.overlaps) == [(5.0, 5.1)]
    assert drawn.interruptions.get_offsets().tolist() == [[pytest.approx(5.1), 0]]
    assert drawn.typed.get_offsets().tolist() == [[pytest.approx(9.0), 1]]
    assert spans_of(drawn.tools) == [(2.8, 3.2)]


def test_each_thing_can_be_seen(talk: Turns, ax: Any) -> None:
    drawn = plots.timeline(talk, ax=ax)
    ax.figure.set(dpi=50, size_inches=(5, 3))
    things = [*drawn.speech.values(), drawn.unheard, drawn.overlaps, drawn.interruptions]
    things += [drawn.typed, drawn.tools, drawn.delays[0].arrow_patch, *drawn.reconnections]
    assert unseen(ax, [*things, *drawn.texts]) == []


def test_an_arrow_leads_from_the_end_of_speech_to_the_first_sound(talk: Turns, ax: Any) -> None:
    drawn = plots.timeline(talk, ax=ax)
    asked_s = [round(float(arrow.xyann[0]), 2) for arrow in drawn.delays]
    heard_s = [round(float(arrow.xy[0]), 2) for arrow in drawn.delays]
    assert asked_s == [2.3, 6.2, 9.0, 13.1]
    assert heard_s == [3.45, 7.12, 9.5, 14.05]
    assert [text for text in texts_of(ax) if text.endswith(" ms")] == [
        "1150 ms", "920 ms", "500 ms", "950 ms",
    ]  # fmt: skip


def test_a_reconnection_is_a_line_between_the_turns(talk: Turns, ax: Any) -> None:
    (line,) = plots.timeline(talk, ax=ax).reconnections
    assert line.get_xdata() == pytest.approx([(10.75 + 11.9) / 2] * 2)


def test_axes_name_the_lanes_and_the_unit(talk: Turns, ax: Any) -> None:
    plots.timeline(talk, ax=ax)
    names = [each.get_text() for each in ax.get_yticklabels()]
    assert dict(zip(names, ax.get_yticks(), strict=True)) == {"You": 1, "Reply": 0, "Tools": -1}
    assert ax.get_xlabel() == "Time since the first event [s]"
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == [
        *("You", "Reply", "Not heard", "Both speak", "Interrupted"),
        *("Typed", "Tool", "Reconnected"),
    ]


def test_what_did_not_happen_is_absent(ax: Any) -> None:
    reply = turn_of(np.ones(24_000), text="Hello.")
    drawn = plots.timeline([reply], ax=ax, legend=False)
    assert spans_of(drawn.speech["assistant"]) == [(0, 1)]
    assert drawn[1:-1] == ((), (), (), (), (), (), ())
    assert [text.get_text() for text in drawn.texts] == ["Hello."]
    assert [each.get_text() for each in ax.get_yticklabels()] == ["You", "Reply"]
    assert ax.get_legend() is None


def test_a_reply_that_is_placed_elsewhere_than_it_was_played_has_no_arrow(ax: Any) -> None:
    first, second = (turn_of(np.ones(24_000), text="Hello.") for _ in range(2))
    second.latency_ms, second.queue_ms = 100.0, 20.0
    second.played_at_s, second.heard_sample_count = 0.5, 24_000
    drawn = plots.timeline([first, second], ax=ax)
    assert spans_of(drawn.speech["assistant"]) == [(0, 1), (1, 2)]
    assert drawn.delays == ()


def test_a_long_talk_has_no_texts(ax: Any) -> None:
    turns = [turn_of(np.ones(2_400), text="Hello.") for _ in range(41)]
    drawn = plots.timeline(turns, ax=ax)
    assert len(spans_of(drawn.speech["assistant"])) == 41
    assert drawn.texts == drawn.delays == ()


def test_style_is_that_of_the_speech_and_dark_axes_have_light_colours(ax: Any, talk: Turns) -> None:
    drawn = plots.timeline(talk, ax=ax, alpha=0.5)
    assert drawn.speech["user"].get_alpha() == 0.5
    ax.clear()
    ax.set_facecolor("black")
    drawn = plots.timeline(talk, ax=ax)
    assert drawn.speech["user"].get_facecolor()[0, :3].sum() > 1.5
    assert drawn.texts[0].get_color() != LIGHT.on_color


def test_an_empty_talk_says_so(ax: Any) -> None:
    plots.timeline(Turns(), ax=ax)
    assert texts_of(ax) == ["Nothing has been said yet."]
    assert ax.get_xlabel() == "Time since the first event [s]"
