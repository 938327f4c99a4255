"""Other versions of a library, which take precedence over the installed one in a subprocess.

`pip install --target` installs one version into a folder of its own, once, and PYTHONPATH puts
that folder before all installed packages. No second environment is needed.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from .made_once import made_once

ROOT = Path(__file__).parents[2]
# Compiled libraries fit one version of Python only.
CACHE = ROOT / ".venv" / ".versions" / str(sys.implementation.cache_tag)

INSTALL_WITHIN_S = 300


def environment_with(*requirements: str, **more: str) -> dict[str, str]:
    """This process's environment with these versions (``"name==1.2"``) first on its path."""
    folders = [str(folder_of(each)) for each in requirements if not is_installed(each)]
    folders += filter(None, [os.environ.get("PYTHONPATH")])
    return os.environ | {"PYTHONPATH": os.pathsep.join(folders)} | more


def is_installed(requirement: str) -> bool:
    name, wanted = requirement.split("==")
    try:
        return version(name) == wanted
    except PackageNotFoundError:
        return False


def folder_of(requirement: str) -> Path:
    """The folder that holds this version; made when it is first asked for."""
    folder = CACHE / requirement.replace("==", "-")
    return made_once(folder, lambda new: _install(requirement, new))


def _install(requirement: str, target: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-compile", "--target", str(target), requirement]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=INSTALL_WITHIN_S, check=False
    )
    if done.returncode:
        pytest.fail(
            f"{requirement} is needed for this test, and pip could not fetch it from the package "
            f"index. Is there a network? What pip said:\n{done.stderr.strip()}",
            pytrace=False,
        )
