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

    Examples
    --------
    >>> from grok_live_widget import GrokLiveError, Talk
    >>> try:
    ...     Talk(speed=9)
    ... except GrokLiveError as error:
    ...     print(type(error).__name__, "-", error)
    ConfigurationError - speed must be a number from 0.7 to 1.5 or None, not 9.
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
        traceback = without_own_frames(traceback) or traceback
    lines: list[str] = shown_by.structured_traceback(type(error), error, traceback)
    return lines


def without_own_frames(traceback: TracebackType | None) -> TracebackType | None:
    """A copy without this package's frames, and without those of the standard library below; None
    where no frame is left.
    """
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


def exc_info_without_own_frames(
    error: BaseException,
) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    """An error of a function of the user's as ``exc_info`` of a log, which begins with that
    function.
    """
    traceback = error.__traceback__
    return type(error), error, without_own_frames(traceback) or traceback


class ConfigurationError(GrokLiveError):
    """An invalid setting; raised before any I/O.

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> Talk(voice=3)
    Traceback (most recent call last):
        ...
    grok_live_widget.exceptions.ConfigurationError: voice must be text, not 3.
    """


class ArgumentError(ConfigurationError, TypeError):
    """An argument that a function does not have, or that is missing; a TypeError as in Python.

    Examples
    --------
    >>> from grok_live_widget import Budget
    >>> Budget(minute=10)
    Traceback (most recent call last):
        ...
    grok_live_widget.exceptions.ArgumentError: ... Did you mean 'minutes'? ...
    """


class AudioFormatError(GrokLiveError):
    """An array or a file that cannot be used as audio.

    Examples
    --------
    >>> import numpy as np
    >>> from grok_live_widget import Talk
    >>> with Talk(partner="parrot") as talk:
    ...     talk.send_audio(np.array([0.5, np.nan]), 24_000)
    Traceback (most recent call last):
        ...
    grok_live_widget.exceptions.AudioFormatError: sound must be finite, ...
    """


class AudioDropped(GrokLiveError):
    """Sound that is not kept in memory any more, by `max_audio_minutes`, nor in files.

    Examples
    --------
    >>> import numpy as np
    >>> from grok_live_widget import AudioDropped, RehearsalServer, Talk
    >>> tone = 0.1 * np.sin(np.arange(7 * 24_000) / 10)
    >>> with RehearsalServer(partner=[tone], speed=np.inf) as server:
    ...     with Talk(url=server.url(), api_key="any", max_audio_minutes=0.1) as talk:
    ...         first = talk.ask("Hello.")
    ...         _ = talk.ask("Once more, please.")
    >>> try:
    ...     first.pcm
    ... except AudioDropped as error:
    ...     print(error.message)
    this sound is not kept in memory any more (max_audio_minutes=).
    """


class ProtocolError(GrokLiveError):
    """Something sent or received that the protocol does not allow.

    Examples
    --------
    >>> from grok_live_widget import ProtocolError, Talk
    >>> try:
    ...     Talk(partner="parrot", dialect="live", reasoning="none")
    ... except ProtocolError as error:
    ...     print(type(error).__name__)
    UnsupportedByServer
    """


class LocalProtocolError(ProtocolError):
    """A call that the present state does not allow; nothing was sent.

    Examples
    --------
    >>> from grok_live_widget import LocalProtocolError, PushToTalk, Talk
    >>> with Talk(partner="parrot", turn_detection=PushToTalk()) as talk:
    ...     talk.start()
    ...     try:
    ...         talk.commit()
    ...     except LocalProtocolError as error:
    ...         print(error.message)
    there are 0 ms of audio to commit, and servers refuse less than 100 ms.
    """


class RemoteProtocolError(ProtocolError):
    """The server violated the protocol, so that the session cannot continue.

    Examples
    --------
    >>> from grok_live_widget import ProtocolError, RemoteProtocolError
    >>> issubclass(RemoteProtocolError, ProtocolError)
    True
    """


class UnsupportedByServer(ProtocolError):
    """The dialect, or the server that uses it, does not support what was requested.

    Attributes
    ----------
    word : str
        Name of the event, setting or method that is not supported.
    dialect : str
        Name of the dialect.

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> Talk(partner="parrot", dialect="live", speed=1.2)
    Traceback (most recent call last):
        ...
    grok_live_widget.exceptions.UnsupportedByServer: the 'live' dialect does not support ...
    """

    def __init__(self, word: str, dialect: str, *, cure: str = "") -> None:
        default_cure = "" if dialect == "realtime" else 'Use dialect="realtime", which does.'
        super().__init__(
            f"the {dialect!r} dialect does not support {word!r}.", cure=cure or default_cure
        )
        self.word = word
        self.dialect = dialect


