"""The user's speech: WAV files made by Debian's `flite` when the tests run."""

from __future__ import annotations

import hashlib
import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

Samples = NDArray[np.float64]

# Chromium's fake microphone is a 44.1 kHz device, so a file of that rate passes untouched.
FILE_RATE_HZ = 44_100
PEAK = 0.5


@dataclass(frozen=True)
class Said:
    """Words, and the silence after them."""

    words: str
    pause_s: float
    voice: str = "slt"


@dataclass(frozen=True)
class Script:
    """A WAV file with phrases between silences; it begins with a silence."""

    path: Path
    samples: Samples
    rate_hz: int = FILE_RATE_HZ

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.rate_hz


class Studio:
    """Makes scripts, each once.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._spoken: dict[tuple[str, str], Samples] = {}

    def speak(self, words: str, voice: str = "slt") -> Samples:
        """The words alone, at `FILE_RATE_HZ`."""
        if (words, voice) not in self._spoken:
            path = self._folder / "spoken.wav"
            subprocess.run(["flite", "-voice", voice, "-t", words, "-o", str(path)], check=True)
            samples, rate_hz = _read(path)
            loud = soxr.resample(samples, rate_hz, FILE_RATE_HZ, quality="VHQ")
            self._spoken[words, voice] = loud * PEAK / np.abs(loud).max()
        return self._spoken[words, voice]

    def script(self, *lines: Said, lead_s: float = 2.0) -> Script:
        """Phrases one after the other, after `lead_s` of silence."""
        parts = [_silence(lead_s)]
        for line in lines:
            parts += [self.speak(line.words, line.voice), _silence(line.pause_s)]
        samples = np.concatenate(parts)
        name = hashlib.sha256(repr((lines, lead_s)).encode()).hexdigest()[:12]
        path = self._folder / f"script_{name}.wav"
        write_wav(path, samples, FILE_RATE_HZ)
        return Script(path, samples)

    def noise(self, duration_s: float) -> Script:
        """Noise of which no two stretches are alike, and which is not speech."""
        count = int(duration_s * FILE_RATE_HZ)
        spectrum = np.fft.rfft(np.random.default_rng(3).standard_normal(count))
        spectrum[np.fft.rfftfreq(count, 1 / FILE_RATE_HZ) > 4000] = 0
        samples = np.fft.irfft(spectrum, count)
        samples *= PEAK / np.abs(samples).max()
        path = self._folder / f"noise_{duration_s:g}.wav"
        write_wav(path, samples, FILE_RATE_HZ)
        return Script(path, samples)


def write_wav(path: Path, samples: Samples, rate_hz: int) -> None:
    """Write mono PCM16."""
    codes = np.clip(np.rint(samples * 32768), -32768, 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(codes.tobytes())


def _read(path: Path) -> tuple[Samples, int]:
    with wave.open(str(path)) as file:
        codes = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return codes / 32768, file.getframerate()


def _silence(duration_s: float) -> Samples:
    return np.zeros(int(duration_s * FILE_RATE_HZ))
