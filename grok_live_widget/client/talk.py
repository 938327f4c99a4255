"""`Talk`: conversations for cells, scripts, threads and coroutines."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import time
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack, overload

from .._structs import did_you_mean, names_checked
from .._threads import LoopThread, ThreadQueue
from ..conversation import ToolCallState, Turn, Turns, Usage
from ..exceptions import ConfigurationError
from ..protocol import Noted
from ..recording import Frames, check_new_folder
from ..settings import (
    Settings,
    SettingsKwargs,
    UpdateKwargs,
    expand_kwargs_signature,
    settings_from,
)
from .ask import Asker
from .clips import Question
from .credentials import Secret, wrap_secret
from .endpoint import Endpoint, resolve_endpoint, warn_of_rehearsal
from .hooks import HookKind, TurnStream, next_turn
from .isolation import IsolationStatus, isolation_of
from .listeners import Listener, ListenerHandle
from .reconnecting_session import ReconnectingSession
from .surroundings import KernelSurroundings
from .talk_session import Questions, TalkSession
from .timeouts import Timeouts
from .tool_thread import main_queue

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., object])

TALK_THREAD = LoopThread("grok-live-talk")
"""The one thread that owns the loop of all talks."""

_open: weakref.WeakSet[TalkSession] = weakref.WeakSet()

_SETTINGS = SettingsKwargs.__optional_keys__


class TalkAPI:
    """The methods of every talk, with a notebook (`GrokLive`) and without (`Talk`).

    Plain methods may be called from any thread but the talk's own; each has an awaitable twin
    ending in ``_async`` for any loop. An interrupt cancels the call and not the session.
    """

    _sessions: TalkSession
    _asker: Questions

    def _begin(
        self,
        api_key: Secret | None,
        settings: Mapping[str, Any],
        timeouts: Timeouts = Timeouts(),
    ) -> None:
        checked = settings_from(settings)
        check_new_folder(checked.record)
        # On this thread: a keyring that waits for its user must not hold up other talks.
        endpoint = resolve_endpoint(checked, api_key)
        self._sessions, self._asker = TALK_THREAD.run(
            _new_session(checked, api_key, endpoint, timeouts, main_queue())
        )
        _open.add(self._sessions)

    def __setattr__(self, name: str, value: object) -> None:
        # Otherwise ``talk.voice = "eve"`` would make an attribute that nothing reads.
        if name == "api_key" or name in _SETTINGS:
            can_change = name in UpdateKwargs.__optional_keys__
            raise ConfigurationError(
                f"the setting {name} cannot be assigned.",
                cure=f"Call update({name}=…)."
                if can_change
                else f"Create a new {type(self).__name__}({name}=…).",
            )
        if not name.startswith("_") and not hasattr(self, name):
            near = did_you_mean(name, tuple(_SETTINGS), least=0.75)
            if near:
                raise ConfigurationError(
                    f"there is no setting {name!r}.",
                    cure=f"{near}Settings are changed by update().",
                )
        super().__setattr__(name, value)

    if not TYPE_CHECKING:  # For type checkers, what is missing is an error.

        def __getattr__(self, name: str) -> Any:
            # Called for what there is not.
            cure = f"It is a setting: settings.{name}." if name in _SETTINGS else ""
            if not cure and name[0] != "_":  # Shells look for many names of this kind.
                public = [each for each in dir(type(self)) if each[0] != "_"]
                cure = did_you_mean(name, public, least=0.65)
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}. {cure}".strip())

    # ----------------------------------------------------------------- to read
    @property
    def turns(self) -> Turns:
        """All turns so far, of all sessions; grows in place."""
        return self._sessions.conversation.turns

    @property
    def user_pcm(self) -> NDArray[np.int16]:
        """All sound of the user that was sent, ``ndarray of int16 [shape=(n,)]``, at the rate of
        ``settings.input_format``: a read-only view that stays valid; a copy only of sound that
        is partly in the files of a recording.

        Without the pauses between calls of `send_audio`; ``turns.audio()`` has the sound in time.

        Raises
        ------
        AudioDropped
            When `max_audio_minutes` has passed, and there is no recording to read it from.
        """
        return self._sessions.conversation.user_tape.view()

    @property
    def assistant_pcm(self) -> NDArray[np.int16]:
        """All sound of the replies that was received, in that order; see `user_pcm`."""
        return self._sessions.conversation.assistant_tape.view()

    @property
    def dropped_audio_s(self) -> float:
        """Sound of both sides that `max_audio_minutes` has dropped, and that is in no files [s]."""
        return self._sessions.dropped_s

    @property
    def phase(self) -> str:
        """The connection: ``"closed"``, ``"opening"``, ``"open"`` or ``"closing"``."""
        return self._sessions.phase

    @property
    def is_rehearsal(self) -> bool:
        """Whether the embedded rehearsal is the server, and not the service."""
        return self._sessions.endpoint.is_rehearsal

    @property
    def isolation(self) -> IsolationStatus:
        """Where the connection is: in a process of its own or in a thread of this one, and why."""
        return isolation_of(self._sessions.settings)

    @property
    def dialect(self) -> str:
        """``"live"`` or ``"realtime"``; before a session was open, the first to be tried."""
        return self._sessions.dialect

    @property
    def settings(self) -> Settings:
        """The settings that were given."""
        return self._sessions.settings

    @property
    def notes(self) -> list[Noted]:
        """The notes for the user, oldest first; a copy."""
        return list(self._sessions.notes)

    @property
    def frames(self) -> Frames:
        """The newest WebSocket frames of all connections in both directions, as of now, without
        audio and keys: for a look at the protocol, and for bug reports.
        """
        return self._sessions.frames

    @property
    def usage(self) -> Usage:
        """What was used up until now: minutes, money, tokens, sound."""
        return self._sessions.usage

    @property
    def ends_in_s(self) -> float | None:
        """How long the server lets the session last from now [s]; the talk then goes on in a
        new one. None where no session is open, or where it is not known.
        """
        return self._sessions.ends_in_s

    @property
    def elapsed_s(self) -> float | None:
        """How long ago the talk's first event was [s]: now, on the scale of `Turn.started_s` and
        `Turn.played_at_s`. None before it.
        """
        origin_s = self._sessions.conversation.origin_s
        return None if origin_s is None else max(0.0, time.monotonic() - origin_s)

    @property
    def pending_approvals(self) -> list[ToolCallState]:
        """Calls of tools that wait for consent, oldest first; `approve` answers one."""
        return self._sessions.pending_approvals

    # ----------------------------------------------------------------- listeners
    @names_checked
    def add_listener(self, listener: Listener) -> ListenerHandle:
        """Call ``listener(event, turns, now_s)`` with every event of every session, in order.

        Parameters
        ----------
        listener : callable
            Called on the talk's thread; must not block, nor call plain methods of the talk other
            than `interrupt`.
            ``turns`` is the list of the turns that the event changed, ``now_s`` its time on the
            monotonic clock [s]. The first error that it raises is logged and noted.

        Returns
        -------
        ListenerHandle
            Its ``remove()`` ends the calls; it is a context manager too.

        Raises
        ------
        ConfigurationError
            When it cannot be called with these three arguments.
        SessionClosed
            When the talk was closed.
        """
        self._sessions.check_ended()
        return self._sessions.add_listener(listener)

    @names_checked
    @overload
    def on(self, kind: HookKind, function: Callable[..., object]) -> ListenerHandle: ...

    @overload
    def on(self, kind: HookKind) -> Callable[[F], F]: ...

    def on(self, kind: HookKind, function: Any = ...) -> Any:
        """Call a function whenever something happens in the talk.

        Parameters
        ----------
        kind : {"turn", "audio", "transcript", "tool", "note", "phase"}
            ``"turn"``: ``function(turn)`` with each turn that has ended, in order; a spoken turn
            of the user when its transcript has come, too.
            ``"audio"``: ``function(turn, pcm)`` with each piece of a reply as it is received,
            ``ndarray of int16 [shape=(n,)]``, read-only.
            ``"transcript"``: ``function(turn, text)`` with the text of a turn so far.
            ``"tool"``: ``function(call)`` with a `ToolCallState` at each change of its state.
            ``"note"``: ``function(note)`` with each `events.Noted` for the user.
            ``"phase"``: ``function(phase)`` with the new `phase`.
        function : callable
            Called on a thread of its own, one call after another, so that it may block and call
            methods of the talk. An error is logged and noted once. Left out: ``talk.on("turn")``
            decorates a function, which is called until the talk is closed.

        Returns
        -------
        ListenerHandle
            Its ``remove()`` ends the calls; it is a context manager too. A decorator, if
            `function` was left out.

        Raises
        ------
        ConfigurationError
            When there is no such kind, or the function cannot be called so.
        SessionClosed
            When the talk was closed.

        Examples
        --------
        >>> talk.on("turn", lambda turn: print(turn.role, turn.text))  # doctest: +SKIP
        """
        self._sessions.check_ended()
        if function is not ...:
            return self._sessions.hooks.on(kind, function)

        def added(function: F) -> F:
            self.on(kind, function)
            return function

        return added

    def turns_as_they_end(self) -> AsyncIterator[Turn]:
        """The turns that end from now on, as ``on("turn")`` tells them::

            async for turn in talk.turns_as_they_end():
                print(turn.role, turn.text)

        The iteration ends when the talk is closed, that of a closed one at once. To be called on
        the loop that iterates.

        Returns
        -------
        asynchronous iterator of Turn
        """
        return TurnStream(self._sessions.hooks)

    @names_checked
    def wait_for_turn(
        self, role: Literal["user", "assistant"] | None = None, *, timeout_s: float = 60
    ) -> Turn:
        """Wait for the next turn that ends, for example one that is spoken into the panel.

        Parameters
        ----------
        role : {"user", "assistant"} or None
            Only turns of this side.
        timeout_s : float > 0 [s]

        Returns
        -------
        Turn

        Raises
        ------
        ReplyTimeout
            When none has ended by then.
        SessionClosed
            When the talk was closed.
        ConfigurationError
        """
        return self._run(next_turn(self._sessions.hooks, role, timeout_s))

    @names_checked
    async def wait_for_turn_async(
        self, role: Literal["user", "assistant"] | None = None, *, timeout_s: float = 60
    ) -> Turn:
        """`wait_for_turn`, awaited."""
        return await self._arun(next_turn(self._sessions.hooks, role, timeout_s))

    # ----------------------------------------------------------------- the connection
    @names_checked
    def start(self) -> None:
        """Open the connection; harmless when it is open. A new session goes on in the same `turns`.

        Raises
        ------
        AuthenticationError, ConnectError
        """
        self._run(self._sessions.open())

    @names_checked
    async def start_async(self) -> None:
        """`start`, awaited."""
        await self._arun(self._sessions.open())

    @names_checked
    def stop(self) -> None:
        """Close the connection; `turns` stay. Harmless when it is closed."""
        self._run(self._sessions.stop(), makes_calls=False)

    @names_checked
    async def stop_async(self) -> None:
        """`stop`, awaited."""
        await self._arun(self._sessions.stop())

    @names_checked
    def close(self) -> None:
        """End the talk and what runs for it; `turns` stay readable."""
        self._run(self._sessions.close(), makes_calls=False)
        self._sessions.hooks.join()

    @names_checked
    async def close_async(self) -> None:
        """`close`, awaited."""
        await self._arun(self._sessions.close())
        await asyncio.to_thread(self._sessions.hooks.join)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close_async()

    # ----------------------------------------------------------------- talking
    @names_checked
    def ask(
        self,
        question: Question,
        sample_rate: int | None = None,
        *,
        timeout_s: float = 60,
        instructions: str | None = None,
        metadata: Mapping[str, str] | None = None,
        pace: Literal["fast", "realtime"] = "fast",
    ) -> Turn:
        """Ask, and wait until the reply has been received (not played).

        Parameters
        ----------
        question : str, pathlib.Path or array_like [shape=(n,) or (n, channels)]
            A text, a sound file, or sound (int16, or float in [-1, 1]). A sound is followed by
            silence until the server hears its end; the reply to its last speech is returned.
        sample_rate : int [Hz]
            Of an array, which needs it; a text and a file take none.
        timeout_s : float > 0 [s]
            With ``pace="realtime"``, beyond the time that the sound lasts.
        instructions : str or None
            In place of the talk's, for this reply only. Not for speech under `ServerVad`,
            which the server answers by itself.
        metadata : Mapping of str to str or None
            Returned with the reply, up to 16 pairs; None: that of the settings.
        pace : {"fast", "realtime"}
            How a sound is sent: at once, or each 100 ms when they would have been spoken, as a
            microphone does. A text takes ``"fast"`` only.

        Returns
        -------
        Turn
            The reply. It waits behind one that is running. If `interrupt` is called meanwhile, what
            was received until then, with `Turn.was_interrupted` (empty, and in no `turns`, if
            nothing was).

        Raises
        ------
        ReplyTimeout
            What was received is kept, and is in its ``turn``.
        AudioFormatError, ConfigurationError
            Before anything is sent.
        SessionClosedError
            When the connection broke during the reply. A text of whose reply nothing was received
            is sent again by itself, when the connection is open again.
        AuthenticationError, ConnectError, BudgetSpent, ServerError, UnsupportedByServer
        """
        work = self._asker.ask(question, sample_rate, timeout_s, instructions, metadata, pace)
        return self._run(work)

    @names_checked
    async def ask_async(
        self,
        question: Question,
        sample_rate: int | None = None,
        *,
        timeout_s: float = 60,
        instructions: str | None = None,
        metadata: Mapping[str, str] | None = None,
        pace: Literal["fast", "realtime"] = "fast",
    ) -> Turn:
        """`ask`, awaited."""
        work = self._asker.ask(question, sample_rate, timeout_s, instructions, metadata, pace)
        return await self._arun(work)

    @names_checked
    def say_verbatim(self, text: str, *, interruptible: bool = True, timeout_s: float = 60) -> Turn:
        """Have the model's voice speak `text` word for word; return its turn at once, which grows.

        ``turn.wait()`` and ``await turn`` wait until it has been received. It waits behind a reply
        that is running.

        Parameters
        ----------
        text : str
        interruptible : bool
            Whether the user's speech interrupts it.
        timeout_s : float > 0 [s]
            How long it may take to begin.

        Returns
        -------
        Turn
            The assistant's.

        Raises
        ------
        UnsupportedByServer
            In the ``live`` dialect.
        ReplyTimeout, ConfigurationError, AuthenticationError, ConnectError, SessionClosed
        """
        return self._run(self._asker.say_verbatim(text, timeout_s, interruptible))

    @names_checked
    async def say_verbatim_async(
        self, text: str, *, interruptible: bool = True, timeout_s: float = 60
    ) -> Turn:
        """`say_verbatim`, awaited."""
        return await self._arun(self._asker.say_verbatim(text, timeout_s, interruptible))

    @names_checked
    def say(
        self,
        question: Question,
        sample_rate: int | None = None,
        *,
        pace: Literal["fast", "realtime"] = "fast",
    ) -> Turn:
        """Send the same things as `ask`, and return the user's turn at once; it grows.

        With ``pace="realtime"`` the sound is sent while other code runs; a sound that is said
        meanwhile begins when it has been sent.

        Parameters
        ----------
        question, sample_rate, pace
            As for `ask`.

        Returns
        -------
        Turn
            The user's.

        Raises
        ------
        AudioFormatError, ConfigurationError
            Before anything is sent.
        AuthenticationError, ConnectError, SessionClosed
        """
        return self._run(self._asker.say(question, sample_rate, pace))

    @names_checked
    async def say_async(
        self,
        question: Question,
        sample_rate: int | None = None,
        *,
        pace: Literal["fast", "realtime"] = "fast",
    ) -> Turn:
        """`say`, awaited."""
        return await self._arun(self._asker.say(question, sample_rate, pace))

    @names_checked
    def send_audio(
        self,
        x: Any,
        sample_rate: int,
        *,
        end: bool = False,
        pace: Literal["fast", "realtime"] = "fast",
    ) -> None:
        """Send sound as the user's. Consecutive calls at one rate are one continuous stream.

        The stream ends with `end`, `commit`, `ask`, `say`, another rate, or 200 ms without a call;
        what the resampler still holds is then sent. The microphone is dropped until then.

        Parameters
        ----------
        x : array_like of int16, float32 or float64 [shape=(n,) or (n, channels)]
            Floats in [-1, 1]; beyond is clipped and noted. Mono int16 at the session's own rate
            passes untouched. Not kept.
        sample_rate : int [Hz]
            Of `x`.
        end : bool
            Whether the stream ends with `x`.
        pace : {"fast", "realtime"}
            ``"realtime"`` sends each 100 ms when they would have been spoken, and returns then.

        Raises
        ------
        AudioFormatError, ConfigurationError
            Before anything is sent.
        AuthenticationError, ConnectError, SessionClosed
        """
        self._run(self._sessions.send_audio(x, sample_rate, end=end, pace=pace))

    @names_checked
    async def send_audio_async(
        self,
        x: Any,
        sample_rate: int,
        *,
        end: bool = False,
        pace: Literal["fast", "realtime"] = "fast",
    ) -> None:
        """`send_audio`, awaited."""
        await self._arun(self._sessions.send_audio(x, sample_rate, end=end, pace=pace))

    @names_checked
    def interrupt(self) -> None:
        """Stop the reply that is running or still playing; harmless when there is none.

        An `ask` that waits for it returns what was received, and functions of tools that run are
        followed by no reply. May be called from listeners and tools, too.
        """
        if TALK_THREAD.is_current:  # A listener, which must not wait.
            TALK_THREAD.submit(self._sessions.interrupt())
            return
        self._run(self._sessions.interrupt(), makes_calls=False)

    @names_checked
    async def interrupt_async(self) -> None:
        """`interrupt`, awaited."""
        await self._arun(self._sessions.interrupt())

    @names_checked
    def commit(self) -> None:
        """End the user's turn by hand; with `PushToTalk` this also asks for the reply."""
        self._run(self._sessions.commit())

    @names_checked
    async def commit_async(self) -> None:
        """`commit`, awaited."""
        await self._arun(self._sessions.commit())

    @names_checked
    def clear(self) -> None:
        """Have the server forget the sound that was sent and not committed."""
        self._run(self._sessions.clear())

    @names_checked
    async def clear_async(self) -> None:
        """`clear`, awaited."""
        await self._arun(self._sessions.clear())

    @names_checked
    @expand_kwargs_signature(UpdateKwargs)
    def update(self, **settings: Unpack[UpdateKwargs]) -> list[str]:
        """Change settings; those of the running session at once, the model by a new session.

        Parameters
        ----------
        **settings
            See `Settings`. The server and the formats of the sound stay as they are.

        Returns
        -------
        list of str
            What the server rejected, by the settings that it confirmed; each was also noted.

        Raises
        ------
        ConfigurationError
            Before anything is sent.
        UnsupportedByServer
            Where the dialect does not support it.
        ServerError
            When the server refuses; the earlier settings stay.
        SessionClosed
            When the talk was closed.
        """
        return self._run(self._sessions.update(settings))

    @names_checked
    @expand_kwargs_signature(UpdateKwargs)
    async def update_async(self, **settings: Unpack[UpdateKwargs]) -> list[str]:
        """`update`, awaited."""
        return await self._arun(self._sessions.update(settings))

    @names_checked
    def approve(self, call_id: str, is_allowed: bool = True) -> None:
        """Allow a call in `pending_approvals`, or do not; a call that is not answered in its
        tool's time is not made.

        Parameters
        ----------
        call_id : str
            Of a call in `pending_approvals`.
        is_allowed : bool

        Raises
        ------
        ConfigurationError
            When no such call waits.
        SessionClosed
        """
        self._run(self._sessions.approve(call_id, is_allowed))

    @names_checked
    async def approve_async(self, call_id: str, is_allowed: bool = True) -> None:
        """`approve`, awaited."""
        await self._arun(self._sessions.approve(call_id, is_allowed))

    # ----------------------------------------------------------------- on disk
    @names_checked
    def save(self, path: str | PathLike[str]) -> Path:
        """Write what there is now into a folder: events, sound of both sides, settings.

        The key is never written. `load` reads it again; docs/recording.md describes the format.

        Parameters
        ----------
        path : str or PathLike
            A new folder, or one with a recording, which is replaced.

        Returns
        -------
        Path

        Raises
        ------
        ConfigurationError
            When it cannot be written there, or something else is there.
        """
        return self._run(self._sessions.save(path))

    @names_checked
    async def save_async(self, path: str | PathLike[str]) -> Path:
        """`save`, awaited."""
        return await self._arun(self._sessions.save(path))

    # ----------------------------------------------------------------- threads
    def _run(self, coro: Coroutine[Any, Any, T], *, makes_calls: bool = True) -> T:
        """Run on the talk's thread, and wait; tools for this thread are called meanwhile."""
        self._follow_caller()
        return TALK_THREAD.run(coro, makes_calls=makes_calls)

    async def _arun(self, coro: Coroutine[Any, Any, T]) -> T:
        self._follow_caller()
        return await TALK_THREAD.arun(coro)

    def _follow_caller(self) -> None:
        if not TALK_THREAD.is_current:
            self._sessions.tool_threads.follow_caller()

    def __repr__(self) -> str:
        if not hasattr(self, "_sessions"):
            # A traceback with locals shows an object whose constructor failed.
            return f"<{type(self).__name__}>"
        sessions, phase = self._sessions, str(self.phase)
        if phase == "closed" and not sessions.is_ended:
            phase = "not connected"
        name = type(self).__name__
        return f"<{name} with {sessions.server_name}, {phase}, {len(self.turns)} turns>"


