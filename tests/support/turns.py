"""Turns with given samples, for tests of what is done with a turn."""

from __future__ import annotations

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
