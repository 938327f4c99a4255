"""An hour of both sides, recorded: prints how much more memory it takes than its first minute.

Usage: ``python -m tests.support.recorded_hour FOLDER``; the server is another process.
"""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from grok_live_widget import PushToTalk, RehearsalServer, Talk

from .sound import RATE_HZ

MINUTES = 60


def main(folder: str) -> None:
    serving = subprocess.Popen(
        [sys.executable, "-m", __name__ if __spec__ is None else __spec__.name, "serve"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert serving.stdout is not None
        url = serving.stdout.readline().strip()
        minute = np.random.default_rng(1).integers(-3000, 3000, 60 * RATE_HZ).astype(np.int16)
        settings = {"turn_detection": PushToTalk(), "transcription": None, "record": folder}
        with Talk(url=url, api_key="any", **settings) as talk:
            talk.ask(minute, RATE_HZ, timeout_s=60)
            begun = resident_bytes()
            for _ in range(MINUTES - 1):
                talk.ask(minute, RATE_HZ, timeout_s=60)
            grown = resident_bytes() - begun
            assert all(len(turn.pcm) == len(minute) for turn in talk.turns[:2])
            assert len(talk.turns) == 2 * MINUTES
        sys.stdout.write(str(grown))
    finally:
        serving.terminate()
        serving.wait()


def serve() -> None:
    """The parrot, until the process is ended."""
    with RehearsalServer("parrot", speed=float("inf"), words=False) as server:
        sys.stdout.write(server.url() + "\n")
        sys.stdout.flush()
        time.sleep(3600)


def resident_bytes() -> int:
    gc.collect()
    [line] = [
        line for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line
    ]
    return 1024 * int(line.split()[1])


if __name__ == "__main__":
    serve() if sys.argv[1] == "serve" else main(sys.argv[1])
