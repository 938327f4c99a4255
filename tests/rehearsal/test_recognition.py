"""Words, and what is said where there are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grok_live_widget.audio import samples_from_pcm
from grok_live_widget.rehearsal import recognition
from grok_live_widget.rehearsal.recognition import speech_note, words, words_are_available


def test_speech_without_words_is_noted_by_its_length() -> None:
    assert speech_note(2.34) == "(speech, 2.3 s)"


def test_clear_words_are_recognised(utterance: np.ndarray) -> None:
    pytest.importorskip("pocketsphinx")
    heard = words(utterance).split()
    assert {"hello", "there", "five"} <= set(heard)


def test_the_same_sound_gives_the_same_words_in_either_type(utterance: np.ndarray) -> None:
    pytest.importorskip("pocketsphinx")
    assert words(utterance) == words(samples_from_pcm(utterance)) == words(utterance)


def test_silence_and_nothing_have_no_words(silence: Any) -> None:
    assert words(silence(0)) == ""
    assert words(silence(0.5)) == ""


def test_without_the_recogniser_there_are_no_words(
    utterance: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognition, "find_spec", lambda name: None)
    assert not words_are_available()
    assert words(utterance) == ""
