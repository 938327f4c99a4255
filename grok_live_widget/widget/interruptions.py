"""Why each reply was cut off, for the transcript; without it a reader sees only that it was.

Knows no transport. It is fed with the events of the talk and with what the pages ask for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Literal

from ..conversation import Turn
from ..protocol import Event, Interrupted, SessionEnded, SoundAnnounced, SpeechStarted

Reason = Literal[
    "", "speech", "cell", "interrupt", "stop", "skip", "connection", "python", "discard"
]
"""``"speech"``: the user spoke. ``"cell"``: a sound that a cell sent. ``"interrupt"``, ``"stop"``,
``"skip"``: a button of the panel. ``"connection"``: it ended. ``"python"``: anything else.
``"discard"``: what the user said was discarded.
"""

CELL_NOTE = (
    "A reply that was still playing was interrupted by the sound that a cell sent, as it is by "
    "speech. To let a reply end first, call turn.wait(heard=True) on it before the next question."
)


class Interruptions:
    """The reason for each interruption."""

    def __init__(self) -> None:
        self._reasons: dict[Turn, Reason] = {}
        # The ids of the user's turns that are sounds of cells.
        self._announced: set[str] = set()
        # The buttons whose requests are being carried out, the newest last: requests overlap.
        self._buttons: list[Reason] = []
        # Of the last event that is no interruption: one that follows it directly is its effect.
        self._cause: Reason = ""

    @contextlib.contextmanager
    def by(self, button: Reason) -> Iterator[None]:
        """While the block runs, replies are cut off by this button."""
        self._buttons.append(button)
        try:
            yield
        finally:
            self._buttons.remove(button)

    @property
    def _button(self) -> Reason:
        return self._buttons[-1] if self._buttons else ""

    def apply(self, event: Event, changed: list[Turn], *, is_sending_sound: bool) -> bool:
        """Follow an event; True if it says that the sound of a cell cut off a reply.

        Parameters
        ----------
        is_sending_sound : bool
            Whether a cell is sending sound.
        """
        match event:
            case SoundAnnounced():
                self._announced.add(event.turn_id)
            case SpeechStarted():
                is_of_cell = any(map(self.is_of_cell, changed))
                self._cause = "cell" if is_of_cell or is_sending_sound else "speech"
                return False
            case Interrupted():
                return self._assign(changed, self._cause or self._button or "python")
            case SessionEnded():
                self._cause = self._button or "connection"
                self._assign(changed, self._cause)
                return False
        self._cause = ""
        return False

    def is_of_cell(self, turn: Turn) -> bool:
        """Whether a turn of the user is a sound that a cell sent."""
        return turn.turn_id in self._announced

    def _assign(self, changed: list[Turn], reason: Reason) -> bool:
        cut = [turn for turn in changed if turn.was_interrupted and turn not in self._reasons]
        self._reasons |= dict.fromkeys(cut, reason)
        return bool(cut) and reason == "cell"

    def reason_of(self, turn: Turn) -> Reason:
        """Why a turn has not its whole effect; empty where that is not known, or it has."""
        if turn.was_discarded:
            return "discard"
        return self._reasons.get(turn, "") if turn.was_interrupted else ""
