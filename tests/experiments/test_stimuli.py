"""Stimuli: noise has exactly the ratio and the spectrum that was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget.audio import write_wav
from grok_live_widget.exceptions import AudioFormatError, ConfigurationError
from grok_live_widget.experiments import Interruption, Sound, add_noise, noise_sweep, silence
from grok_live_widget.experiments.stimuli import sound_from

from ..support.sound import RATE_HZ, sine, tone

KINDS = ("white", "pink", "speech")


def snr_db(signal: np.ndarray, mixed: np.ndarray) -> float:
    """The ratio of a sound to what was added to it, also where the sum was scaled down."""
    clean, noisy = signal.astype(float), mixed.astype(float)
    noise = noisy - clean
    return 10 * float(np.log10(np.mean(clean**2) / np.mean(noise**2)))


def band_db(x: np.ndarray, low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(x)) ** 2
    hertz = np.fft.rfftfreq(len(x), 1 / RATE_HZ)
    return 10 * float(np.log10(power[(hertz >= low_hz) & (hertz < high_hz)].mean()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ratio_db", [40, 12.5, 0, -6])
def test_noise_has_exactly_the_ratio_that_was_asked_for(
    kind: Any, ratio_db: float, speech: Any
) -> None:
    quiet = speech("Hello there, what is your name?").astype(np.float32) / 32768 / 8
    mixed = add_noise(quiet, RATE_HZ, ratio_db, kind=kind)
    assert (mixed.dtype, mixed.shape) == (np.float32, quiet.shape)
    assert np.abs(mixed).max() < 1
    assert snr_db(quiet, mixed) == pytest.approx(ratio_db, abs=0.01)


def test_a_sum_that_would_exceed_full_scale_is_scaled_down_as_a_whole() -> None:
    loud = sine(1.0, amplitude=0.9)
    mixed = add_noise(loud, RATE_HZ, 0, seed=3)
    assert np.abs(mixed).max() == 1
    # With this seed the noise is the same at any level.
    noise = add_noise(loud / 16, RATE_HZ, 0, seed=3) * 16.0 - loud
    factor = float(mixed @ (loud + noise) / ((loud + noise) @ (loud + noise)))
    assert factor < 0.5
    assert snr_db(loud, mixed / factor) == pytest.approx(0, abs=0.01)


def test_int16_floats_and_channels_give_the_same_sum() -> None:
    pcm = tone()
    samples = pcm / 32768
    stereo = np.stack([pcm, pcm], axis=1)
    first = add_noise(pcm, RATE_HZ, 10)
    assert np.array_equal(first, add_noise(samples.astype(np.float32), RATE_HZ, 10))
    assert np.array_equal(first, add_noise(stereo, RATE_HZ, 10))


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_decides_the_noise(kind: Any) -> None:
    first, again, other = (
        add_noise(tone(), RATE_HZ, 0, kind=kind, seed=seed) for seed in (1, 1, 2)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def noise_alone(signal: np.ndarray, kind: Any) -> np.ndarray:
    return add_noise(signal, RATE_HZ, 0, kind=kind) - signal


def test_white_noise_is_level_and_pink_noise_falls_by_3_db_per_octave() -> None:
    signal = sine(20.0, amplitude=0.01)
    octaves_hz = [125.0 * 2**n for n in range(7)]
    for kind, slope_db in (("white", 0.0), ("pink", -3.01)):
        noise = noise_alone(signal, kind)
        levels = [band_db(noise, low, 2 * low) for low in octaves_hz[:-1]]
        assert np.diff(levels) == pytest.approx([slope_db] * 5, abs=0.25)


def test_pink_noise_has_nothing_below_20_hz() -> None:
    noise = noise_alone(sine(10.0, amplitude=0.01), "pink")
    assert band_db(noise, 0, 19.5) < band_db(noise, 20.5, 40) - 60


def test_speech_shaped_noise_has_the_spectrum_of_the_speech_and_no_pauses(speech: Any) -> None:
    spoken = speech("Hello there, what is your name?").astype(np.float64) / 32768 / 8
    pause = np.concatenate((spoken, np.zeros(RATE_HZ), spoken))
    noise = noise_alone(pause, "speech")
    bands_hz = [(low, 2 * low) for low in (125, 250, 500, 1000, 2000, 4000)]
    for low, high in bands_hz:
        assert band_db(noise, low, high) == pytest.approx(band_db(pause, low, high), abs=0.1)
    middle = noise[len(spoken) : len(spoken) + RATE_HZ]
    assert np.std(middle) == pytest.approx(np.std(noise), rel=0.25)


def test_a_sound_of_one_sample_can_have_noise() -> None:
    assert snr_db(np.array([0.1]), add_noise([0.1], RATE_HZ, 20, kind="pink")) == pytest.approx(
        20, abs=0.01
    )


@pytest.mark.parametrize(
    ("arguments", "error", "part"),
    [
        ({"samples": np.zeros(100, np.int16)}, AudioFormatError, "silent"),
        ({"samples": np.zeros(0, np.int16)}, AudioFormatError, "silent"),
        ({"snr_db": 200}, ConfigurationError, "from -60 to 120"),
        ({"snr_db": float("nan")}, ConfigurationError, "from -60 to 120"),
        ({"kind": "brown"}, ConfigurationError, "'white', 'pink', 'speech'"),
        ({"sample_rate": 12}, AudioFormatError, "sample_rate"),
        ({"seed": -1}, ConfigurationError, "seed"),
    ],
)
def test_what_cannot_have_noise_is_refused(arguments: Any, error: type, part: str) -> None:
    usual = {"samples": tone(), "sample_rate": RATE_HZ, "snr_db": 10}
    with pytest.raises(error, match=part):
        add_noise(**{**usual, **arguments})


def test_a_misspelt_argument_is_named() -> None:
    with pytest.raises(TypeError, match="Did you mean 'snr_db'"):
        add_noise(tone(), RATE_HZ, snr=10)


# --------------------------------------------------------------------------- sweeps and silence
def test_a_sweep_gives_labelled_sounds_in_which_only_the_noise_differs() -> None:
    signal = sine(1.0, amplitude=0.5)
    prompts = noise_sweep(signal, RATE_HZ, [20, 0.5, -10], kind="pink", seed=7)
    assert list(prompts) == ["clean", "20 dB", "0.5 dB", "-10 dB"]
    assert {each.sample_rate for each in prompts.values()} == {RATE_HZ}
    clean = prompts["clean"].samples
    noises = [prompts[label].samples.astype(float) - clean for label in list(prompts)[1:]]
    for noise, wanted_db in zip(noises, (20, 0.5, -10), strict=True):
        ratio_db = 10 * np.log10(np.mean(clean.astype(float) ** 2) / np.mean(noise**2))
        assert ratio_db == pytest.approx(wanted_db, abs=0.01)
        assert np.corrcoef(noise, noises[0])[0, 1] > 0.9999
    # The loudest of them was to be scaled down, and so were the others.
    assert max(np.abs(each.samples).max() for each in prompts.values()) == 1
    assert np.corrcoef(clean, signal)[0, 1] == pytest.approx(1)


def test_a_sweep_without_ratios_is_refused_and_one_without_the_clean_sound_is_not() -> None:
    assert list(noise_sweep(tone(), RATE_HZ, [5], clean=False)) == ["5 dB"]
    for wrong, part in (([], "empty"), ("loud", "from -60 to 120"), ([0, 121], "to 120")):
        with pytest.raises(ConfigurationError, match=part):
            noise_sweep(tone(), RATE_HZ, wrong)


@pytest.mark.parametrize(("duration_ms", "count"), [(0, 0), (1.5, 36), (250, 6000)])
def test_silence_lasts_as_long_as_was_asked_for(duration_ms: float, count: int) -> None:
    pcm = silence(duration_ms, RATE_HZ)
    assert (pcm.dtype, pcm.shape, np.any(pcm)) == (np.int16, (count,), False)


# --------------------------------------------------------------------------- sounds
def test_a_sound_may_be_an_array_with_its_rate_or_a_file(tmp_path: Path) -> None:
    pcm = tone(0.5)
    path = write_wav(tmp_path / "tone.wav", pcm, 16_000)
    for given in (Sound(pcm, 16_000), (pcm, 16_000), [pcm, 16_000], path):
        sound = sound_from(given)
        assert np.array_equal(sound.samples, pcm)
        assert (sound.sample_rate, sound.duration_s) == (16_000, 0.75)
    assert repr(sound) == "Sound(0.75 s at 16000 Hz)"
    stereo = sound_from((np.stack([pcm, pcm], axis=1), RATE_HZ))
    assert stereo.samples.shape == (12_000,)


@pytest.mark.parametrize("given", ["question.wav", tone(), (tone(), None, 1), None, b"00"])
def test_what_is_no_sound_is_refused_with_the_form_of_one(given: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"pair \(samples, sample_rate\) or a pathlib"):
        sound_from(given)


def test_a_rate_before_its_samples_is_refused_with_their_order() -> None:
    with pytest.raises(ConfigurationError, match=f"here {RATE_HZ} comes first. Swap them"):
        sound_from((RATE_HZ, tone()))


def test_an_empty_sound_is_refused() -> None:
    with pytest.raises(AudioFormatError, match="empty"):
        Sound(np.zeros(0, np.int16), RATE_HZ)


def test_an_interruption_has_a_question_speech_and_a_time() -> None:
    step = Interruption("Count to twenty.", (tone(), RATE_HZ), at_ms=800)
    assert isinstance(step.by, Sound)
    assert Interruption((tone(), RATE_HZ), step.by, at_ms=0).question.duration_s == 1
    with pytest.raises(ConfigurationError, match="at_ms"):
        Interruption("Count.", step.by, at_ms=-1)
    with pytest.raises(ConfigurationError, match="a sound must be"):
        Interruption("Count.", "stop", at_ms=100)
