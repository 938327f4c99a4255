"""When the next piece of a response is due, and when the user has been silent for too long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = [
    "Idleness",
    "Pace",
]


class Pace:
    """The clock of one reply.

    Parameters
    ----------
    speed : float > 0
        How much faster than real time its sound is sent.
    """

    CATCH_UP_S = 0.2
    """How far a late reply may hurry to make up for it."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._due_s = self._ends_s = asyncio.get_running_loop().time()

    @property
    def rest_s(self) -> float:
        """How long somebody who plays it at true speed will still hear it [s]."""
        return max(0.0, self._ends_s - asyncio.get_running_loop().time())

    async def wait_for(self, duration_s: float) -> None:
        """Return when a piece of this length may be sent."""
        now_s = asyncio.get_running_loop().time()
        self._due_s = max(self._due_s, now_s - self.CATCH_UP_S)
        if self._due_s > now_s:
            await asyncio.sleep(self._due_s - now_s)
        self._due_s += duration_s / self._speed
        self._ends_s = max(self._ends_s, now_s) + duration_s


class Idleness:
    """An alarm clock that is set anew after each reply.

    Parameters
    ----------
    act : callable
        Called with the position that `follow` was told last, when the time is over.
    """

    def __init__(self, act: Callable[[int], None]) -> None:
        self._act = act
        self._timeout_ms: int | None = None
        self._alarm: asyncio.TimerHandle | None = None

    def follow(self, timeout_ms: int | None, position_ms: int = 0, pause_s: float = 0.0) -> None:
        """Begin to wait, unless that has been done; stop when there is no timeout (now).

        Parameters
        ----------
        timeout_ms : int or None
        position_ms : int
            Where the silence begins in the user's sound.
        pause_s : float
            How long the last reply may still be heard.
        """
        if timeout_ms == self._timeout_ms:
            return
        self.stop()
        if timeout_ms is not None:
            delay_s = pause_s + timeout_ms / 1000
            loop = asyncio.get_running_loop()
            self._timeout_ms = timeout_ms
            self._alarm = loop.call_later(delay_s, self._ring, position_ms)

    def stop(self) -> None:
        """Wait no longer."""
        self._timeout_ms = None
        if self._alarm:
            self._alarm.cancel()

    def _ring(self, position_ms: int) -> None:
        self._timeout_ms = None
        self._act(position_ms)
