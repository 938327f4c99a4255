"""The form of each type in an output: a scalar of JSON, or entries that are read one by one.

docs/tools.md lists them. Types of other packages are recognized by the names of their classes, so
that none is imported.
"""

from __future__ import annotations

import collections.abc
import contextlib
import datetime as dt
import io
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from types import SimpleNamespace
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from .._structs import Value
from .annotations import without_address

LONGEST_OUTPUT = 30_000
"""Characters of one output, since long outputs cost more than they are worth to the model."""

_MOST_COLUMNS = 100
_MOST_BITS = 14_000
"""Python refuses to write longer whole numbers in decimal."""


class Items(Value, frozen=True):
    """The entries of a list or of an object, which are read one by one.

    Parameters
    ----------
    entries : Iterable
        Values, or pairs of key and value.
    count : int or None
        How many there are in all. None: unknown.
    is_object : bool
        Whether the entries are pairs.
    remark : str
        What was left out already.
    is_once : bool
        Whether the entries can be read only once.
    """

    entries: Iterable[Any]
    count: int | None = None
    is_object: bool = False
    remark: str = ""
    is_once: bool = False


Scalar: TypeAlias = bool | int | float | str | None
Form: TypeAlias = Scalar | Items
FormOf: TypeAlias = Callable[[Any, int], Form]
"""``(value, how many entries there is space for at most) -> form``"""


EXACT = frozenset({type(None), bool, str})
"""Types whose values are their own form."""


def form_of(value: Any, most: int) -> Form:
    """The form of a value: a scalar of JSON, or its entries.

    Parameters
    ----------
    most : int
        How many entries there is space for; an array is not read beyond them.
    """
    return form_for(type(value))(value, most)


def form_for(kind: type) -> FormOf:
    """What makes the forms of the values of a class."""
    for known, form in _BY_TYPE:
        if issubclass(kind, known):
            return form
    return next((form for applies, form in _BY_PROTOCOL if applies(kind)), _other)


def is_described(value: Any) -> bool:
    """Whether a value has no form but what `str` makes of it."""
    return form_for(type(value)) in (_other, _complex)


def _other(value: Any, _: int) -> Form:
    return described(value)


def _complex(value: complex, _: int) -> Form:
    return str(complex(value))


def described(value: Any) -> str:
    """What `str` makes of a value, without its address in memory."""
    try:
        return without_address(str(value))
    except Exception as error:  # noqa: BLE001 - a class may raise anything here
        return f"<{type(value).__name__}, whose text raises {type(error).__name__}>"


def _number(value: float, _: int) -> Form:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return float(value)


def _whole_number(value: int, _: int) -> Form:
    if value.bit_length() > _MOST_BITS:
        return f"(a whole number of {value.bit_length()} bits)"
    return int(value)


def _time(value: Any, _: int) -> Form:
    # Not a time of pandas: NaT is a datetime too.
    return None if _is_missing(type(value)) else str(value.isoformat())


def _duration(value: dt.timedelta, _: int) -> Form:
    exact = getattr(value, "to_pytimedelta", lambda: value)()
    return str(msgspec.to_builtins(exact))


def _bytes(value: Any, _: int) -> Form:
    return _told_bytes(bytes(value[:LONGEST_OUTPUT]), len(value))


def _view(value: memoryview, most: int) -> Form:
    if value.format not in ("b", "B", "c") and value.ndim == 1:
        return Items(value[:most].tolist(), len(value))
    beginning = value[:LONGEST_OUTPUT].tobytes() if value.ndim == 1 else value.tobytes()
    return _told_bytes(beginning, value.nbytes)


def _told_bytes(beginning: bytes, count: int) -> str:
    with contextlib.suppress(UnicodeDecodeError):
        text = beginning.decode()
        if count <= LONGEST_OUTPUT and all(each.isprintable() or each in "\t\n\r" for each in text):
            return text
    return f"({count} bytes, beginning with {beginning[:32].hex(' ')})"


def _mapping(value: Any, _: int) -> Form:
    return Items(iter(value.items()), len(value), is_object=True)


def _listed(value: Any, _: int) -> Form:
    return Items(iter(value), len(value))


def _set(value: Any, most: int) -> Form:
    """In order where there is one, so that equal sets have equal texts."""
    if len(value) <= most:
        try:
            return Items(sorted(value), len(value))
        except TypeError:
            pass
    return Items(iter(value), len(value))


def _tuple(value: Any, most: int) -> Form:
    names = getattr(value, "_fields", None)
    if isinstance(names, tuple):
        return _members(value, names)
    return _listed(value, most)


