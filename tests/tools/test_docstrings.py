"""Docstrings of every common style describe a function and its parameters."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_live_widget.tools.docstrings import parse_docstring

NUMPY = """Look up the weather.

    It may take a while.

    Parameters
    ----------
    city : str
        Where to look.

        Only large ones are known.
    unit, scale : {"C", "F"}
        In which unit.
    plain

    Returns
    -------
    str
        Some words.
    """

GOOGLE = """Look up the weather.

    Args:
        city (str): Where to look.
            Only large ones.
        unit: In which unit.

    Returns:
        Some words.
    """


def parts(text: str) -> tuple[str, dict[str, str]]:
    return parse_docstring(inspect.cleandoc(text))


def test_numpydoc_style() -> None:
    prose, described = parts(NUMPY)
    assert prose == "Look up the weather.\n\nIt may take a while."
    assert described == {
        "city": "Where to look. Only large ones are known.",
        "unit": "In which unit.",
        "scale": "In which unit.",
        "plain": "",
    }


def test_google_style() -> None:
    prose, described = parts(GOOGLE)
    assert prose == "Look up the weather."
    assert described == {"city": "Where to look. Only large ones.", "unit": "In which unit."}


REST = """Look up the weather.

    It may take
    a while.

    :param city: Where to look.
        Only large ones.
    :param str unit: In which unit.
    :keyword days: How many.
    :type city: str
    :returns: Some words.
    """

EPYDOC = """Look up the weather.

    @param city: Where to look.
        Only large ones.
    @type city: str
    @param unit: In which unit.
    @return: Some words.
    """


def test_rest_style() -> None:
    prose, described = parts(REST)
    assert prose == "Look up the weather.\n\nIt may take\na while."
    assert described == {
        "city": "Where to look. Only large ones.",
        "unit": "In which unit.",
        "days": "How many.",
    }


def test_epydoc_style() -> None:
    prose, described = parts(EPYDOC)
    assert prose == "Look up the weather."
    assert described == {"city": "Where to look. Only large ones.", "unit": "In which unit."}


@pytest.mark.parametrize("title", ["Keyword Args", "Keyword Arguments", "Other Parameters"])
def test_google_style_with_another_section_of_parameters(title: str) -> None:
    prose, described = parts(f"Look.\n\nArgs:\n    x: One.\n\n{title}:\n    y (int): Two: 2.\n")
    assert (prose, described) == ("Look.", {"x": "One.", "y": "Two: 2."})


def test_numpydoc_style_with_other_parameters_and_attributes() -> None:
    text = "Look.\n\nParameters\n----------\nx, *rest : int\n    One.\n\n"
    text += "Other Parameters\n----------------\ny\n    Two.\n\n"
    text += "Attributes\n----------\nx\n    No.\n"
    assert parts(text) == ("Look.", {"x": "One.", "rest": "One.", "y": "Two."})


def test_a_section_of_notes_is_not_part_of_the_description() -> None:
    assert parts("Look.\n\nNote:\n    Slow.\n") == ("Look.", {})
    assert parts("Look.\n\nNotes\n-----\nSlow.\n") == ("Look.", {})


def test_the_description_keeps_its_lines_and_indentation() -> None:
    prose = "Look.\n\n\nLike this::\n\n    look(1)\n      2\n\nor that."
    assert parts(f"{prose}\n\nArgs:\n    x: One.\n") == (prose, {"x": "One."})
    assert parts(f"{prose}\n\nParameters\n----------\nx\n    One.\n") == (prose, {"x": "One."})


def test_a_docstring_may_begin_with_a_section() -> None:
    assert parse_docstring("Args:\n    x: One.\n") == ("", {"x": "One."})


@given(
    st.lists(
        st.sampled_from(
            ["Args:", "Returns:", "    x: One.", "    y", "Parameters", "----------", "x : int",
             ":param x: One.", ":", "@param x: One.", "@", ":func:`len` is used.", "", "Text.",
             "\x1e", "a\x0cb", "  "]
        )
    )
)  # fmt: skip
def test_every_text_can_be_parsed(lines: list[str]) -> None:
    prose, described = parse_docstring("\n".join(lines))
    assert prose in "\n".join(lines)
    assert all(isinstance(each, str) for each in described.values())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "One line.",
        "Two lines,\nwith a: colon.",
        "---\n---",
        ":func:`len` counts.\n:mod:`re` does not.",
        "Write to\n@someone: now.",
        ":)",
    ],
)
def test_a_docstring_without_sections_is_the_description(text: str) -> None:
    assert parts(text) == (text, {})


@pytest.mark.parametrize("field", ["param", "arg", "key", "keyword", "kwarg", "kwparam"])
def test_each_field_of_sphinx_that_names_a_parameter_is_read(field: str) -> None:
    assert parts(f"Look.\n\n:{field} x: One.\n    And more.") == ("Look.", {"x": "One. And more."})


def test_a_section_of_keyword_arguments_is_read_in_the_style_of_numpydoc() -> None:
    text = "Look.\n\nKeyword Arguments\n-----------------\nx : int\n    One.\n"
    assert parts(text) == ("Look.", {"x": "One."})
