"""The protocol of one session without I/O: what may be sent when, and what events mean.

Frames go in, frames and events come out, and time is an argument. Two tables define the states:
one for the connection, one for the server's response.

The owner of the socket reads a frame with `read_frame` and calls `receive` (or `send`,
`tick`), then writes all `messages_to_send`, then dispatches all `events_to_dispatch`.
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


class Frame(Value, frozen=True):
    """A WebSocket message to be written: JSON text in UTF-8, or audio alone."""

    body: bytes
    is_text: bool


class ConnectionState(Enum):
    """The state of the connection."""

    OPENING = "opening"
    OPEN = "open"
    CLOSED = "closed"


class ResponseState(Enum):
    """The state of the server's response."""

    IDLE = "idle"
    REQUESTED = "requested"
    RUNNING = "running"
    CANCELLING = "cancelling"


_WHILE_OPENING = frozenset({Authenticate, UpdateSession})
_WHILE_OPEN = frozenset(
    {UpdateSession, AppendAudio, CommitAudio, ClearAudio, CreateItem, DeleteItem}
    | {CreateResponse, CancelResponse, TruncateItem}
)

ALLOWED_SENDS: dict[ConnectionState, frozenset[type]] = {
    ConnectionState.OPENING: _WHILE_OPENING,
    ConnectionState.OPEN: _WHILE_OPEN,
    ConnectionState.CLOSED: frozenset(),
}
"""The events that may be sent in each state; others raise `LocalProtocolError`."""

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
"""The state of the response after an event. A pair that is missing here changes nothing when
the event is received, and is illegal when it is sent (`CreateResponse`, `CancelResponse`)."""

# Tested first, since most events are deltas, which change no state.
_STATE_CHANGING = frozenset(event for _, event in RESPONSE_TRANSITIONS)
_TEXT = (TextDelta, TextDone)
ItemEvent = AudioDelta | TranscriptDelta | TranscriptDone | TextDelta | TextDone
"""Events about one item of a response."""

# Services refuse a commit of less: "buffer too small".
MIN_COMMIT_MS = 100
# How long to wait for the end of a response that the server has never announced [s].
RETRY_REQUEST_AFTER_S = 1.0


def _is_forced(event: ClientEvent | None) -> bool:
    return isinstance(event, CreateItem) and event.item.kind == "force_message"


def _is_uninterruptible(event: ClientEvent | None) -> bool:
    return isinstance(event, CreateItem) and _is_forced(event) and not event.item.is_interruptible


