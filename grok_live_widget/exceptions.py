"""Everything this package raises or warns.

::

    GrokLiveError
    ├── ConfigurationError          a setting that cannot be used
    ├── AudioFormatError            an array or file that is not sound
    ├── ProtocolError
    │   ├── LocalProtocolError      we asked for something illegal now; nothing was sent
    │   ├── RemoteProtocolError     the server broke its own rules
    │   └── UnsupportedByServer     this dialect has no word for it
    ├── SessionError
    │   ├── ConnectError            the line could not be opened
    │   │   └── AuthenticationError the key is missing or refused
    │   ├── ServerError             the server reported an error
    │   ├── ReplyTimeout            no complete reply in time; what came is kept
    │   ├── BudgetSpent             the talk has used up what it may
    │   └── SessionClosed
    │       ├── SessionClosedOK     ended as asked (close code 1000)
    │       └── SessionClosedError  the line broke
    ├── ToolError                   a tool's call that could not be carried out
    ├── FrontendBusyError           the page cannot be reached while this cell runs
    └── RehearsalError              the embedded rehearsal server could not do its part

    UserWarning
    └── RehearsalWarning            you are talking to the rehearsal, not to Grok

Errors carry their facts as attributes; the sentence, with the value and the cure, is
built in ``__str__``. No error ever carries an API key.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AudioFormatError",
    "AuthenticationError",
    "BudgetSpent",
    "ConfigurationError",
    "ConnectError",
    "FrontendBusyError",
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


class GrokLiveError(Exception):
    """Base of every error of this package.

    Parameters
    ----------
    message : str
        What happened, with the value that caused it.
    cure : str
        What the reader can do about it; may be empty.
    """

    def __init__(self, message: str = "", *, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.message} {self.cure}".strip()

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are otherwise made again of their one positional argument alone.
        return _made_again, (type(self), self.args, self.__dict__)


def _made_again(kind: type[GrokLiveError], args: tuple[Any, ...], facts: dict[str, Any]) -> Any:
    error = kind.__new__(kind, *args)
    error.__dict__.update(facts)
    return error


class ConfigurationError(GrokLiveError):
    """A setting that cannot be used; raised before any I/O."""


class AudioFormatError(GrokLiveError):
    """An array or a file that cannot be sent as sound."""


class ProtocolError(GrokLiveError):
    """Something said or heard that the protocol does not allow."""


class LocalProtocolError(ProtocolError):
    """We asked for something that is illegal in the present state; nothing was sent."""


class RemoteProtocolError(ProtocolError):
    """The server said something that makes it impossible to go on."""


class UnsupportedByServer(ProtocolError):
    """The dialect, or the server behind it, has no word for what was asked.

    Attributes
    ----------
    word : str
        The event that could not be said.
    dialect : str
        Name of the dialect.
    """

    def __init__(self, word: str, dialect: str, *, cure: str = "") -> None:
        super().__init__(
            f"the {dialect!r} dialect cannot say {word!r}.",
            cure=cure or 'Use dialect="realtime", which can.' * (dialect != "realtime"),
        )
        self.word = word
        self.dialect = dialect


class SessionError(GrokLiveError):
    """Something went wrong on the line."""


class ConnectError(SessionError):
    """The line could not be opened.

    Attributes
    ----------
    host : str
        Host (and port) that was tried; never the whole URL, never a key.
    status_code : int or None
        HTTP status of a refused handshake.
    has_answered : bool
        Whether the host itself said no, so that another address there may say yes; False for
        failures of name, network, TLS and time.
    """

    def __init__(
        self,
        message: str,
        *,
        host: str = "",
        status_code: int | None = None,
        has_answered: bool = False,
        cure: str = "",
    ) -> None:
        super().__init__(message, cure=cure)
        self.host = host
        self.status_code = status_code
        self.has_answered = has_answered


class AuthenticationError(ConnectError):
    """The key is missing or was refused; never retried."""


class ServerError(SessionError):
    """The server reported an error and the request it belongs to cannot be finished.

    Attributes
    ----------
    error_type, code : str
        As the server named them; may be empty.
    """

    def __init__(
        self, message: str, *, error_type: str = "", code: str = "", cure: str = ""
    ) -> None:
        super().__init__(message, cure=cure)
        self.error_type = error_type
        self.code = code


class ReplyTimeout(SessionError):
    """No complete reply came in time. What had come is kept.

    Attributes
    ----------
    timeout_s : float
        How long was waited [s].
    turn : Turn or None
        The reply as far as it came; None when it never began.
    """

    def __init__(self, message: str, *, timeout_s: float, turn: Any = None, cure: str = "") -> None:
        super().__init__(message, cure=cure)
        self.timeout_s = timeout_s
        self.turn = turn


class BudgetSpent(SessionError):
    """The talk has used up its budget, so its line is closed and stays so."""


class SessionClosed(SessionError):
    """The session is over.

    Attributes
    ----------
    close_code : int or None
        WebSocket close code; None when the line vanished without one.
    reason : str
        What the other side gave as its reason.
    """

    def __init__(
        self, message: str, *, close_code: int | None, reason: str = "", cure: str = ""
    ) -> None:
        super().__init__(message, cure=cure)
        self.close_code = close_code
        self.reason = reason


class SessionClosedOK(SessionClosed):
    """The session ended as asked."""


class SessionClosedError(SessionClosed):
    """The line broke; everything received is kept."""


class ToolError(GrokLiveError):
    """A tool's call that could not be carried out; the model is told its sentence."""


class FrontendBusyError(GrokLiveError):
    """The page cannot be reached while this cell runs, or there is no page."""


class RehearsalError(GrokLiveError):
    """The embedded rehearsal server could not do its part."""


class RehearsalWarning(UserWarning):
    """No key was found, so the embedded rehearsal answers and not Grok."""
