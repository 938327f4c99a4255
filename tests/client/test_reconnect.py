"""A line that broke is opened again where that may help, later each time, and told what was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_live_widget.audio.buffer import AudioBuffer
from grok_live_widget.client.reconnect import RETOLD_TURNS, backoff_s, is_transient, replay_history
from grok_live_widget.conversation.conversation import Conversation
from grok_live_widget.conversation.turns import Turn
from grok_live_widget.exceptions import (
    AuthenticationError,
    BudgetSpent,
    ConfigurationError,
    ConnectError,
    GrokLiveError,
    LocalProtocolError,
    ServerError,
    SessionClosedError,
    SessionClosedOK,
    UnsupportedByServer,
)


def refused(status_code: int | None) -> ConnectError:
    return ConnectError("refused", host="h", status_code=status_code)


# --------------------------------------------------------------------------- whether
@pytest.mark.parametrize("code", [None, 1001, 1005, 1006, 1011, 1012, 1013, 1014])
def test_a_line_that_broke_on_the_way_may_go_well_again(code: int | None) -> None:
    assert is_transient(SessionClosedError("closed", close_code=code))


@pytest.mark.parametrize("code", [1000, 1002, 1003, 1007, 1008, 1009, 1010, 1015, 3000, 4001])
def test_a_line_that_was_closed_for_a_reason_stays_closed(code: int) -> None:
    assert not is_transient(SessionClosedError("closed", close_code=code))


@pytest.mark.parametrize(
    ("status", "is_it"),
    [(None, True), (429, True), (500, True), (502, True), (503, True)]
    + [(status, False) for status in (400, 401, 402, 403, 404)],
)
def test_only_what_is_refused_for_good_is_not_asked_for_again(
    status: int | None, is_it: bool
) -> None:
    assert is_transient(refused(status)) is is_it


@pytest.mark.parametrize(
    "failure",
    [
        None,
        SessionClosedOK("closed", close_code=1000),
        AuthenticationError("wrong key"),
        ConfigurationError("wrong setting"),
        BudgetSpent("spent"),
        ServerError("no"),
        LocalProtocolError("no"),
        UnsupportedByServer("word", "live"),
        GrokLiveError("no"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_key_budget_and_mistakes_are_never_tried_again(failure: GrokLiveError | None) -> None:
    assert not is_transient(failure)


# --------------------------------------------------------------------------- when
ATTEMPTS, CHANCES = st.integers(0, 20), st.floats(0, 1, exclude_max=True)


@given(ATTEMPTS, CHANCES)
def test_a_wait_is_bounded_and_chance_takes_at_most_half_of_it(attempt: int, chance: float) -> None:
    longest_s = backoff_s(attempt, 0.0)
    assert 0.5 <= longest_s <= 8
    assert longest_s / 2 <= backoff_s(attempt, chance) <= longest_s


@given(ATTEMPTS, CHANCES)
def test_no_wait_is_shorter_than_the_one_before(attempt: int, chance: float) -> None:
    assert backoff_s(attempt, chance) <= backoff_s(attempt + 1, chance)


def test_each_wait_is_twice_as_long_until_they_are_long_enough() -> None:
    assert [backoff_s(attempt, 0.0) for attempt in range(7)] == [0.5, 1, 2, 4, 8, 8, 8]


# --------------------------------------------------------------------------- what is told anew
def turn(role: Any, text: str) -> Turn:
    return Turn(role, tape=AudioBuffer(), text=text, text_source="transcript")


def test_what_was_said_is_told_anew_as_texts_in_order_and_makes_no_turn_of_ours() -> None:
    items = replay_history(
        [turn("user", "Hi"), turn("assistant", "Hello."), turn("user", " Why? ")]
    )
    told = [(each.item.role, each.item.part, each.item.text) for each in items]
    assert told == [
        ("user", "input_text", "Hi"),
        ("assistant", "output_text", "Hello."),
        ("user", "input_text", " Why? "),
    ]
    conversation = Conversation()
    assert [conversation.apply(each, 0.0) for each in items] == [[]] * 3


def test_turns_without_words_are_not_told_and_of_many_only_the_newest() -> None:
    assert replay_history([]) == []
    assert replay_history([turn("user", ""), turn("assistant", " \n")]) == []
    many = [turn("user", str(number)) for number in range(50)]
    between = [each for one in many for each in (one, turn("assistant", ""))]
    assert [each.item.text for each in replay_history(between)] == [
        str(number) for number in range(50 - RETOLD_TURNS, 50)
    ]
