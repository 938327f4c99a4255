"""What `Annotated` says of a type reaches the schema, and values of the model are checked."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from decimal import Decimal
from types import SimpleNamespace
from typing import Annotated, Any

import annotated_types as types
import msgspec
import numpy as np
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta
from typing_extensions import Doc

from grok_live_widget import tool
from grok_live_widget.exceptions import ConfigurationError, ToolError
from grok_live_widget.tools.schema import schema_of


def Ge(ge: float) -> Any:  # noqa: N802 - as the class of annotated_types
    return SimpleNamespace(ge=ge)


def field(description: str | None = None, *metadata: Any) -> Any:
    """Like the `FieldInfo` of pydantic, with the attributes that are read."""
    return SimpleNamespace(description=description, metadata=list(metadata), title=None)


# --------------------------------------------------------------------------- schema
@pytest.mark.parametrize(
    "metadata",
    ["How many.", Doc("How many."), Meta(description="How many."), field("How many.")],
    ids=["str", "Doc", "Meta", "Field"],
)
def test_descriptions_reach_the_schema(metadata: Any) -> None:
    assert schema_of(Annotated[int, metadata], "it").schema == {
        "type": "integer",
        "description": "How many.",
    }


def test_a_plain_string_wins_over_other_descriptions() -> None:
    hint = Annotated[int, Meta(description="Not this.", title="Nor this."), "This."]
    assert schema_of(hint, "it").schema == {"type": "integer", "description": "This."}


LENGTHS = {"min_length": 1, "max_length": 3}


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (Annotated[int, Meta(ge=0, le=9)], {"type": "integer", "minimum": 0, "maximum": 9}),
        (
            Annotated[float, Meta(gt=0, lt=1.5, multiple_of=0.1)],
            {
                "type": "number",
                "exclusiveMinimum": 0,
                "exclusiveMaximum": 1.5,
                "multipleOf": 0.1,
            },
        ),
        (
            Annotated[str, Meta(**LENGTHS, pattern="^a")],
            {"type": "string", "minLength": 1, "maxLength": 3, "pattern": "^a"},
        ),
        (
            Annotated[list[int], Meta(**LENGTHS)],
            {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3},
        ),
        (
            Annotated[dict[str, int], Meta(**LENGTHS)],
            {
                "type": "object",
                "additionalProperties": {"type": "integer"},
                "minProperties": 1,
                "maxProperties": 3,
            },
        ),
        (
            Annotated[int | None, Meta(ge=1)],
            {"anyOf": [{"type": "integer"}, {"type": "null"}], "minimum": 1},
        ),
        (Annotated[int, field(None, Ge(1))], {"type": "integer", "minimum": 1}),
        (
            Annotated[int, Ge(1), "One or more."],
            {"type": "integer", "minimum": 1, "description": "One or more."},
        ),
        (
            Annotated[str, field(None, SimpleNamespace(pattern=re.compile("x")))],
            {"type": "string", "pattern": "x"},
        ),
    ],
)  # fmt: skip
def test_limits_reach_the_schema(hint: Any, schema: dict[str, Any]) -> None:
    found = schema_of(hint, "it").schema
    assert found == schema
    assert json.loads(json.dumps(found)) == found


def test_limits_of_msgspec_are_those_of_its_own_schema() -> None:
    for hint in (
        Annotated[int, Meta(ge=0, lt=10, multiple_of=2, description="x")],
        Annotated[str, Meta(min_length=2, max_length=5, pattern="^a")],
        Annotated[list[int], Meta(min_length=2, max_length=5)],
        Annotated[dict[str, int], Meta(min_length=2, max_length=5)],
    ):
        assert schema_of(hint, "it").schema == msgspec.json.schema(hint)


def test_a_pattern_that_is_not_a_regular_expression_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"it has the pattern '\(', which is not"):
        schema_of(Annotated[str, SimpleNamespace(pattern="(")], "it")


# --------------------------------------------------------------------------- values
@pytest.mark.parametrize(
    ("hint", "value", "says"),
    [
        (Annotated[int, Meta(ge=1)], 0, "it must be at least 1, not 0."),
        (Annotated[int, Meta(gt=1)], 1, "it must be greater than 1, not 1."),
        (Annotated[float, Meta(le=1.5)], 2, "it must be at most 1.5, not 2."),
        (Annotated[float, Meta(lt=1.5)], 1.5, "it must be less than 1.5, not 1.5."),
        (Annotated[float, Meta(ge=0)], float("nan"), "it must be at least 0, not nan."),
        (Annotated[int, Meta(multiple_of=5)], 7, "it must be a multiple of 5, not 7."),
        (Annotated[float, Meta(multiple_of=0.1)], 0.25, "it must be a multiple of 0.1, not 0.25."),
        (Annotated[float, Meta(multiple_of=2)], float("inf"), "a multiple of 2, not inf."),
        (Annotated[str, Meta(min_length=2)], "a", "it must have at least 2 characters, not 'a'."),
        (Annotated[str, Meta(max_length=2)], "abc", "it must have at most 2 characters, not 'abc'"),
        (Annotated[str, Meta(pattern="^[a-z]+$")], "A", "must match the pattern '^[a-z]+$'"),
        (Annotated[list[int], Meta(min_length=1)], [], "it must have at least 1 items, not []."),
        (Annotated[set[int], Meta(max_length=1)], [1, 2], "it must have at most 1 items"),
        (Annotated[dict, Meta(min_length=1)], {}, "it must have at least 1 entries, not {}."),
        (Annotated[int | None, Meta(ge=1)], 0, "it must be at least 1, not 0."),
        (list[Annotated[int, Meta(ge=1)]], [1, 0], "it[1] must be at least 1, not 0."),
        (Annotated[int, Meta(ge=1)], "1", "it must be a whole number, not '1'."),
        (Annotated[int, Ge(1), SimpleNamespace(le=2)], 3, "it must be at most 2, not 3."),
    ],
)  # fmt: skip
def test_a_value_beyond_a_limit_is_refused_with_limit_and_value(
    hint: Any, value: Any, says: str
) -> None:
    with pytest.raises(ToolError, match=re.escape(says)):
        schema_of(hint, "it").read(value, "it")


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (Annotated[int, Meta(ge=1, le=1)], 1),
        (Annotated[float, Meta(multiple_of=0.1)], 0.3),
        (Annotated[int, Meta(multiple_of=3)], 3 * 10**400),
        (Annotated[int | None, Meta(ge=1)], None),
        (Annotated[int | str, Meta(ge=1), Meta(min_length=1)], "a"),
        (Annotated[str, Meta(pattern="b")], "abc"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_value_within_the_limits_is_read(hint: Any, value: Any) -> None:
    assert schema_of(hint, "it").read(value, "it") == value


NARROW = Annotated[
    float | str | None, Meta(gt=-5, multiple_of=0.5), Meta(max_length=3, pattern="a")
]


@given(st.floats(allow_nan=True) | st.integers() | st.text() | st.none())
def test_every_value_is_read_or_refused(value: Any) -> None:
    with contextlib.suppress(ToolError):
        schema_of(NARROW, "it").read(value, "it")


# --------------------------------------------------------------------------- tools
@dataclass
class Place:
    city: Annotated[str, Meta(min_length=1, description="Its name.")]


@tool
def weather(
    place: Place, days: Annotated[int, Meta(ge=1, le=7, description="Not this.")] = 1
) -> str:
    """Look up the weather.

    Args:
        days: How many days.
    """
    return f"{place.city} {days}"


def test_a_tool_has_the_limits_of_its_parameters_and_dataclasses() -> None:
    properties = weather.parameters["properties"]
    assert properties["days"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 7,
        "default": 1,
        "description": "How many days.",
    }
    assert properties["place"]["properties"]["city"] == {
        "type": "string", "minLength": 1, "description": "Its name.",
    }  # fmt: skip
    with pytest.raises(ToolError, match=r"^days must be at most 7, not 8\.$"):
        weather.read_arguments('{"place": {"city": "Lyon"}, "days": 8}')
    with pytest.raises(ToolError, match=r"^place\.city must have at least 1 characters, not ''\.$"):
        weather.read_arguments('{"place": {"city": ""}}')


def test_fields_of_pydantic_are_understood() -> None:
    number = Annotated[int, pydantic.Field(description="How many.", ge=1, lt=9, multiple_of=2)]
    text = Annotated[str, pydantic.Field(min_length=1, max_length=5, pattern="^a", title="Not")]
    short = Annotated[str, pydantic.StringConstraints(max_length=3, pattern="b")]
    for hint in (
        number,
        text,
        short,
        pydantic.PositiveInt,
        Annotated[list[int], pydantic.Field(min_length=2)],
    ):
        shape, own = schema_of(hint, "it"), pydantic.TypeAdapter(hint).json_schema()
        own.pop("title", None)
        assert shape.schema == own
    with pytest.raises(ToolError, match="it must be less than 9, not 10"):
        schema_of(number, "it").read(10, "it")
    with pytest.raises(ToolError, match=r"it must match the pattern '\^a', not 'x'"):
        schema_of(text, "it").read("x", "it")


# --------------------------------------------------------------------------- pydantic's Field
def test_fields_of_pydantic_as_defaults_have_limits_descriptions_and_defaults() -> None:

    names = pydantic.Field(default_factory=list)

    def measure(
        count: int = pydantic.Field(ge=1),
        size: int = pydantic.Field(3, le=5, description="How large."),
        names: list[str] = names,
        rate: float = 1.5,
        unit: str = pydantic.Field(min_length=1),
    ) -> Any:
        """Measure."""

    measure.__annotations__["rate"] = Annotated[float, pydantic.Field(default=0.5)]
    measure.__annotations__["unit"] = Annotated[str, pydantic.Field(default="m")]
    measure = tool(measure)
    assert measure.parameters["required"] == ["count"]
    assert measure.parameters["properties"] == {
        "count": {"type": "integer", "minimum": 1},
        "size": {"type": "integer", "maximum": 5, "description": "How large.", "default": 3},
        "names": {"type": "array", "items": {"type": "string"}, "default": []},
        "rate": {"type": "number", "default": 1.5},
        "unit": {"type": "string", "minLength": 1, "default": "m"},
    }
    found = measure.read_arguments('{"count": 1, "size": null}')
    assert found == {"count": 1, "size": 3, "names": [], "unit": "m"}
    assert found["names"] is not measure.read_arguments('{"count": 1}')["names"]


def test_a_default_factory_that_raises_is_refused() -> None:

    def measure(count: int = pydantic.Field(default_factory=lambda: 1 // 0)) -> None: ...

    with pytest.raises(ConfigurationError, match="default_factory that raises ZeroDivisionError"):
        tool(measure)


def test_classes_of_annotated_types_are_understood() -> None:

    class Small(types.GroupedMetadata):  # type: ignore[misc]
        def __iter__(self) -> Any:
            return iter((types.Ge(1), types.Lt(5)))

    for hint, expected in (
        (Annotated[int, types.Interval(ge=1, lt=5)], {"minimum": 1, "exclusiveMaximum": 5}),
        (Annotated[int, Small()], {"minimum": 1, "exclusiveMaximum": 5}),
        (Annotated[int, types.MultipleOf(3), types.Gt(0)],
         {"multipleOf": 3, "exclusiveMinimum": 0}),
        (Annotated[str, types.Len(1, 5)], {"minLength": 1, "maxLength": 5}),
        (Annotated[list[int], types.MinLen(2)], {"minItems": 2}),
        (types.LowerCase[str], {}),
    ):  # fmt: skip
        schema = dict(schema_of(hint, "it").schema)
        schema = {name: each for name, each in schema.items() if name not in ("type", "items")}
        assert schema == expected


# --------------------------------------------------------------------------- what is refused
class Predicate:
    """As the class of annotated_types."""

    def __init__(self, func: Any) -> None:
        self.func = func


def test_a_predicate_is_checked_when_arguments_are_read() -> None:
    shape = schema_of(Annotated[str, Predicate(str.islower)], "it")
    assert shape.read("low", "it") == "low"
    with pytest.raises(ToolError, match="it must fulfil islower, not 'HIGH'"):
        shape.read("HIGH", "it")


@pytest.mark.parametrize(
    ("hint", "says"),
    [
        (Annotated[bool, Meta(ge=1)], "it has the limit 'ge', which does not apply to its type"),
        (Annotated[str, Ge(1)], "it has the limit 'ge'"),
        (Annotated[int, Meta(min_length=1)], "it has the limit 'min_length'"),
        (Annotated[list[str], Meta(pattern="a")], "it has the limit 'pattern'"),
        (Annotated[int, Ge("a")], "it has the limit ge='a', which is not a number"),
        (Annotated[int, SimpleNamespace(multiple_of=0)], "multiple_of=0, which must be above 0"),
        (Annotated[str, SimpleNamespace(min_length=-1)], "must be a whole number, 0 or more"),
        (Annotated[int, Meta(ge=5, le=3)], "it has limits that no value can fulfil"),
        (Annotated[int, Meta(ge=5, lt=5)], "it has limits that no value can fulfil"),
        (Annotated[str, Meta(min_length=5, max_length=3)], "it has limits that no value"),
        (Annotated[int, SimpleNamespace(alias="x")], "it has the annotation 'alias', which tools"),
    ],
)
def test_an_annotation_that_cannot_hold_is_refused(hint: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        schema_of(hint, "it")


@pytest.mark.parametrize("limit", [np.float32(2), np.int64(2), Decimal(2)])
def test_a_limit_of_another_kind_of_number_is_a_number_of_json(limit: Any) -> None:
    assert json.dumps(schema_of(Annotated[float, Ge(limit)], "it").schema["minimum"]) in "2.0"
