"""The errors and warnings of this package.

::

    GrokLiveError
    ├── ConfigurationError          an invalid setting
    │   └── ArgumentError           an argument that does not exist or is missing; a TypeError too
    ├── AudioFormatError            an array or a file that cannot be used as audio
    ├── AudioDropped                sound that is not kept in memory any more
    ├── ProtocolError
    │   ├── LocalProtocolError      a call that the present state does not allow; nothing was sent
    │   ├── RemoteProtocolError     the server violated the protocol
    │   └── UnsupportedByServer     the dialect does not support the request
    ├── SessionError
    │   ├── ConnectError            the connection could not be opened
    │   │   └── AuthenticationError the key is missing or refused
    │   ├── ServerError             the server reported an error
    │   ├── ReplyTimeout            no complete reply in time; what was received is kept
    │   ├── BudgetSpent             the talk has used up its budget
    │   └── SessionClosed
    │       ├── SessionClosedOK     closed on request (close code 1000)
    │       └── SessionClosedError  the connection was lost
    ├── ToolError                   a tool call that failed
    └── RehearsalError              the embedded rehearsal server failed

    UserWarning
    └── RehearsalWarning            the talk uses the rehearsal, not Grok

Errors have their details as attributes; ``__str__`` gives one sentence with the value and one
with the cure. No error contains an API key.
"""

from __future__ import annotations

import sys
from dataclasses import KW_ONLY, dataclass
from functools import partial
from types import TracebackType
from typing import Any

__all__ = [
    "ArgumentError",
    "AudioDropped",
    "AudioFormatError",
    "AuthenticationError",
    "BudgetSpent",
    "ConfigurationError",
    "ConnectError",
    "GrokLiveError",
    "LocalProtocolError",
    "ProtocolError",
    "RehearsalError",
    "RehearsalWarning",
    "RemoteProtocolError",
    "ReplyTimeout",
    "ServerError",
    "SessionClosed",
    "SessionClosedError",
    "SessionClosedOK",
    "SessionError",
    "ToolError",
    "UnsupportedByServer",
]


@dataclass(eq=False, repr=False)
class GrokLiveError(Exception):
    """Base class of the errors of this package.

    Parameters
    ----------
    message : str
        What happened, with the value that caused it.
    cure : str
        How to solve the problem; may be empty.
    """

    message: str = ""
    _: KW_ONLY
    cure: str = ""

    def __post_init__(self) -> None:
        self.args = (self.message,)

    def __str__(self) -> str:
        return f"{self.message} {self.cure}".strip()

    def _render_traceback_(self) -> list[str]:
        """Called by IPython: the traceback without the frames within this package.

        ``%xmode Verbose`` shows all, and `__traceback__` has them.
        """
        return _shown_lines(self)

    def __reduce__(self) -> tuple[Any, ...]:
        # By default an exception is pickled with its positional arguments only.
        return Exception.__new__, (type(self), *self.args), self.__dict__


def shorten_in_ipython(error: BaseException) -> None:
    """Have IPython show an error of Python, such as an interrupt, as it shows those of this
    package: without the frames within it.
    """
    shortened: Any = error
    shortened._render_traceback_ = partial(_shown_lines, error)


def _shown_lines(error: BaseException) -> list[str]:
    shown_by = sys.modules["IPython"].get_ipython().InteractiveTB
    traceback = error.__traceback__
    if shown_by.mode != "Verbose":
        traceback = _without_own_frames(traceback) or traceback
    lines: list[str] = shown_by.structured_traceback(type(error), error, traceback)
    return lines


def _without_own_frames(traceback: TracebackType | None) -> TracebackType | None:
    """A copy without this package's frames, and without those of the standard library below."""
    kept: list[TracebackType] = []
    is_inside = False
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "").partition(".")[0]
        is_own = module == __name__.partition(".")[0]
        is_inside = is_inside or is_own
        if not is_own and not (is_inside and module in sys.stdlib_module_names):
            kept.append(traceback)
        traceback = traceback.tb_next
    copy = None
    for each in reversed(kept):
        copy = TracebackType(copy, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return copy


class ConfigurationError(GrokLiveError):
    """An invalid setting; raised before any I/O."""


class ArgumentError(ConfigurationError, TypeError):
    """An argument that a function does not have, or that is missing; a TypeError as in Python."""


class AudioFormatError(GrokLiveError):
    """An array or a file that cannot be used as audio."""


class AudioDropped(GrokLiveError):
    """Sound that is not kept in memory any more, by `max_audio_minutes`, nor in files."""


class ProtocolError(GrokLiveError):
    """Something sent or received that the protocol does not allow."""


class LocalProtocolError(ProtocolError):
    """A call that the present state does not allow; nothing was sent."""


class RemoteProtocolError(ProtocolError):
    """The server violated the protocol, so that the session cannot continue."""


class UnsupportedByServer(ProtocolError):
    """The dialect, or the server that uses it, does not support what was requested.

    Attributes
    ----------
    word : str
        Name of the event, setting or method that is not supported.
    dialect : str
        Name of the dialect.
    """

    def __init__(self, word: str, dialect: str, *, cure: str = "") -> None:
        default_cure = "" if dialect == "realtime" else 'Use dialect="realtime", which does.'
        super().__init__(
            f"the {dialect!r} dialect does not support {word!r}.", cure=cure or default_cure
        )
        self.word = word
        self.dialect = dialect


class SessionError(GrokLiveError):
    """A failure of a session or its connection."""


@dataclass(eq=False, repr=False, kw_only=True)
class ConnectError(SessionError):
    """The connection could not be opened.

    Attributes
    ----------
    host : str
        Host (and port) that was tried; never the whole URL, never a key.
    status_code : int or None
        HTTP status of a refused handshake.
    has_answered : bool
        Whether the host itself refused, so that another URL there may be accepted; False for
        failures of name resolution, network and TLS, and for time-outs.
    """

    host: str = ""
    status_code: int | None = None
    has_answered: bool = False


class AuthenticationError(ConnectError):
    """The key is missing or was refused; such a connection is not retried."""


@dataclass(eq=False, repr=False, kw_only=True)
class ServerError(SessionError):
    """The server reported an error, so that a request failed.

    Attributes
    ----------
    error_type, code : str
        As the server named them; may be empty.
    """

    error_type: str = ""
    code: str = ""


@dataclass(eq=False, repr=False, kw_only=True)
class ReplyTimeout(SessionError):
    """No complete reply was received in time. What was received is kept.

    Attributes
    ----------
    timeout_s : float
        The time limit [s].
    turn : Turn or None
        The incomplete reply; None when none began.
    """

    timeout_s: float
    turn: Any = None


class BudgetSpent(SessionError):
    """The talk has used up its budget; its connection is closed and not reopened."""


@dataclass(eq=False, repr=False, kw_only=True)
class SessionClosed(SessionError):
    """The session is closed.

    Attributes
    ----------
    close_code : int or None
        WebSocket close code; None when the connection was lost without a close frame.
    reason : str
        The reason that the server gave.
    """

    close_code: int | None
    reason: str = ""


class SessionClosedOK(SessionClosed):
    """The session was closed on request."""


class SessionClosedError(SessionClosed):
    """The connection was lost; everything received is kept."""


class ToolError(GrokLiveError):
    """A tool call that failed; the message is sent to the model."""


class RehearsalError(GrokLiveError):
    """The embedded rehearsal server failed."""


class RehearsalWarning(UserWarning):
    """No key was found, so that the talk uses the embedded rehearsal instead of Grok."""
