"""What every test stands on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent

# A key of the person who runs the tests must never turn a rehearsal into a paid talk, and
# nothing drawn may look for a screen. Set before any test module is imported.
os.environ.pop("XAI_API_KEY", None)
os.environ["MPLBACKEND"] = "agg"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder, and let what takes seconds come after what takes none."""
    for item in items:
        folder = item.path.relative_to(HERE).parts[0]
        if folder in ("browser", "peers"):
            item.add_marker(folder)
    late = ("browser", "peers", "slow")
    items.sort(key=lambda item: any(item.get_closest_marker(mark) for mark in late))
