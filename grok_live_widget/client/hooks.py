"""Functions that are called when something happens in a talk, on a thread of their own."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import queue
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from contextvars import copy_context
from typing import Any, Literal

from .._structs import did_you_mean
from ..audio import pcm_from_bytes
from ..conversation import ToolCalls, Turn, Turns
from ..exceptions import (
    ConfigurationError,
    ReplyTimeout,
    SessionClosedOK,
    exc_info_without_own_frames,
)
from ..protocol import Event, Noted, PhaseChanged, SessionEnded, events
from ..settings import between, one_of
from ..tools import is_coroutine_function
from .listeners import ListenerHandle, note_of_failure

HookKind = Literal["turn", "audio", "transcript", "tool", "note", "phase"]

# What each function is called with.
_ARGUMENTS = {
    "turn": ("turn",),
    "audio": ("turn", "pcm"),
    "transcript": ("turn", "text"),
    "tool": ("call",),
    "note": ("note",),
    "phase": ("phase",),
}

# Of pieces of sound that wait for a function that is too slow.
_MOST_WAITING = 1000

_WITH_TEXT = (
    *(events.TranscriptDelta, events.TranscriptDone, events.TextDelta, events.TextDone),
    *(events.UserTranscriptReplaced, events.CreateItem),
)

_LOG = logging.getLogger("grok_live_widget")


class _Hook:
    """One call of `on`."""

    def __init__(self, kind: str, function: Callable[..., object]) -> None:
        self.kind = kind
        self.function = function
        # Of the code that added it, so that a notebook shows what it prints below that cell.
        self._context = copy_context()
        self.has_failed = False
        self.is_removed = False

    def __call__(self, *arguments: object) -> None:
        self._context.copy().run(self.function, *arguments)


_Calls = queue.SimpleQueue[tuple[_Hook, tuple[object, ...]] | None]


class Hooks:
    """The functions of one talk.

    `follow` and `close` are called on the talk's loop, `on` by any thread.

    Parameters
    ----------
    turns : Turns
        The turns of the talk.
    note : callable
        Called with a sentence for the user, by any thread.
    """

    def __init__(self, turns: Turns, note: Callable[[str], object]) -> None:
        self._ended = EndedTurns(turns)
        self._note = note
        self._tool_calls = ToolCalls()
        self._hooks: tuple[_Hook, ...] = ()
        # Called on the loop with each turn that ends, and with None at the end of the talk.
        self._on_ended: tuple[Callable[[Turn | None], object], ...] = ()
        self._calls: _Calls = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        # Held while what is followed changes, and while it is found out which turns have ended: one
        # that ends meanwhile would otherwise be told twice or never. The collector may call
        # `remove` of a stream on a thread that holds it.
        self._lock = threading.RLock()
        self._has_left_out = self._is_closed = False

    # ----------------------------------------------------------------- adding
    def on(self, kind: str, function: Callable[..., object]) -> ListenerHandle:
        """Call `function` when something of this kind happens; see `TalkAPI.on`."""
        _check(kind, function)
        hook = _Hook(kind, function)
        with self._lock:
            self._begin_to_follow()
            self._hooks = (*self._hooks, hook)
            if self._thread is None and not self._is_closed:
                self._start()

        def remove() -> None:
            hook.is_removed = True
            with self._lock:
                self._hooks = tuple(each for each in self._hooks if each is not hook)

        return ListenerHandle(remove, f"{kind!r}")

    def _start(self) -> None:
        # It does not keep the talk alive, and ends with it.
        arguments = (self._calls, weakref.ref(self))
        self._thread = threading.Thread(
            target=_make_calls, args=arguments, name="grok-live-hooks", daemon=True
        )
        self._thread.start()
        weakref.finalize(self, self._calls.put, None).atexit = False

    def on_ended(self, function: Callable[[Turn | None], object]) -> ListenerHandle:
        """Call on the loop with each turn that ends, and with None when the talk is closed."""
        with self._lock:
            self._begin_to_follow()
            self._on_ended = (*self._on_ended, function)
            if self._is_closed:
                function(None)

        def remove() -> None:
            with self._lock:
                self._on_ended = tuple(each for each in self._on_ended if each is not function)

        return ListenerHandle(remove)

    def _begin_to_follow(self) -> None:
        """Leave out the turns that ended while nothing followed; called under the lock."""
        if not self._hooks and not self._on_ended:
            self._ended.skip()

    # ----------------------------------------------------------------- on the loop
    def follow(self, event: Event, changed: list[Turn], now_s: float) -> None:
        """Have the functions called that this event concerns."""
        # Also when nothing follows: a call that begins now may end after `on`.
        call = self._tool_calls.apply(event)
        if not self._hooks and not self._on_ended:
            return
        if isinstance(event, events.AudioDelta):
            # Nearly all events are pieces of sound, which end no turn.
            if any(hook.kind == "audio" for hook in self._hooks) and self._may_queue_sound():
                self._call("audio", changed[-1], pcm_from_bytes(event.pcm))
            return
        if isinstance(event, Noted) and event.text:
            self._call("note", event)
        elif isinstance(event, PhaseChanged):
            self._call("phase", event.phase)
        elif isinstance(event, _WITH_TEXT):
            # A typed question may also have changed the turn before it.
            for turn in changed[-1:]:
                self._call("transcript", turn, turn.text)
        if call is not None:
            self._call("tool", call)
        if changed or isinstance(event, SessionEnded):
            self._tell_ended(is_over=isinstance(event, SessionEnded))

    def _tell_ended(self, *, is_over: bool) -> None:
        with self._lock:
            if not self._hooks and not self._on_ended:
                return  # They were removed meanwhile.
            for turn in self._ended.take(is_over=is_over):
                self._call("turn", turn)
                for function in self._on_ended:
                    function(turn)

    def _call(self, kind: str, *arguments: object) -> None:
        for hook in self._hooks:
            if hook.kind == kind:
                self._calls.put((hook, arguments))

    def _may_queue_sound(self) -> bool:
        has_room = self._calls.qsize() < _MOST_WAITING
        if not has_room and not self._has_left_out:
            self._has_left_out = True
            self._note(
                'A function for "audio" is slower than the sound comes, so that pieces of it are '
                "left out. The turns have all of it."
            )
        return has_room

    def note_failure(self, hook: _Hook, error: BaseException) -> None:
        """Log and note the first error of a function; by any thread."""
        # Once: it may be called with every piece of sound, and would fail as often.
        if not hook.has_failed:
            hook.has_failed = True
            _LOG.error(
                "A function for %r failed.", hook.kind, exc_info=exc_info_without_own_frames(error)
            )
            what, next_time = f"A function for {hook.kind!r}", f"for the next {hook.kind!r}"
            self._note(note_of_failure(what, error, next_time))

    # ----------------------------------------------------------------- the end
    def close(self) -> None:
        """End the calls; those that wait are still made. Called on the loop."""
        with self._lock:
            self._is_closed = True
            for function in self._on_ended:
                function(None)
            self._calls.put(None)

    def join(self, timeout_s: float = 5.0) -> None:
        """Wait until the last calls were made, for this long at most; not on their own thread."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)


