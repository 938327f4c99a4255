"""What counts as the same words."""

from __future__ import annotations

import pytest

from grok_live_widget.rehearsal.scripts.matching import first_match, words_of


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("I'd like a COFFEE, please!", "coffee"),
        ("coffee", "Coffee!"),
        ("cafe", "café"),
        ("dont know", "don’t know"),
        ("2 of them", "two"),
        ("a table for twenty", "20"),
        ("a hot dark chocolate", "hot chocolate"),
        ("an expresso", "espresso"),
        ("two coffees", "coffee"),
        ("cofee", "coffee"),
        ("coffeee", "coffee"),
        ("我要一杯咖啡", "咖啡"),
        ("أريد القهوة", "قهوة"),
        ("STRASSE", "straße"),
    ],
)
def test_what_was_said_fulfils_an_expectation(said: str, expected: str) -> None:
    assert first_match(said, [expected]) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", "tea"),
        ("steam", "tea"),
        ("teas", "tea"),  # Shorter than five letters: no letter may differ.
        ("where", "there"),  # The first letter counts.
        ("coffin", "coffee"),  # Two letters differ.
        ("coffeeine", "coffee"),
        ("chocolate, hot", "hot chocolate"),
        ("21", "twenty"),
        ("咖", "咖啡"),
    ],
)
def test_what_was_said_is_something_else(said: str, expected: str) -> None:
    assert first_match(said, [expected]) is None


def test_the_first_alternative_that_was_said_counts_as_it_is_written() -> None:
    assert first_match("no hot chocolate, coffee", ["tea", "Coffee", "hot chocolate"]) == "Coffee"


def test_punctuation_alone_has_no_words() -> None:
    assert words_of("?! … —_") == ()
