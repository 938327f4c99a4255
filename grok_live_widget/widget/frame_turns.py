"""Which turn each frame of a talk is about: by its ids or, where it has none, by its time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from ..conversation import Turn
from ..exceptions import ConfigurationError
from ..recording import Frame, Frames

_SLACK_S = 0.05
"""A turn begins with an event, whose frame was noted a moment before."""

_SENT_SOUND = ("input_audio_buffer.append", "websocket.binary")
_SPEECH = ("input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped")


class Assignment(NamedTuple):
    """The turn of a frame; `is_by_time` where no id says so."""

    turn: Turn
    is_by_time: bool


class FrameTurns:
    """Finds the turn that a frame is about.

    Frames with ids belong to the turn of that item or response. Some have none: sound that is sent
    never has, and in the `live` dialect no frame has. Of those, the sound that was sent and the
    events of speech belong to the user's turn at their time, and deltas that were received to the
    reply at their time. Others, such as ``response.create`` and those about the session, are about
    no turn.

    Parameters
    ----------
    turns : sequence of Turn
    """

    def __init__(self, turns: Sequence[Turn]) -> None:
        self._by_item = {turn.item_id: turn for turn in turns if turn.item_id}
        self._by_response = {turn._response_id: turn for turn in turns if turn._response_id}
        self._spoken = {
            role: sorted(
                (turn for turn in turns if turn.role == role and turn.text_source != "typed"),
                key=lambda turn: turn.started_s,
            )
            for role in ("user", "assistant")
        }

    def turn_of(self, frame: Frame) -> Assignment | None:
        """The turn of a frame; None: it is about none, or that cannot be known."""
        item_id, response_id = frame.item_id, frame.response_id
        if item_id or response_id:
            named = self._by_item.get(item_id) or self._by_response.get(response_id)
            return Assignment(named, is_by_time=False) if named else None
        at_time = self._at_time_of(frame)
        return Assignment(at_time, is_by_time=True) if at_time else None

    def _at_time_of(self, frame: Frame) -> Turn | None:
        kind = frame.type
        if frame.direction == "sent" and kind in _SENT_SOUND:
            turn = self._latest("user", frame.time_s)
            # Between turns, silence is sent.
            is_within = turn and frame.time_s < turn.started_s + turn.duration_s + _SLACK_S
            return turn if is_within else None
        if frame.direction == "received" and kind in _SPEECH:
            return self._latest("user", frame.time_s)
        if frame.direction == "received" and (kind.endswith(".delta") or kind == _SENT_SOUND[1]):
            return self._latest("assistant", frame.time_s)
        return None

    def _latest(self, role: str, time_s: float) -> Turn | None:
        """The newest turn that had begun at a time."""
        turns = self._spoken[role]
        at = bisect_right(turns, time_s + _SLACK_S, key=lambda turn: turn.started_s)
        return turns[at - 1] if at else None

    def frames_of(self, turn: Turn, frames: Frames) -> Frames:
        """The frames of a turn, in their order: those that `Frames.filter` finds by their ids, and
        those that belong to it by their time.
        """
        try:
            named = {frame.index for frame in frames.filter(turn=turn)}
        except ConfigurationError:  # The dialect sends no ids.
            named = set()
        found = [
            frame
            for frame in frames
            if frame.index in named or self.turn_of(frame) == Assignment(turn, is_by_time=True)
        ]
        return Frames(found, frames.dropped_count)
