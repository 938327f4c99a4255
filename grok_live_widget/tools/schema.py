"""A type hint as a JSON schema, and as a function that reads JSON values.

Both are made in one walk over the hint, so that every value that a schema allows can be read.
"""

from __future__ import annotations

import collections.abc
import contextlib
import json
import types
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from .._structs import Value
from ..exceptions import ConfigurationError, ToolError
from .annotations import (
    default_of_field,
    description_of,
    is_field,
    limits_of,
    shown,
    without_address,
)

Read = Callable[[Any, str], Any]
"""``(JSON value, its place in the arguments) -> value``; raises `ToolError`."""

_LISTS: dict[Any, type] = {
    list: list,
    collections.abc.Sequence: list,
    collections.abc.Iterable: list,
    collections.abc.Collection: list,
    tuple: tuple,
    set: set,
    frozenset: frozenset,
}
_OBJECTS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_ENOUGH = (
    "Use bool, int, float, str, list, dict, Literal, an Enum, a dataclass, or one of these or None."
)


class Schema(Value, frozen=True):
    """The JSON schema of a type, and the function that reads its values."""

    schema: Mapping[str, Any]
    read: Read


NO_DEFAULT = MISSING
"""The default of a value that is required."""


class Property(Value, frozen=True):
    """One named value of an object; `property_of` makes it.

    Parameters
    ----------
    keywords : Mapping
        What its schema has besides that of its type: description and default.
    supply : callable or None
        Makes the default, where Python would not supply it.
    """

    shape: Schema
    is_required: bool = True
    keywords: Mapping[str, Any] = {}
    supply: Callable[[], Any] | None = None

    @property
    def schema(self) -> dict[str, Any]:
        """The schema of its type, with description and default."""
        return {**self.shape.schema, **self.keywords}


def property_of(
    hint: Any,
    default: Any,
    where: str,
    *,
    description: str = "",
    within: tuple[type, ...] = (),
) -> Property:
    """A named value by its type hint and its default.

    Parameters
    ----------
    default : object
        `NO_DEFAULT`: the value is required. pydantic's ``Field(...)`` may be the default, or part
        of the hint, and then has limits, a description and a default of its own.
    description : str
        Used unless empty.

    Raises
    ------
    ConfigurationError
        For a type or a default that JSON cannot represent, or a default that does not fit.
    """
    if is_field(default):
        hint, default = Annotated[hint, default], NO_DEFAULT
    shape = schema_of(hint, where, within)
    keywords = {"description": description} if description else {}
    if default is not NO_DEFAULT:
        return Property(shape, False, keywords | _default_keyword(default, shape, where))
    supply = default_of_field(get_args(hint)[1:] if get_origin(hint) is Annotated else ())
    if supply is None:
        return Property(shape, True, keywords)
    try:
        default = supply()
    except Exception as error:  # noqa: BLE001 - a factory may raise anything
        raise ConfigurationError(
            f"{where} has a default_factory that raises {type(error).__name__}: {error}.",
            cure="Correct the function, or give a default.",
        ) from None
    return Property(shape, False, keywords | _default_keyword(default, shape, where), supply)


def _default_keyword(default: Any, shape: Schema, where: str) -> dict[str, Any]:
    # `x: int = None` is common, and null is then read as the default.
    if default is None or default is MISSING:
        return {}
    try:
        plain = _json_of(default)
        check_json(plain)
    except (TypeError, ValueError, RecursionError):
        raise ConfigurationError(
            f"{where} has the default {shown(default)}, which JSON cannot represent.",
            cure="Use None as the default, and set the value in the function.",
        ) from None
    try:
        shape.read(plain, "the default")
    except ToolError as error:
        raise ConfigurationError(
            f"{where} has the default {shown(default)}, which does not fit: {error.message}",
            cure="Correct the type hint or the default.",
        ) from None
    return {"default": plain}


def check_json(value: Any) -> None:
    """Raise TypeError, ValueError or RecursionError for what no message can carry."""
    json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")


