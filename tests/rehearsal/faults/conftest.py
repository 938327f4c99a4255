"""A rehearsal that goes wrong."""

from __future__ import annotations

from typing import Any

import pytest

from .client import counting


@pytest.fixture
def faulty(serving: Any) -> Any:
    """`faulty(*faults) -> RehearsalServer` that counts to four."""
    return lambda *faults, **settings: serving(counting, faults=faults, **settings)
