"""What a function returned becomes text that the model can read, as long as it may be."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pytest

from grok_live_widget.tools.forms import LONGEST_OUTPUT
from grok_live_widget.tools.output import text_from

DAY = dt.date(2026, 1, 31)


@dataclass(slots=True)
class Node:
    next: Any = field(default=None)


class Struct(msgspec.Struct):
    size: int


def test_a_value_that_contains_itself_ends_there() -> None:
    node, items = Node(), [1]
    node.next = node
    items.append(items)  # type: ignore[arg-type]
    assert text_from(node) == '{"next": "(contains itself)"}'
    assert text_from(items) == '[1, "(contains itself)"]'
    assert text_from([DAY, [2], [2]]) == '["2026-01-31", [2], [2]]'


def test_what_is_nested_too_deep_is_left_out_and_named() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    assert text_from(deep).endswith("\n(cut off: what is nested deeper than 50 levels is left out)")


def test_an_endless_text_is_cut_off_and_says_so() -> None:
    text = text_from("x" * 100_000)
    assert len(text) < LONGEST_OUTPUT + 100
    assert text.endswith("(cut off; 100000 characters in all)")


def endless() -> Iterator[int]:
    while True:
        yield 7


@pytest.mark.parametrize(
    ("output", "remark"),
    [
        (np.arange(3_000_000), "the first {} of 3000000 items of the output are given"),
        (list(range(100_000)), "the first {} of 100000 items of the output are given"),
        (dict.fromkeys(range(100_000)), "the first {} of 100000 entries of the output are given"),
        (endless(), "the first {} items of the output are given"),
        ([[1, 2, 3]] * 100_000, "the first {} of 100000 items of the output are given"),
    ],
)  # fmt: skip
def test_the_beginning_of_a_long_output_is_json_and_a_sentence_says_what_was_left_out(
    output: Any, remark: str
) -> None:
    text, cut = text_from(output).split("\n")
    assert LONGEST_OUTPUT - 100 < len(text) <= LONGEST_OUTPUT
    assert cut == f"(cut off: {remark.format(len(json.loads(text)))})"


def test_a_long_value_leaves_space_for_the_others() -> None:
    text, cut = text_from({"x": np.arange(10**6), "y": ["z" * 10**5], "mean": 0.5}).split("\n")
    told = json.loads(text)
    assert (len(told["x"]) > 1000, len(told["y"][0]) > 10_000, told["mean"]) == (True, True, 0.5)
    assert cut == (
        f"(cut off: the first {len(told['x'])} of 1000000 items of x are given; "
        f"the first {len(told['y'][0])} of 100000 characters of y[0] are given)"
    )


def test_nothing_is_cut_where_everything_has_space() -> None:
    value = {"long": [1] * 5000, **{f"short {at}": [at] * 20 for at in range(90)}}
    assert json.loads(text_from(value)) == value


def test_many_long_values_share_the_space() -> None:
    text, cut = text_from({f"k{at}": np.arange(10**6) for at in range(80)}).split("\n")
    told = json.loads(text)
    assert len(told) == 80
    assert min(map(len, told.values())) > 50
    assert cut.endswith("; and 77 more)")


def test_a_generator_inside_of_an_output_is_read_once() -> None:
    value = {"numbers": (at for at in range(10**6)), "more": range(10**6)}
    told = json.loads(text_from(value).split("\n")[0])
    assert told["numbers"] == list(range(len(told["numbers"])))
    assert min(len(told["numbers"]), len(told["more"])) > 1000


def test_values_that_are_nested_and_long_everywhere_are_converted_within_bounds() -> None:
    value: Any = [0] * 10**6
    for _ in range(45):
        value = {"left": [0] * 10**6, "right": value}
    text = text_from(value)
    told, _ = text.split("\n")
    assert LONGEST_OUTPUT / 2 < len(told) < LONGEST_OUTPUT + 100
    assert json.loads(told)["right"]["right"]["left"]


def test_an_array_is_not_read_beyond_what_there_is_space_for() -> None:
    read = []

    class Watched(list[int]):
        def __iter__(self) -> Iterator[int]:
            for each in super().__iter__():
                read.append(each)
                yield each

    text_from(Watched(range(1_000_000)))
    assert len(read) < LONGEST_OUTPUT


def test_keys_are_cut_off_like_values() -> None:
    text = text_from({"x" * 10_000: {"y" * 10_000: range(10**6)}})
    assert len(text) < LONGEST_OUTPUT + 500
    ((key, inner),) = json.loads(text.split("\n")[0]).items()
    assert (key, *inner) == ("x" * 200 + "…", "y" * 200 + "…")


def test_a_generator_is_closed_after_its_beginning_was_read() -> None:
    closed = []

    def numbers() -> Iterator[int]:
        try:
            yield from endless()
        finally:
            closed.append(True)

    text_from(numbers())
    assert closed == [True]
