"""Waiting until a condition holds, for tests of threads, sessions, kernels and pages.

Nothing here waits for a fixed time: each function returns as soon as its condition holds and
fails with a sentence when `timeout_s` is over.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import AsyncIterable, Callable
from typing import Any, TypeVar

from grok_live_widget import Talk

T = TypeVar("T")

PATIENCE_S = 30
PAUSE_S = 0.01


def wait_until(
    condition: Callable[[], T],
    *,
    timeout_s: float = PATIENCE_S,
    what: str = "",
    pause: Callable[[], object] = lambda: time.sleep(PAUSE_S),
) -> T:
    """Evaluate the condition until it is true; return its value.

    Parameters
    ----------
    condition : callable
    timeout_s : float > 0 [s]
    what : str
        What is waited for, for the message of the failure.
    pause : callable
        Called between two evaluations.
    """
    deadline_s = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline_s:
            raise AssertionError(_in_vain(timeout_s, what or condition))
        pause()
    return value


async def wait_until_async(
    condition: Callable[[], T], *, timeout_s: float = PATIENCE_S, what: str = ""
) -> T:
    """Do the same on an event loop, for conditions that no event announces."""
    deadline_s = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline_s:
            raise AssertionError(_in_vain(timeout_s, what or condition))
        await asyncio.sleep(PAUSE_S)
    return value


def wait_for_talk(
    talk: Talk, condition: Callable[[], bool], *, timeout_s: float = PATIENCE_S
) -> None:
    """Evaluate the condition now and after each event of the talk, until it is true."""
    changed = threading.Condition()

    def notify(*_: object) -> None:
        with changed:
            changed.notify_all()

    with talk.add_listener(notify), changed:
        assert changed.wait_for(condition, timeout_s), _in_vain(timeout_s, condition)


async def next_of(events: AsyncIterable[Any], kind: type[T], *, timeout_s: float = PATIENCE_S) -> T:
    """Return the next event of this class; skip those of other classes."""
    async with asyncio.timeout(timeout_s):
        async for event in events:
            if isinstance(event, kind):
                return event
    raise AssertionError(f"the events ended without a {kind.__name__}")


def _in_vain(timeout_s: float, what: object) -> str:
    return f"waited {timeout_s:g} s in vain for {what}"


async def result_of(call: Callable[[], Any]) -> Any:
    """The result of a call, awaited where it is awaitable."""
    result = call()
    return await result if inspect.isawaitable(result) else result
