"""When a session has to end, and the warnings before: each once, in time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_live_widget.client.limits import Limits
from grok_live_widget.conversation.usage import Usage
from grok_live_widget.events import ErrorReported, Pinged, SessionCreated
from grok_live_widget.settings.pricing import Budget
from grok_live_widget.settings.settings import Settings

NOTHING = Usage()


def limits_of(**settings: Any) -> Limits:
    unlimited = {"session_limit_s": None, "idle_timeout_s": None}
    limits = Limits(Settings(**{**unlimited, **settings}))
    limits.begin(0.0)
    return limits


def warned(limits: Limits, now_s: float, usage: Usage = NOTHING) -> list[str]:
    return [note.text for note in limits.warnings(now_s, usage)]


def apply(limits: Limits, event: Any, now_s: float = 0.0, *, is_talk: bool = False) -> None:
    limits.apply(event, now_s, unix_s=1000.0, is_talk=is_talk)


def lasting(until_unix_s: Any) -> SessionCreated:
    return SessionCreated(session={"expires_at": until_unix_s})


def test_without_limits_nothing_is_ever_due_or_warned_of() -> None:
    limits = limits_of()
    assert warned(limits, 1e9) == []
    assert not limits.is_idle(1e9)
    assert not limits.is_due(1e9, is_quiet=True)
    assert not limits.is_spent(Usage(minutes=1e9, dollars=1e9))
    assert limits.session_left_s(1e9) is None
    assert limits.next_s(1e9) == 1


# --------------------------------------------------------------------------- the session's time
@pytest.mark.parametrize("limit_s", [100, 7200, np.float32(100)])
def test_a_session_is_due_near_its_end_when_quiet_and_just_before_it_in_any_case(
    limit_s: Any,
) -> None:
    limits = limits_of(session_limit_s=limit_s)
    look_s, force_s = min(0.05 * limit_s, 60), min(0.01 * limit_s, 5)
    for is_quiet, margin_s in ((True, look_s), (False, force_s)):
        assert not limits.is_due(limit_s - margin_s - 0.01, is_quiet=is_quiet)
        assert limits.is_due(limit_s - margin_s + 0.01, is_quiet=is_quiet)
    assert limits.session_left_s(limit_s - 7) == pytest.approx(7)


def test_the_end_of_a_session_is_announced_once() -> None:
    limits = limits_of(session_limit_s=7200)
    assert warned(limits, 7200 - 301) == []
    assert warned(limits, 7200 - 300) == [
        "This session ends in 5 min; the talk goes on in a new one."
    ]
    assert warned(limits, 7200 - 299) == []
    limits.begin(7200.0)
    assert warned(limits, 7300) == []
    assert len(warned(limits, 14_400 - 80)) == 1


@pytest.mark.parametrize(
    ("left_s", "shown"), [(300, "5 min"), (90, "2 min"), (89.4, "89 s"), (0.2, "1 s"), (-5, "1 s")]
)
def test_a_duration_is_given_in_whole_minutes_or_seconds(left_s: float, shown: str) -> None:
    (text,) = warned(limits_of(session_limit_s=7200), 7200 - left_s)
    assert f" in {shown};" in text


@pytest.mark.parametrize("ends", [1030, 1030.0])
def test_expires_at_of_the_server_overrides_the_settings(ends: Any) -> None:
    limits = limits_of(session_limit_s=7200)
    apply(limits, lasting(ends))
    assert limits.session_left_s(0) == 30
    apply(limits, SessionCreated())
    assert limits.session_left_s(0) == 7200


@pytest.mark.parametrize("ends", [None, "soon", True, 0, 999, 1000, [1]])
def test_an_invalid_expires_at_is_ignored(ends: Any) -> None:
    limits = limits_of(session_limit_s=50)
    apply(limits, lasting(ends))
    assert limits.session_left_s(0) == 50


@pytest.mark.parametrize("where", ["error_type", "code"])
@pytest.mark.parametrize(
    ("shown", "is_maximum", "is_idle"),
    [("max_duration", True, False), ("timeout", False, True), ("max", False, False)],
)
def test_an_error_of_the_server_tells_why_it_ends_a_session(
    where: str, shown: str, is_maximum: bool, is_idle: bool
) -> None:
    limits = limits_of()
    apply(limits, ErrorReported(**{where: shown}))
    apply(limits, ErrorReported(message="max_duration timeout"))
    assert (limits.has_reached_maximum, limits.has_idled_out) == (is_maximum, is_idle)
    limits.begin(1.0)
    assert (limits.has_reached_maximum, limits.has_idled_out) == (False, False)


# --------------------------------------------------------------------------- idleness
def test_only_activity_and_changes_of_turns_postpone_the_idle_timeout() -> None:
    limits = limits_of(idle_timeout_s=10)
    apply(limits, Pinged(), 9.0)
    assert not limits.is_idle(9.9)
    assert limits.is_idle(10)
    apply(limits, Pinged(), 10.0, is_talk=True)
    assert not limits.is_idle(19.9)
    limits.note_activity(19)
    assert (limits.is_idle(28.9), limits.is_idle(29)) == (False, True)


def test_idleness_is_warned_of_30_s_before_the_timeout_and_again_after_activity() -> None:
    limits = limits_of(idle_timeout_s=300)
    assert warned(limits, 269) == []
    assert warned(limits, 270) == ["Nothing is said; the connection closes in 30 s."]
    assert warned(limits, 299) == []
    limits.note_activity(299)
    assert warned(limits, 300) == []
    assert len(warned(limits, 299 + 275)) == 1


@pytest.mark.parametrize("idle_timeout_s", [1, 30, 60])
def test_a_short_idle_timeout_has_no_warning(idle_timeout_s: float) -> None:
    limits = limits_of(idle_timeout_s=idle_timeout_s)
    assert warned(limits, idle_timeout_s - 0.5) == []
    assert limits.is_idle(idle_timeout_s)


# --------------------------------------------------------------------------- budgets
def test_a_budget_warns_at_warn_at_and_is_spent_at_its_end() -> None:
    limits = limits_of(budget=Budget(minutes=10, warn_at=0.5))
    assert warned(limits, 0, Usage(minutes=4.9)) == []
    (text,) = warned(limits, 0, Usage(minutes=5))
    assert "5" in text
    assert "10" in text
    assert warned(limits, 0, Usage(minutes=9)) == []
    assert not limits.is_spent(Usage(minutes=9.99))
    assert limits.is_spent(Usage(minutes=10))
    limits.begin(600.0)
    assert warned(limits, 600, Usage(minutes=9)) == []


def test_a_running_reply_has_ten_more_seconds_when_the_budget_is_spent() -> None:
    limits = limits_of(budget=Budget(minutes=1))
    assert not limits.may_end(100, is_quiet=False)
    assert not limits.may_end(109.9, is_quiet=False)
    assert limits.may_end(109.9, is_quiet=True)
    assert limits.may_end(110, is_quiet=False)


def test_another_budget_has_its_own_warning_and_grace_period() -> None:
    limits = limits_of(budget=Budget(minutes=1))
    assert len(warned(limits, 0, Usage(minutes=1))) == 1
    assert not limits.may_end(0, is_quiet=False)
    limits.follow(Settings(budget=Budget(minutes=1), voice="eve", idle_timeout_s=None))
    assert warned(limits, 0, Usage(minutes=1)) == []
    limits.follow(Settings(budget=Budget(minutes=100), idle_timeout_s=None))
    assert not limits.is_spent(Usage(minutes=1))
    assert len(warned(limits, 0, Usage(minutes=90))) == 1
    assert not limits.may_end(500, is_quiet=False)
    limits.follow(Settings(idle_timeout_s=None))
    assert not limits.is_spent(Usage(minutes=1e6))


# --------------------------------------------------------------------------- together
TIMES_S = st.lists(st.floats(0, 9000), max_size=60).map(sorted)


@given(TIMES_S)
def test_each_warning_is_given_once_a_session(times_s: list[float]) -> None:
    limits = limits_of(
        session_limit_s=7200, idle_timeout_s=300, budget=Budget(minutes=100, dollars=5)
    )
    texts = [text for now_s in times_s for text in warned(limits, now_s, Usage(minutes=now_s / 60))]
    beginnings = [text[:12] for text in texts]
    assert len(set(beginnings)) == len(beginnings) <= 3


@given(st.floats(0, 8000), st.floats(0, 8000))
def test_nothing_is_due_before_next_s_is_over(now_s: float, later_s: float) -> None:
    limits = limits_of(session_limit_s=7200, idle_timeout_s=300)
    limits.note_activity(now_s)
    next_s = limits.next_s(now_s)
    at_s = now_s + min(later_s, next_s) - 0.001
    if next_s > 0:
        assert not limits.is_idle(at_s)
        assert (limits.session_left_s(at_s) or 0) > 0
