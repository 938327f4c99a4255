"""`compare`: asks everything once, on any executor, and keeps what has come whatever happens."""

from __future__ import annotations

import _thread
import os
import signal
import subprocess
import sys
import threading
import warnings
from collections import Counter
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import grok_live_widget
from grok_live_widget import Mcp, Talk, compare
from grok_live_widget.audio import write_wav
from grok_live_widget.exceptions import (
    AuthenticationError,
    ConfigurationError,
    RehearsalWarning,
)
from grok_live_widget.experiments import Result, load_results
from grok_live_widget.rehearsal import Unvoiced

from ..support.sound import RATE_HZ, tone

KEY = "a-key-of-the-workers"


class Counting:
    """A partner that counts what it was asked, and answers with the voice and the text.

    Attributes
    ----------
    asked : Counter
    most : int
        How many questions were being answered at once.
    """

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.most = self._running = 0
        self._lock = threading.Lock()

    def __call__(self, turn: Any) -> Any:
        with self._lock:
            self.asked[turn.text] += 1
            self._running += 1
            self.most = max(self.most, self._running)
        yield Unvoiced(f"{turn.voice} {turn.text} after {len(turn.history)} lines")
        with self._lock:
            self._running -= 1


@pytest.fixture
def counting() -> Counting:
    return Counting()


def experiment_threads() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("grok-live-experiment")]


# --------------------------------------------------------------------------- asking
def test_every_question_is_asked_once_in_a_session_of_its_own(
    counting: Counting, asked_of: Any
) -> None:
    results = compare(["a", "b"], voices=["nova", "onyx"], repeats=2, **asked_of(counting))
    assert counting.asked == {"a": 4, "b": 4}
    assert counting.most == 1
    assert [each.reply.text for each in results] == [
        f"{voice} {text} after 0 lines"
        for _ in range(2)
        for text in ("a", "b")
        for voice in ("nova", "onyx")
    ]
    assert results.is_complete
    assert len(results.to_frame()) == 8
    assert experiment_threads() == []


def test_settings_differ_by_label_and_are_shared_otherwise(asked_of: Any) -> None:
    results = compare(
        "a",
        settings={"short": {"instructions": "Be brief."}, "long": {}},
        instructions="Talk on.",
        **asked_of(lambda turn: Unvoiced(turn.instructions)),
    )
    assert {each.settings: each.reply.text for each in results} == {
        "short": "Be brief.", "long": "Talk on."
    }  # fmt: skip


def test_texts_arrays_and_files_can_be_asked(asked_of: Any, tmp_path: Path) -> None:
    path = write_wav(tmp_path / "question.wav", tone(0.3))
    prompts = {"text": "hello", "array": (tone(0.2), RATE_HZ), "file": path}
    detection = {"turn_detection": grok_live_widget.PushToTalk()}
    results = compare(prompts, pace="realtime", **detection, **asked_of("parrot"))
    assert [each.error for each in results] == [""] * 3
    assert results[0].reply.text == "hello"
    assert np.array_equal(results[1].reply.pcm, tone(0.2))
    assert np.array_equal(results[2].reply.pcm, tone(0.3))


def test_workers_ask_at_the_same_time(asked_of: Any) -> None:
    both = threading.Barrier(2, timeout=20)

    def partner(turn: Any) -> Unvoiced:
        both.wait()
        return Unvoiced("together")

    results = compare(["a", "b", "c", "d"], workers=2, **asked_of(partner))
    assert [each.reply.text for each in results] == ["together"] * 4


def test_one_failure_is_a_row_and_not_the_end(asked_of: Any) -> None:
    def partner(turn: Any) -> Unvoiced:
        if turn.text == "b":
            raise ValueError("out of ideas")
        return Unvoiced(turn.text)

    results = compare(["a", "b", "c"], **asked_of(partner))
    assert [each.reply and each.reply.text for each in results] == ["a", None, "c"]
    assert [each.error_type for each in results] == ["", "ServerError", ""]
    assert list(results.to_frame().error.isna()) == [True, False, True]


@pytest.mark.parametrize(("retries", "errors"), [(0, 2), (1, 1), (2, 0)])
def test_a_question_that_failed_is_asked_again_as_often_as_allowed(
    retries: int, errors: int, asked_of: Any
) -> None:
    asked: Counter[str] = Counter()

    def partner(turn: Any) -> Unvoiced:
        asked[turn.text] += 1
        if asked[turn.text] < int(turn.text):
            raise ValueError("not yet")
        return Unvoiced(turn.text)

    results = compare(["1", "2", "3"], retries=retries, **asked_of(partner))
    assert len(results.failed) == errors
    assert [each.attempt_count for each in results] == [
        min(needed, retries + 1) for needed in (1, 2, 3)
    ]