def _members(value: Any, names: Sequence[str]) -> Form:
    """An object with these attributes, as far as it has them."""
    pairs = ((name, getattr(value, name)) for name in names if hasattr(value, name))
    return Items(pairs, None, is_object=True)


_BY_TYPE: list[tuple[Any, FormOf]] = [
    (Items, lambda value, _: value),
    (Enum, lambda value, most: form_of(value.value, most)),
    (type(None), lambda value, _: value),
    (bool, lambda value, _: value),
    (int, _whole_number),
    (float, _number),
    (str, lambda value, _: str(value)),
    (complex, _complex),
    (dt.datetime | dt.date | dt.time, _time),
    (dt.timedelta, _duration),
    (Decimal | UUID, lambda value, _: str(value)),
    (os.PathLike, lambda value, _: os.fsdecode(value)),
    (bytes | bytearray, _bytes),
    (memoryview, _view),
    (BaseException, lambda value, _: f"{type(value).__name__}: {described(value)}"),
    (tuple, _tuple),
    (list | range | collections.deque, _listed),
    (collections.abc.Set, _set),
    (dict, _mapping),
    (SimpleNamespace, lambda value, most: _mapping(vars(value), most)),
    (msgspec.Struct, lambda value, _: _members(value, value.__struct_fields__)),
]


# ----------------------------------------------------------------- types of other packages
def _is_of(package: str, *names: str) -> Callable[[type], bool]:
    """A test for classes of a package by their names, and for classes derived from them."""

    def applies(kind: type) -> bool:
        return any(
            each.__name__ in names and each.__module__.partition(".")[0] == package
            for each in kind.__mro__
        )

    return applies


def _has(*names: str) -> Callable[[type], bool]:
    """A test for classes with all of these attributes."""
    return lambda kind: all(hasattr(kind, name) for name in names)


def _is_a(*kinds: type) -> Callable[[type], bool]:
    return lambda kind: issubclass(kind, kinds)


def _is_missing(kind: type) -> bool:
    return kind.__name__ in ("NaTType", "NAType")


def _array(value: Any, most: int) -> Form:
    if len(value.shape) > 1:
        return Items((value[at] for at in range(min(len(value), most))), len(value))
    if not value.shape:
        return _array_scalar(value, most)
    return Items(_plain_items(value[:most]), len(value))


def _plain_items(part: Any) -> Iterable[Any]:
    kind = getattr(part.dtype, "kind", "")
    if kind == "M" and hasattr(part.dtype, "str"):
        return [None if each == "NaT" else each for each in part.astype(str).tolist()]
    if kind == "m" and hasattr(part.dtype, "str"):
        if "[" not in part.dtype.str or part.dtype.str.endswith(("[Y]", "[M]")):
            return map(str, part)  # A month has no length in days.
        part = part.astype("timedelta64[us]")
    if kind == "f" and part.dtype.itemsize < 8:
        # As numpy shows them: float32(0.1) is 0.1, and not 0.10000000149011612.
        texts = part.astype(str).tolist()
        return [None if each is None else float(each) for each in texts]
    # Elements with fields lose their names in tolist().
    items: Iterable[Any] = part if getattr(part.dtype, "names", None) else part.tolist()
    return items


def _array_scalar(value: Any, most: int) -> Form:
    """One element: a scalar of numpy, or an array without dimensions."""
    names = getattr(value.dtype, "names", None)
    if names:
        return Items(((name, value[name]) for name in names), len(names), is_object=True)
    if getattr(value.dtype, "kind", "") in ("m", "M", "f") and value.dtype.itemsize <= 8:
        plain = next(iter(_plain_items(value.reshape(1))))
    else:
        plain = value.tolist()
    # A number with more digits than Python's float stays what it is.
    return described(value) if hasattr(plain, "dtype") else form_of(plain, most)


def _series(value: Any, most: int) -> Form:
    """Values by their labels; pairs where labels repeat."""
    beginning = value.iloc[:most]
    is_unique = beginning.index.is_unique
    pairs = beginning.items()
    labelled = Items(pairs if is_unique else map(list, pairs), len(value), is_object=is_unique)
    if value.name is None:
        return labelled
    return Items([("name", value.name), ("values", labelled)], 2, is_object=True)


def _frame(value: Any, most: int) -> Form:
    part = value.iloc[:most, :_MOST_COLUMNS]
    index_name = value.index.name
    columns = ["index" if index_name is None else index_name, *part.columns]
    rows = map(list, part.itertuples(index=True, name=None))
    return _table(columns, rows, value.shape)


