"""The line without a line: what may be said when, and what follows from what is heard.

Sans I/O: frames in, frames out, events out; time is an argument. Two state tables decide,
one for the line and one for the reply; nothing else remembers what is going on.

The driver's loop is always: `receive_frame` (or `send`, `tick`), then write out all
`messages_to_send`, then hand out all `events_to_dispatch`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum

from msgspec.structs import replace

from .._structs import Value
from ..audio import codec_of
from ..exceptions import LocalProtocolError
from .dialects import Dialect
from .events import (
    AppendAudio,
    AudioCommitted,
    AudioDelta,
    AudioFormat,
    Authenticate,
    CancelResponse,
    ClearAudio,
    ClientEvent,
    CommitAudio,
    ConversationCreated,
    CreateItem,
    CreateResponse,
    DeleteItem,
    ErrorReported,
    Event,
    Interrupted,
    ItemAdded,
    OutputItemAdded,
    PlaybackReported,
    PushToTalk,
    ResponseCreated,
    ResponseDone,
    ServerEvent,
    ServerVad,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    TextDone,
    TranscriptDelta,
    TranscriptDone,
    TruncateItem,
    TurnDetection,
    UpdateSession,
)
from .playback_tracker import PlaybackTracker
from .server_errors import is_already_active, is_ignorable_error, is_not_active
from .synthetic_ids import SyntheticIds

__all__ = ["MIN_COMMIT_MS", "ConnectionState", "Frame", "Protocol", "ResponseState"]


class Frame(Value, frozen=True):
    """A message to be written out: JSON text in UTF-8, or sound alone."""

    body: bytes
    is_text: bool


class ConnectionState(Enum):
    """The line as a whole."""

    OPENING = "opening"
    OPEN = "open"
    CLOSED = "closed"


class ResponseState(Enum):
    """The server's reply."""

    IDLE = "idle"
    REQUESTED = "requested"
    RUNNING = "running"
    CANCELLING = "cancelling"


_SETTING_UP = frozenset({Authenticate, UpdateSession})
_TALKING = frozenset(
    {UpdateSession, AppendAudio, CommitAudio, ClearAudio, CreateItem, DeleteItem}
    | {CreateResponse, CancelResponse, TruncateItem}
)

ALLOWED_SENDS: dict[ConnectionState, frozenset[type]] = {
    ConnectionState.OPENING: _SETTING_UP,
    ConnectionState.OPEN: _TALKING,
    ConnectionState.CLOSED: frozenset(),
}
"""What may be said while the line is in a state; all else raises `LocalProtocolError`."""

RESPONSE_TRANSITIONS: dict[tuple[ResponseState, type], ResponseState] = {
    (ResponseState.IDLE, CreateResponse): ResponseState.REQUESTED,
    (ResponseState.IDLE, ResponseCreated): ResponseState.RUNNING,
    (ResponseState.REQUESTED, ResponseCreated): ResponseState.RUNNING,
    (ResponseState.REQUESTED, ResponseDone): ResponseState.IDLE,
    (ResponseState.REQUESTED, ErrorReported): ResponseState.IDLE,
    (ResponseState.RUNNING, ResponseCreated): ResponseState.RUNNING,
    (ResponseState.RUNNING, CancelResponse): ResponseState.CANCELLING,
    (ResponseState.RUNNING, ResponseDone): ResponseState.IDLE,
    (ResponseState.CANCELLING, ResponseCreated): ResponseState.RUNNING,
    (ResponseState.CANCELLING, ResponseDone): ResponseState.IDLE,
    (ResponseState.CANCELLING, CancelResponse): ResponseState.CANCELLING,
}
"""How the reply moves. What is missing here moves nothing when heard, and is illegal when
said (`CreateResponse`, `CancelResponse`)."""

# Which words may move the reply at all; most are deltas, which do not.
_MOVING = frozenset(event for _, event in RESPONSE_TRANSITIONS)
_TWINS = (TextDelta, TextDone)
# What is of one item of a reply.
Piece = AudioDelta | TranscriptDelta | TranscriptDone | TextDelta | TextDone
_PIECES = (AudioDelta, TranscriptDelta, TranscriptDone, TextDelta, TextDone)

