"""Words, and what is said where there are none."""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np
import pytest

from grok_live_widget.audio import samples_from_pcm
from grok_live_widget.rehearsal.asr import (
    _without_insults,
    recognise,
    recognition_is_available,
    speech_note,
)


def test_speech_without_words_is_noted_by_its_length() -> None:
    assert speech_note(2.34) == "(speech, 2.3 s)"


def test_a_sentence_that_is_misheard_has_no_insult() -> None:
    assert _without_insults("not to go full retard slowly") == "not to go full slowly"
    assert _without_insults("the rugosa roses do") == "the rugosa roses do"
    assert _without_insults("retarded") == ""


def test_clear_words_are_recognised(utterance: np.ndarray) -> None:
    pytest.importorskip("pocketsphinx")
    received = recognise(utterance).split()
    assert {"hello", "there", "five"} <= set(received)


def test_the_same_audio_gives_the_same_words_in_either_type(utterance: np.ndarray) -> None:
    pytest.importorskip("pocketsphinx")
    assert recognise(utterance) == recognise(samples_from_pcm(utterance)) == recognise(utterance)


def test_silence_and_nothing_have_no_words(silence: Any) -> None:
    assert recognise(silence(0)) == ""
    assert recognise(silence(0.5)) == ""


def test_a_cancelled_recognition_skips_the_rest(utterance: np.ndarray) -> None:
    pytest.importorskip("pocketsphinx")
    cancelled = threading.Event()
    assert recognise(utterance, cancelled) == recognise(utterance)
    cancelled.set()
    assert recognise(utterance, cancelled) == ""


def test_without_the_recogniser_there_are_no_words(
    utterance: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pocketsphinx", None)
    assert not recognition_is_available()
    assert recognise(utterance) == ""