class Talk(TalkAPI):
    """A conversation without a notebook.

    Parameters
    ----------
    api_key : str or None
        None looks in the environment (``XAI_API_KEY``), Colab's secrets, the keyring and
        ``.env``; where there is none, the embedded rehearsal answers.
    **settings
        See `Settings`.

    Raises
    ------
    ConfigurationError, AuthenticationError
        At once. Constructing opens nothing.

    Examples
    --------
    >>> from grok_live_widget import Talk
    >>> with Talk(partner=["Good morning."]) as talk:
    ...     turn = talk.ask("Hello.")
    >>> turn.text, turn.sample_rate
    ('Good morning.', 24000)
    """

    @names_checked
    @expand_kwargs_signature(SettingsKwargs)
    def __init__(
        self, *, api_key: str | Secret | None = None, **settings: Unpack[SettingsKwargs]
    ) -> None:
        api_key = wrap_secret(api_key)
        self._begin(api_key, settings)
        warn_of_rehearsal(self._sessions.endpoint)


async def _new_session(
    settings: Settings,
    api_key: Secret | None,
    endpoint: Endpoint,
    timeouts: Timeouts,
    main: ThreadQueue,
) -> tuple[TalkSession, Questions]:
    """The session and what asks over it, constructed on the loop that they belong to."""
    if isolation_of(settings).kind == "process":
        from .process import RemoteAsker, RemoteSession

        remote = RemoteSession(settings, api_key, endpoint, timeouts, main)
        return remote, RemoteAsker(remote)
    surroundings = KernelSurroundings(api_key, main)
    sessions = ReconnectingSession(settings, api_key, endpoint, timeouts, surroundings)
    return sessions, Asker(sessions)


@atexit.register
def _close_all() -> None:
    for sessions in list(_open):
        with contextlib.suppress(Exception):
            TALK_THREAD.submit(sessions.close()).exception(timeout=2)
