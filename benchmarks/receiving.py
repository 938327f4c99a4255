"""What it saves to hand on messages in `process_event` instead of awaiting them in a task.

``python -m benchmarks.receiving`` measures `MessageSocket` against `recv(decode=False)` in a loop
and against `async for message in websocket`, each inside of the floor client and of this package
without a recording. Differences are taken within a round, where they have the same load beside
them.
"""

from __future__ import annotations

import argparse
import random
from statistics import median, quantiles

from benchmarks.connection import Benchmark, Client, report, running_server
from benchmarks.jobs import JOBS, REAL_TIME_S

VARIANTS = {
    "floor_message_socket": ("floor_recv", "floor_async_for"),
    "ours_recording_off": ("ours_recv", "ours_async_for"),
}
NAMES = [*VARIANTS, *(name for others in VARIANTS.values() for name in others)]
Costs = dict[str, float]
"""CPU time of each client in one round [µs per received message]."""


def measure(benchmark: Benchmark, job: str) -> Costs:
    names = random.sample(NAMES, len(NAMES))
    groups = [names] if JOBS[job].is_paced else [[name] for name in names]
    scale = 1e6 / JOBS[job].received_count
    return {
        name: figures["cpu_s"] * scale
        for group in groups
        for name, figures in benchmark.do_together(group, job).items()
    }


def summary(rounds: list[Costs], base: str, name: str) -> str:
    differences = [costs[name] - costs[base] for costs in rounds]
    low, _, high = quantiles(differences, n=4)
    cost = median(costs[base] for costs in rounds)
    return (
        f"{name}: {median(differences):+.1f} µs per message (quartiles {low:+.1f} and {high:+.1f}),"
        f" {100 * median(differences) / cost:+.1f} % of {base} ({cost:.1f} µs)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.receiving", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--bursts", type=int, default=40, help="rounds of burst down")
    parser.add_argument("--rounds", type=int, default=9, help="rounds of the paced jobs")
    options = parser.parse_args()
    if min(options.bursts, options.rounds) < 2:
        parser.error("quartiles need at least two rounds")
    clients = {name: Client(title=name) for name in NAMES}
    counts = {
        "burst_down": options.bursts,
        "single_messages": options.rounds,
        "real_time": options.rounds,
    }
    with running_server() as url:
        benchmark = Benchmark(clients, url, round_count=1)
        for job, count in counts.items():
            rounds = []
            for number in range(1, count + 1):
                rounds.append(measure(benchmark, job))
                report(f"{job}, round {number} of {count}: {rounds[-1]}")
            rate = JOBS[job].received_count / REAL_TIME_S
            print(f"{job}, {rate:.1f} messages per second" if JOBS[job].is_paced else job)
            for base, names in VARIANTS.items():
                for name in names:
                    print(f"  {summary(rounds, base, name)}", flush=True)


if __name__ == "__main__":
    main()