def test_a_time_out_is_an_observation_and_is_not_retried(asked_of: Any) -> None:
    is_over = threading.Event()
    asked = asked_of(lambda turn: is_over.wait(20) and "late")
    (result,) = compare("a", timeout_s=0.2, retries=3, **asked)
    is_over.set()
    assert (result.error_type, result.attempt_count) == ("ReplyTimeout", 1)


def test_results_are_passed_on_when_they_are_there(counting: Counting, asked_of: Any) -> None:
    seen: list[tuple[str, int]] = []

    def follow(result: Result) -> None:
        assert threading.current_thread() is threading.main_thread()
        seen.append((result.prompt, sum(counting.asked.values())))

    compare(["a", "b", "c"], on_result=follow, **asked_of(counting))
    assert [prompt for prompt, _ in seen] == ["a", "b", "c"]
    # Not all at the end.
    assert seen[0][1] < 3


# --------------------------------------------------------------------------- on disk
def test_a_second_call_asks_only_what_is_missing(
    counting: Counting, asked_of: Any, tmp_path: Path
) -> None:
    def interrupt(result: Result) -> None:
        if result.index == 1:
            raise KeyboardInterrupt

    asked = asked_of(counting)
    design = {"prompts": ["a", "b", "c"], "repeats": 2, "folder": tmp_path / "run"}
    first = compare(**design, on_result=interrupt, **asked)
    assert (len(first), first.is_complete) == (2, False)
    before = counting.asked.copy()
    second = compare(**design, **asked)
    assert (len(second), second.is_complete) == (6, True)
    assert counting.asked - before == {"a": 1, "b": 1, "c": 2}
    assert [each.started_at for each in second[:2]] == [each.started_at for each in first]
    third = compare(**design, **asked)
    assert sum(counting.asked.values()) == sum(before.values()) + 4
    assert third.to_frame().equals(second.to_frame())


KILLED = """
import os, signal, sys
from grok_live_widget import compare

def die(result):
    if result.index == 2:
        os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    compare(["a", "b", "c"], repeats=2, folder=sys.argv[1], url=sys.argv[2], api_key="any",
            on_result=die, workers=2)
"""


def test_an_experiment_goes_on_after_its_process_was_killed(
    counting: Counting, asked_of: Any, tmp_path: Path
) -> None:
    asked = asked_of(counting)
    folder = tmp_path / "run"
    script = tmp_path / "script.py"
    script.write_text(KILLED)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ran = subprocess.run(
        [sys.executable, script, folder, asked["url"]], timeout=120, env=environment, check=False
    )
    assert ran.returncode == -signal.SIGKILL
    kept = load_results(folder)
    assert 3 <= len(kept) < 6
    before = sum(counting.asked.values())
    results = compare(["a", "b", "c"], repeats=2, folder=folder, **asked)
    assert results.is_complete
    assert sum(counting.asked.values()) - before == 6 - len(kept)
    assert {each.index: each.started_at for each in kept}.items() <= {
        each.index: each.started_at for each in results
    }.items()


def test_a_changed_design_is_refused_before_anything_is_asked(
    counting: Counting, asked_of: Any, tmp_path: Path
) -> None:
    asked = asked_of(counting)
    compare("a", folder=tmp_path / "run", **asked)
    with pytest.raises(ConfigurationError, match="another design: prompts differ"):
        compare("b", folder=tmp_path / "run", **asked)
    assert counting.asked == {"a": 1}


def test_failed_results_are_kept_unless_they_are_to_be_asked_again(
    asked_of: Any, tmp_path: Path
) -> None:
    asked: Counter[str] = Counter()

    def partner(turn: Any) -> Unvoiced:
        asked[turn.text] += 1
        if asked[turn.text] == 1 and turn.text == "a":
            raise ValueError("not yet")
        return Unvoiced(turn.text)

    arguments = asked_of(partner) | {"prompts": ["a", "b"], "folder": tmp_path / "run"}
    assert len(compare(**arguments).failed) == 1
    assert len(compare(**arguments).failed) == 1
    assert asked == {"a": 1, "b": 1}
    again = compare(**arguments, retry_failed=True)
    assert (len(again.failed), len(again)) == (0, 2)
    assert asked == {"a": 2, "b": 1}
    assert len(load_results(tmp_path / "run").failed) == 0


