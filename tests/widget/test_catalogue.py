"""The texts of the panel: each language has all of them, with the same values."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from grok_live_widget import doctor
from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.widget import catalogue
from grok_live_widget.widget.catalogue import LANGUAGES, check_language, texts_of
from grok_live_widget.widget.front_end import BUNDLES
from grok_live_widget.widget.page_checks import PAGE

OTHERS = LANGUAGES[1:]


def sections(language: str) -> dict[str, dict[str, Any]]:
    folder = Path(catalogue.__file__).parent / "texts"
    found: dict[str, dict[str, Any]] = json.loads((folder / f"{language}.json").read_text("utf-8"))
    return found


def forms_of(template: str | dict[str, str]) -> dict[str, str]:
    """The text of each plural category; `other` is there in every language."""
    return {"other": template} if isinstance(template, str) else template


def values_of(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w*)\}", text))


def test_english_is_the_first_language() -> None:
    assert LANGUAGES[0] == "en"
    check_language(None)
    check_language("en")
    with pytest.raises(ConfigurationError, match=r"^language must be one of None, 'en', "):
        check_language("tlh")


def test_each_section_belongs_to_a_bundle() -> None:
    assert set(sections("en")) <= {"panel", *BUNDLES}


def test_no_two_texts_of_the_panel_and_its_bundles_have_the_same_name() -> None:
    names = [name for section, texts in sections("en").items() for name in texts]
    assert sorted({name for name in names if names.count(name) > 1}) == ["direction"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_empty_and_each_has_the_form_for_other_counts(language: str) -> None:
    for texts in sections(language).values():
        for name, template in texts.items():
            forms = forms_of(template)
            assert all(text.strip() for text in forms.values()), name
            assert "other" in forms, name
            assert isinstance(template, str) or "{count}" in forms["other"] or len(forms) > 1


@pytest.mark.parametrize("language", OTHERS)
def test_each_language_has_the_texts_of_english_with_the_same_values(language: str) -> None:
    english, theirs = sections("en"), sections(language)
    assert list(theirs) == [*english, "kernel"]
    for section, texts in english.items():
        assert list(theirs[section]) == list(texts), section
        for name, template in texts.items():
            wanted, found = forms_of(template), forms_of(theirs[section][name])
            assert isinstance(theirs[section][name], type(template)), name
            assert values_of(found["other"]) == values_of(wanted["other"]), name


def test_a_section_has_all_languages_or_the_one_that_was_chosen() -> None:
    assert tuple(texts_of("panel", None)) == LANGUAGES
    assert tuple(texts_of("panel", "en")) == ("en",)


SAME = {
    "de": {
        *("direction", "start", "minutes", "seconds", "times", "percent", "caption", "announced"),
        *("place", "place_with_words", "level_dbfs", "key_name_escape", "key_name_tab"),
    },
}


@pytest.mark.parametrize("language", OTHERS)
def test_each_text_is_translated(language: str) -> None:
    english, theirs = sections("en"), sections(language)
    same = {
        name
        for section, texts in english.items()
        for name, template in texts.items()
        if theirs[section][name] == template
    }
    assert same == SAME[language]


def test_each_check_of_the_doctor_has_a_name_in_the_panel() -> None:
    checks = doctor(partner="parrot")
    names = {*PAGE, *(check.name for check in checks), "doctor"} - {"TCP", "TLS", "WebSocket"}
    keys = {f"check_{name.lower().replace(' ', '_')}" for name in names}
    others = {"check_again", "check_summary"}
    assert {
        key for key in texts_of("doctor", "en")["en"] if key.startswith("check_")
    } == keys | others
