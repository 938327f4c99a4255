"""Samples kept and forgotten."""

from __future__ import annotations

import numpy as np

from grok_live_widget.rehearsal.samples import ROOM_SAMPLES, SampleMemory


def remembered(*lengths: int) -> tuple[SampleMemory, np.ndarray]:
    memory, sound = SampleMemory(), np.arange(sum(lengths)).astype(np.int16)
    for piece in np.split(sound, np.cumsum(lengths)[:-1]):
        memory.append(piece)
    return memory, sound


def test_a_stretch_is_where_it_was_however_it_came() -> None:
    memory, sound = remembered(1, ROOM_SAMPLES - 2, 5, 3 * ROOM_SAMPLES, 7)
    assert memory.end == sound.size
    for start, end in ((0, 10), (ROOM_SAMPLES - 3, ROOM_SAMPLES + 9), (0, sound.size)):
        np.testing.assert_array_equal(memory.cut(start, end), sound[start:end])


def test_what_is_forgotten_is_not_cut_and_all_else_stays_in_its_place() -> None:
    memory, sound = remembered(ROOM_SAMPLES)
    memory.forget_before(1_000)
    memory.append(sound)
    np.testing.assert_array_equal(memory.cut(0, 1_010), sound[1_000:1_010])
    np.testing.assert_array_equal(memory.cut(ROOM_SAMPLES, ROOM_SAMPLES + 5), sound[:5])


def test_what_was_forgotten_does_not_come_back() -> None:
    memory, _ = remembered(100)
    memory.forget_before(50)
    memory.forget_before(10)
    assert memory.begin == 50
    memory.forget_before(1_000)
    assert memory.begin == memory.end == 100


def test_a_stretch_is_a_copy() -> None:
    memory, sound = remembered(100)
    cut = memory.cut(0, 100)
    memory.forget_before(100)
    memory.append(np.zeros(2 * ROOM_SAMPLES, np.int16))
    np.testing.assert_array_equal(cut, sound)
