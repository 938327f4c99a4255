"""When the next piece of a response is due, and when the user has been silent for too long."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Pacer:
    """Paces one response.

    Parameters
    ----------
    speed : float > 0
        How much faster than real time its audio is sent.
    """

    CATCH_UP_S = 0.2
    """How far ahead of the pace a delayed response may catch up [s]."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._due_s = self._ends_s = asyncio.get_running_loop().time()

    @property
    def remaining_playback_s(self) -> float:
        """How long the audio sent would still play at real time [s]."""
        return max(0.0, self._ends_s - asyncio.get_running_loop().time())

    async def wait_for(self, duration_s: float) -> None:
        """Return when a piece of this duration may be sent."""
        now_s = asyncio.get_running_loop().time()
        self._due_s = max(self._due_s, now_s - self.CATCH_UP_S)
        if self._due_s > now_s:
            await asyncio.sleep(self._due_s - now_s)
        self._due_s += duration_s / self._speed
        self._ends_s = max(self._ends_s, now_s) + duration_s


class IdleTimer:
    """The timer of the idle timeout, started after each response.

    Parameters
    ----------
    callback : callable
        Called when the time is over, with the position that was passed to `update`.
    """

    def __init__(self, callback: Callable[[int], None]) -> None:
        self._callback = callback
        self._timeout_ms: int | None = None
        self._timer: asyncio.TimerHandle | None = None

    def update(self, timeout_ms: int | None, position_ms: int = 0, pause_s: float = 0.0) -> None:
        """Start the timer unless it runs already; stop it where there is no timeout.

        Parameters
        ----------
        timeout_ms : int or None
        position_ms : int
            Where the silence begins in the user's audio.
        pause_s : float
            How long the last response may still play.
        """
        if timeout_ms == self._timeout_ms:
            return
        self.stop()
        if timeout_ms is not None:
            delay_s = pause_s + timeout_ms / 1000
            loop = asyncio.get_running_loop()
            self._timeout_ms = timeout_ms
            self._timer = loop.call_later(delay_s, self._fire, position_ms)

    def stop(self) -> None:
        """Stop the timer."""
        self._timeout_ms = None
        if self._timer:
            self._timer.cancel()

    def _fire(self, position_ms: int) -> None:
        self._timeout_ms = None
        self._callback(position_ms)
