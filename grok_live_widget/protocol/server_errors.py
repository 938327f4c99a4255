"""What an error of the server's means: nothing at all, or the end.

Benign ones only say that something came too late to matter. They come from races that no
client can avoid: the reply had ended when we cancelled it, or the server's own reply was
quicker than the one we asked for.
"""

from __future__ import annotations

from .._structs import Value
from .events import ErrorReported

__all__ = [
    "BENIGN",
    "Benign",
    "ends_session",
    "is_already_active",
    "is_ignorable_error",
    "is_not_active",
]


class Benign(Value, frozen=True):
    """One kind of them.

    Parameters
    ----------
    code : str
        As OpenAI's servers name it; the service names these by text and not by code, so that
        pipecat matches the texts too.
    texts : tuple of str
        Any of which the message holds, in lower case.
    """

    code: str
    texts: tuple[str, ...]

    def covers(self, error: ErrorReported) -> bool:
        """Whether an error is of this kind."""
        said = error.message.lower()
        return (bool(self.code) and error.code == self.code) or any(
            text in said for text in self.texts
        )


NOT_ACTIVE = Benign("response_cancel_not_active", ("no active response", "not active"))
ALREADY_ACTIVE = Benign(
    "conversation_already_has_active_response",
    ("already has an active response", "active response in progress"),
)
# Whether the service truncates at all is disputed, and nothing depends on it.
TRUNCATION = Benign("", ("truncat",))

BENIGN = {"cancel": NOT_ACTIVE, "already active": ALREADY_ACTIVE, "truncate": TRUNCATION}
"""By what we had asked for."""


def is_ignorable_error(error: ErrorReported) -> bool:
    """Whether nothing is lost by an error, so that nobody need be told."""
    return any(each.covers(error) for each in BENIGN.values())


def is_already_active(error: ErrorReported) -> bool:
    """Whether an error says that a reply was asked for while another one ran."""
    return ALREADY_ACTIVE.covers(error)


def is_not_active(error: ErrorReported) -> bool:
    """Whether an error says that there was no reply to cancel."""
    return NOT_ACTIVE.covers(error)


# Nothing was said for too long, or the session is as long as it may be (service's schema).
_LAST_WORDS = frozenset({"timeout", "max_duration"})


def ends_session(error: ErrorReported) -> bool:
    """Whether the server is about to close the line."""
    return bool({error.error_type, error.code} & _LAST_WORDS)
