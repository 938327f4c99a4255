"""Write `figures.npz`: figures of sounds by librosa, scipy and pyloudnorm, for comparison.

A test runs this anew in an environment with those libraries and compares; to replace the file::

    python -m tests.golden.figures tests/golden/figures.npz

librosa is that of `REQUIREMENTS`, since the difference function of its version 0.11 takes what is
beyond the end of a frame for silence, which the paper on YIN does not.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np

from ..support.figure_sounds import VOICE_RATE_HZ, sounds, voices

REQUIREMENTS = ("librosa==0.10.2.post1", "scipy==1.17.1", "pyloudnorm==0.2.0", "setuptools<81")
STFT_SAMPLES = 1200
PITCH_HZ = (60.0, 600.0)
HOP_S = 0.01
WINDOW_S = 4 / 60


def figures() -> dict[str, np.ndarray]:
    import librosa
    import pyloudnorm
    import scipy.signal

    found: dict[str, np.ndarray] = {}
    for name, (samples, rate_hz) in sounds().items():
        short = samples[-STFT_SAMPLES:]
        found[f"{name}_stft_scipy"] = scipy_stft(scipy.signal, short)
        found[f"{name}_stft"] = librosa.stft(short, n_fft=1024, hop_length=256)
        options = {"sr": rate_hz, "n_fft": 1024, "hop_length": 256, "n_mels": 80}
        found[f"{name}_mel"] = librosa.feature.melspectrogram(y=samples, **options)
        found[f"{name}_mfcc"] = librosa.feature.mfcc(y=samples, n_mfcc=20, **options)
        meter = pyloudnorm.Meter(rate_hz, filter_class="DeMan")
        found[f"{name}_lufs"] = np.array(meter.integrated_loudness(samples.astype(np.float64)))
        found[f"{name}_yin"] = yin_hz(librosa, samples, rate_hz)
    for rate_hz in (8_000, 22_050, 48_000):
        found[f"filters_{rate_hz}"] = librosa.filters.mel(
            sr=rate_hz, n_fft=1024, n_mels=40, fmin=50, fmax=4_000
        )
        filters = pyloudnorm.Meter(rate_hz, filter_class="DeMan")._filters.values()
        found[f"k_weighting_{rate_hz}"] = np.array([[*each.b, *each.a] for each in filters])
    found["pyin_hz"] = np.array([pyin_hz(x, VOICE_RATE_HZ) for x in voices().values()])
    return found


def scipy_stft(signal: Any, samples: np.ndarray) -> np.ndarray:
    window = signal.get_window("hann", 1024)
    # No shift: phases are counted from the first sample of each window, as in librosa.
    transform = signal.ShortTimeFFT(window, 256, 1.0, phase_shift=None)
    spectra = transform.stft(samples.astype(np.float64), p0=0, p1=1 + len(samples) // 256)
    return spectra.astype(np.complex64)


def yin_hz(librosa: Any, samples: np.ndarray, rate_hz: int) -> np.ndarray:
    return librosa.yin(framed_as_ours(samples), **pitch_options(rate_hz))


def pyin_hz(samples: np.ndarray, rate_hz: int) -> np.ndarray:
    import librosa

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return librosa.pyin(framed_as_ours(samples), **pitch_options(rate_hz))[0]


def framed_as_ours(samples: np.ndarray) -> np.ndarray:
    """The sound as librosa has to be given it for the same frames.

    It leaves out the first sample of each frame, so that the frames must begin one earlier, and
    takes energies below 1e-6 for zero, so that the sound must be louder.
    """
    return np.concatenate([[0], 1e3 * samples.astype(np.float64)])


def pitch_options(rate_hz: int) -> dict[str, Any]:
    return {
        "sr": rate_hz,
        "fmin": PITCH_HZ[0],
        "fmax": PITCH_HZ[1],
        "frame_length": 2 * round(WINDOW_S * rate_hz / 2),
        "hop_length": round(HOP_S * rate_hz),
    }


if __name__ == "__main__":
    np.savez_compressed(sys.argv[1], **figures())
