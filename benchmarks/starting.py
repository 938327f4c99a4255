"""How long the first `Talk.start()` of an interpreter takes, by where the connection is.

    python -m benchmarks.starting --rounds 9

*shown*: a panel has been shown a second before, as it is before a user presses Start; the process
of the connection runs then. Each time is that of a new interpreter; the cases follow each other in
each round. The voice server is in a process of its own, or, for *rehearsal*, started by the talk.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys

from .lab_panel import voice_server
from .panel import machine

CODE = """
import sys, time
from grok_live_widget import Talk
from grok_live_widget.client import TALK_THREAD

_, isolation, is_shown, url = sys.argv
given = {"url": url, "api_key": "any"} if url else {"partner": "parrot"}
talk = Talk(isolation=isolation, **given)
async def prepare():
    talk._sessions.prepare()
if is_shown == "shown":
    TALK_THREAD.run(prepare())
    time.sleep(1)
began_s = time.perf_counter()
talk.start()
print(time.perf_counter() - began_s)
talk.stop()
"""
CASES = [("thread", "", "server"), ("process", "", "server"), ("process", "shown", "server")]
CASES += [(isolation, is_shown, "rehearsal") for isolation, is_shown, _ in CASES]


def start_s(isolation: str, is_shown: str, url: str) -> float:
    """The time of one start."""
    command = [sys.executable, "-c", CODE, isolation, is_shown, url]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.starting",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    os.environ.pop("GROK_LIVE_ISOLATION", None)
    print(machine(), flush=True)
    times: dict[tuple[str, str, str], list[float]] = {case: [] for case in CASES}
    with voice_server() as url:
        for _ in range(options.rounds):
            for isolation, is_shown, where in CASES:
                measured = start_s(isolation, is_shown, url if where == "server" else "")
                times[isolation, is_shown, where].append(measured)
    print("| connection | voice server | median [s] | least [s] | greatest [s] |")
    print("|---|---|--:|--:|--:|")
    for (isolation, is_shown, where), found in times.items():
        place = f"{isolation}, {is_shown}" if is_shown else isolation
        print(
            f"| {place} | {where} | {statistics.median(found):.3f} | {min(found):.3f} "
            f"| {max(found):.3f} |"
        )


if __name__ == "__main__":
    main()
