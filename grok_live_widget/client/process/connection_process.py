"""The process of a connection, started and ended by the kernel."""

from __future__ import annotations

import contextlib
import os
import socket
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from ..._processes.parent import end_process, finalize_now, python_process, wait_for_end
from . import messages
from .pipe import Pipe
from .tapes import SHARING

_MODULE = "grok_live_widget.client.process"


class ConnectionProcess:
    """A process that runs a `SessionHost`. Made and used on the talk's loop.

    It ends when the pipe to it is closed, also by the end of this process or of what owns this.

    Parameters
    ----------
    begin : Begin
    receive : callable
        A method, called with messages of the process; its object is not kept alive.
    on_end : callable
        A method, called with this when the process has ended by itself.
    keep_fds : sequence of int
        Descriptors that it inherits.

    Attributes
    ----------
    descriptors : socket or None
        Over which those of shared memory come.
    """

    def __init__(
        self,
        begin: messages.Begin,
        receive: Callable[[list[Any]], object],
        on_end: Callable[[ConnectionProcess], object],
        *,
        keep_fds: Sequence[int] = (),
    ) -> None:
        self.descriptors: socket.socket | None = None
        theirs: socket.socket | None = None
        arguments: list[str] = []
        if SHARING == "descriptors":
            self.descriptors, theirs = socket.socketpair()
            arguments = [str(theirs.fileno())]
        elif SHARING == "names":
            arguments = ["names"]
        fds = [*keep_fds, *([] if theirs is None else [theirs.fileno()])]
        try:
            self._process, self._errors = python_process(_MODULE, *arguments, pass_fds=fds)
        except BaseException:
            if self.descriptors is not None:
                self.descriptors.close()
            raise
        finally:
            if theirs is not None:
                theirs.close()
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        weak_receive, weak_end = weakref.WeakMethod(receive), weakref.WeakMethod(on_end)
        weak_self = weakref.ref(self)

        def received(found: list[Any]) -> None:
            if method := weak_receive():
                method(found)

        def ended() -> None:
            this, method = weak_self(), weak_end()
            if this is not None and method is not None:
                method(this)

        self._pipe = Pipe(
            os.dup(self._process.stdout.fileno()),
            os.dup(self._process.stdin.fileno()),
            messages.decoder_of(messages.Up),
            received,
            ended,
        )
        self._process.stdin.close()
        self._process.stdout.close()
        self._pipe.start()
        self.send(begin)
        self._finalizer = weakref.finalize(
            self, end_process, self._process, self._pipe, self._errors, self.descriptors
        )
        # A process that is dropped at exit ends by itself.
        self._finalizer.atexit = False

    @property
    def process_id(self) -> int:
        """The id of the process."""
        return self._process.pid

    def send(self, message: messages.Message) -> None:
        """Send a message; without effect when the process has ended."""
        self._pipe.send(messages.encode(message))

    def last_error(self) -> str:
        """What it wrote last on its standard error, in parentheses; empty for nothing."""
        with contextlib.suppress(OSError, ValueError):
            self._errors.seek(0)
            lines = self._errors.read().decode(errors="replace").strip().splitlines()
            return f" ({lines[-1]})" if lines else ""
        return ""

    def close(self) -> None:
        """Have it end; what was sent is still read."""
        finalize_now(self._finalizer)

    @property
    def has_ended(self) -> bool:
        """Whether it has ended, by itself or not."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End it by force, since it does not answer."""
        self._process.kill()

    def wait(self) -> None:
        """Wait until it has ended, and end it by force if that takes long."""
        wait_for_end(self._process)
