"""The sound of a question: what is accepted, and the sentences for what is not."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from grok_live_widget import Talk
from grok_live_widget.audio import ClipConverter, wav_bytes, write_wav
from grok_live_widget.client.clips import Clip, read_clip
from grok_live_widget.exceptions import (
    AudioFormatError,
    ConfigurationError,
    GrokLiveError,
    ReplyTimeout,
)

from ..support.sound import RATE_HZ, sine, tone

ALLOWED = "must be a text, a pathlib.Path of a sound file, or an array of samples, not"


@pytest.mark.parametrize("verb", ["ask", "say"])
@pytest.mark.parametrize("rate", [None, 24_000])
@pytest.mark.parametrize(
    ("question", "says"),
    [
        (5, f"{ALLOWED} int"),
        (0.5, f"{ALLOWED} float"),
        (None, f"{ALLOWED} NoneType"),
        (b"x", f"{ALLOWED} bytes.*frombuffer"),
        ({}, f"{ALLOWED} dict"),
        (np.float32(1), f"{ALLOWED} float32"),
        (np.array(3), f"{ALLOWED} ndarray"),
        (iter([1]), f"{ALLOWED} list_iterator"),
        ([], "the sound is empty"),
        (np.zeros(0, np.int16), "the sound is empty"),
        (np.zeros((0, 2), np.int16), "the sound is empty"),
        ("", "nothing to say"),
    ],
)
def test_what_is_no_question_is_refused_by_its_kind(
    verb: str, question: Any, rate: int | None, says: str
) -> None:
    with Talk(partner="parrot") as talk:
        with pytest.raises(ConfigurationError, match=says):
            getattr(talk, verb)(question, rate)
        assert talk.phase == "closed"


@pytest.mark.parametrize("question", [np.zeros(9, np.int16), [0.5, 0.1]])
def test_an_array_needs_its_rate(question: Any) -> None:
    with Talk(partner="parrot") as talk, pytest.raises(ConfigurationError, match="is missing"):
        talk.ask(question)


def test_a_text_takes_no_rate() -> None:
    with (
        Talk(partner="parrot") as talk,
        pytest.raises(ConfigurationError, match=r"sample_rate=24000 was given with a text.*Path"),
    ):
        talk.ask("hi", 24_000)


def test_a_file_takes_no_other_rate_than_its_own(tmp_path: Path) -> None:
    path, pcm = tmp_path / "tone.wav", tone(0.1, rate_hz=16_000)
    write_wav(path, pcm, 16_000)
    expected = ClipConverter().convert(pcm, 16_000)
    assert read_clip(path, None, RATE_HZ).pcm == expected
    assert read_clip(path, 16_000, RATE_HZ).pcm == expected
    with pytest.raises(ConfigurationError, match=r"tone\.wav', which is at 16000 Hz"):
        read_clip(path, 24_000, RATE_HZ)


def test_errors_of_a_file_name_it(tmp_path: Path) -> None:
    write_wav(tmp_path / "none.wav", np.zeros(0, np.int16))
    (tmp_path / "zero.wav").touch()
    loud = sine(0.1, amplitude=9_000.0)
    soundfile.write(tmp_path / "loud.wav", loud, RATE_HZ, subtype="FLOAT")
    for name, says in {
        "none.wav": "has no samples",
        "zero.wav": "is empty",
        "loud.wav": "x / 32768",
        "absent.wav": "there is no file",
        ".": "is a folder",
    }.items():
        with pytest.raises(GrokLiveError, match=says) as caught:
            read_clip(tmp_path / name, None, RATE_HZ)
        assert str(tmp_path / name) in str(caught.value)


def test_notes_about_a_file_come_with_its_clip(tmp_path: Path) -> None:
    stereo = np.stack((sine(0.5), -sine(0.5)), axis=1)
    soundfile.write(tmp_path / "stereo.wav", stereo, RATE_HZ, subtype="FLOAT")
    clip = read_clip(tmp_path / "stereo.wav", None, RATE_HZ)
    assert clip.notes == (clip.mix_note,)
    assert "cancel" in clip.mix_note


def test_an_array_of_another_dtype_is_refused() -> None:
    with pytest.raises(AudioFormatError, match="int32"):
        read_clip(np.zeros(9, np.int32), RATE_HZ, RATE_HZ)


@pytest.mark.parametrize(
    ("suffix", "subtype", "error"),
    [
        ("wav", "FLOAT", 1),
        ("wav", "DOUBLE", 1),
        ("wav", "PCM_24", 1),
        ("wav", "PCM_U8", 256),
        ("wav", "ULAW", 1_024),
        ("wav", "ALAW", 1_024),
        ("flac", "PCM_16", 1),
        ("aiff", "PCM_16", 1),
        ("ogg", "VORBIS", 2_000),
    ],
)
def test_a_file_of_each_kind_becomes_a_clip(
    tmp_path: Path, suffix: str, subtype: str, error: int
) -> None:
    x = sine(0.5, fade_s=0.05)
    path = tmp_path / f"x.{suffix}"
    soundfile.write(path, x, RATE_HZ, subtype=subtype)
    pcm = np.frombuffer(read_clip(path, None, RATE_HZ).pcm, np.int16).astype(int)
    expected = np.rint(x * 32768)
    assert len(pcm) == len(x)
    assert np.abs(pcm - expected).max() <= error


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with a name need a POSIX system")
def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    pipe, pcm = tmp_path / "pipe.wav", tone(0.1)
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(wav_bytes(pcm),))
    writer.start()
    assert read_clip(pipe, None, RATE_HZ).pcm == pcm.tobytes()
    writer.join()


# --------------------------------------------------------------------------- silence
def quiet(level: int) -> np.ndarray:
    """Noise of `level` steps of 65,536 around 5."""
    return np.random.default_rng(440).integers(5, 6 + level, RATE_HZ // 2).astype(np.int16)


@pytest.mark.parametrize(("level", "is_silent"), [(0, True), (2, True), (3, False)])
def test_a_sound_is_silent_if_its_samples_hardly_differ(level: int, is_silent: bool) -> None:
    clip = read_clip(quiet(level), RATE_HZ, RATE_HZ)
    assert clip.is_silent is is_silent
    assert ("is silent: check the microphone" in clip.why_unheard) is is_silent


@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_a_silent_question_is_known_after_a_second_and_keeps_the_session(dialect: Any) -> None:
    with Talk(partner="parrot", dialect=dialect) as talk:
        talk.ask("hello")
        with pytest.raises(ReplyTimeout, match=r"no speech.*in 1\.1? s of.*silent: check.*Push"):
            talk.ask(quiet(2), RATE_HZ)
        # The same session answers on: without speech the server had nothing to send.
        assert talk.phase == "open"
        assert talk.ask("still there").text == "still there"
        assert not talk.turns[-1].seam


@pytest.mark.parametrize(
    ("last_s", "may"), [(0.5, False), (1.0, False), (1.1, True), (9.0, True), (0.0, False)]
)
def test_the_end_of_a_sound_may_be_speech_if_it_is_not_much_quieter(
    last_s: float, may: bool
) -> None:
    faint = 100 * np.ones(RATE_HZ, np.int16)
    pcm = np.concatenate((tone(1.0), faint)).astype("<i2").tobytes()
    assert Clip(pcm=pcm, duration_s=2.0).may_end_with_speech(last_s) == may


def test_a_sound_without_samples_does_not_end_with_speech() -> None:
    assert not Clip(pcm=b"").may_end_with_speech(1.0)
