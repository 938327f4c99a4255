"""How long the event loop of a process waits while a long output of a tool is converted.

``python -m benchmarks.outputs`` converts each value on a thread, as a call of a tool does, while
a loop on the main thread looks at the clock every millisecond. It prints the longest delay of
the loop beyond that, with the time that the conversion took.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from grok_live_widget.tools import text_from

COUNT = 3_000_000
ROUNDS = 5
LIMIT_MS = 50.0

VALUES: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "list of 3,000,000 numbers": lambda: list(range(COUNT)),
    "array of 3,000,000 numbers": lambda: np.arange(COUNT) * 0.1,
    "array of 1000 × 3000 numbers": lambda: np.zeros((1000, 3000)),
    "object with 1,000,000 entries": lambda: dict.fromkeys(range(1_000_000), 0.5),
    "text of 30,000,000 letters": lambda: "x" * 30_000_000,
}


async def _longest_delay_ms(value: Any) -> tuple[float, float]:
    """The longest delay of the loop, and the time of the conversion."""
    took_ms = 0.0
    done = threading.Event()

    def convert() -> None:
        nonlocal took_ms
        began_s = time.perf_counter()
        text_from(value)
        took_ms = (time.perf_counter() - began_s) * 1e3
        done.set()

    thread = threading.Thread(target=convert)
    longest_ms = 0.0
    thread.start()
    while not done.is_set():
        began_s = time.perf_counter()
        await asyncio.sleep(0.001)
        longest_ms = max(longest_ms, (time.perf_counter() - began_s) * 1e3 - 1)
    thread.join()
    return longest_ms, took_ms


def main() -> int:
    """Print a table for docs/performance.md; the status is 1 if a delay is beyond the limit."""
    is_met = True
    print("| value | longest delay of the loop [ms] | conversion [ms] |\n|---|---|---|")
    for name, make in VALUES.items():
        value = make()
        rounds = [asyncio.run(_longest_delay_ms(value)) for _ in range(ROUNDS)]
        delay_ms, took_ms = (sorted(each)[ROUNDS // 2] for each in zip(*rounds, strict=True))
        is_met &= delay_ms <= LIMIT_MS
        print(f"| {name} | {delay_ms:.1f} | {took_ms:.0f} |")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
