"""What is written, and what is spoken instead."""

from __future__ import annotations

from itertools import pairwise

import pytest

from grok_live_widget.rehearsal.pronunciation import Pronunciation


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Use SQL, sql or Sql.", "Use sequel, sequel or sequel."),
        ("MySQL and SQLite", "MySQL and SQLite"),
        ("New York City, New York", "the city, the state"),
        ("C++ and C", "see plus plus and C"),
        ("nothing", "nothing"),
        ("", ""),
    ],
)
def test_whole_words_are_replaced_in_any_case_the_longest_first(written: str, spoken: str) -> None:
    replace = {
        "sql": "sequel",
        "New York": "the state",
        "new york city": "the city",
        "C++": "see plus plus",
    }
    assert Pronunciation(written, replace).spoken == spoken


def test_what_is_replaced_is_not_replaced_again() -> None:
    assert Pronunciation("a b", {"a": "b", "b": "a"}).spoken == "b a"


@pytest.mark.parametrize("cuts", [(0, 3, 9, 15, 19, 21), (0, 21), (0, 1, 5, 13, 20, 21)])
def test_the_written_pieces_joined_are_what_is_written(cuts: tuple[int, ...]) -> None:
    said = Pronunciation("Dr. Who is in", {"dr. who": "the good Doctor"})
    assert len(said.spoken) == 21
    pieces = [said.written(*pair) for pair in pairwise(cuts)]
    assert "".join(pieces) == "Dr. Who is in"


def test_what_is_replaced_belongs_to_its_first_word() -> None:
    said = Pronunciation("See Dr. Who now", {"Dr. Who": "the good Doctor"})
    starts = [said.spoken.index(word) for word in ("See", "the", "good", "Doctor", "now")]
    cuts = [*starts, len(said.spoken)]
    pieces = [said.written(*pair) for pair in pairwise(cuts)]
    assert pieces == ["See ", "Dr. Who", "", " ", "now"]
