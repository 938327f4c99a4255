"""The tool calls of a talk and their states, as a fold of events."""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from .._structs import Value
from ..protocol import (
    Event,
    ToolAnswered,
    ToolApprovalAsked,
    ToolCalled,
    ToolFinished,
    ToolStarted,
)

# Tested first, since nearly all events are others.
_OF_TOOLS = frozenset({ToolCalled, ToolApprovalAsked, ToolStarted, ToolAnswered, ToolFinished})


class ToolCallState(Value, frozen=True, kw_only=True):
    """The state of one call.

    Parameters
    ----------
    call_id : str
        The server's id of the call.
    name : str
        Of the function.
    arguments : str
        JSON text from the model.
    state : {"waiting", "running", "done", "failed", "denied"}
        "waiting" means: for the user's consent.
    output, error : str
        What was sent to the model, and the error if there was one.
    duration_s : float or None [s]
        How long the function ran; None until it has ended.
    started_s : float or None [s]
        When the function began to run, since the talk's first event; None if it did not, and
        outside of `Turn.tool_calls`.

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> def add(a: int, b: int) -> int:
    ...     '''Add two numbers.'''
    ...     return a + b
    >>> with Talk(partner="talker", tools=[add]) as talk:
    ...     [call] = talk.ask('call add {"a": 2, "b": 3}').tool_calls
    >>> call.name, call.arguments, call.output, call.state
    ('add', '{"a":2,"b":3}', '5', 'done')
    """

    call_id: str
    name: str
    arguments: str = ""
    state: Literal["waiting", "running", "done", "failed", "denied"] = "running"
    output: str = ""
    error: str = ""
    duration_s: float | None = None
    started_s: float | None = None


class ToolCalls:
    """The calls that have not ended, and the last one that has."""

    def __init__(self) -> None:
        self._open: dict[str, ToolCallState] = {}
        # Arguments of calls, by their ids: a call that is refused never starts.
        self._arguments: dict[str, str] = {}
        self._last: ToolCallState | None = None

    @property
    def waiting(self) -> list[ToolCallState]:
        """Calls that wait for consent, oldest first; a copy."""
        return [call for call in list(self._open.values()) if call.state == "waiting"]

    @property
    def unfinished(self) -> list[ToolCallState]:
        """Calls that have not ended, oldest first; a copy."""
        return list(self._open.values())

    @property
    def has_running(self) -> bool:
        """Whether the function of any call is running."""
        return any(call.state == "running" for call in self._open.values())

    @property
    def has_open(self) -> bool:
        """Whether any call has not ended."""
        return bool(self._open)

    @property
    def shown(self) -> list[ToolCallState]:
        """The call that ended last, and those that have not ended; a copy."""
        last = [] if self._last is None else [self._last]
        return last + list(self._open.values())

    def apply(self, event: Event, at_s: float | None = None) -> ToolCallState | None:
        """Apply one event; returns the call that it changed, which starts at `at_s`."""
        if type(event) not in _OF_TOOLS:
            return None
        match event:
            case ToolCalled():
                self._arguments[event.call_id] = event.arguments
            case ToolApprovalAsked() | ToolStarted():
                is_waiting = isinstance(event, ToolApprovalAsked)
                call = ToolCallState(
                    call_id=event.call_id,
                    name=event.name,
                    arguments=event.arguments,
                    state="waiting" if is_waiting else "running",
                    started_s=None if is_waiting else at_s,
                )
                self._open[event.call_id] = call
                return call
            case ToolAnswered() if event.call_id in self._open:
                state: Literal["running", "denied"] = "running" if event.is_allowed else "denied"
                call = replace(self._open[event.call_id], state=state)
                self._open[event.call_id] = call
                return call
            case ToolFinished():
                return self._finish(event)
        return None

    def _finish(self, event: ToolFinished) -> ToolCallState:
        arguments = self._arguments.pop(event.call_id, "")
        call = self._open.pop(event.call_id, None)
        call = call or ToolCallState(call_id=event.call_id, name=event.name, arguments=arguments)
        ended_well: Literal["done", "failed"] = "failed" if event.error else "done"
        self._last = replace(
            call,
            state="denied" if event.is_denied else ended_well,
            output=event.output,
            error=event.error,
            duration_s=event.duration_s,
        )
        return self._last
