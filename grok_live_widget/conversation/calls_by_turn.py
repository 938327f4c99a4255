"""The turn that each tool call is part of."""

from __future__ import annotations

from .tool_calls import ToolCallState
from .turn import Turn


class CallsByTurn:
    """Gives the calls of a talk to its turns.

    A call is part of the reply that follows it, or, if none does, of the turn before it.
    """

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}
        # The calls that wait for a reply to follow them.
        self._without_reply: dict[str, ToolCallState] = {}

    def set(self, call: ToolCallState) -> Turn | None:
        """Keep the newest state of a call; returns the turn that this changed."""
        turn = self._turns.get(call.call_id)
        if turn is not None and _is_another(call, turn):
            turn = None
            del self._turns[call.call_id]
        if turn is None:
            self._without_reply[call.call_id] = call
        else:
            turn._set_call(call)
        return turn

    def give_to(self, turn: Turn) -> bool:
        """Make the calls that wait for a reply part of this turn; returns whether any did."""
        for call in self._without_reply.values():
            turn._set_call(call)
            self._turns[call.call_id] = turn
        has_changed = bool(self._without_reply)
        self._without_reply.clear()
        return has_changed


def _is_another(call: ToolCallState, turn: Turn) -> bool:
    """Whether the id is that of a call of this turn which has ended; ids may be used again."""
    if call.state == "waiting":
        return True
    states = [each.state for each in turn.tool_calls if each.call_id == call.call_id]
    return call.state == "running" and states[-1] not in ("waiting", "running")
