"""When turns sounded, and the sound of both sides on one clock."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grok_live_widget.conversation import Turn, Turns
from grok_live_widget.conversation.placement import mixed, placements_of, sound_of, whole_ends_s

from ..support.turns import turn_of

RATE_HZ = 1000


def spoken(started_s: float, duration_s: float, value: int = 1) -> Turn:
    return with_times(turn_of([value] * round(duration_s * RATE_HZ), "user", **RATE), started_s)


def reply(
    started_s: float,
    duration_s: float,
    *,
    played_at_s: float | None = None,
    heard_s: float | None = None,
    value: int = 2,
) -> Turn:
    turn = with_times(turn_of([value] * round(duration_s * RATE_HZ), **RATE), started_s)
    turn.played_at_s = played_at_s
    if played_at_s is not None:
        turn.heard_sample_count = round((duration_s if heard_s is None else heard_s) * RATE_HZ)
    return turn


RATE: Any = {"sample_rate": RATE_HZ}


def with_times(turn: Turn, started_s: float) -> Turn:
    turn.started_s = started_s
    return turn


def times_of(*turns: Turn) -> list[tuple[float, float]]:
    return [(round(each.start_s, 6), round(each.end_s, 6)) for each in placements_of(turns)]


def test_turns_are_where_they_were_spoken_and_where_they_were_played() -> None:
    turns = spoken(1, 2), reply(3.5, 4, played_at_s=4), spoken(9, 1)
    assert times_of(*turns) == [(1, 3), (4, 8), (9, 10)]


def test_only_what_was_heard_of_a_reply_sounded() -> None:
    cut = reply(1, 10, played_at_s=2, heard_s=3)
    assert times_of(cut, reply(8, 1, played_at_s=8)) == [(2, 5), (8, 9)]
    assert placements_of([cut])[0].sample_count == 3 * RATE_HZ


def test_speech_that_interrupts_overlaps_what_it_interrupts() -> None:
    turns = reply(0, 9, played_at_s=1, heard_s=4.5), spoken(5, 2), reply(7.5, 1, played_at_s=8)
    assert times_of(*turns) == [(1, 5.5), (5, 7), (8, 9)]


def test_replies_that_nothing_played_follow_one_another() -> None:
    turns = spoken(1, 0), reply(1.1, 4), spoken(2, 0), reply(2.1, 3), spoken(20, 1)
    assert times_of(*turns) == [(1, 1), (1.1, 5.1), (5.1, 5.1), (5.1, 8.1), (20, 21)]


def test_sound_that_was_sent_at_once_takes_as_long_as_it_is() -> None:
    turns = spoken(1, 3), reply(1.2, 2, played_at_s=1.5), spoken(2.5, 1), reply(3, 1, played_at_s=9)
    # The second question interrupted the reply after one second of it, and still does.
    assert times_of(*turns) == [(1, 4), (4, 6), (5, 6), (9, 10)]


def test_two_turns_of_one_side_never_overlap() -> None:
    turns = spoken(1, 2), spoken(1.5, 1), reply(2, 3), reply(2.5, 1)
    assert times_of(*turns) == [(1, 3), (3, 4), (4, 7), (7, 8)]


def test_a_reply_that_was_interrupted_before_it_sounded_takes_no_time() -> None:
    cut = reply(1.1, 4)
    cut.was_interrupted, cut.heard_sample_count = True, 0
    assert times_of(spoken(1, 0), cut, spoken(2, 1)) == [(1, 1), (1.1, 1.1), (2, 3)]


def test_calls_move_with_their_reply_or_with_the_question_if_that_moves_farther() -> None:
    # The second question is at 5.1 s, which is 3.1 s later; the last ones are where they were.
    turns = [spoken(1, 0), reply(1.1, 4), spoken(2, 0), reply(3.5, 3), spoken(20, 1), reply(21, 1)]
    moved_s = [round(each.calls_moved_s, 6) for each in placements_of(turns)]
    assert moved_s == [0, 0, 3.1, 3.1, 0, 0]


def test_what_was_not_heard_would_have_ended_before_the_next_turn_of_its_side() -> None:
    cut = reply(1, 10, played_at_s=2, heard_s=3)
    assert whole_ends_s(placements_of([cut, spoken(5, 1)])) == [12, 6]
    assert whole_ends_s(placements_of([cut, spoken(5, 1), reply(8, 9)])) == [8, 6, 17]


def test_a_selection_is_placed_as_a_part_of_its_talk() -> None:
    turns = Turns()
    for turn in (spoken(1, 0), reply(1.1, 4), spoken(2, 1)):
        turns._add(turn)
    for selection in (turns[1:], turns[1:][-1:], turns.filter(role="user"), turns.user[-1:]):
        last = placements_of(selection)[-1]
        assert (last.turn, last.start_s) == (turns[2], 5.1)


def test_the_user_is_on_the_left_and_the_reply_on_the_right() -> None:
    turns = [spoken(0.5, 1), reply(1, 2, played_at_s=1)]
    turns[1].heard_sample_count = 500
    [sound] = list(sound_of(placements_of(turns), RATE_HZ, 0.25, 2))
    assert sound.dtype == np.int16
    assert sound.shape == (1750, 2)
    expected = np.zeros((1750, 2), np.int16)
    expected[250:1250, 0], expected[750 + 0 : 1250, 1] = 1, 0
    expected[1250:1750, 1] = 2
    # The reply begins when the user has ended, since the user did not interrupt it.
    assert np.array_equal(sound, expected)


def test_blocks_are_one_continuous_sound() -> None:
    ramp = np.arange(150 * 100, dtype=np.int16)
    turn = with_times(turn_of(ramp, "user", sample_rate=100), 2.0)
    blocks = list(sound_of(placements_of([turn]), 100, 0, 152))
    assert [len(block) for block in blocks] == [6000, 6000, 3200]
    assert np.array_equal(np.concatenate(blocks)[200:, 0], ramp)


def test_a_turn_of_another_rate_is_resampled_as_a_whole() -> None:
    time_s = np.arange(16_000 * 70) / 16_000
    tone = np.rint(10_000 * np.sin(2 * np.pi * 440 * time_s)).astype(np.int16)
    turn = turn_of(tone, sample_rate=16_000)
    sound = np.concatenate(list(sound_of(placements_of([turn]), 24_000, 0, 70)))[:, 1]
    expected = 10_000 * np.sin(2 * np.pi * 440 * np.arange(len(sound)) / 24_000)
    inner = slice(2_400, -2_400)
    assert np.sqrt(np.mean((sound[inner] - expected[inner]) ** 2)) < 2


def test_both_sides_mixed_are_clipped_and_never_wrap() -> None:
    sound = np.array([[1, 2], [32767, 1], [-32768, -32768]], np.int16)
    assert mixed(sound).tolist() == [3, 32767, -32768]


@pytest.mark.parametrize("turns", [[], [spoken(3, 0)]])
def test_without_sound_there_are_no_blocks(turns: list[Turn]) -> None:
    assert list(sound_of(placements_of(turns), RATE_HZ, 0, 0)) == []
