"""Both laws of telephony, held against tools that others wrote."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from grok_live_widget.audio import read_audio
from grok_live_widget.audio.g711 import PCM, codec_of

LAWS = {"pcmu": "u-law", "pcma": "a-law"}
EVERY_SAMPLE = np.arange(-32_768, 32_768).astype("<i2")
EVERY_CODE = bytes(range(256))


def decoded(law: str, data: bytes) -> np.ndarray:
    pcm, left_over = codec_of(law).decode(data)
    assert left_over == 0
    return np.frombuffer(pcm, "<i2")


@pytest.mark.parametrize("law", LAWS)
def test_every_code_sounds_as_sox_has_it(law: str, tmp_path: Path) -> None:
    if not shutil.which("sox"):
        pytest.skip("sox is not installed")
    raw, wav = tmp_path / "codes.raw", tmp_path / "samples.wav"
    raw.write_bytes(EVERY_CODE)
    form = ["-t", "raw", "-r", "8000", "-c", "1", "-e", LAWS[law], "-b", "8"]
    subprocess.run(["sox", *form, str(raw), "-b", "16", "-e", "signed", str(wav)], check=True)
    assert np.array_equal(decoded(law, EVERY_CODE), read_audio(wav)[0])


@pytest.mark.parametrize("law", LAWS)
def test_a_code_comes_back_as_itself_and_a_sample_as_its_nearest_code(law: str) -> None:
    codec, sounds = codec_of(law), decoded(law, EVERY_CODE)
    again = decoded(law, codec.encode(sounds.tobytes()))
    assert np.array_equal(again, sounds)
    heard = decoded(law, codec.encode(EVERY_SAMPLE.tobytes())).astype(int)
    least = np.abs(EVERY_SAMPLE[:, None].astype(int) - sounds[None, :]).min(axis=1)
    assert np.array_equal(np.abs(heard - EVERY_SAMPLE), least)


def test_silence_is_the_code_that_telephones_send_for_it() -> None:
    assert codec_of("pcmu").encode(bytes(4)) == b"\xff\xff"
    assert codec_of("pcma").encode(bytes(2)) in (b"\xd5", b"\x55")


@pytest.mark.parametrize("encoding", ["pcm", "pcmu", "pcma"])
def test_nothing_is_nothing(encoding: str) -> None:
    assert codec_of(encoding).encode(b"") == b""
    assert codec_of(encoding).decode(b"") == (b"", 0)


def test_a_half_sample_of_pcm_is_dropped_and_counted() -> None:
    assert PCM.decode(b"\1\2\3") == (b"\1\2", 1)
    assert codec_of("pcmu").decode(b"\1\2\3")[1] == 0
