"""What a connection costs: this package beside minimal clients and SDKs, on one loopback server.

``make bench`` prints the table of docs/performance.md, ``make bench-all`` that of more SDKs.
Every client runs in a process of its own and checks that everything it sent and was sent arrived;
the order is shuffled, figures are medians, and what may be compared are the ratios within one
run. Nothing here asserts a time.

Each SDK has an environment of its own, made on first use (``benchmarks/.peers``).
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.jobs import JOBS, REAL_TIME_S

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "benchmarks" / ".peers"

# Threads of OpenBLAS spin for a while when numpy is imported, and would be counted for everyone.
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)


@dataclass(frozen=True, kw_only=True)
class Client:
    """A client of the benchmark, whose code is the module of its name in `clients`.

    Parameters
    ----------
    title : str
        Heading of its column.
    imports : str
        What its user imports; empty to leave the import out.
    packages : tuple of str
        What pip installs into its environment; empty for a client that runs in ours.
    skips : tuple of str
        Jobs that it cannot do as the others do; docs/performance.md says why.
    """

    title: str
    imports: str = ""
    packages: tuple[str, ...] = ()
    skips: tuple[str, ...] = ()


CLIENTS = {
    "ours": Client(title="ours", imports="from grok_live_widget import connect"),
    "ours_recording_off": Client(title="ours, recording off"),
    # The third-party packages that `connect` imports.
    "floor": Client(
        title="floor",
        imports="import websockets.asyncio.client, numpy, msgspec, pybase64, soxr",
    ),
    "bare": Client(title="bare"),
}
SDKS = {
    "openai": Client(
        title="openai",
        imports="from openai import AsyncOpenAI; AsyncOpenAI(api_key='x').realtime.connect",
        packages=("openai[realtime]", "numpy"),
    ),
    "openai_agents": Client(
        title="openai-agents",
        imports="from agents.realtime import RealtimeAgent, RealtimeRunner",
        packages=("openai-agents", "numpy"),
    ),
}
MORE_SDKS = {
    "pipecat": Client(
        title="pipecat",
        imports="from pipecat.services.xai.realtime.llm import GrokRealtimeLLMService\n"
        "from pipecat.pipeline.worker import PipelineWorker",
        packages=("pipecat-ai[xai]", "numpy"),
    ),
    "livekit": Client(
        title="livekit",
        imports="from livekit.plugins import xai",
        packages=("livekit-agents", "livekit-plugins-xai", "numpy"),
        skips=("burst_up",),
    ),
}
OUR_PACKAGES = ("websockets", "numpy", "msgspec", "pybase64", "soxr")

Clients = dict[str, Client]
Medians = dict[str, float]
"""The median of each client over the rounds of a run."""


@dataclass(frozen=True)
class Row:
    """One row of the table, and the most that ours may cost beside the floor, if limited."""

    title: str
    unit: str
    limit: float | None = None


ROWS = {
    "burst_down": Row("Burst down, per message", "µs", 1.45),
    "burst_up": Row("Burst up, per 40 ms chunk", "µs", 1.40),
    "real_time": Row("Real time, per second", "ms", 1.20),
    "speech_started": Row("`speech_started` behind 60 s of audio, waited", "ms"),
    "import": Row("Import", "ms", 1.10),
}
Run = dict[str, Medians]
"""The medians of each row."""


# --------------------------------------------------------------------------- environments
def python_of(name: str, client: Client) -> str:
    """The Python of a client; that of an SDK is installed now if it is missing or outdated."""
    if not client.packages:
        return sys.executable
    folder = PEERS / name
    python, installed = folder / "bin" / "python", folder / "installed.json"
    wanted = json.dumps(client.packages)
    if not installed.exists() or installed.read_text() != wanted:
        report(f"installing {', '.join(client.packages)} into {folder.relative_to(ROOT)}")
        venv.create(folder, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *client.packages], check=True)
        installed.write_text(wanted)
    return str(python)


def versions(clients: Clients) -> str:
    """What was measured."""
    code = "import sys; from importlib.metadata import version\n" + (
        "print(', '.join(f'{each} {version(each)}' for each in sys.argv[1:]))"
    )
    found = [f"Python {sys.version.split()[0]}", output_of(sys.executable, code, *OUR_PACKAGES)]
    for name, client in clients.items():
        if client.packages:
            packages = [each.partition("[")[0] for each in client.packages if each != "numpy"]
            found.append(output_of(python_of(name, client), code, *packages))
    return "; ".join(found)


def output_of(python: str, code: str, *arguments: str) -> str:
    done = subprocess.run(
        [python, "-c", code, *arguments],
        check=True, capture_output=True, text=True, env=ENVIRONMENT, cwd=ROOT,
    )  # fmt: skip
    return done.stdout.strip()


def report(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# --------------------------------------------------------------------------- measuring
@contextlib.contextmanager
def running_server() -> Iterator[str]:
    """The server, in a process of its own; gives its address."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-m", "benchmarks.server"]
    with subprocess.Popen(command, env=ENVIRONMENT, cwd=ROOT, **pipes) as server:
        port = server.stdout.readline().strip()
        yield f"ws://127.0.0.1:{port}/v1/realtime"
        server.stdin.close()