class Protocol:
    """The rules of one session.

    Parameters
    ----------
    dialect : Dialect
    turn_detection : ServerVad or PushToTalk
        For a dialect that does not send where speech began.
    input_format, output_format : AudioFormat
    reply_quiet_s : float [s]
        For a dialect that does not send when a reply has ended.
    session_name : str
        For a dialect without ids: the prefix of those that are made here.

    Attributes
    ----------
    state : ConnectionState
    response_state : ResponseState
    response_id : str
        The response that is running, or ran last.
    conversation_id : str
        The server's id of the conversation; empty where it has none.
    has_player : bool
        Whether replies are played, so that one may still sound after the server has sent it.
    has_received : bool
        Whether the server has sent anything but errors.
    sent_sample_count : int
        The user's samples so far.
    is_speech_active : bool
        Whether the server hears the user speak.
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
        # The turn detection that was requested last.
        self._turn_detection = turn_detection
        # Samples since the last commit, clear, or commit by the server.
        self._uncommitted_samples = 0
        self._input_codec = codec_of(input_format.encoding)
        self._output_codec = codec_of(output_format.encoding)
        # Encoded and not written yet.
        self._frames: deque[Frame] = deque()
        # Sent, received and derived events that have not been dispatched yet.
        self._events: deque[Event] = deque()
        # Events of `send_when_idle` that wait for the running response to end.
        self._requests: deque[tuple[ClientEvent, ...]] = deque()
        # The request whose response has not ended yet, to be sent again if it is refused.
        self._request: ClientEvent | None = None
        # The time of the last call that was given one.
        self._now_s = 0.0
        # When a refused request is sent again at the latest; None: none was refused.
        self._retry_at_s: float | None = None
        # Whether the response that begins next has been abandoned.
        self._is_next_unwanted = False
        # Whether the response of `response_id` was interrupted.
        self._is_interrupted = False
        # A response that speech must not interrupt although it is over and only sounds.
        self._uninterruptible_response_id = ""
        # How much of each reply has been received and heard.
        self._playback = PlaybackTracker(output_format.sample_rate)
        # Ids of the response and item that audio without ids belongs to.
        self._current_item = ("", "")
        # None for a dialect whose server sends ids.
        self._synthetic_ids = (
            None if dialect.has_responses else SyntheticIds(reply_quiet_s, session_name)
        )
        # For each item whether its text came first under the legacy wire type.
        self._is_legacy_text: dict[str, bool] = {}

    # ----------------------------------------------------------------- output
    @property
    def has_messages_to_send(self) -> bool:
        """Whether there are frames to write."""
        return bool(self._frames)

    def messages_to_send(self) -> Iterator[Frame]:
        """Frames to write, in order; each is returned once."""
        while self._frames:
            yield self._frames.popleft()

    def events_to_dispatch(self) -> Iterator[Event]:
        """Events that were sent, received and derived, in order; each is returned once."""
        while self._events:
            yield self._events.popleft()

    def open(self) -> None:
        """The server is ready for audio and text."""
        self.state = ConnectionState.OPEN

    def close(self) -> None:
        """The connection is closed; what was queued is dropped."""
        self.state = ConnectionState.CLOSED
        self._frames.clear()
        self._requests.clear()

    # ----------------------------------------------------------------- sending
    def send(self, event: ClientEvent) -> None:
        """Queue one event.

        Raises
        ------
        LocalProtocolError
            When it may not be sent now.
        UnsupportedByServer
            When the dialect has no message type for it. Nothing is queued in either case.
        """
        response_state = self._response_state_after(self.response_state, event)
        self._frames.append(self._encode(event))
        self.response_state = response_state
        self._events.append(event)
        self._update_after_sending(event)

    def _encode(self, event: ClientEvent) -> Frame:
        if isinstance(event, AppendAudio) and self.input_format.transport == "binary":
            return Frame(self._input_codec.encode(event.pcm), is_text=False)
        return Frame(self.dialect.encode(event, codec=self._input_codec), is_text=True)

    def _response_state_after(self, state: ResponseState, event: ClientEvent) -> ResponseState:
        """The state of the response after sending `event`; raises where that is illegal."""
        self._check(event)
        # The server responds to a forced message without a request.
        is_request = isinstance(event, CreateResponse) or _is_forced(event)
        if not is_request and type(event) not in _STATE_CHANGING:
            return state
        after = RESPONSE_TRANSITIONS.get((state, CreateResponse if is_request else type(event)))
        if after is None and (is_request or isinstance(event, CancelResponse)):
            raise LocalProtocolError(
                f"{type(event).__name__} cannot be sent while the response is {state.value}.",
                cure="Another response can be requested when this one has ended.",
            )
        return after or state

    def _check(self, event: ClientEvent) -> None:
        if type(event) not in ALLOWED_SENDS[self.state]:
            raise LocalProtocolError(
                f"{type(event).__name__} cannot be sent while the connection is "
                f"{self.state.value}.",
                cure="Open another session.",
            )
        if isinstance(event, AppendAudio) and len(event.pcm) % 2:
            raise LocalProtocolError(
                f"audio of {len(event.pcm)} bytes ends in half a sample.",
                cure="Send whole samples, of two bytes each.",
            )
        if isinstance(event, CommitAudio):
            self._check_commit()

    def _check_commit(self) -> None:
        if not isinstance(self._turn_detection, PushToTalk):
            # Only the server knows how much audio it has not committed yet.
            if self.dialect.commit_requests_response and not self._uncommitted_samples:
                raise LocalProtocolError(
                    "there is no audio to commit, so no reply would follow.",
                    cure="Send some first.",
                )
            return
        held_ms = self.uncommitted_ms
        if held_ms < MIN_COMMIT_MS:
            raise LocalProtocolError(
                f"there are {held_ms} ms of audio to commit, and servers refuse less than "
                f"{MIN_COMMIT_MS} ms.",
                cure="Send the audio first, or hold the button while you speak.",
            )

    def _update_after_sending(self, event: ClientEvent) -> None:
        if isinstance(event, AppendAudio):
            self.sent_sample_count += len(event.pcm) // 2
            self._uncommitted_samples += len(event.pcm) // 2
        elif isinstance(event, CommitAudio | ClearAudio):
            self._uncommitted_samples = 0
        elif isinstance(event, UpdateSession):
            self._turn_detection = event.turn_detection or self._turn_detection
        elif isinstance(event, CreateResponse) or _is_forced(event):
            self._request, self._is_next_unwanted = event, False
        if self._synthetic_ids is not None and isinstance(event, CommitAudio | CreateResponse):
            self._synthetic_ids.expect_new_reply()
            self._is_next_unwanted = False
            self.response_state = ResponseState.REQUESTED
            if isinstance(event, CommitAudio):
                self._events.append(AudioCommitted(item_id=self._synthetic_ids.id_of_commit()))

    def send_when_idle(self, *events: ClientEvent) -> None:
        """Send `events` now, or together as soon as no response is running.

        Raises
        ------
        LocalProtocolError, UnsupportedByServer
            As `send`, and then none of them is queued.
        """
        if self.state is not ConnectionState.OPEN:
            raise LocalProtocolError(
                f"nothing can be requested while the connection is {self.state.value}.",
                cure="Open another session.",
            )
        state = ResponseState.IDLE
        for event in events:
            state = self._response_state_after(state, event)
            self.dialect.encode(event)
        self._requests.append(events)
        self._send_next_request()

    def withdraw(self, *events: ClientEvent) -> None:
        """Drop a request that was not sent yet, or would be sent again; no-op for others."""
        withdrawn = {id(event) for event in events}
        self._requests = deque(
            request for request in self._requests if not {id(e) for e in request} <= withdrawn
        )

    def abandon_reply(self, *, is_coming: bool = False) -> None:
        """Stop waiting for the response that was requested, so that the next can be.

        A running response is cancelled, since the next one would have to wait for its end; one
        that has not begun is cancelled when it begins, unless something else was requested since.

        Parameters
        ----------
        is_coming : bool
            Whether the server will begin one by itself, to speech.
        """
        self._is_next_unwanted = is_coming or self.response_state is ResponseState.REQUESTED
        self._barge_in()
        self.response_state = ResponseState.IDLE
        self._request = None
        self._send_next_request()

    def _send_next_request(self) -> None:
        if (
            self._requests
            and self.response_state is ResponseState.IDLE
            and self.state is ConnectionState.OPEN
        ):
            for event in self._requests.popleft():
                self.send(event)

    def interrupt(self) -> None:
        """Stop the response that is running or still sounding; no-op when there is none."""
        self._barge_in()

    def expect_playback(self, item_id: str, response_id: str, *, received: int, heard: int) -> None:
        """Let barge-in stop an item of an earlier session, or one that is played only now.

        Parameters
        ----------
        received, heard : int
            Samples of the item.
        """
        self._playback.expect(item_id, response_id, received=received, heard=heard)

    def report_playback(self, report: PlaybackReported) -> None:
        """Note how much of a reply was heard; truncate its item once that is final."""
        self._events.append(report)
        heard_ms = self._playback.report(report)
        truncate = TruncateItem(item_id=report.item_id, audio_end_ms=heard_ms)
        if heard_ms and self.state is ConnectionState.OPEN and self.dialect.supports(truncate):
            self.send(truncate)

    # ----------------------------------------------------------------- receiving
    def read_frame(self, frame: bytes) -> tuple[ServerEvent, bytes, int]:
        """Read one text frame, as `Dialect.read_server` does; never raises."""
        return self.dialect.read_server(frame, self._output_codec)

    def read_sound(self, data: bytes) -> AudioDelta:
        """Read one binary frame, which is audio of the current item; never raises."""
        pcm, odd_byte_count = self._output_codec.decode(data)
        response_id, item_id = self._current_item
        return AudioDelta(
            response_id=response_id or self.response_id,
            item_id=item_id,
            pcm=pcm,
            odd_byte_count=odd_byte_count,
        )

    def receive(self, event: ServerEvent, now_s: float) -> None:
        """Process one server event; never raises."""
        self._now_s = now_s
        self.has_received = self.has_received or not isinstance(event, ErrorReported)
        if self.state is ConnectionState.OPENING and isinstance(event, ItemAdded):
            # Not all servers mark replayed items (recorded).
            event = replace(event, item=replace(event.item, is_replayed=True))
        for each in self._with_ids(event, now_s):
            self._process(each)
        self._send_next_request()

    def tick(self, now_s: float) -> None:
        """Do what is due: end a reply that has gone quiet, repeat a request that was refused."""
        self._now_s = now_s
        if self._retry_at_s is not None and now_s >= self._retry_at_s:
            self._retry_at_s = None
            self.response_state = ResponseState.IDLE
            self._send_next_request()
        if self._synthetic_ids is not None and self._synthetic_ids.is_quiet(now_s):
            self._process(ResponseDone(response_id=self._synthetic_ids.end()))
            self._send_next_request()

    def set_reply_quiet(self, reply_quiet_s: float) -> None:
        """Change the pause that ends a reply, where the server does not send its end."""
        if self._synthetic_ids is not None:
            self._synthetic_ids.quiet_s = reply_quiet_s

    def next_tick_s(self) -> float | None:
        """When `tick` is due, on the clock of `now_s`; None: not so far."""
        return self._retry_at_s if self._synthetic_ids is None else self._synthetic_ids.quiet_at_s

    @property
    def uncommitted_ms(self) -> int:
        """How much sound has been sent and neither committed nor cleared [ms]."""
        return self._uncommitted_samples * 1000 // self.input_format.sample_rate

    @property
    def _padding_ms(self) -> int:
        detection = self._turn_detection
        return int(detection.prefix_padding_ms) if isinstance(detection, ServerVad) else 0

    @property
    def sent_ms(self) -> int:
        """How much sound was sent [ms]: the time axis of `SpeechStopped.audio_end_ms`."""
        return self.sent_sample_count * 1000 // self.input_format.sample_rate

    def _with_ids(self, event: ServerEvent, now_s: float) -> Iterable[ServerEvent]:
        """The event with ids where the server sends none, and the events that it implies."""
        if self._synthetic_ids is None:
            return (self._with_missing_ids(event),)
        match event:
            case AudioDelta() | TranscriptDelta() | TextDelta():
                return self._synthetic_ids.identify_delta(event, now_s)
            case SpeechStarted():
                start_ms = self.sent_ms - self._padding_ms
                return self._synthetic_ids.identify_speech_start(event, max(0, start_ms))
            case SpeechStopped():
                return [self._synthetic_ids.identify_speech_stop(event, self.sent_ms)]
        return [event]

    def _with_missing_ids(self, event: ServerEvent) -> ServerEvent:
        """Any field may be missing: an event without ids is about the current item, an end
        without an id about the running response.
        """
        if isinstance(event, ItemEvent):
            return event if event.response_id and event.item_id else self._of_current_item(event)
        is_running = self.response_state in (ResponseState.RUNNING, ResponseState.CANCELLING)
        if isinstance(event, ResponseDone) and not event.response_id and is_running:
            return replace(event, response_id=self.response_id)
        return event

    def _of_current_item(self, event: ItemEvent) -> ItemEvent:
        """The event with the ids of the current item, unless it has others."""
        response_id, item_id = self._current_item
        if response_id != self.response_id:
            response_id, item_id = self.response_id, ""
        is_of_it = event.response_id in ("", response_id) and event.item_id in ("", item_id)
        return replace(event, response_id=response_id, item_id=item_id) if is_of_it else event

    def _process(self, event: ServerEvent) -> None:
        if isinstance(event, _TEXT) and self._is_duplicate(event):
            return
        if type(event) in _STATE_CHANGING:
            self._update_response(event)
        self._events.append(event)
        match event:
            case AudioDelta():
                is_of_this = event.response_id == self.response_id
                is_cut = self._is_interrupted and is_of_this
                self._playback.receive(event, is_cut=is_cut, has_player=self.has_player)
            case ConversationCreated():
                self.conversation_id = event.conversation_id
            case OutputItemAdded() if event.item.kind == "message":
                # Binary frames carry no ids.
                self._current_item = (event.response_id, event.item.item_id)
            case ResponseCreated() if self._is_next_unwanted:
                self._is_next_unwanted = False
                self._barge_in()
            case SpeechStarted():
                self.is_speech_active, self._is_next_unwanted = True, False
                if self._is_interruptible_by_speech:
                    self._barge_in()
            case AudioCommitted() if not isinstance(self._turn_detection, PushToTalk):
                self._uncommitted_samples = 0
            case SpeechStopped():
                self.is_speech_active = False

    def _update_response(self, event: ServerEvent) -> None:
        if isinstance(event, ErrorReported) and is_ignorable_error(event):
            self._retry_if_refused(event)
            if self.response_state is ResponseState.CANCELLING and is_not_active(event):
                self.response_state = ResponseState.IDLE
            return
        if isinstance(event, ResponseDone) and self._is_of_another_response(event):
            return
        self.response_state = RESPONSE_TRANSITIONS.get(
            (self.response_state, type(event)), self.response_state
        )
        if isinstance(event, ResponseDone):
            self._retry_at_s = None
            if _is_uninterruptible(self._request):
                self._uninterruptible_response_id = self.response_id
            self._request = None
        elif isinstance(event, ResponseCreated):
            self._retry_at_s = None
            self._begin_response(event.response_id)

    def _begin_response(self, response_id: str) -> None:
        if response_id != self.response_id:
            self._current_item = ("", "")
        # Without ids no response is known to be the same one.
        is_same = bool(response_id) and response_id == self.response_id
        self._is_interrupted = self._is_interrupted and is_same
        self.response_id = response_id
        self._playback.forget_past(response_id, may_sound=self.has_player)

    def _retry_if_refused(self, error: ErrorReported) -> None:
        """Repeat a request that the server's own response (to speech) has preceded."""
        if self._request is None or not is_already_active(error):
            return
        self._requests.appendleft((self._request,))
        self._request = None
        if self.response_state is ResponseState.REQUESTED:
            self.response_state = ResponseState.RUNNING
            # A response whose beginning was not sent may have no end either.
            self._retry_at_s = self._now_s + RETRY_REQUEST_AFTER_S

    def _is_of_another_response(self, event: ResponseDone) -> bool:
        have_ids = bool(event.response_id and self.response_id)
        return have_ids and event.response_id != self.response_id

    def _is_duplicate(self, event: TextDelta | TextDone) -> bool:
        """Text comes under two wire types with the same content: the first one seen counts."""
        first = self._is_legacy_text.setdefault(event.item_id, event.is_legacy_name)
        return first is not event.is_legacy_name

    @property
    def _is_interruptible_by_speech(self) -> bool:
        """Whether the settings, and the request for the response, allow barge-in."""
        detection = self._turn_detection
        if isinstance(detection, ServerVad) and not detection.interrupt_response:
            return False
        if self.response_id and self._uninterruptible_response_id == self.response_id:
            return False
        is_running = self.response_state is ResponseState.RUNNING
        return not (is_running and _is_uninterruptible(self._request))

    def _barge_in(self) -> None:
        """Report at once what must not be played further; cancel a running response.

        Several replies may wait for the loudspeaker behind the one that sounds. A late cancel
        could end the next response, so it is sent only while one is known to run, with its id.
        A repeated cause changes nothing.
        """
        is_running = self.response_state is ResponseState.RUNNING and not self._is_interrupted
        cut = self._playback.cut_off() if self.has_player else []
        if is_running and all(each.response_id != self.response_id for each in cut):
            newest = self._playback.newest_item(self.response_id)
            cut.append(Interrupted(response_id=self.response_id, item_id=newest))
        self._events.extend(cut)
        self._is_interrupted |= any(each.response_id == self.response_id for each in cut)
        cancel = CancelResponse(self.response_id or None)
        if is_running and self.state is ConnectionState.OPEN and self.dialect.supports(cancel):
            self.send(cancel)
