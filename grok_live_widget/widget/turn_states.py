"""Turns and calls of functions as the panel shows them.

Knows no transport.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ..conversation import ToolCalls, ToolCallState, Turn
from ..protocol import Event
from .messages import CallState

MOST_OUTPUT_LETTERS = 2_000


def word_times(turn: Turn) -> list[float]:
    """For each word of a reply, its place in the text and when it is spoken, alternating.

    Places are counted in UTF-16 code units, as pages count them. Words that are not found in the
    text, which may have been replaced, are left out; empty without caption timing.
    """
    text, times = turn.text, []
    at = units = 0
    for word in turn.words:
        found = text.find(word.text, at)
        if found >= 0:
            units += len(text[at:found].encode("utf-16-le", "surrogatepass")) // 2
            at = found
            times += [units, round(word.start_s, 2)]
    return times


class TurnCalls:
    """The calls of a talk, each with the turn that it is part of.

    Parameters
    ----------
    redact : callable
        Removes secrets from a text.
    """

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact
        self._calls = ToolCalls()
        self._placed: dict[tuple[Turn, str], ToolCallState] = {}
        # The ids of calls that were part of a turn when they changed last; ids may be used again.
        self._placed_ids: set[str] = set()

    def apply(self, event: Event, changed: Iterable[Turn]) -> Iterator[CallState]:
        """Apply one event, which has changed these turns; what is to be sent to the pages."""
        call = self._calls.apply(event)
        placed = set()
        for turn in changed:
            for each in turn.tool_calls:
                if self._placed.get((turn, each.call_id)) != each:
                    self._placed[turn, each.call_id] = each
                    placed.add(each.call_id)
                    yield self._state(each, turn)
        self._placed_ids |= placed
        if call is not None and call.call_id not in placed:
            self._placed_ids.discard(call.call_id)
            yield self._state(call)

    def all_of(self, turns: Iterable[Turn]) -> list[CallState]:
        """All calls of these turns; and of those that are part of none, the ones that have not
        ended and the last one that has.
        """
        placed = [self._state(call, turn) for turn in turns for call in turn.tool_calls]
        shown = [call for call in self._calls.shown if call.call_id not in self._placed_ids]
        return placed + [self._state(call) for call in shown]

    def _state(self, call: ToolCallState, turn: Turn | None = None) -> CallState:
        output = self._redact(call.output)
        is_long = len(output) > MOST_OUTPUT_LETTERS
        return CallState(
            call_id=call.call_id,
            name=call.name,
            arguments=self._redact(call.arguments),
            state=call.state,
            output=f"{output[:MOST_OUTPUT_LETTERS]}…" if is_long else output,
            error=self._redact(call.error),
            duration_s=call.duration_s,
            turn_id="" if turn is None else turn.turn_id,
        )
