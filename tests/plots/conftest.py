"""Axes of a figure; all figures are closed after a test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import pytest

from grok_live_widget.conversation import Turns

from ..support.scripted_talk import scripted_turns


@pytest.fixture(autouse=True)
def close_figures() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture
def ax() -> Any:
    return plt.subplots()[1]


@pytest.fixture(scope="module")
def talk() -> Turns:
    return scripted_turns()
