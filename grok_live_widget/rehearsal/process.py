"""The embedded rehearsal in a process of its own, so that a busy kernel does not silence it."""

from __future__ import annotations

import contextlib
import pickle
import subprocess
import threading
import weakref
from collections.abc import Callable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, BinaryIO

from .._processes.parent import end_process, finalize_now, python_process, wait_for_end
from .._processes.pickled import MessageWriter, read_message
from .._structs import Value
from ..exceptions import GrokLiveError, RehearsalError
from ..settings import UNSET

if TYPE_CHECKING:
    from .remote_partner import PartnerCalls

_END_WITHIN_S = 2.0


def can_be_sent(partner: object) -> bool:
    """Whether a partner answers alike in any process: no function, nor anything with one."""
    if isinstance(partner, list | tuple):
        return bool(partner) and all(isinstance(each, str) for each in partner)
    if isinstance(partner, str | PathLike) or partner is None:
        return True
    from .chat import ChatPartner
    from .scripts import Script

    return isinstance(partner, Script | ChatPartner)


class Begin(Value, frozen=True):
    """What the process is told first."""

    partner: bytes | None
    """Pickled; None: it is called in the process that has started this one."""
    needs_words: bool
    api_key: str


class Started(Value, frozen=True):
    """What it says when it listens; an error in its place says why it does not."""

    urls: Mapping[str, str]
    remark: str


class RehearsalProcess:
    """A `RehearsalServer` in a process of its own, which ends with this one.

    A partner that can answer only here, such as a function, is called here; see `remote_partner`.
    Blocks until it listens.

    Parameters
    ----------
    partner : object
        The setting `partner`; UNSET for none.
    api_key : str
        The only key that it accepts.

    Attributes
    ----------
    api_key : str
    remark : str
        What the user should know of it; empty for nothing.

    Raises
    ------
    ConfigurationError
        For a partner that cannot answer, as `RehearsalServer` raises it.
    RehearsalError
        When the process does not begin to listen.
    """

    def __init__(self, partner: object, api_key: str) -> None:
        self.api_key: str | None = api_key
        is_sent = partner is UNSET or can_be_sent(partner)
        called = None if is_sent else _callable_from(partner)
        begin = Begin(
            partner=pickle.dumps(partner) if is_sent else None,
            needs_words=getattr(called, "needs_words", True),
            api_key=api_key,
        )
        process, self._errors = python_process("grok_live_widget.rehearsal")
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        writer = MessageWriter(process.stdin)  # type: ignore[arg-type]
        self._finalizer = weakref.finalize(self, end_process, process, writer, self._errors)
        # At exit it ends by itself.
        self._finalizer.atexit = False
        try:
            writer.send(begin)
            started = self._started()
        except BaseException:
            self.close()
            process.stdout.close()
            raise
        self._urls: Mapping[str, str] = started.urls
        self.remark = started.remark
        calls = None if called is None else _calls_of(called, writer)
        threading.Thread(
            target=_read_process, args=(process.stdout, calls), name="rehearsal-reader", daemon=True
        ).start()

    def _started(self) -> Started:
        try:
            started = read_message(self._process.stdout)  # type: ignore[arg-type]
        except EOFError:
            raise RehearsalError(
                f"the process of the rehearsal has not started: {self._last_error()}.",
                cure='isolation="thread" runs it in the kernel.',
            ) from None
        if isinstance(started, GrokLiveError):
            raise started
        assert isinstance(started, Started)
        return started

    def _last_error(self) -> str:
        # Its pipe is closed before it writes what went wrong.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_WITHIN_S)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it has ended"

    @property
    def process_id(self) -> int:
        """The id of the process."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def url(self, dialect: str | None = None) -> str:
        """The URL of a dialect; see `RehearsalServer.url`."""
        return self._urls[dialect or "realtime"]

    def close(self) -> None:
        """End it; may be called twice."""
        finalize_now(self._finalizer)
        wait_for_end(self._process)


def _callable_from(partner: Any) -> Callable[..., Any]:
    from .partner import partner_from  # It loads what the process of a connection does not need.

    return partner_from(partner)


def _calls_of(partner: Callable[..., Any], writer: MessageWriter) -> PartnerCalls:
    from .remote_partner import PartnerCalls

    return PartnerCalls(partner, writer.send)


def _read_process(pipe: BinaryIO, calls: PartnerCalls | None) -> None:
    """Read until the process has ended; it says something only to call a partner."""
    with pipe, contextlib.suppress(EOFError, OSError):
        while True:
            message = read_message(pipe)
            if calls is not None:
                calls.receive(message)
    if calls is not None:
        calls.close()
