"""Sources of cells that several tests run."""

from __future__ import annotations

__all__ = ["NOISE", "PLAIN", "RATE_OF_C"]

NOISE = """
import numpy as np
from grok_live_widget import GrokLive

# No two stretches of noise are alike; below 8 kHz every resampler passes it.
def noise(duration_s):
    count = int(duration_s * 24_000)
    spectrum = np.fft.rfft(np.random.default_rng(7).standard_normal(count))
    spectrum[np.fft.rfftfreq(count) > 8 / 24] = 0
    sound = np.fft.irfft(spectrum, count)
    return np.rint(sound / np.abs(sound).max() * 20_000).astype(np.int16)
"""

# How many numbers one call in C adds in a second, beside which no thread of the kernel runs.
RATE_OF_C = """
import time

def rate():
    began_s = time.monotonic()
    sum(range(10_000_000))
    return 10_000_000 / (time.monotonic() - began_s)

per_second = max(rate() for _ in range(3))
"""

PLAIN = """
from grok_live_widget import GrokLive
live = GrokLive(partner="talker")
live
"""
