"""What it saves to hand on messages in `process_event` instead of awaiting them in a task.

``python -m benchmarks.receiving`` measures `MessageSocket` against `recv(decode=False)` in a loop
and against `async for message in websocket`, each inside of the floor client and of this package.
"""

from __future__ import annotations

import argparse
from statistics import median

from benchmarks.connection import Benchmark, Client, report, running_server
from benchmarks.jobs import JOBS, REAL_TIME_S

VARIANTS = {
    "floor": ("floor_message_socket", "floor_recv", "floor_async_for"),
    "ours": ("ours", "ours_recv", "ours_async_for"),
}
MESSAGES_PER_S = JOBS["real_time"].received_count / REAL_TIME_S
Figures = dict[str, float]


def differences(found: Figures, names: tuple[str, ...]) -> Figures:
    """What each variant costs more than the first."""
    return {name: found[name] - found[names[0]] for name in names[1:]}


def spread(values: list[float]) -> str:
    return f"{median(values):+.2f} ({min(values):+.2f} to {max(values):+.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.receiving", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    clients = {name: Client(title=name) for names in VARIANTS.values() for name in names}
    bursts: list[Figures] = []
    real_times: list[Figures] = []
    for number in range(1, options.runs + 1):
        with running_server() as url:
            benchmark = Benchmark(clients, url, options.rounds)
            scale = 1e6 / JOBS["burst_down"].received_count
            bursts.append(benchmark.measure_one_by_one("burst_down", "cpu_s", scale))
            real_times.append(benchmark.measure_together("real_time", "cpu_s", 1e3 / REAL_TIME_S))
        report(f"run {number} of {options.runs}: {bursts[-1]} µs, {real_times[-1]} ms/s")
    print("More than with MessageSocket, median over the runs (range):")
    for names in VARIANTS.values():
        for name in names[1:]:
            burst = [differences(each, names)[name] for each in bursts]
            real = [differences(each, names)[name] for each in real_times]
            percent = [100 * differences(each, names)[name] / each[names[0]] for each in real_times]
            per_message = [each / MESSAGES_PER_S * 1e3 for each in real]
            print(
                f"{name}: burst down {spread(burst)} µs per message; "
                f"real time {spread(per_message)} µs per message, {spread(percent)} %"
            )


if __name__ == "__main__":
    main()
