"""What such a process does first, and how it ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable

PARENT = "GROK_LIVE_PARENT_PROCESS"
"""The environment variable that has the id of the process that started this one."""

# How often a process looks whether its parent is there [s].
_LOOK_S = 0.25


def take_pipes() -> tuple[int, int]:
    """In such a process: the descriptors of the pipes from and to its parent. What is printed goes
    to standard error from now on, and interrupts are ignored.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipes = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return pipes


def end_with_parent(end: Callable[[], object]) -> None:
    """In such a process: call a function, on a thread, when its parent is gone.

    The end of the pipe tells the same, unless another process that was forked off the parent has
    it open, too.
    """
    # Not `getppid()` as of now: the parent may have ended while this process was starting.
    parent = int(os.environ.pop(PARENT, os.getppid()))

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_S)
        end()

    if sys.platform != "win32":  # Where there is no fork.
        threading.Thread(target=look, name="grok-live-parent", daemon=True).start()
