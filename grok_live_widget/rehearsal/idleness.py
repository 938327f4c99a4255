"""When nobody has spoken for so long that the server takes a turn by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["Idleness"]


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
