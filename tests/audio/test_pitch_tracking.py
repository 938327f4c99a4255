"""The pitch of known tones, of glides and of voices; what is not voiced has none."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from grok_live_widget.audio import pcm_from_samples
from grok_live_widget.audio.pitch_tracking import _PitchModel, pitch, yin
from grok_live_widget.exceptions import ArgumentError, AudioFormatError, ConfigurationError

from ..support.figure_sounds import GOLDEN, VOICE_RATE_HZ, sounds, voices
from ..support.sound import RATE_HZ, sine

REFERENCES = dict(np.load(GOLDEN / "figures.npz"))
SOUNDS = sounds()
VOICES = voices()


def harmonic(f0_hz: float, *, duration_s: float = 0.5, rate_hz: int = RATE_HZ) -> np.ndarray:
    """A buzz with all harmonics below half of the rate, each softer than the one before."""
    count = int(rate_hz / 2 / f0_hz)
    partials = [sine(duration_s, f0_hz * k, rate_hz=rate_hz) / k for k in range(1, count)]
    return np.sum(partials, axis=0) / 2


# --------------------------------------------------------------------------- other libraries
@pytest.mark.parametrize("name", SOUNDS)
def test_yin_is_that_of_librosa_where_it_is_voiced(name: str) -> None:
    samples, rate_hz = SOUNDS[name]
    ours, theirs = yin(samples, rate_hz).f0_hz, REFERENCES[f"{name}_yin"]
    # Those before the first sample are left out.
    assert 0 < len(theirs) - len(ours) <= 2
    theirs = theirs[-len(ours) :]
    is_voiced = ~np.isnan(ours)
    # Noise, and a recording at -50 LUFS that is mostly noise, have no pitch.
    assert is_voiced.mean() >= {"fading": 0, "answer": 0, "question": 0.4}.get(name, 0.95)
    np.testing.assert_allclose(ours[is_voiced], theirs[is_voiced], rtol=1e-4)


@pytest.mark.parametrize("index", range(11), ids=list(VOICES))
def test_the_pitch_of_each_voice_is_that_of_pyin_in_librosa(index: int) -> None:
    found = pitch(list(VOICES.values())[index], VOICE_RATE_HZ)
    theirs = REFERENCES["pyin_hz"][index][-len(found.f0_hz) :]
    is_voiced = ~np.isnan(theirs)
    assert is_voiced.sum() > 50
    assert np.array_equal(~np.isnan(found.f0_hz), is_voiced)
    # librosa rounds to a tenth of a semitone.
    np.testing.assert_allclose(
        found.f0_hz[is_voiced], theirs[is_voiced], rtol=2 ** (0.051 / 12) - 1
    )
    assert found.median_hz == pytest.approx(np.nanmedian(theirs), rel=0.003)


# --------------------------------------------------------------------------- physics
@pytest.mark.parametrize("method", [pitch, yin])
@pytest.mark.parametrize("f0_hz", [71.0, 123.4, 440.0])
@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 44_100])
def test_a_tone_has_its_frequency_at_every_rate(method: Any, f0_hz: float, rate_hz: int) -> None:
    times_s, found_hz = method(harmonic(f0_hz, rate_hz=rate_hz), rate_hz)
    inner = (times_s > 0.05) & (times_s < 0.45)
    assert inner.sum() >= 39
    # The parabola is an approximation of the difference function, worse with fewer samples.
    assert found_hz[inner] == pytest.approx(f0_hz, rel=0.002 if rate_hz > 8_000 else 0.01)


def test_a_glide_is_followed_in_time() -> None:
    times_s, f0_hz = pitch(SOUNDS["glide"][0], RATE_HZ)
    inner = (times_s > 0.05) & (times_s < 0.95)
    # The phase is 2 pi (100 t + 100 t**2).
    assert f0_hz[inner] == pytest.approx(100 + 200 * times_s[inner], rel=0.01)


def test_noise_and_silence_have_no_pitch_and_a_tone_between_them_has() -> None:
    noise = 0.1 * np.random.default_rng(1).standard_normal(RATE_HZ // 2).astype(np.float32)
    silence = np.zeros(RATE_HZ // 2, np.float32)
    found = pitch(np.concatenate([noise, harmonic(200), silence]), RATE_HZ)
    voiced_s = found.times_s[~np.isnan(found.f0_hz)]
    assert voiced_s.min() == pytest.approx(0.5, abs=0.04)
    assert voiced_s.max() == pytest.approx(1.0, abs=0.04)
    assert found.median_hz == pytest.approx(200, rel=0.002)
    assert pitch(silence, RATE_HZ).median_hz is None


def test_a_single_octave_error_of_a_frame_is_undone_by_its_neighbours() -> None:
    # In the middle, every second period is louder: half the frequency fits slightly better.
    tone = harmonic(200).copy()
    period = RATE_HZ // 200
    for start in range(6_000, 6_000 + 6 * period, 2 * period):
        tone[start : start + period] *= 1.25
    inner = slice(5, -5)
    assert pitch(tone, RATE_HZ).f0_hz[inner] == pytest.approx(200, rel=0.01)


# --------------------------------------------------------------------------- the model
def test_paths_that_are_decided_in_parts_are_those_decided_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    samples = np.concatenate([SOUNDS["question"][0], SOUNDS["noisy"][0], SOUNDS["glide"][0]] * 2)
    whole = pitch(samples, RATE_HZ)
    module = "grok_live_widget.audio.pitch_tracking"
    monkeypatch.setattr(f"{module}._DECODED_FRAMES", 100)
    monkeypatch.setattr(f"{module}._LAG_FRAMES", 60)
    np.testing.assert_array_equal(pitch(samples, RATE_HZ).f0_hz, whole.f0_hz)


def test_a_step_of_the_model_is_the_best_of_all_transitions() -> None:
    model = _PitchModel(100, 200, 0.18)
    bins = model._bins
    assert bins == 121
    score = np.random.default_rng(2).standard_normal((2, bins)) * 5
    stepped = model._step(score)
    # The matrix of all transitions, as pYIN defines them.
    distance = np.abs(np.subtract.outer(np.arange(bins), np.arange(bins)))
    near = np.maximum(0, 1 - distance / (model._half + 1))
    near /= near.sum(axis=1, keepdims=True)
    transition = np.kron([[0.99, 0.01], [0.01, 0.99]], near)
    with np.errstate(divide="ignore"):
        reached = score.reshape(-1, 1) + np.log(transition)
    assert stepped.ravel() == pytest.approx(reached.max(axis=0))
    assert np.array_equal(model._sources[-1].ravel(), reached.argmax(axis=0))


def test_int16_gives_what_floats_give() -> None:
    pcm = pcm_from_samples(SOUNDS["question"][0])
    np.testing.assert_array_equal(pitch(pcm, RATE_HZ).f0_hz, pitch(pcm / 32768, RATE_HZ).f0_hz)


def test_long_sound_takes_some_megabytes() -> None:
    pcm = np.tile(pcm_from_samples(harmonic(150, duration_s=1)), 30)
    tracemalloc.start()
    try:
        yin(pcm, RATE_HZ)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


# --------------------------------------------------------------------------- errors
@pytest.mark.parametrize("method", [pitch, yin])
def test_sound_without_a_pitch_is_refused_with_a_cure(method: Any) -> None:
    with pytest.raises(AudioFormatError) as caught:
        method(np.zeros(399, np.float32), RATE_HZ)
    assert str(caught.value) == (
        "a pitch needs at least 400 samples, not 399. Pass a longer sound, or a higher fmin_hz."
    )
    for sound in (np.zeros((24_000, 2)), np.full(24_000, np.nan), np.zeros(0)):
        with pytest.raises(AudioFormatError) as caught:
            method(sound, RATE_HZ)
        assert caught.value.cure


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"fmax_hz": 7_000}, "fmin_hz and fmax_hz must rise from 1 to 6000, not 60.0, 7000."),
        ({"fmin_hz": 600}, "not 600, 600.0."),
        ({"hop_s": 0}, "hop_s must be a number from 0.0001 to 10, not 0."),
        ({"window_s": 0.02}, "window_s must be a number from 0.0333333 to 10, not 0.02."),
    ],
)
def test_arguments_that_make_no_pitch_are_refused(options: dict[str, float], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        pitch(sine(), RATE_HZ, **options)
    assert sentence in str(caught.value)


def test_a_misspelt_argument_and_a_threshold_that_is_none_are_refused() -> None:
    with pytest.raises(ArgumentError, match="Did you mean 'fmin_hz'"):
        pitch(sine(), RATE_HZ, fmin=50)  # type: ignore[call-arg]
    with pytest.raises(ConfigurationError, match="threshold must be a number"):
        yin(sine(), RATE_HZ, threshold=2)
