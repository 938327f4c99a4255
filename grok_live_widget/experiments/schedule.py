"""Which question begins when; time is an argument."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from math import inf

from .design import Trial


class Schedule:
    """The questions that are still to be asked.

    Parameters
    ----------
    trials : iterable of Trial
    workers : int or None
        How many run at once; None: any number.
    per_minute : float > 0 or None
        How many begin in a minute, evenly spaced.
    retries : int
        How often a question is asked again.
    """

    def __init__(
        self,
        trials: Iterable[Trial],
        *,
        workers: int | None = None,
        per_minute: float | None = None,
        retries: int = 0,
    ) -> None:
        self._waiting = deque(trials)
        self._workers = inf if workers is None else workers
        self._interval_s = 60 / per_minute if per_minute else 0.0
        self._retries = retries
        self._running_count = 0
        self._next_s = -inf
        # How often each question was asked, by its index.
        self._attempts: dict[int, int] = {}

    @property
    def is_over(self) -> bool:
        """Whether nothing waits and nothing runs."""
        return not self._waiting and not self._running_count

    def due_s(self, now_s: float) -> float:
        """How long until the next question may begin [s]; inf: not before another one ends."""
        if not self._waiting or self._running_count >= self._workers:
            return inf
        return max(0.0, self._next_s - now_s)

    def begin(self, now_s: float) -> Trial:
        """Take the next question, which begins now."""
        trial = self._waiting.popleft()
        self._running_count += 1
        self._next_s = max(self._next_s, now_s) + self._interval_s
        self._attempts[trial.index] = self.attempt_count(trial) + 1
        return trial

    def end(self, trial: Trial, *, may_retry: bool = False) -> bool:
        """A question has ended; returns whether it will be asked again, after the others."""
        self._running_count -= 1
        if may_retry and self.attempt_count(trial) <= self._retries:
            self._waiting.append(trial)
            return True
        return False

    def attempt_count(self, trial: Trial) -> int:
        """How often a question was asked."""
        return self._attempts.get(trial.index, 0)
