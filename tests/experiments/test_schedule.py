"""The schedule: how many questions run, when the next may begin, which are asked again."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from grok_live_widget.experiments.design import Trial, design_of
from grok_live_widget.experiments.schedule import Schedule


@pytest.fixture
def trials() -> list[Trial]:
    design = design_of(
        ["a", "b", "c", "d", "e", "f"], None, None, {}, repeats=1, pace="fast", timeout_s=60
    )
    return list(design.trials())


def begun(schedule: Schedule, now_s: float) -> list[str]:
    """The prompts of all questions that may begin now."""
    prompts = []
    while schedule.due_s(now_s) <= 0:
        prompts.append(schedule.begin(now_s).prompt)
    return prompts


def test_no_more_than_the_workers_run_at_once(trials: Any) -> None:
    schedule = Schedule(trials, workers=2)
    assert begun(schedule, 0.0) == ["a", "b"]
    assert schedule.due_s(1e9) == inf
    schedule.end(trials[0])
    assert begun(schedule, 0.0) == ["c"]


def test_without_a_number_of_workers_all_begin_at_once(trials: Any) -> None:
    schedule = Schedule(trials)
    assert begun(schedule, 0.0) == ["a", "b", "c", "d", "e", "f"]
    assert not schedule.is_over
    for trial in trials:
        schedule.end(trial)
    assert schedule.is_over


def test_at_a_rate_questions_begin_evenly_spaced(trials: Any) -> None:
    schedule = Schedule(trials, per_minute=20)
    assert begun(schedule, 100.0) == ["a"]
    assert schedule.due_s(101.0) == pytest.approx(2.0)
    assert begun(schedule, 102.999) == []
    assert begun(schedule, 103.0) == ["b"]


def test_what_was_not_used_of_a_rate_is_not_made_up_for(trials: Any) -> None:
    schedule = Schedule(trials, per_minute=60)
    assert begun(schedule, 0.0) == ["a"]
    assert begun(schedule, 50.0) == ["b"]
    assert schedule.due_s(50.0) == pytest.approx(1.0)


def test_a_failed_question_is_asked_again_after_the_others_and_not_more_often(trials: Any) -> None:
    schedule = Schedule(trials[:2], workers=1, retries=2)
    asked = []
    while not schedule.is_over:
        trial = schedule.begin(0.0)
        asked.append(trial.prompt)
        is_asked_again = schedule.end(trial, may_retry=trial.prompt == "a")
        assert is_asked_again is (trial.prompt == "a" and schedule.attempt_count(trial) < 3)
    assert asked == ["a", "b", "a", "a"]
    assert schedule.attempt_count(trials[0]) == 3
    assert schedule.attempt_count(trials[1]) == 1
