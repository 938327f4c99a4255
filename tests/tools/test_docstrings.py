"""What a docstring says of a function and its parameters, in both common ways of writing it."""

from __future__ import annotations

import inspect

import pytest

from grok_live_widget.tools.docstrings import parts_of_docstring

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
    return parts_of_docstring(inspect.cleandoc(text))


def test_numpys_way() -> None:
    prose, described = parts(NUMPY)
    assert prose == "Look up the weather.\n\nIt may take a while."
    assert described == {
        "city": "Where to look. Only large ones are known.",
        "unit": "In which unit.",
        "scale": "In which unit.",
        "plain": "",
    }


def test_googles_way() -> None:
    prose, described = parts(GOOGLE)
    assert prose == "Look up the weather."
    assert described == {"city": "Where to look. Only large ones.", "unit": "In which unit."}


@pytest.mark.parametrize("text", ["", "One line.", "Two lines,\nwith a: colon.", "---\n---"])
def test_without_sections_all_of_it_is_prose(text: str) -> None:
    assert parts(text) == (text, {})
