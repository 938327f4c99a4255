"""A function is a tool by its signature, hints and docstring; calls are read, outputs encoded."""

from __future__ import annotations

import functools
import json
import math
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

import numpy as np
import pytest

from grok_live_widget import WebSearch, tool
from grok_live_widget.exceptions import ConfigurationError, ToolError
from grok_live_widget.tools.function import (
    Tool,
    functions_of,
    tools_from,
)


@dataclass
class Place:
    city: str
    country: str = "FR"


def weather(place: Place, unit: Literal["C", "F"] = "C", days: int | None = None) -> str:
    """Look up the weather.

    Parameters
    ----------
    place : Place
        Where to look.
    """
    return f"{place.city} {unit} {days}"


class Thing:
    def look(self, up: bool = False) -> str:
        """Look."""
        return f"looked {up}"

    def __call__(self, x: int) -> int:
        return x


# --------------------------------------------------------------------------- a function
def test_a_function_becomes_a_tool() -> None:
    made = tool(weather)
    assert (made.name, made.description) == ("weather", "Look up the weather.")
    assert made.parameters == {
        "type": "object",
        "properties": {
            "place": {
                "type": "object",
                "properties": {
                    "city": {"type": "string"},
                    "country": {"type": "string", "default": "FR"},
                },
                "required": ["city"],
                "additionalProperties": False,
                "description": "Where to look.",
            },
            "unit": {"type": "string", "enum": ["C", "F"], "default": "C"},
            "days": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        },
        "required": ["place"],
        "additionalProperties": False,
    }
    assert json.loads(json.dumps(made.parameters)) == made.parameters


def test_the_decorator_takes_options_and_leaves_a_function_that_can_be_called() -> None:
    @tool(name="double", description="Twice it.", timeout_s=3, approve=True)
    def f(x: int) -> int:
        """Not this."""
        return 2 * x

    assert f(4) == 8
    assert (f.name, f.description, f.timeout_s, f.approve) == ("double", "Twice it.", 3.0, True)
    assert f.__doc__ == "Not this."
    assert repr(f) == "<Tool 'double'>"


@pytest.mark.parametrize(
    ("function", "name", "properties"),
    [
        (Thing().look, "look", ["up"]),
        (Thing(), "Thing", ["x"]),
        (functools.partial(weather, unit="F"), "w", ["place", "unit", "days"]),
        (lambda: "yes", "w", []),
    ],
)
def test_every_callable_can_be_a_tool(function: Any, name: str, properties: list[str]) -> None:
    made = Tool(function, name=None if name != "w" else "w")
    assert made.name == name
    assert list(made.parameters["properties"]) == properties


def test_without_hints_every_value_is_accepted() -> None:
    def f(x, y=1):  # type: ignore[no-untyped-def]
        return x

    assert tool(f).parameters["properties"] == {"x": {}, "y": {"default": 1}}


def with_any(*words: str) -> None: ...
def with_more(**words: str) -> None: ...
def with_place(x: int, /) -> None: ...
def with_bytes(x: bytes) -> None: ...
def with_missing(x: Nobody) -> None: ...  # type: ignore[name-defined]  # noqa: F821


def with_surrogate(x: Literal["\ud83d"]) -> None: ...
def with_broken_text() -> None: ...