def _make_calls(calls: _Calls, owner: weakref.ref[Hooks]) -> None:
    """Make the calls of a talk, on the thread of its functions."""
    while (call := calls.get()) is not None:
        hook, arguments = call
        if hook.is_removed:
            continue
        try:
            hook(*arguments)
        except BaseException as error:  # noqa: BLE001  (one function must not stop the others)
            hooks = owner()
            if hooks is not None:
                hooks.note_failure(hook, error)
            del hooks


class EndedTurns:
    """Which turns have ended, in conversation order, each once.

    A spoken turn of the user ends when its transcript is there, which comes after its sound;
    where none comes, with the next turn.

    Parameters
    ----------
    turns : Turns
    """

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._count = 0

    def skip(self) -> None:
        """Leave out the turns that have ended up until now."""
        self.take()

    def take(self, *, is_over: bool = False) -> list[Turn]:
        """The turns that have ended since; with `is_over` no transcripts are to come."""
        found: list[Turn] = []
        for turn in self._turns[self._count :]:
            later = self._turns[self._count + len(found) + 1 :]
            has_text = turn.role == "assistant" or bool(turn.text)
            if not turn.is_complete:
                break
            if not (has_text or is_over or any(each.is_complete for each in later)):
                break
            found.append(turn)
        self._count += len(found)
        return found


