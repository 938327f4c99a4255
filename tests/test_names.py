"""Names are listed if they are for users, and suggested if they are misspelt."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

PACKAGES = ("audio", "events", "experiments", "plots", "rehearsal", "rehearsal.faults")


def package(name: str) -> object:
    return importlib.import_module(f"grok_live_widget.{name}".rstrip("."))


@pytest.mark.parametrize(
    ("where", "wrong", "right"),
    [
        ("", "GrokLve", "GrokLive"),
        ("", "plot", "plots"),
        ("plots", "wavform", "waveform"),
        ("rehearsal", "read_scrip", "read_script"),
        ("audio", "mel_spectogram", "mel_spectrogram"),
        ("experiments", "load_result", "load_results"),
        ("events", "SpeechStartd", "SpeechStarted"),
    ],
)
def test_a_misspelt_name_is_an_error_with_the_nearest_one(
    where: str, wrong: str, right: str
) -> None:
    with pytest.raises(AttributeError) as caught:
        getattr(package(where), wrong)
    shown = f"grok_live_widget.{where}".rstrip(".")
    assert str(caught.value) == f"{shown} has no attribute {wrong!r}. Did you mean {right!r}?"
    assert caught.value.name == wrong


def test_python_does_not_suggest_the_same_name_again() -> None:
    code = "import grok_live_widget; grok_live_widget.GrokLve"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.endswith("has no attribute 'GrokLve'. Did you mean 'GrokLive'?\n")


def test_a_name_like_no_other_is_an_error_without_a_suggestion() -> None:
    with pytest.raises(AttributeError, match=r"^grok_live_widget\.plots has no attribute 'q'\.$"):
        getattr(package("plots"), "q")  # noqa: B009


@pytest.mark.parametrize("name", PACKAGES)
def test_every_listed_name_exists(name: str) -> None:
    assert all(hasattr(package(name), each) for each in dir(package(name)))


def test_what_only_other_packages_use_exists_and_is_not_listed() -> None:
    for where, name in (("plots", "axes_of"), ("plots", "drawn"), ("audio", "AudioBuffer")):
        assert hasattr(package(where), name)
        assert name not in dir(package(where))
    assert dir(package("plots")) == [
        *("COLORS", "LatencyArtists", "LiveFigure", "Palette", "TimelineArtists"),
        *("compare_turns", "latency", "level", "live", "mel_spectrogram", "mfcc", "palette_of"),
        *("pitch", "speaking_rate", "spectrogram", "timeline", "waveform"),
    ]
