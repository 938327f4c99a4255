"""What the line costs: this package beside a bare loop and two SDKs, on the same loopback server.

``make bench`` prints the table of docs/performance.md. Every client runs in a process of its own
and checks that all it sent and was sent arrived; orders are shuffled, figures are medians, and
what counts are the ratios inside of one run. Nothing here asserts a time.

The SDKs live in environments of their own, made when first needed (``benchmarks/.peers``).
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

from wire_jobs import CHUNKS, DELTAS, DELTAS_PER_WORD, DUPLEX_S

HERE = Path(__file__).parent
PEERS = HERE / ".peers"
PACKAGES = {"openai": ("openai[realtime]", "numpy"), "agents": ("openai-agents", "numpy")}
CLIENTS = ("ours", "bare", "floor", "openai", "agents")
IMPORTS = {
    "ours": "from grok_live_widget import connect",
    "bare": "from websockets.asyncio.client import connect\nimport numpy, orjson, pybase64, soxr",
    "openai": "from openai import AsyncOpenAI\nAsyncOpenAI(api_key='x').realtime.connect",
    "agents": "from agents.realtime import RealtimeAgent, RealtimeRunner",
}
SPOKEN = ("websockets", "numpy", "orjson", "msgspec", "pybase64", "soxr")
# Threads of OpenBLAS spin for a while when numpy is imported, and would be on everybody's bill.
ENVIRONMENT = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
ENVIRONMENT.pop("PYTHONDONTWRITEBYTECODE", None)

EVENTS_DOWN = DELTAS["down"] + len(range(0, DELTAS["down"], DELTAS_PER_WORD))
Figures = dict[str, list[float]]


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, its unit, and what is aimed at."""

    name: str
    unit: str
    figures: Figures
    most_of_bare: float | None
    most_of_openai: float | None

    def __str__(self) -> str:
        medians = {client: median(found) for client, found in self.figures.items()}
        shown = [f"{medians[each]:.3g}" if each in medians else "" for each in CLIENTS]
        cells = [f"{self.name} [{self.unit}]", *shown]
        for beside, most in (("bare", self.most_of_bare), ("openai", self.most_of_openai)):
            ratio = medians["ours"] / medians[beside]
            cells.append(f"{ratio:.2f} {aim(ratio, most)}")
        return f"| {' | '.join(map(str.strip, cells))} |"


def aim(ratio: float, most: float | None) -> str:
    if most is None:
        return ""
    return f"(≤ {most:.3g}{'' if ratio <= most else ', missed'})"


COLUMNS = ("CPU time, but for the waiting", *CLIENTS, "ours / bare", "ours / openai")
HEAD = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"


# --------------------------------------------------------------------------- environments
def python_of(client: str) -> str:
    """The Python a client runs in; made now if it is a peer's and is not there yet."""
    if client not in PACKAGES:
        return sys.executable
    python = PEERS / client / "bin" / "python"
    ready = PEERS / client / "ready"
    if not ready.exists():
        venv.create(PEERS / client, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *PACKAGES[client]], check=True)
        ready.touch()
    return str(python)


def versions() -> str:
    """What was measured, in words."""
    code = "import sys; from importlib.metadata import version\n" + (
        "print(', '.join(f'{each} {version(each)}' for each in sys.argv[1:]))"
    )
    ours = printed_by("ours", code, *SPOKEN)
    openai = printed_by("openai", code, "openai", "websockets")
    agents = printed_by("agents", code, "openai-agents", "websockets")
    return f"Python {sys.version.split()[0]}; {ours}; beside them {openai}; {agents}."


def printed_by(client: str, code: str, *arguments: str) -> str:
    command = [python_of(client), "-c", code, *arguments]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env=ENVIRONMENT, cwd=HERE.parent
    )
    return done.stdout.strip()


# --------------------------------------------------------------------------- runs
@contextlib.contextmanager
def server() -> Iterator[str]:
    """The far end, in a process of its own; gives its address."""
    command = [sys.executable, HERE / "wire_server.py"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=ENVIRONMENT, **pipes) as running:
        port = running.stdout.readline().strip()
        yield f"ws://127.0.0.1:{port}/v1/realtime"
        running.stdin.close()


def run_together(clients: list[str], url: str, job: str) -> dict[str, dict[str, float]]:
    """Have `clients` do one job at the same moment."""
    with contextlib.ExitStack() as stack:
        running = {
            client: stack.enter_context(
                subprocess.Popen(
                    [python_of(client), HERE / f"wire_client_{client}.py", url, job],
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT,
                )
            )
            for client in clients
        }  # fmt: skip
        for client, process in running.items():
            assert process.stdout.readline() == "ready\n", f"{client} did not connect"
        for process in running.values():
            process.stdin.write("go\n")
            process.stdin.flush()
        return {client: json.loads(process.stdout.read()) for client, process in running.items()}


def in_turns(
    measure: Callable[[str], float], round_count: int, clients: Iterable[str] = CLIENTS
) -> Figures:
    """One figure of each client a round, in an order of its own each round."""
    figures: Figures = {client: [] for client in clients}
    for _ in range(round_count):
        for client in random.sample(list(figures), len(figures)):
            figures[client].append(measure(client))
    return figures


def burst(url: str, job: str, figure: str, scale: float, round_count: int) -> Figures:
    return in_turns(
        lambda client: run_together([client], url, job)[client][figure] * scale, round_count
    )


def duplex(url: str, round_count: int) -> Figures:
    rounds = [
        run_together(random.sample(CLIENTS, len(CLIENTS)), url, "duplex")
        for _ in range(round_count)
    ]
    return {
        client: [each[client]["cpu_s"] / DUPLEX_S * 1e3 for each in rounds] for client in CLIENTS
    }


def imports(round_count: int) -> Figures:
    def measure(client: str) -> float:
        code = f"import time\nbegan_s = time.process_time()\n{IMPORTS[client]}\n"
        return float(printed_by(client, code + "print((time.process_time() - began_s) * 1e3)"))

    for client in IMPORTS:
        measure(client)  # Whose byte code is then there.
    return in_turns(measure, round_count, IMPORTS)


def rows(url: str, round_count: int) -> Iterator[Row]:
    per_event, per_append = 1e6 / EVENTS_DOWN, 1e6 / CHUNKS["up"]
    down = burst(url, "down", "cpu_s", per_event, round_count)
    yield Row("Burst down, an event", "µs", down, 0.6, 1 / 6)
    up = burst(url, "up", "cpu_s", per_append, round_count)
    yield Row("Burst up, 40 ms of sound", "µs", up, 0.8, 1 / 12)
    yield Row("Real time, a second", "ms", duplex(url, max(1, round_count // 2)), 1.05, 1 / 3)
    behind = burst(url, "barge_in", "waited_s", 1e3, round_count)
    yield Row("`speech_started` behind 60 s of sound, waited", "ms", behind, None, 1 / 6)
    yield Row("Import", "ms", imports(round_count), 1.15, None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    round_count = parser.parse_args().rounds
    for client in PACKAGES:
        python_of(client)
    print(versions(), "", HEAD, sep="\n", flush=True)
    with server() as url:
        for row in rows(url, round_count):
            print(row, flush=True)


if __name__ == "__main__":
    main()