def _polars_frame(value: Any, most: int) -> Form:
    columns = value.columns[:_MOST_COLUMNS]
    return _table(columns, map(list, value.select(columns).head(most).iter_rows()), value.shape)


def _arrow_table(value: Any, most: int) -> Form:
    columns = value.column_names[:_MOST_COLUMNS]
    part = value.select(columns).slice(0, most)
    rows = ([column[at] for column in part.columns] for at in range(part.num_rows))
    return _table(columns, rows, (value.num_rows, value.num_columns))


def _table(columns: list[Any], rows: Iterable[Any], shape: tuple[int, int]) -> Form:
    remark = f"the first {_MOST_COLUMNS} of {shape[1]} columns" if shape[1] > _MOST_COLUMNS else ""
    parts = [("columns", columns), ("rows", Items(rows, shape[0]))]
    return Items(parts, 2, is_object=True, remark=remark)


def _data_array(value: Any, _: int) -> Form:
    parts = [
        ("name", value.name),
        ("dims", list(value.dims)),
        ("coords", {name: each.values for name, each in value.coords.items()}),
        ("values", value.data),
    ]
    return Items(parts, len(parts), is_object=True)


def _data_set(value: Any, _: int) -> Form:
    coords = {name: each.values for name, each in value.coords.items()}
    variables = {
        name: {"dims": list(each.dims), "values": each.data}
        for name, each in value.data_vars.items()
    }
    return Items([("coords", coords), ("variables", variables)], 2, is_object=True)


def _figure(value: Any, _: int) -> Form:
    width, height = (round(float(each)) for each in value.get_size_inches() * value.dpi)
    parts = {"type": "Figure", "width_px": width, "height_px": height, "axes": list(value.axes)}
    return Items(parts.items(), len(parts), is_object=True)


def _axes(value: Any, _: int) -> Form:
    parts = {
        "type": "Axes",
        "title": value.get_title(),
        "x_label": value.get_xlabel(),
        "y_label": value.get_ylabel(),
    }
    return Items(parts.items(), len(parts), is_object=True)


def _image(value: Any, _: int) -> Form:
    parts = {
        "type": "Image",
        "mode": value.mode,
        "width_px": value.width,
        "height_px": value.height,
    }
    return Items(parts.items(), len(parts), is_object=True)


def _model(value: Any, _: int) -> Form:
    """A model of pydantic, without the fields that it keeps out of its JSON."""
    hidden = {name for name, each in type(value).model_fields.items() if each.exclude}
    pairs = ((name, each) for name, each in value if name not in hidden)
    return Items(pairs, None, is_object=True)


def _is_iterator(kind: type) -> bool:
    return issubclass(kind, collections.abc.Iterator) and not issubclass(kind, io.IOBase)


_BY_PROTOCOL: list[tuple[Callable[[type], bool], FormOf]] = [
    (_is_missing, lambda _, __: None),
    (_is_of("pandas", "Series"), _series),
    (_is_of("pandas", "DataFrame"), _frame),
    (_is_of("polars", "DataFrame"), _polars_frame),
    (_is_of("polars", "Series"), lambda value, most: Items(value[:most].to_list(), len(value))),
    (_is_of("pyarrow", "Table"), _arrow_table),
    (_is_of("pyarrow", "Scalar"), lambda value, most: form_of(value.as_py(), most)),
    (_is_of("xarray", "DataArray"), _data_array),
    (_is_of("xarray", "Dataset"), _data_set),
    (_is_of("matplotlib", "Figure"), _figure),
    (_is_of("matplotlib", "_AxesBase"), _axes),
    (_is_of("PIL", "Image"), _image),
    (_is_of("pydantic", "RootModel"), lambda value, most: form_of(value.root, most)),
    (_is_of("pydantic", "BaseModel"), _model),
    (_is_of("fractions", "Fraction"), lambda value, _: str(value)),
    # Its rows have two dimensions again.
    (_is_of("numpy", "matrix"), lambda value, most: _array(value.A, most)),
    # Arrays of numpy and what behaves like them: torch, jax, cupy, indexes of pandas.
    (_has("dtype", "shape", "tolist"), _array),
    (_has("__attrs_attrs__"), lambda value, _: _members(value, _names_of_attrs(value))),
    (is_dataclass, lambda value, _: _members(value, [each.name for each in fields(value)])),
    (_is_a(collections.abc.Mapping), _mapping),
    (_is_a(collections.abc.Sequence, collections.abc.MappingView), _listed),
    (_is_of("array", "array"), _listed),
    (_is_iterator, lambda value, _: Items(value, is_once=True)),
]


def _names_of_attrs(value: Any) -> list[str]:
    return [each.name for each in type(value).__attrs_attrs__]
