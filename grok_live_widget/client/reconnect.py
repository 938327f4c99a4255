"""When a line that broke is opened again, how long that waits, and what is told anew.

Source of the close codes: RFC 6455 and the IANA registry; which of them pass is what
GetStream's client of the service has found.
"""

from __future__ import annotations

from collections.abc import Sequence

from .._structs import Value
from ..conversation import Turn
from ..exceptions import (
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    GrokLiveError,
    SessionClosedError,
)
from ..protocol import CreateItem, Item

__all__ = ["ResumeState", "backoff_s", "is_transient", "replay_history"]

# Gone away, broken without a word, an error of the server's, a restart, too busy, bad gateway.
TRANSIENT_CODES = frozenset({1001, 1005, 1006, 1011, 1012, 1013, 1014, None})
# A request that is refused again however often it is repeated: wrong, or without funds.
FATAL_STATUS = frozenset({400, 401, 402, 403, 404})

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 8.0
RETOLD_TURNS = 20
"""How many turns are told anew, the newest; each costs as a text."""


class ResumeState(Value, frozen=True, kw_only=True):
    """A session that ended before its conversation did.

    Parameters
    ----------
    conversation_id : str
        Empty where the server gives none, or was not asked to keep it.
    why : str
        What ended it and that it goes on, as the beginning of a sentence.
    may_retell : bool
        Whether a server that knows nothing of it may be told again, which costs as texts: not
        where somebody hung up.
    ended_s : float [s]
    turn_count : int
        How many turns there were.
    """

    conversation_id: str = ""
    why: str = "The line broke and was opened again"
    may_retell: bool = True
    ended_s: float = 0.0
    turn_count: int = 0


def is_transient(failure: GrokLiveError | None) -> bool:
    """Whether it may go well the next time. Key, quota and configuration are never retried."""
    match failure:
        case SessionClosedError():
            return failure.close_code in TRANSIENT_CODES
        case AuthenticationError() | ConfigurationError():
            return False
        case ConnectError():
            return failure.status_code not in FATAL_STATUS
    return False


def backoff_s(attempt: int, chance: float) -> float:
    """How long to wait before an attempt, counted from 0 [s]: each time twice as long, and by
    `chance` in [0, 1) up to a half less, so that many clients do not come back together.
    """
    longest_s: float = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**attempt)
    return longest_s * (1 - chance / 2)


def replay_history(turns: Sequence[Turn]) -> list[CreateItem]:
    """The newest of these turns as texts, for a server that knows nothing of them."""
    told = [turn for turn in turns if turn.text.strip()]
    return [CreateItem(_as_text(turn)) for turn in told[-RETOLD_TURNS:]]


def _as_text(turn: Turn) -> Item:
    # The parts' names as the service takes them (recorded).
    part = "input_text" if turn.role == "user" else "output_text"
    return Item(role=turn.role, part=part, text=turn.text, is_replayed=True)
