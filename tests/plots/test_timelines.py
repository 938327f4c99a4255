"""A timeline shows when each side was heard, by a talk whose times are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grok_live_widget import plots
from grok_live_widget.conversation import ToolCallState, Turn, Turns
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
    assert drawn[1:-1] == ((),) * 8
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


def replies_to_typed_texts(*started_s: tuple[float, float]) -> list[Turn]:
    """Replies of two seconds that nothing plays, each after a typed text."""
    turns = []
    for asked_s, answered_s in started_s:
        asked = turn_of(role="user", text="Hello.", text_source="typed")
        reply = turn_of(np.ones(48_000), text="Good morning.")
        asked.started_s, reply.started_s = asked_s, answered_s
        turns += [asked, reply]
    return turns


def call(started_s: float, duration_s: float) -> ToolCallState:
    return ToolCallState(call_id="c", name="f", started_s=started_s, duration_s=duration_s)


def test_a_function_is_drawn_at_its_reply_where_nothing_played_it(ax: Any) -> None:
    turns = replies_to_typed_texts((0.0, 0.5), (0.6, 1.5))
    turns[1].tool_calls = (call(0.1, 0.3),)
    # Of the second reply one before it, and one while it was received.
    turns[3].tool_calls = (call(0.7, 0.75), call(1.6, 1.5))
    drawn = plots.timeline(turns, ax=ax)
    assert spans_of(drawn.speech["assistant"]) == [(0.5, 2.5), (2.5, 4.5)]
    # The second question is placed 1.9 s after it was asked, at the end of the first reply.
    assert spans_of(drawn.tools) == [(0.1, 0.4), (2.6, 3.35), (3.5, 5.0)]
    assert ax.get_xlim()[1] == pytest.approx(5.0 * 1.02)


def test_a_function_is_drawn_when_it_ran_where_its_reply_was_played(ax: Any) -> None:
    turns = replies_to_typed_texts((0.0, 0.5), (4.0, 4.5))
    turns[1].played_at_s, turns[3].played_at_s = 0.7, 4.6
    for reply in turns[1::2]:
        reply.heard_sample_count = reply.sample_count
    turns[1].tool_calls, turns[3].tool_calls = (call(0.1, 0.3),), (call(4.1, 0.3),)
    drawn = plots.timeline(turns, ax=ax)
    assert spans_of(drawn.speech["assistant"]) == [(0.7, 2.7), (4.6, 6.6)]
    assert spans_of(drawn.tools) == [(0.1, 0.4), (4.1, 4.4)]


def test_what_was_not_heard_ends_where_the_next_reply_begins(ax: Any) -> None:
    turns = replies_to_typed_texts((0.0, 0.5), (1.0, 1.2), (1.7, 1.8))
    for turn, played_at_s, heard_s in ((turns[1], 0.5, 0.5), (turns[3], 1.5, 0.2)):
        turn.was_interrupted, turn.played_at_s = True, played_at_s
        turn.heard_sample_count = round(heard_s * turn.sample_rate)
    # The last reply is interrupted before it sounds, and nothing follows it.
    turns[5].was_interrupted, turns[5].heard_sample_count = True, 0
    drawn = plots.timeline(turns, ax=ax)
    assert spans_of(drawn.unheard) == [(1.0, 1.5), (1.7, 1.8), (1.8, 3.8)]
    bars = plots.speaking_rate(turns, ax=ax)
    assert [bar.get_width() for bar in bars] == pytest.approx([1.0, 0.3, 2.0])


def test_replies_without_a_pause_between_them_can_be_told_apart(ax: Any) -> None:
    drawn = plots.timeline(replies_to_typed_texts((0.0, 0.5), (0.6, 0.7), (9.0, 9.5)), ax=ax)
    assert [line.tolist() for line in drawn.borders.get_segments()] == [
        [[2.5, pytest.approx(-0.3)], [2.5, pytest.approx(0.3)]]
    ]
    assert unseen(ax, [drawn.borders, drawn.typed]) == []


def test_a_text_that_was_typed_at_the_beginning_is_seen_as_a_whole(ax: Any) -> None:
    drawn = plots.timeline(replies_to_typed_texts((0.0, 0.5)), ax=ax)
    ax.figure.canvas.draw()
    left = ax.transData.transform(drawn.typed.get_offsets()[0])[0] - np.sqrt(40) / 2
    assert ax.get_window_extent().x0 <= left


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


def test_style_may_name_what_the_figure_names_itself(ax: Any, talk: Turns) -> None:
    drawn = plots.timeline(talk, ax=ax, label="mine")
    assert {each.get_label() for each in drawn.speech.values()} == {"mine"}
    bars = plots.speaking_rate(talk, ax=ax, width=0.2, legend=False)
    assert [bar.get_width() for bar in bars] == pytest.approx([0.2] * len(bars))


def test_an_empty_talk_says_so(ax: Any) -> None:
    plots.timeline(Turns(), ax=ax)
    assert texts_of(ax) == ["Nothing has been said yet."]
    assert ax.get_xlabel() == "Time since the first event [s]"
