"""Tracks: the sound of turns on one time axis."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from grok_live_widget.audio import AudioBuffer
from grok_live_widget.conversation import Clip, Tracks, Turn, tracks_of

RATE_HZ = 1000


def turn_of(role: Any, pcm: Any, *, rate_hz: int = RATE_HZ, **fields: Any) -> Turn:
    tape = AudioBuffer(len(pcm))
    tape.append(np.asarray(pcm, np.int16))
    turn = Turn(role, tape=tape, sample_rate=rate_hz)
    for name, value in fields.items():
        setattr(turn, name, value)
    return turn


def starts_of(tracks: Tracks) -> list[tuple[str, int, int]]:
    return [(each.turn.role, each.start, each.stop) for each in tracks.clips]


# --------------------------------------------------------------------------- places
def test_a_reply_lies_where_it_was_played_and_ends_where_it_was_no_longer_heard() -> None:
    user = turn_of("user", [1] * 500, started_s=1.0)
    reply = turn_of("assistant", [2] * 900, started_s=1.6, played_at_s=2.0, heard_sample_count=300)
    assert starts_of(tracks_of([user, reply])) == [
        ("user", 1000, 1500),
        ("assistant", 2000, 2300),
    ]


def test_turns_without_sound_have_no_place() -> None:
    typed = turn_of("user", [], started_s=1.0)
    unheard = turn_of("assistant", [1] * 10, played_at_s=2.0, heard_sample_count=0)
    tracks = tracks_of([typed, unheard])
    assert tracks.clips == ()
    assert (tracks.start, tracks.stop) == (0, 0)


def test_turns_of_two_rates_are_brought_to_the_higher_one() -> None:
    time_s = np.arange(8000) / 8000
    tone = np.rint(10_000 * np.sin(2 * np.pi * 440 * time_s))
    tracks = tracks_of(
        [
            turn_of("user", tone, rate_hz=8000, started_s=0.5),
            turn_of("assistant", [1] * 16_000, rate_hz=16_000, started_s=2.0),
        ]
    )
    assert tracks.sample_rate == 16_000
    assert starts_of(tracks) == [("user", 8000, 24_000), ("assistant", 32_000, 48_000)]
    spectrum = np.abs(np.fft.rfft(tracks.clips[0].pcm))
    assert spectrum.argmax() == 440, "of one second, so that a bin is a hertz"


def test_turns_at_the_common_rate_are_not_copied() -> None:
    turn = turn_of("user", [1, 2, 3], started_s=0.0)
    (clip,) = tracks_of([turn]).clips
    assert np.shares_memory(clip.pcm, turn.pcm)
    assert "pcm" not in repr(clip)


# --------------------------------------------------------------------------- tracks
@pytest.fixture
def tracks() -> Tracks:
    rng = np.random.default_rng(1)
    sounds = [rng.integers(-30_000, 30_000, n, dtype=np.int16) for n in (1000, 777, 1500)]
    turns = [
        turn_of("user", sounds[0]),
        turn_of("assistant", sounds[1]),
        turn_of("user", sounds[2]),
    ]
    starts = (130, 900, 2005)
    return Tracks(
        [Clip(turn, start, turn.pcm) for turn, start in zip(turns, starts, strict=True)],
        RATE_HZ,
    )


def whole(tracks: Tracks, role: str) -> NDArray[np.int16]:
    track = np.zeros(tracks.stop, np.int16)
    for each in tracks.clips:
        if each.turn.role == role:
            track[each.start : each.stop] = each.pcm
    return track


@pytest.mark.parametrize("role", ["user", "assistant"])
@pytest.mark.parametrize(("start", "stop"), [(0, 3505), (500, 1200), (1130, 2005), (3000, 3505)])
def test_a_part_of_a_track_is_that_part_of_the_whole_with_zeros_in_silence(
    tracks: Tracks, role: str, start: int, stop: int
) -> None:
    part = tracks.track(role, start, stop)
    np.testing.assert_array_equal(part, whole(tracks, role)[start:stop])
    assert tracks.has_sound(role, start, stop) == bool(part.any())


@pytest.mark.parametrize("column_samples", [1, 7, 100, 5000])
@pytest.mark.parametrize("start", [0, 250])
def test_the_envelope_has_the_extremes_of_each_column(
    tracks: Tracks, column_samples: int, start: int
) -> None:
    track = whole(tracks, "user")[start:]
    low, high = tracks.envelope("user", start, tracks.stop, column_samples)
    columns = [track[at : at + column_samples] for at in range(0, len(track), column_samples)]
    # Silence counts as 0, also beside a turn within a column.
    assert len(low) == len(columns)
    for index, column in enumerate(columns):
        assert low[index] == min(0, column.min())
        assert high[index] == max(0, column.max())
