"""Questions of sound: with noise at a given level, with silence, and spoken over a reply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from .._structs import names_checked
from ..audio import checked_rate, mono_from, read_audio, samples_from_pcm
from ..exceptions import AudioFormatError, ConfigurationError
from ..settings import between, one_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

NoiseKind = Literal["white", "pink", "speech"]

# Pink noise has no finite power down to 0 Hz; below this nothing is heard.
_LOWEST_PINK_HZ = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """An array with its sample rate.

    Parameters
    ----------
    samples : ndarray of int16 or float32 [shape=(n,)]
        Floats in [-1, 1]. A float64 array is converted, channels are mixed down.
    sample_rate : int [Hz]

    Raises
    ------
    AudioFormatError
        When the array cannot be sound, or is empty.
    """

    samples: NDArray[Any] = field(repr=False)
    sample_rate: int

    def __post_init__(self) -> None:
        samples = mono_from(self.samples)
        if not len(samples):
            raise AudioFormatError("the sound is empty.", cure="Pass at least one sample.")
        object.__setattr__(self, "samples", samples)
        object.__setattr__(self, "sample_rate", checked_rate(self.sample_rate))

    @property
    def duration_s(self) -> float:
        """Length [s]."""
        return len(self.samples) / self.sample_rate

    def __repr__(self) -> str:
        return f"Sound({self.duration_s:.2f} s at {self.sample_rate} Hz)"


SoundLike = Any
"""A `Sound`, a pair ``(samples, sample_rate)`` such as `soundfile.read` returns, or a
`pathlib.Path` of a sound file."""


def sound_from(given: SoundLike) -> Sound:
    """Read a `SoundLike`.

    Raises
    ------
    AudioFormatError
        When a file or an array cannot be used.
    ConfigurationError
        For anything else.
    """
    match given:
        case Sound():
            return given
        case PathLike():
            return Sound(*read_audio(Path(given)))
        case (samples, sample_rate) if np.ndim(sample_rate) == 0 and np.ndim(samples) > 0:
            return Sound(samples, sample_rate)
        case (sample_rate, samples) if np.ndim(sample_rate) == 0 and np.ndim(samples) > 0:
            raise ConfigurationError(
                f"a sound is (samples, sample_rate), and here {sample_rate!r} comes first.",
                cure="Swap them: scipy.io.wavfile.read returns the rate before the samples.",
            )
    raise ConfigurationError(
        f"a sound must be a pair (samples, sample_rate) or a pathlib.Path, not {given!r}.",
        cure="Pass (x, 24000) for an array x at 24 kHz, or Path('question.wav').",
    )


@dataclass(frozen=True, slots=True)
class Interruption:
    """A question whose reply is spoken over, as a person at a microphone does.

    The reply is played by a loudspeaker that exists in time only: from the first delta received on,
    in real time. When `at_ms` of it have sounded, `by` is sent in real time. What the server says
    to that is the last of `experiments.Result.turns`.

    Parameters
    ----------
    question : str or SoundLike
        Asks for the reply: a text, or a sound.
    by : SoundLike
        Speech.
    at_ms : number >= 0 [ms]
        The position in the reply at which `by` begins.

    Attributes
    ----------
    question : str or Sound
    by : Sound

    Raises
    ------
    AudioFormatError, ConfigurationError

    Examples
    --------
    >>> from grok_live_widget import compare, voices
    >>> from grok_live_widget.experiments import Interruption
    >>> stop = voices()["eve"].speak("Stop, please.")
    >>> talk_over = Interruption("Tell me a story.", by=(stop, 24_000), at_ms=500)
    """

    question: Any
    by: Any
    at_ms: float

    def __post_init__(self) -> None:
        between("at_ms", self.at_ms, 0, 3_600_000)
        if not isinstance(self.question, str):
            object.__setattr__(self, "question", sound_from(self.question))
        object.__setattr__(self, "by", sound_from(self.by))


# --------------------------------------------------------------------------- silence and noise
@names_checked
def silence(duration_ms: float, sample_rate: int) -> NDArray[np.int16]:
    """Digital silence, to be put before, into or after a sound by `numpy.concatenate`.

    Parameters
    ----------
    duration_ms : number >= 0 [ms]
    sample_rate : int [Hz]

    Returns
    -------
    ndarray of int16 [shape=(n,)]
        ``n = round(duration_ms * sample_rate / 1000)``.

    Raises
    ------
    ConfigurationError, AudioFormatError

    Examples
    --------
    >>> from grok_live_widget.experiments import silence
    >>> silence(250, 24_000).shape
    (6000,)
    """
    between("duration_ms", duration_ms, 0, 3_600_000)
    return np.zeros(round(duration_ms * checked_rate(sample_rate) / 1000), np.int16)


@names_checked
def add_noise(
    samples: Any,
    sample_rate: int,
    snr_db: float,
    *,
    kind: NoiseKind = "white",
    seed: int = 0,
) -> NDArray[np.float32]:
    """Add noise at an exact signal-to-noise ratio.

    Parameters
    ----------
    samples : array_like of int16, float32 or float64 [shape=(n,) or (n, channels)]
        Floats in [-1, 1]. Not changed.
    sample_rate : int [Hz]
    snr_db : number in [-60, 120] [dB]
        Ratio of the mean power of `samples` to the mean power of the noise, both over all n
        samples. Pauses count, so that the ratio within speech is higher.
    kind : {"white", "pink", "speech"}
        Gaussian noise: with the same power at all frequencies; with a power that falls by 3 dB per
        octave, from 20 Hz on; or with the long-term spectrum of `samples` (speech-shaped).
    seed : int
        The same seed gives the same noise.

    Returns
    -------
    ndarray of float32 [shape=(n,)]
        The sum. Where it would exceed ±1 it is scaled down as a whole, which changes its level and
        not the ratio.

    Raises
    ------
    AudioFormatError
        When `samples` cannot be used as sound, or is silent.
    ConfigurationError

    Notes
    -----
    Speech-shaped noise is made of the Fourier transform of `samples` by giving each frequency a
    random phase, which keeps the spectrum and removes the modulation.
    Source: Schroeder, "Reference signal for signal quality studies", JASA 44 (1968) 1735; the use
    of such noise as a masker of speech: Festen and Plomp, JASA 88 (1990) 1725.

    Examples
    --------
    >>> import numpy as np
    >>> from grok_live_widget.experiments import add_noise
    >>> tone = 0.1 * np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000)
    >>> noise = add_noise(tone, 24_000, snr_db=20, kind="white") - tone
    >>> round(10 * np.log10(float(np.mean(tone**2) / np.mean(noise**2))))
    20
    """
    between("snr_db", snr_db, -60, 120)
    signal, noise = _signal_and_noise(samples, sample_rate, kind, seed)
    mixed = signal + noise * 10 ** (-snr_db / 20)
    return _within_full_scale([mixed])[0]


def _signal_and_noise(
    samples: Any, sample_rate: int, kind: NoiseKind, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A sound, and noise of the same power."""
    one_of("kind", kind, get_args(NoiseKind))
    between("seed", seed, 0, 2**32 - 1, kind=Integral)
    rate_hz, mono = checked_rate(sample_rate), mono_from(samples)
    signal = (samples_from_pcm(mono) if mono.dtype == np.int16 else mono).astype(np.float64)
    if not np.any(signal):
        raise AudioFormatError(
            "the sound is silent, so that noise has no ratio to it.", cure="Pass some speech."
        )
    noise = _noise_like(signal, rate_hz, kind, np.random.default_rng(seed))
    return signal, noise * np.sqrt(np.mean(signal**2) / np.mean(noise**2))


