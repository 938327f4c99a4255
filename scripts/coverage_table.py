"""Write the table of branch coverage into a document, between its two markers.

Usage: ``python scripts/coverage_table.py docs/tested.md``, after `pytest --cov`. Everything
outside the markers is kept.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- coverage: begin -->", "<!-- coverage: end -->"
COUNTS = ("num_statements", "covered_lines", "num_branches", "covered_branches")
PACKAGE = "grok_live_widget"


def main(document: str) -> None:
    """Replace the table in the document, and print it."""
    path = Path(document)
    before, rest = path.read_text("utf-8").split(BEGIN)
    _, after = rest.split(END)
    table = "\n".join(table_of(measured()))
    path.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}", "utf-8")
    print(table)


def measured() -> dict[str, dict[str, int]]:
    """Counts of each module, by its path below the package."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        command = [sys.executable, "-m", "coverage", "json", "--quiet", "-o", str(report)]
        subprocess.run(command, check=True)
        files: dict[str, Any] = json.loads(report.read_text("utf-8"))["files"]
    return {
        str(Path(name).relative_to(PACKAGE)): {key: each["summary"][key] for key in COUNTS}
        for name, each in files.items()
    }


def table_of(modules: dict[str, dict[str, int]]) -> list[str]:
    """One row for each package, one for each module in it, and one for all."""
    packages: dict[str, list[str]] = defaultdict(list)
    for name in sorted(modules):
        top, _, rest = name.partition("/")
        packages[top if rest else ""].append(name)
    rows = ["| module | statements | branches | covered |", "|---|--:|--:|--:|"]
    for package, names in sorted(packages.items()):
        title = f"{package}/" if package else "top level"
        rows.append(row(f"**{title}**", [modules[name] for name in names]))
        rows += [row(f"`{name}`", [modules[name]]) for name in names]
    return [*rows, row("**all**", list(modules.values()))]


def row(title: str, counts: list[dict[str, int]]) -> str:
    """One row of the table, which adds up the counts of modules."""
    statements, lines, branches, taken = (sum(each[key] for each in counts) for key in COUNTS)
    total = statements + branches
    percent = 100 * (lines + taken) / total if total else 100
    return f"| {title} | {statements} | {branches} | {percent:.0f} % |"


if __name__ == "__main__":
    main(sys.argv[1])
