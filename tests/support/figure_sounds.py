"""Sounds whose figures are compared with those of other libraries.

It needs numpy and soundfile alone, so that the environments of those libraries can import it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

GOLDEN = Path(__file__).parents[1] / "golden"
VOICE_RATE_HZ = 16_000
VOICE_NAMES = (
    *("alloy", "echo", "fable", "onyx", "nova", "shimmer"),
    *("eve", "ara", "leo", "rex", "sal"),
)
_SEED = 440


def sounds() -> dict[str, tuple[np.ndarray, int]]:
    """Name, and samples (float32) with their rate: synthetic sounds, and speech."""
    random = np.random.default_rng(_SEED)
    times_s = np.arange(24_000) / 24_000
    glide = 0.5 * np.sin(2 * np.pi * (100 * times_s + 100 * times_s**2))
    harmonics = sum(np.sin(2 * np.pi * 220 * k * times_s) / k for k in range(1, 12))
    noisy = 0.2 * harmonics + 0.02 * random.standard_normal(24_000)
    fading = random.standard_normal(22_050) * np.linspace(1e-3, 0.2, 22_050)
    question, rate_hz = soundfile.read(GOLDEN / "question.wav", dtype="float32")
    answer, _ = soundfile.read(GOLDEN / "recording" / "assistant.wav", dtype="float32")
    return {
        "glide": (glide.astype(np.float32), 24_000),
        "noisy": (noisy.astype(np.float32), 24_000),
        "fading": (fading.astype(np.float32), 22_050),
        "question": (question[:rate_hz], rate_hz),
        "answer": (answer, rate_hz),
    }


def voices() -> dict[str, np.ndarray]:
    """The first 1.25 s of each voice of the rehearsal, as spoken once: float32 at 16 kHz."""
    pcm, _ = soundfile.read(GOLDEN / "voices.flac", dtype="float32")
    return dict(zip(VOICE_NAMES, np.split(pcm, len(VOICE_NAMES)), strict=True))