def _within_full_scale(sounds: list[NDArray[np.float64]]) -> list[NDArray[np.float32]]:
    """The sounds, scaled down by one factor if any of them exceeds ±1."""
    peak = max(float(np.abs(each).max()) for each in sounds)
    return [(each / max(1.0, peak)).astype(np.float32) for each in sounds]


def _noise_like(
    signal: NDArray[np.float64], rate_hz: int, kind: NoiseKind, random: np.random.Generator
) -> NDArray[np.float64]:
    """Noise of any level, as long as the signal."""
    count = len(signal)
    if kind == "white":
        return random.standard_normal(count)
    if kind == "pink":
        # In its spectrum, whose power is to fall as 1/f.
        spectrum = np.fft.rfft(random.standard_normal(count))
        frequencies_hz = np.fft.rfftfreq(count, 1 / rate_hz)
        spectrum /= np.sqrt(np.maximum(frequencies_hz, _LOWEST_PINK_HZ))
        spectrum[frequencies_hz < _LOWEST_PINK_HZ] = 0
    else:
        spectrum = np.abs(np.fft.rfft(signal)) * np.exp(2j * np.pi * random.random(count // 2 + 1))
    noise = np.fft.irfft(spectrum, count)
    # A sound too short for any frequency of the shape is given white noise.
    return noise if np.any(noise) else random.standard_normal(count)


@names_checked
def noise_sweep(
    samples: Any,
    sample_rate: int,
    snrs_db: Sequence[float],
    *,
    kind: NoiseKind = "white",
    seed: int = 0,
    clean: bool = True,
) -> dict[str, Sound]:
    """The same sound with noise at several signal-to-noise ratios, as prompts for `compare`.

    Parameters
    ----------
    samples, sample_rate, kind, seed
        As for `add_noise`. The noise is the same at each ratio, but for its level.
    snrs_db : sequence of numbers in [-60, 120] [dB]
    clean : bool
        Whether the sound without noise is the first prompt, as ``"clean"``.

    Returns
    -------
    dict of str to Sound
        By labels such as ``"-5 dB"``, in the order of `snrs_db`. All are scaled by the same factor,
        so that the level of the speech is the same in all of them.

    Raises
    ------
    AudioFormatError, ConfigurationError

    Examples
    --------
    >>> from grok_live_widget import voices
    >>> from grok_live_widget.experiments import noise_sweep
    >>> question = voices()["eve"].speak("What time is it?")
    >>> list(noise_sweep(question, 24_000, snrs_db=[20, 0]))
    ['clean', '20 dB', '0 dB']
    """
    ratios_db: list[Any] = list(snrs_db) if np.ndim(snrs_db) else [snrs_db]
    if not ratios_db:
        raise ConfigurationError("snrs_db is empty.", cure="Pass such as [20, 10, 0].")
    for snr_db in ratios_db:
        between("snrs_db", snr_db, -60, 120)
    signal, noise = _signal_and_noise(samples, sample_rate, kind, seed)
    mixed = [signal + noise * 10 ** (-snr_db / 20) for snr_db in ratios_db]
    labels = [f"{snr_db:g} dB" for snr_db in ratios_db]
    if clean:
        mixed, labels = [signal, *mixed], ["clean", *labels]
    sounds = _within_full_scale(mixed)
    return {label: Sound(x, sample_rate) for label, x in zip(labels, sounds, strict=True)}
