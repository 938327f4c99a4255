"""What pictures of sound cost, as ratios within one run.

``python -m benchmarks.pictures`` prints a table for docs/performance.md: medians of the rounds, and
their range, of CPU time except where waited. librosa runs in an environment of its own, made on
first use in `benchmarks/.peers`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

RATE_HZ = 24_000
HOUR = 3_600 * RATE_HZ
ROUNDS = 25
PROCESSES = 7
COLUMNS = 2_000
LIBROSA = ("librosa==0.11.0", "setuptools<81")
PEERS = Path(__file__).parent / ".peers"

# Prints the CPU time of a mel spectrogram of a minute, once warm, and how long it takes [s].
THEIR_MEL = """
import sys, time
import librosa
import numpy as np

sound = np.load(sys.argv[1])
def mel():
    return librosa.feature.melspectrogram(
        y=sound, sr=24_000, n_fft=1024, hop_length=256, n_mels=80
    )
mel()
for _ in sys.stdin:
    began_s, cpu_s = time.perf_counter(), time.process_time()
    mel()
    print(time.process_time() - cpu_s, time.perf_counter() - began_s, flush=True)
"""

# Print the CPU time of the first picture in a fresh interpreter [s].
OUR_PICTURE = """
import time
import numpy as np
from grok_live_widget import Turn, plots
from grok_live_widget.audio import AudioBuffer

tape = AudioBuffer()
tape.append(np.random.default_rng(1).integers(-9_000, 9_000, 240_000).astype(np.int16))
turn = Turn("assistant", tape=tape)
began_s = time.process_time()
plots.waveform(turn).axes.figure.canvas.draw()
print(time.process_time() - began_s)
"""
MATPLOTLIBS_PICTURE = """
import time
import numpy as np

pcm = np.random.default_rng(1).integers(-9_000, 9_000, 240_000).astype(np.int16)
began_s = time.process_time()
import matplotlib.pyplot as plt

columns = pcm.reshape(2_000, 120) / 32768
times_s = np.arange(2_000) / 200
axes = plt.gca()
artist = axes.fill_between(times_s, columns.min(axis=1), columns.max(axis=1), linewidth=0.5)
axes.set(xlabel="Time [s]", ylabel="Amplitude", ylim=(-1, 1), title="Reply")
artist.axes.figure.canvas.draw()
print(time.process_time() - began_s)
"""


def main() -> int:
    """Print the table; the status is 1 if a ratio is beyond its limit."""
    rows = [envelope(), appended(), *mel(), first_picture()]
    print("| figure | ours [ms] | beside [ms] | ratio | limit |\n|---|---|---|---|---|")
    is_met = True
    for name, ours_s, beside_s, limit in rows:
        ratios = [one / other for one, other in zip(ours_s, beside_s, strict=True)]
        ratio = median(ratios)
        is_met &= ratio <= limit
        missed = "" if ratio <= limit else " missed"
        print(
            f"| {name} | {median(ours_s) * 1e3:.3g} | {median(beside_s) * 1e3:.3g} "
            f"| {ratio:.3g} ({min(ratios):.3g}–{max(ratios):.3g}) | ≤ {limit:.3g}{missed} |"
        )
    return 0 if is_met else 1


Row = tuple[str, list[float], list[float], float]


def envelope() -> Row:
    """An hour's envelope, beside one pass over all samples."""
    from grok_live_widget.audio import AudioBuffer

    tape = AudioBuffer(HOUR)
    noise = np.random.default_rng(1).integers(-9_000, 9_000, RATE_HZ).astype(np.int16)
    for _ in range(3_600):
        tape.append(noise)
    hour = tape.view()
    tape.envelope(COLUMNS)
    ours_s, theirs_s = [], []
    for _ in range(ROUNDS):
        ours_s.append(took_s(lambda: tape.envelope(COLUMNS)))
        theirs_s.append(took_s(lambda: (hour.min(), hour.max())))
    return "envelope of an hour / one pass of numpy's min and max", ours_s, theirs_s, 1 / 50


def appended() -> Row:
    """A minute of appending after an hour, beside the first minute."""
    from grok_live_widget.audio import AudioBuffer

    chunk = np.random.default_rng(1).integers(-9_000, 9_000, 2_400).astype(np.int16)
    late_s, early_s = [], []
    for _ in range(ROUNDS):
        tape = AudioBuffer()
        minutes_s = []
        for _ in range(61):
            append = partial(append_times, tape, chunk, 10)
            seconds_s = [took_s(append) for _ in range(60)]
            minutes_s.append(median(seconds_s))
            tape.envelope(COLUMNS)
        early_s.append(minutes_s[0])
        late_s.append(minutes_s[-1])
    return "append a second after an hour / in the first minute", late_s, early_s, 1.2


def append_times(tape: object, chunk: np.ndarray, count: int) -> None:
    for _ in range(count):
        tape.append(chunk)


def mel() -> tuple[Row, Row]:
    """A minute's mel spectrogram, beside that of librosa; both are warm and take turns.

    librosa gives a part of the work to another thread, so that it takes less time than CPU time
    where another processor is free.
    """
    from grok_live_widget.audio import mel_spectrogram

    sound = (np.random.default_rng(1).standard_normal(60 * RATE_HZ) * 0.1).astype(np.float32)
    path = PEERS / "minute.npy"
    python = python_with(*LIBROSA)
    np.save(path, sound)
    command = [python, "-c", THEIR_MEL, str(path)]
    ours, theirs = [], []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as librosa:
        mel_spectrogram(sound, RATE_HZ)
        for _ in range(ROUNDS):
            librosa.stdin.write("go\n")
            theirs.append([float(each) for each in librosa.stdout.readline().split()])
            began_s = time.perf_counter()
            cpu_s = took_s(lambda: mel_spectrogram(sound, RATE_HZ))
            ours.append([cpu_s, time.perf_counter() - began_s])
        librosa.stdin.close()
    path.unlink()
    (our_cpu_s, our_s), (their_cpu_s, their_s) = (
        [*zip(*each, strict=True)] for each in (ours, theirs)
    )
    name = "mel spectrogram of a minute / librosa"
    return (
        (f"{name}, CPU time", our_cpu_s, their_cpu_s, 1.0),
        (f"{name}, waited", our_s, their_s, 1.0),
    )


def first_picture() -> Row:
    """The first picture after the import, beside the same one by matplotlib alone."""
    ours_s, theirs_s = [], []
    for number in range(PROCESSES + 1):
        ours, theirs = (printed_s(code) for code in (OUR_PICTURE, MATPLOTLIBS_PICTURE))
        # The first of them writes compiled files.
        if number:
            ours_s.append(ours)
            theirs_s.append(theirs)
    return "first waveform after the import / by matplotlib alone", ours_s, theirs_s, 1.2


# --------------------------------------------------------------------------- tools
def took_s(work: Callable[[], object]) -> float:
    """CPU time of all threads, which other work on the machine changes little."""
    began_s = time.process_time()
    work()
    return time.process_time() - began_s


def printed_s(code: str) -> float:
    environment = os.environ | {"MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    return float(json.loads(done.stdout))


def python_with(*requirements: str) -> str:
    """The interpreter of an environment with these packages."""
    folder = PEERS / "librosa"
    if not (folder / "done").is_file():
        PEERS.mkdir(exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--disable-pip-version-check", *requirements], check=True)
        (folder / "done").touch()
    return str(folder / "bin" / "python")


if __name__ == "__main__":
    sys.exit(main())
