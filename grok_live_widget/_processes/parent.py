"""Starts processes, and ends them."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from .child import PARENT

# When numpy is imported, its BLAS starts a thread for each processor, with memory of its own, and
# nothing in these processes multiplies large matrices.
_ONE_BLAS_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
# How long a process may take to end by itself [s].
_END_WITHIN_S = 3.0


def can_start_processes() -> bool:
    """Whether Python can be started as another process: not in a browser, nor in an application
    that contains Python.
    """
    has_processes = sys.platform not in ("emscripten", "wasi", "ios", "android")
    return has_processes and bool(sys.executable) and not getattr(sys, "frozen", False)


def python_process(
    module: str, *arguments: str, pass_fds: Sequence[int] = ()
) -> tuple[subprocess.Popen[bytes], BinaryIO]:
    """Run a module as ``python -m`` does, with pipes to it, in a session of its own.

    An interrupt of the kernel is sent to the group of its processes, and is not for this one.

    Returns
    -------
    Popen, file
        The file has what the process wrote on its standard error; it has no name.
    """
    # What this process imports may be on its own path only, such as in a checkout.
    root = str(Path(__file__).parents[2])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed by the caller)
    options: dict[str, object] = {"pass_fds": tuple(pass_fds), "start_new_session": True}
    if sys.platform == "win32":
        options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            bufsize=0,
            env=os.environ | _ONE_BLAS_THREAD | {"PYTHONPATH": path, PARENT: str(os.getpid())},
            **options,  # type: ignore[call-overload]
        )
    except BaseException:
        errors.close()
        raise
    _started.add(process)
    return process, errors


_started: weakref.WeakSet[subprocess.Popen[bytes]] = weakref.WeakSet()


@atexit.register
def _wake() -> None:
    """At exit: a process that is stopped notices the end of its pipe only when it goes on."""
    if sys.platform != "win32":
        for process in _started:
            process.send_signal(signal.SIGCONT)


class _Closable(Protocol):
    def close(self) -> object: ...


def end_process(process: subprocess.Popen[bytes], *pipes: _Closable | None) -> None:
    """End a process by closing the pipes to it, without waiting for that."""
    for pipe in pipes:
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    # Nothing waits for it where no thread can be started, at the end of this process.
    with contextlib.suppress(RuntimeError):
        threading.Thread(
            target=wait_for_end, args=(process,), name="grok-live-end", daemon=True
        ).start()


def finalize_now(finalizer: weakref.finalize[..., Any]) -> None:
    """Call a finalizer that was not called yet, also at exit, where `weakref` calls none."""
    if found := finalizer.detach():
        _, function, arguments, keywords = found
        function(*arguments, **keywords)


def wait_for_end(process: subprocess.Popen[bytes]) -> None:
    """Wait until a process has ended, and end it by force if that takes long."""
    try:
        process.wait(_END_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
