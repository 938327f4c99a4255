"""Spectra are those of librosa and scipy, and show tones where they are."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from grok_live_widget.audio import pcm_from_samples
from grok_live_widget.audio.spectrum import (
    db_from_power,
    frame_count,
    hz_from_mel,
    mel_filters,
    mel_from_hz,
    mel_spectrogram,
    mfcc,
    power_blocks,
    stft,
)
from grok_live_widget.exceptions import ArgumentError, AudioFormatError, ConfigurationError

from ..support.figure_sounds import GOLDEN, sounds
from ..support.sound import RATE_HZ, sine

REFERENCES = dict(np.load(GOLDEN / "figures.npz"))
SOUNDS = sounds()
STFT_SAMPLES = 1200


# --------------------------------------------------------------------------- other libraries
@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("library", ["stft", "stft_scipy"])
def test_the_stft_is_that_of_librosa_and_scipy(name: str, library: str) -> None:
    spectra = stft(SOUNDS[name][0][-STFT_SAMPLES:])
    expected = REFERENCES[f"{name}_{library}"]
    assert spectra.dtype == np.complex64
    np.testing.assert_allclose(spectra, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize("name", SOUNDS)
def test_the_mel_spectrogram_and_the_mfcc_are_those_of_librosa(name: str) -> None:
    samples, rate_hz = SOUNDS[name]
    mel, expected = mel_spectrogram(samples, rate_hz), REFERENCES[f"{name}_mel"]
    np.testing.assert_allclose(mel, expected, rtol=1e-4, atol=1e-6 * expected.max())
    cepstra, expected = mfcc(samples, rate_hz), REFERENCES[f"{name}_mfcc"]
    np.testing.assert_allclose(cepstra, expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("rate_hz", [8_000, 22_050, 48_000])
def test_the_mel_filters_are_those_of_librosa(rate_hz: int) -> None:
    filters = mel_filters(rate_hz, n_mels=40, fmin_hz=50, fmax_hz=4_000)
    np.testing.assert_allclose(filters, REFERENCES[f"filters_{rate_hz}"], atol=1e-8)


# --------------------------------------------------------------------------- physics
@pytest.mark.parametrize("frequency_hz", [440.0, 3_000.0])
def test_a_tone_is_in_its_bin_and_its_mel_band(frequency_hz: float) -> None:
    tone = sine(0.5, frequency_hz)
    middle = np.abs(stft(tone))[:, 20]
    assert middle.argmax() == round(frequency_hz * 1024 / RATE_HZ)
    # A Hann window halves the amplitude, and the tone is half at the negative frequency.
    assert middle.max() == pytest.approx(0.25 * 1024 / 4, rel=0.16)
    centres_hz = hz_from_mel(np.linspace(0, mel_from_hz(RATE_HZ / 2), 82))[1:-1]
    band = mel_spectrogram(tone, RATE_HZ)[:, 20].argmax()
    assert band == np.abs(centres_hz - frequency_hz).argmin()


def test_the_mel_scale_is_linear_up_to_a_kilohertz_and_logarithmic_above() -> None:
    assert mel_from_hz([0, 200, 1_000, 6_400]) == pytest.approx([0, 3, 15, 42])
    hz = np.linspace(0, 12_000, 50)
    assert hz_from_mel(mel_from_hz(hz)) == pytest.approx(hz)


def test_power_of_one_is_0_db_and_silence_minus_100() -> None:
    assert db_from_power([1, 100, 0]) == pytest.approx([0, 20, -100])
    assert db_from_power([1, 100, 0], range_db=80) == pytest.approx([0, 20, -60])
    assert db_from_power([]).shape == (0,)


# --------------------------------------------------------------------------- forms of sound
def test_int16_and_float64_give_what_float32_gives() -> None:
    pcm = pcm_from_samples(SOUNDS["question"][0])
    as_floats = pcm / 32768
    for figure in (stft, lambda x: mel_spectrogram(x, RATE_HZ), lambda x: mfcc(x, RATE_HZ)):
        assert np.array_equal(figure(pcm), figure(as_floats))


def test_blocks_of_power_are_the_squares_of_the_stft() -> None:
    samples = SOUNDS["glide"][0][:20_001]
    blocks = dict(power_blocks(samples, n_fft=256, hop=32))
    assert list(blocks) == list(range(0, frame_count(20_001, 256, 32), 256))
    power = np.concatenate(list(blocks.values()))
    expected = np.abs(stft(samples, n_fft=256, hop=32)).T ** 2
    np.testing.assert_allclose(power, expected, rtol=1e-5, atol=1e-7)


def test_numpy_before_version_2_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = SOUNDS["glide"][0]
    expected = stft(samples)
    monkeypatch.setattr("grok_live_widget.audio.spectrum._CAN_REUSE_MEMORY", False)
    assert np.array_equal(stft(samples), expected)


@pytest.mark.parametrize(("count", "n_fft", "hop"), [(1, 1024, 256), (1023, 1024, 256), (7, 5, 3)])
def test_a_sound_shorter_than_a_window_has_frames(count: int, n_fft: int, hop: int) -> None:
    spectra = stft(np.ones(count, np.float32), n_fft=n_fft, hop=hop)
    assert spectra.shape == (1 + n_fft // 2, frame_count(count, n_fft, hop))


def test_a_minute_takes_no_more_memory_than_their_result_and_some_megabytes() -> None:
    pcm = np.zeros(600 * RATE_HZ // 10, np.int16)
    tracemalloc.start()
    try:
        mel = mel_spectrogram(pcm, RATE_HZ)
        assert tracemalloc.get_traced_memory()[1] - mel.nbytes < 8_000_000
    finally:
        tracemalloc.stop()


# --------------------------------------------------------------------------- errors
@pytest.mark.parametrize(
    ("sound", "sentence", "cure"),
    [
        (np.zeros(0), "at least 1 samples, not 0.", "Check that the sound is not empty."),
        (np.zeros((9, 2)), "of shape (n,), not (9, 2).", "x[:, 0], or the mix of all"),
        (np.array([0, np.nan]), "has NaN", "np.nan_to_num(x)"),
        (np.zeros(9, np.int32), "not int32", "x.astype('int16')"),
        ("speech.wav", "must be an array", "soundfile.read"),
    ],
)
@pytest.mark.parametrize(
    "figure", [stft, lambda x: mel_spectrogram(x, 24_000), lambda x: list(power_blocks(x))]
)
def test_sound_without_a_spectrum_is_refused_with_a_cure(
    figure: Any, sound: Any, sentence: str, cure: str
) -> None:
    with pytest.raises(AudioFormatError) as caught:
        figure(sound)
    assert sentence in str(caught.value)
    assert cure in caught.value.cure


def test_arguments_that_make_no_figure_are_refused() -> None:
    tone = sine(0.1)
    with pytest.raises(ConfigurationError, match="hop must be a whole number from 1, not 0"):
        stft(tone, hop=0)
    with pytest.raises(ConfigurationError, match=r"n_fft must be a whole number from 2, not 1\.5"):
        mel_spectrogram(tone, RATE_HZ, n_fft=1.5)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"rise from 0 to 12000, not 0\.0, 13000"):
        mel_filters(RATE_HZ, fmax_hz=13_000)
    with pytest.raises(ConfigurationError, match=r"narrower than a bin .* Use fewer n_mels"):
        mel_filters(48_000, n_mels=256)
    with pytest.raises(ConfigurationError, match=r"n_mfcc must be at most n_mels \(80\), not 81"):
        mfcc(tone, RATE_HZ, n_mfcc=81)
    with pytest.raises(AudioFormatError, match="sample_rate must be"):
        mel_spectrogram(tone, 12)
    with pytest.raises(ArgumentError, match="Did you mean 'n_mels'"):
        mel_spectrogram(tone, RATE_HZ, n_mel=4)  # type: ignore[call-arg]