class SessionError(GrokLiveError):
    """A failure of a session or its connection.

    Examples
    --------
    >>> from grok_live_widget import SessionError, Talk
    >>> with Talk(url="ws://127.0.0.1:9", api_key="any") as talk:
    ...     try:
    ...         talk.ask("Hello.")
    ...     except SessionError as error:
    ...         print(error)
    nothing answers at 127.0.0.1:9. Is the server running?
    """


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

    Examples
    --------
    >>> from grok_live_widget import ConnectError, Talk
    >>> with Talk(url="ws://127.0.0.1:9", api_key="any") as talk:
    ...     try:
    ...         talk.ask("Hello.")
    ...     except ConnectError as error:
    ...         print(error.host, error.status_code, error.has_answered)
    127.0.0.1:9 None False
    """

    host: str = ""
    status_code: int | None = None
    has_answered: bool = False


class AuthenticationError(ConnectError):
    """The key is missing or was refused; such a connection is not retried.

    Examples
    --------
    >>> from grok_live_widget import AuthenticationError, Talk
    >>> try:
    ...     Talk(api_key="")
    ... except AuthenticationError as error:
    ...     print("XAI_API_KEY" in error.cure)
    True
    """


@dataclass(eq=False, repr=False, kw_only=True)
class ServerError(SessionError):
    """The server reported an error, so that a request failed.

    Attributes
    ----------
    error_type, code : str
        As the server named them; may be empty.

    Examples
    --------
    >>> from grok_live_widget import ServerError, Talk
    >>> with Talk(partner=lambda turn: None) as talk:
    ...     try:
    ...         talk.ask("Hello.")
    ...     except ServerError as error:
    ...         print(error.message)
    the partner returned neither text nor sound. An answer is a text, ...
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

    Examples
    --------
    >>> from grok_live_widget import RehearsalServer, ReplyTimeout, Talk
    >>> with RehearsalServer(partner=["Yes."], faults=["abandon"]) as server:
    ...     with Talk(url=server.url(), api_key="any") as talk:
    ...         try:
    ...             talk.ask("Hello.", timeout_s=0.2)
    ...         except ReplyTimeout as error:
    ...             print(error.timeout_s)
    0.2
    """

    timeout_s: float
    turn: Any = None


class BudgetSpent(SessionError):
    """The talk has used up its budget; its connection is closed and not reopened.

    Examples
    --------
    >>> from grok_live_widget import Budget, BudgetSpent, Talk
    >>> with Talk(partner=["Yes."], budget=Budget(minutes=0.0001)) as talk:
    ...     try:
    ...         _ = talk.ask("Hello.")
    ...         _ = talk.ask("Hello again.")
    ...     except BudgetSpent:
    ...         print("The budget is spent.")
    The budget is spent.
    """


@dataclass(eq=False, repr=False, kw_only=True)
class SessionClosed(SessionError):
    """The session is closed.

    Attributes
    ----------
    close_code : int or None
        WebSocket close code; None when the connection was lost without a close frame.
    reason : str
        The reason that the server gave.

    Examples
    --------
    >>> from grok_live_widget import SessionClosed, Talk
    >>> talk = Talk(partner="parrot")
    >>> talk.close()
    >>> try:
    ...     talk.ask("Hello.")
    ... except SessionClosed as error:
    ...     print(error)
    the talk is closed. Make a new one.
    """

    close_code: int | None
    reason: str = ""


class SessionClosedOK(SessionClosed):
    """The session was closed on request.

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> talk = Talk(partner="parrot")
    >>> talk.close()
    >>> talk.ask("Hello.")
    Traceback (most recent call last):
        ...
    grok_live_widget.exceptions.SessionClosedOK: the talk is closed. Make a new one.
    """


class SessionClosedError(SessionClosed):
    """The connection was lost; everything received is kept.

    Examples
    --------
    >>> from grok_live_widget import RehearsalServer, SessionClosedError, Talk
    >>> with RehearsalServer(partner=["Yes."], faults=["close:1008"]) as server:
    ...     with Talk(url=server.url(), api_key="any") as talk:
    ...         try:
    ...             talk.ask("Hello.")
    ...         except SessionClosedError as error:
    ...             print(error.close_code)
    1008
    """


class ToolError(GrokLiveError):
    """A tool call that failed; the message is sent to the model.

    Examples
    --------
    >>> from grok_live_widget import ToolError, tool
    >>> def area(width: float) -> float:
    ...     '''Area of a square.'''
    ...     return width**2
    >>> try:
    ...     tool(area).read_arguments('{"width": "wide"}')
    ... except ToolError as error:
    ...     print(error)
    width must be a number, not 'wide'.
    """


class RehearsalError(GrokLiveError):
    """The embedded rehearsal server failed.

    Examples
    --------
    >>> from grok_live_widget import RehearsalError, RehearsalServer
    >>> try:
    ...     RehearsalServer(partner="parrot").url()
    ... except RehearsalError as error:
    ...     print(error)
    the rehearsal server is not running. Use it in a `with` block.
    """


class RehearsalWarning(UserWarning):
    """No key was found, so that the talk uses the embedded rehearsal instead of Grok.

    Examples
    --------
    Where the rehearsal is what you want, ask for it (``partner="talker"``), or ignore the warning:

    >>> import warnings
    >>> from grok_live_widget import RehearsalWarning
    >>> warnings.simplefilter("ignore", RehearsalWarning)
    """
