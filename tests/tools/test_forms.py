"""The output of a tool has a stated form for each type."""

from __future__ import annotations

import array
import collections
import datetime as dt
import json
import math
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import attrs
import msgspec
import numpy as np
import pydantic
import pytest
from PIL import Image

from grok_live_widget.tools.output import text_from

DAY = dt.date(2026, 1, 31)


@dataclass
class Place:
    city: str
    country: str = "FR"


@dataclass(slots=True)
class Node:
    next: Any = field(default=None)


class Point(NamedTuple):
    x: float
    y: float


class Mood(Enum):
    GOOD = "good"


class Level(IntEnum):
    HIGH = 3


class Struct(msgspec.Struct):
    size: int


class Silent:
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("as it is", "as it is"),
        (None, "null"),
        (True, "true"),
        ({"a": [1, 2.5]}, '{"a": [1, 2.5]}'),
        (["é"], '["é"]'),
        ("half \ud83d", "half ?"),
        (["half \ud83d"], '["half ?"]'),
        (Place("Lyon"), '{"city": "Lyon", "country": "FR"}'),
        (Node(), '{"next": null}'),
        (Struct(2), '{"size": 2}'),
        (Point(1, 2), '{"x": 1, "y": 2}'),
        ((1, 2), "[1, 2]"),
        (Mood.GOOD, '"good"'),
        ({Mood.GOOD: Level.HIGH}, '{"good": 3}'),
        (dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC), '"2026-01-31T12:00:00+00:00"'),
        ({DAY: DAY}, '{"2026-01-31": "2026-01-31"}'),
        (dt.time(12, 30), '"12:30:00"'),
        (dt.timedelta(days=1, seconds=2), '"P1DT2S"'),
        (Decimal("1.50"), '"1.50"'),
        (Fraction(1, 3), '"1/3"'),
        (complex(1, 2), "(1+2j)"),
        ({"z": complex(1, 2)}, '{"z": "(1+2j)"}'),
        ([math.nan, math.inf, -math.inf], '["NaN", "Infinity", "-Infinity"]'),
        ([10**5000], '["(a whole number of 16610 bits)"]'),
        ({3, 1, 2}, "[1, 2, 3]"),
        (frozenset({1}), "[1]"),
        (uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (Path("/tmp") / "x", '"/tmp/x"'),
        (b"text", '"text"'),
        (bytearray(b"\xff\x00"), '"(2 bytes, beginning with ff 00)"'),
        (memoryview(b"\xff\x00"), '"(2 bytes, beginning with ff 00)"'),
        (memoryview(array.array("i", [1, 2])), "[1, 2]"),
        (b"\0\1", '"(2 bytes, beginning with 00 01)"'),
        (SimpleNamespace(a=1), '{"a": 1}'),
        (memoryview(b"abcd").cast("B", (2, 2)), '"abcd"'),
        (ValueError("why"), '"ValueError: why"'),
        (range(3), "[0, 1, 2]"),
        (collections.deque([1]), "[1]"),
        (collections.Counter("aab"), '{"a": 2, "b": 1}'),
        (collections.ChainMap({"a": 1}), '{"a": 1}'),
        (collections.UserDict({"a": 1}), '{"a": 1}'),
        ({"a": 1}.items(), '[["a", 1]]'),
        (array.array("i", [1, 2]), "[1, 2]"),
        (map(str, [1, 2]), '["1", "2"]'),
        ((n * n for n in range(3)), "[0, 1, 4]"),
        (object(), "<object object>"),
        (Silent(), "<Silent, whose text raises RuntimeError>"),
    ],
)  # fmt: skip
def test_an_output_is_text_or_json_or_what_str_makes_of_it(output: Any, text: str) -> None:
    assert text_from(output) == text


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (np.arange(3), "[0, 1, 2]"),
        (np.eye(2), "[[1.0, 0.0], [0.0, 1.0]]"),
        (np.array(3), "3"),
        (np.float64(1.5), "1.5"),
        (np.bool_(True), "true"),
        ({np.int64(1): np.float32(0.5)}, '{"1": 0.5}'),
        ({(1, np.int64(2)): 3}, '{"(1, 2)": 3}'),
        ([np.int64(1), (np.str_("a"),)], '[1, ["a"]]'),
        (np.array([1, math.nan]), '[1.0, "NaN"]'),
        (np.array([1 + 2j]), '["(1+2j)"]'),
        (np.array([np.int64(1), None], dtype=object), "[1, null]"),
        (np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]), '[{"a": 1, "b": 2.0}]'),
        (np.ma.array([1, 2], mask=[False, True]), "[1, null]"),
        (np.datetime64("2026-01-31"), '"2026-01-31"'),
        (np.array(["2026-01-31", "NaT"], "M8[s]"), '["2026-01-31T00:00:00", null]'),
        (np.timedelta64(3, "s"), '"PT3S"'),
        (np.timedelta64(3, "M"), '"3 months"'),
        (np.longdouble(1), '"1.0"'),
        (np.float32(0.1), "0.1"),
        ([np.float16(0.1)], "[0.1]"),
        (np.array([0.1, np.nan], np.float32), '[0.1, "NaN"]'),
        (np.ma.array([0.1, 2], mask=[False, True], dtype=np.float32), "[0.1, null]"),
        (np.zeros((0, 2)), "[]"),
        (np.arange(2).reshape(1, 2).view(np.matrix), "[[0, 1]]"),
    ],
)
def test_values_of_numpy_are_those_of_python(output: Any, text: str) -> None:
    assert text_from(output) == text


