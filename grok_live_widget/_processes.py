"""Python processes of this package's own, which live no longer than the one that started them."""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO, Protocol

__all__ = [
    "MessageWriter",
    "can_start_processes",
    "end_process",
    "end_with_parent",
    "import_now",
    "python_process",
    "quick_imports",
    "read_message",
    "take_pipes",
    "wait_for_end",
]

# Modules that were not imported at once, by name.
_put_off: dict[str, ModuleType] = {}
_PARENT = "GROK_LIVE_PARENT_PROCESS"
# When numpy is imported, its BLAS starts a thread for each processor, with memory of its own, and
# nothing in these processes multiplies large matrices.
_ONE_BLAS_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
# How often a process looks whether its parent is there [s].
_LOOK_S = 0.25
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
    root = str(Path(__file__).parent.parent)
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
            env=os.environ | _ONE_BLAS_THREAD | {"PYTHONPATH": path, _PARENT: str(os.getpid())},
            **options,  # type: ignore[call-overload]
        )
    except BaseException:
        errors.close()
        raise
    return process, errors


class _Closable(Protocol):
    def close(self) -> object: ...


def end_process(process: subprocess.Popen[bytes], *pipes: _Closable | None) -> None:
    """End a process by closing the pipes to it, without waiting for that."""
    for pipe in pipes:
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    threading.Thread(
        target=wait_for_end, args=(process,), name="grok-live-end", daemon=True
    ).start()


def wait_for_end(process: subprocess.Popen[bytes]) -> None:
    """Wait until a process has ended, and end it by force if that takes long."""
    try:
        process.wait(_END_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class MessageWriter:
    """Writes pickled values to a pipe, whole ones whatever threads write.

    Parameters
    ----------
    pipe : file
        Without a buffer of its own.
    """

    def __init__(self, pipe: BinaryIO) -> None:
        self._pipe = pipe
        self._lock = threading.Lock()

    def send(self, value: object) -> None:
        """Blocks until it is written; without effect where nothing reads it any more."""
        body = pickle.dumps(value)
        unsent = memoryview(len(body).to_bytes(4, "little") + body)
        with self._lock, contextlib.suppress(BrokenPipeError):
            while unsent and not self._pipe.closed:
                unsent = unsent[self._pipe.write(unsent) :]

    def close(self) -> None:
        """Close the pipe."""
        with self._lock, contextlib.suppress(BrokenPipeError):
            self._pipe.close()


def read_message(pipe: BinaryIO) -> Any:
    """The next value that `MessageWriter` has written to a pipe; only of a process of one's own.

    Raises
    ------
    EOFError
        When the pipe is closed.
    """
    length = int.from_bytes(_read(pipe, 4), "little")
    return pickle.loads(_read(pipe, length))


def _read(pipe: BinaryIO, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        piece = pipe.read(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)


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
    parent = int(os.environ.pop(_PARENT, os.getppid()))

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_S)
        end()

    if sys.platform != "win32":  # Where there is no fork.
        threading.Thread(target=look, name="grok-live-parent", daemon=True).start()


# --------------------------------------------------------------------------- imports
@contextlib.contextmanager
def quick_imports(*later: str) -> Iterator[None]:
    """For the imports of a process that begins: its garbage collector looks at none of them.

    Parameters
    ----------
    later : str
        Names of modules that are imported by `import_now`, or with the first use of one of their
        names. Other modules import them as always.
    """
    for name in later:
        sys.modules[name] = _put_off[name] = module = _PutOff(name)
        package, _, own_name = name.rpartition(".")
        if package:
            setattr(import_module(package), own_name, module)
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def import_now(name: str) -> None:
    """Import a module that `quick_imports` has put off; does nothing where it is imported."""
    module = _put_off.pop(name, None)
    if isinstance(module, _PutOff):
        module.become()


class _PutOff(ModuleType):
    """Stands for a module, and has its names from the first use on."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__spec__ = ModuleSpec(name, None)

    def become(self) -> ModuleType:
        """Import the module; other threads wait for it here."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        module = import_module(self.__name__)
        self.__dict__.update(module.__dict__)
        # Names are looked up as those of any module from now on.
        self.__class__ = ModuleType  # type: ignore[assignment]
        return module

    def __getattr__(self, name: str) -> Any:
        return getattr(self.become(), name)
