"""The time that goes into tool calls: functions that run, and the user's consent."""

from __future__ import annotations

from grok_live_widget.conversation.call_times import CallTimes
from grok_live_widget.events import ToolAnswered, ToolApprovalAsked, ToolFinished, ToolStarted


def test_without_calls_no_time_went_into_them() -> None:
    assert CallTimes().take(7.0) == (0.0, 0.0)


def test_while_one_call_runs_and_another_waits_the_time_counts_as_running() -> None:
    times = CallTimes()
    times.apply(ToolStarted(call_id="c1"), 1.0)
    times.apply(ToolApprovalAsked(call_id="c2"), 1.5)
    times.apply(ToolFinished(call_id="c1"), 3.0)
    times.apply(ToolAnswered(call_id="c2", is_allowed=False), 7.0)
    assert times.take(9.0) == (2.0, 4.0)


def test_the_time_of_a_call_that_goes_on_is_counted_from_the_last_taking_on() -> None:
    times = CallTimes()
    times.apply(ToolStarted(call_id="c1"), 1.0)
    assert times.take(2.0) == (1.0, 0.0)
    assert times.take(2.5) == (0.5, 0.0)
