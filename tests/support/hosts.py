"""Programs that show or run notebooks and are no part of the development environment.

They are in `.venv-hosts`, which `make test-all` makes: the extra `hosts`, and JupyterHub's proxy
from npm. Without it their tests are skipped.
"""

from __future__ import annotations

from pathlib import Path

import pytest

__all__ = ["WITH_NODE", "host_program"]

ROOT = Path(__file__).parents[2]
HOSTS = ROOT / ".venv-hosts"
WITH_NODE = str(ROOT / "scripts" / "with-node")


def host_program(name: str, folder: str = "bin") -> str:
    """The path of a program of `.venv-hosts`; a test without it is skipped."""
    program = HOSTS / folder / name
    if not program.exists():
        pytest.skip(f"{name} is not in .venv-hosts, which `make test-all` makes")
    return str(program)
