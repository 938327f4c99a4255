"""What is written, and what is spoken instead: any case, whole words, the longest first."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["Pronunciation"]


class _Stretch(NamedTuple):
    """A piece of the text, from where to where it is spoken and written."""

    spoken_begin: int
    spoken_end: int
    written_begin: int
    written_end: int
    is_replaced: bool


class Pronunciation:
    """A text as it is spoken, and which character of the written text is said when.

    Parameters
    ----------
    written : str
    replace : Mapping
        What is written, and how it is spoken instead.

    Attributes
    ----------
    spoken : str
    """

    def __init__(self, written: str, replace: Mapping[str, str]) -> None:
        self._written = written
        self._stretches: list[_Stretch] = []
        self.spoken = ""
        spoken_as = {each.lower(): said for each, said in replace.items()}
        done = 0
        for match in _found(written, spoken_as):
            self._add(done, match.start(), written[done : match.start()])
            said = spoken_as.get(match[0].lower(), match[0])
            self._add(match.start(), match.end(), said, is_replaced=True)
            done = match.end()
        self._add(done, len(written), written[done:])

    def _add(self, begin: int, end: int, said: str, *, is_replaced: bool = False) -> None:
        spoken_begin, self.spoken = len(self.spoken), self.spoken + said
        stretch = _Stretch(spoken_begin, len(self.spoken), begin, end, is_replaced)
        self._stretches.append(stretch)

    def written(self, begin: int, end: int) -> str:
        """What is written of the spoken characters from `begin` to `end`.

        What is replaced belongs to its first word.
        """
        return self._written[self._written_from(begin) : self._written_from(end)]

    def _written_from(self, spoken: int) -> int:
        for stretch in self._stretches:
            if spoken <= stretch.spoken_begin:
                return stretch.written_begin
            if spoken < stretch.spoken_end:
                if stretch.is_replaced:
                    return stretch.written_end
                return stretch.written_begin + spoken - stretch.spoken_begin
        return len(self._written)


def _found(written: str, spoken_as: Mapping[str, str]) -> list[re.Match[str]]:
    if not spoken_as:
        return []
    longest_first = sorted(spoken_as, key=len, reverse=True)
    words = "|".join(map(re.escape, longest_first))
    return list(re.finditer(rf"(?<!\w)(?:{words})(?!\w)", written, re.IGNORECASE))
