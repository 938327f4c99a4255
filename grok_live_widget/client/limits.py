"""When a session has to end: idleness, the server's maximum duration, the budget.

Time is an argument; `ReconnectingSession` asks regularly, and acts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..conversation import Usage, left_of
from ..protocol import ErrorReported, Event, Noted, SessionCreated
from ..settings import Budget, Settings

# How long before the end of a session it is announced, it is replaced at the next quiet moment, and
# it is replaced in any case: a share of its duration, and at most so long [s].
_ANNOUNCE, _REPLACE_WHEN_QUIET, _REPLACE = (0.1, 300.0), (0.05, 60.0), (0.01, 5.0)
_IDLE_WARNING_S = 30.0
# How long a reply that runs may still take when the budget is spent [s].
_GRACE_S = 10.0


class Limits:
    """The limits of one talk, whose sessions come one after another.

    Attributes
    ----------
    settings : Settings
    has_reached_maximum : bool
        The server has reported that the session is as long as it may be.
    has_idled_out : bool
        The server has reported that nothing was said for too long.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.has_reached_maximum = self.has_idled_out = False
        self._active_s = self._opened_s = 0.0
        self._length_s: float | None = None
        self._spent_s: float | None = None
        self._warned: set[str] = set()

    def follow(self, settings: Settings) -> None:
        """Other settings hold; another budget is warned of anew, and has its own grace."""
        if settings.budget != self.settings.budget:
            self._warned.discard("budget")
            self._spent_s = None
        self.settings = settings

    def begin(self, now_s: float) -> None:
        """A session begins."""
        self.has_reached_maximum = self.has_idled_out = False
        self._active_s = self._opened_s = now_s
        self._warned -= {"session", "idle"}

    def note_activity(self, now_s: float) -> None:
        """Something goes on."""
        self._active_s = now_s
        self._warned.discard("idle")

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
        return None if self.session_ends_s is None else self.session_ends_s - now_s

    @property
    def session_ends_s(self) -> float | None:
        """When the session ends at the latest, on the talk's clock [s]; None: not known."""
        limit_s = self.settings.session_limit_s if self._length_s is None else self._length_s
        return None if limit_s is None else self._opened_s + limit_s

    def _idle_left_s(self, now_s: float) -> float | None:
        limit_s = self.settings.idle_timeout_s
        return None if limit_s is None else self._active_s + limit_s - now_s

    def next_s(self, now_s: float) -> float:
        """How long nothing can be due [s]."""
        left = (self.session_left_s(now_s), self._idle_left_s(now_s))
        return min((each for each in left if each is not None), default=1.0)

    def warnings(self, now_s: float, usage: Usage) -> Iterator[Noted]:
        """The warnings that are due now, each once."""
        due = {
            "session": self._session_warning(now_s),
            "idle": self._idle_warning(now_s),
            "price": self._price_warning(usage),
            "budget": self._budget_warning(usage),
        }
        for name, warning in due.items():
            if warning is not None and name not in self._warned:
                self._warned.add(name)
                yield warning

    def _session_warning(self, now_s: float) -> Noted | None:
        left_s = self.session_left_s(now_s)
        if left_s is None or left_s > self._margin_s(_ANNOUNCE):
            return None
        return Noted(
            f"This session ends in {_duration(left_s)}; the talk goes on in a new one.", "info"
        )

    def _idle_warning(self, now_s: float) -> Noted | None:
        left_s, limit_s = self._idle_left_s(now_s), self.settings.idle_timeout_s or 0
        if left_s is None or left_s > _IDLE_WARNING_S or limit_s <= 2 * _IDLE_WARNING_S:
            return None
        return Noted(f"Nothing is said; the connection closes in {_duration(left_s)}.", "info")

    def _price_warning(self, usage: Usage) -> Noted | None:
        budget = self.settings.budget
        if budget is None or not budget.dollars or usage.dollars is not None:
            return None
        text = "No price is known for this model, so a limit in US$ cannot be held; "
        return Noted(f"{text}prices=Prices(per_minute=…) sets one.", "warning")

    def _budget_warning(self, usage: Usage) -> Noted | None:
        budget = self.settings.budget
        if budget is None or left_of(budget, usage) > 1 - budget.warn_at:
            return None
        return Noted(_of_budget(budget, usage), "warning")

    def _margin_s(self, margin: tuple[float, float]) -> float:
        share, at_most_s = margin
        return min(share * (self._length_s or self.settings.session_limit_s or 0.0), at_most_s)

    # ----------------------------------------------------------------- what is due
    def is_idle(self, now_s: float) -> bool:
        """Whether nothing was said for too long."""
        left_s = self._idle_left_s(now_s)
        return left_s is not None and left_s <= 0

    def is_due(self, now_s: float, *, is_quiet: bool) -> bool:
        """Whether the session is to be changed for a new one now."""
        left_s = self.session_left_s(now_s)
        margin_s = self._margin_s(_REPLACE_WHEN_QUIET if is_quiet else _REPLACE)
        return left_s is not None and left_s <= margin_s

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
    """How long a session lasts, where the server states it as OpenAI's servers do."""
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
    return f"Most of the budget is used up: {' and '.join(used)}. Then the connection is closed."
