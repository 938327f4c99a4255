"""Which turn a tool call is part of."""

from __future__ import annotations

from grok_live_widget.audio import AudioBuffer
from grok_live_widget.conversation.calls_by_turn import CallsByTurn
from grok_live_widget.conversation.tool_calls import ToolCallState
from grok_live_widget.conversation.turn import Turn


def _turn() -> Turn:
    return Turn("assistant", tape=AudioBuffer(1))


def _call(state: str, call_id: str = "c1") -> ToolCallState:
    return ToolCallState(call_id=call_id, name="f", state=state)  # type: ignore[arg-type]


def _states(turn: Turn) -> list[str]:
    return [call.state for call in turn.tool_calls]


def test_calls_wait_for_the_turn_that_they_are_given_to_and_change_there() -> None:
    calls, turn = CallsByTurn(), _turn()
    assert calls.set(_call("running", "c1")) is None
    assert calls.set(_call("waiting", "c2")) is None
    assert calls.set(_call("done", "c1")) is None
    assert calls.give_to(turn)
    assert _states(turn) == ["done", "waiting"]
    assert calls.set(_call("running", "c2")) is turn
    assert calls.set(_call("failed", "c2")) is turn
    assert _states(turn) == ["done", "failed"]


def test_there_may_be_no_calls_to_give() -> None:
    calls, first, second = CallsByTurn(), _turn(), _turn()
    calls.set(_call("done"))
    assert [calls.give_to(first), calls.give_to(second)] == [True, False]
    assert _states(second) == []


def test_the_id_of_a_call_that_has_ended_may_be_used_again() -> None:
    calls, first, second, third = CallsByTurn(), _turn(), _turn(), _turn()
    calls.set(_call("done"))
    calls.give_to(first)
    assert calls.set(_call("running")) is None
    assert calls.set(_call("done")) is None
    assert calls.set(_call("running")) is None
    calls.give_to(second)
    # A question for consent is always that of a new call; the server may have given up the last.
    assert calls.set(_call("waiting")) is None
    calls.give_to(third)
    assert [_states(turn) for turn in (first, second, third)] == [
        ["done"],
        ["running"],
        ["waiting"],
    ]
