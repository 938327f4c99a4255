"""A quickly made dataclass is a dataclass."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from grok_live_widget.values import dataclass


def quick_and_standard(**options: Any) -> tuple[type, type]:
    def bare() -> type:
        class Word:
            a: int
            b: list[int] = dataclasses.field(default_factory=list)
            secret: str = dataclasses.field(default="", repr=False, compare=False)

        return Word

    return dataclass(**options)(bare()), dataclasses.dataclass(**options)(bare())


@pytest.mark.parametrize("is_kw_only", [False, True])
def test_a_quick_one_does_what_the_standard_one_does(is_kw_only: bool) -> None:
    for kind in quick_and_standard(frozen=True, slots=True, kw_only=is_kw_only):
        word = kind(a=1, b=[2], secret="s")
        assert word == kind(a=1, b=[2], secret="t")
        assert word != kind(a=2, b=[2], secret="s")
        assert word != (1, [2])
        assert repr(word).endswith("Word(a=1, b=[2])")
        assert dataclasses.replace(word, a=3) == kind(a=3, b=[2])
        assert dataclasses.astuple(word) == (1, [2], "s")
        assert not hasattr(word, "__dict__")
        with pytest.raises(TypeError, match="unhashable"):
            hash(word)
        with pytest.raises(dataclasses.FrozenInstanceError):
            word.a = 4
    quick, standard = quick_and_standard(frozen=True, slots=True)
    assert quick(1) != standard(1)
    assert repr(quick(1)) == repr(standard(1))
    assert hash(quick(1, (2,))) == hash(quick(1, (2,), "other")) == hash(standard(1, (2,)))
