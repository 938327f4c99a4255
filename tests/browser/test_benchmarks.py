"""The benchmarks that look into a talk or a page still measure what they say they measure."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Commands that take a minute at most, and what their tables must have.
COMMANDS = {
    "starting --rounds 1": [
        r"thread \| server \| [\d.]+",
        r"process, shown \| rehearsal \| [\d.]+",
    ],
    "talks --counts 1 --seconds 2": [r"1 \| speaking \| [\d.]+"],
    "backlog": [r"200 replies: [\d.]+ of a core"],
    "panel --carriers direct --rounds 1 --seconds 2": [r"direct, both: [\d.]+ \(page [\d.]+"],
    "panel --trace --turns 20 --seconds 3": [r"task of ours \| [1-9]\d* \|"],
    "panel --carriers direct --delays --seconds 20": [
        rf"direct \| {name} (\| [\d.]+ ){{3}}\| [1-9]" for name in ("up", "down", "first sound")
    ],
    "panel --carriers direct --stalls": [
        r"one call in C of 4 s \| [\d.]+",
        r"killed kernel: microphone released after [\d.]+ s",
    ],
}


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_benchmark_fills_its_table(command: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", *f"benchmarks.{command}".split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    for row in COMMANDS[command]:
        assert re.search(row, ran.stdout + ran.stderr), f"{row}\n{ran.stdout}"
