"""The floor: who speaks, and how a reply begins, goes on and ends; no socket, thread or clock."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ..protocol import (
    AudioDelta,
    AudioFormat,
    CancelResponse,
    CreateResponse,
    ErrorReported,
    IdleTimeoutTriggered,
    Item,
    ItemTruncated,
    OutputItemDone,
    ResponseDone,
    ServerEvent,
    ServerVad,
    TruncateItem,
)
from .items import whole_text
from .memory import History
from .partner import PartnerTurn
from .reply import Reply, UserInput
from .reporting import Meter
from .settings import SessionSettings, wrong_metadata

__all__ = ["TurnTaking"]


class TurnTaking:
    """The replies of one session: one at a time, and what becomes of each.

    Parameters
    ----------
    settings : SessionSettings
    history : History

    Attributes
    ----------
    reply : Reply or None
        The reply that is being prepared or told.
    """

    def __init__(self, settings: SessionSettings, history: History) -> None:
        self.settings, self.history = settings, history
        self.reply: Reply | None = None
        self._said: list[ServerEvent] = []
        # What a request for a reply is about.
        self._latest = UserInput()
        # A turn that is to be answered once the reply that speech did not end is over.
        self._waiting: UserInput | None = None
        # The id of the client's message that is being obeyed.
        self._about = ""
        self._replies: dict[str, Reply] = {}
        self._meter = Meter()

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
