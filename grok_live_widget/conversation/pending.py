"""The reply to one request, as a fold of events into its outcome."""

from __future__ import annotations

from collections.abc import Collection

from ..protocol import ends_session, events, is_already_active, is_ignorable_error


def calls_in(event: events.Event) -> list[events.ToolCalled]:
    """The function calls that an event reports.

    A server may report one call up to three times: by itself, as an item, and with the end of
    the response. The `call_id` identifies it.
    """
    match event:
        case events.ToolCalled():
            calls = [event]
        case events.OutputItemDone():
            calls = _calls_among((event.item,), event.response_id)
        case events.ResponseDone():
            calls = _calls_among(event.output, event.response_id)
        case _:
            return []
    return [call for call in calls if call.call_id and call.name]


def _calls_among(items: tuple[events.Item, ...], response_id: str) -> list[events.ToolCalled]:
    return [
        events.ToolCalled(
            response_id=response_id,
            item_id=item.item_id,
            call_id=item.call_id,
            name=item.name,
            arguments=item.text,
        )
        for item in items
        if item.kind == "function_call" and item.status in ("", "completed")
    ]


def is_cut_off(done: events.ResponseDone) -> bool:
    """Whether a response was cancelled or failed."""
    return done.status not in ("completed", "incomplete")


class PendingReply:
    """The reply to one request, or to the last speech in audio that is being sent.

    Parameters
    ----------
    request : events.CreateResponse, CommitAudio or None
        The event, by identity, whose reply is wanted. None: the reply to the last speech that
        the server detects until `has_sent_all` is set.
    tools : collection of str
        Functions that this client runs: a reply that calls one of them is followed by another
        reply, which is the outcome.
    related : collection of events.ClientEvent
        Events sent together with the request; errors about them count too.

    Attributes
    ----------
    response_id : str
        The response, once it has begun.
    past_response_id : str
        The one before it, whose calls of tools it follows; empty if there is none.
    status : str
        How it ended; empty until then.
    error : events.ErrorReported or None
        The error that the server sent instead of a reply.
    reported : events.ErrorReported or None
        The last error that it sent while the response was running.
    has_ended_early : bool
        Whether the session ended first; an error that announced its end is then the `error`.
    is_speech_active, has_speech_started : bool
        Whether the server detects speech now, and whether it has reported any.
    speech_end_ms : int [ms]
        Where in the session's sound it detected the end of speech last; 0 before.
    has_sent_all : bool
        Whether all audio has been sent; set by the caller.
    """

    def __init__(
        self,
        request: events.ClientEvent | None,
        tools: Collection[str] = (),
        *,
        related: Collection[events.ClientEvent] = (),
    ) -> None:
        self.request = request
        sent = (*related, *([] if request is None else [request]))
        # Ids of the events that errors may be about.
        self._event_ids = {event.event_id for event in sent if event.event_id}
        self._tools = frozenset(tools)
        # Ids of calls whose outputs have not been sent.
        self._calls: set[str] = set()
        # Whether outputs have been sent and no response has followed yet.
        self._has_sent_outputs = False
        # Whether the request has been sent (again).
        self._is_sent = request is None
        self.response_id = self.past_response_id = ""
        self.status = ""
        self.error: events.ErrorReported | None = None
        self.reported: events.ErrorReported | None = None
        self.has_ended_early = False
        # An error that announces the end of the session.
        self._final_error: events.ErrorReported | None = None
        self.is_speech_active = False
        self.has_speech_started = False
        self.speech_end_ms = 0
        self.has_sent_all = request is not None
        # Responses that began before the speech that counts.
        self._past: set[str] = set()
        # Whether something else has requested a response that has not begun yet.
        self._is_other_requested = False

    @property
    def is_settled(self) -> bool:
        """Whether there is nothing more to wait for."""
        is_over = self.error is not None or self.has_ended_early
        has_reply = bool(self.status) and not self._calls
        is_done = has_reply and self.has_sent_all and not self.is_speech_active
        return is_over or is_done

    @property
    def has_begun(self) -> bool:
        """Whether the reply has begun, or has ended."""
        return bool(self.response_id or self.status)

    @property
    def is_sent(self) -> bool:
        """Whether the request has been sent; always for speech."""
        return self._is_sent

    @property
    def is_of_speech(self) -> bool:
        """Whether the reply to speech is awaited, which the server gives by itself."""
        return self.request is None

    def awaits_call(self, call_id: str) -> bool:
        """Whether the reply waits for the output of this call of a function."""
        return call_id in self._calls

    def expect_end_of_speech(self) -> None:
        """Await the reply to speech that has begun already and is not followed by more."""
        self.has_sent_all = self.has_speech_started = self.is_speech_active = True

    def _is_mine(self, response_id: str) -> bool:
        return bool(response_id) and response_id == self.response_id

    def apply(self, event: events.Event) -> None:
        """Apply one event."""
        if isinstance(event, events.ErrorReported) and self._is_of_another(event):
            return
        self._follow_tools(event)
        if isinstance(event, events.ErrorReported) and not is_ignorable_error(event):
            self.reported = event
        if self.request is not None and event is self.request:
            self._restart()
        elif isinstance(event, events.SessionEnded):
            self.has_ended_early = True
            if not self.status:
                self.error = self.error or self._final_error
        elif isinstance(event, events.ErrorReported) and ends_session(event):
            # The reply is not settled before the connection is closed, since until then the
            # next request would still be sent on it.
            self._final_error = event
        elif self.request is None:
            self._apply_to_speech(event)
        elif self._is_sent:
            self._apply_to_reply(event)

    def _is_of_another(self, error: events.ErrorReported) -> bool:
        """Whether an error is about another message of this client."""
        return bool(error.about and self._event_ids and error.about not in self._event_ids)

    def _follow_tools(self, event: events.Event) -> None:
        """Wait after a reply that calls functions for the one to their outputs."""
        for call in calls_in(event):
            if self._is_mine(call.response_id) and call.name in self._tools:
                self._calls.add(call.call_id)
        match event:
            case events.ResponseDone() if event.response_id == self.response_id and is_cut_off(
                event
            ):
                self._calls.clear()
            case events.CreateItem(item=events.Item(kind="function_call_output") as item):
                if item.call_id in self._calls:
                    self._calls.discard(item.call_id)
                    self._has_sent_outputs = True
                    self._restart()
            case events.CreateResponse() if self._has_sent_outputs:
                self._has_sent_outputs = False
                self.request = event if self.request is not None else None
                if self._event_ids and event.event_id:
                    self._event_ids.add(event.event_id)
            case events.ResponseCreated():
                self._has_sent_outputs = False

    def _restart(self) -> None:
        """The request was sent, possibly again after another response came before it."""
        self.past_response_id = self.response_id or self.past_response_id
        self._is_sent, self.response_id, self.status = True, "", ""

    def _apply_to_reply(self, event: events.Event) -> None:
        match event:
            case events.ResponseCreated() | events.OutputItemAdded() if not self.response_id:
                # The beginning may be missing or have no id; then an item has it.
                self.response_id = event.response_id
            case events.ResponseDone() if self._is_mine(event.response_id):
                self.status = event.status
            case events.ErrorReported() if is_already_active(event) and not self.status:
                # The response that began was another one; the request will be sent again.
                self._is_sent, self.response_id = False, ""
            case events.ErrorReported() if not self.response_id and not is_ignorable_error(event):
                self.error = event

    def _apply_to_speech(self, event: events.Event) -> None:
        match event:
            case events.SpeechStarted():
                self._follow_speech()
            case events.SpeechStopped():
                self.is_speech_active = False
                self.speech_end_ms = event.audio_end_ms or 0
            case events.CreateResponse():
                self._is_other_requested = True
            case events.ResponseCreated():
                self._follow_beginning(event)
            case events.OutputItemAdded() if (
                self._may_begin and event.response_id not in self._past
            ):
                self.response_id = self.response_id or event.response_id
            case events.ResponseDone() if self._is_mine(event.response_id):
                self._follow_end(event)
            case events.ErrorReported() if not self.response_id and not is_ignorable_error(event):
                self.error = event if self.has_speech_started else None

    def _follow_speech(self) -> None:
        self.is_speech_active = self.has_speech_started = True
        self._past.add(self.response_id)
        self.response_id = self.status = ""
        self._calls.clear()

    @property
    def _may_begin(self) -> bool:
        return self.has_speech_started and not self.is_speech_active

    def _follow_beginning(self, event: events.ResponseCreated) -> None:
        """A response that nothing else requested is to the speech, whose end may be missing."""
        is_answer = self.has_speech_started and self.has_sent_all and not self._is_other_requested
        if is_answer or self._may_begin:
            self.response_id = event.response_id
        self._is_other_requested = False

    def _follow_end(self, event: events.ResponseDone) -> None:
        """A response that speech does not cut off shows that the speech has ended."""
        if self.is_speech_active and is_cut_off(event):
            self.response_id = ""
            return
        self.status, self.is_speech_active = event.status, False
