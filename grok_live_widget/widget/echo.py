"""Whether the microphone hears the loudspeaker, as the transcripts tell.

Knows no transport and no clock.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher

from ..conversation import Turn

ECHO_NOTE = (
    "The microphone seems to hear the loudspeaker: your last words are those of the reply that was "
    "just played. Use headphones, or set live.half_duplex = True, which does not send the "
    "microphone while a reply sounds."
)

LEAST_WORDS = 4
LEAST_SHARE = 0.8
RECENT_S = 10.0


def is_echo(said: str, played: str) -> bool:
    """Whether at least 80 % of the words of a text, and at least four, are a run in another.

    Parameters
    ----------
    said : str
        What the user is taken to have said.
    played : str
        What the loudspeaker has played.

    Returns
    -------
    bool
        False for a text of fewer than four words: people repeat these.
    """
    words, others = _words(said), _words(played)
    if len(words) < LEAST_WORDS:
        return False
    longest = SequenceMatcher(None, words, others, autojunk=False).find_longest_match()
    return longest.size >= max(LEAST_WORDS, LEAST_SHARE * len(words))


def _words(text: str) -> list[str]:
    """The words in lower case, without punctuation and accents."""
    letters = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    plain = "".join(each for each in letters if not unicodedata.combining(each))
    return re.findall(r"\w+(?:'\w+)*", plain)


def hears_loudspeaker(turn: Turn, turns: Iterable[Turn]) -> bool:
    """Whether a turn of the user is the echo of a reply that sounded in the ten seconds before.

    Parameters
    ----------
    turn : Turn
    turns : iterable of Turn
        The newest turns of the talk.
    """
    return any(
        other.role == "assistant"
        and _sounded_before(turn, other)
        and is_echo(turn.text, other.text)
        for other in turns
    )


def _sounded_before(turn: Turn, reply: Turn) -> bool:
    """Whether a reply sounded in the ten seconds before a turn, or during it."""
    if reply.played_at_s is None or not reply.heard_sample_count:
        return False
    stopped_s = reply.played_at_s + reply.heard_sample_count / reply.sample_rate
    ended_s = turn.started_s + turn.duration_s
    return reply.played_at_s < ended_s and turn.started_s - stopped_s <= RECENT_S
