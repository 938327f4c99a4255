"""Processes that tests start."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from grok_live_widget import Talk
from grok_live_widget.client.process import RemoteSession


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


def session_of(talk: Talk) -> RemoteSession:
    session = talk._sessions
    assert isinstance(session, RemoteSession)
    return session


def process_of(talk: Talk) -> int:
    process_id = session_of(talk).process_id
    assert process_id is not None
    return process_id


def is_running(process_id: int) -> bool:
    try:
        stat = Path(f"/proc/{process_id}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def rehearsals() -> list[int]:
    """The processes of rehearsals that this process has started."""
    children = subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True)
    found = [int(line) for line in children.stdout.split()]
    commands = {each: Path(f"/proc/{each}/cmdline") for each in found}
    return [each for each in found if "live_widget.rehearsal" in commands[each].read_text()]
