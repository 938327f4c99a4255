"""What a function returned, as text for the model.

A value is converted to JSON only as far as it fits into the output: no more of it is read, since
a list of millions of numbers would keep other threads from running for seconds. What is left out
is named at the end of the text. docs/tools.md lists the form of each type.

Types of other packages are recognized by the names of their classes, so that none is imported.
"""

from __future__ import annotations

import collections.abc
import contextlib
import datetime as dt
import io
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum
from itertools import chain, islice
from types import SimpleNamespace
from typing import Any, TypeAlias
from uuid import UUID

import msgspec

from .._structs import Value
from .annotations import without_address

LONGEST_OUTPUT = 30_000
"""Characters of one output, since long outputs cost more than they are worth to the model."""

_MOST_COLUMNS = 100
_DEEPEST = 50
_DEEPEST_RETRY = 3
_FEW = 100
"""A container with more entries than this is cut at its end; one with fewer shares its space."""

_SHORT = 200
_MOST_REMARKS = 3
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


def text_from(output: Any) -> str:
    """Convert what a function returned to text for the model.

    Text is unchanged, other values are JSON; what has no form of its own is described by `str`.
    The text has up to `LONGEST_OUTPUT` characters, and a sentence that says what was left out.
    """
    if isinstance(output, str):
        return _without_surrogates(_cut_text(output))
    if _is_described(output):
        return _without_surrogates(_cut_text(_described(output)))
    conversion = _Conversion()
    value = conversion.value_of(output, "the output", 0)
    text = json.dumps(value, ensure_ascii=False)
    if conversion.remarks:
        text += f"\n(cut off: {_summary(conversion.remarks)})"
    return _without_surrogates(text)


def _summary(remarks: list[str]) -> str:
    told = remarks[-_MOST_REMARKS:]
    more = len(remarks) - len(told)
    return "; ".join([*told, f"and {more} more"] if more else told)


def _cut_text(text: str) -> str:
    if len(text) <= LONGEST_OUTPUT:
        return str(text)
    return f"{text[:LONGEST_OUTPUT]}... (cut off; {len(text)} characters in all)"


