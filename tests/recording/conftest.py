"""Talks to be written down, and what it means that turns are equal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from grok_live_widget import Talk, Turn

from ..support.turns import assert_equal_turns


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
