"""What the rehearsal server says to what it hears: one session, without socket, thread or clock.

Events go in by the methods; `take_said` gives what is to be sent. What takes time is left to
whoever drives it: recognising the words of `take_unrecognised`, and performing `reply`.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from ..protocol import (
    AudioCleared,
    AudioCommitted,
    CancelResponse,
    ClientEvent,
    ConversationCreated,
    CreateItem,
    CreateResponse,
    DeleteItem,
    Item,
    ItemAdded,
    ItemDeleted,
    Pinged,
    ServerVad,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    TruncateItem,
    Unrecognized,
    UpdateSession,
    UserTranscriptReplaced,
)
from .floor import TurnTaking
from .hearing import SpeechBegan, SpeechEnded
from .items import announced, input_from, whole_text
from .memory import History
from .recognition import speech_note
from .reply import UserInput
from .reporting import session_created, session_echo
from .settings import SessionSettings, wrong_setting
from .voice import Spoken

__all__ = ["SessionState"]

Pcm = NDArray[np.int16]


class SessionState(TurnTaking):
    """One session's side of the conversation.

    Parameters
    ----------
    model : str
        Echoed as it was asked for.
    answers_commits : bool
        Whether a commit is answered without being asked, as on `live`.
    earlier : History or None
        A conversation to go on with, if the client still wants that.

    Its replies are those of the `TurnTaking`.
    """

    def __init__(
        self, model: str, *, answers_commits: bool = False, earlier: History | None = None
    ) -> None:
        history = History(earlier.conversation_id if earlier else "")
        super().__init__(SessionSettings(model=model), history)
        self._earlier = earlier
        self._answers_commits = answers_commits
        self._unrecognised: list[UserInput] = []
        self._speech: UserInput | None = None
        self._speech_s = 0

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
        if self._earlier is None:
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
        if self._earlier is not None:
            self._go_on(self._earlier, now_ms)
        self._say(SessionUpdated(session_echo(self.settings)))

    def _go_on(self, earlier: History, now_ms: int) -> None:
        """Tell the earlier conversation again; without resumption a new one begins."""
        self._earlier = None
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
