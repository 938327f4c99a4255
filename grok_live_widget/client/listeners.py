"""What is called with every event of a session or a talk: `add_listener`."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from contextvars import copy_context

from ..conversation import Turn
from ..exceptions import ConfigurationError, exc_info_without_own_frames
from ..protocol import Event
from ..tools import is_coroutine_function

__all__ = ["Listener", "ListenerHandle", "Listeners", "note_of_failure"]

_LOG = logging.getLogger("grok_live_widget")

Listener = Callable[[Event, list[Turn], float], None]
"""Called on the loop with each event, the turns it changed, and its time [s]; must not block."""


class Listeners:
    """Calls listeners, in the order in which they were added; used on one loop.

    Parameters
    ----------
    note : callable
        Called with a sentence for the user about the first error of each.
    """

    def __init__(self, note: Callable[[str], object]) -> None:
        self._note = note
        # Replaced, not changed: listeners come and go while they are called.
        self._entries: tuple[_Entry, ...] = ()

    def add(self, listener: Listener) -> ListenerHandle:
        """Call the listener with every event from now on.

        Raises
        ------
        ConfigurationError
            When it cannot be called with an event, its turns and its time.
        """
        entry = _Entry(listener, self._note)
        self._entries = (*self._entries, entry)

        def remove() -> None:
            self._entries = tuple(each for each in self._entries if each is not entry)

        return ListenerHandle(remove)

    def call(self, event: Event, changed: list[Turn], now_s: float) -> None:
        """Call all of them with an event, the turns that it has changed, and its time [s]."""
        for entry in self._entries:
            entry(event, changed, now_s)


class _Entry:
    """One call of `Listeners.add`: calls the listener, whose errors stop nothing else.

    Parameters
    ----------
    listener : callable
        See `Listener`.
    note : callable
        Called with a sentence for the user about its first error.

    Raises
    ------
    ConfigurationError
        When it cannot be called with an event, its turns and its time.
    """

    def __init__(self, listener: Listener, note: Callable[[str], object]) -> None:
        _check_listener(listener)
        self._listener, self._note = listener, note
        # Of the code that added it; a copy for each call, since calls may be nested.
        self._context = copy_context()
        self._has_failed = False

    def __call__(self, event: Event, changed: list[Turn], now_s: float) -> None:
        try:
            self._context.copy().run(self._listener, event, changed, now_s)
        except Exception as error:  # noqa: BLE001  (one listener must not stop the others)
            # Once: it is called with every event, and would fail as often.
            if not self._has_failed:
                self._has_failed = True
                _LOG.error("A listener failed.", exc_info=exc_info_without_own_frames(error))
                self._note(note_of_failure("A listener", error, "with the next event"))


def note_of_failure(what: str, error: BaseException, next_time: str) -> str:
    """The sentences about a function of the user's that failed."""
    why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return (
        f"{what} failed ({why}). It stays registered and is called {next_time}; its further errors "
        "are not noted."
    )


def _check_listener(listener: object) -> None:
    is_function = callable(listener)
    if is_function and not is_coroutine_function(listener):
        try:
            inspect.signature(listener).bind(None, [], 0.0)  # type: ignore[arg-type]
        except TypeError:
            pass
        except ValueError:
            return  # Some functions in C do not tell their arguments.
        else:
            return
    raise ConfigurationError(
        f"a listener must be a plain function of three arguments, not {listener!r}.",
        cure="Define def listener(event, turns, now_s), or end it with *_ for those not used.",
    )


class ListenerHandle:
    """What `add_listener` returns: `remove`, or the end of a ``with`` block, ends the calls."""

    def __init__(self, remove: Callable[[], None], what: str = "every event") -> None:
        self._remove = remove
        self._what, self._is_removed = what, False

    def remove(self) -> None:
        """Stop calling the listener; harmless when it was removed already."""
        self._remove()
        self._is_removed = True

    def __repr__(self) -> str:
        state = ", removed" if self._is_removed else ""
        return f"<ListenerHandle for {self._what}{state}>"

    def __enter__(self) -> ListenerHandle:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._remove()
