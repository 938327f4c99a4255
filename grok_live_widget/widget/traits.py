"""The traits of the panel that other widgets can be linked with.

None of them holds sound, text or a secret. The page follows `volume`, `muted` and `half_duplex`
by itself. The others show what holds in the talk: its thread never sets a trait, since functions
that observe one may block; it has the main thread do that.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Coroutine
from numbers import Integral
from typing import Any, TypeVar

import traitlets
from msgspec.structs import replace

from .._threads import BackgroundTasks
from ..client import TALK_THREAD, TalkAPI, TalkSession
from ..exceptions import ConfigurationError, GrokLiveError
from ..protocol import Event, PhaseChanged, ServerVad, SettingsChanged
from ..settings import Settings, between, one_of

_LOG = logging.getLogger("grok_live_widget")

T = TypeVar("T")

_DETECTION = ("threshold", "silence_duration_ms")


class _Checked(traitlets.TraitType[Any, Any]):
    """A trait whose values are checked as settings are.

    Parameters
    ----------
    check : callable
        ``check(name, value)`` returns the value as it is kept, or raises ConfigurationError.
    default : object
    """

    def __init__(self, check: Callable[[str, Any], Any], default: Any) -> None:
        super().__init__(default_value=default)
        self._check = check
        self.tag(sync=True)

    def validate(self, obj: Any, value: Any) -> Any:
        return self._check(str(self.name), value)


class _Phase(traitlets.Unicode[str, str]):
    """The phase of the talk, always as it is now; functions that observe it are told later."""

    def get(self, obj: Any, cls: Any = None) -> str:
        return str(obj._sessions.phase)


def flag(name: str, value: object) -> bool:
    """Check that a value is a boolean."""
    one_of(name, value, (True, False))
    return bool(value)


def _number(low: float, high: float) -> Callable[[str, Any], float]:
    def check(name: str, value: Any) -> float:
        between(name, value, low, high)
        return float(value)

    return check


def _duration_ms(name: str, value: Any) -> int:
    between(name, value, 0, 10_000, kind=Integral)
    return int(value)


class TalkTraits(TalkAPI, traitlets.HasTraits):
    """A talk with the traits of `GrokLive`, which describes them."""

    volume = _Checked(_number(0.0, 1.0), 1.0)
    muted = _Checked(flag, False)
    half_duplex = _Checked(flag, False)
    threshold = _Checked(_number(0.1, 0.9), 0.5)
    silence_duration_ms = _Checked(_duration_ms, 500)
    phase = _Phase("closed", read_only=True).tag(sync=True)

    def _begin_traits(self) -> dict[str, Any]:
        """Follow the talk, and return the values of the traits that show its settings."""
        # What the traits show, and what was set and has not been carried out yet.
        self._shown = ServerVad()
        self._wanted: dict[str, Any] = {}
        self._wanted_lock = threading.Lock()
        self._updating = BackgroundTasks()
        self._is_updating = self._is_show_queued = False
        self._sessions.add_listener(self._follow_talk)
        detection = self._sessions.settings.turn_detection
        if isinstance(detection, ServerVad):
            self._shown = detection
        return {name: getattr(self._shown, name) for name in _DETECTION}

    # ----------------------------------------------------------------- from the talk
    def _follow_talk(self, event: Event, changed: object, now_s: float) -> None:
        if isinstance(event, PhaseChanged | SettingsChanged):
            self._show_soon()

    def _show_soon(self) -> None:
        """Have the main thread show what holds; on the talk's thread."""
        if not self._is_show_queued:
            self._is_show_queued = True
            self._sessions.tool_threads.call_on_main(self._show_queued)

    def _show_queued(self) -> None:
        self._is_show_queued = False
        self._show()

    def _show(self) -> None:
        """Let the traits show what holds in the talk."""
        try:
            self._set_shown()
        except Exception:  # noqa: BLE001  (of a function that observes a trait)
            _LOG.exception("A function that observes a trait of the panel has failed.")

    def _set_shown(self) -> None:
        self.set_trait("phase", self._sessions.phase)
        detection = self._sessions.settings.turn_detection
        if self._wanted:
            return  # They show what is wanted until that is carried out.
        if isinstance(detection, ServerVad):
            self._shown = detection
        for name in _DETECTION:
            self.set_trait(name, getattr(self._shown, name))

    # A call of the user's shows what it has changed before it returns.
    def _run(self, coro: Coroutine[Any, Any, T], *, makes_calls: bool = True) -> T:
        result = super()._run(coro, makes_calls=makes_calls)
        self._show()
        return result

    async def _arun(self, coro: Coroutine[Any, Any, T]) -> T:
        result = await super()._arun(coro)
        if not TALK_THREAD.is_current:
            self._show()
        return result

    # ----------------------------------------------------------------- to the talk
    @traitlets.observe(*_DETECTION)
    def _want_detection(self, change: Any) -> None:
        """Update the talk, which the thread that has set a trait does not wait for."""
        name, value = change["name"], change["new"]
        with self._wanted_lock:
            if not self._wanted and value == getattr(self._shown, name):
                return
            self._wanted[name] = value
        TALK_THREAD.call(self._start_updating)

    def _start_updating(self) -> None:
        if not self._is_updating:
            self._is_updating = True
            self._updating.spawn(self._update_detection(self._sessions))

    async def _update_detection(self, sessions: TalkSession) -> None:
        """Carry out what is wanted; while a slider is moved, only the newest value."""
        while self._wanted:
            with self._wanted_lock:
                wanted = dict(self._wanted)
            await _update(sessions, wanted)
            with self._wanted_lock:
                for name, value in wanted.items():
                    if self._wanted[name] == value:
                        del self._wanted[name]
        self._is_updating = False
        self._show_soon()


async def _update(sessions: TalkSession, wanted: dict[str, Any]) -> None:
    """Update the turn detection; an error becomes a note."""

    def change(settings: Settings) -> dict[str, Any]:
        detection = settings.turn_detection
        if isinstance(detection, ServerVad):
            return {"turn_detection": replace(detection, **wanted)}
        name, value = next(iter(wanted.items()))
        raise ConfigurationError(
            f"with push-to-talk nothing is detected, so that {name} has no effect.",
            cure=f"Use update(turn_detection=ServerVad({name}={value})).",
        )

    try:
        await sessions.update(change)
    except GrokLiveError as error:
        sessions.note(str(error), "error")
    except Exception:  # noqa: BLE001  (a bug of ours)
        _LOG.exception("The turn detection was not changed; please report this.")
