"""Processes of the package's own end with the one that started them, whatever it does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from grok_live_widget._processes.parent import python_process

from ..support.processes import is_running
from ..support.waiting import wait_until

MODULE = "grok_live_widget.client.process"
# A script that starts a process, tells its id, and waits.
PARENT = f"""
import os, sys, time
from grok_live_widget._processes.parent import python_process
process, errors = python_process({MODULE!r})
print(process.pid, flush=True)
if {{forks}} and os.fork() == 0:
    time.sleep(60)
    os._exit(0)
print("ready", flush=True)
time.sleep(60)
"""


def test_an_interrupt_of_the_group_does_not_end_it() -> None:
    process, errors = python_process(MODULE)
    assert process.stdin is not None
    assert process.stdout is not None
    wait_until(lambda: ignores_interrupts(process.pid))
    os.killpg(os.getpgid(process.pid), signal.SIGINT)
    assert process.poll() is None
    process.stdin.close()
    assert process.wait(10) == 0
    process.stdout.close()
    errors.close()


def ignores_interrupts(process_id: int) -> bool:
    with open(f"/proc/{process_id}/status") as file:  # noqa: PTH123
        ignored = next(line for line in file if line.startswith("SigIgn")).split()[1]
    return bool(int(ignored, 16) & 1 << (signal.SIGINT - 1))


@pytest.mark.parametrize("forks", [False, True], ids=["alone", "with a fork that holds the pipe"])
def test_it_ends_when_its_parent_is_killed(forks: bool) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(forks=forks)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert parent.stdout.readline() == "ready\n"
        assert is_running(child)
        parent.kill()
        parent.wait()
        wait_until(lambda: not is_running(child), what="its end")
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)
        parent.stdout.close()
