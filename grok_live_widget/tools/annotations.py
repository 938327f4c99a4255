"""Descriptions and limits in ``Annotated[...]``, as a JSON schema and as checks.

Strings, `typing_extensions.Doc`, `msgspec.Meta`, pydantic's ``Field`` and the classes of
annotated_types are recognized by their attributes, so that none of them has to be installed.
"""

from __future__ import annotations

import functools
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from .._structs import Value
from ..exceptions import ConfigurationError, ToolError


def _is_multiple(value: Any, factor: Any) -> bool:
    from fractions import Fraction  # As decimals: 0.3 is a multiple of 0.1.

    if isinstance(value, float) and not math.isfinite(value):
        return False
    return Fraction(str(value)) % Fraction(str(factor)) == 0


_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")

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
    predicates: tuple[Callable[[Any], Any], ...] = ()

    def schema_for(self, schema: Mapping[str, Any], where: str) -> dict[str, Any]:
        """The keywords of these limits for values of `schema`.

        Raises
        ------
        ConfigurationError
            For a limit that does not apply to them.
        """
        kinds = _kinds_of(schema)
        found: dict[str, Any] = {}
        for name, limit in self.given.items():
            keywords = _keywords_of(name, limit, kinds)
            if not keywords:
                raise ConfigurationError(
                    f"{where} has the limit {name!r}, which does not apply to its type.",
                    cure="Correct the type or the limit in its Annotated[...].",
                )
            found |= keywords
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
        for predicate in self.predicates:
            if not _holds(predicate, value):
                yield f"fulfil {getattr(predicate, '__name__', 'its condition')}"
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


def without_address(text: str) -> str:
    """The repr of an object without its address in memory, which means nothing to a reader."""
    return _ADDRESS.sub("", text)


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
    predicates = []
    for each in _flattened(metadata):
        _check_support(each, where)
        for name in (*_NUMBERS, *_LENGTHS):
            if (limit := getattr(each, name, None)) is not None:
                found[name] = _checked_limit(name, limit, where)
        pattern = getattr(each, "pattern", None)
        if isinstance(pattern, str | re.Pattern):
            found["pattern"] = _compiled(pattern, where)
        if type(each).__name__ == "Predicate":
            predicates.append(each.func)
    _check_order(found, where)
    return Limits(found, tuple(predicates))


def _checked_limit(name: str, limit: Any, where: str) -> int | float:
    plain = limit.tolist() if hasattr(limit, "dtype") else limit
    plain = float(plain) if isinstance(plain, Decimal) else plain
    is_number = isinstance(plain, int | float) and not isinstance(plain, bool)
    if not is_number or not math.isfinite(plain):
        raise ConfigurationError(
            f"{where} has the limit {name}={shown(limit)}, which is not a number.",
            cure="Correct it in its Annotated[...].",
        )
    number: int | float = plain
    is_length = name in _LENGTHS
    if (is_length and (number < 0 or number != int(number))) or (
        name == "multiple_of" and number <= 0
    ):
        wanted = "a whole number, 0 or more" if is_length else "above 0"
        raise ConfigurationError(
            f"{where} has the limit {name}={shown(limit)}, which must be {wanted}.",
            cure="Correct it in its Annotated[...].",
        )
    return number


def _check_order(given: Mapping[str, Any], where: str) -> None:
    """Refuse limits that no value can fulfil."""
    least = [given[name] for name in ("ge", "gt") if name in given]
    most = [given[name] for name in ("le", "lt") if name in given]
    is_open = "gt" in given or "lt" in given
    is_empty = least and most and (max(least) > min(most) or (is_open and max(least) == min(most)))
    if is_empty or given.get("min_length", 0) > given.get("max_length", math.inf):
        raise ConfigurationError(
            f"{where} has limits that no value can fulfil.",
            cure="Correct them in its Annotated[...].",
        )


# pydantic's settings, and classes of annotations, that change a value or its name.
_UNSUPPORTED_SETTINGS = (
    *("alias", "validation_alias", "discriminator", "max_digits", "decimal_places"),
    *("strip_whitespace", "to_lower", "to_upper"),
)
_UNSUPPORTED_CLASSES = (
    *("AfterValidator", "BeforeValidator", "PlainValidator", "WrapValidator"),
    *("Timezone", "Discriminator"),
)


def _check_support(annotation: Any, where: str) -> None:
    """Refuse an annotation that would be ignored."""
    found = [name for name in _UNSUPPORTED_SETTINGS if getattr(annotation, name, None)]
    if isinstance(annotation, str):
        found = []
    if type(annotation).__name__ in _UNSUPPORTED_CLASSES:
        found.append(type(annotation).__name__)
    if found:
        raise ConfigurationError(
            f"{where} has the annotation {found[0]!r}, which tools do not support.",
            cure="Leave it out, and check or change the value in the function.",
        )


def _holds(predicate: Callable[[Any], Any], value: Any) -> bool:
    try:
        return bool(predicate(value))
    except Exception:  # noqa: BLE001 - a predicate of another type may raise anything
        return False


def _keywords_of(name: str, limit: Any, kinds: set[str]) -> dict[str, Any]:
    if name in _LENGTHS:
        return {_LENGTHS[name][kind]: limit for kind in kinds & set(_LENGTHS[name])}
    if name in _NUMBERS and kinds & {"integer", "number"}:
        return {_NUMBERS[name][0]: limit}
    return {"pattern": limit.pattern} if name == "pattern" and "string" in kinds else {}


# --------------------------------------------------------------------------- pydantic's Field
def is_field(value: Any) -> bool:
    """Whether this is what pydantic's ``Field(...)`` returns."""
    return any(each.__name__ == "FieldInfo" for each in type(value).__mro__)


def default_of_field(metadata: Sequence[Any]) -> Callable[[], Any] | None:
    """What makes the default of a ``Field`` in the metadata of an ``Annotated``, if it has one."""
    for each in filter(is_field, reversed(metadata)):
        if each.default_factory is not None:
            factory: Callable[[], Any] = each.default_factory
            return factory
        if not each.is_required():
            return functools.partial(_same, each.default)
    return None


def _same(value: Any) -> Any:
    return value


def _flattened(metadata: Sequence[Any]) -> Iterator[Any]:
    for each in metadata:
        yield each
        # pydantic's FieldInfo holds its limits in a list.
        inner = getattr(each, "metadata", None)
        if isinstance(inner, list | tuple):
            yield from _flattened(inner)
        # Groups of annotated_types are iterable.
        elif isinstance(each, Iterable) and not isinstance(each, str | bytes | Mapping):
            yield from _flattened(tuple(each))


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
