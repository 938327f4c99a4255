"""Whose context variables hold in a tool: those of the call that asked for the reply."""

from __future__ import annotations

from contextvars import Context, copy_context

from ..protocol import ClientEvent, CreateResponse, Event, SpeechStarted


class Callers:
    """The contexts of the calls that ask one session for replies.

    A context is what `decimal`, `numpy.errstate` and tracing read. Each method that begins with
    ``note`` is called in the context of the caller.

    Attributes
    ----------
    default : Context
        For what is spoken into the microphone, and where the caller is not known.
    """

    def __init__(self) -> None:
        self.default = copy_context()
        # By the id of the request, since requests wait until no reply is running.
        self._of_requests: dict[str, Context] = {}
        # Of the sound that was sent last; None: the microphone's.
        self._of_sound: Context | None = None
        self._of_reply: Context | None = None

    @property
    def current(self) -> Context:
        """The context for the calls of the reply that is running."""
        return self.default if self._of_reply is None else self._of_reply

    def note_requests(self, events: tuple[ClientEvent, ...]) -> None:
        """These events are about to be sent, or queued."""
        for event in events:
            if isinstance(event, CreateResponse):
                self._of_requests[event.event_id] = copy_context()

    def note_sound(self, *, is_microphone: bool = False) -> None:
        """Sound is about to be sent."""
        self._of_sound = None if is_microphone else copy_context()

    def forget(self, events: tuple[ClientEvent, ...]) -> None:
        """These events are not sent any more."""
        for event in events:
            if isinstance(event, CreateResponse):
                self._of_requests.pop(event.event_id, None)

    def follow(self, event: Event) -> None:
        """Apply an event that was sent or received."""
        if isinstance(event, CreateResponse):
            self._of_reply = self._of_requests.pop(event.event_id, self._of_reply)
        elif isinstance(event, SpeechStarted):
            self._of_reply = self._of_sound