def test_keys_that_have_one_text_remain_two_entries() -> None:
    assert json.loads(text_from({1: "a", "1": "b"})) == {"1": "a", "1 (str 1)": "b"}


def test_classes_of_attrs_and_pydantic_are_objects_of_their_fields() -> None:
    point = attrs.make_class("P", ["x", "y"])(1, np.int64(2))
    model = pydantic.create_model(
        "M", size=(int, 1), key=(pydantic.SecretStr, pydantic.SecretStr("k")),
        hidden=(int, pydantic.Field(2, exclude=True)),
    )()  # fmt: skip
    assert text_from(pydantic.RootModel[list[int]]([1, 2])) == "[1, 2]"
    assert text_from([point, model]) == '[{"x": 1, "y": 2}, {"size": 1, "key": "**********"}]'


# --------------------------------------------------------------------------- tables
def test_a_series_keeps_its_labels_and_its_name() -> None:
    import pandas as pd

    assert text_from(pd.Series([1, 2], index=["x", "y"])) == '{"x": 1, "y": 2}'
    assert text_from(pd.Series([1.5], index=[3], name="p")) == '{"name": "p", "values": {"3": 1.5}}'
    assert text_from(pd.Series([1, 2], index=["x", "x"])) == '[["x", 1], ["x", 2]]'


def test_a_table_is_its_columns_and_its_rows() -> None:
    import pandas as pd

    table = pd.DataFrame(
        {"n": [1, 2], "when": pd.to_datetime(["2026-01-31", None])},
        index=pd.Index(["a", "b"], name="id"),
    )
    assert json.loads(text_from(table)) == {
        "columns": ["id", "n", "when"],
        "rows": [["a", 1, "2026-01-31T00:00:00"], ["b", 2, None]],
    }


def test_a_wide_and_long_table_is_cut_after_whole_rows() -> None:
    import pandas as pd

    text, remark = text_from(pd.DataFrame(np.zeros((50_000, 300)))).split("\n")
    told = json.loads(text)
    assert {len(row) for row in told["rows"]} == {len(told["columns"])} == {101}
    assert remark == (
        "(cut off: the first 100 of 300 columns of the output are given; "
        f"the first {len(told['rows'])} of 50000 items of rows are given)"
    )


@pytest.mark.parametrize("value", ["NaT", "NA"])
def test_a_missing_value_of_pandas_is_null(value: str) -> None:
    import pandas as pd

    assert text_from([getattr(pd, value)]) == "[null]"


def test_times_of_pandas_are_those_of_python() -> None:
    import pandas as pd

    assert text_from([pd.Timestamp("2026-01-31"), pd.Timedelta("1s")]) == (
        '["2026-01-31T00:00:00", "PT1S"]'
    )


def test_tables_of_polars_and_arrow_are_columns_and_rows() -> None:
    polars, arrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    columns = {"n": [1, 2], "s": ["a", None]}
    expected = '{"columns": ["n", "s"], "rows": [[1, "a"], [2, null]]}'
    assert text_from(polars.DataFrame(columns)) == text_from(arrow.table(columns)) == expected
    assert text_from(polars.Series([1, 2])) == "[1, 2]"


def test_data_of_xarray_has_its_dimensions_and_coordinates() -> None:
    import xarray

    data = xarray.DataArray([1.0, 2.0], dims="t", coords={"t": [10, 20]}, name="v")
    assert json.loads(text_from(data)) == {
        "name": "v", "dims": ["t"], "coords": {"t": [10, 20]}, "values": [1.0, 2.0],
    }  # fmt: skip
    assert json.loads(text_from(data.to_dataset())) == {
        "coords": {"t": [10, 20]},
        "variables": {"v": {"dims": ["t"], "values": [1.0, 2.0]}},
    }


# --------------------------------------------------------------------------- pictures
def test_a_picture_is_described() -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1), dpi=100)
    axes = figure.subplots()
    axes.set(title="T", xlabel="x")
    told = {"type": "Axes", "title": "T", "x_label": "x", "y_label": ""}
    assert json.loads(text_from(axes)) == told
    assert json.loads(text_from(figure)) == {
        "type": "Figure", "width_px": 200, "height_px": 100, "axes": [told],
    }  # fmt: skip
    image = Image.new("RGB", (3, 4))
    assert json.loads(text_from(image)) == {
        "type": "Image", "mode": "RGB", "width_px": 3, "height_px": 4,
    }  # fmt: skip