class Benchmark:
    """Measures `clients` with the server at `url`."""

    def __init__(self, clients: Clients, url: str, round_count: int) -> None:
        self.clients, self.url, self.round_count = clients, url, round_count

    def run(self) -> Iterator[tuple[str, Medians]]:
        """Measure one row after the other."""
        down_count, up_count = JOBS["burst_down"].received_count, JOBS["burst_up"].chunk_count
        yield "burst_down", self.measure_one_by_one("burst_down", "cpu_s", 1e6 / down_count)
        yield "burst_up", self.measure_one_by_one("burst_up", "cpu_s", 1e6 / up_count)
        yield "real_time", self.measure_together("real_time", "cpu_s", 1e3 / REAL_TIME_S)
        yield "speech_started", self.measure_one_by_one("speech_started", "waited_s", 1e3)
        yield "import", self.measure_imports()

    def names_for(self, job: str) -> list[str]:
        return [name for name, client in self.clients.items() if job not in client.skips]

    def measure_one_by_one(self, job: str, figure: str, scale: float) -> Medians:
        return medians_in_turns(
            lambda name: self.do_together([name], job)[name][figure] * scale,
            self.names_for(job),
            self.round_count,
        )

    def measure_together(self, job: str, figure: str, scale: float) -> Medians:
        """All clients at the same moment, because each round takes a while."""
        names = self.names_for(job)
        rounds = [
            self.do_together(random.sample(names, len(names)), job)
            for _ in range(max(1, self.round_count // 2))
        ]
        return {name: median(each[name][figure] * scale for each in rounds) for name in names}

    def measure_imports(self) -> Medians:
        def measure(name: str) -> float:
            client = self.clients[name]
            code = f"import time\nbegan_s = time.process_time()\n{client.imports}\n"
            code += "print((time.process_time() - began_s) * 1e3)"
            return float(output_of(python_of(name, client), code))

        names = [name for name, client in self.clients.items() if client.imports]
        for name in names:
            measure(name)  # so that the byte code is there
        return medians_in_turns(measure, names, self.round_count)

    def do_together(self, names: list[str], job: str) -> dict[str, dict[str, float]]:
        """Have the named clients do one job at the same moment."""
        with contextlib.ExitStack() as stack:
            processes = {
                name: stack.enter_context(
                    subprocess.Popen(
                        [
                            python_of(name, self.clients[name]),
                            "-m", f"benchmarks.clients.{name}", self.url, job,
                        ],
                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                        env=ENVIRONMENT, cwd=ROOT,
                    )
                )
                for name in names
            }  # fmt: skip
            for name, process in processes.items():
                assert process.stdout.readline() == "ready\n", f"{name} did not connect"
            for process in processes.values():
                process.stdin.write("go\n")
                process.stdin.flush()
            return {name: json.loads(process.stdout.read()) for name, process in processes.items()}


def medians_in_turns(
    measure: Callable[[str], float], names: Iterable[str], round_count: int
) -> Medians:
    """The median figure of each client; they take turns, in another order in each round."""
    figures: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(round_count):
        for name in random.sample(list(figures), len(figures)):
            figures[name].append(measure(name))
    return {name: median(each) for name, each in figures.items()}


# --------------------------------------------------------------------------- the table
def table(runs: list[Run], clients: Clients) -> str:
    """The medians over `runs` as Markdown."""
    titles = [client.title for client in clients.values()]
    ratios = ["ours / floor", "ours / openai", "recording off / cheapest SDK"]
    head = ["CPU time, except where waited", *titles, *ratios]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, row in ROWS.items():
        found = [run[name] for run in runs]
        cells = [f"{row.title} [{row.unit}]"]
        cells += [
            f"{median(each[client] for each in found):.3g}" if client in found[0] else ""
            for client in clients
        ]
        cells += [
            ratio_cell(found, "ours", ("floor",), row.limit),
            ratio_cell(found, "ours", ("openai",), None),
            ratio_cell(found, "ours_recording_off", (*SDKS, *MORE_SDKS), 1.0),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def ratio_cell(
    found: list[Medians], name: str, others: tuple[str, ...], limit: float | None
) -> str:
    """The ratio of a client to the cheapest of `others`, with its range over the runs."""
    ratios = [
        each[name] / min(each[other] for other in others if other in each)
        for each in found
        if name in each and any(other in each for other in others)
    ]
    if not ratios:
        return ""
    ratio = median(ratios)
    notes = [f"{min(ratios):.2f}–{max(ratios):.2f}"] if len(ratios) > 1 else []
    if limit is not None:
        notes.append(f"≤ {limit:.2f}" if ratio <= limit else f"≤ {limit:.2f} missed")
    return f"{ratio:.2f} ({', '.join(notes)})" if notes else f"{ratio:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.connection", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--all", action="store_true", help="also measure pipecat and livekit")
    parser.add_argument("--rounds", type=int, default=7, help="rounds in a run (default: 7)")
    parser.add_argument(
        "--runs", type=int, default=1,
        help="print the medians over this many runs, and the range of the ratios (default: 1)",
    )  # fmt: skip
    options = parser.parse_args()
    clients = CLIENTS | SDKS | (MORE_SDKS if options.all else {})
    for name, client in clients.items():
        python_of(name, client)
    runs: list[Run] = []
    for number in range(1, options.runs + 1):
        run: Run = {}
        with running_server() as url:
            for name, medians in Benchmark(clients, url, options.rounds).run():
                run[name] = medians
                shown = ", ".join(f"{each} {value:.3g}" for each, value in medians.items())
                report(f"run {number} of {options.runs}, {name} [{ROWS[name].unit}]: {shown}")
        runs.append(run)
    print(versions(clients), "", table(runs, clients), sep="\n")


if __name__ == "__main__":
    main()
