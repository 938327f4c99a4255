"""Images of a talk as it goes on: a fixed number of columns, made anew for each moment.

matplotlib draws an image of fixed size in a millisecond, and lines or bars in many.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .. import audio
from .._structs import Value
from ..conversation import Placement, sound_of, whole_ends_s
from ..exceptions import AudioDropped

Image = NDArray[np.uint8]

COLUMNS = 480
ROWS = 160
LANE_ROWS = ROWS // 2
# The lowest level that is shown, and the range of a spectrogram.
FLOOR_DBFS = -60.0
SPECTRUM_DBFS = (-100.0, -20.0)
SPECTRUM_HZ = 8_000
_N_FFT = 512


class Window(Value, frozen=True, kw_only=True):
    """A stretch of a talk, in columns of equal length.

    Parameters
    ----------
    end_column : int
        The first column that is not in it. Columns are counted from the talk's first event, so
        that sound does not change its column while the window moves.
    column_s : float [s]
    """

    end_column: int
    column_s: float

    @property
    def since_s(self) -> float:
        """When it begins [s]; negative in the first moments of a talk."""
        return (self.end_column - COLUMNS) * self.column_s

    @property
    def until_s(self) -> float:
        """When it ends [s]."""
        return self.end_column * self.column_s


def sound_in(placements: Sequence[Placement], window: Window, rate_hz: int) -> NDArray[np.int16]:
    """The sound of both sides: ``ndarray of int16 [shape=(480, samples of a column, 2)]``."""
    size = max(1, round(window.column_s * rate_hz))
    out = np.zeros((COLUMNS * size, 2), np.int16)
    until_s = window.end_column * size / rate_hz
    since_s = max(0.0, until_s - len(out) / rate_hz)
    near = [each for each in placements if since_s < each.end_s and each.start_s < until_s]
    blocks = list(sound_of([each for each in near if _is_kept(each)], rate_hz, since_s, until_s))
    sound = np.concatenate(blocks)[-len(out) :] if blocks else out[:0]
    out[len(out) - len(sound) :] = sound
    return out.reshape(COLUMNS, size, 2)


def _is_kept(placement: Placement) -> bool:
    """Whether the samples of a turn can be read: a talk may keep the last minutes only."""
    try:
        return len(placement.turn.pcm) > 0
    except AudioDropped:
        return False


def waveform_image(sound: NDArray[np.int16], colors: Sequence[Sequence[int]]) -> Image:
    """The waveforms of both sides, the user's above.

    Parameters
    ----------
    sound : ndarray of int16 [shape=(480, n, 2)]
    colors : two of (red, green, blue), 0 to 255

    Returns
    -------
    ndarray of uint8 [shape=(160, 480, 4)]
        Transparent where there is no sound; the first row is at the top.
    """
    image = np.zeros((ROWS, COLUMNS, 4), np.uint8)
    # The amplitude at the middle of each row.
    heights = (1 - (2 * np.arange(LANE_ROWS) + 1) / LANE_ROWS)[:, None]
    half_row = 1 / LANE_ROWS
    for side, color in enumerate(colors):
        low = sound[:, :, side].min(axis=1) / 32768
        high = sound[:, :, side].max(axis=1) / 32768
        is_filled = (heights >= low - half_row) & (heights <= high + half_row)
        is_filled &= (high > low) | (high != 0)
        _lane(image, side)[is_filled] = (*color, 255)
    return image


def level_image(sound: NDArray[np.int16], colors: Sequence[Sequence[int]]) -> Image:
    """The levels of both sides as bars, the user's above; arguments as of `waveform_image`."""
    image = np.zeros((ROWS, COLUMNS, 4), np.uint8)
    heights = (1 - (np.arange(LANE_ROWS) + 0.5) / LANE_ROWS)[:, None]
    for side, color in enumerate(colors):
        scaled = sound[:, :, side] * np.float32(1 / 32768)
        power = np.maximum(np.square(scaled).mean(axis=1), 1e-12)
        filled = 1 - 10 * np.log10(power) / FLOOR_DBFS
        _lane(image, side)[heights <= filled] = (*color, 255)
    return image


def spectrogram_image(sound: NDArray[np.int16], rate_hz: int, colors: Image) -> Image:
    """The spectrogram of both sides together.

    Parameters
    ----------
    sound : ndarray of int16 [shape=(480, n, 2)]
    rate_hz : int [Hz]
    colors : ndarray of uint8 [shape=(256, 4)]
        From soft to loud.

    Returns
    -------
    ndarray of uint8 [shape=(160, 480, 4)]
        The first row is `SPECTRUM_HZ`, the last one 0 Hz.
    """
    total = sound[:, :, 0].astype(np.int32) + sound[:, :, 1]
    mixed = total.clip(-32768, 32767).astype(np.int16)
    hop = mixed.shape[1]
    levels = np.empty((COLUMNS, 1 + _N_FFT // 2), np.float32)
    # A frame in the middle of each column.
    shifted = np.concatenate([mixed.ravel()[hop // 2 :], np.zeros(hop // 2, np.int16)])
    for first, power in audio.power_blocks(shifted, n_fft=_N_FFT, hop=hop):
        part = levels[first : first + len(power)]
        part[:] = audio.db_from_power(power * np.float32((4 / _N_FFT) ** 2))[: len(part)]
    low, high = SPECTRUM_DBFS
    rows_hz = (1 - (np.arange(ROWS) + 0.5) / ROWS) * SPECTRUM_HZ
    bins = np.rint(rows_hz * _N_FFT / rate_hz).astype(int)
    shades = ((levels - low) * (255 / (high - low))).clip(0, 255).astype(np.uint8)
    # Beyond half of the sample rate there is nothing.
    out: Image = colors[shades[:, np.minimum(bins, _N_FFT // 2)].T]
    out[bins > _N_FFT // 2] = 0
    return out


def timeline_image(
    placements: Sequence[Placement], length_s: float, colors: Sequence[Sequence[int]]
) -> Image:
    """When each side was heard, from the talk's first event to `length_s`; the user's above.

    What of a reply has not been heard is paler.
    """
    image = np.zeros((ROWS, COLUMNS, 4), np.uint8)
    margin = LANE_ROWS // 5
    for each, whole_end_s in zip(placements, whole_ends_s(placements), strict=True):
        side = 0 if each.turn.role == "user" else 1
        lane = _lane(image, side)[margin:-margin]
        for start_s, end_s, alpha in (
            (each.end_s, whole_end_s, 90),
            (each.start_s, each.end_s, 255),
        ):
            if end_s > start_s:
                first = int(start_s / length_s * COLUMNS)
                last = max(first + 1, round(end_s / length_s * COLUMNS))
                lane[:, first:last] = (*colors[side], alpha)
    return image


def _lane(image: Image, side: int) -> Image:
    return image[side * LANE_ROWS : (side + 1) * LANE_ROWS]
