"""Whatever the rate of a turn, the lane has its sound whole, and its counts come back exact."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_live_widget.audio.buffer import AudioBuffer
from grok_live_widget.conversation.turns import Turn
from grok_live_widget.settings.settings import PCM_RATES_HZ
from grok_live_widget.widget.channel_rates import LANE_RATE_HZ, ConvertedSound, sound_from

OTHER_RATES_HZ = [rate_hz for rate_hz in PCM_RATES_HZ if rate_hz != LANE_RATE_HZ]
ENOUGH = 9_600


def turn_of(rate_hz: int, pcm: np.ndarray, *, is_complete: bool = True) -> Turn:
    turn = Turn("assistant", tape=AudioBuffer(), sample_rate=rate_hz)
    turn._tape.append(pcm)
    if is_complete:
        turn._end(None)
    return turn


def tone(rate_hz: int, duration_s: float, frequency_hz: float = 440) -> np.ndarray:
    time_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    return np.rint(10_000 * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.int16)


def all_of(sound: ConvertedSound, piece: int = ENOUGH) -> np.ndarray:
    """What can be taken, in messages of at most `piece` samples."""
    taken = b""
    while count := min(sound.waiting_samples(piece), piece):
        taken += sound.take(count)
    return np.frombuffer(taken, np.int16)


def test_sound_of_the_lane_s_own_rate_passes_bit_for_bit_and_counts_as_it_is() -> None:
    pcm = np.random.default_rng(0).integers(-32_768, 32_768, 50_000).astype(np.int16)
    sound = sound_from(turn_of(LANE_RATE_HZ, pcm), 1_000)
    assert not isinstance(sound, ConvertedSound)
    assert sound.waiting_samples(ENOUGH) == 49_000
    assert sound.take(7) == pcm[1_000:1_007].tobytes()
    assert all_of(sound).tolist() == pcm[1_007:].tolist()
    assert [sound.turn_position(count) for count in (0, 1, 49_000)] == [1_000, 1_001, 50_000]


@pytest.mark.parametrize("rate_hz", OTHER_RATES_HZ)
@pytest.mark.parametrize("piece", [ENOUGH, 977])
def test_a_tone_keeps_its_pitch_its_level_and_its_length(rate_hz: int, piece: int) -> None:
    heard = all_of(sound_from(turn_of(rate_hz, tone(rate_hz, 2.0)), 0), piece)
    assert len(heard) == 2 * LANE_RATE_HZ
    # The edges are a step, of which every resampler makes a little more.
    ideal, edge = tone(LANE_RATE_HZ, 2.0), 240
    assert np.abs(heard - ideal.astype(np.int32))[edge:-edge].max() <= 3


@pytest.mark.parametrize("rate_hz", OTHER_RATES_HZ)
def test_however_it_comes_and_is_taken_it_is_the_same_sound(rate_hz: int) -> None:
    rng = np.random.default_rng(rate_hz)
    pcm = rng.integers(-9_000, 9_000, 2 * rate_hz + 77).astype(np.int16)
    at_once = all_of(sound_from(turn_of(rate_hz, pcm), 0))
    turn = turn_of(rate_hz, pcm[:0], is_complete=False)
    sound, heard = sound_from(turn, 0), []
    for part in np.split(pcm, np.sort(rng.integers(0, len(pcm), 30))):
        turn._tape.append(part)
        heard.append(all_of(sound, 1_234))
    turn._end(None)
    heard.append(all_of(sound))
    assert np.concatenate(heard).tolist() == at_once.tolist()
    assert abs(len(at_once) - len(pcm) * LANE_RATE_HZ / rate_hz) <= 1


def test_no_more_is_converted_than_it_takes_to_tell_that_there_is_enough() -> None:
    sound = sound_from(turn_of(48_000, tone(48_000, 60)), 0)
    assert ENOUGH < sound.waiting_samples(ENOUGH) < 2 * ENOUGH


@pytest.mark.parametrize("rate_hz", OTHER_RATES_HZ)
def test_a_turn_without_sound_has_an_end_all_the_same(rate_hz: int) -> None:
    sound = sound_from(turn_of(rate_hz, tone(rate_hz, 0.0)), 0)
    assert sound.waiting_samples(ENOUGH) == 0
    assert sound.take(0) == b""
    assert sound.turn_position(0) == 0


# --------------------------------------------------------------------------- counts
@given(
    rate_hz=st.sampled_from(PCM_RATES_HZ),
    lengths=st.lists(st.integers(1, 3_000), min_size=1, max_size=4),
    base=st.integers(0, 1),
)
@settings(max_examples=60, deadline=None)
def test_positions_only_grow_and_every_end_is_the_turn_s_end(
    rate_hz: int, lengths: list[int], base: int
) -> None:
    """A turn that goes on after its end is two stretches, or more."""
    turn = turn_of(rate_hz, np.zeros(base, np.int16))
    sound, taken = sound_from(turn, base), 0
    ends = [(0, base)]
    for length in lengths:
        turn._reopen()
        turn._tape.append(np.zeros(length, np.int16))
        turn._end(None)
        taken += len(all_of(sound))
        ends.append((taken, len(turn.pcm)))
    positions = [sound.turn_position(count) for count in range(taken + 1)]
    assert [positions[count] for count, _ in ends] == [position for _, position in ends]
    assert np.all(np.diff(positions) >= 0)
    # In between it is as far in the turn as it is in the lane, by the clock.
    for (first, begun), (last, _) in itertools.pairwise(ends):
        count = np.arange(first, last)
        ideal = begun + (count - first) * rate_hz / LANE_RATE_HZ
        assert np.all(np.abs(np.array(positions)[first:last] - ideal) <= 1)


def test_a_reply_that_still_grows_is_counted_no_further_than_it_has_come() -> None:
    turn = turn_of(16_000, tone(16_000, 1.0), is_complete=False)
    sound = sound_from(turn, 0)
    taken = len(all_of(sound))
    assert 0.9 * LANE_RATE_HZ < taken < LANE_RATE_HZ, "the filter still holds some"
    assert sound.turn_position(taken) == taken * 2 // 3
    assert sound.turn_position(10**9) == 16_000
