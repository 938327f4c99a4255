"""One session of the rehearsal server, without socket, thread or clock.

The methods take what the client sends; `take_events` returns what is to be sent to it. Whatever
takes time is left to the caller: recognising the words of the inputs from `take_unrecognised`,
and running the partner for `response`.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ..protocol import (
    AudioCleared,
    AudioCommitted,
    AudioDelta,
    AudioFormat,
    CancelResponse,
    ClientEvent,
    ConversationCreated,
    CreateItem,
    CreateResponse,
    DeleteItem,
    ErrorReported,
    IdleTimeoutTriggered,
    Item,
    ItemAdded,
    ItemDeleted,
    ItemTruncated,
    OutputItemDone,
    Pinged,
    ResponseDone,
    ServerEvent,
    ServerVad,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    TruncateItem,
    Unrecognized,
    UpdateSession,
    UserTranscriptReplaced,
)
from .asr import speech_note
from .history import History, announced, input_from, whole_text
from .partner import PartnerTurn
from .response import Reply, UserInput
from .settings import SessionSettings, wrong_metadata, wrong_setting
from .tts import Spoken
from .usage import Meter, session_created, session_echo
from .vad import SpeechBegan, SpeechEnded

__all__ = [
    "SessionState",
]

Pcm = NDArray[np.int16]


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
    reply : Reply or None
        The response in preparation or in progress; there is one at a time.
    """

    def __init__(
        self, model: str, *, answers_commits: bool = False, resumable: History | None = None
    ) -> None:
        self.settings = SessionSettings(model=model)
        self.history = History(resumable.conversation_id if resumable else "")
        self.reply: Reply | None = None
        self._resumable = resumable
        self._answers_commits = answers_commits
        self._said: list[ServerEvent] = []
        self._unrecognised: list[UserInput] = []
        # The turn that is being spoken, and for how many whole seconds that has been reported.
        self._speech: UserInput | None = None
        self._speech_s = 0
        # What a request for a response refers to.
        self._latest = UserInput()
        # A turn to be answered after the response that speech did not interrupt.
        self._waiting: UserInput | None = None
        # The id of the client's message that is being handled.
        self._about = ""
        # Responses with an item in the conversation, by the id of that item.
        self._replies: dict[str, Reply] = {}
        self._meter = Meter()

    def take_unrecognised(self) -> list[UserInput]:
        """Sounds whose words are to be given to `understand`; each is given once."""
        waiting, self._unrecognised = self._unrecognised, []
        return waiting

    # ------------------------------------------------------------------ the session
    def greet(self, now_ms: int) -> None:
        """The client is there."""
        self._say(
            session_created(self.settings.model, self.settings.voice),
            ConversationCreated(self.history.conversation_id),
        )
        # Where an earlier conversation may go on, the settings are waited for (recorded).
        if self._resumable is None:
            self.ping(now_ms)

    def ping(self, now_ms: int) -> None:
        """Tell that the line is alive, as the service does now and again."""
        self._say(Pinged(now_ms))

    def update(self, wanted: UpdateSession, now_ms: int = 0) -> None:
        """Take over the settings that are said; a wrong one leaves all as they were."""
        wrong = wrong_setting(wanted)
        if wrong:
            self._about = wanted.event_id
            self.report(f"{wrong} is unknown or out of range.", param=f"session.{wrong}")
            self._about = ""
            return
        self.settings = self.settings.merged(wanted)
        if self._resumable is not None:
            self._go_on(self._resumable, now_ms)
        self._say(SessionUpdated(session_echo(self.settings)))

    def _go_on(self, earlier: History, now_ms: int) -> None:
        """Tell the earlier conversation again; without resumption a new one begins."""
        self._resumable = None
        if not self.settings.resumption:
            self.history.conversation_id = History().conversation_id
            self._say(ConversationCreated(self.history.conversation_id))
        self.ping(now_ms)
        for item in earlier.retold() if self.settings.resumption else ():
            self._say(ItemAdded(item, self.history.last_item_id))
            self.history.put(item)
        self._latest = self._last_input()

    # ------------------------------------------------------------------ the user's voice
    def begin_speech(self, began: SpeechBegan) -> None:
        """Speech is heard: it interrupts the reply and opens a turn."""
        self._speech, self._speech_s = UserInput(), 0
        self._say(SpeechStarted(item_id=self._speech.item_id, audio_start_ms=began.start_ms))
        self._waiting = None
        if not self._holds_the_floor():
            self._interrupt()
        self._add_voice_item(self._speech, "in_progress")

    def follow_speech(self, duration_ms: int) -> None:
        """Speech goes on: tell once a second how long it has lasted, for want of words."""
        if self._speech and duration_ms // 1000 > self._speech_s:
            self._speech_s = duration_ms // 1000
            self._tell_partial(self._speech, speech_note(self._speech_s))

    def end_speech(self, ended: SpeechEnded, received: Spoken | None = None) -> None:
        """The turn is over, and will be answered, unless that is left to the client."""
        heard, self._speech = self._speech or UserInput(), None
        heard.pcm, heard.received = ended.pcm, received
        self._say(
            SpeechStopped(item_id=heard.item_id, audio_end_ms=ended.end_ms),
            AudioCommitted(item_id=heard.item_id),
        )
        self._receive_voice(heard)
        detection = self.settings.turn_detection
        if not isinstance(detection, ServerVad) or detection.create_response:
            self._answer_unasked(heard)

    def commit(self, pcm: Pcm, received: Spoken | None = None) -> None:
        """The user says that the turn is over. An empty one is tolerated and makes no item."""
        heard = UserInput(pcm=pcm, received=received)
        before = self.history.last_item_id
        self._say(AudioCommitted(item_id=heard.item_id, previous_item_id=before))
        if not pcm.size:
            return
        self._add_voice_item(heard, "completed")
        self._receive_voice(heard)
        if self._answers_commits:
            self._answer_unasked(heard)

    def clear(self) -> None:
        """Sound not yet committed is forgotten."""
        self._speech = None
        self._say(AudioCleared())

    def understand(self, heard: UserInput, words: str) -> None:
        """The words of a sound are known, or none were made out."""
        heard.text = words
        if words:
            self._tell_partial(heard, words)
        transcript = words or speech_note(heard.pcm.size / 24_000)
        self.history.amend(heard.item_id, transcript)
        told = UserTranscriptReplaced(item_id=heard.item_id, transcript=transcript, is_final=True)
        self._say(told)

    @property
    def idle_timeout_ms(self) -> int | None:
        """After how much silence a turn is to be taken; None while somebody speaks, or never."""
        detection = self.settings.turn_detection
        if self.reply or self._speech or not isinstance(detection, ServerVad):
            return None
        return detection.idle_timeout_ms

    def _add_voice_item(self, heard: UserInput, status: str) -> None:
        item = Item(role="user", item_id=heard.item_id, status=status, part="input_audio")
        self._say(ItemAdded(item, self.history.last_item_id))
        self.history.put(item)

    def _receive_voice(self, heard: UserInput) -> None:
        heard.pcm.flags.writeable = False
        self._latest = heard
        self._meter.count(heard.pcm.size / 24_000)
        self._unrecognised.append(heard)

    def _tell_partial(self, heard: UserInput, text: str) -> None:
        """Only where a model for it was asked for (service's schema)."""
        if self.settings.writes_partials:
            self._say(UserTranscriptReplaced(item_id=heard.item_id, transcript=text))

    # ------------------------------------------------------------------ what the client asks for
    def receive(self, event: ClientEvent | Unrecognized) -> None:
        """Obey a request that is not about sound or settings."""
        self._about = event.event_id
        self._obey(event)
        self._about = ""

    def _obey(self, event: ClientEvent | Unrecognized) -> None:
        match event:
            case CreateItem():
                self._create_item(event)
            case DeleteItem():
                self._delete(event)
            case CreateResponse():
                self._create_response(event)
            case CancelResponse():
                self._cancel(event)
            case TruncateItem():
                self._truncate(event)
            case Unrecognized():
                named = repr(event.wire_type) if event.wire_type else "a message without a type"
                self.report(f"unknown event {named}.", "invalid_event")
            case _:
                self.report(f"{type(event).__name__} is not expected now.", "invalid_event")

    def _create_item(self, wanted: CreateItem) -> None:
        item = wanted.item
        if item.kind == "force_message":
            self._speak_verbatim(item)
            return
        known = announced(item)
        self._say(ItemAdded(known, self._place_of(wanted)))
        self.history.put(
            replace(known, text=whole_text(known), further=()), wanted.previous_item_id
        )
        heard = input_from(item, known, self.settings.input_format)
        last = self.history.last_input
        # What was put between others is not what is to be answered.
        if heard and last and last.item_id == heard.item_id:
            self._latest = heard
        if heard and heard.pcm.size:
            self._meter.count(heard.pcm.size / 24_000)
            if not heard.text:
                self._unrecognised.append(heard)

    def _place_of(self, wanted: CreateItem) -> str | None:
        """The item that a new one follows; never a name that was not announced, like "root"."""
        if wanted.previous_item_id in self.history:
            return wanted.previous_item_id
        # Of items that are no messages, the service does not tell the place (recorded).
        return self.history.last_item_id if wanted.item.kind == "message" else None

    def _delete(self, wanted: DeleteItem) -> None:
        if not self.history.remove(wanted.item_id):
            self.report(f"there is no item {wanted.item_id!r}.", param="item_id")
            return
        if wanted.item_id == self._latest.item_id:
            self._latest = self._last_input()
        self._say(ItemDeleted(wanted.item_id))

    def _last_input(self) -> UserInput:
        last = self.history.last_input
        if last is None:
            return UserInput()
        is_message = last.kind == "message"
        role: Literal["user", "tool"] = "user" if is_message else "tool"
        return UserInput(item_id=last.item_id, role=role, text=last.text)

    def take_said(self) -> list[ServerEvent]:
        """What is to be sent, in order; each event is given once."""
        said, self._said = self._said, []
        return said

    def report(self, message: str, error_type: str = "invalid_request_error", **where: str) -> None:
        """Say that something is wrong; the code is said to equal the type (service's schema)."""
        where |= {"error_type": error_type, "code": error_type, "about": self._about}
        self._say(ErrorReported(message=message, **where))

    def format_of(self, event: ServerEvent) -> AudioFormat:
        """How the sound of an event travels: as was asked for before its reply began."""
        if isinstance(event, AudioDelta) and event.item_id in self._replies:
            return self._replies[event.item_id].form
        return self.settings.output_format

    def _say(self, *events: ServerEvent) -> None:
        self._said.extend(events)

    # ------------------------------------------------------------------ who is to speak
    def _create_response(self, wanted: CreateResponse) -> None:
        if wrong_metadata(wanted.metadata):
            limits = "16 pairs, names of 1 to 64 characters, values of up to 512"
            self.report(f"metadata may have {limits}.", param="response.metadata")
            return
        if self._is_busy():
            return
        self.reply = self._reply_to(
            self._latest,
            self.history.last_item_id,
            instructions=wanted.instructions,
            metadata=wanted.metadata,
        )
        self._say(*self.reply.begin())

    def _speak_verbatim(self, item: Item) -> None:
        if self._is_busy():
            return
        self.reply = self._reply_to(
            UserInput(),
            self.history.last_item_id,
            verbatim=whole_text(item),
            is_interruptible=item.is_interruptible,
        )
        self._say(*self.reply.begin())

    def _answer_unasked(self, heard: UserInput) -> None:
        if self._holds_the_floor():
            self._waiting = heard
            return
        self._interrupt()
        self.reply = self._reply_to(heard, heard.item_id)

    def _holds_the_floor(self) -> bool:
        """Whether there is a reply that speech does not end."""
        detection = self.settings.turn_detection
        may_end = not isinstance(detection, ServerVad) or detection.interrupt_response
        return self.reply is not None and not (may_end and self.reply.is_interruptible)

    def take_turn(self, start_ms: int, end_ms: int) -> None:
        """Nobody has spoken for so long that the server does."""
        heard, before = UserInput(), self.history.last_item_id
        self._say(
            IdleTimeoutTriggered(
                item_id=heard.item_id,
                previous_item_id=before,
                audio_start_ms=start_ms,
                audio_end_ms=end_ms,
            )
        )
        self.reply = self._reply_to(heard, before)

    def _is_busy(self) -> bool:
        """Whether there is a reply already; says so."""
        if self.reply:
            self.report("Conversation already has an active response; wait until it is done.")
        return self.reply is not None

    def _cancel(self, wanted: CancelResponse) -> None:
        reply = self.reply
        if not reply or not reply.is_begun or wanted.response_id not in (None, reply.response_id):
            self.report("Cancellation failed: there is no active response to cancel.")
            return
        self._interrupt()

    def _reply_to(self, heard: UserInput, previous_item_id: str | None, **further: Any) -> Reply:
        form = self.settings.output_format
        return Reply(heard, previous_item_id=previous_item_id, form=form, **further)

    # ------------------------------------------------------------------ the reply
    def turn_for(self, reply: Reply) -> PartnerTurn:
        """What the partner is given."""
        heard, settings = reply.heard, self.settings
        return PartnerTurn(
            role=heard.role,
            text=heard.text,
            pcm=heard.pcm,
            received=heard.received,
            voice=settings.voice,
            instructions=reply.instructions or settings.instructions,
            speed=settings.speed or 1.0,
            replace=settings.replace or {},
            history=tuple(self.history.lines_before(heard.item_id)),
            tools=tuple(each.name for each in settings.tools if each.name),
        )

    def begin_reply(self, reply: Reply) -> None:
        """The reply that nobody asked for begins, now that the words are known."""
        self._say(*reply.begin())

    def tell(self, reply: Reply, events: tuple[ServerEvent, ...]) -> None:
        """The reply goes on."""
        if reply.item_id not in self._replies:
            self._replies[reply.item_id] = reply
            self.history.put(Item(role="assistant", item_id=reply.item_id))
        self.history.amend(reply.item_id, reply.text)
        self._say(*events)

    def end_reply(self, reply: Reply) -> None:
        """All of it has been told."""
        ended = reply.end()
        for event in ended:
            if isinstance(event, OutputItemDone) and event.item.kind == "function_call":
                self.history.put(replace(event.item, role="tool"))
        self._say(*ended)
        self._finish(reply, "completed")

    def fail_reply(self, reply: Reply, error: Exception) -> None:
        """Whoever answers has failed; the line stays open."""
        if not reply.is_begun:
            self._say(*reply.begin())
        self.report(f"the partner failed: {type(error).__name__}: {error}", "internal_error")
        self._finish(reply, "failed")

    def _interrupt(self) -> None:
        """End the reply now. One that was not announced yet leaves no trace."""
        reply, self.reply = self.reply, None
        if reply and reply.is_begun:
            self._finish(reply, "cancelled")

    def _finish(self, reply: Reply, status: str) -> None:
        self.reply = None
        self._say(
            ResponseDone(
                response_id=reply.response_id,
                status=status,
                output=reply.output(),
                usage=self._meter.usage(reply),
                metadata=reply.metadata,
            )
        )
        heard, self._waiting = self._waiting, None
        if heard:
            self.reply = self._reply_to(heard, heard.item_id)

    def _truncate(self, wanted: TruncateItem) -> None:
        reply = self._replies.get(wanted.item_id)
        if reply is None:
            # Clients know by the word that it does no harm.
            problem = f"Truncation failed: there is no spoken item {wanted.item_id!r}."
            self.report(problem, param="item_id")
            return
        kept = reply.text_until(wanted.audio_end_ms * reply.form.sample_rate // 1000)
        self.history.amend(wanted.item_id, kept)
        self._say(
            ItemTruncated(
                item_id=wanted.item_id,
                audio_end_ms=wanted.audio_end_ms,
                content_index=wanted.content_index,
                transcript=kept,
            )
        )