def _without_surrogates(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


# --------------------------------------------------------------------------- values, bounded
class _Conversion:
    """The conversion of one output, which ends when its space is used up.

    Attributes
    ----------
    remarks : list of str
        What was left out; an outer value comes after what is inside it.
    """

    def __init__(self) -> None:
        self.remarks: list[str] = []
        self._left = LONGEST_OUTPUT
        # How many values were read that can be read only once.
        self._iterator_count = 0
        self._open: set[int] = set()
        # Looking for the form of a class takes longer than converting most values.
        self._forms: dict[type, FormOf] = {}

    def value_of(self, value: Any, place: str, depth: int) -> Any:
        """Convert a value to what `json.dumps` writes."""
        form = value if type(value) in _EXACT else self._form_of(value)
        if not isinstance(form, Items):
            return self._scalar(form, place)
        if id(value) in self._open:
            return self._scalar("(contains itself)", place)
        if depth >= _DEEPEST:
            self.remarks.append(f"what is nested deeper than {_DEEPEST} levels is left out")
            return self._scalar("(nested too deep)", place)
        self._open.add(id(value))
        try:
            return self._container(form, place, depth)
        finally:
            self._open.discard(id(value))

    def _form_of(self, value: Any) -> Form:
        kind = type(value)
        if kind not in self._forms:
            self._forms[kind] = _form_for(kind)
        return self._forms[kind](value, max(self._left, 0) // 2 + 1)

    def _scalar(self, form: Scalar, place: str) -> Scalar:
        if isinstance(form, str):
            most = max(self._left - 2, 0)
            if len(form) > most:
                self.remarks.append(
                    f"the first {most} of {len(form)} characters of {place} are given"
                )
                form = form[:most]
        self._left -= len(json.dumps(form, ensure_ascii=False)) + 2
        return form

    # ----------------------------------------------------------------- entries
    def _container(self, form: Items, place: str, depth: int) -> Any:
        self._left -= 2
        if self._left < 0 and form.count != 0:
            self.remarks.append(f"{place} is left out")
            return {} if form.is_object else []
        if form.remark:
            self.remarks.append(f"{form.remark} of {place} are given")
        entries = iter(form.entries)
        self._iterator_count += form.is_once
        try:
            first = list(islice(entries, _FEW + 1))
            is_few = len(first) <= _FEW and (form.count is None or form.count <= _FEW)
            make = self._shared if is_few else self._in_order
            named = self._named(chain(first, entries), form, place)
            found = make(named, form, place, depth)
        finally:
            if close := getattr(entries, "close", None):
                close()
        return dict(found) if form.is_object else [value for _, value in found]

    def _named(
        self, entries: Iterable[Any], form: Items, place: str
    ) -> Iterator[tuple[str, Any, str]]:
        """Key, value, and place of each entry."""
        taken: set[str] = set()
        for at, entry in enumerate(entries):
            if not form.is_object:
                yield "", entry, f"{place}[{at}]" if place != "the output" else f"item {at}"
                continue
            name = key_of(entry[0])
            if name in taken:  # 1 and "1" are different keys in Python.
                name = f"{name} ({type(entry[0]).__name__} {at})"
            taken.add(name)
            where = name if place == "the output" else f"{place}.{name}"
            yield name, entry[1], where if len(where) <= _SHORT else f"…{where[-_SHORT:]}"

    def _in_order(
        self, entries: Iterator[tuple[str, Any, str]], form: Items, place: str, depth: int
    ) -> list[tuple[str, Any]]:
        """The first entries, as many as there is space for."""
        found: list[tuple[str, Any]] = []
        whole_space = self._left
        for name, value, where in entries:
            if self._left <= 0:
                self._remark_count(len(found), form, place)
                return found
            before, remark_count = self._left, len(self.remarks)
            self._left -= len(name) + 4 if form.is_object else 0
            made = self.value_of(value, where, depth + 1)
            is_cut = self._left < 0 or (self._left == 0 and len(self.remarks) > remark_count)
            if is_cut and found and before - self._left < whole_space / 4:
                # An entry that does not fit is left out, rather than given in part.
                del self.remarks[remark_count:]
                self._remark_count(len(found), form, place)
                return found
            found.append((name, made))
        if form.count is not None and form.count > len(found):
            self._remark_count(len(found), form, place)
        return found

    def _shared(
        self, entries: Iterator[tuple[str, Any, str]], form: Items, place: str, depth: int
    ) -> list[tuple[str, Any]]:
        """All entries: the short ones whole, and the others with equal parts of the space."""
        listed = list(entries)
        made: dict[int, Any] = {}
        self._left -= sum(len(name) + 4 for name, _, _ in listed) if form.is_object else 0
        for at, (_, value, where) in enumerate(listed):
            if _is_short(value):
                made[at] = self.value_of(value, where, depth + 1)
        waiting = [at for at in range(len(listed)) if at not in made]
        if len(waiting) > 1 and depth < _DEEPEST_RETRY:
            waiting = self._what_fits(listed, waiting, made, depth)
        for done, at in enumerate(waiting):
            _, value, where = listed[at]
            made[at] = self._within(self._left // (len(waiting) - done), value, where, depth)
        return [(name, made[at]) for at, (name, _, _) in enumerate(listed)]

    def _what_fits(
        self,
        listed: list[tuple[str, Any, str]],
        waiting: list[int],
        made: dict[int, Any],
        depth: int,
    ) -> list[int]:
        """Convert the entries that need no more than their part; returns the others.

        What these leave is for the others, so that nothing is cut that would have had space.
        """
        too_long: list[int] = []
        for done, at in enumerate(waiting):
            _, value, where = listed[at]
            before = self._left, len(self.remarks), self._iterator_count
            share = self._left // (len(waiting) - done + len(too_long))
            found = self._within(share, value, where, depth)
            # An iterator cannot be read a second time.
            if len(self.remarks) == before[1] or self._iterator_count > before[2]:
                made[at] = found
            else:
                self._left = before[0]
                del self.remarks[before[1] :]
                too_long.append(at)
        return too_long

    def _within(self, part: int, value: Any, where: str, depth: int) -> Any:
        """Convert a value to no more than a part of the space."""
        whole, part = self._left, max(part, 0)
        self._left = part
        made = self.value_of(value, where, depth + 1)
        self._left += whole - part
        return made

    def _remark_count(self, given: int, form: Items, place: str) -> None:
        what = "entries" if form.is_object else "items"
        of = f" of {form.count}" if form.count is not None else ""
        self.remarks.append(f"the first {given}{of} {what} of {place} are given")


def _is_short(value: Any) -> bool:
    kind = type(value)
    return kind in _EXACT | {int, float} and (kind is not str or len(value) <= _SHORT)


def key_of(key: Any) -> str:
    """The key of an entry as text; numbers are written as in JSON."""
    text = plain = key[: _SHORT + 1] if isinstance(key, str) else _key_part(key)
    if not isinstance(plain, str):
        text = repr(plain) if isinstance(plain, tuple) else json.dumps(plain)
    return str(text) if len(text) <= _SHORT else f"{text[:_SHORT]}…"


def _key_part(key: Any) -> Any:
    if isinstance(key, tuple | frozenset) and not hasattr(key, "_fields"):
        return tuple(_key_part(each) for each in islice(key, _FEW))
    form = form_of(key, _FEW)
    return _described(key) if isinstance(form, Items) else form


# --------------------------------------------------------------------------- forms of types
_EXACT = frozenset({type(None), bool, str})
"""Types whose values are their own form."""


def form_of(value: Any, most: int) -> Form:
    """The form of a value: a scalar of JSON, or its entries.

    Parameters
    ----------
    most : int
        How many entries there is space for; an array is not read beyond them.
    """
    return _form_for(type(value))(value, most)


def _form_for(kind: type) -> FormOf:
    for known, form in _BY_TYPE:
        if issubclass(kind, known):
            return form
    return next((form for applies, form in _BY_PROTOCOL if applies(kind)), _other)


def _is_described(value: Any) -> bool:
    """Whether a value has no form but what `str` makes of it."""
    return _form_for(type(value)) in (_other, _complex)


def _other(value: Any, _: int) -> Form:
    return _described(value)


def _complex(value: complex, _: int) -> Form:
    return str(complex(value))


def _described(value: Any) -> str:
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
    (BaseException, lambda value, _: f"{type(value).__name__}: {_described(value)}"),
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
    return _described(value) if hasattr(plain, "dtype") else form_of(plain, most)


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
