"""A reply that somebody waits for: a fold of events into one outcome."""

from __future__ import annotations

from .events import (
    ClientEvent,
    ErrorReported,
    Event,
    ResponseCreated,
    ResponseDone,
    SessionEnded,
    SpeechStarted,
    SpeechStopped,
)
from .protocol import is_already_active, is_benign

__all__ = ["PendingReply"]


class PendingReply:
    """The reply to one request, or to the last speech in a sound.

    Parameters
    ----------
    request : CreateResponse, CommitAudio or None
        The very event whose reply is wanted. None: the reply to the last speech that is heard
        from now until `has_sent_all` is set.

    Attributes
    ----------
    response_id : str
        The reply, once it has begun.
    status : str
        How it ended; empty until then.
    error : ErrorReported or None
        What the server reported instead of a reply.
    has_ended_early : bool
        The session ended first.
    is_speech_active, has_heard_speech : bool
    has_sent_all : bool
        Set by whoever sends the sound.
    """

    def __init__(self, request: ClientEvent | None) -> None:
        self.request = request
        self._is_said = request is None
        self.response_id = ""
        self.status = ""
        self.error: ErrorReported | None = None
        self.has_ended_early = False
        self.is_speech_active = False
        self.has_heard_speech = False
        self.has_sent_all = request is not None

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing more to wait for."""
        is_over = self.error is not None or self.has_ended_early
        is_done = bool(self.status) and self.has_sent_all and not self.is_speech_active
        return is_over or is_done

    @property
    def has_begun(self) -> bool:
        """Whether the reply has begun."""
        return bool(self.response_id)

    def apply(self, event: Event) -> None:
        """Take in one event."""
        if self.request is not None and event is self.request:
            self._restart()
        elif isinstance(event, SessionEnded):
            self.has_ended_early = True
        elif self.request is None:
            self._apply_to_speech(event)
        elif self._is_said:
            self._apply_to_reply(event)

    def _restart(self) -> None:
        """Said, or said again because another reply came in between."""
        self._is_said, self.response_id, self.status = True, "", ""

    def _apply_to_reply(self, event: Event) -> None:
        match event:
            case ResponseCreated() if not self.response_id:
                self.response_id = event.response_id
            case ResponseDone() if event.response_id == self.response_id != "":
                self.status = event.status
            case ErrorReported() if is_already_active(event) and not self.status:
                # The reply that began was another one; the request will be said again.
                self._is_said, self.response_id = False, ""
            case ErrorReported() if not self.response_id and not is_benign(event):
                self.error = event

    def _apply_to_speech(self, event: Event) -> None:
        match event:
            case SpeechStarted():
                self.is_speech_active = self.has_heard_speech = True
                self.response_id = self.status = ""
            case SpeechStopped():
                self.is_speech_active = False
            case ResponseCreated() if self.has_heard_speech and not self.is_speech_active:
                self.response_id = event.response_id
            case ResponseDone() if event.response_id == self.response_id != "":
                self.status = event.status
            case ErrorReported() if not self.response_id and not is_benign(event):
                self.error = event if self.has_heard_speech else None
