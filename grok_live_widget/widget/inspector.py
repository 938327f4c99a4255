"""The kernel's part of the inspector: the frames of a talk, as its drawer asks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ..conversation import Turn
from ..recording import Frame, Frames
from .frame_turns import FrameTurns

MOST_FRAMES = 500
"""Frames of one answer: 80 kB, far below what Jupyter takes for a flood. A page asks again."""


def answer(
    frames: Frames, content: Mapping[str, Any], turns: Sequence[Turn] = ()
) -> dict[str, Any] | None:
    """The answer to a request of the drawer; None for what is none.

    Parameters
    ----------
    content : mapping
        ``{"type": "frames", "from": index}`` asks for the frames from an index on, with
        ``"turn_id"`` for those of one turn, and ``{"type": "frame", "index": index}`` for the JSON
        of one.
    turns : sequence of Turn
        All turns of the talk.
    """
    match content:
        case {"type": "frames", "from": int(first), "turn_id": str(turn_id)} if turn_id:
            return _listed(_since(frames, first), frames, turns, turn_id)
        case {"type": "frames", "from": int(first)}:
            return _listed(_since(frames, first), frames, turns, "")
        case {"type": "frame", "index": int(index)}:
            found = next((frame for frame in _since(frames, index) if frame.index == index), None)
            text = "" if found is None else _text_of(found.message)
            return {"type": "frame", "index": index, "text": text}
    return None


def _since(frames: Frames, first: int) -> Frames:
    """The frames from an index on."""
    return frames[max(0, first - (frames[0].index if len(frames) else 0)) :]


def _listed(wanted: Frames, frames: Frames, turns: Sequence[Turn], turn_id: str) -> dict[str, Any]:
    """As many of the wanted frames as one answer has; with an id, of those of that turn."""
    finder = FrameTurns(turns)
    if turn_id:
        turn = next((turn for turn in turns if turn.turn_id == turn_id), None)
        found = finder.frames_of(turn, wanted) if turn else Frames()
    else:
        found = wanted
    is_whole = len(found) <= MOST_FRAMES
    shown = found[:MOST_FRAMES]
    last = wanted if is_whole else shown
    return {
        "type": "frames",
        "turn_id": turn_id,
        "frames": [_row(frame, finder) for frame in shown],
        "dropped_count": frames.dropped_count,
        "next": last[-1].index + 1 if len(last) else None,
    }


def _row(frame: Frame, finder: FrameTurns) -> dict[str, Any]:
    row = frame.row()
    del row["message"]
    assigned = finder.turn_of(frame)
    row["turn_id"] = assigned.turn.turn_id if assigned else ""
    row["is_by_time"] = bool(assigned and assigned.is_by_time)
    return row


def _text_of(message: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(message), indent=2).decode()
