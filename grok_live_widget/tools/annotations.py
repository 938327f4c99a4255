"""Descriptions and limits in ``Annotated[...]``, as a JSON schema and as checks.

Strings, `typing_extensions.Doc`, `msgspec.Meta`, pydantic's ``Field`` and the classes of
annotated_types are recognized by their attributes, so that none of them has to be installed.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from .._structs import Value
from ..exceptions import ConfigurationError, ToolError


def _is_multiple(value: Any, factor: Any) -> bool:
    from fractions import Fraction  # As decimals: 0.3 is a multiple of 0.1.

    if isinstance(value, float) and not math.isfinite(value):
        return False
    return Fraction(str(value)) % Fraction(str(factor)) == 0


# Of each limit: its keyword, its words, and the check.
_NUMBERS: dict[str, tuple[str, str, Callable[[Any, Any], bool]]] = {
    "ge": ("minimum", "at least", operator.ge),
    "gt": ("exclusiveMinimum", "greater than", operator.gt),
    "le": ("maximum", "at most", operator.le),
    "lt": ("exclusiveMaximum", "less than", operator.lt),
    "multiple_of": ("multipleOf", "a multiple of", _is_multiple),
}
_LENGTHS = {
    "min_length": {"string": "minLength", "array": "minItems", "object": "minProperties"},
    "max_length": {"string": "maxLength", "array": "maxItems", "object": "maxProperties"},
}
_UNITS: dict[type, str] = {str: "characters", list: "items", dict: "entries"}


class Limits(Value, frozen=True):
    """What a value of JSON must fulfil besides its type.

    Parameters
    ----------
    given : Mapping
        Each limit by its name: one of `_NUMBERS` or `_LENGTHS`, or ``"pattern"``.
    """

    given: Mapping[str, Any]

    def schema_for(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The keywords of these limits that apply to values of `schema`."""
        kinds = _kinds_of(schema)
        found: dict[str, Any] = {}
        for name, limit in self.given.items():
            if name in _LENGTHS:
                found |= {_LENGTHS[name][kind]: limit for kind in kinds & set(_LENGTHS[name])}
            elif name in _NUMBERS and kinds & {"integer", "number"}:
                found[_NUMBERS[name][0]] = limit
            elif name == "pattern" and "string" in kinds:
                found["pattern"] = limit.pattern
        return found

    def check(self, value: Any, where: str) -> None:
        """Check a value of JSON.

        Raises
        ------
        ToolError
            With the limit and the value.
        """
        for wanted in self._unfulfilled(value):
            raise ToolError(f"{where} must {wanted}, not {shown(value)}.")

    def _unfulfilled(self, value: Any) -> Iterator[str]:
        if isinstance(value, int | float) and not isinstance(value, bool):
            for name, (_, words, holds) in _NUMBERS.items():
                if name in self.given and not holds(value, self.given[name]):
                    yield f"be {words} {self.given[name]}"
        elif type(value) in _UNITS:
            least, most = self.given.get("min_length", 0), self.given.get("max_length", math.inf)
            if len(value) < least:
                yield f"have at least {least} {_UNITS[type(value)]}"
            if len(value) > most:
                yield f"have at most {most} {_UNITS[type(value)]}"
            pattern = self.given.get("pattern")
            if isinstance(value, str) and pattern is not None and not pattern.search(value):
                yield f"match the pattern {pattern.pattern!r}"


def shown(value: Any) -> str:
    """A value for the sentence of an error, shortened."""
    text = repr(value)
    return text if len(text) < 80 else text[:77] + "..."


def description_of(metadata: Sequence[Any]) -> str:
    """The description among the metadata of an ``Annotated``, a plain string first."""
    candidates = list(metadata)
    for name in ("documentation", "description"):
        candidates += [getattr(each, name, None) for each in metadata]
    return next((each for each in candidates if isinstance(each, str) and each), "")


def limits_of(metadata: Sequence[Any], where: str) -> Limits:
    """The limits among the metadata of an ``Annotated``; of several of one kind, the last.

    Raises
    ------
    ConfigurationError
        For a pattern that is not a regular expression.
    """
    found: dict[str, Any] = {}
    for each in _flattened(metadata):
        for name in (*_NUMBERS, *_LENGTHS):
            limit = getattr(each, name, None)
            if isinstance(limit, int | float) and not isinstance(limit, bool):
                found[name] = limit
        pattern = getattr(each, "pattern", None)
        if isinstance(pattern, str | re.Pattern):
            found["pattern"] = _compiled(pattern, where)
    return Limits(found)


def _flattened(metadata: Sequence[Any]) -> Iterator[Any]:
    for each in metadata:
        yield each
        # pydantic's FieldInfo holds its limits in a list.
        inner = getattr(each, "metadata", None)
        if isinstance(inner, list | tuple):
            yield from _flattened(inner)


def _compiled(pattern: str | re.Pattern[str], where: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigurationError(
            f"{where} has the pattern {pattern!r}, which is not a regular expression: {error}.",
            cure="Correct the pattern in its Annotated[...].",
        ) from None


def _kinds_of(schema: Mapping[str, Any]) -> set[str]:
    """The types that a schema allows."""
    if "anyOf" in schema:
        return set().union(*map(_kinds_of, schema["anyOf"]))
    return {schema["type"]} if "type" in schema else {"number", "string", "array", "object"}
