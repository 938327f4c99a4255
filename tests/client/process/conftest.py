"""A server for talks whose connection is in a process."""

from __future__ import annotations

from typing import Any

import pytest

from grok_live_widget import RehearsalServer


@pytest.fixture
def server() -> Any:
    with RehearsalServer(lambda turn: f"You said {turn.text}.") as server:
        yield server
