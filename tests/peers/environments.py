"""Environments with third-party clients and servers, one for each list of packages.

They are made when a test first needs them and kept in `.venv-peers`, so that the requirements of
a peer conflict neither with those of this package nor with those of another peer.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ..support.made_once import made_once

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".venv-peers"
WITH_NODE = str(ROOT / "scripts" / "with-node")

INSTALL_WITHIN_S = 600

# What pip and npm print when there is no network.
_OFFLINE = re.compile(
    r"connection broken|Failed to establish|name resolution|NewConnectionError"
    r"|\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT)\b"
)


def python_with(*requirements: str) -> str:
    """The interpreter of an environment with these packages of PyPI and what they need."""
    return str(_folder_with(requirements, _install_from_pypi) / "bin" / "python")


def node_modules_with(*packages: str) -> Path:
    """A `node_modules` with these packages of npm and what they need."""
    return _folder_with(packages, _install_from_npm) / "node_modules"


def surroundings(**more: str) -> dict[str, str]:
    """The environment variables of a peer: ours, but nothing of ours is found by them."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    # A proxy has no business between two programs on one machine.
    return ours | {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"} | more


def _folder_with(wanted: tuple[str, ...], make: Callable[[Path, tuple[str, ...]], None]) -> Path:
    # Compiled libraries fit one Python only.
    mark = hashlib.sha256(" ".join((sys.version, *wanted)).encode()).hexdigest()[:8]
    name = re.sub(r"[^\w.]+", "-", wanted[0]).strip("-")
    return made_once(CACHE / f"{name}-{mark}", lambda new: make(new, wanted))


def _install_from_pypi(folder: Path, requirements: tuple[str, ...]) -> None:
    # Our pip installs for it, so that it needs none of its own.
    _run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    quiet = ["--quiet", "--disable-pip-version-check", "--retries", "1", "--no-compile"]
    _run(*pip, "install", *quiet, *requirements)


def _install_from_npm(folder: Path, packages: tuple[str, ...]) -> None:
    folder.mkdir()
    (folder / "package.json").write_text('{"private": true}', "utf-8")
    quiet = ["--no-audit", "--no-fund", "--fetch-retries=1"]
    _run(WITH_NODE, "npm", "--prefix", str(folder), "install", *quiet, *packages)


def _run(*command: str) -> None:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=INSTALL_WITHIN_S, check=False
    )
    if done.returncode == 0:
        return
    said = (done.stderr + done.stdout).strip()
    if _OFFLINE.search(said):
        pytest.skip(f"no network to fetch {command[-1]} from")
    pytest.fail(f"{' '.join(command)} failed:\n{said}", pytrace=False)
