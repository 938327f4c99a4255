"""Images of fixed size show sound at its time, its height and its frequency."""

from __future__ import annotations

import numpy as np
import pytest

from grok_live_widget.conversation import Turns, placements_of
from grok_live_widget.plots.rasters import (
    COLUMNS,
    LANE_ROWS,
    ROWS,
    Window,
    level_image,
    sound_in,
    spectrogram_image,
    timeline_image,
    waveform_image,
)

from ..support.sound import RATE_HZ, tone
from ..support.turns import turn_of

COLORS = ((1, 2, 3), (4, 5, 6))
SILENCE = np.zeros((COLUMNS, 500, 2), np.int16)
# Ten seconds in columns of a 48th second.
COLUMN_S = 10 / COLUMNS


def window_until(until_s: float) -> Window:
    return Window(end_column=round(until_s / COLUMN_S), column_s=COLUMN_S)


def test_a_window_has_the_sound_of_its_columns(talk: Turns) -> None:
    window = window_until(8.0)
    assert (window.since_s, window.until_s) == pytest.approx((-2, 8))
    sound = sound_in(placements_of(list(talk)), window, 16_000)
    # A column of a 48th second has 333 samples.
    assert sound.shape == (COLUMNS, 333, 2)
    is_loud = (np.abs(sound) > 500).any(axis=1)
    columns = [np.flatnonzero(is_loud[:, side]) for side in (0, 1)]
    user_s, reply_s = (each * COLUMN_S + window.since_s for each in columns)
    assert user_s.min() == pytest.approx(1.1, abs=0.1)
    assert (reply_s.min(), reply_s.max()) == pytest.approx((3.5, 8.0), abs=0.15)


def test_sound_stays_in_its_column_while_the_window_moves(talk: Turns) -> None:
    placements = placements_of(list(talk))
    before, after = (
        sound_in(placements, Window(end_column=end, column_s=COLUMN_S), 16_000)
        for end in (400, 407)
    )
    assert np.array_equal(before[7:], after[:-7])


def test_before_the_talk_there_is_silence() -> None:
    reply = turn_of(np.ones(RATE_HZ))
    sound = sound_in(placements_of([reply]), window_until(1.0), RATE_HZ)
    assert not sound[:-48].any()
    assert (sound[-48:, :, 1] == 1).all()
    assert not sound_in([], window_until(0.0), RATE_HZ).any()


def test_sound_that_was_dropped_is_silent() -> None:
    reply = turn_of(np.ones(RATE_HZ))
    reply._tape.drop_before(RATE_HZ // 2)
    assert not sound_in(placements_of([reply]), window_until(1.0), RATE_HZ).any()


def test_a_waveform_reaches_as_high_as_its_samples() -> None:
    sound = SILENCE.copy()
    sound[100, ::2, 0], sound[100, 1::2, 0] = 16_384, -16_384
    image = waveform_image(sound, COLORS)
    assert image.shape == (ROWS, COLUMNS, 4)
    rows, columns = np.nonzero(image[:, :, 3])
    assert set(columns) == {100}
    # Half of full scale, in the upper lane.
    assert rows.min() == pytest.approx(LANE_ROWS * 0.25, abs=1)
    assert rows.max() == pytest.approx(LANE_ROWS * 0.75, abs=1)
    assert image[rows[0], 100].tolist() == [1, 2, 3, 255]


def test_a_level_is_as_high_as_its_decibels() -> None:
    sound = SILENCE.copy()
    sound[200, :, 1] = 3277  # -20 dBFS of a scale from -60 to 0.
    image = level_image(sound, COLORS)
    rows, columns = np.nonzero(image[:, :, 3])
    assert set(columns) == {200}
    assert len(rows) == pytest.approx(LANE_ROWS * 2 / 3, abs=1)
    assert rows.max() == ROWS - 1
    assert image[-1, 200].tolist() == [4, 5, 6, 255]


def test_a_tone_is_at_its_frequency_and_time() -> None:
    sound = SILENCE.copy()
    sound[240:360, :, 0] = tone(2.5, 2_000).reshape(120, 500)
    shades = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 4, axis=1)
    image = spectrogram_image(sound, RATE_HZ, shades)[:, :, 0]
    assert image[:, 300].argmax() == pytest.approx(ROWS * (1 - 2_000 / 8_000), abs=2)
    loud = np.flatnonzero(image.max(axis=0) > 200)
    assert (loud.min(), loud.max()) == pytest.approx((240, 359), abs=1)


def test_beyond_half_of_the_rate_there_is_nothing() -> None:
    shades = np.full((256, 4), 255, np.uint8)
    image = spectrogram_image(SILENCE[:, :167], 8_000, shades)
    assert not image[: ROWS // 2 - 2].any()
    assert image[ROWS // 2 + 2 :].all()


def test_a_timeline_has_both_lanes_and_what_was_not_heard_is_paler(talk: Turns) -> None:
    image = timeline_image(placements_of(list(talk)), 30.0, COLORS)
    lanes = image[LANE_ROWS // 2, :, 3], image[LANE_ROWS + LANE_ROWS // 2, :, 3]
    user_s, reply_s = (np.flatnonzero(lane) * 30 / COLUMNS for lane in lanes)
    assert user_s.min() == pytest.approx(1.1, abs=0.07)
    assert reply_s.min() == pytest.approx(3.45, abs=0.07)
    assert reply_s.max() == pytest.approx(15.3, abs=0.07)
    unheard_s = np.flatnonzero(lanes[1] == 90) * 30 / COLUMNS
    assert (unheard_s.min(), unheard_s.max()) == pytest.approx((5.1, 5.95), abs=0.13)
