"""One session of the rehearsal server, without socket, thread or clock.

The methods take what the client sends; `take_events` returns what is to be sent to it. The
caller does what takes time: it recognises the words of the inputs from `take_unrecognised` and
runs the partner for `response`.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec.structs import replace

from ..audio import Pcm
from ..protocol import PARTNER_PARAM, events
from .asr import speech_note
from .history import History, announced, input_from, whole_text
from .partner import PartnerTurn, encodable, failure_of_partner
from .response import Response, UserInput
from .settings import SessionSettings, has_invalid_metadata, invalid_setting
from .tts import Spoken
from .usage import UsageMeter, confirmed_settings, session_created
from .vad import SpeechBegan, SpeechEnded


class SessionState:
    """The server's side of one session.

    Parameters
    ----------
    model : str
        Reported as requested.
    answers_commits : bool
        Whether a commit is answered without a request for a response, as on `live`.
    resumable : History or None
        An earlier conversation, resumed if the client asks for resumption.

    Attributes
    ----------
    response : Response or None
        The response in preparation or in progress; there is one at a time.
    """

    def __init__(
        self, model: str, *, answers_commits: bool = False, resumable: History | None = None
    ) -> None:
        self.settings = SessionSettings(model=model)
        self.history = History(resumable.conversation_id if resumable else "")
        self.response: Response | None = None
        self._resumable = resumable
        self._answers_commits = answers_commits
        self._outgoing: list[events.ServerEvent] = []
        self._unrecognised: list[UserInput] = []
        # The turn that is being spoken, and for how many whole seconds that has been reported.
        self._speech: UserInput | None = None
        self._speech_s = 0
        # What a request for a response refers to; None: nothing was said yet.
        self._latest_input: UserInput | None = None
        # A turn to be answered after the response that speech did not interrupt.
        self._queued_input: UserInput | None = None
        # The id of the client's message that is being handled.
        self._causing_event_id = ""
        # Responses with an item in the conversation, by the id of that item.
        self._spoken_responses: dict[str, Response] = {}
        # Those of which the client was sent sound or text.
        self._sent_item_ids: set[str] = set()
        self._meter = UsageMeter()

    def take_unrecognised(self) -> list[UserInput]:
        """Speech whose words are to be passed to `set_transcript`; each is returned once."""
        inputs, self._unrecognised = self._unrecognised, []
        return inputs

    # ------------------------------------------------------------------ the session
    def start(self, now_ms: int) -> None:
        """Announce the session to a client that has connected."""
        self._emit(
            session_created(self.settings.model, self.settings.voice),
            events.ConversationCreated(self.history.conversation_id),
        )
        # Where an earlier conversation may be resumed, the ping follows the settings (recorded).
        if self._resumable is None:
            self.ping(now_ms)

    def ping(self, now_ms: int) -> None:
        """Send a ping event, as the service does at intervals."""
        self._emit(events.Pinged(now_ms))

    def update(self, request: events.UpdateSession, now_ms: int = 0) -> None:
        """Apply the settings of a request; an invalid one leaves all unchanged."""
        invalid = invalid_setting(request)
        if invalid:
            problem = f"{invalid} is unknown or out of range."
            self.report_error(problem, param=f"session.{invalid}", about=request.event_id)
            return
        self.settings = self.settings.merged(request)
        if self._resumable is not None:
            self._resume(self._resumable, now_ms)
        self._emit(events.SessionUpdated(confirmed_settings(self.settings)))

    def _resume(self, earlier: History, now_ms: int) -> None:
        """Replay the earlier conversation; without resumption begin a new one."""
        self._resumable = None
        if not self.settings.resumption:
            self.history.conversation_id = History().conversation_id
            self._emit(events.ConversationCreated(self.history.conversation_id))
        self.ping(now_ms)
        for item in earlier.replayed_items() if self.settings.resumption else ():
            self._append_item(item)
        self._latest_input = self._last_input()

    # ------------------------------------------------------------------ the user's speech
    def begin_speech(self, began: SpeechBegan) -> None:
        """The user has begun to speak: interrupt the response and begin a turn."""
        self._speech, self._speech_s = UserInput(), 0
        self._emit(
            events.SpeechStarted(item_id=self._speech.item_id, audio_start_ms=began.start_ms)
        )
        self._queued_input = None
        if not self._is_uninterruptible():
            self._interrupt()
        self._add_voice_item(self._speech, "in_progress")

    def report_speech_progress(self, duration_ms: int) -> None:
        """Report once a second how long the speech has lasted; the words are not known yet."""
        if self._speech and duration_ms // 1000 > self._speech_s:
            self._speech_s = duration_ms // 1000
            self._emit_transcript(self._speech, speech_note(self._speech_s))

    def end_speech(self, ended: SpeechEnded, received: Spoken | None = None) -> None:
        """End the turn, and answer it unless the client is to request the response."""
        user_input, self._speech = self._speech or UserInput(), None
        user_input.pcm, user_input.received = ended.pcm, received
        self._emit(
            events.SpeechStopped(item_id=user_input.item_id, audio_end_ms=ended.end_ms),
            events.AudioCommitted(item_id=user_input.item_id),
        )
        self._accept_voice(user_input)
        if self.settings.vad.create_response:
            self._respond_to(user_input)

    def commit(self, pcm: Pcm, received: Spoken | None = None) -> None:
        """End a turn of push-to-talk. An empty one is accepted and adds no item."""
        user_input = UserInput(pcm=pcm, received=received)
        before = self.history.last_item_id
        self._emit(events.AudioCommitted(item_id=user_input.item_id, previous_item_id=before))
        if not pcm.size:
            return
        self._add_voice_item(user_input, "completed")
        self._accept_voice(user_input)
        if self._answers_commits:
            self._respond_to(user_input)

    def clear(self) -> None:
        """Discard the audio that was not committed."""
        self._speech = None
        self._emit(events.AudioCleared())

    def set_transcript(self, user_input: UserInput, words: str) -> None:
        """Set the words of spoken input; empty if none were recognised."""
        user_input.text = words
        if words:
            self._emit_transcript(user_input, words)
        transcript = words or speech_note(user_input.pcm.size / 24_000)
        self.history.set_text(user_input.item_id, transcript)
        self._emit_transcript(user_input, transcript, is_final=True)

    @property
    def idle_timeout_ms(self) -> int | None:
        """After how much silence the server takes a turn; None for never, or during speech."""
        return None if self.response or self._speech else self.settings.vad.idle_timeout_ms

    def _add_voice_item(self, user_input: UserInput, status: str) -> None:
        item_id = user_input.item_id
        self._append_item(
            events.Item(role="user", item_id=item_id, status=status, part="input_audio")
        )

    def _append_item(self, item: events.Item) -> None:
        self._emit(events.ItemAdded(item, self.history.last_item_id))
        self.history.put(item)

    def _accept_voice(self, user_input: UserInput) -> None:
        user_input.pcm.flags.writeable = False
        self._latest_input = user_input
        self._meter.count(user_input.pcm.size / 24_000)
        self._unrecognised.append(user_input)

    def _emit_transcript(self, user_input: UserInput, text: str, *, is_final: bool = False) -> None:
        """Send a transcript; a partial one if a transcription model is set (service's schema)."""
        transcription, item_id = self.settings.transcription, user_input.item_id
        if is_final or (transcription and transcription.model):
            transcript = events.UserTranscriptReplaced(
                item_id=item_id, transcript=text, is_final=is_final
            )
            self._emit(transcript)

    # ------------------------------------------------------------------ client requests
    def receive(self, event: events.ClientEvent | events.Unrecognized) -> None:
        """Handle a request that concerns neither audio nor settings."""
        self._causing_event_id = event.event_id
        match event:
            case events.CreateItem():
                self._create_item(event)
            case events.DeleteItem():
                self._delete(event)
            case events.CreateResponse():
                self._create_response(event)
            case events.CancelResponse():
                self._cancel(event)
            case events.TruncateItem():
                self._truncate(event)
            case events.Unrecognized():
                named = repr(event.wire_type) if event.wire_type else "a message without a type"
                self.report_error(f"unknown event {named}.", "invalid_event")
            case _:
                self.report_error(f"{type(event).__name__} is not expected now.", "invalid_event")
        self._causing_event_id = ""

    def _create_item(self, request: events.CreateItem) -> None:
        item = request.item
        if item.kind == "force_message":
            verbatim, is_interruptible = whole_text(item), item.is_interruptible
            self._start_response(UserInput(), verbatim=verbatim, is_interruptible=is_interruptible)
            return
        known = announced(item)
        self._emit(events.ItemAdded(known, self._previous_item_id_for(request)))
        stored = replace(known, text=whole_text(known), further=())
        self.history.put(stored, request.previous_item_id)
        user_input = input_from(item, known, self.settings.input_format)
        last = self.history.last_input
        # An item inserted before others is not the one to be answered.
        if user_input and last and last.item_id == user_input.item_id:
            self._latest_input = user_input
        if user_input and user_input.pcm.size:
            self._meter.count(user_input.pcm.size / 24_000)
            if not user_input.text:
                self._unrecognised.append(user_input)

    def _previous_item_id_for(self, request: events.CreateItem) -> str | None:
        """The item that a new one follows; never an id that was not announced, like "root"."""
        if request.previous_item_id in self.history:
            return request.previous_item_id
        # For items other than messages the service does not send it (recorded).
        return self.history.last_item_id if request.item.kind == "message" else None

    def _delete(self, request: events.DeleteItem) -> None:
        if not self.history.remove(request.item_id):
            self.report_error(f"there is no item {request.item_id!r}.", param="item_id")
            return
        if self._latest_input is not None and request.item_id == self._latest_input.item_id:
            self._latest_input = self._last_input()
        self._emit(events.ItemDeleted(request.item_id))

    def _last_input(self) -> UserInput | None:
        last = self.history.last_input
        if last is None:
            return None
        role: Literal["user", "tool"] = "user" if last.kind == "message" else "tool"
        call_id = last.call_id
        return UserInput(item_id=last.item_id, role=role, text=last.text, call_id=call_id)

    def take_events(self) -> list[events.ServerEvent]:
        """The events to be sent, in order; each is returned once."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def report_error(
        self, message: str, error_type: str = "invalid_request_error", **where: str
    ) -> None:
        """Send an error; its code equals its type (service's schema)."""
        where = {"code": error_type, "about": self._causing_event_id, **where}
        text = encodable(message)
        self._emit(events.ErrorReported(message=text, error_type=error_type, **where))

    def format_of(self, event: events.ServerEvent) -> events.AudioFormat:
        """The format of an event's audio: the one set when its response began."""
        if isinstance(event, events.AudioDelta) and event.item_id in self._spoken_responses:
            return self._spoken_responses[event.item_id].audio_format
        return self.settings.output_format

    def _emit(self, *messages: events.ServerEvent) -> None:
        self._outgoing.extend(messages)

    # ------------------------------------------------------------------ turn taking
    def _create_response(self, request: events.CreateResponse) -> None:
        if has_invalid_metadata(request.metadata):
            limits = "16 pairs, names of 1 to 64 characters, values of up to 512"
            self.report_error(f"metadata may have {limits}.", param="response.metadata")
            return
        options = {"instructions": request.instructions, "metadata": request.metadata}
        self._start_response(self._latest_input or UserInput(), **options)

    def _start_response(self, user_input: UserInput, **options: Any) -> None:
        """Begin a response that the client has requested, unless there is one already."""
        if self.response:
            self.report_error("Conversation already has an active response; wait until it is done.")
            return
        last_id = self.history.last_item_id
        self.begin_response(self._prepare_response(user_input, last_id, **options))

    def _respond_to(self, user_input: UserInput) -> None:
        if self._is_uninterruptible():
            self._queued_input = user_input
            return
        self._interrupt()
        self._prepare_response(user_input, user_input.item_id)

    def _is_uninterruptible(self) -> bool:
        """Whether there is a response that speech does not interrupt."""
        may_interrupt = self.settings.vad.interrupt_response
        return self.response is not None and not (may_interrupt and self.response.is_interruptible)

    def take_idle_turn(self, start_ms: int, end_ms: int) -> None:
        """Begin a response because the idle timeout has passed."""
        user_input, before = UserInput(), self.history.last_item_id
        self._emit(
            events.IdleTimeoutTriggered(
                item_id=user_input.item_id,
                previous_item_id=before,
                audio_start_ms=start_ms,
                audio_end_ms=end_ms,
            )
        )
        self._prepare_response(user_input, before)

    def _cancel(self, request: events.CancelResponse) -> None:
        response = self.response
        active_id = response.response_id if response and response.is_announced else ""
        if not active_id or request.response_id not in (None, active_id):
            self.report_error("Cancellation failed: there is no active response to cancel.")
            return
        self._interrupt()

    def _prepare_response(
        self, user_input: UserInput, previous_item_id: str | None, **options: Any
    ) -> Response:
        audio_format = self.settings.output_format
        self.response = Response(
            user_input, previous_item_id=previous_item_id, audio_format=audio_format, **options
        )
        return self.response

    # ------------------------------------------------------------------ the response
    def partner_turn(self, response: Response) -> PartnerTurn:
        """The partner's argument."""
        user_input, settings = response.user_input, self.settings
        functions = tuple(each for each in settings.tools if each.name)
        return PartnerTurn(
            role=user_input.role,
            text=user_input.text,
            pcm=user_input.pcm,
            received=user_input.received,
            voice=settings.voice,
            instructions=response.instructions or settings.instructions,
            speed=settings.speed or 1.0,
            replace=settings.replace or {},
            history=tuple(self.history.lines_before(user_input.item_id)),
            tools=tuple(each.name for each in functions),
            tool_offers=functions,
            call_id=user_input.call_id,
            conversation_id=self.history.conversation_id,
        )

    def begin_response(self, response: Response) -> None:
        """Announce a response unless that was done.

        One that the server begins on its own is announced when the words are known.
        """
        if not response.is_announced:
            self._emit(*response.begin())

    def emit_delta(self, response: Response, messages: tuple[events.ServerEvent, ...]) -> None:
        """Send the next events of a response."""
        if response.item_id not in self._spoken_responses:
            self._spoken_responses[response.item_id] = response
            self.history.put(events.Item(role="assistant", item_id=response.item_id))
        self.history.set_text(response.item_id, response.text)
        self._emit(*messages)

    def note_sent(self, item_id: str) -> None:
        """Sound or text of an item has been sent to the client."""
        self._sent_item_ids.add(item_id)

    def forget_unsent(self) -> None:
        """Remove the replies of which nothing was sent before the connection ended, so that the
        partner takes none of them for an answer when the conversation is resumed.
        """
        for item_id in self._spoken_responses.keys() - self._sent_item_ids:
            self.history.remove(item_id)

    def complete_response(self, response: Response) -> None:
        """Send the end of a response that is complete."""
        self._emit(*response.end())
        for item in response.call_items:
            self.history.put(replace(item, role="tool"))
        self._finish(response, "completed")

    def fail_response(self, response: Response, error: Exception) -> None:
        """End a response whose partner raised; the connection stays open."""
        self.begin_response(response)
        self.report_error(failure_of_partner(error), "internal_error", param=PARTNER_PARAM)
        self._finish(response, "failed")

    def _interrupt(self) -> None:
        """Cancel the response. One that was not announced yet leaves no trace."""
        response, self.response = self.response, None
        if response and response.is_announced:
            self._finish(response, "cancelled")

    def _finish(self, response: Response, status: str) -> None:
        self.response = None
        self._emit(
            events.ResponseDone(
                response_id=response.response_id,
                status=status,
                output=response.output(),
                usage=self._meter.usage(response),
                metadata=response.metadata,
            )
        )
        user_input, self._queued_input = self._queued_input, None
        if user_input:
            self._prepare_response(user_input, user_input.item_id)

    def _truncate(self, request: events.TruncateItem) -> None:
        response = self._spoken_responses.get(request.item_id)
        if response is None:
            # Clients recognise this harmless error by "Truncation failed".
            problem = f"Truncation failed: there is no spoken item {request.item_id!r}."
            self.report_error(problem, param="item_id")
            return
        kept = response.text_until(request.audio_end_ms * response.audio_format.sample_rate // 1000)
        self.history.set_text(request.item_id, kept)
        self._emit(
            events.ItemTruncated(
                item_id=request.item_id,
                audio_end_ms=request.audio_end_ms,
                content_index=request.content_index,
                transcript=kept,
            )
        )
