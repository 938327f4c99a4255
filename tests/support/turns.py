"""Turns with given samples, for tests of what is done with a turn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from grok_live_widget.audio import AudioBuffer
from grok_live_widget.conversation import Turn

from .sound import RATE_HZ


def turn_of(
    samples: Any = (), role: str = "assistant", *, is_complete: bool = False, **fields: Any
) -> Turn:
    """A turn whose sound is these samples (int16); `fields` are passed on to `Turn`."""
    buffer = AudioBuffer(4)
    buffer.append(np.asarray(samples, np.int16))
    turn = Turn(role, tape=buffer, **({"sample_rate": RATE_HZ} | fields))  # type: ignore[arg-type]
    if is_complete:
        turn._end(None)
    return turn


# It does not matter which array holds the sound, nor that nothing plays a saved talk.
FIELDS = sorted(set(Turn.__slots__) - {"_place", "_may_be_played", "_watchers"})


def assert_equal_turns(live: Sequence[Turn], saved: Sequence[Turn]) -> None:
    """Field by field, down to the last sample and the last digit."""
    assert [turn.role for turn in saved] == [turn.role for turn in live]
    for ours, theirs in zip(live, saved, strict=True):
        for name in FIELDS:
            assert getattr(theirs, name) == getattr(ours, name), name
        assert np.array_equal(theirs.pcm, ours.pcm)
        assert np.array_equal(theirs.heard, ours.heard)
