"""Talks to be written down, and what it means that turns are equal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget import Talk, Turn

# It does not matter which array holds the sound.
FIELDS = sorted(set(Turn.__slots__) - {"_tape", "_watchers"})


def assert_equal_turns(live: Sequence[Turn], saved: Sequence[Turn]) -> None:
    """Field by field, down to the last sample and the last digit."""
    assert [turn.role for turn in saved] == [turn.role for turn in live]
    for ours, theirs in zip(live, saved, strict=True):
        for name in FIELDS:
            assert getattr(theirs, name) == getattr(ours, name), name
        assert np.array_equal(theirs.pcm, ours.pcm)
        assert np.array_equal(theirs.heard, ours.heard)


@pytest.fixture
def same() -> Callable[[Sequence[Turn], Sequence[Turn]], None]:
    """`same(live.turns, saved.turns)` fails unless they are equal in everything."""
    return assert_equal_turns


@pytest.fixture
def saved_talk(tmp_path: Path) -> Path:
    """A folder with two typed turns in it."""
    with Talk(partner="parrot") as talk:
        talk.ask("Grüße\u2028aus der Zukunft")
        return talk.save(tmp_path / "saved")


@pytest.fixture
def texts_of() -> Callable[[Path], Any]:
    """`texts_of(folder)`: every byte of every file in it."""
    return lambda folder: b"".join(
        path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    )
