"""What several talks in one kernel cost: processors and memory, by the number of talks.

    python -m benchmarks.talks --counts 1 2 4 8 --seconds 10

Each talk has its connection in a process of its own. *idle*: it is open. *speaking*: it sends sound
as a microphone does. The voice server is not counted. Run it while nothing else does.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
import psutil

from grok_live_widget import PushToTalk, Talk

from .lab_panel import voice_server
from .panel import machine, report

RATE_HZ = 24_000
SETTLE_S = 2.0


def measure(url: str, count: int, seconds: float) -> list[str]:
    """Rows of the table for so many talks."""
    rows = []
    with ExitStack() as stack:
        talks = [
            stack.enter_context(
                Talk(url=url, api_key="any", turn_detection=PushToTalk(), isolation="process")
            )
            for _ in range(count)
        ]
        for talk in talks:
            talk.start()
        processes = [psutil.Process(), *(psutil.Process(each) for each in ids_of(talks))]
        time.sleep(SETTLE_S)
        rss_mb = sum(each.memory_info().rss for each in processes[1:]) / 1e6
        idle = cores(processes, seconds)
        noise = np.random.default_rng(1).normal(0, 2000, round(RATE_HZ * (seconds + 2 * SETTLE_S)))
        pcm = noise.astype(np.int16)
        with ThreadPoolExecutor(count) as pool:
            sending = [
                pool.submit(talk.send_audio, pcm, RATE_HZ, end=False, pace="realtime")
                for talk in talks
            ]
            time.sleep(SETTLE_S)
            speaking = cores(processes, seconds)
            for each in sending:
                each.result()
    for name, used in (("idle", idle), ("speaking", speaking)):
        rows.append(
            f"| {count} | {name} | {used:.3f} | {used / count:.3f} | {rss_mb / count:.0f} |"
        )
        report(rows[-1])
    return rows


def ids_of(talks: list[Talk]) -> list[int]:
    return [int(talk._sessions.process_id or 0) for talk in talks]  # type: ignore[union-attr]


def cores(processes: list[psutil.Process], seconds: float) -> float:
    """Cores that the processes use together."""
    before, begun_s = used_s(processes), time.monotonic()
    time.sleep(seconds)
    return (used_s(processes) - before) / (time.monotonic() - begun_s)


def used_s(processes: list[psutil.Process]) -> float:
    return sum(sum(each.cpu_times()[:2]) for each in processes)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.talks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--counts", nargs="+", type=int, default=[1, 2, 4, 8])
    parser.add_argument("--seconds", type=float, default=10, help="of each case")
    options = parser.parse_args()
    os.environ.pop("GROK_LIVE_ISOLATION", None)
    print(machine(), flush=True)
    rows = []
    with voice_server() as url:
        for count in options.counts:
            rows += measure(url, count, options.seconds)
    print("| talks | | cores | cores of each | memory of each process [MB] |")
    print("|--:|---|--:|--:|--:|")
    print(*rows, sep="\n")


if __name__ == "__main__":
    main()
