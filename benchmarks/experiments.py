"""What an experiment costs beside asking the same questions in a bare loop.

``python -m benchmarks.experiments`` asks 200 questions of a rehearsal server in a process of its
own, which answers each with 1 s of sound: in a loop of ``with Talk(…) as talk: talk.ask(…)``, by
`compare` with 1 and 2 threads, with a folder, and on 1 and 2 processes. All take turns in rounds of
50 questions. It prints the time for each question, the ratio to the bare loop, and the same with
replies that are sent at three times the pace of speech, as the service does, in which a question
mostly waits.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from multiprocessing import get_context
from typing import Any

from grok_live_widget import Talk, compare

QUESTIONS, ROUNDS = 200, 4
# A question that waits takes a third of a second.
PACED_QUESTIONS, PACED_ROUNDS = 40, 2

SERVER = """
import sys
import numpy as np
from grok_live_widget import RehearsalServer

sound = (8000 * np.sin(np.arange(24_000) / 8)).astype(np.int16)
with RehearsalServer(lambda turn: sound, speed=float(sys.argv[1]), words=False) as server:
    print(server.url(), flush=True)
    sys.stdin.read()
"""


@contextmanager
def server(speed: float) -> Iterator[str]:
    """The address of a server."""
    command = [sys.executable, "-c", SERVER, str(speed)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate()


def bare_loop(url: str, count: int) -> None:
    for number in range(count):
        with Talk(url=url) as talk:
            assert len(talk.ask(f"question {number}").pcm) == 24_000


def compared(url: str, count: int, **options: Any) -> None:
    prompts = [f"question {number}" for number in range(count)]
    results = compare(prompts, url=url, progress=False, **options)
    assert len(results.replies) == count


def saved(url: str, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        compared(url, count, folder=folder)


def measured(ways: dict[str, Callable[[str, int], None]], url: str, count: int, rounds: int) -> Any:
    """The time for each question [ms], of each way."""
    for way in ways.values():
        way(url, 4)  # Processes are started, and modules imported.
    spent_s = dict.fromkeys(ways, 0.0)
    for _ in range(rounds):
        for name, way in ways.items():
            began_s = time.perf_counter()
            way(url, count // rounds)
            spent_s[name] += time.perf_counter() - began_s
    return {name: each / count * 1000 for name, each in spent_s.items()}


def main() -> None:
    """Print a table for docs/performance.md."""
    os.environ["XAI_API_KEY"] = "any"
    with ExitStack() as stack:
        pools: list[Executor] = [
            stack.enter_context(ProcessPoolExecutor(count, mp_context=get_context("spawn")))
            for count in (1, 2)
        ]
        ways: dict[str, Callable[[str, int], None]] = {
            "bare loop": bare_loop,
            "compare, 1 worker": compared,
            "compare, 1 worker, with a folder": saved,
            "compare, 2 workers": lambda url, n: compared(url, n, workers=2),
            "compare, 1 process": lambda url, n: compared(url, n, executor=pools[0]),
            "compare, 2 processes": lambda url, n: compared(url, n, executor=pools[1]),
        }
        at_once = measured(ways, stack.enter_context(server(float("inf"))), QUESTIONS, ROUNDS)
        paced = measured(ways, stack.enter_context(server(3)), PACED_QUESTIONS, PACED_ROUNDS)
    print("| way | at once [ms] | ratio | paced [ms] | ratio |\n|---|---|---|---|---|")
    for name in ways:
        figures = [
            figure
            for each in (at_once, paced)
            for figure in (f"{each[name]:.1f}", f"{each[name] / each['bare loop']:.2f}")
        ]
        print(f"| {name} | {' | '.join(figures)} |")


if __name__ == "__main__":
    main()
