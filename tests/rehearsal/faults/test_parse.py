"""Faults by their names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grok_live_widget.rehearsal.faults import (
    FAULTS,
    Close,
    Drop,
    Fault,
    Garbage,
    Late,
    Omit,
    OtherModel,
    Refuse,
    Report,
    fault_from,
    listing,
)


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_has_a_name_that_makes_it(name: str) -> None:
    made = fault_from(name)
    assert type(made) is FAULTS[name]
    assert str(made).startswith(name)
    assert name in listing()
    assert made == fault_from(made)


def test_every_fault_is_in_the_documents_by_its_name() -> None:
    page = (Path(__file__).parents[3] / "docs" / "faults.md").read_text("utf-8")
    assert sorted(re.findall(r"^\| `([a-z-]+)", page, re.MULTILINE)) == sorted(FAULTS)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drop:session.created", Drop(at="session.created")),
        ("close:4001", Close(4001)),
        ("refuse:429", Refuse(429)),
        ("garbage:binary", Garbage("binary")),
        ("late:0.5", Late(0.5)),
        ("omit:item_id,delta", Omit("item_id,delta")),
        ("report:max_duration", Report("max_duration")),
        ("other-model:x:y", OtherModel("x:y")),
    ],
)
def test_a_name_may_bring_a_value(text: str, fault: Fault) -> None:
    assert fault_from(text) == fault
    assert str(fault) == text
