"""Turns and calls of functions as the panel shows them."""

from __future__ import annotations

from typing import Any

import pytest

from grok_live_widget.audio import AudioBuffer
from grok_live_widget.conversation import ToolCallState, Turn
from grok_live_widget.events import ToolCalled, ToolFinished, ToolStarted
from grok_live_widget.widget.turn_states import MOST_OUTPUT_LETTERS, TurnCalls, word_times


def turn_of(*captions: tuple[float, str], text: str | None = None) -> Turn:
    turn = Turn("assistant", tape=AudioBuffer())
    for start_s, delta in captions:
        turn._append_text(delta, start_s)
    if text is not None:
        turn._replace_text(text, "transcript")
    return turn


def test_each_word_has_its_place_in_the_text_and_its_time() -> None:
    turn = turn_of((0.0, "Good "), (0.4123, "morning, "), (1.5, "good sir."))
    assert word_times(turn) == [0, 0.0, 5, 0.41, 14, 1.5]


def test_places_of_words_are_counted_as_pages_count_them() -> None:
    turn = turn_of((0.0, "\N{GRINNING FACE} "), (1.0, "\N{HEBREW LETTER ALEF} "), (2.0, "end"))
    assert word_times(turn) == [0, 0.0, 3, 1.0, 5, 2.0]


def test_words_that_a_replaced_text_lacks_have_no_place() -> None:
    turn = turn_of((0.0, "Too "), (0.5, "many "), (1.0, "words"), text="Two many words")
    assert word_times(turn) == [4, 0.5, 9, 1.0]


def test_a_turn_without_caption_timing_has_no_times() -> None:
    assert word_times(turn_of(text="Good morning.")) == []


def events_of(call_id: str, output: str = "5") -> list[Any]:
    return [
        ToolCalled(call_id=call_id, name="add", arguments='{"a": "secret-1234"}'),
        ToolStarted(call_id=call_id, name="add", arguments='{"a": "secret-1234"}'),
        ToolFinished(call_id=call_id, name="add", output=output, duration_s=0.5),
    ]


def placed_in(turn: Turn, call_id: str, output: str = "5") -> list[Turn]:
    turn._set_call(ToolCallState(call_id=call_id, name="add", state="done", output=output))
    return [turn]


@pytest.fixture
def calls() -> TurnCalls:
    return TurnCalls(lambda text: text.replace("secret-1234", "(key)"))


def test_a_call_is_sent_again_when_it_becomes_part_of_a_turn(calls: TurnCalls) -> None:
    sent = [list(calls.apply(event, [])) for event in events_of("c1")]
    assert [[(call.state, call.turn_id) for call in each] for each in sent] == [
        [], [("running", "")], [("done", "")],
    ]  # fmt: skip
    turn = turn_of()
    [placed] = calls.apply(ToolCalled(call_id="x", name="y"), placed_in(turn, "c1"))
    assert (placed.call_id, placed.turn_id, placed.output) == ("c1", turn.turn_id, "5")
    assert list(calls.apply(ToolCalled(call_id="x", name="y"), [turn])) == []
    assert calls.all_of([turn]) == [placed]


def test_an_id_that_is_used_again_is_another_call(calls: TurnCalls) -> None:
    turn = turn_of()
    for event in events_of("c1"):
        list(calls.apply(event, []))
    list(calls.apply(ToolCalled(call_id="x", name="y"), placed_in(turn, "c1")))
    for event in events_of("c1", "6"):
        list(calls.apply(event, []))
    assert [(call.turn_id, call.output) for call in calls.all_of([turn])] == [
        (turn.turn_id, "5"), ("", "6"),
    ]  # fmt: skip


def test_secrets_are_replaced_before_a_long_result_is_cut(calls: TurnCalls) -> None:
    output = "x" * (MOST_OUTPUT_LETTERS - 5) + "secret-1234 and more"
    *_, (done,) = [list(calls.apply(event, [])) for event in events_of("c1", output)]
    assert done.arguments == '{"a": "(key)"}'
    assert done.output == "x" * (MOST_OUTPUT_LETTERS - 5) + "(key)…"
