"""Waiting for conditions rather than for a time."""

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
    """Call `condition` until it is true; returns its value.

    Parameters
    ----------
    condition : callable
    timeout_s : float > 0 [s]
    what : str
        What is waited for, for the message of the failure.
    pause : callable
        Called between two calls of `condition`.
    """
    deadline_s = time.monotonic() + timeout_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > deadline_s:
            raise AssertionError(f"waited {timeout_s:g} s for {what or condition}")
        pause()