# --------------------------------------------------------------------------- waiting
class TurnStream(AsyncIterator[Turn]):
    """Turns as they end; see `TalkAPI.turns_as_they_end`. Belongs to the running loop."""

    def __init__(self, hooks: Hooks) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise ConfigurationError(
                "turns_as_they_end() was called where no event loop runs.",
                cure='Iterate in a coroutine (a notebook cell is one), or use talk.on("turn", f).',
            ) from None
        self._queue: asyncio.Queue[Turn | None] = asyncio.Queue()
        waiting = weakref.ref(self._queue)

        def put(turn: Turn | None) -> None:
            turns = waiting()
            if turns is not None:
                with contextlib.suppress(RuntimeError):  # The loop was closed.
                    loop.call_soon_threadsafe(turns.put_nowait, turn)

        self._handle = hooks.on_ended(put)
        weakref.finalize(self, self._handle.remove)

    async def __anext__(self) -> Turn:
        turn = await self._queue.get()
        if turn is None:
            self._queue.put_nowait(None)
            raise StopAsyncIteration
        return turn

    async def aclose(self) -> None:
        """End the iteration; harmless when it has ended."""
        self._handle.remove()
        self._queue.put_nowait(None)


async def next_turn(hooks: Hooks, role: str | None, timeout_s: float) -> Turn:
    """The next turn that ends, of this role; on the talk's loop.

    Raises
    ------
    ReplyTimeout, SessionClosedOK, ConfigurationError
    """
    one_of("role", role, ("user", "assistant", None))
    between("timeout_s", timeout_s, 0, 86_400)
    found: asyncio.Future[Turn | None] = asyncio.get_running_loop().create_future()

    def follow(turn: Turn | None) -> None:
        if not found.done() and (turn is None or role in (None, turn.role)):
            found.set_result(turn)

    with hooks.on_ended(follow):
        try:
            async with asyncio.timeout(timeout_s):
                turn = await found
        except TimeoutError:
            whose = f"of the {role} " if role else ""
            raise ReplyTimeout(
                f"no turn {whose}has ended in {timeout_s:g} s.",
                cure="Wait again, or allow more with timeout_s=.",
                timeout_s=timeout_s,
            ) from None
    if turn is None:
        raise SessionClosedOK(
            "the talk was closed before a turn has ended.",
            cure="Its turns stay in `turns`; create a new talk.",
            close_code=None,
        )
    return turn


def _check(kind: object, function: Any) -> None:
    if not isinstance(kind, str) or kind not in _ARGUMENTS:
        known = ", ".join(map(repr, _ARGUMENTS))
        raise ConfigurationError(
            f"there is nothing to call a function for under {kind!r}; known are {known}.",
            cure=did_you_mean(kind, tuple(_ARGUMENTS)).strip(),
        )
    arguments = _ARGUMENTS[kind]
    is_function = callable(function) and not is_coroutine_function(function)
    if is_function:
        try:
            inspect.signature(function).bind(*arguments)
        except TypeError:
            is_function = False
        except ValueError:
            pass  # Some functions in C do not tell their arguments.
    if not is_function:
        raise ConfigurationError(
            f"the function for {kind!r} must be a plain function of {len(arguments)} "
            f"argument{'s' if len(arguments) > 1 else ''}, not {function!r}.",
            cure=f"def f({', '.join(arguments)}): …",
        )
