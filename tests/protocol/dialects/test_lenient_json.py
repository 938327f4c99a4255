"""A field of the wrong type counts as absent, and nothing is raised."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grok_live_widget.protocol.dialects.lenient_json import (
    integer,
    integer_or_none,
    mapping,
    mapping_or_none,
    number_or_none,
    present,
    string,
    string_or_none,
)

ABSENT = object()
VALUES = {
    "absent": ABSENT, "none": None, "true": True, "zero": 0, "one": 1, "half": 0.5,
    "huge": 1e300, "infinite": float("inf"), "nan": float("nan"), "empty": "", "text": "t",
    "list": [1], "dict": {"a": 1}, "no keys": {},
}  # fmt: skip

READERS: dict[Callable[..., Any], tuple[Any, dict[str, Any]]] = {
    string: ("", {"text": "t"}),
    string_or_none: (None, {"text": "t"}),
    number_or_none: (
        None,
        {name: VALUES[name] for name in ("zero", "one", "half", "huge", "infinite", "nan")},
    ),
    integer_or_none: (None, {"zero": 0, "one": 1, "half": 0}),
    integer: (0, {"one": 1}),
    mapping: ({}, {"dict": {"a": 1}}),
    mapping_or_none: (None, {"dict": {"a": 1}, "no keys": {}}),
}


@pytest.mark.parametrize("reader", READERS, ids=[reader.__name__ for reader in READERS])
@pytest.mark.parametrize("name", VALUES)
def test_only_values_of_the_right_type_are_read(reader: Callable[..., Any], name: str) -> None:
    otherwise, fitting = READERS[reader]
    value = VALUES[name]
    found = reader({} if value is ABSENT else {"key": value}, "key")
    expected = fitting.get(name, otherwise)
    assert (found, type(found)) == (expected, type(expected)) or found is value


def test_only_fields_with_a_value_are_present() -> None:
    assert present(a=None, b="", c=0, d=False, e={}, f="x") == {
        "c": 0,
        "d": False,
        "e": {},
        "f": "x",
    }
