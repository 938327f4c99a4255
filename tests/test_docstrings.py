"""The docstrings of what docs/api.md lists: their sections and references.

The site is built with the same checks by numpydoc, which takes minutes.
"""

from __future__ import annotations

import inspect
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from docstring_parser import numpydoc

import grok_live_widget

from .test_examples import PUBLIC

ROOT = Path(__file__).parents[1]
_REFERENCES = runpy.run_path(str(ROOT / "docs" / "references.py"))
names_something, members_of = _REFERENCES["names_something"], _REFERENCES["members_of"]
SETTINGS = set(inspect.signature(grok_live_widget.Settings).parameters)

_AWAITED = re.compile(r"`\w+`, awaited\.")
_REFERENCE = re.compile(r"(?<![`\w])`([^`\n]+)`(?![`_])")


FUNCTIONS = {name: each for name, each in PUBLIC.items() if inspect.isroutine(each)} | {
    f"{name}.{member}": each
    for name, shown in PUBLIC.items()
    for member, each in members_of(shown).items()
    if not isinstance(each, property)
}


def described_parameters(text: str) -> set[str]:
    """The names in the section "Parameters"; those of an entry are separated by commas."""
    found = [each for each in numpydoc.parse(text).params if each.args[0] == "param"]
    return {name.strip(" *") for each in found for name in each.arg_name.split(",")}


def parameters_of(function: Any) -> set[str]:
    parameters = inspect.signature(function).parameters.values()
    named = {each.name for each in parameters if each.kind is not each.VAR_KEYWORD}
    return named - {"self", "cls"}


def lacks(text: str, function: Any) -> set[str]:
    """Which parameters a docstring does not describe, and the section "Returns"."""
    if _AWAITED.match(text):
        return set()
    described = described_parameters(text)
    missing = parameters_of(function) - described
    if described & {"settings", "common"}:
        missing -= SETTINGS
    returned = inspect.signature(function).return_annotation
    if returned not in (None, "None") and not re.search(r"^(Returns|Yields)\n-", text, re.M):
        missing.add("Returns")
    return missing


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_docstring_describes_each_parameter_and_what_is_returned(name: str) -> None:
    assert lacks(inspect.getdoc(FUNCTIONS[name]) or "", FUNCTIONS[name]) == set()


@pytest.mark.parametrize("name", [name for name, each in PUBLIC.items() if inspect.isclass(each)])
def test_the_docstring_of_a_class_that_describes_parameters_describes_each(name: str) -> None:
    described = described_parameters(inspect.getdoc(PUBLIC[name]) or "")
    if described - {"settings"}:
        missing = parameters_of(PUBLIC[name]) - described
        assert missing - (SETTINGS if "settings" in described else set()) == set()


def test_a_docstring_without_a_parameter_or_the_returned_value_is_noticed() -> None:
    def f(a: int, b: int) -> int: ...

    assert lacks("Add.", f) == {"a", "b", "Returns"}
    assert lacks("Add.\n\nParameters\n----------\na, b : int\n", f) == {"Returns"}
    assert lacks("Add.\n\nParameters\n----------\na : int\n\nReturns\n-------\nint\n", f) == {"b"}
    assert lacks("`add`, awaited.", f) == set()


@pytest.mark.parametrize("name", PUBLIC)
def test_the_references_of_a_docstring_name_something(name: str) -> None:
    shown = PUBLIC[name]
    texts = [inspect.getdoc(each) or "" for each in (shown, *members_of(shown).values())]
    described = [text.partition("\nExamples\n")[0] for text in texts]
    targets = {target for text in described for target in _REFERENCE.findall(text)}
    page = f"grok_live_widget.{name}"
    assert [target for target in sorted(targets) if not names_something(target, page)] == []


@pytest.mark.parametrize(
    ("target", "page"),
    [
        ("Turn.latency_ms", "Talk"),
        ("timeout_s", "Talk"),  # an argument of its methods
        ("voice", "AudioDropped"),  # a setting
        ("experiments.Result.turns", "Turn"),  # a field without a default
        ("grok_live_widget.rehearsal.partner", "Settings"),  # a module without a page
        ("events.Noted", "GrokLive"),
        ("mel_filters", "audio.stft"),
        ("matplotlib.axes.Axes.imshow", "plots"),
    ],
)
def test_a_reference_to_what_there_is_is_known(target: str, page: str) -> None:
    assert names_something(target, f"grok_live_widget.{page}")


@pytest.mark.parametrize(
    "target",
    [
        "Turns.latency_mss",
        "timeouts_s",
        "Tallk",
        "Tallk.ask",
        "experiments.Result.turn",
        "events.Notted",
        "grok_live_widget.rehearsal.partners",
        "ask(text)",
        "partner=",
        "numpi.concatenate",
    ],
)
def test_a_misspelt_reference_is_not(target: str) -> None:
    assert not names_something(target, "grok_live_widget.Talk")
