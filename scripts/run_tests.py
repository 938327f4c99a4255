"""Run the tests in three runs of pytest; with all marks, those of talks in a fourth one.

Usage: ``python scripts/run_tests.py MARKS WORKERS [argument of pytest ...]``

1. All tests but those of a browser, in several processes: they wait most of the time.
2. The tests of a browser, in two processes, each with a JupyterLab of its own.
3. In one process, the tests that are marked ``alone``: they compare sound sample for sample while
   it is played, and need both processors for themselves.
4. Without MARKS, the quick tests of talks once more, with each connection in a process.

They do not overlap, since time limits are tested in all of them. All of them take place even if
one fails, and the last line adds up their results.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

BROWSER_TESTS = "tests/browser"
BROWSER_WORKERS = "2"
TALK_TESTS = (
    *("tests/client", "tests/kernels", "tests/plots", "tests/recording", "tests/rehearsal"),
    *("tests/widget", "tests/test_faulty_connections.py", "tests/test_secrets.py"),
)
NO_TESTS_COLLECTED = 5
RESULT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)\b")
CLOSING_LINE = re.compile(rf"\W*{RESULT.pattern}.* in [\d.]+s")
ANSI_STYLE = re.compile(r"\x1b\[[\d;]*m")


class Run(NamedTuple):
    """The result of one run of pytest."""

    exit_code: int
    counts: Counter[str]


def main(marks: str, workers: str, *arguments: str) -> int:
    """Do the runs; return the exit code, which is not 0 if any of them failed."""
    several = ["--dist", "worksteal", "-n"]
    others = [*several, workers, "-m", both("not browser", marks)]
    browser = ["-m", both("browser and not alone", marks)]
    alone = ["-m", both("browser and alone", marks)]
    if int(workers) > 1:
        browser += [*several, BROWSER_WORKERS]
    if not any(Path(each.partition("::")[0]).exists() for each in arguments):
        # Do not collect what the marks would leave out.
        others.append(f"--ignore={BROWSER_TESTS}")
        browser.append(BROWSER_TESTS)
        alone.append(BROWSER_TESTS)
    results = [run(*each, *arguments) for each in (others, browser, alone)]
    if not marks:
        os.environ["GROK_LIVE_ISOLATION"] = "process"
        quick = [*several, workers, "-m", "not browser and not slow and not peers"]
        results.append(run(*quick, *TALK_TESTS, *arguments))
    return report(results)


def both(mark: str, others: str) -> str:
    """Join two expressions of marks, the second of which may be empty."""
    return f"{mark} and ({others})" if others else mark


def run(*arguments: str) -> Run:
    """Run pytest and pass its output on."""
    color = ["--color=yes"] if sys.stdout.isatty() else []
    command = [sys.executable, "-m", "pytest", "-q", *color, *arguments]
    counts: Counter[str] = Counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            text = ANSI_STYLE.sub("", line)
            if CLOSING_LINE.match(text):
                counts = Counter({name: int(count) for count, name in RESULT.findall(text)})
    return Run(process.returncode, counts)


def report(runs: Iterable[Run]) -> int:
    """Print what all runs counted; return the exit code."""
    counts = sum((each.counts for each in runs), Counter[str]())
    if counts:
        names = dict.fromkeys(("passed", "failed", *counts))
        print("All runs:", ", ".join(f"{counts[name]} {name}" for name in names))
    codes = {each.exit_code for each in runs}
    if codes == {NO_TESTS_COLLECTED}:
        return NO_TESTS_COLLECTED
    return max(0 if code == NO_TESTS_COLLECTED else abs(code) for code in codes)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
