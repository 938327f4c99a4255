"""When a line has to end: nothing is said, the server's time is over, the money is spent.

Time is an argument; `talk_line` looks here now and again and acts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..conversation import Usage, left_of
from ..protocol import ErrorReported, Event, Noted, SessionCreated
from ..settings import Budget, Settings

__all__ = ["Limits"]

# Before the end of a session: when it is told, when a quiet moment for the change is looked
# for, and when it is not waited for any longer, as shares of its length and at most [s].
_WARN, _LOOK, _FORCE = (0.1, 300.0), (0.05, 60.0), (0.01, 5.0)
_IDLE_WARNING_S = 30.0
# How long a reply that runs may still take when the budget is spent [s].
_GRACE_S = 10.0


class Limits:
    """The limits of one talk, whose sessions come one after another.

    Attributes
    ----------
    settings : Settings
    has_reached_maximum : bool
        The server has said that the session is as long as it may be.
    has_idled_out : bool
        The server has said that nothing was said for too long.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.has_reached_maximum = self.has_idled_out = False
        self._active_s = self._opened_s = 0.0
        self._length_s: float | None = None
        self._spent_s: float | None = None
        self._to_dispatch: set[str] = set()

    def follow(self, settings: Settings) -> None:
        """Other settings hold; another budget is warned of anew, and has its own grace."""
        if settings.budget != self.settings.budget:
            self._to_dispatch.discard("budget")
            self._spent_s = None
        self.settings = settings

    def begin(self, now_s: float) -> None:
        """A session begins."""
        self.has_reached_maximum = self.has_idled_out = False
        self._active_s = self._opened_s = now_s
        self._to_dispatch -= {"session", "idle"}

    def note_activity(self, now_s: float) -> None:
        """Something goes on."""
        self._active_s = now_s
        self._to_dispatch.discard("idle")

    def apply(self, event: Event, now_s: float, *, unix_s: float, is_talk: bool) -> None:
        """Take in one event.

        Parameters
        ----------
        now_s, unix_s : float [s]
            Its time, on the talk's clock and since 1970.
        is_talk : bool
            Whether it changed a turn.
        """
        if is_talk:
            self.note_activity(now_s)
        if isinstance(event, SessionCreated):
            self._length_s = _length_s(event.session, unix_s)
        elif isinstance(event, ErrorReported):
            self.has_reached_maximum |= "max_duration" in (event.error_type, event.code)
            self.has_idled_out |= "timeout" in (event.error_type, event.code)

    # ----------------------------------------------------------------- what is left
    def session_left_s(self, now_s: float) -> float | None:
        """How long the session may still last [s]; None: not known."""
        limit_s = self.settings.session_limit_s if self._length_s is None else self._length_s
        return None if limit_s is None else self._opened_s + limit_s - now_s

    def _idle_left_s(self, now_s: float) -> float | None:
        limit_s = self.settings.idle_timeout_s
        return None if limit_s is None else self._active_s + limit_s - now_s

    def next_s(self, now_s: float) -> float:
        """How long nothing can be due [s]."""
        left = (self.session_left_s(now_s), self._idle_left_s(now_s))
        return min((each for each in left if each is not None), default=1.0)

    def warnings(self, now_s: float, usage: Usage) -> Iterator[Noted]:
        """What is to be told now, each once."""
        left_s, idle_left_s = self.session_left_s(now_s), self._idle_left_s(now_s)
        if left_s is not None and left_s <= self._margin_s(_WARN) and self._is_news("session"):
            ending = f"This session ends in {_duration(left_s)}"
            yield Noted(f"{ending}; the talk goes on in a new one.", "info")
        limit_s = self.settings.idle_timeout_s or 0
        is_near = idle_left_s is not None and idle_left_s <= _IDLE_WARNING_S < limit_s / 2
        if is_near and idle_left_s is not None and self._is_news("idle"):
            text = f"Nothing is said; the line is closed in {_duration(idle_left_s)}."
            yield Noted(text, "info")
        budget = self.settings.budget
        if budget is not None and budget.dollars and usage.dollars is None:
            yield from self._unpriced()
        is_nearly_spent = budget is not None and left_of(budget, usage) <= 1 - budget.warn_at
        if budget is not None and is_nearly_spent and self._is_news("budget"):
            yield Noted(_of_budget(budget, usage), "warning")

    def _unpriced(self) -> Iterator[Noted]:
        if self._is_news("price"):
            text = "No price is known for this model, so a limit in US$ cannot be held; "
            yield Noted(f"{text}prices=Prices(per_minute=…) tells it.", "warning")

    def _is_news(self, name: str) -> bool:
        is_new = name not in self._to_dispatch
        self._to_dispatch.add(name)
        return is_new

    def _margin_s(self, margin: tuple[float, float]) -> float:
        limit_s = self._length_s or self.settings.session_limit_s or 0.0
        share, most_s = margin
        return min(share * limit_s, most_s)

    # ----------------------------------------------------------------- what is due
    def is_idle(self, now_s: float) -> bool:
        """Whether nothing was said for too long."""
        left_s = self._idle_left_s(now_s)
        return left_s is not None and left_s <= 0

    def is_due(self, now_s: float, *, is_quiet: bool) -> bool:
        """Whether the session is to be changed for a new one now."""
        left_s = self.session_left_s(now_s)
        if left_s is None:
            return False
        return left_s <= self._margin_s(_LOOK if is_quiet else _FORCE)

    def is_spent(self, usage: Usage) -> bool:
        """Whether the budget is used up."""
        budget = self.settings.budget
        return budget is not None and left_of(budget, usage) <= 0

    def may_end(self, now_s: float, *, is_quiet: bool) -> bool:
        """Whether a talk whose budget is spent ends now: a running reply may end first."""
        if self._spent_s is None:
            self._spent_s = now_s
        return is_quiet or now_s - self._spent_s >= _GRACE_S


def _length_s(session: Mapping[str, Any], unix_s: float) -> float | None:
    """How long a session lasts by the server's own word, as OpenAI's servers give it."""
    ends = session.get("expires_at")
    if not isinstance(ends, int | float) or isinstance(ends, bool) or ends <= unix_s:
        return None
    return ends - unix_s


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(1, round(seconds))} s"


def _of_budget(budget: Budget, usage: Usage) -> str:
    used = [f"{usage.minutes:.2g} of {budget.minutes:g} min"] if budget.minutes else []
    if budget.dollars and usage.dollars is not None:
        used.append(f"{usage.dollars:.2g} of {budget.dollars:g} US$")
    return f"Most of the budget is used up: {' and '.join(used)}. Then the line is closed."
