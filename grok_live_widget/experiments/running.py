"""Runs the questions of an experiment on any executor, and keeps what comes back."""

from __future__ import annotations

import contextlib
import pickle
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import (
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from dataclasses import replace
from datetime import UTC, datetime
from inspect import signature
from numbers import Integral
from os import PathLike
from typing import Any, Literal, Unpack

from .._structs import names_checked
from .._threads import queue_of
from ..client import TALK_THREAD, Secret, resolve_endpoint, warn_of_rehearsal, wrap_secret
from ..conversation import Turns
from ..exceptions import ConfigurationError
from ..settings import SettingsKwargs, between, expand_kwargs_signature, one_of
from ..tools import Mcp
from .design import Design, Trial, check_common, design_of
from .folder import ExperimentFolder
from .outline import Outline
from .results import Result, Results
from .schedule import Schedule
from .trial import OpenTalks, ask_trial, run_trial

# Failures that another attempt may not have. A time-out is none: it is an observation, too.
_RETRIED = ("ConnectError", "ServerError", "SessionClosedError")
# A wait without an end could not be interrupted on Windows.
_LONGEST_WAIT_S = 0.5


@names_checked
@expand_kwargs_signature(SettingsKwargs)
def compare(
    prompts: Any,
    *,
    voices: Sequence[str] | str | None = None,
    settings: Mapping[str, Mapping[str, Any]] | Sequence[Mapping[str, Any]] | None = None,
    repeats: int = 1,
    pace: Literal["fast", "realtime"] = "fast",
    timeout_s: float = 60,
    folder: str | PathLike[str] | None = None,
    retry_failed: bool = False,
    workers: int | None = None,
    per_minute: float | None = None,
    retries: int = 0,
    executor: Executor | None = None,
    progress: bool | None = None,
    on_result: Callable[[Result], object] | None = None,
    api_key: str | Secret | None = None,
    **common: Unpack[SettingsKwargs],
) -> Results:
    """Ask the same questions of several voices and settings, each in a talk of its own.

    Every prompt is asked of every voice with all settings, `repeats` times, in a new session that
    knows nothing of the others. A whole repetition comes before the next one, and voices alternate
    fastest. What fails is a result with an error, and ends nothing.

    Parameters
    ----------
    prompts : str, SoundLike or Interruption, a sequence of them, or a mapping of labels to them
        Texts, sounds as ``(samples, sample_rate)`` or as `pathlib.Path`, and replies to be spoken
        over. Without labels a text is its own, and a file has its name.
    voices : str, sequence of str or of Voice, Voices, or None
        None: that of the settings.
    settings : mapping of str to mapping, sequence of mappings, or None
        What differs between the settings, by label: ``{"slow": {"speed": 0.8}}``.
    repeats : int >= 1
    pace : {"fast", "realtime"}
        How sounds are sent; see `Talk.ask`. ``"realtime"`` for whatever is about turn-taking.
    timeout_s : float > 0 [s]
        Of one question.
    folder : str, PathLike or None
        Where each result is written as soon as it is there, with a recording of its talk. Called
        again with the same design, also after the process was killed, `compare` asks only what is
        missing. None: nothing is written, and recordings are kept in memory (some 100 kB for each
        second of a talk).
    retry_failed : bool
        Whether results in `folder` that failed count as missing.
    workers : int >= 1 or None
        How many questions are asked at once. None: one, which measures latency best; with
        `executor`, as many as it runs.
    per_minute : float > 0 or None
        How many questions may begin in a minute, evenly spaced.
    retries : int >= 0
        How often a question is asked again, after all others, when the connection could not be
        opened or was lost, or the server reported an error.
    executor : concurrent.futures.Executor or None
        Runs the questions: threads, processes, or ``client.get_executor()`` of `dask.distributed`.
        It is not shut down. Other processes find the key in their own environment
        (``XAI_API_KEY``); it is never sent to them. None: threads.
    progress : bool or None
        A progress bar (by tqdm). None: where tqdm is installed.
    on_result : callable or None
        Called with each result when it is there, on the calling thread. What it raises ends the
        experiment.
    api_key : str or None
        As for `Talk`; not with an executor of other processes.
    **common
        Settings of all talks, see `Settings`.

    Returns
    -------
    Results
        In the order of the design. After an interrupt (Ctrl-C, or the stop button of a notebook)
        those that are there, with ``is_complete`` False.

    Raises
    ------
    ConfigurationError, AudioFormatError, AuthenticationError
        Before anything is asked: for a design or a setting that is not valid, and for a folder with
        results of another design.
    ImportError
        With ``progress=True`` and without tqdm.

    Examples
    --------
    >>> from grok_live_widget import compare
    >>> results = compare(
    ...     ["Hello.", "Good bye."], voices=["nova"], partner=["Good morning."], progress=False
    ... )
    >>> [(result.prompt, result.reply.text) for result in results]
    [('Hello.', 'Good morning.'), ('Good bye.', 'Good morning.')]
    """
    api_key = wrap_secret(api_key)
    if TALK_THREAD.is_current:
        raise ConfigurationError(
            "compare waits for replies, which are received on this thread, that of all talks.",
            cure="Call it on another thread, and not in a listener.",
        )
    check_common(common, _OWN_ARGUMENTS)
    design = design_of(
        prompts, voices, settings, common, repeats=repeats, pace=pace, timeout_s=timeout_s
    )
    between("workers", workers, 1, 10_000, kind=Integral, or_none=True)
    between("per_minute", per_minute, 0.001, 1e6, or_none=True)
    between("retries", retries, 0, 1000, kind=Integral)
    for name, value in (("retry_failed", retry_failed), ("progress", progress)):
        one_of(name, value, (True, False, None) if name == "progress" else (True, False))
    if on_result is not None and not callable(on_result):
        raise ConfigurationError(
            f"on_result must be a function or None, not {on_result!r}.",
            cure="It is called with each result.",
        )
    is_here = executor is None or isinstance(executor, ThreadPoolExecutor)
    if is_here:
        _check_server(design, api_key)
    else:
        _check_elsewhere(executor, design, api_key)
    outline = Outline.of(design)
    place = None if folder is None else ExperimentFolder.for_writing(folder, outline)
    found = [] if place is None else place.read()
    if retry_failed:
        found = [each for each in found if not each.has_failed]
    known = {each.index for each in found}
    trials = [trial for trial in design.trials() if trial.index not in known]
    if workers is None and executor is None:
        workers = 1
    schedule = Schedule(trials, workers=workers, per_minute=per_minute, retries=retries)
    run = _Run(schedule, place, on_result)
    with (
        _bar(len(outline), len(found), progress) as advance,
        _executor(executor, workers) as chosen,
    ):
        run.run(_submitter(chosen, api_key, run.open_talks, is_here=is_here), advance)
    return Results([*found, *run.results], outline)


_OWN_ARGUMENTS = [
    name for name in signature(compare).parameters if name not in SettingsKwargs.__optional_keys__
]

Submit = Callable[[Trial], "Future[Result]"]


# --------------------------------------------------------------------------- checks
def _check_server(design: Design, key: Secret | None) -> None:
    """Find the server and the key, as each talk will; warns of the rehearsal."""
    for settings in design.checked_settings():
        endpoint = resolve_endpoint(settings, key)
        warn_of_rehearsal(endpoint, stacklevel=5)


def _check_elsewhere(executor: Any, design: Design, key: Secret | None) -> None:
    if isinstance(executor, type):
        raise ConfigurationError(
            f"executor must be an Executor, and {executor.__name__} is a class of them.",
            cure=f"Pass {executor.__name__}(4), and use it as a context manager.",
        )
    if not isinstance(getattr(executor, "submit", None), Callable):  # type: ignore[arg-type]
        raise ConfigurationError(
            f"executor must be a concurrent.futures.Executor, not {type(executor).__name__}.",
            cure="client.get_executor() gives that of a dask client.",
        )
    if key is not None:
        raise ConfigurationError(
            "api_key= would have to be sent to other processes.",
            cure="Set XAI_API_KEY in the environment of each worker, and leave api_key= out.",
        )
    for each in (design.common, *design.settings.values()):
        tools = each.get("tools") or ()
        if any(isinstance(tool, Mcp) and (tool.authorization or tool.headers) for tool in tools):
            raise ConfigurationError(
                "authorization= and headers= of Mcp would have to be sent to other processes.",
                cure="Run this experiment on threads, without executor=.",
            )
    if isinstance(executor, ProcessPoolExecutor):
        try:
            pickle.dumps((design.common, design.settings))
        except Exception as error:  # noqa: BLE001  (pickle raises errors of any class)
            raise ConfigurationError(
                f"the settings cannot be sent to another process: {error}.",
                cure="Functions, and classes of partners, must be defined at the top of a module "
                "that can be imported; leave out what belongs to one process, such as an open "
                "file.",
            ) from None


# --------------------------------------------------------------------------- executors
@contextlib.contextmanager
def _executor(given: Executor | None, workers: int | None) -> Iterator[Executor]:
    """The executor that was given, or threads, which are ended."""
    if given is not None:
        yield given
        return
    own = ThreadPoolExecutor(workers, thread_name_prefix="grok-live-experiment")
    try:
        yield own
    finally:
        own.shutdown(cancel_futures=True)


def _submitter(
    executor: Executor, key: Secret | None, open_talks: OpenTalks, *, is_here: bool
) -> Submit:
    if is_here:
        return lambda trial: executor.submit(ask_trial, trial, key, open_talks)
    return lambda trial: executor.submit(run_trial, trial)


class _Run:
    """One run of an experiment, on the calling thread.

    Attributes
    ----------
    results : list of Result
        As they have come.
    open_talks : OpenTalks
        Those in this process.
    """

    def __init__(
        self,
        schedule: Schedule,
        place: ExperimentFolder | None,
        on_result: Callable[[Result], object] | None,
    ) -> None:
        self.results: list[Result] = []
        self.open_talks = OpenTalks()
        self._schedule, self._place, self._on_result = schedule, place, on_result
        self._ended: deque[Future[Result]] = deque()
        # Functions of tools may be for this thread, which waits.
        self._here = queue_of(threading.current_thread())
        self._running: dict[Future[Result], Trial] = {}

    def run(self, submit: Submit, advance: Callable[[], object]) -> None:
        """Ask everything; returns when that is over, or after an interrupt."""
        try:
            while not self._schedule.is_over:
                self._submit_due(submit, advance)
                wait_s = self._schedule.due_s(time.monotonic())
                self._receive(min(wait_s, _LONGEST_WAIT_S), advance)
        except KeyboardInterrupt:
            self._receive(0.0, advance)
            self._stop()
        except BaseException:
            self._stop()
            raise

    def _submit_due(self, submit: Submit, advance: Callable[[], object]) -> None:
        while self._schedule.due_s(time.monotonic()) <= 0:
            trial = self._schedule.begin(time.monotonic())
            try:
                future = submit(trial)
            except RuntimeError as error:  # An executor that is broken, or was shut down.
                self._keep(trial, _not_asked(trial, error), advance)
                continue
            self._running[future] = trial
            future.add_done_callback(self._note_end)

    def _note_end(self, future: Future[Result]) -> None:
        """A question has ended; called on any thread."""
        self._ended.append(future)
        self._here.wake()

    def _receive(self, timeout_s: float, advance: Callable[[], object]) -> None:
        """Wait for results, and take all that are there."""
        self._here.make_calls_until(lambda: bool(self._ended), timeout_s)
        while self._ended:
            self._take(self._ended.popleft(), advance)

    def _take(self, future: Future[Result], advance: Callable[[], object]) -> None:
        trial = self._running.pop(future)
        try:
            result = future.result()
        except (Exception, CancelledError) as error:  # noqa: BLE001  (of any class of the worker)
            result = _not_asked(trial, error)
        self._keep(trial, result, advance)

    def _keep(self, trial: Trial, result: Result, advance: Callable[[], object]) -> None:
        if self._schedule.end(trial, may_retry=result.error_type in _RETRIED):
            return
        result = replace(result, attempt_count=self._schedule.attempt_count(trial))
        # A question that no worker could ask is missing, and is asked when the run is repeated.
        if self._place is not None and result.files:
            result = self._place.write(result)
        self.results.append(result)
        advance()
        if self._on_result is not None:
            self._on_result(result)

    def _stop(self) -> None:
        """Ask nothing more, and end what is asked in this process."""
        for future in self._running:
            future.cancel()
        self.open_talks.close()


def _not_asked(trial: Trial, error: BaseException) -> Result:
    """The result of a question that its worker could not ask, or not report on."""
    return Result(
        index=trial.index,
        prompt=trial.prompt,
        voice=trial.voice,
        settings=trial.settings,
        repeat=trial.repeat,
        reply=None,
        turns=Turns(),
        error=f"{type(error).__name__}: {error}",
        error_type=type(error).__name__,
        started_at=datetime.now(UTC),
        elapsed_s=0.0,
    )


# --------------------------------------------------------------------------- progress
@contextlib.contextmanager
def _bar(total: int, done: int, wanted: bool | None) -> Iterator[Callable[[], object]]:
    """A progress bar; gives what is called for each result."""
    tqdm = _tqdm(wanted)
    if tqdm is None:
        yield lambda: None
        return
    with tqdm(total=total, initial=done, unit="question") as bar:
        yield bar.update


def _tqdm(wanted: bool | None) -> Any:
    if wanted is False:
        return None
    try:
        from tqdm.auto import tqdm
    except ImportError:
        if wanted:
            raise ImportError(
                "progress=True needs tqdm: pip install 'grok-live-widget[experiments]'"
            ) from None
        return None
    return tqdm
