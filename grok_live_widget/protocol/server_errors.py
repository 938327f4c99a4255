"""What an error from the server means for a client.

An ignorable error reports that a message came too late to have an effect. Such errors come
from races that no client can avoid: the response had ended when it was cancelled, or the
server's own response began before the one that was requested.
"""

from __future__ import annotations

from .._structs import Value
from .events import ErrorReported

PARTNER_PARAM = "partner"
"""`param` of an error that the rehearsal server reports about its partner, not about a request."""


class Ignorable(Value, frozen=True):
    """One kind of ignorable error.

    Parameters
    ----------
    code : str
        The code of OpenAI's servers. The service sends no codes for these but texts, which
        pipecat matches too.
    texts : tuple of str
        In lower case; an error whose message contains any of them is of this kind.
    """

    code: str
    texts: tuple[str, ...]

    def matches(self, error: ErrorReported) -> bool:
        """Whether an error is of this kind."""
        if error.param == PARTNER_PARAM:
            return False  # What a partner raises may have any text.
        message = error.message.lower()
        return (bool(self.code) and error.code == self.code) or any(
            text in message for text in self.texts
        )


NOT_ACTIVE = Ignorable("response_cancel_not_active", ("no active response", "not active"))
ALREADY_ACTIVE = Ignorable(
    "conversation_already_has_active_response",
    ("already has an active response", "active response in progress"),
)
# Whether the service truncates at all is disputed, and nothing depends on it.
TRUNCATION = Ignorable("", ("truncat",))

IGNORABLE = {"cancel": NOT_ACTIVE, "already active": ALREADY_ACTIVE, "truncate": TRUNCATION}
"""By what was requested."""


def is_ignorable_error(error: ErrorReported) -> bool:
    """Whether an error has no consequences, so that it need not be shown."""
    return any(each.matches(error) for each in IGNORABLE.values())


def is_already_active(error: ErrorReported) -> bool:
    """Whether an error says that a response was requested while another one was running."""
    return ALREADY_ACTIVE.matches(error)


def is_not_active(error: ErrorReported) -> bool:
    """Whether an error says that there was no response to cancel."""
    return NOT_ACTIVE.matches(error)


def is_auth_error(error: ErrorReported) -> bool:
    """Whether an error says that the key was refused; no server documents a code for it."""
    text = f"{error.message} {error.code} {error.error_type}".lower()
    return error.param != PARTNER_PARAM and any(
        part in text for part in ("api key", "api_key", "apikey", "auth", "credential")
    )


# No speech for too long, or the session's maximum duration (the service's schema).
_FINAL_ERRORS = frozenset({"timeout", "max_duration"})


def ends_session(error: ErrorReported) -> bool:
    """Whether the server closes the connection after this error."""
    return bool({error.error_type, error.code} & _FINAL_ERRORS)
