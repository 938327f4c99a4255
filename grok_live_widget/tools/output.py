"""What a function returned, as text for the model.

A value is converted to JSON only as far as it fits into the output: no more of it is read, since
a list of millions of numbers would keep other threads from running for seconds. What is left out
is named at the end of the text. `forms` has the form of each type.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any

from .forms import (
    EXACT,
    LONGEST_OUTPUT,
    Form,
    FormOf,
    Items,
    Scalar,
    described,
    form_for,
    form_of,
    is_described,
)

_DEEPEST = 50
_DEEPEST_RETRY = 3
_FEW = 100
"""A container with more entries than this is cut at its end; one with fewer shares its space."""

_SHORT = 200
_MOST_REMARKS = 3


def text_from(output: Any) -> str:
    """Convert what a function returned to text for the model.

    Text is unchanged, other values are JSON; what has no form of its own is described by `str`.
    The text has up to `LONGEST_OUTPUT` characters, and a sentence that says what was left out.
    """
    if isinstance(output, str):
        return _without_surrogates(_cut_text(output))
    if is_described(output):
        return _without_surrogates(_cut_text(described(output)))
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
        form = value if type(value) in EXACT else self._form_of(value)
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
            self._forms[kind] = form_for(kind)
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
    return kind in EXACT | {int, float} and (kind is not str or len(value) <= _SHORT)


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
    return described(key) if isinstance(form, Items) else form
