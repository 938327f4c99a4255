"""Synthetic sound for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

RATE_HZ = 24_000
ONE_SECOND = np.zeros(RATE_HZ, np.int16)


def sine(
    duration_s: float = 1.0,
    frequency_hz: float = 440.0,
    *,
    rate_hz: int = RATE_HZ,
    amplitude: float = 0.25,
    fade_s: float = 0.0,
) -> np.ndarray:
    """A sine wave, which begins at phase 0, in float samples.

    Parameters
    ----------
    duration_s : float > 0 [s]
    frequency_hz : float > 0 [Hz]
    rate_hz : int > 0 [Hz]
    amplitude : 0 <= float <= 1
        As a part of full scale.
    fade_s : float >= 0 [s]
        Length of the linear fades at both ends, which prevent clicks.

    Returns
    -------
    np.ndarray of float32 [shape=(n,)]
    """
    times_s = np.arange(round(rate_hz * duration_s)) / rate_hz
    wave = amplitude * np.sin(2 * np.pi * frequency_hz * times_s)
    if fade_s:
        wave *= np.minimum(1, np.minimum(times_s, duration_s - times_s) / fade_s)
    return wave.astype(np.float32)


def tone(duration_s: float = 1.0, frequency_hz: float = 440.0, **options: Any) -> np.ndarray:
    """Return `sine` as int16."""
    return np.rint(sine(duration_s, frequency_hz, **options) * 32767).astype(np.int16)
