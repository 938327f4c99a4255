"""Docstrings taken apart: numpy's way of writing them, and Google's."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

__all__ = ["parts_of_docstring"]

_NUMPY_SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}[ ]*$", re.MULTILINE)
_GOOGLE_SECTION = re.compile(
    r"^(Args|Arguments|Returns|Raises|Yields|Examples?|Notes?)[ ]*:[ ]*$", re.MULTILINE
)
_GOOGLE_HEAD = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)")


def parts_of_docstring(text: str) -> tuple[str, dict[str, str]]:
    """What a docstring says of its function, and of each parameter.

    Parameters
    ----------
    text : str
        As `inspect.getdoc` gives it.

    Returns
    -------
    (prose, described)
        The text before the first section, and sentences by the names of parameters.
    """
    for section, names_of in ((_NUMPY_SECTION, _numpy_head), (_GOOGLE_SECTION, _google_head)):
        found = list(section.finditer(text))
        if found:
            ends = [each.start() for each in found[1:]] + [len(text)]
            bodies = {
                each[1]: text[each.end() : end] for each, end in zip(found, ends, strict=True)
            }
            wanted = (bodies.get(title, "") for title in ("Parameters", "Args", "Arguments"))
            return text[: found[0].start()].strip(), _described("\n".join(wanted), names_of)
    return text.strip(), {}


def _described(body: str, names_of: Callable[[str], tuple[list[str], str]]) -> dict[str, str]:
    described: dict[str, str] = {}
    names: list[str] = []
    for line in inspect.cleandoc(body).splitlines():
        words = line.strip()
        if line and not line[0].isspace():
            names, words = names_of(line)
        for name in names:
            described[name] = f"{described.get(name, '')} {words}".strip()
    return described


def _numpy_head(line: str) -> tuple[list[str], str]:
    return [name.strip(" *") for name in line.split(":")[0].split(",")], ""


def _google_head(line: str) -> tuple[list[str], str]:
    match = _GOOGLE_HEAD.match(line)
    return ([match[1]], match[2]) if match else ([], "")
