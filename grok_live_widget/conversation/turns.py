"""The sequence of the turns of a talk, and what can be made of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ..audio import SAMPLE_RATE_HZ, Resampler, pcm_from_samples
from .turn import Turn, written


def _at_rate(turn: Turn, rate_hz: int) -> NDArray[np.int16]:
    if turn.sample_rate == rate_hz:
        return turn.pcm
    resampler = Resampler(turn.sample_rate, rate_hz)
    return pcm_from_samples(resampler.push(turn.samples, is_last=True))


class Turns(Sequence[Turn]):
    """Turns in conversation order; grows while the talk goes on.

    Indexing gives a `Turn`, slicing new `Turns`.
    """

    def __init__(self, turns: Sequence[Turn] = ()) -> None:
        self._turns = list(turns)

    @overload
    def __getitem__(self, index: int) -> Turn: ...
    @overload
    def __getitem__(self, index: slice) -> Turns: ...
    def __getitem__(self, index: int | slice) -> Turn | Turns:
        found = self._turns[index]
        return Turns(found) if isinstance(found, list) else found

    def __reduce__(self) -> tuple[Any, ...]:
        # Of a copy of the list, since the loop thread may add a turn meanwhile.
        return type(self), (list(self._turns),)

    def __len__(self) -> int:
        return len(self._turns)

    def __iter__(self) -> Iterator[Turn]:
        # A copy, since the loop thread may add one meanwhile.
        return iter(list(self._turns))

    @property
    def user(self) -> Turns:
        """Only the user's turns."""
        return Turns([turn for turn in self if turn.role == "user"])

    @property
    def assistant(self) -> Turns:
        """Only the replies."""
        return Turns([turn for turn in self if turn.role == "assistant"])

    def write_wav(self, path: str | PathLike[str]) -> Path:
        """Write the audio of all turns, one after another, as mono PCM16; returns the path.

        At their highest sample rate, to which the others are resampled.

        Raises
        ------
        ConfigurationError
            When it cannot be written there.
        """
        rate_hz = max((turn.sample_rate for turn in self), default=SAMPLE_RATE_HZ)
        parts = [_at_rate(turn, rate_hz) for turn in self]
        sound = np.concatenate(parts) if parts else np.empty(0, np.int16)
        return written(path, sound, rate_hz)

    def to_frame(self) -> Any:
        """A pandas DataFrame, one row a turn (needs pandas)."""
        try:
            import pandas as pd
        except ImportError:
            raise ImportError(
                "to_frame() needs pandas: pip install 'grok-live-widget[pandas]'"
            ) from None

        columns = ("role", "text", "text_source", "started_s", "played_at_s", "duration_s")
        delays = ("latency_ms", "tool_ms", "approval_ms", "queue_ms")
        more = ("heard_sample_count", "was_interrupted", "is_complete", "is_approximate", "seam")
        names = (*columns, *delays, *more)
        rows = [{name: getattr(turn, name) for name in names} for turn in self]
        return pd.DataFrame(rows, columns=list(names))

    def __repr__(self) -> str:
        return "\n".join([f"{len(self)} turns", *(f"  {turn!r}" for turn in self)])

    def _add(self, turn: Turn) -> None:
        self._turns.append(turn)
