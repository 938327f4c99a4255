"""The embedded rehearsal in a process of its own, so that a busy kernel does not silence it."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import subprocess
import weakref
from collections.abc import Mapping
from os import PathLike
from typing import Any

from .._processes import end_process, python_process, wait_for_end
from ..exceptions import RehearsalError

_END_WITHIN_S = 2.0


def can_be_sent(partner: object) -> bool:
    """Whether a partner answers alike in any process: no function, nor anything with one."""
    if isinstance(partner, list | tuple):
        return all(isinstance(each, str) for each in partner)
    if isinstance(partner, str | PathLike) or partner is None:
        return True
    from .chat import ChatPartner
    from .scripts import Script

    return isinstance(partner, Script | ChatPartner)


class RehearsalProcess:
    """A `RehearsalServer` in a process of its own, which ends with this one.

    Blocks until it listens.

    Parameters
    ----------
    partner : bytes
        One that `can_be_sent`, pickled.
    api_key : str
        The only key that it accepts.

    Attributes
    ----------
    api_key : str
    remark : str
        What the user should know of it; empty for nothing.

    Raises
    ------
    RehearsalError
        When it does not begin to listen.
    """

    def __init__(self, partner: bytes, api_key: str) -> None:
        self.api_key: str | None = api_key
        process, self._errors = python_process("grok_live_widget.rehearsal")
        self._process = process
        self._finalizer = weakref.finalize(
            self, end_process, process, process.stdin, process.stdout, self._errors
        )
        # At exit it ends by itself.
        self._finalizer.atexit = False
        try:
            started = self._begin(partner)
        except (OSError, ValueError) as error:
            self.close()
            raise RehearsalError(
                f"the process of the rehearsal has not started: {error}.",
                cure='isolation="thread" runs it in the kernel.',
            ) from None
        self._urls: Mapping[str, str] = started["urls"]
        self.remark: str = started["remark"]

    def _begin(self, partner: bytes) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        spec = pickle.dumps({"partner": partner, "api_key": self.api_key})
        os.write(self._process.stdin.fileno(), len(spec).to_bytes(4, "little"))
        self._process.stdin.write(spec)
        line = b""
        while not line.endswith(b"\n"):
            piece = self._process.stdout.read(4096)
            if not piece:
                raise ValueError(self._last_error() or "it has ended")
            line += piece
        started: dict[str, Any] = json.loads(line)
        if "error" in started:
            raise ValueError(started["error"])
        return started

    def _last_error(self) -> str:
        # Its pipe is closed before it writes what went wrong.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_WITHIN_S)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    @property
    def process_id(self) -> int:
        """The id of the process."""
        return self._process.pid

    def url(self, dialect: str | None = None) -> str:
        """The URL of a dialect; see `RehearsalServer.url`."""
        return self._urls[dialect or "realtime"]

    def close(self) -> None:
        """End it; may be called twice."""
        self._finalizer()
        wait_for_end(self._process)
