"""Folders that take long to make and are kept: safe when several processes want one at once."""

from __future__ import annotations

import fcntl
import tempfile
from collections.abc import Callable
from pathlib import Path


def made_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """Return a folder, which is made if it does not exist.

    The first process that asks for it makes it, and others wait. It is complete or absent, also
    after a process was killed.

    Parameters
    ----------
    folder : Path
    make : callable
        Called with the path of a temporary folder that it has to make.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent) as unfinished:
                new = Path(unfinished) / "new"
                make(new)
                new.rename(folder)
    return folder
