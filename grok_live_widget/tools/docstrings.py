"""Descriptions of a function and its parameters, from its docstring."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docstring_parser import Docstring


_ARGUMENTS = ("Args", "Arguments", "Parameters")


def parse_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Split a docstring in the style of numpydoc, Google, reST or epydoc.

    Parameters
    ----------
    text : str
        As returned by `inspect.getdoc`.

    Returns
    -------
    description : str
        The text before the first section; all of it where there are no sections.
    parameters : dict of str to str
        Descriptions by the names of parameters.
    """
    parsed = _parsed(text)
    if parsed is None or not parsed.meta:
        return text.strip(), {}
    described: dict[str, str] = {}
    for param in parsed.params:
        if param.args[0] != "attribute":
            # numpydoc may describe several parameters at once: "x, y : int".
            for name in param.arg_name.split(","):
                described[name.strip(" *")] = " ".join((param.description or "").split())
    return _beginning_of(text, parsed.description or ""), described


def _parsed(text: str) -> Docstring | None:
    """The result of the style that recognizes most; None where no style recognizes anything."""
    # Imported here since it takes a tenth of a second, and only tools need it.
    from docstring_parser import ParseError, epydoc, google, numpydoc, rest

    single, multiple = google.SectionType.SINGULAR, google.SectionType.MULTIPLE
    more_sections = [
        *(google.Section(f"Keyword {each}", "keyword", multiple) for each in _ARGUMENTS),
        *(google.Section(f"Other {each}", "param", multiple) for each in _ARGUMENTS),
        google.Section("Note", "notes", single),
        google.Section("Notes", "notes", single),
    ]
    with_sections = google.GoogleParser([*google.DEFAULT_SECTIONS, *more_sections])
    with_keywords = numpydoc.NumpydocParser()
    for each in _ARGUMENTS:
        with_keywords.add_section(numpydoc.ParamSection(f"Keyword {each}", "keyword"))
    # Sphinx knows these names of a field as well.
    text = re.sub(r"(?m)^(\s*):(?:kwarg|kwparam)(?=\s)", r"\1:keyword", text)
    found = []
    for parse in (with_keywords.parse, with_sections.parse, rest.parse, epydoc.parse):
        try:
            # The parsers take the indentation of the first line for lost, unless it is empty.
            parsed = parse("\n" + text)
        except ParseError:
            continue
        # A line of prose that begins with a role, such as :func:`len`, is not a field.
        is_field_list = parse in (rest.parse, epydoc.parse)
        if not is_field_list or parsed.params or parsed.returns or parsed.raises:
            found.append(parsed)
    return max(found, key=lambda each: len(each.meta), default=None)


def _beginning_of(text: str, description: str) -> str:
    """The lines of `text` that `description` consists of, with the indentation it has lost."""
    lines = text.strip().split("\n")
    missing = sum(bool(line.strip()) for line in description.split("\n"))
    end = 0
    while missing and end < len(lines):
        missing -= bool(lines[end].strip())
        end += 1
    return "\n".join(lines[:end])
