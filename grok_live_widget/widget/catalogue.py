"""The texts of the panel in each language: `texts/*.json`, by sections, each of a bundle."""

from __future__ import annotations

import functools
import json
import pathlib
from typing import Any

from ..settings import one_of

_FOLDER = pathlib.Path(__file__).parent / "texts"

ENGLISH = "en"

LANGUAGES = (ENGLISH, *sorted({path.stem for path in _FOLDER.glob("*.json")} - {ENGLISH}))
"""Codes of the languages that there are, as BCP 47 has them; English is the first."""


def check_language(value: object) -> None:
    """Raise `ConfigurationError` unless it is a value of ``language=``."""
    one_of("language", value, (None, *LANGUAGES))


def texts_of(section: str, language: str | None) -> dict[str, dict[str, Any]]:
    """The texts of a section by their languages.

    Parameters
    ----------
    section : str
        A bundle of the front end, or ``"panel"``; one without texts has an empty section.
    language : str or None
        The only language; None: all of them, of which the page chooses.
    """
    chosen = LANGUAGES if language is None else (language,)
    return {each: _catalogue(each).get(section, {}) for each in chosen}


@functools.cache
def _catalogue(language: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = json.loads((_FOLDER / f"{language}.json").read_text("utf-8"))
    return found
