"""The examples in the docstrings of the names in docs/api.md run as they are written."""

from __future__ import annotations

import doctest
import inspect
import re
import sys
import warnings
from collections.abc import Iterator
from operator import attrgetter
from pathlib import Path

import pytest

import grok_live_widget

API = Path(__file__).parents[1] / "docs" / "api.md"
LISTED = re.findall(r"^   ([\w.]+)$", API.read_text("utf-8"), re.MULTILINE)
PUBLIC = {name: attrgetter(name)(grok_live_widget) for name in (*grok_live_widget.__all__, *LISTED)}


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.mark.parametrize("name", PUBLIC)
def test_the_example_of_a_public_name_runs(name: str) -> None:
    text = inspect.getdoc(PUBLIC[name]) or ""
    assert "\nExamples\n--------\n" in text, f"{name} has no example."
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    assert test.examples
    written: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    with warnings.catch_warnings():
        runner.run(test, out=written.append)
    assert runner.failures == 0, "".join(written)
