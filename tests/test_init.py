"""Importing the package is cheap, and every public name can be imported."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import grok_live_widget
from grok_live_widget import exceptions

HEAVY = (
    "numpy",
    "anywidget",
    "ipywidgets",
    "websockets",
    "matplotlib",
    "soxr",
    "soundfile",
    "docstring_parser",
    "asyncio",
)


def loaded_after(code: str) -> set[str]:
    """Which modules a fresh Python has after `code`."""
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_after("import grok_live_widget; dir(grok_live_widget)").isdisjoint(HEAVY)


@pytest.mark.parametrize(
    ("name", "unneeded"),
    [
        ("GrokLiveError", set(HEAVY)),
        ("ServerVad", set(HEAVY)),
        ("Settings", set(HEAVY)),
        ("tool", set(HEAVY)),
        ("Turn", set(HEAVY) - {"numpy", "soxr"}),
        ("connect", {"anywidget", "ipywidgets", "matplotlib", "soundfile", "docstring_parser"}),
        ("Talk", {"anywidget", "ipywidgets", "matplotlib", "IPython", "soundfile"}),
        ("compare", {"anywidget", "matplotlib", "IPython", "soundfile", "pandas", "tqdm"}),
    ],
)
def test_a_name_loads_only_what_it_needs(name: str, unneeded: set[str]) -> None:
    assert loaded_after(f"from grok_live_widget import {name}").isdisjoint(unneeded)


@pytest.mark.parametrize("name", dir(grok_live_widget))
def test_every_listed_name_can_be_imported(name: str) -> None:
    assert getattr(grok_live_widget, name) is getattr(grok_live_widget, name)


def test_a_star_import_gives_every_listed_name_but_the_version() -> None:
    names: dict[str, object] = {}
    exec("from grok_live_widget import *", names)
    del names["__builtins__"]
    assert sorted(names) == sorted(set(dir(grok_live_widget)) - {"__version__"})
    assert names["Talk"] is grok_live_widget.Talk


def test_type_checkers_see_the_listed_names() -> None:
    tree = ast.parse(Path(grok_live_widget.__file__).with_suffix(".pyi").read_text("utf-8"))
    seen = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }
    assert seen == set(dir(grok_live_widget)) - {"__version__"}
    assert set(exceptions.__all__) <= seen


@pytest.mark.parametrize("name", ["Grok", "_private", "__wrapped__", "exceptions_"])
def test_an_unknown_name_is_an_attribute_error_with_that_name(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"attribute '?{name}'?\b") as caught:
        getattr(grok_live_widget, name)
    assert not hasattr(grok_live_widget, name)
    assert caught.value.__cause__ is None