with_broken_text.__doc__ = "Half \ud83d."


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (with_any, "'words'.*given by name"),
        (with_more, "'words'.*given by name"),
        (with_place, "'x'.*given by name"),
        (with_bytes, "the parameter 'x' of the tool 'with_bytes' has the type bytes"),
        (with_missing, "hints of 'with_missing' cannot be read.*Nobody"),
        (lambda x: x, "'<lambda>' is not a valid name of a tool"),
        ("weather", "a tool must be a function, not 'weather'"),
        (with_surrogate, "parameter 'x' of the tool 'with_surrogate' contains a value or a char"),
        (with_broken_text, "description of the tool 'with_broken_text' contains a value or a char"),
    ],
)
def test_an_invalid_tool_is_refused_with_the_reason(function: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        tool(function)


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), "5", True])
def test_a_time_out_is_a_number_of_seconds(timeout_s: Any) -> None:
    with pytest.raises(ConfigurationError, match="timeout_s of the tool 'weather'"):
        tool(timeout_s=timeout_s)(weather)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"description": 5}, "the description of the tool 'weather' must be text, not 5"),
        ({"approve": "yes"}, "approve of the tool 'weather' must be True, False or None"),
    ],
)
def test_an_option_of_another_type_is_refused(options: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        tool(**options)(weather)


# --------------------------------------------------------------------------- defaults
class Speed(Enum):
    """Its values are not of JSON, so that its names are used."""

    FAST = (1, 2)
    SLOW = (3, 4)


@pytest.mark.parametrize(
    ("hint", "default", "plain"),
    [
        (int, np.int64(3), 3),
        (float, np.float32(0.1), 0.1),
        (bool, np.bool_(True), True),
        (str, np.str_("a"), "a"),
        (Any, np.array([1, 2]), [1, 2]),
        (list[int], (1, 2), [1, 2]),
        (list[int], [np.int64(1)], [1]),
        (set[int], {2, 1}, [1, 2]),
        (dict[str, int], {"a": np.int8(1)}, {"a": 1}),
        (Speed, Speed.SLOW, "SLOW"),
        (Speed | None, Speed.SLOW, "SLOW"),
        (list[Speed], [Speed.SLOW], ["SLOW"]),
        (Place, Place("Lyon"), {"city": "Lyon", "country": "FR"}),
        (Literal["C", "F"], "F", "F"),
    ],
)
def test_a_default_is_json_in_the_schema(hint: Any, default: Any, plain: Any) -> None:
    def f(x: Any = default) -> Any:
        return x

    f.__annotations__["x"] = hint
    schema = tool(f).parameters["properties"]["x"]
    assert json.loads(json.dumps(schema))["default"] == plain
    assert type(schema["default"]) is type(plain)
    assert tool(f).read_arguments("{}") == {}


@pytest.mark.parametrize(
    ("hint", "default", "says"),
    [
        (Any, object(), "has the default <object .*, which JSON cannot represent"),
        (float, math.nan, "has the default nan, which JSON cannot represent"),
        (float, np.float64("inf"), "inf.*, which JSON cannot represent"),
        (Any, [np.nan], "which JSON cannot represent"),
        (dict[str, int], {1: 2}, "which JSON cannot represent"),
        (Any, {(1, 2): 3}, "which JSON cannot represent"),
        (Any, 1 + 2j, "which JSON cannot represent"),
        (str, "\ud83d", "which JSON cannot represent"),
        (Any, b"x", "which JSON cannot represent"),
        (int, "3", "has the default '3', which does not fit: the default must be a whole number"),
        (Literal["a"], "b", "has the default 'b', which does not fit"),
        (list[int], ["a"], r"which does not fit: the default\[0\] must be a whole number"),
    ],
)
def test_a_default_that_is_not_json_or_does_not_fit_is_refused(
    hint: Any, default: Any, says: str
) -> None:
    def f(x: Any = default) -> Any:
        return x

    f.__annotations__["x"] = hint
    with pytest.raises(ConfigurationError, match=f"^the parameter 'x' of the tool 'f' .*{says}"):
        tool(f)


# --------------------------------------------------------------------------- a call
def test_arguments_are_read_into_the_functions_own_types() -> None:
    found = tool(weather).read_arguments('{"place": {"city": "Lyon"}, "unit": null, "days": 2}')
    assert found == {"place": Place("Lyon"), "days": 2}
    assert weather(**found) == "Lyon C 2"


def test_no_arguments_at_all_are_none() -> None:
    assert tool(Thing().look).read_arguments("") == {}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("{", "not JSON"),
        ('{"days": NaN}', "not JSON: NaN is not a number of JSON"),
        ("[" * 100_000, "nested too deep"),
        ("[]", "the arguments must be an object"),
        ("{}", "'place' is missing"),
        ('{"place": {"city": 5}}', "place.city must be text, not 5"),
        ('{"plaice": {}}', "no 'plaice'; there are: place, unit, days"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_with_a_sentence_for_the_model(
    arguments: str, says: str
) -> None:
    with pytest.raises(ToolError, match=says):
        tool(weather).read_arguments(arguments)


# --------------------------------------------------------------------------- several
def test_a_list_of_functions_and_tools_becomes_tools() -> None:
    mine = tool(name="mine")(weather)
    made = tools_from([weather, mine, WebSearch()])
    assert [each.kind for each in made] == ["function", "function", "web_search"]
    assert functions_of(made) == {"weather": made[0], "mine": mine}
    assert tools_from(()) == ()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (weather, "must be a list"),
        ("weather", "must be a list"),
        (None, "must be a list"),
        (["weather"], "a tool must be a function .*, not 'weather'"),
        ([WebSearch], "a tool must be"),
        ([{"type": "web_search"}], "a tool must be"),
        ([weather, weather], "two tools are named 'weather'"),
    ],
)
def test_an_invalid_list_of_tools_is_refused(given: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        tools_from(given)


@pytest.mark.parametrize("function", [getattr, dict])
def test_a_function_that_does_not_tell_what_it_takes_is_refused(function: Any) -> None:
    with pytest.raises(ConfigurationError, match="has no signature that Python can read"):
        Tool(function)


# --------------------------------------------------------------------------- threads
def test_a_tool_is_for_its_own_thread_unless_it_is_for_the_main_one() -> None:
    assert tool(weather).thread == "own"
    assert tool(thread="main")(weather).thread == "main"


def test_another_thread_is_refused() -> None:
    with pytest.raises(ConfigurationError, match='must be "own" or "main", not \'gui\''):
        tool(thread="gui")(weather)  # type: ignore[call-overload]


def test_a_coroutine_function_for_the_main_thread_is_refused_with_the_cure() -> None:
    async def look() -> str:
        return "seen"

    with pytest.raises(ConfigurationError, match=r"coroutine function.*Define it with def"):
        tool(thread="main")(look)
