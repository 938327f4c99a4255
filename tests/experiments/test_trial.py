"""One question in a talk of its own: what is in its result, also when it fails."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from grok_live_widget import PushToTalk
from grok_live_widget.client import Secret
from grok_live_widget.experiments.design import Trial, design_of
from grok_live_widget.experiments.trial import OpenTalks, ask_trial, run_trial

from ..support.sound import RATE_HZ, tone

KEY = "a-key-that-is-in-no-result"


def trial_of(prompt: Any, pace: str = "fast", timeout_s: float = 60, **common: Any) -> Trial:
    design = design_of(
        {"label": prompt}, None, None, common, repeats=1, pace=pace, timeout_s=timeout_s
    )
    return next(design.trials())


def test_a_result_has_the_reply_all_turns_and_who_answered() -> None:
    result = run_trial(trial_of("hello", partner="parrot"))
    assert (result.prompt, result.reply.text, result.error) == ("label", "hello", "")
    assert [turn.role for turn in result.turns] == ["user", "assistant"]
    assert result.turns[1] is result.reply
    assert (result.server, result.cost_dollars, result.attempt_count) == ("rehearsal", 0.0, 1)
    assert result.elapsed_s > 0
    assert result.started_at.utcoffset().total_seconds() == 0
    assert set(result.files) == {"talk.json", "events.jsonl", "user.wav", "assistant.wav"}


@pytest.mark.parametrize("pace", ["fast", "realtime"])
def test_a_sound_is_asked_at_its_pace(pace: str) -> None:
    trial = trial_of((tone(0.4), RATE_HZ), pace, partner="parrot", turn_detection=PushToTalk())
    result = run_trial(trial)
    assert np.array_equal(result.reply.pcm, tone(0.4))
    # What is sent in real time takes as long as it lasts.
    assert pace == "fast" or result.elapsed_s > 0.39


def test_the_turns_of_a_result_hold_no_more_memory_than_their_samples() -> None:
    result = run_trial(trial_of("hello", partner=lambda turn: tone(0.5)))
    assert len(result.reply.pcm) == RATE_HZ // 2
    # What the view of the samples is a view of.
    assert result.reply.pcm.base.nbytes == RATE_HZ


def test_a_failure_is_in_the_result_with_what_came_before_it() -> None:
    def partner(turn: Any) -> Any:
        yield tone(0.3)
        raise ValueError("out of ideas")

    result = run_trial(trial_of("hello", partner=partner))
    assert (result.error_type, result.reply) == ("ServerError", None)
    assert "out of ideas" in result.error
    assert len(result.turns[1].pcm) == round(0.3 * RATE_HZ)


def test_a_talk_that_cannot_be_opened_is_a_failure_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XAI_API_KEY", "any")
    result = run_trial(trial_of("hello", url="ws://127.0.0.1:9/v1/realtime", reconnect_tries=0))
    assert (result.error_type, len(result.turns), result.server) == (
        "ConnectError", 0, "127.0.0.1:9"
    )  # fmt: skip
    result = run_trial(trial_of("hello", url="ws://example.test/v1/realtime"))
    assert (result.error_type, result.files, result.server) == ("ConfigurationError", {}, "")
    assert "ws://" in result.error


def test_the_key_is_in_no_pickle_of_a_result(asked_of: Any) -> None:
    asked = asked_of("parrot", api_key=KEY)
    trial = trial_of(f"the key is {KEY}", url=asked["url"])
    result = ask_trial(trial, Secret(KEY), OpenTalks())
    assert result.error == ""
    assert KEY.encode() not in b"".join(result.files.values())
    assert KEY not in repr(vars(result) | {"reply": "", "turns": ""})
    sent = pickle.dumps(ask_trial(trial_of("hello", url=asked["url"]), Secret(KEY), OpenTalks()))
    assert KEY.encode() not in sent
    assert pickle.loads(sent).reply.text == "hello"


def test_talks_that_are_closed_together_end_their_questions_and_no_other_begins() -> None:
    was_asked, is_over = threading.Event(), threading.Event()

    def partner(turn: Any) -> str:
        was_asked.set()
        is_over.wait(20)
        return "late"

    open_talks = OpenTalks()
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(ask_trial, trial_of("hello", partner=partner), None, open_talks)
        assert was_asked.wait(20)
        open_talks.close()
        assert asking.result(timeout=20).error_type.startswith("SessionClosed")
        is_over.set()
    late = ask_trial(trial_of("hello", partner="parrot"), None, open_talks)
    assert (late.error_type, len(late.turns)) == ("SessionClosedOK", 0)
