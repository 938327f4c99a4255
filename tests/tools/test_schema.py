"""A type hint is a schema, and what the schema allows can be read."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum
from typing import Annotated, Any, Literal, NewType, Optional, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_live_widget.exceptions import ConfigurationError, ToolError
from grok_live_widget.tools.schema import schema_of


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Where(Enum):
    HERE = (0, 0)
    THERE = (9, 9)


@dataclass(frozen=True)
class Point:
    x: float
    y: float = 0.0


@dataclass(frozen=True)
class Route:
    points: list[Point]
    colour: Colour = Colour.RED
    name: Annotated[str, "What it is called."] = ""
    tags: dict[str, int] = field(default_factory=dict)


@dataclass
class Positive:
    value: int

    def __post_init__(self) -> None:
        if self.value <= 0:
            raise ValueError(f"{self.value} is not above 0")


@dataclass
class Endless:
    inner: Endless | None = None


Metres = NewType("Metres", float)

READ: list[tuple[Any, Any, Any, Any]] = [
    (bool, {"type": "boolean"}, True, True),
    (int, {"type": "integer"}, 3, 3),
    (int, {"type": "integer"}, 3.0, 3),
    (float, {"type": "number"}, 3, 3.0),
    (str, {"type": "string"}, "x", "x"),
    (Metres, {"type": "number"}, 1.5, 1.5),
    (Any, {}, {"a": [None]}, {"a": [None]}),
    (Annotated[int, "How many."], {"type": "integer", "description": "How many."}, 1, 1),
    (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}, "b", "b"),
    (Literal["a", 1, None], {"enum": ["a", 1, None]}, None, None),
    (Colour, {"type": "string", "enum": ["red", "blue"]}, "blue", Colour.BLUE),
    (Level, {"type": "integer", "enum": [1, 2]}, 2, Level.HIGH),
    (Where, {"type": "string", "enum": ["HERE", "THERE"]}, "THERE", Where.THERE),
    (list[int], {"type": "array", "items": {"type": "integer"}}, [1, 2], [1, 2]),
    (list, {"type": "array", "items": {}}, [1, "a"], [1, "a"]),
    (Sequence[str], {"type": "array", "items": {"type": "string"}}, ["a"], ["a"]),
    (tuple[int, ...], {"type": "array", "items": {"type": "integer"}}, [1], (1,)),
    (
        set[int],
        {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
        [1, 1],
        {1},
    ),
    (dict, {"type": "object", "additionalProperties": {}}, {"a": 1}, {"a": 1}),
    (
        Mapping[str, float],
        {"type": "object", "additionalProperties": {"type": "number"}},
        {"a": 1},
        {"a": 1.0},
    ),
    (Optional[int], {"anyOf": [{"type": "integer"}, {"type": "null"}]}, None, None),  # noqa: UP045
    (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}, 4, 4),
    (Union[int, str], {"anyOf": [{"type": "integer"}, {"type": "string"}]}, "4", "4"),  # noqa: UP007
    (
        Point,
        {
            "type": "object",
            "properties": {"x": {"type": "number"}, "y": {"type": "number", "default": 0.0}},
            "required": ["x"],
            "additionalProperties": False,
        },
        {"x": 1},
        Point(1.0),
    ),
]


@pytest.mark.parametrize(("hint", "schema", "given_", "value"), READ, ids=[str(r[0]) for r in READ])
def test_a_type_has_a_schema_and_reads_its_values(
    hint: Any, schema: Any, given_: Any, value: Any
) -> None:
    shape = schema_of(hint, "it")
    assert shape.schema == schema
    found = shape.read(given_, "it")
    assert found == value
    assert type(found) is type(value)


def test_dataclasses_nest_with_their_defaults() -> None:
    shape = schema_of(Route, "route")
    found = shape.read({"points": [{"x": 1}, {"x": 2, "y": 3}], "colour": "blue"}, "route")
    assert found == Route([Point(1), Point(2, 3)], Colour.BLUE)
    properties = shape.schema["properties"]
    assert properties["colour"] == {"type": "string", "enum": ["red", "blue"], "default": "red"}
    assert properties["name"]["description"] == "What it is called."
    assert "default" not in properties["tags"]


@pytest.mark.parametrize(
    ("hint", "given_", "says"),
    [
        (bool, 1, "it must be true or false, not 1."),
        (bool, "true", "not 'true'"),
        (int, True, "a whole number, not True"),
        (int, 2.5, "a whole number, not 2.5"),
        (int, "3", "a whole number, not '3'"),
        (float, True, "a number, not True"),
        (float, 10**400, "a number"),
        (str, 5, "it must be text, not 5."),
        (Colour, "green", "one of 'red', 'blue', not 'green'"),
        (Colour, [], "one of 'red', 'blue'"),
        (Literal[1], True, "one of 1, not True"),
        (list[int], "12", "it must be a list, not '12'"),
        (list[int], [1, "a"], r"it\[1\] must be a whole number, not 'a'"),
        (dict[str, int], {"a": "b"}, r"it\.a must be a whole number"),
        (int | None, "x", "^it must be a whole number, not 'x'.$"),
        (int | list[int], "x", "whole number.* Or: it must be a list"),
        (Point, [], "it must be an object"),
        (Point, {}, "'x' of it is missing"),
        (Point, {"x": 1, "z": 2}, "there is no 'z' of it; there are: x, y"),
        (Route, {"points": [{"x": "a"}]}, r"it\.points\[0\]\.x must be a number, not 'a'"),
        (Positive, {"value": -1}, "it is invalid: -1 is not above 0"),
    ],
)
def test_an_invalid_value_is_refused_with_its_place(hint: Any, given_: Any, says: str) -> None:
    with pytest.raises(ToolError, match=says):
        schema_of(hint, "it").read(given_, "it")


def test_null_for_what_may_be_left_out_means_its_default() -> None:
    assert schema_of(Point, "it").read({"x": 1, "y": None}, "it") == Point(1, 0)
    with pytest.raises(ToolError, match=r"it\.x must be a number, not None"):
        schema_of(Point, "it").read({"x": None}, "it")


@pytest.mark.parametrize(
    "hint", [bytes, object, complex, dict[int, str], list[bytes], Literal[b"x"], Endless, "text"]
)
def test_a_type_that_json_cannot_represent_is_refused(hint: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^(each item of )?the (parameter|thing)"):
        schema_of(hint, "the thing")


def test_a_tuple_of_a_fixed_length_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"fixed length.*tuple\[T, \.\.\.\]"):
        schema_of(tuple[int, str], "the thing")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(JSON, st.sampled_from([row[0] for row in READ] + [Route, Positive]))
def test_every_json_value_is_read_or_refused(value: Any, hint: Any) -> None:
    with contextlib.suppress(ToolError):
        schema_of(hint, "it").read(value, "it")
