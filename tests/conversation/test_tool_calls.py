"""Where each call stands, as the events tell it."""

from __future__ import annotations

from grok_live_widget.conversation.tool_calls import ToolCalls
from grok_live_widget.events import (
    Pinged,
    ToolAnswered,
    ToolApprovalAsked,
    ToolCalled,
    ToolFinished,
    ToolStarted,
)

ASKED = ToolApprovalAsked(call_id="c1", name="look", arguments="{}")
STARTED = ToolStarted(call_id="c1", name="look", arguments="{}")


def states(calls: ToolCalls) -> list[tuple[str, str]]:
    return [(call.call_id, call.state) for call in calls.shown]


def test_a_call_goes_from_waiting_to_done() -> None:
    calls = ToolCalls()
    assert not calls.has_open
    assert calls.apply(ASKED) is calls.waiting[0]
    assert calls.has_open
    assert calls.waiting[0].arguments == "{}"
    for event, state in (
        (ToolAnswered(call_id="c1", is_allowed=True), "running"),
        (STARTED, "running"),
        (ToolFinished(call_id="c1", name="look", output="up", duration_s=0.5), "done"),
    ):
        changed = calls.apply(event)
        assert changed is not None
        assert changed.state == state
        assert calls.waiting == []
    assert not calls.has_open
    assert (changed.arguments, changed.output, changed.duration_s) == ("{}", "up", 0.5)


def test_a_denied_call_no_longer_waits() -> None:
    calls = ToolCalls()
    calls.apply(ASKED)
    calls.apply(ToolAnswered(call_id="c1", is_allowed=False))
    assert (calls.waiting, states(calls)) == ([], [("c1", "denied")])
    calls.apply(ToolFinished(call_id="c1", name="look", error="no", is_denied=True))
    assert states(calls) == [("c1", "denied")]


def test_of_ended_calls_only_the_last_is_shown() -> None:
    calls = ToolCalls()
    for call_id in ("c1", "c2", "c3"):
        calls.apply(ToolStarted(call_id=call_id, name="look"))
    calls.apply(ToolFinished(call_id="c1", name="look"))
    calls.apply(ToolFinished(call_id="c2", name="look", error="broken"))
    assert states(calls) == [("c2", "failed"), ("c3", "running")]


def test_a_call_refused_before_it_began_is_known_by_its_end() -> None:
    calls = ToolCalls()
    calls.apply(ToolCalled(call_id="c1", name="look", arguments='{"up":1}'))
    calls.apply(ToolFinished(call_id="c1", name="look", error="no 'up'"))
    assert states(calls) == [("c1", "failed")]
    assert calls.shown[0].arguments == '{"up":1}'


def test_other_events_change_nothing() -> None:
    calls = ToolCalls()
    assert calls.apply(Pinged(1)) is None
    assert calls.apply(ToolAnswered(call_id="c9", is_allowed=True)) is None
