"""How long functions ran and waited for consent before a reply, as a fold of events."""

from __future__ import annotations

from ..protocol import Event
from .tool_calls import ToolCalls, ToolCallState


class CallTimes:
    """The time that went into tool calls since `take` was called last.

    While one call runs and another waits for consent, the time counts as running.
    """

    def __init__(self) -> None:
        self._calls = ToolCalls()
        self._since_s = self._tool_s = self._approval_s = 0.0

    def apply(self, event: Event, now_s: float) -> ToolCallState | None:
        """Apply one event; returns the call that it changed."""
        self._advance(now_s)
        return self._calls.apply(event, now_s)

    def take(self, now_s: float) -> tuple[float, float]:
        """How long functions ran and how long they waited for consent [s]; starts again at 0."""
        self._advance(now_s)
        taken = (self._tool_s, self._approval_s)
        self._tool_s = self._approval_s = 0.0
        return taken

    def _advance(self, now_s: float) -> None:
        passed_s, self._since_s = now_s - self._since_s, now_s
        if self._calls.has_running:
            self._tool_s += passed_s
        elif self._calls.waiting:
            self._approval_s += passed_s
