"""When a connection is opened again: a state machine, its causes, and what is replayed.

Pure: `ReconnectingSession` carries out the actions.

Source of the close codes: RFC 6455 and the IANA registry; which of them are transient is what
GetStream's client of the service has found.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Literal

from .._structs import Value
from ..conversation import Turn
from ..exceptions import (
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    GrokLiveError,
    SessionClosedError,
    SessionClosedOK,
)
from ..protocol import CreateItem, Item
from .timeouts import Timeouts

# Going away, closed without a close frame, internal error, restart, too busy, bad gateway.
TRANSIENT_CODES = frozenset({1001, 1005, 1006, 1011, 1012, 1013, 1014, None})
# A request that is refused again however often it is repeated: wrong, or without funds.
FATAL_STATUS = frozenset({400, 401, 402, 403, 404})

REPLAYED_TURNS = 20
"""How many turns are replayed, the newest; each costs as a text."""


Phase = Literal["closed", "opening", "open", "closing"]


class State(Enum):
    """Of a talk's connection. The value is the public phase."""

    CLOSED = "closed", 0
    CONNECTING = "opening", 1
    OPEN = "open", 2
    RECONNECTING = "opening", 3
    """After it broke: waiting for the next attempt, or amid one."""
    REPLACING = "opening", 4
    """The session is being closed so that a new one can be opened in its place."""
    CLOSING = "closing", 5
    ENDING = "closing", 6
    """The talk is being closed for good; nothing is opened any more."""
    ENDED = "closed", 7

    @property
    def phase(self) -> Phase:
        """``"closed"``, ``"opening"``, ``"open"`` or ``"closing"``."""
        phase: Phase = self.value[0]
        return phase


class Cause(Enum):
    """What moves the state."""

    OPEN_REQUESTED = "open requested"
    OPENED = "opened"
    REFUSED = "refused"
    """It could not be opened, and is not tried again."""
    LOST = "lost"
    """It broke, or could not be opened, and another attempt may succeed."""
    LOST_FOR_GOOD = "lost for good"
    """It broke, and is not opened again."""
    LIMIT_REACHED = "limit reached"
    """The server ends each session after some time."""
    IDLED_OUT = "idled out"
    """The server closed it since nothing was said."""
    CLOSED_BY_SERVER = "closed by server"
    REPLACE_REQUESTED = "replace requested"
    STOP_REQUESTED = "stop requested"
    END_REQUESTED = "end requested"
    ENDED = "ended"


class Action(Enum):
    """What follows from a transition."""

    NONE = "none"
    RETRY = "retry"
    """Try to open it again, after a while."""


_ENDS = (
    Cause.LOST,
    Cause.LOST_FOR_GOOD,
    Cause.LIMIT_REACHED,
    Cause.IDLED_OUT,
    Cause.CLOSED_BY_SERVER,
)

_UNDER_WAY = (State.CONNECTING, State.OPEN, State.RECONNECTING, State.REPLACING, State.CLOSING)

TRANSITIONS: dict[tuple[State, Cause], tuple[State, Action]] = {
    (State.CLOSED, Cause.OPEN_REQUESTED): (State.CONNECTING, Action.NONE),
    (State.CLOSED, Cause.END_REQUESTED): (State.ENDED, Action.NONE),
    (State.CONNECTING, Cause.OPENED): (State.OPEN, Action.NONE),
    (State.CONNECTING, Cause.LOST): (State.RECONNECTING, Action.RETRY),
    (State.CONNECTING, Cause.REFUSED): (State.CLOSED, Action.NONE),
    (State.OPEN, Cause.LOST): (State.RECONNECTING, Action.RETRY),
    (State.OPEN, Cause.LIMIT_REACHED): (State.RECONNECTING, Action.RETRY),
    (State.OPEN, Cause.LOST_FOR_GOOD): (State.CLOSED, Action.NONE),
    (State.OPEN, Cause.IDLED_OUT): (State.CLOSED, Action.NONE),
    (State.OPEN, Cause.CLOSED_BY_SERVER): (State.CLOSED, Action.NONE),
    (State.OPEN, Cause.REPLACE_REQUESTED): (State.REPLACING, Action.NONE),
    (State.OPEN, Cause.STOP_REQUESTED): (State.CLOSING, Action.NONE),
    (State.RECONNECTING, Cause.OPENED): (State.OPEN, Action.NONE),
    (State.RECONNECTING, Cause.REFUSED): (State.CLOSED, Action.NONE),
    (State.RECONNECTING, Cause.STOP_REQUESTED): (State.CLOSED, Action.NONE),
    (State.ENDING, Cause.ENDED): (State.ENDED, Action.NONE),
    **{(State.REPLACING, end): (State.CONNECTING, Action.NONE) for end in _ENDS},
    **{(State.CLOSING, end): (State.CLOSED, Action.NONE) for end in _ENDS},
    **{(State.ENDING, end): (State.ENDED, Action.NONE) for end in _ENDS},
    **{(state, Cause.END_REQUESTED): (State.ENDING, Action.NONE) for state in _UNDER_WAY},
}
"""Where a cause leads from a state. A pair that is missing changes nothing: a session that ends
while it is opened, for example, is handled by the attempt that opens it."""


