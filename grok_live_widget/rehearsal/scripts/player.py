"""A partner that answers with a script; it remembers where each conversation is."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...audio import SAMPLE_RATE_HZ
from ...exceptions import RehearsalError
from ..faults.base import ConnectionFault
from ..partner import CallTool, PartnerTurn, Piece, pieces_from
from ..tts import Spoken, voice_is_available
from .matching import first_match
from .model import CLOSING, Item, Line, Pause, Script, Step, filled

MOST_CONVERSATIONS = 1_000
"""Of how many conversations the place is kept; that of the one used least recently is dropped."""

_UNKNOWN_WORDS = "something"
"""What `{heard}` is where no words were recognised."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a conversation is in its script.

    Parameters
    ----------
    step_index : int
        Of the step that is next; the count of steps after the last.
    stray_count : int
        How many turns were not what this step expects.
    rest : tuple
        What is said after the output of a tool, one part for each response.
    values : dict
        The values of the placeholders.
    """

    step_index: int = 0
    stray_count: int = 0
    rest: tuple[tuple[Item, ...], ...] = ()
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Answered:
    """The last answer in a conversation: the places before and after it.

    Parameters
    ----------
    line_count : int
        How many lines the history had before the turn that was answered.
    faults : list
        The faults of the answer that have acted, which do not when it is said again.
    """

    before: _Place = _Place()
    after: _Place = _Place()
    line_count: int = 0
    faults: list[ConnectionFault] = field(default_factory=list)

    def place_for(self, turn: PartnerTurn) -> _Place:
        """The place at which the next turn is answered.

        A pause can cut speech into two turns, so that nothing is sent as the answer to the first.
        """
        since = turn.history[self.line_count :]
        was_sent = turn.role == "tool" or any(each.role == "assistant" for each in since)
        return self.after if was_sent or not turn.history else self.before


class ScriptPartner:
    """Answers with a script. Its calls may come from any thread.

    Parameters
    ----------
    script : Script

    Attributes
    ----------
    needs_words : bool
        Whether what is said depends on the words that the student says.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self._lock = threading.Lock()
        self._answered: OrderedDict[str, _Answered] = OrderedDict()
        self.needs_words = script.needs_words

    def __repr__(self) -> str:
        return f"<ScriptPartner {self._script.title!r}>"

    def __call__(self, turn: PartnerTurn) -> Iterator[Piece]:
        """Answer one turn, and move on in its conversation."""
        with self._lock:
            last = self._answered.pop(turn.conversation_id, _Answered())
            found = last.place_for(turn)
            place = replace(found, values={**found.values, **_values_of(turn)})
            items, following = self._answer(turn, place)
            acted = last.faults if found is last.before else []
            items = [each for each in items if not any(each is fault for fault in acted)]
            answered = _Answered(place, following, len(turn.history), list(acted))
            self._answered[turn.conversation_id] = answered
            if len(self._answered) > MOST_CONVERSATIONS:
                self._answered.popitem(last=False)
        _check_tools(items, turn)
        filled_items = [filled(each, following.values) for each in items]
        return self._pieces(filled_items, turn, answered.faults)

    def _answer(self, turn: PartnerTurn, place: _Place) -> tuple[Sequence[Item], _Place]:
        """What is said, and the place after it."""
        if turn.role == "tool":
            items, *rest = place.rest or ((Line("The tool answered: {output}"),),)
            return items, replace(place, rest=tuple(rest))
        steps = self._script.steps
        if place.step_index == len(steps):
            return self._script.closing or (Line(CLOSING),), place
        step = steps[place.step_index]
        chosen = self._choice(step, turn, place)
        if chosen is None:
            stray_count = place.stray_count + (_says_something(turn))
            hint = step.hint or self._script.hint or _default_hint(step)
            return hint, replace(place, stray_count=stray_count, rest=())
        values = {**place.values, step.name: chosen} if step.name else place.values
        items, *rest = step.parts
        index = place.step_index + 1
        if index == len(steps) and self._script.repeat:
            index = 0
        return items, _Place(index, rest=tuple(rest), values=values)

    def _choice(self, step: Step, turn: PartnerTurn, place: _Place) -> str | None:
        """What the student has chosen; None if it is not what the step expects."""
        if not step.expect:
            return _heard(turn)
        if not turn.text.strip():
            return step.expect[0] if turn.pcm.size else None
        tries = step.tries or self._script.tries
        is_last_try = tries is not None and place.stray_count + 1 >= tries
        return first_match(turn.text, step.expect) or (step.expect[0] if is_last_try else None)

    def _pieces(
        self, items: Sequence[Item], turn: PartnerTurn, acted: list[ConnectionFault]
    ) -> Iterator[Piece]:
        lines_left = sum(isinstance(each, Line) for each in items)
        for item in items:
            if isinstance(item, ConnectionFault):
                acted.append(item)
            if isinstance(item, Pause):
                # Without a voice the answer is text, which has no pauses.
                if voice_is_available():
                    yield _silence(item)
                continue
            answer: Any = item
            voice = turn.voice
            if isinstance(item, Line):
                lines_left -= 1
                answer = f"{item.text} " if lines_left else item.text
                voice = item.voice or self._script.voice or turn.voice
            yield from pieces_from(answer, voice, speed=turn.speed, replace=turn.replace)


def _silence(pause: Pause) -> Spoken:
    return Spoken(np.zeros(round(pause.duration_ms * SAMPLE_RATE_HZ / 1000), np.int16))


def _says_something(turn: PartnerTurn) -> bool:
    """Whether a turn is not one without a student, such as after a long silence."""
    return bool(turn.text.strip() or turn.pcm.size)


def _heard(turn: PartnerTurn) -> str:
    return turn.text.strip() or _UNKNOWN_WORDS


def _values_of(turn: PartnerTurn) -> dict[str, str]:
    return {"output": turn.text} if turn.role == "tool" else {"heard": _heard(turn)}


def _default_hint(step: Step) -> tuple[Item, ...]:
    *first, last = step.expect
    listed = f"{', '.join(first)} or {last}" if first else last
    return (Line(f"That is not what I expected. You could say: {listed}."),)


def _check_tools(items: Sequence[Item], turn: PartnerTurn) -> None:
    """Raise, before anything is said, for the call of a tool that the client does not have."""
    for each in items:
        if isinstance(each, CallTool) and each.name not in turn.tools:
            raise RehearsalError(
                f"the script calls the tool {each.name!r}, which this talk does not have.",
                cure=f"Pass tools=[{each.name}], a function of that name.",
            )
