"""When the next piece of a reply is due, and how long it will still be heard."""

from __future__ import annotations

import asyncio

__all__ = ["Pace"]


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