def transition(state: State, cause: Cause) -> tuple[State, Action]:
    """The next state, and what to do."""
    return TRANSITIONS.get((state, cause), (state, Action.NONE))


def cause_of_end(
    failure: GrokLiveError | None,
    *,
    has_reached_limit: bool = False,
    has_idled_out: bool = False,
    reconnect_tries: int,
) -> Cause:
    """What the end of an open session is a cause of.

    Parameters
    ----------
    failure : GrokLiveError or None
        What ended it.
    has_reached_limit, has_idled_out : bool
        Whether the server has reported that the session is as long as it may be, or that
        nothing was said for too long.
    reconnect_tries : int >= 0
        How many attempts are allowed.
    """
    if has_idled_out:
        return Cause.IDLED_OUT
    if has_reached_limit:
        return Cause.LIMIT_REACHED if reconnect_tries else Cause.LOST_FOR_GOOD
    if isinstance(failure, SessionClosedOK):
        return Cause.CLOSED_BY_SERVER
    return Cause.LOST if reconnect_tries and is_transient(failure) else Cause.LOST_FOR_GOOD


def cause_of_failed_open(failure: GrokLiveError, *, reconnect_tries: int) -> Cause:
    """What a failed attempt to open a session is a cause of."""
    return Cause.LOST if reconnect_tries and is_transient(failure) else Cause.REFUSED


def is_transient(failure: GrokLiveError | None) -> bool:
    """Whether another attempt may succeed. Key, quota and configuration are never retried."""
    match failure:
        case SessionClosedError():
            return failure.close_code in TRANSIENT_CODES
        case AuthenticationError() | ConfigurationError():
            return False
        case ConnectError():
            return failure.status_code not in FATAL_STATUS
    return False


def backoff_s(attempt: int, chance: float, timeouts: Timeouts = Timeouts()) -> float:
    """How long to wait before an attempt, counted from 0 [s]: each time twice as long, and by
    `chance` in [0, 1) up to a half less, so that many clients do not come back together.
    """
    longest_s = min(timeouts.longest_backoff_s, timeouts.first_backoff_s * 2.0**attempt)
    return longest_s * (1 - chance / 2)


class ResumeState(Value, frozen=True, kw_only=True):
    """A session that ended before its conversation did.

    Parameters
    ----------
    conversation_id : str
        Empty where the server gives none, or was not asked to keep it.
    why : str
        What ended it and that it goes on, as the beginning of a sentence.
    may_replay : bool
        Whether the turns may be replayed to a server that does not know them, which costs as
        texts: not where the user stopped.
    turn_count : int
        How many turns there were.
    """

    conversation_id: str
    why: str
    may_replay: bool
    turn_count: int


def replay_history(turns: Sequence[Turn]) -> list[CreateItem]:
    """The newest of these turns as texts, for a server that does not know them."""
    with_text = [turn for turn in turns if turn.text.strip()]
    return [CreateItem(_as_text(turn)) for turn in with_text[-REPLAYED_TURNS:]]


def _as_text(turn: Turn) -> Item:
    # The parts' names as the service takes them (recorded).
    part = "input_text" if turn.role == "user" else "output_text"
    return Item(role=turn.role, part=part, text=turn.text, is_replayed=True)