def _json_of(value: Any) -> Any:
    """A default as JSON; `check_json` refuses what it leaves unchanged."""
    if isinstance(value, Enum):
        return value.value if _is_plain(type(value)) else value.name
    if is_dataclass(type(value)):
        return {each.name: _json_of(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        if not all(isinstance(name, str) for name in value):
            raise TypeError("a key that is no text")
        return {name: _json_of(each) for name, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(_json_of, value), key=repr)
    if isinstance(value, list | tuple):
        return [_json_of(each) for each in value]
    return _without_numpy(value)


def _without_numpy(value: Any) -> Any:
    if not (hasattr(value, "dtype") and hasattr(value, "tolist")):
        return value
    if value.shape == () and value.dtype.kind == "f" and value.dtype.itemsize < 8:
        return float(str(value))  # float32(0.1) is 0.1, and not 0.10000000149011612.
    return value.tolist()


def hints_of(thing: Any, name: str) -> dict[str, Any]:
    """The type hints of a function or a class.

    Raises
    ------
    ConfigurationError
        When one refers to a name that is not defined.
    """
    try:
        return get_type_hints(thing, include_extras=True)
    except Exception as error:  # noqa: BLE001 - a hint may run any code
        raise ConfigurationError(
            f"the type hints of {name!r} cannot be read: {error}.",
            cure="Define their types before the function, at the top level.",
        ) from None


def schema_of(hint: Any, where: str, within: tuple[type, ...] = ()) -> Schema:
    """Schema and reader of a type.

    Parameters
    ----------
    hint : type hint
    where : str
        What has this hint, for error messages.
    within : tuple of type
        The dataclasses that contain it.

    Raises
    ------
    ConfigurationError
        For a type that JSON cannot represent.
    """
    hint = getattr(hint, "__supertype__", hint)
    if hint is Any:
        return Schema({}, lambda value, _: value)
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _annotated(parts, where, within)
    if origin is Literal:
        return _choice(dict(zip(map(_plain, parts), parts, strict=True)), where)
    if origin in (Union, types.UnionType):
        return _union([schema_of(part, where, within) for part in parts])
    if (origin or hint) in _LISTS:
        return _list(_LISTS[origin or hint], _of_items(parts, hint, where), where, within)
    if (origin or hint) in _OBJECTS:
        return _mapping(parts, hint, where, within)
    if isinstance(hint, type):
        return _class(hint, where, within)
    raise _unsupported(hint, where)


def _unsupported(hint: Any, where: str) -> ConfigurationError:
    is_plain = isinstance(hint, type) and not get_args(hint)
    named = hint.__qualname__ if is_plain else without_address(str(hint))
    if getattr(hint, "__module__", "") == "numpy":  # Its bool is not the one of Python.
        named = f"numpy.{named}"
    return ConfigurationError(
        f"{where} has the type {named}, which JSON cannot represent.", cure=_ENOUGH
    )


def _class(hint: type, where: str, within: tuple[type, ...]) -> Schema:
    if hint in _PLAIN:
        return _PLAIN[hint]
    if issubclass(hint, Enum):
        return _enum(hint, where)
    if is_dataclass(hint):
        return _dataclass(hint, where, within)
    raise _unsupported(hint, where)


def _annotated(parts: tuple[Any, ...], where: str, within: tuple[type, ...]) -> Schema:
    plain, metadata = schema_of(parts[0], where, within), parts[1:]
    limits = limits_of(metadata, where)
    schema = {**plain.schema, **limits.schema_for(plain.schema, where)}
    if description := description_of(metadata):
        schema["description"] = description

    def read(value: Any, place: str) -> Any:
        found = plain.read(value, place)
        limits.check(value, place)
        return found

    return Schema(schema, read)


# --------------------------------------------------------------------------- plain values
def _expected(what: str, value: Any, where: str) -> ToolError:
    return ToolError(f"{where} must be {what}, not {shown(value)}.")


def _scalar(kind: type, json_type: str, expected: str) -> Schema:
    def read(value: Any, where: str) -> Any:
        if type(value) is kind:
            return value
        # Some models write 3.0 for 3.
        if {type(value), kind} == {int, float}:
            with contextlib.suppress(OverflowError, ValueError):
                number = kind(value)
                if kind is float or number == value:
                    return number
        raise _expected(expected, value, where)

    return Schema({"type": json_type}, read)


_PLAIN = {
    bool: _scalar(bool, "boolean", "true or false"),
    int: _scalar(int, "integer", "a whole number"),
    float: _scalar(float, "number", "a number"),
    str: _scalar(str, "string", "text"),
    types.NoneType: _scalar(types.NoneType, "null", "null"),
}


# --------------------------------------------------------------------------- one of several
def _plain(value: Any) -> Any:
    """Key of a choice: its JSON value and the type of that, since 1, 1.0 and True are equal."""
    value = value.value if isinstance(value, Enum) else value
    return type(value), value


def _choice(choices: Mapping[Any, Any], where: str) -> Schema:
    kinds = {kind for kind, _ in choices}
    if not kinds <= {bool, int, float, str, types.NoneType} or not choices:
        raise ConfigurationError(f"{where} has a choice that JSON cannot represent.", cure=_ENOUGH)
    values = [value for _, value in choices]
    typed = dict(_PLAIN[kinds.pop()].schema) if len(kinds) == 1 else {}

    def read(value: Any, place: str) -> Any:
        if isinstance(value, collections.abc.Hashable) and (type(value), value) in choices:
            return choices[type(value), value]
        raise _expected(f"one of {', '.join(map(repr, values))}", value, place)

    return Schema({**typed, "enum": values}, read)


def _enum(kind: type[Enum], where: str) -> Schema:
    """An Enum by its values, or by its names where JSON cannot represent the values."""
    is_plain = _is_plain(kind)
    return _choice({_plain(each if is_plain else each.name): each for each in kind}, where)


def _is_plain(kind: type[Enum]) -> bool:
    return all(isinstance(each.value, bool | int | float | str) for each in kind)


def _union(shapes: list[Schema]) -> Schema:
    def read(value: Any, where: str) -> Any:
        reasons: list[str] = []
        for shape in shapes:
            try:
                return shape.read(value, where)
            except ToolError as error:
                reasons.append(error.message)
        # For `T | None` only the reason of T is useful.
        raise ToolError(" Or: ".join(each for each in reasons if " be null" not in each))

    return Schema({"anyOf": [shape.schema for shape in shapes]}, read)


# --------------------------------------------------------------------------- several together
def _of_items(parts: tuple[Any, ...], hint: Any, where: str) -> Any:
    """The type of the items of a list; a tuple must not have a fixed length."""
    if get_origin(hint) is tuple and (len(parts) != 2 or parts[1] is not ...):
        raise ConfigurationError(
            f"{where} is a tuple of a fixed length.",
            cure="Use a list, tuple[T, ...] or a dataclass.",
        )
    return parts[0] if parts else Any


def _list(kind: type, item: Any, where: str, within: tuple[type, ...]) -> Schema:
    shape = schema_of(item, f"each item of {where}", within)

    def read(value: Any, place: str) -> Any:
        if not isinstance(value, list):
            raise _expected("a list", value, place)
        return kind(shape.read(each, f"{place}[{at}]") for at, each in enumerate(value))

    unique = {"uniqueItems": True} if kind in (set, frozenset) else {}
    return Schema({"type": "array", "items": shape.schema, **unique}, read)


def _mapping(parts: tuple[Any, ...], hint: Any, where: str, within: tuple[type, ...]) -> Schema:
    key, item = parts or (str, Any)
    if key is not str:
        raise _unsupported(hint, where)
    shape = schema_of(item, f"each value of {where}", within)

    def read(value: Any, place: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _expected("an object", value, place)
        return {name: shape.read(each, f"{place}.{name}") for name, each in value.items()}

    return Schema({"type": "object", "additionalProperties": shape.schema}, read)


def object_shape(members: Mapping[str, Property]) -> Schema:
    """Schema and reader of an object with exactly these members; it is read into a dict.

    A member that is missing, or null where null is not allowed, has its default.
    """
    schema = {
        "type": "object",
        "properties": {name: member.schema for name, member in members.items()},
        "required": [name for name, member in members.items() if member.is_required],
        "additionalProperties": False,
    }

    def read(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise _expected("an object", value, where or "the arguments")
        _check_names(value, members, where)
        found = {}
        for name, member in members.items():
            if member.supply is not None and value.get(name) is None:
                found[name] = member.supply()
        for name, each in value.items():
            place = f"{where}.{name}" if where else name
            if each is not None or members[name].is_required or _may_be_none(members[name], place):
                found[name] = members[name].shape.read(each, place)
        return found

    return Schema(schema, read)


def _check_names(given: Collection[str], members: Mapping[str, Property], where: str) -> None:
    of = f" of {where}" if where else ""
    for name in given:
        if name not in members:
            raise ToolError(f"there is no {name!r}{of}; there are: {', '.join(members) or 'none'}.")
    for name, member in members.items():
        if member.is_required and name not in given:
            raise ToolError(f"{name!r}{of} is missing.")


def _may_be_none(member: Property, where: str) -> bool:
    try:
        member.shape.read(None, where)
    except ToolError:
        return False
    return True


def _dataclass(kind: type, where: str, within: tuple[type, ...]) -> Schema:
    if kind in within:
        raise ConfigurationError(f"{where} is a {kind.__name__} within itself.", cure=_ENOUGH)
    hints = hints_of(kind, kind.__name__)
    members = {}
    for field in fields(kind):
        if field.init:
            place = f"{where}.{field.name}"
            hint, has_factory = hints[field.name], field.default_factory is not MISSING
            default = None if has_factory else field.default
            members[field.name] = property_of(hint, default, place, within=(*within, kind))
    inner = object_shape(members)

    def read(value: Any, place: str) -> Any:
        found = inner.read(value, place)
        try:
            return kind(**found)
        except (TypeError, ValueError) as error:
            raise ToolError(f"{place} is invalid: {error}.") from None

    return Schema(inner.schema, read)
