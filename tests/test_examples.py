"""The examples in the docstrings of the public names run as they are written."""

from __future__ import annotations

import doctest
import inspect
import sys
import warnings
from collections.abc import Iterator

import pytest

import grok_live_widget

PUBLIC = {name: getattr(grok_live_widget, name) for name in grok_live_widget.__all__}


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
