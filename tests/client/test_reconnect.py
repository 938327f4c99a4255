"""When a connection is opened again: the state machine, its causes, and what is replayed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_live_widget.audio.buffer import AudioBuffer
from grok_live_widget.client.reconnect import (
    REPLAYED_TURNS,
    TRANSITIONS,
    Action,
    Cause,
    State,
    backoff_s,
    cause_of_end,
    cause_of_failed_open,
    is_transient,
    replay_history,
    transition,
)
from grok_live_widget.conversation.conversation import Conversation
from grok_live_widget.conversation.turn import Turn
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


# --------------------------------------------------------------------------- states
AT_LIMIT = {"has_reached_limit": True}
ENDS = [
    Cause.LOST,
    Cause.LOST_FOR_GOOD,
    Cause.LIMIT_REACHED,
    Cause.IDLED_OUT,
    Cause.CLOSED_BY_SERVER,
]


def walked(*causes: Cause) -> list[State]:
    """The states that these causes lead through, from the beginning."""
    state, states = State.CLOSED, []
    for cause in causes:
        state, _ = transition(state, cause)
        states.append(state)
    return states


def test_a_connection_that_breaks_is_opened_again() -> None:
    assert walked(Cause.OPEN_REQUESTED, Cause.OPENED, Cause.LOST, Cause.OPENED) == [
        State.CONNECTING,
        State.OPEN,
        State.RECONNECTING,
        State.OPEN,
    ]
    assert transition(State.OPEN, Cause.LOST) == (State.RECONNECTING, Action.RETRY)


def test_a_session_is_replaced_without_passing_through_closed() -> None:
    opened = (Cause.OPEN_REQUESTED, Cause.OPENED)
    for end in ENDS:
        states = walked(*opened, Cause.REPLACE_REQUESTED, end, Cause.OPENED)
        assert states[2:] == [State.REPLACING, State.CONNECTING, State.OPEN]


def test_a_replacement_that_cannot_be_opened_is_tried_again() -> None:
    assert transition(State.CONNECTING, Cause.LOST) == (State.RECONNECTING, Action.RETRY)
    assert transition(State.CONNECTING, Cause.REFUSED) == (State.CLOSED, Action.NONE)


@pytest.mark.parametrize("cause", [Cause.LOST_FOR_GOOD, Cause.IDLED_OUT])
def test_an_end_that_is_not_transient_is_not_retried(cause: Cause) -> None:
    assert transition(State.OPEN, cause) == (State.CLOSED, Action.NONE)


def test_a_session_that_ends_while_it_is_opened_concerns_that_attempt_only() -> None:
    for state in (State.CONNECTING, State.RECONNECTING):
        for end in ENDS:
            if (state, end) != (State.CONNECTING, Cause.LOST):
                assert transition(state, end) == (state, Action.NONE)


def test_stopping_ends_the_attempts_and_closes_what_is_open() -> None:
    assert transition(State.RECONNECTING, Cause.STOP_REQUESTED) == (State.CLOSED, Action.NONE)
    assert transition(State.OPEN, Cause.STOP_REQUESTED) == (State.CLOSING, Action.NONE)
    for end in ENDS:
        assert transition(State.CLOSING, end) == (State.CLOSED, Action.NONE)


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("cause", list(Cause))
def test_a_talk_that_has_ended_is_never_opened_again(state: State, cause: Cause) -> None:
    ending, _ = transition(state, Cause.END_REQUESTED)
    assert ending in (State.ENDING, State.ENDED)
    assert transition(ending, cause)[0] in (State.ENDING, State.ENDED)


def test_every_state_is_reached_and_left_but_the_last() -> None:
    reached = {state for state, _ in TRANSITIONS.values()}
    assert reached == set(State)
    left = {state for (state, _), (after, _) in TRANSITIONS.items() if after is not state}
    assert left == set(State) - {State.ENDED}


@pytest.mark.parametrize(
    ("failure", "facts", "tries", "cause"),
    [
        (SessionClosedError("x", close_code=1006), {}, 5, Cause.LOST),
        (SessionClosedError("x", close_code=1006), {}, 0, Cause.LOST_FOR_GOOD),
        (SessionClosedError("x", close_code=4001), {}, 5, Cause.LOST_FOR_GOOD),
        (AuthenticationError("x"), {}, 5, Cause.LOST_FOR_GOOD),
        (SessionClosedOK("x", close_code=1000), {}, 5, Cause.CLOSED_BY_SERVER),
        (
            SessionClosedOK("x", close_code=1000),
            {"has_reached_limit": True},
            5,
            Cause.LIMIT_REACHED,
        ),
        (None, AT_LIMIT, 0, Cause.LOST_FOR_GOOD),
        (SessionClosedError("x", close_code=1006), {"has_idled_out": True}, 5, Cause.IDLED_OUT),
    ],
)
def test_the_cause_of_the_end_of_a_session(
    failure: GrokLiveError | None, facts: dict[str, bool], tries: int, cause: Cause
) -> None:
    assert cause_of_end(failure, reconnect_tries=tries, **facts) is cause


def test_the_cause_of_a_failed_attempt() -> None:
    busy, wrong = ConnectError("x", host="h", status_code=503), AuthenticationError("x")
    assert cause_of_failed_open(busy, reconnect_tries=1) is Cause.LOST
    assert cause_of_failed_open(busy, reconnect_tries=0) is Cause.REFUSED
    assert cause_of_failed_open(wrong, reconnect_tries=1) is Cause.REFUSED


# --------------------------------------------------------------------------- whether
@pytest.mark.parametrize("code", [None, 1001, 1005, 1006, 1011, 1012, 1013, 1014])
def test_these_close_codes_are_transient(code: int | None) -> None:
    assert is_transient(SessionClosedError("closed", close_code=code))


@pytest.mark.parametrize("code", [1000, 1002, 1003, 1007, 1008, 1009, 1010, 1015, 3000, 4001])
def test_other_close_codes_are_not_transient(code: int) -> None:
    assert not is_transient(SessionClosedError("closed", close_code=code))


@pytest.mark.parametrize(
    ("status", "is_it"),
    [(None, True), (429, True), (500, True), (502, True), (503, True)]
    + [(status, False) for status in (400, 401, 402, 403, 404)],
)
def test_these_http_statuses_are_not_retried(status: int | None, is_it: bool) -> None:
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
        UnsupportedByServer("setting", "live"),
        GrokLiveError("no"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_key_budget_and_configuration_errors_are_never_retried(
    failure: GrokLiveError | None,
) -> None:
    assert not is_transient(failure)


# --------------------------------------------------------------------------- when
ATTEMPTS, CHANCES = st.integers(0, 20), st.floats(0, 1, exclude_max=True)


@given(ATTEMPTS, CHANCES)
def test_a_backoff_is_bounded_and_jitter_takes_at_most_half_of_it(
    attempt: int, chance: float
) -> None:
    longest_s = backoff_s(attempt, 0.0)
    assert 0.5 <= longest_s <= 8
    assert longest_s / 2 <= backoff_s(attempt, chance) <= longest_s


@given(ATTEMPTS, CHANCES)
def test_a_backoff_never_decreases_from_one_attempt_to_the_next(
    attempt: int, chance: float
) -> None:
    assert backoff_s(attempt, chance) <= backoff_s(attempt + 1, chance)


def test_each_backoff_is_twice_as_long_up_to_the_longest() -> None:
    assert [backoff_s(attempt, 0.0) for attempt in range(7)] == [0.5, 1, 2, 4, 8, 8, 8]


# --------------------------------------------------------------------------- replaying
def turn(role: Any, text: str) -> Turn:
    return Turn(role, tape=AudioBuffer(), text=text, text_source="transcript")


def test_history_is_replayed_as_texts_in_order_and_marked_as_replayed() -> None:
    items = replay_history(
        [turn("user", "Hi"), turn("assistant", "Hello."), turn("user", " Why? ")]
    )
    replayed = [(each.item.role, each.item.part, each.item.text) for each in items]
    assert replayed == [
        ("user", "input_text", "Hi"),
        ("assistant", "output_text", "Hello."),
        ("user", "input_text", " Why? "),
    ]
    conversation = Conversation()
    assert [conversation.apply(each, 0.0) for each in items] == [[]] * 3


def test_only_the_newest_turns_with_text_are_replayed() -> None:
    assert replay_history([]) == []
    assert replay_history([turn("user", ""), turn("assistant", " \n")]) == []
    many = [turn("user", str(number)) for number in range(50)]
    between = [each for one in many for each in (one, turn("assistant", ""))]
    assert [each.item.text for each in replay_history(between)] == [
        str(number) for number in range(50 - REPLAYED_TURNS, 50)
    ]
