"""The kernel's part of the inspector: the frames of a talk, as its drawer asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..recording import Frame, Frames

MOST_FRAMES = 500
"""Frames of one answer: 60 kB, far below what Jupyter takes for a flood. A page asks again."""


def answer(frames: Frames, content: Mapping[str, Any]) -> dict[str, Any] | None:
    """The answer to a request of the drawer; None for what is none.

    Parameters
    ----------
    content : mapping
        ``{"type": "frames", "from": index}`` asks for the frames from an index on, and
        ``{"type": "frame", "index": index}`` for the JSON of one.
    """
    match content:
        case {"type": "frames", "from": int(first)}:
            listed = [_listed(frame) for frame in _since(frames, first)]
            return {"type": "frames", "frames": listed, "dropped_count": frames.dropped_count}
        case {"type": "frame", "index": int(index)}:
            found = next((frame for frame in _since(frames, index) if frame.index == index), None)
            text = "" if found is None else _text_of(found.message)
            return {"type": "frame", "index": index, "text": text}
    return None


def _since(frames: Frames, first: int) -> Frames:
    """The frames from an index on, as many as one answer has."""
    start = max(0, first - (frames[0].index if len(frames) else 0))
    return frames[start : start + MOST_FRAMES]


def _listed(frame: Frame) -> dict[str, Any]:
    row = frame.row()
    del row["message"]
    return row


def _text_of(message: dict[str, Any]) -> str:
    return msgspec.json.format(msgspec.json.encode(message), indent=2).decode()
