"""What the rehearsal server says to what it hears: one session, without socket, thread or clock.

Events go in by the methods; `take_said` gives what is to be sent. What takes time is left to
whoever drives it: recognising the words of `take_unrecognised`, and performing `reply`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..events import (
    AudioCleared,
    AudioCommitted,
    CancelResponse,
    ClientEvent,
    ConversationCreated,
    CreateItem,
    CreateResponse,
    ErrorReported,
    Item,
    ItemAdded,
    ItemTruncated,
    Pinged,
    PushToTalk,
    ResponseDone,
    ServerEvent,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    ToolOffer,
    TruncateItem,
    TurnDetection,
    Unrecognized,
    UpdateSession,
    UserTranscriptReplaced,
)
from .hearing import SpeechBegan, SpeechEnded
from .partner import PartnerTurn, SpokenLine
from .recognition import speech_note
from .reply import Reply, UserInput, new_id
from .reporting import Meter, session_created, session_echo, wrong_setting

__all__ = ["SessionState"]

Pcm = NDArray[np.int16]


class SessionState:
    """One session's side of the conversation.

    Parameters
    ----------
    model : str
        Echoed as it was asked for.
    answers_commits : bool
        Whether a commit is answered without being asked, as on `live`.

    Attributes
    ----------
    reply : Reply or None
        The reply that is being prepared or told.
    """

    def __init__(self, model: str, *, answers_commits: bool = False) -> None:
        self.model = model
        # A new session of the service has voice ara and no turn detection (recorded).
        self.voice = "ara"
        self.instructions = ""
        self.detection: TurnDetection = PushToTalk()
        self.tools: tuple[ToolOffer, ...] = ()
        self.reply: Reply | None = None
        self._answers_commits = answers_commits
        self._said: list[ServerEvent] = []
        self._unrecognised: list[UserInput] = []
        self._speech: UserInput | None = None
        self._speech_s = 0
        self._latest = UserInput()
        self._lines: dict[str, tuple[str, str]] = {}
        self._replies: dict[str, Reply] = {}
        self._meter = Meter()

    def take_said(self) -> list[ServerEvent]:
        """What is to be sent, in order; each event is given once."""
        said, self._said = self._said, []
        return said

    def take_unrecognised(self) -> list[UserInput]:
        """Sounds whose words are to be given to `understand`; each is given once."""
        waiting, self._unrecognised = self._unrecognised, []
        return waiting

    # ------------------------------------------------------------------ the session
    def greet(self, now_ms: int) -> None:
        """The client is there."""
        self._say(
            session_created(self.model, self.voice),
            ConversationCreated(new_id()),
            Pinged(now_ms),
        )

    def ping(self, now_ms: int) -> None:
        """Tell that the line is alive, as the service does now and again."""
        self._say(Pinged(now_ms))

    def report(self, message: str, error_type: str = "invalid_request_error", **where: str) -> None:
        """Say that something is wrong; the code is said to equal the type (service's schema)."""
        self._say(ErrorReported(message=message, error_type=error_type, code=error_type, **where))

    def update(self, wanted: UpdateSession) -> None:
        """Take over the settings that are said; a wrong one leaves all as they were."""
        wrong = wrong_setting(wanted.turn_detection)
        if wrong:
            self.report(f"{wrong} is out of range.", param=f"session.turn_detection.{wrong}")
            return
        if wanted.voice is not None:
            self.voice = wanted.voice
        if wanted.instructions is not None:
            self.instructions = wanted.instructions
        if wanted.turn_detection is not None:
            self.detection = wanted.turn_detection
        if wanted.tools is not None:
            self.tools = wanted.tools
        echo = session_echo(self.model, self.instructions, self.detection, self.tools)
        self._say(SessionUpdated(echo))

    # ------------------------------------------------------------------ the user's voice
    def begin_speech(self, began: SpeechBegan) -> None:
        """Speech is heard: it interrupts the reply and opens a turn."""
        self._speech, self._speech_s = UserInput(), 0
        self._say(SpeechStarted(item_id=self._speech.item_id, audio_start_ms=began.start_ms))
        self._interrupt()
        self._add_voice_item(self._speech, "in_progress")

    def follow_speech(self, duration_ms: int) -> None:
        """Speech goes on: tell once a second how long it has lasted, for want of words."""
        if self._speech and duration_ms // 1000 > self._speech_s:
            self._speech_s = duration_ms // 1000
            self._tell_transcript(self._speech, speech_note(self._speech_s))

    def end_speech(self, ended: SpeechEnded) -> None:
        """The turn is over, and will be answered."""
        heard, self._speech = self._speech or UserInput(), None
        heard.pcm = ended.pcm
        self._say(
            SpeechStopped(item_id=heard.item_id, audio_end_ms=ended.end_ms),
            AudioCommitted(item_id=heard.item_id),
        )
        self._receive_voice(heard)
        self._answer_unasked(heard)

    def commit(self, pcm: Pcm) -> None:
        """The user says that the turn is over. An empty one is tolerated and makes no item."""
        heard = UserInput(pcm=pcm)
        self._say(AudioCommitted(item_id=heard.item_id, previous_item_id=self._last_item_id()))
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
            self._tell_transcript(heard, words)
        transcript = words or speech_note(heard.pcm.size / 24_000)
        self._lines[heard.item_id] = ("user", transcript)
        self._tell_transcript(heard, transcript, is_final=True)

    def _add_voice_item(self, heard: UserInput, status: str) -> None:
        item = Item(role="user", item_id=heard.item_id, status=status, part="input_audio")
        self._say(ItemAdded(item, self._last_item_id()))
        self._lines[heard.item_id] = ("user", "")

    def _receive_voice(self, heard: UserInput) -> None:
        heard.pcm.flags.writeable = False
        self._latest = heard
        self._meter.count(heard.pcm.size)
        self._unrecognised.append(heard)

    def _tell_transcript(self, heard: UserInput, text: str, *, is_final: bool = False) -> None:
        self._say(UserTranscriptReplaced(item_id=heard.item_id, transcript=text, is_final=is_final))

    # ------------------------------------------------------------------ what the client asks for
    def receive(self, event: ClientEvent | Unrecognized) -> None:
        """Obey a request that is not about sound or settings."""
        match event:
            case CreateItem():
                self._create_item(event)
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
            self._speak_verbatim(item.text)
            return
        known = Item(
            kind=item.kind,
            role="tool" if item.kind == "function_call_output" else item.role or "user",
            item_id=item.item_id or new_id(),
            status="completed",
            part=item.part,
            text=item.text,
            name=item.name,
            call_id=item.call_id,
        )
        self._say(ItemAdded(known, self._place_of(wanted)))
        self._lines[known.item_id] = (known.role, known.text)
        if known.role == "user" or known.role == "tool":
            self._latest = UserInput(item_id=known.item_id, role=known.role, text=known.text)

    def _place_of(self, wanted: CreateItem) -> str | None:
        """The item that a new one follows; never a name that was not announced, like "root"."""
        if wanted.previous_item_id in self._lines:
            return wanted.previous_item_id
        # Of items that are no messages, the service does not tell the place (recorded).
        return self._last_item_id() if wanted.item.kind == "message" else None

    def _create_response(self, wanted: CreateResponse) -> None:
        if self._is_busy():
            return
        self.reply = Reply(
            self._latest,
            previous_item_id=self._last_item_id(),
            instructions=wanted.instructions,
            metadata=wanted.metadata,
        )
        self._say(*self.reply.begin())

    def _speak_verbatim(self, text: str) -> None:
        if self._is_busy():
            return
        previous = self._last_item_id()
        self.reply = Reply(UserInput(), previous_item_id=previous, verbatim=text)
        self._say(*self.reply.begin())

    def _answer_unasked(self, heard: UserInput) -> None:
        self._interrupt()
        self.reply = Reply(heard, previous_item_id=heard.item_id)

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

    def _truncate(self, wanted: TruncateItem) -> None:
        reply = self._replies.get(wanted.item_id)
        if reply is None:
            # Clients know by the word that it does no harm.
            problem = f"Truncation failed: there is no spoken item {wanted.item_id!r}."
            self.report(problem, param="item_id")
            return
        kept = reply.text_until(wanted.audio_end_ms * 24)
        self._lines[wanted.item_id] = ("assistant", kept)
        self._say(
            ItemTruncated(
                item_id=wanted.item_id,
                audio_end_ms=wanted.audio_end_ms,
                content_index=wanted.content_index,
                transcript=kept,
            )
        )

    # ------------------------------------------------------------------ the reply
    def turn_for(self, reply: Reply) -> PartnerTurn:
        """What the partner is given."""
        heard = reply.heard
        history = []
        for item_id, (role, text) in self._lines.items():
            if item_id == heard.item_id:
                break
            history.append(SpokenLine(role, text))
        return PartnerTurn(
            role=heard.role,
            text=heard.text,
            pcm=heard.pcm,
            voice=self.voice,
            instructions=reply.instructions or self.instructions,
            history=tuple(history),
            tools=tuple(each.name for each in self.tools if each.name),
        )

    def begin_reply(self, reply: Reply) -> None:
        """The reply that nobody asked for begins, now that the words are known."""
        self._say(*reply.begin())

    def tell(self, reply: Reply, events: tuple[ServerEvent, ...]) -> None:
        """The reply goes on."""
        self._replies[reply.item_id] = reply
        self._lines[reply.item_id] = ("assistant", reply.text)
        self._say(*events)

    def end_reply(self, reply: Reply) -> None:
        """All of it has been told."""
        self._say(*reply.end())
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

    def _last_item_id(self) -> str | None:
        return next(reversed(self._lines), None)

    def _say(self, *events: ServerEvent) -> None:
        self._said.extend(events)
