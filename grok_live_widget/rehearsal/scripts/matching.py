"""Whether what was said is what a script expects; forgiving of speech recognition.

Case, punctuation, apostrophes and accents do not count, and digits up to twenty are the same as
their words. An expectation of several words is fulfilled by these words in this order, with any
others between them. A word of five letters or more may differ in one letter other than its
first: one that is changed, missing or additional. In writing whose letters have no case (Chinese,
Japanese, Thai, Arabic and others), where words may stand without spaces or with prefixes, the
expected characters need only occur together.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

NUMBERS = (
    *("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen"),
    *("sixteen", "seventeen", "eighteen", "nineteen", "twenty"),
)
"""The words of the numbers from one to twenty."""

FORGIVING_LETTER_COUNT = 5
"""From how many letters on a word may differ in one of them."""

_BY_DIGITS = {"0": "zero", **{str(number): word for number, word in enumerate(NUMBERS, 1)}}
_APOSTROPHES = re.compile("['\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}]")
_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> tuple[str, ...]:
    """The words of a text as they are compared."""
    decomposed = unicodedata.normalize("NFKD", _APOSTROPHES.sub("", text).casefold())
    plain = "".join(each for each in decomposed if not unicodedata.combining(each))
    return tuple(_BY_DIGITS.get(word, word) for word in _WORD.findall(plain))


def first_match(said: str, alternatives: Sequence[str]) -> str | None:
    """The first of the alternatives that occurs in what was said, as it is written; or None."""
    spoken = words_of(said)
    return next((each for each in alternatives if _occurs(words_of(each), spoken)), None)


def _occurs(expected: tuple[str, ...], spoken: tuple[str, ...]) -> bool:
    if any(map(_has_no_case, expected)):
        return "".join(expected) in "".join(spoken)
    remaining = iter(spoken)
    # `any` takes words from the iterator up to the one that matches: the order counts.
    return all(any(_is_same(word, each) for each in remaining) for word in expected)


def _has_no_case(word: str) -> bool:
    """Whether a word has a letter that is neither upper nor lower case."""
    return any(unicodedata.category(each) == "Lo" for each in word)


def _is_same(expected: str, spoken: str) -> bool:
    if expected == spoken:
        return True
    shorter, longer = sorted((expected, spoken), key=len)
    is_long = len(expected) >= FORGIVING_LETTER_COUNT
    if not is_long or len(longer) - len(shorter) > 1 or shorter[0] != longer[0]:
        return False
    same = next(
        (i for i, (a, b) in enumerate(zip(shorter, longer, strict=False)) if a != b), len(shorter)
    )
    is_changed = len(shorter) == len(longer)
    return shorter[same + is_changed :] == longer[same + 1 :]
