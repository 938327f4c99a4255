"""Processes that tests start."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any


@contextlib.contextmanager
def process(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Start a process whose output is text, and wait for its end; kill it after a failure.

    `subprocess.Popen` waits for a process also after a failure, which one that hangs turns into
    a test without end.
    """
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options) as started:
        try:
            yield started
        except BaseException:
            started.kill()
            raise
