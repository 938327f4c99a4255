"""The sound of a talk from a place on: what is mixed, and where it ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from grok_live_widget.audio import SAMPLE_RATE_HZ, AudioBuffer
from grok_live_widget.conversation import Turn
from grok_live_widget.exceptions import AudioDropped
from grok_live_widget.widget.talk_sound import MOST_SILENCE_S, TalkSound, sound_from

from ..support.sound import tone


def turn_of(role: Any, started_s: float, pcm: Any, **fields: Any) -> Turn:
    tape = AudioBuffer(max(1, len(pcm)))
    tape.append(np.asarray(pcm, np.int16))
    turn = Turn(role, tape=tape)
    values = {"started_s": started_s, "is_complete": True}
    if role == "assistant":
        values |= {"played_at_s": started_s, "heard_sample_count": len(pcm)}
    for name, value in (values | fields).items():
        setattr(turn, name, value)
    return turn


def counting(seconds: float, first: int = 1) -> NDArray[np.int16]:
    return np.arange(first, first + round(seconds * SAMPLE_RATE_HZ)).astype(np.int16)


def sound_at(turns: list[Turn], at_s: float) -> TalkSound:
    sound = sound_from(turns, at_s)
    assert sound is not None
    return sound


def all_of(sound: TalkSound, step: int = 7_000) -> NDArray[np.int16]:
    starts = range(0, sound.sample_count, step)
    return np.concatenate([sound.read(start, start + step) for start in starts])


def test_it_begins_with_the_very_sample_of_its_place_and_has_silence_between_turns() -> None:
    user, reply = counting(1), counting(1, 30_000)
    turns = [turn_of("user", 1.0, user), turn_of("assistant", 2.5, reply)]
    sound = sound_at(turns, 1.25)
    assert (sound.start_s, sound.end_s, sound.sample_count) == (1.25, 3.5, 54_000)
    expected = np.concatenate([user[6_000:], np.zeros(12_000, np.int16), reply])
    np.testing.assert_array_equal(all_of(sound), expected)


def test_both_sides_are_mixed_and_clipped_where_they_overlap() -> None:
    reply = turn_of("assistant", 0.0, np.full(24_000, 30_000))
    user = turn_of("user", 0.5, np.full(24_000, 10_000))
    mixed = all_of(sound_at([reply, user], 0.0))
    assert (mixed[11_999], mixed[12_000], mixed[24_000]) == (30_000, 32_767, 10_000)


def test_what_was_not_heard_of_a_reply_is_not_played() -> None:
    reply = turn_of("assistant", 0.0, counting(2), was_interrupted=True, heard_sample_count=24_000)
    assert sound_at([reply], 0.0).sample_count == 24_000
    assert sound_from([reply], 1.0) is None


def test_a_long_silence_ends_a_stretch_and_the_next_begins_with_sound() -> None:
    pause_s = MOST_SILENCE_S + 0.5
    turns = [turn_of("user", 1.0, counting(1)), turn_of("user", 2.0 + pause_s, counting(1))]
    first = sound_at(turns, 0.5)
    assert (first.start_s, first.end_s) == (0.5, 2.0), "a short silence before it is kept"
    second = sound_at(turns, first.end_s)
    assert (second.start_s, second.end_s) == (2.0 + pause_s, 3.0 + pause_s)
    assert sound_from(turns, second.end_s) is None


def test_a_turn_that_is_being_spoken_is_not_part_of_it() -> None:
    turns = [turn_of("user", 0.0, counting(1)), turn_of("user", 1.5, counting(1))]
    turns[1].is_complete = False
    assert sound_at(turns, 0.0).end_s == 1.0
    assert sound_from(turns, 1.2) is None


def test_sound_of_another_rate_is_brought_to_the_channels() -> None:
    time_s = np.arange(8_000) / 8_000
    pcm = np.rint(10_000 * np.sin(2 * np.pi * 440 * time_s)).astype(np.int16)
    sound = sound_at([turn_of("user", 0.0, pcm, sample_rate=8_000)], 0.0)
    assert sound.sample_count == SAMPLE_RATE_HZ
    assert np.abs(np.fft.rfft(all_of(sound))).argmax() == 440


def test_the_turn_at_a_sample_is_the_one_that_began_last() -> None:
    user, reply = turn_of("user", 1.0, tone(1.0)), turn_of("assistant", 2.5, tone(1.0))
    sound = sound_at([user, reply], 0.5)
    places = (0, 12_000, 40_000, 48_000, 71_999)
    assert [sound.turn_at(place) for place in places] == [user, user, user, reply, reply]


def test_sound_that_is_not_kept_any_more_is_refused() -> None:
    turn = turn_of("user", 0.0, tone(1.0))
    turn._tape.drop_before(24_000)
    with pytest.raises(AudioDropped, match="not kept in memory any more"):
        sound_from([turn], 0.0)


def test_sound_that_is_dropped_while_it_is_played_is_silence() -> None:
    user, reply = turn_of("user", 0.0, counting(1)), turn_of("assistant", 1.0, counting(1))
    sound = sound_at([user, reply], 0.0)
    reply._tape.drop_before(24_000)
    mixed = all_of(sound)
    assert mixed[:24_000].any()
    assert not mixed[24_000:].any()