# --------------------------------------------------------------------------- interrupts
def test_an_interrupt_ends_what_is_asked_and_keeps_what_is_there(asked_of: Any) -> None:
    is_over = threading.Event()

    def partner(turn: Any) -> Unvoiced:
        if turn.text == "c":
            _thread.interrupt_main()
            is_over.wait(20)
        return Unvoiced(turn.text)

    results = compare(["a", "b", "c", "d"], **asked_of(partner))
    is_over.set()
    assert [each.prompt for each in results] == ["a", "b"]
    assert not results.is_complete
    assert repr(results).startswith("Results: 2 of 4 questions")
    assert experiment_threads() == []


def test_an_error_of_the_caller_ends_the_questions_and_is_raised(asked_of: Any) -> None:
    def fail(result: Result) -> None:
        raise ValueError("of the caller")

    with pytest.raises(ValueError, match="of the caller"):
        compare(["a", "b", "c"], on_result=fail, **asked_of("parrot"))
    assert experiment_threads() == []


# --------------------------------------------------------------------------- executors
class Inline(Executor):
    """Runs each task when it is submitted, in a copy, as another process would."""

    def __init__(self) -> None:
        self.sent = b""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        import pickle

        sent = pickle.dumps((fn, args))
        self.sent += sent
        function, values = pickle.loads(sent)
        future: Future[Any] = Future()
        future.set_result(pickle.loads(pickle.dumps(function(*values))))
        return future


def test_any_executor_can_ask_and_finds_the_key_in_its_environment(
    counting: Counting, asked_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XAI_API_KEY", KEY)
    asked = asked_of(counting, api_key=KEY)
    inline = Inline()
    results = compare(["a", "b"], executor=inline, **asked)
    assert [each.error for each in results] == ["", ""]
    assert inline.sent
    assert KEY.encode() not in inline.sent
    with ThreadPoolExecutor(2) as threads:
        results = compare(["a", "b"], executor=threads, **asked)
        assert threads.submit(lambda: "still open").result() == "still open"
    assert [each.error for each in results] == ["", ""]
    assert counting.asked == {"a": 2, "b": 2}


def test_a_process_asks_with_the_key_of_its_own_environment(
    counting: Counting, asked_of: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = asked_of(counting, api_key=KEY)
    monkeypatch.setenv("XAI_API_KEY", KEY)
    prompts = {"text": "a", "sound": (tone(0.2), RATE_HZ)}
    detection = {"turn_detection": grok_live_widget.PushToTalk()}
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        results = compare(
            prompts, voices="nova", executor=pool, folder=tmp_path / "run", **detection, **asked
        )
    assert [each.error for each in results] == ["", ""]
    assert counting.asked["a"] == 1
    assert load_results(tmp_path / "run").to_frame().equals(results.to_frame())


def test_a_key_is_refused_with_an_executor_of_other_processes(asked_of: Any) -> None:
    asked = asked_of("parrot") | {"api_key": KEY}
    with pytest.raises(ConfigurationError, match="Set XAI_API_KEY in the environment") as caught:
        compare("a", executor=Inline(), **asked)
    assert KEY not in str(caught.value)


def test_the_secrets_of_a_tool_are_refused_with_an_executor_of_other_processes(
    asked_of: Any,
) -> None:
    tool = Mcp(server_label="notes", server_url="https://mcp.example.org", authorization=KEY)
    for given in ({"tools": [tool]}, {"settings": {"a": {"tools": [tool]}}}):
        with pytest.raises(ConfigurationError, match="would have to be sent") as caught:
            compare("a", executor=Inline(), **asked_of("parrot"), **given)
        assert KEY not in str(caught.value)


def test_what_cannot_go_to_another_process_is_refused_before_anything_is_asked() -> None:
    with (
        ProcessPoolExecutor(1) as pool,
        pytest.raises(ConfigurationError, match="cannot be sent to another process"),
    ):
        compare("a", partner=lambda turn: "x", executor=pool)
    with pytest.raises(ConfigurationError, match=r"not str\. client\.get_executor\(\)"):
        compare("a", partner="parrot", executor="threads")  # type: ignore[arg-type]


def test_questions_that_no_worker_asked_are_rows_and_stay_missing_on_disk(
    asked_of: Any, tmp_path: Path
) -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    asked = asked_of("parrot") | {"folder": tmp_path / "run"}
    results = compare(["a", "b"], executor=pool, **asked)
    assert [each.error_type for each in results] == ["RuntimeError"] * 2
    assert len(load_results(tmp_path / "run")) == 0
    assert [each.error for each in compare(["a", "b"], **asked)] == ["", ""]


# --------------------------------------------------------------------------- servers and keys
def test_the_rehearsal_answers_without_a_key_and_a_warning_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("grok_live_widget.client.endpoint._has_warned", False)
    with pytest.warns(RehearsalWarning, match="not Grok") as caught:
        results = compare("hello", progress=False)
    assert [Path(each.filename).name for each in caught] == [Path(__file__).name]
    assert results[0].server == "rehearsal"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compare("hello", partner="parrot", progress=False)


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [("prompt", "prompts"), ("question", "prompts"), ("questions", "prompts"), ("n", "repeats"),
     ("repeat", "repeats"), ("setting", "settings"), ("n_jobs", "workers"), ("path", "folder")],
)  # fmt: skip
def test_a_misspelt_argument_of_compare_is_named_with_the_one_that_is_meant(
    misspelt: str, meant: str
) -> None:
    wrong: Any = {misspelt: ["hello"]}
    with pytest.raises(TypeError, match=f"no argument '{misspelt}'. Did you mean '{meant}'"):
        compare(**wrong)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [({"on_result": 3}, "on_result must be a function or None, not 3"),
     ({"executor": ThreadPoolExecutor}, "ThreadPoolExecutor is a class of them")],
)  # fmt: skip
def test_what_would_fail_after_the_first_question_is_refused_before_it(
    arguments: Any, part: str
) -> None:
    partner = Counting()
    with pytest.raises(ConfigurationError, match=part):
        compare("hello", partner=partner, progress=False, **arguments)
    assert not partner.asked


