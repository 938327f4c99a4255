"""Waiting for what is to become true, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T],
    *,
    timeout_s: float = 20,
    what: str = "",
    pause: Callable[[], object] = lambda: time.sleep(0.05),
) -> T:
    """Ask until the answer is true; returns it.

    Parameters
    ----------
    condition : callable
    timeout_s : float > 0 [s]
    what : str
        What is waited for, for the sentence of the failure.
    pause : callable
        Called between two questions.
    """
    deadline_s = time.monotonic() + timeout_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline_s:
            raise AssertionError(f"waited {timeout_s:g} s in vain for {what or condition}")
        pause()
