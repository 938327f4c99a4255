"""Axes of a figure that is closed after the test."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib.pyplot as plt
import pytest

from grok_live_widget.conversation import Turns

from ..support.scripted_talk import scripted_turns


@pytest.fixture
def ax() -> Iterator[Any]:
    figure, ax = plt.subplots()
    yield ax
    # What the test itself has opened, too.
    plt.close("all")
    del figure


@pytest.fixture(scope="module")
def talk() -> Turns:
    return scripted_turns()
