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

__all__ = ["Limits", "description_of", "limits_of", "shown"]


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


class Limits(Value, frozen=True):
    """What a value of JSON must fulfil besides its type; None: no limit."""

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    multiple_of: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: re.Pattern[str] | None = None

    def schema_for(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The keywords of these limits that apply to values of `schema`."""
        kinds = _kinds_of(schema)
        found: dict[str, Any] = {}
        if kinds & {"integer", "number"}:
            found |= {word: getattr(self, name) for name, (word, *_) in _NUMBERS.items()}
        for name, words in _LENGTHS.items():
            found |= {words[kind]: getattr(self, name) for kind in kinds & set(words)}
        if "string" in kinds and self.pattern is not None:
            found["pattern"] = self.pattern.pattern
        return {word: limit for word, limit in found.items() if limit is not None}

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
                limit = getattr(self, name)
                if limit is not None and not holds(value, limit):
                    yield f"be {words} {limit}"
        elif isinstance(value, str):
            yield from self._unfulfilled_by_length(len(value), "characters")
            if self.pattern is not None and not self.pattern.search(value):
                yield f"match the pattern {self.pattern.pattern!r}"
        elif isinstance(value, list | dict):
            units = "items" if isinstance(value, list) else "entries"
            yield from self._unfulfilled_by_length(len(value), units)

    def _unfulfilled_by_length(self, length: int, units: str) -> Iterator[str]:
        if self.min_length is not None and length < self.min_length:
            yield f"have at least {self.min_length} {units}"
        if self.max_length is not None and length > self.max_length:
            yield f"have at most {self.max_length} {units}"


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
        if isinstance(pattern, str):
            found["pattern"] = _compiled(pattern, where)
        elif isinstance(pattern, re.Pattern):
            found["pattern"] = pattern
    return Limits(**found)


def _flattened(metadata: Sequence[Any]) -> Iterator[Any]:
    for each in metadata:
        yield each
        # pydantic's FieldInfo holds its limits in a list.
        inner = getattr(each, "metadata", None)
        if isinstance(inner, list | tuple):
            yield from _flattened(inner)


def _compiled(pattern: str, where: str) -> re.Pattern[str]:
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