def test_a_missing_key_is_an_error_before_anything_is_asked() -> None:
    with pytest.raises(AuthenticationError, match="no API key was found"):
        compare("hello", partner=None)


def test_arguments_are_checked_before_anything_is_asked() -> None:
    for arguments, part in (
        ({"voises": ["nova"]}, "Did you mean 'voices'"),
        ({"voice_": "nova"}, "Did you mean"),
        ({"workers": 0}, "workers must be"),
        ({"per_minute": 0}, "per_minute must be"),
        ({"retries": -1}, "retries must be"),
        ({"retry_failed": "yes"}, "retry_failed must be"),
        ({"progress": "yes"}, "progress must be"),
    ):
        with pytest.raises(ConfigurationError, match=part):
            compare("hello", partner="parrot", **arguments)


def test_a_call_in_a_listener_is_refused_since_it_would_wait_for_itself() -> None:
    failures: list[str] = []

    def listen(*_: Any) -> None:
        with pytest.raises(ConfigurationError, match="Call it on another thread") as caught:
            compare("hello", partner="parrot", progress=False)
        failures.append(str(caught.value))

    with Talk(partner="parrot") as talk, talk.add_listener(listen):
        talk.ask("hello")
    assert failures


# --------------------------------------------------------------------------- progress
class Bar:
    """A progress bar that keeps what it is told."""

    def __init__(self, **options: Any) -> None:
        self.options, self.count, self.is_closed = options, options["initial"], False
        bars.append(self)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.is_closed = True

    def update(self) -> None:
        self.count += 1


bars: list[Bar] = []


def test_a_progress_bar_counts_the_results_also_those_from_disk(
    asked_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tqdm.auto.tqdm", Bar)
    bars.clear()
    arguments = asked_of("parrot") | {"prompts": ["a", "b", "c"], "folder": tmp_path / "run"}
    arguments |= {"progress": None}
    for _ in range(2):
        compare(**arguments)
    assert [(each.options["initial"], each.count, each.is_closed) for each in bars] == [
        (0, 3, True), (3, 3, True)
    ]  # fmt: skip
    assert bars[0].options["total"] == 3
    compare(**(arguments | {"progress": False}))
    assert len(bars) == 2


def test_without_tqdm_there_is_no_bar_unless_it_is_demanded(
    asked_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    asked = asked_of("parrot")
    assert compare("a", **(asked | {"progress": None})).is_complete
    with pytest.raises(ImportError, match=r"grok-live-widget\[experiments\]"):
        compare("a", **(asked | {"progress": True}))
