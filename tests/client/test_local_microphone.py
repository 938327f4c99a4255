"""The microphone of the kernel's computer; PortAudio is replaced, since test machines have none."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from grok_live_widget import AudioFormatError, ConfigurationError, Talk, record_local

from ..support.sound import sine


class PortAudioError(Exception):
    pass


class Device:
    """A module like sounddevice, with one microphone that hears a tone."""

    PortAudioError = PortAudioError

    def __init__(self, rate_hz: int = 48_000) -> None:
        self.rate_hz = rate_hz
        self.is_stopped = False
        self.asked: dict[str, Any] = {}

    def query_devices(self, device: Any, kind: str) -> dict[str, float]:
        if device == "absent":
            raise ValueError("No input device matching 'absent'")
        return {"default_samplerate": float(self.rate_hz)}

    def rec(self, count: int, rate_hz: int, **options: Any) -> np.ndarray:
        self.asked = options
        return np.float32(sine(count / rate_hz, rate_hz=rate_hz)).reshape(-1, 1)

    def wait(self) -> None:
        pass

    def stop(self) -> None:
        self.is_stopped = True


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Device:
    made = Device()
    monkeypatch.setitem(sys.modules, "sounddevice", made)
    return made


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_a_recording_is_mono_at_24_khz_whatever_the_device_has(
    device: Device, rate_hz: int
) -> None:
    device.rate_hz = rate_hz
    pcm = record_local(0.5)
    assert (pcm.dtype, pcm.shape) == (np.int16, (12_000,))
    power = np.abs(np.fft.rfft(pcm / 32768.0))
    assert np.argmax(power) * 2 == 440
    assert device.asked == {"channels": 1, "dtype": "float32", "device": None}


def test_it_is_a_question(device: Device) -> None:
    with Talk(partner="parrot", turn_detection="push_to_talk") as talk:
        reply = talk.ask(record_local(0.3), 24_000)
    assert reply.duration_s == pytest.approx(0.3, abs=0.05)


def test_an_interrupt_ends_the_recording(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(device, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        record_local(1)
    assert device.is_stopped


def test_a_device_that_is_absent_or_fails_is_one_sentence(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AudioFormatError, match=r"No input device .*query_devices\(\) lists"):
        record_local(1, device="absent")

    def failing(*_: Any, **__: Any) -> Any:
        raise PortAudioError("Invalid sample rate")

    monkeypatch.setattr(device, "rec", failing)
    with pytest.raises(AudioFormatError, match=r"cannot be used: Invalid sample rate\."):
        record_local(1)


def test_a_package_or_library_that_is_missing_is_named_with_its_cure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(ModuleNotFoundError, match=r"grok-live-widget\[local\]"):
        record_local(1)

    def no_library(*_: Any, **__: Any) -> Any:
        raise OSError("PortAudio library not found")

    finder = SimpleNamespace(find_spec=no_library)
    monkeypatch.delitem(sys.modules, "sounddevice")
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    with pytest.raises(AudioFormatError, match="apt-get install libportaudio2"):
        record_local(1)


@pytest.mark.parametrize("duration_s", [0, -1, 601, "long", float("nan")])
def test_a_duration_must_be_a_number_up_to_ten_minutes(duration_s: Any) -> None:
    with pytest.raises(ConfigurationError, match="duration_s must be"):
        record_local(duration_s)
