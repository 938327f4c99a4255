"""Waiting for a turn, from any thread and any loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError

from .._threads import wait_here
from ..conversation import Turn
from ..exceptions import ConfigurationError, ReplyTimeout
from ..settings import between
from .talk import TALK_THREAD


def wait_for_turn(turn: Turn, timeout_s: float, *, heard: bool) -> None:
    """Block until `turn` is complete; with `heard` until it was heard, too.

    Raises
    ------
    ReplyTimeout
    ConfigurationError
        On the thread that receives the turn, where it would wait for itself; and if the turn is
        to be heard and nothing plays it.
    """
    between("timeout_s", timeout_s, 0, 86_400)
    if _is_settled(turn, heard):
        _check_heard(turn, heard)
        return
    if TALK_THREAD.is_current:
        raise ConfigurationError(
            "a waiting call was made on the talk's own thread, where it can never return.",
            cure="Use `await turn`.",
        )
    over: Future[None] = Future()

    def follow() -> None:
        # Called on the talk's thread, and once on this one.
        if _is_settled(turn, heard):
            with contextlib.suppress(InvalidStateError):
                over.set_result(None)

    with _watched(turn, follow):
        try:
            wait_here(over, timeout_s)
        except TimeoutError:
            raise _timed_out(turn, timeout_s) from None
    _check_heard(turn, heard)


async def await_turn(turn: Turn, timeout_s: float | None, *, heard: bool) -> None:
    """`wait_for_turn`, awaited on any loop; None: without a time limit."""
    if timeout_s is not None:
        between("timeout_s", timeout_s, 0, 86_400)
    loop, is_over = asyncio.get_running_loop(), asyncio.Event()

    def follow() -> None:
        if _is_settled(turn, heard):
            with contextlib.suppress(RuntimeError):  # The waiting loop was closed.
                loop.call_soon_threadsafe(is_over.set)

    with _watched(turn, follow):
        try:
            async with asyncio.timeout(timeout_s):
                await is_over.wait()
        except TimeoutError:
            raise _timed_out(turn, timeout_s or 0.0) from None
    _check_heard(turn, heard)


def _is_settled(turn: Turn, heard: bool) -> bool:
    """Whether the wait is over: with the turn, or since it can never be."""
    return turn._is_over(heard) or (heard and turn._is_never_heard())


def _check_heard(turn: Turn, heard: bool) -> None:
    if not turn._is_over(heard):
        raise ConfigurationError(
            "nothing plays this reply, so that it is never heard.",
            cure="Wait without heard=True: only the panel of a GrokLive plays replies, and only "
            "until it is closed.",
        )


@contextlib.contextmanager
def _watched(turn: Turn, follow: Callable[[], object]) -> Iterator[None]:
    """Call `follow` now and after each change of the turn, until the block ends."""
    turn._watchers.append(follow)
    try:
        follow()
        yield
    finally:
        turn._watchers.remove(follow)


def _timed_out(turn: Turn, timeout_s: float) -> ReplyTimeout:
    if not turn.is_complete:
        text = f"the turn was not complete after {timeout_s:g} s."
        cure = "It goes on: wait again, or allow more with timeout_s=."
    elif turn.heard_sample_count is None:
        text = f"in {timeout_s:g} s no page has reported that it plays the reply."
        cure = (
            "Show the panel, which plays replies, or wait without heard=True. A kernel without "
            "subshells (ipykernel 6) reads such reports only between cells."
        )
    else:
        text = f"the reply was not heard to its end within {timeout_s:g} s."
        cure = "Allow more with timeout_s=; earlier replies may still be playing."
    return ReplyTimeout(text, cure=cure, timeout_s=timeout_s, turn=turn)
