"""The stored figures of other libraries are computed anew, and those of new speech compared."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from grok_live_widget.audio import pitch, write_wav
from grok_live_widget.rehearsal.tts import VOICES, speak

from ..golden.figures import REQUIREMENTS
from .environments import INSTALL_WITHIN_S, ROOT, python_with, surroundings

pytestmark = [pytest.mark.peers, pytest.mark.slow]

# Of new speech, which flutters differently each time: prints the median that librosa finds.
MEDIANS = """
import sys
import numpy as np
import soundfile
from tests.golden.figures import pyin_hz

for path in sys.argv[1:]:
    samples, rate_hz = soundfile.read(path, dtype="float32")
    print(np.nanmedian(pyin_hz(samples, rate_hz)))
"""


def run(*arguments: str) -> str:
    command = [python_with(*REQUIREMENTS), *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=surroundings(),
        capture_output=True,
        text=True,
        timeout=INSTALL_WITHIN_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_stored_figures_are_those_of_the_libraries(tmp_path: Path) -> None:
    run("-m", "tests.golden.figures", str(tmp_path / "figures.npz"))
    stored = dict(np.load(ROOT / "tests" / "golden" / "figures.npz"))
    computed = dict(np.load(tmp_path / "figures.npz"))
    assert computed.keys() == stored.keys()
    for name, values in computed.items():
        scale = np.nanmax(np.abs(values))
        np.testing.assert_allclose(stored[name], values, rtol=1e-4, atol=1e-6 * scale, err_msg=name)


def test_new_speech_of_each_voice_has_the_median_of_pyin_in_librosa(tmp_path: Path) -> None:
    text = "We measure the pitch of this voice, and compare it with that of another one."
    ours_hz, paths = [], []
    for voice in VOICES:
        spoken = list(speak(text, voice))
        pcm = np.concatenate([each.pcm for each in spoken])
        rate_hz = spoken[0].sample_rate
        paths.append(str(tmp_path / f"{voice}.wav"))
        ours_hz.append(pitch(pcm, rate_hz).median_hz)
        write_wav(paths[-1], pcm, rate_hz)
    theirs_hz = [float(line) for line in run("-c", MEDIANS, *paths).split()]
    assert ours_hz == pytest.approx(theirs_hz, rel=0.01)
