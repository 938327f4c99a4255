"""Run pytest twice: all but the browser tests in several processes, then these in one.

Usage: ``python scripts/run_tests.py MARKS WORKERS [argument of pytest ...]``

The tests of a browser compare sound sample for sample while it is played. They share one
JupyterLab and need both processors for themselves. All other tests wait most of the time.
Both runs take place also if the first one fails, and the last line adds up their results.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

BROWSER_TESTS = "tests/browser"
NO_TESTS_COLLECTED = 5
RESULT = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)\b")
CLOSING_LINE = re.compile(rf"\W*{RESULT.pattern}.* in [\d.]+s")
ANSI_STYLE = re.compile(r"\x1b\[[\d;]*m")


def main(marks: str, workers: str, *arguments: str) -> int:
    """Do both runs; return the exit code, which is not 0 if either of them failed."""
    others = ["-n", workers, "--dist", "worksteal", "-m", both("not browser", marks)]
    browser = ["-m", both("browser", marks)]
    if not any(Path(each.partition("::")[0]).exists() for each in arguments):
        # Do not collect what the marks would leave out.
        others.append(f"--ignore={BROWSER_TESTS}")
        browser.append(BROWSER_TESTS)
    runs = [run(*others, *arguments), run(*browser, *arguments)]
    results = sum((found for _, found in runs), Counter[str]())
    if results:
        names = dict.fromkeys(("passed", "failed", *results))
        print("Both runs:", ", ".join(f"{results[name]} {name}" for name in names))
    codes = [code for code, _ in runs]
    if set(codes) == {NO_TESTS_COLLECTED}:
        return NO_TESTS_COLLECTED
    return max(0 if code == NO_TESTS_COLLECTED else abs(code) for code in codes)


def both(mark: str, others: str) -> str:
    """Join two expressions of marks, the second of which may be empty."""
    return f"{mark} and ({others})" if others else mark


def run(*arguments: str) -> tuple[int, Counter[str]]:
    """Run pytest and pass its output on; return its exit code and what it counted."""
    color = ["--color=yes"] if sys.stdout.isatty() else []
    command = [sys.executable, "-m", "pytest", "-q", *color, *arguments]
    found: Counter[str] = Counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdout is not None
        for line in process.stdout:
            print(line, end="", flush=True)
            text = ANSI_STYLE.sub("", line)
            if CLOSING_LINE.match(text):
                found = Counter({name: int(count) for count, name in RESULT.findall(text)})
    return process.returncode, found


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
