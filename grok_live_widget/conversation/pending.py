"""A reply that somebody waits for: a fold of events into one outcome."""

from __future__ import annotations

from collections.abc import Collection

from ..protocol import (
    ClientEvent,
    CreateItem,
    CreateResponse,
    ErrorReported,
    Event,
    Item,
    OutputItemAdded,
    OutputItemDone,
    ResponseCreated,
    ResponseDone,
    SessionEnded,
    SpeechStarted,
    SpeechStopped,
    ToolCalled,
    ends_session,
    is_already_active,
    is_ignorable_error,
)

__all__ = ["PendingReply", "calls_in", "is_cut_off"]


def calls_in(event: Event) -> list[ToolCalled]:
    """The calls of functions that an event tells.

    One call is told up to three times: by itself, as an item, and when the reply has ended. A
    server may leave out any of them; the `call_id` says which are the same.
    """
    match event:
        case ToolCalled():
            told = [event]
        case OutputItemDone():
            told = _calls_among((event.item,), event.response_id)
        case ResponseDone():
            told = _calls_among(event.output, event.response_id)
        case _:
            return []
    return [call for call in told if call.call_id and call.name]


def _calls_among(items: tuple[Item, ...], response_id: str) -> list[ToolCalled]:
    return [
        ToolCalled(
            response_id=response_id,
            item_id=item.item_id,
            call_id=item.call_id,
            name=item.name,
            arguments=item.text,
        )
        for item in items
        if item.kind == "function_call" and item.status in ("", "completed")
    ]


def is_cut_off(done: ResponseDone) -> bool:
    """Whether the reply did not come to its own end."""
    return done.status not in ("completed", "incomplete")


class PendingReply:
    """The reply to one request, or to the last speech in a sound.

    Parameters
    ----------
    request : CreateResponse, CommitAudio or None
        The very event whose reply is wanted. None: the reply to the last speech that is heard
        from now until `has_sent_all` is set.
    tools : collection of str
        Functions that are run here: a reply that calls one of them is followed by another,
        which is the one that is wanted.
    words : collection of ClientEvent
        What else was said for it, so that errors about these count.

    Attributes
    ----------
    response_id : str
        The reply, once it has begun.
    status : str
        How it ended; empty until then.
    error : ErrorReported or None
        What the server reported instead of a reply.
    reported : ErrorReported or None
        What it reported while the reply ran.
    has_ended_early : bool
        The session ended first. An error that announced its end is the `error` then.
    is_speech_active, has_heard_speech : bool
    has_sent_all : bool
        Set by whoever sends the sound.
    """

    def __init__(
        self,
        request: ClientEvent | None,
        tools: Collection[str] = (),
        *,
        words: Collection[ClientEvent] = (),
    ) -> None:
        self.request = request
        said = (*words, *([] if request is None else [request]))
        self._synthetic_ids = {event.event_id for event in said if event.event_id}
        self._tools = frozenset(tools)
        self._calls: set[str] = set()
        self._is_told_outputs = False
        self._is_said = request is None
        self.response_id = ""
        self.status = ""
        self.error: ErrorReported | None = None
        self.reported: ErrorReported | None = None
        self.has_ended_early = False
        self._last_word: ErrorReported | None = None
        self.is_speech_active = False
        self.has_heard_speech = False
        self.has_sent_all = request is not None
        self._past: set[str] = set()
        self._is_other_asked = False

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing more to wait for."""
        is_over = self.error is not None or self.has_ended_early
        is_said = bool(self.status) and not self._calls
        is_done = is_said and self.has_sent_all and not self.is_speech_active
        return is_over or is_done

    @property
    def has_begun(self) -> bool:
        """Whether the reply has begun."""
        return bool(self.response_id)

    def apply(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, ErrorReported) and self._is_of_another(event):
            return
        self._follow_tools(event)
        if isinstance(event, ErrorReported) and not is_ignorable_error(event):
            self.reported = event
        if self.request is not None and event is self.request:
            self._restart()
        elif isinstance(event, SessionEnded):
            self.has_ended_early = True
            if not self.status:
                self.error = self.error or self._last_word
        elif isinstance(event, ErrorReported) and ends_session(event):
            # Until then the line looks open, and whoever asked next would be cut off.
            self._last_word = event
        elif self.request is None:
            self._apply_to_speech(event)
        elif self._is_said:
            self._apply_to_reply(event)

    def _is_of_another(self, error: ErrorReported) -> bool:
        """Whether an error says that it is about something else that we said."""
        return bool(error.about and self._synthetic_ids and error.about not in self._synthetic_ids)

    def _follow_tools(self, event: Event) -> None:
        """Go on from a reply that calls functions to the one that is made of their outputs."""
        for call in calls_in(event):
            if call.response_id == self.response_id != "" and call.name in self._tools:
                self._calls.add(call.call_id)
        match event:
            case ResponseDone() if event.response_id == self.response_id and is_cut_off(event):
                self._calls.clear()
            case CreateItem(item=Item(kind="function_call_output") as item):
                if item.call_id in self._calls:
                    self._calls.discard(item.call_id)
                    self._is_told_outputs = True
                    self._restart()
            case CreateResponse() if self._is_told_outputs:
                self._is_told_outputs = False
                self.request = event if self.request is not None else None
                if self._synthetic_ids and event.event_id:
                    self._synthetic_ids.add(event.event_id)
            case ResponseCreated():
                self._is_told_outputs = False

    def _restart(self) -> None:
        """Said, or said again because another reply came in between."""
        self._is_said, self.response_id, self.status = True, "", ""

    def _apply_to_reply(self, event: Event) -> None:
        match event:
            case ResponseCreated() | OutputItemAdded() if not self.response_id:
                # Its beginning may be lost, or come without a name; then its item has one.
                self.response_id = event.response_id
            case ResponseDone() if event.response_id == self.response_id != "":
                self.status = event.status
            case ErrorReported() if is_already_active(event) and not self.status:
                # The reply that began was another one; the request will be said again.
                self._is_said, self.response_id = False, ""
            case ErrorReported() if not self.response_id and not is_ignorable_error(event):
                self.error = event

    def _apply_to_speech(self, event: Event) -> None:
        match event:
            case SpeechStarted():
                self._hear_speech()
            case SpeechStopped():
                self.is_speech_active = False
            case CreateResponse():
                self._is_other_asked = True
            case ResponseCreated():
                self._follow_beginning(event)
            case OutputItemAdded() if self._may_begin and event.response_id not in self._past:
                self.response_id = self.response_id or event.response_id
            case ResponseDone() if event.response_id == self.response_id != "":
                self._follow_end(event)
            case ErrorReported() if not self.response_id and not is_ignorable_error(event):
                self.error = event if self.has_heard_speech else None

    def _hear_speech(self) -> None:
        self.is_speech_active = self.has_heard_speech = True
        self._past.add(self.response_id)
        self.response_id = self.status = ""
        self._calls.clear()

    @property
    def _may_begin(self) -> bool:
        return self.has_heard_speech and not self.is_speech_active

    def _follow_beginning(self, event: ResponseCreated) -> None:
        """Nobody else asked for a reply: then it is to our speech, whose end may be lost."""
        is_answer = self.has_heard_speech and self.has_sent_all and not self._is_other_asked
        if is_answer or self._may_begin:
            self.response_id = event.response_id
        self._is_other_asked = False

    def _follow_end(self, event: ResponseDone) -> None:
        """A reply that speech does not cut off tells that there is none any more."""
        if self.is_speech_active and is_cut_off(event):
            self.response_id = ""
            return
        self.status, self.is_speech_active = event.status, False