# Services refuse a commit of less: "buffer too small".
MIN_COMMIT_MS = 100
# How long to wait for the end of a reply that is in the way and was never told of [s].
RETRY_REQUEST_AFTER_S = 1.0


def _is_forced(event: ClientEvent | None) -> bool:
    return isinstance(event, CreateItem) and event.item.kind == "force_message"


def _may_not_be_cut(event: ClientEvent | None) -> bool:
    return isinstance(event, CreateItem) and _is_forced(event) and not event.item.is_interruptible


class Protocol:
    """One session's rules.

    Parameters
    ----------
    dialect : Dialect
    turn_detection : ServerVad or PushToTalk
        For a dialect that does not say where speech began.
    input_format, output_format : AudioFormat
    reply_quiet_s : float [s]
        For a dialect that does not say when a reply ended.
    session_name : str
        For a dialect that does not name turns: put before the names they are given.

    Attributes
    ----------
    line : Line
    reply : Reply
    response_id : str
        The reply that is running, or ran last.
    has_player : bool
        Whether somebody listens, so that sound goes on after the server is done.
    sent_sample_count : int
        The user's samples so far.
    has_received : bool
        Whether the server has said anything but errors.
    conversation_id : str
        As the server names it; empty where it does not.
    """

    def __init__(
        self,
        dialect: Dialect,
        *,
        turn_detection: TurnDetection | None = None,
        input_format: AudioFormat = AudioFormat(),
        output_format: AudioFormat = AudioFormat(),
        reply_quiet_s: float = 0.8,
        session_name: str = "",
    ) -> None:
        self.dialect = dialect
        self.state = ConnectionState.OPENING
        self.response_state = ResponseState.IDLE
        self.response_id = ""
        self.conversation_id = ""
        self.has_player = False
        self.has_received = False
        self.sent_sample_count = 0
        self.input_format = input_format
        self.output_format = output_format
        self.is_speech_active = False
        self._detection = turn_detection
        self._uncommitted_samples = 0
        self._encoding = codec_of(input_format.encoding)
        self._decoding = codec_of(output_format.encoding)
        self._frames: deque[Frame] = deque()
        self._to_dispatch: deque[Event] = deque()
        self._requests: deque[tuple[ClientEvent, ...]] = deque()
        self._asked: ClientEvent | None = None
        self._now_s = 0.0
        self._ask_again_at_s: float | None = None
        self._is_interrupted = False
        self._uncut_response_id = ""
        self._playback = PlaybackTracker(output_format.sample_rate)
        self._spoken_item = ("", "")
        self._synthetic_ids = (
            None if dialect.has_responses else SyntheticIds(reply_quiet_s, session_name)
        )
        self._text_names: dict[str, bool] = {}

    # ----------------------------------------------------------------- the driver's side
    @property
    def has_messages_to_send(self) -> bool:
        """Whether there are frames to write out."""
        return bool(self._frames)

    def messages_to_send(self) -> Iterator[Frame]:
        """Frames to write out, in order; each is given once."""
        while self._frames:
            yield self._frames.popleft()

    def events_to_dispatch(self) -> Iterator[Event]:
        """What was said, heard and concluded, in order; each is given once."""
        while self._to_dispatch:
            yield self._to_dispatch.popleft()

    def open(self) -> None:
        """The server is ready for sound and text."""
        self.state = ConnectionState.OPEN

    def close(self) -> None:
        """The line is gone; what was queued is dropped."""
        self.state = ConnectionState.CLOSED
        self._frames.clear()
        self._requests.clear()

    # ----------------------------------------------------------------- saying
    def send(self, event: ClientEvent) -> None:
        """Queue one event.

        Raises
        ------
        LocalProtocolError
            When it may not be said now.
        UnsupportedByServer
            When the dialect has no word for it. Nothing is queued in either case.
        """
        moved = self._moved(self.response_state, event)
        self._frames.append(self._frame_of(event))
        self.response_state = moved
        self._to_dispatch.append(event)
        self._follow_said(event)

    def _frame_of(self, event: ClientEvent) -> Frame:
        if isinstance(event, AppendAudio) and self.input_format.transport == "binary":
            return Frame(self._encoding.encode(event.pcm), is_text=False)
        return Frame(self.dialect.encode(event, codec=self._encoding), is_text=True)

    def _moved(self, reply: ResponseState, event: ClientEvent) -> ResponseState:
        """Where saying `event` moves `reply`; raises where it may not be said."""
        if type(event) not in ALLOWED_SENDS[self.state]:
            raise LocalProtocolError(
                f"{type(event).__name__} cannot be said while the line is {self.state.value}."
            )
        if isinstance(event, AppendAudio) and len(event.pcm) % 2:
            raise LocalProtocolError(f"sound of {len(event.pcm)} bytes ends in half a sample.")
        if isinstance(event, CommitAudio):
            self._check_commit()
        # The server answers a forced message unasked.
        is_request = isinstance(event, CreateResponse) or _is_forced(event)
        if not is_request and type(event) not in _MOVING:
            return reply
        moved = RESPONSE_TRANSITIONS.get((reply, CreateResponse if is_request else type(event)))
        if moved is None and (is_request or isinstance(event, CancelResponse)):
            raise LocalProtocolError(
                f"{type(event).__name__} cannot be said while the reply is {reply.value}.",
                cure="A second reply can be asked for when this one has ended.",
            )
        return moved or reply

    def _check_commit(self) -> None:
        """Under voice activity the server knows best what it still has."""
        if not isinstance(self._detection, PushToTalk):
            if not self.dialect.has_responses and not self._uncommitted_samples:
                # There it asks for a reply too, which would be waited for in vain.
                raise LocalProtocolError("there is no sound to commit.", cure="Send some first.")
            return
        held_ms = self._uncommitted_samples * 1000 // self.input_format.sample_rate
        if held_ms < MIN_COMMIT_MS:
            raise LocalProtocolError(
                f"there are {held_ms} ms of sound to commit, and servers refuse less than "
                f"{MIN_COMMIT_MS} ms.",
                cure="Send the sound first, or hold the button while you speak.",
            )

    def _follow_said(self, event: ClientEvent) -> None:
        if isinstance(event, AppendAudio):
            self.sent_sample_count += len(event.pcm) // 2
            self._uncommitted_samples += len(event.pcm) // 2
        elif isinstance(event, CommitAudio | ClearAudio):
            self._uncommitted_samples = 0
        elif isinstance(event, UpdateSession):
            self._detection = event.turn_detection or self._detection
        elif isinstance(event, CreateResponse) or _is_forced(event):
            self._asked = event
        if self._synthetic_ids is not None and isinstance(event, CommitAudio | CreateResponse):
            self._synthetic_ids.expect_new_reply()
            self.response_state = ResponseState.REQUESTED
            if isinstance(event, CommitAudio):
                self._to_dispatch.append(AudioCommitted(item_id=self._synthetic_ids.name_commit()))

    def send_when_idle(self, *events: ClientEvent) -> None:
        """Say `events` now, or together as soon as no reply is running.

        Raises
        ------
        LocalProtocolError, UnsupportedByServer
            As `send`, and then none of them is queued.
        """
        if self.state is not ConnectionState.OPEN:
            raise LocalProtocolError(f"nothing can be asked while the line is {self.state.value}.")
        reply = ResponseState.IDLE
        for event in events:
            reply = self._moved(reply, event)
            self.dialect.encode(event)
        self._requests.append(events)
        self._say_next_request()

    def withdraw(self, *events: ClientEvent) -> None:
        """Take back a request that was not said yet, or is to be said again; harmless when it
        was said.
        """
        withdrawn = {id(event) for event in events}
        self._requests = deque(
            request for request in self._requests if not {id(e) for e in request} <= withdrawn
        )

    def give_up_reply(self) -> None:
        """Wait no longer for the reply that was asked for or runs; the next may be asked for.

        One that runs is cancelled, or the next would have to wait for its end.
        """
        self._barge_in()
        self.response_state = ResponseState.IDLE
        self._asked = None
        self._say_next_request()

    def _say_next_request(self) -> None:
        if (
            self._requests
            and self.response_state is ResponseState.IDLE
            and self.state is ConnectionState.OPEN
        ):
            for event in self._requests.popleft():
                self.send(event)

    def interrupt(self) -> None:
        """Stop the reply that is running or still sounding; no-op when there is none."""
        self._barge_in()

    def report_playback(self, report: PlaybackReported) -> None:
        """Take in how much of a reply was heard; truncate it once that is final."""
        self._to_dispatch.append(report)
        heard_ms = self._playback.report(report)
        truncate = TruncateItem(item_id=report.item_id, audio_end_ms=heard_ms)
        if heard_ms and self.state is ConnectionState.OPEN and self.dialect.supports(truncate):
            self.send(truncate)

    # ----------------------------------------------------------------- hearing
    def receive_frame(self, frame: bytes, now_s: float) -> None:
        """Take in one frame of text; never raises."""
        self.receive(self.dialect.decode_server(frame, self._decoding), now_s)

    def receive_sound(self, data: bytes, now_s: float) -> None:
        """Take in a message that is sound alone, of the item that is being spoken; never raises."""
        pcm, odd_byte_count = self._decoding.decode(data)
        response_id, item_id = self._spoken_item
        self.receive(
            AudioDelta(
                response_id=response_id or self.response_id,
                item_id=item_id,
                pcm=pcm,
                odd_byte_count=odd_byte_count,
            ),
            now_s,
        )

    def receive(self, event: ServerEvent, now_s: float) -> None:
        """Take in one server event; never raises."""
        self._now_s = now_s
        self.has_received = self.has_received or not isinstance(event, ErrorReported)
        if self.state is ConnectionState.OPENING and isinstance(event, ItemAdded):
            # Not all servers say so themselves (recorded).
            event = replace(event, item=replace(event.item, is_replayed=True))
        for named in self._named(event, now_s):
            self._follow_heard(named)
        self._say_next_request()

    def tick(self, now_s: float) -> None:
        """Let time pass: end a reply that has gone quiet, ask again for one that was refused."""
        self._now_s = now_s
        if self._ask_again_at_s is not None and now_s >= self._ask_again_at_s:
            self._ask_again_at_s = None
            self.response_state = ResponseState.IDLE
            self._say_next_request()
        if self._synthetic_ids is not None and self._synthetic_ids.is_quiet(now_s):
            self._follow_heard(ResponseDone(response_id=self._synthetic_ids.end()))
            self._say_next_request()

    def set_reply_quiet(self, reply_quiet_s: float) -> None:
        """Another pause ends a reply, from its next piece on, where the server does not say."""
        if self._synthetic_ids is not None:
            self._synthetic_ids.quiet_s = reply_quiet_s

    def next_tick_s(self) -> float | None:
        """When `tick` has something to do, on the clock of `now_s`; None: never so far."""
        return (
            self._ask_again_at_s if self._synthetic_ids is None else self._synthetic_ids.quiet_at_s
        )

    @property
    def _padding_ms(self) -> int:
        detection = self._detection
        return int(detection.prefix_padding_ms) if isinstance(detection, ServerVad) else 0

    @property
    def _sent_ms(self) -> int:
        return self.sent_sample_count * 1000 // self.input_format.sample_rate

    def _named(self, event: ServerEvent, now_s: float) -> Iterable[ServerEvent]:
        """Give names to what came without."""
        if self._synthetic_ids is None:
            return (self._with_missing_names(event),)
        match event:
            case AudioDelta() | TranscriptDelta() | TextDelta():
                return self._synthetic_ids.name_piece(event, now_s)
            case SpeechStarted():
                start_ms = self._sent_ms - self._padding_ms
                return self._synthetic_ids.name_speech_start(event, max(0, start_ms))
            case SpeechStopped():
                return [self._synthetic_ids.name_speech_stop(event, self._sent_ms)]
        return [event]

    def _with_missing_names(self, event: ServerEvent) -> ServerEvent:
        """Any field may be missing: a piece without a name is of the item that is spoken, an
        end without one that of the reply that runs.
        """
        if isinstance(event, _PIECES):
            return event if event.response_id and event.item_id else self._of_spoken(event)
        is_running = self.response_state in (ResponseState.RUNNING, ResponseState.CANCELLING)
        if isinstance(event, ResponseDone) and not event.response_id and is_running:
            return replace(event, response_id=self.response_id)
        return event

    def _of_spoken(self, piece: Piece) -> Piece:
        """With the names of the item that is being spoken, unless it has others."""
        response_id, item_id = self._spoken_item
        if response_id != self.response_id:
            response_id, item_id = self.response_id, ""
        is_of_it = piece.response_id in ("", response_id) and piece.item_id in ("", item_id)
        return replace(piece, response_id=response_id, item_id=item_id) if is_of_it else piece

    def _follow_heard(self, event: ServerEvent) -> None:
        if isinstance(event, _TWINS) and self._is_twin(event):
            return
        if type(event) in _MOVING:
            self._move_reply(event)
        self._to_dispatch.append(event)
        match event:
            case AudioDelta():
                is_of_this = event.response_id == self.response_id
                self._playback.receive(event, is_cut=self._is_interrupted and is_of_this)
            case ConversationCreated():
                self.conversation_id = event.conversation_id
            case OutputItemAdded() if event.item.kind == "message":
                # Sound that travels alone does not say whose it is.
                self._spoken_item = (event.response_id, event.item.item_id)
            case SpeechStarted():
                self.is_speech_active = True
                if self._may_be_cut_by_speech:
                    self._barge_in()
            case AudioCommitted() if not isinstance(self._detection, PushToTalk):
                self._uncommitted_samples = 0
            case SpeechStopped():
                self.is_speech_active = False

    def _move_reply(self, event: ServerEvent) -> None:
        if isinstance(event, ErrorReported) and is_ignorable_error(event):
            self._ask_again_if_refused(event)
            if self.response_state is ResponseState.CANCELLING and is_not_active(event):
                self.response_state = ResponseState.IDLE
            return
        if isinstance(event, ResponseDone) and self._is_of_another_reply(event):
            return
        self.response_state = RESPONSE_TRANSITIONS.get(
            (self.response_state, type(event)), self.response_state
        )
        if isinstance(event, ResponseDone | ResponseCreated):
            self._ask_again_at_s = None
        if isinstance(event, ResponseDone):
            if _may_not_be_cut(self._asked):
                self._uncut_response_id = self.response_id
            self._asked = None
        elif isinstance(event, ResponseCreated):
            if event.response_id != self.response_id:
                self._spoken_item = ("", "")
            self._is_interrupted &= event.response_id == self.response_id != ""
            self.response_id = event.response_id
            self._playback.forget_past(event.response_id, may_sound=self.has_player)

    def _ask_again_if_refused(self, error: ErrorReported) -> None:
        """Another reply (the server's own, to speech) was quicker than the one we asked for."""
        if self._asked is None or not is_already_active(error):
            return
        self._requests.appendleft((self._asked,))
        self._asked = None
        if self.response_state is ResponseState.REQUESTED:
            self.response_state = ResponseState.RUNNING
            # The end of a reply of which nothing was told may not be told either.
            self._ask_again_at_s = self._now_s + RETRY_REQUEST_AFTER_S

    def _is_of_another_reply(self, event: ResponseDone) -> bool:
        named = bool(event.response_id and self.response_id)
        return named and event.response_id != self.response_id

    def _is_twin(self, event: TextDelta | TextDone) -> bool:
        """Text comes under two names with the same content: the first name seen counts."""
        first = self._text_names.setdefault(event.item_id, event.is_legacy_name)
        return first is not event.is_legacy_name

    @property
    def _may_be_cut_by_speech(self) -> bool:
        """Whether the settings, and whoever asked for the reply, let the user cut in."""
        if isinstance(self._detection, ServerVad) and not self._detection.interrupt_response:
            return False
        is_running = self.response_state is ResponseState.RUNNING
        is_uncut = self._uncut_response_id == self.response_id != ""
        return not (is_uncut or (is_running and _may_not_be_cut(self._asked)))

    def _barge_in(self) -> None:
        """Tell at once what must not be heard further; cancel the reply if it still runs.

        Several replies may wait for the loudspeaker behind the one that sounds. A late cancel
        could end the reply after this one, so it is sent only while one is known to run, and
        names it. A repeated cause changes nothing.
        """
        is_running = self.response_state is ResponseState.RUNNING and not self._is_interrupted
        cut = self._playback.cut_off() if self.has_player else []
        if is_running and all(each.response_id != self.response_id for each in cut):
            newest = self._playback.newest_item(self.response_id)
            cut.append(Interrupted(response_id=self.response_id, item_id=newest))
        self._to_dispatch.extend(cut)
        self._is_interrupted |= any(each.response_id == self.response_id for each in cut)
        cancel = CancelResponse(self.response_id or None)
        if is_running and self.state is ConnectionState.OPEN and self.dialect.supports(cancel):
            self.send(cancel)
