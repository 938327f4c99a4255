"""What may be said when, and what follows from what is heard."""

from __future__ import annotations

import contextlib
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_live_widget.conversation.conversation import Conversation
from grok_live_widget.events import (
    AppendAudio,
    AudioCommitted,
    AudioDelta,
    AudioFormat,
    Authenticate,
    CancelResponse,
    ClearAudio,
    ClientEvent,
    CommitAudio,
    CreateItem,
    CreateResponse,
    DeleteItem,
    ErrorReported,
    Interrupted,
    Item,
    ItemAdded,
    OutputItemAdded,
    PlaybackReported,
    PushToTalk,
    ResponseCreated,
    ResponseDone,
    ServerVad,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    TextDone,
    TranscriptDelta,
    TranscriptDone,
    TruncateItem,
    Unrecognized,
    UpdateSession,
)
from grok_live_widget.exceptions import LocalProtocolError, UnsupportedByServer
from grok_live_widget.protocol.connection import (
    ALLOWED_SENDS,
    RESPONSE_TRANSITIONS,
    RETRY_REQUEST_AFTER_S,
    ConnectionState,
    Protocol,
    ResponseState,
)
from grok_live_widget.protocol.dialects import LIVE, REALTIME, Dialect
from grok_live_widget.protocol.server_errors import is_ignorable_error
from grok_live_widget.settings.validation import PCM_RATES_HZ

from ..support.events import TYPED, done, sendable
from ..support.examples import examples
from ..support.protocol_driver import (
    ACTIVE,
    BROKEN,
    NOT_ACTIVE,
    PIECE,
    audible,
    hear,
    heard,
    in_reply,
    opened,
    said,
    told,
    types,
)
from ..support.sound import tone


# --------------------------------------------------------------------------- what may be said
@pytest.mark.parametrize("kind", get_args(ClientEvent))
@pytest.mark.parametrize("line", ConnectionState)
def test_an_event_that_the_connection_does_not_allow_is_refused_and_not_queued(
    line: ConnectionState, kind: type
) -> None:
    dialect = LIVE if kind is Authenticate else REALTIME
    protocol = Protocol(dialect)
    protocol.state = line
    is_legal = kind in ALLOWED_SENDS[line] and kind is not CancelResponse
    if is_legal:
        protocol.send(sendable(kind))
    else:
        with pytest.raises(LocalProtocolError, match=f"{kind.__name__}.*(idle|{line.value})"):
            protocol.send(sendable(kind))
        assert protocol.response_state is ResponseState.IDLE
    assert bool(said(protocol)) is bool(told(protocol)) is is_legal


@pytest.mark.parametrize("kind", [CreateResponse, CancelResponse])
@pytest.mark.parametrize("reply", ResponseState)
def test_an_event_that_the_response_does_not_allow_is_refused_and_not_queued(
    reply: ResponseState, kind: type
) -> None:
    protocol = in_reply(reply)
    if (reply, kind) in RESPONSE_TRANSITIONS:
        protocol.send(sendable(kind))
        assert protocol.response_state is RESPONSE_TRANSITIONS[reply, kind]
        return
    with pytest.raises(LocalProtocolError, match=f"{kind.__name__}.*{reply.value}"):
        protocol.send(sendable(kind))
    assert (said(protocol), told(protocol), protocol.response_state) == ([], [], reply)


@pytest.mark.parametrize(
    ("dialect", "event", "error"),
    [
        (LIVE, TruncateItem(item_id="a", audio_end_ms=1), UnsupportedByServer),
        (REALTIME, AppendAudio(b"\0\0\0"), LocalProtocolError),
        (REALTIME, CreateItem(Item(part="input_text", text="\ud83d")), LocalProtocolError),
    ],
)
def test_an_event_that_cannot_be_encoded_is_refused_and_not_queued(
    dialect: Dialect, event: Any, error: type[Exception]
) -> None:
    protocol = opened(dialect)
    with pytest.raises(error):
        protocol.send(event)
    assert (said(protocol), told(protocol)) == ([], [])


@pytest.mark.parametrize(("reply", "kind"), RESPONSE_TRANSITIONS)
def test_received_events_change_the_response_as_in_the_table(
    reply: ResponseState, kind: type
) -> None:
    protocol = in_reply(reply)
    if kind in get_args(ClientEvent):
        protocol.send(sendable(kind))
    else:
        event: dict[type, Any] = {ResponseDone: done(), ErrorReported: BROKEN}
        hear(protocol, event.get(kind, ResponseCreated("r1")))
    assert protocol.response_state is RESPONSE_TRANSITIONS[reply, kind]


def test_after_the_close_nothing_is_sent_and_queued_events_are_dispatched() -> None:
    protocol = hear(opened(), *audible())
    protocol.send_when_idle(CreateResponse())
    protocol.send(AppendAudio(b"\0\0"))
    protocol.close()
    hear(protocol, done(), SpeechStarted(item_id="u1"))
    protocol.report_playback(heard(1, 500, is_final=True))
    assert said(protocol) == []
    assert len(told(protocol, (AudioDelta, AppendAudio))) == 2


# --------------------------------------------------------------------------- commits
def pushed(sample_rate: int = 24_000, detection: Any = None, **options: Any) -> Protocol:
    detection = PushToTalk() if detection is None else detection
    form = AudioFormat(sample_rate=sample_rate)
    return opened(turn_detection=detection, input_format=form, **options)


def sound(sample_count: int) -> AppendAudio:
    return AppendAudio(bytes(2 * sample_count))


@pytest.mark.parametrize("sample_rate", PCM_RATES_HZ)
def test_a_commit_of_less_than_100_ms_is_refused_with_a_hint_at_every_rate(
    sample_rate: int,
) -> None:
    enough = -(-sample_rate // 10)
    protocol = pushed(sample_rate)
    protocol.send(sound(enough - 1))
    said(protocol), told(protocol)
    with pytest.raises(LocalProtocolError, match=r"99 ms of audio.*100 ms\..*Send the audio first"):
        protocol.send(CommitAudio())
    assert (said(protocol), told(protocol)) == ([], [])
    protocol.send(sound(1))
    protocol.send(CommitAudio())
    assert types(protocol) == ["input_audio_buffer.append", "input_audio_buffer.commit"]


@pytest.mark.parametrize("dialect", [LIVE, REALTIME])
@pytest.mark.parametrize("word", [CommitAudio(), ClearAudio()])
def test_a_commit_and_a_clear_reset_the_count_of_uncommitted_audio(
    word: ClientEvent, dialect: Dialect
) -> None:
    protocol = opened(dialect, turn_detection=PushToTalk())
    protocol.send(sound(2400))
    protocol.send(word)
    with pytest.raises(LocalProtocolError, match="there are 0 ms"):
        protocol.send(CommitAudio())
    protocol.send(sound(2400))
    protocol.send(CommitAudio())


def test_with_server_vad_a_commit_is_never_refused() -> None:
    for detection in (ServerVad(), None):
        opened(turn_detection=detection).send(CommitAudio())


def test_changed_turn_detection_decides_about_commits() -> None:
    protocol = opened(turn_detection=ServerVad())
    protocol.send(sound(24_000))
    hear(protocol, AudioCommitted(item_id="u1"))
    protocol.send(UpdateSession(turn_detection=PushToTalk()))
    protocol.send(UpdateSession(voice="eve"))
    with pytest.raises(LocalProtocolError, match="there are 0 ms"):
        protocol.send(CommitAudio())
    protocol.send(UpdateSession(turn_detection=ServerVad()))
    protocol.send(CommitAudio())


def test_a_late_confirmation_does_not_count_against_the_next_turn() -> None:
    protocol = pushed()
    protocol.send(sound(2400))
    protocol.send(CommitAudio())
    protocol.send(sound(2400))
    hear(protocol, AudioCommitted(item_id="u1"))
    protocol.send(CommitAudio())


# --------------------------------------------------------------------------- requests
def test_a_request_waits_for_the_running_response_and_is_sent_whole() -> None:
    protocol = hear(opened(), *audible())
    protocol.send_when_idle(TYPED, CreateResponse())
    protocol.send_when_idle(CreateResponse(instructions="2"))
    assert said(protocol) == []
    hear(protocol, done())
    assert types(protocol) == ["conversation.item.create", "response.create"]
    hear(protocol, *audible(2), done(2))
    assert types(protocol) == ["response.create"]


@pytest.mark.parametrize("order", ["error first", "reply first"])
def test_a_request_preceded_by_another_response_is_sent_again(order: str) -> None:
    protocol, request = opened(), CreateResponse(instructions="please")
    protocol.send_when_idle(request)
    events = [ACTIVE, ResponseCreated("r9")]
    hear(protocol, *(events if order == "error first" else reversed(events)))
    assert types(protocol) == ["response.create"]
    told(protocol)
    hear(protocol, done(9))
    assert types(protocol) == ["response.create"]
    assert [event is request for event in told(protocol, CreateResponse)] == [True]
    hear(protocol, *audible(), done())
    assert said(protocol) == []
    assert protocol.response_state is ResponseState.IDLE


def test_a_withdrawn_request_is_neither_sent_nor_repeated() -> None:
    protocol, words = hear(opened(), *audible()), (TYPED, CreateResponse())
    others = (CreateItem(TYPED.item), CreateResponse())
    assert others == words
    protocol.send_when_idle(*words)
    protocol.send_when_idle(*others)
    protocol.withdraw(*words)
    hear(protocol, done())
    assert [event for event in told(protocol, CreateResponse) if event is others[1]]
    hear(protocol, ACTIVE, ResponseCreated("r9"))
    protocol.withdraw(*others)
    said(protocol)
    hear(protocol, done(9))
    assert said(protocol) == []


@pytest.mark.parametrize(
    "events",
    [(TYPED, CancelResponse("r1")), (CreateResponse(), CreateResponse()), (AppendAudio(b"\0"),),
     (TYPED, Authenticate("k"))],
)  # fmt: skip
def test_a_request_with_one_illegal_event_is_refused_whole(events: Any) -> None:
    protocol = hear(opened(LIVE if events[-1] == Authenticate("k") else REALTIME), *audible())
    with pytest.raises((LocalProtocolError, UnsupportedByServer)):
        protocol.send_when_idle(*events)
    hear(protocol, done())
    assert said(protocol) == []


@pytest.mark.parametrize("line", [ConnectionState.OPENING, ConnectionState.CLOSED])
def test_nothing_can_be_requested_unless_the_connection_is_open(line: ConnectionState) -> None:
    protocol = Protocol(REALTIME)
    protocol.state = line
    with pytest.raises(LocalProtocolError, match=line.value):
        protocol.send_when_idle(CreateResponse())


def test_after_giving_up_a_reply_the_next_can_be_requested() -> None:
    protocol = in_reply(ResponseState.REQUESTED)
    protocol.send_when_idle(TYPED, CreateResponse())
    protocol.abandon_reply()
    assert types(protocol) == ["conversation.item.create", "response.create"]


def test_an_abandoned_response_that_begins_later_is_cancelled() -> None:
    protocol = in_reply(ResponseState.REQUESTED)
    protocol.abandon_reply()
    hear(protocol, ResponseCreated("r1"))
    assert said(protocol) == [{"type": "response.cancel", "response_id": "r1"}]
    hear(protocol, done(), ResponseCreated("r2"))
    assert said(protocol) == []


@pytest.mark.parametrize("later", [CreateResponse(), SpeechStarted(item_id="u1")])
def test_the_response_to_something_later_is_not_abandoned(later: Any) -> None:
    protocol = opened()
    protocol.abandon_reply(is_coming=True)
    if isinstance(later, CreateResponse):
        protocol.send(later)
    else:
        hear(protocol, later)
    said(protocol)
    hear(protocol, ResponseCreated("r1"))
    assert said(protocol) == []


# --------------------------------------------------------------------------- forced messages
def forced(text: str = "Hello.", *, is_interruptible: bool = True) -> CreateItem:
    item = Item(kind="force_message", text=text, is_interruptible=is_interruptible)
    return CreateItem(item)


def test_a_forced_message_changes_the_response_as_a_request_does() -> None:
    protocol = opened()
    protocol.send(forced())
    assert protocol.response_state is ResponseState.REQUESTED
    with pytest.raises(LocalProtocolError, match=r"CreateItem cannot .* requested"):
        protocol.send(forced())
    with pytest.raises(LocalProtocolError, match="CreateResponse"):
        protocol.send(CreateResponse())
    assert len(said(protocol)) == 1
    assert hear(protocol, *audible()).response_state is ResponseState.RUNNING
    protocol.send_when_idle(forced("Later."))
    assert said(protocol) == []
    hear(protocol, done())
    assert types(protocol) == ["conversation.item.create"]


def test_other_items_can_be_sent_during_a_response_and_do_not_change_it() -> None:
    protocol = hear(opened(), *audible())
    protocol.send(TYPED)
    assert protocol.response_state is ResponseState.RUNNING
    assert types(protocol) == ["conversation.item.create"]


@pytest.mark.parametrize("order", ["error first", "reply first"])
def test_a_forced_message_preceded_by_another_response_is_sent_again(order: str) -> None:
    protocol, message = opened(), forced()
    protocol.send_when_idle(message)
    events = [ACTIVE, ResponseCreated("r9")]
    hear(protocol, *(events if order == "error first" else reversed(events)))
    said(protocol), told(protocol)
    hear(protocol, done(9))
    assert types(protocol) == ["conversation.item.create"]
    assert [event is message for event in told(protocol, CreateItem)] == [True]
    hear(protocol, *audible(), done())
    assert said(protocol) == []


def test_live_does_not_support_forced_messages() -> None:
    protocol = opened(LIVE)
    for ask in (protocol.send, protocol.send_when_idle):
        with pytest.raises(UnsupportedByServer, match="live"):
            ask(forced())
    assert (said(protocol), told(protocol), protocol.response_state) == ([], [], ResponseState.IDLE)


@pytest.mark.parametrize("has_player", [True, False])
@pytest.mark.parametrize("is_interruptible", [True, False])
def test_speech_interrupts_only_interruptible_messages(
    is_interruptible: bool, has_player: bool
) -> None:
    protocol = opened(has_player=has_player)
    protocol.send_when_idle(forced(is_interruptible=is_interruptible))
    hear(protocol, *audible())
    said(protocol), told(protocol)
    hear(protocol, SpeechStarted(item_id="u1"))
    assert types(protocol) == ["response.cancel"] * is_interruptible
    assert len(told(protocol, Interrupted)) == is_interruptible


def test_an_uninterruptible_message_sounds_to_its_end_and_the_next_is_interruptible() -> None:
    protocol = opened(has_player=True)
    protocol.send_when_idle(forced(is_interruptible=False))
    hear(protocol, *audible(), done(), SpeechStarted(item_id="u1"))
    assert told(protocol, Interrupted) == []
    hear(protocol, *audible(2), SpeechStarted(item_id="u2"))
    assert [event.response_id for event in told(protocol, Interrupted)] == ["r1", "r2"]  # type: ignore[union-attr]


def test_interrupt_stops_what_speech_does_not() -> None:
    protocol = opened()
    protocol.send_when_idle(forced(is_interruptible=False))
    hear(protocol, *audible())
    said(protocol)
    protocol.interrupt()
    assert types(protocol) == ["response.cancel"]


def test_another_response_that_began_first_is_interruptible() -> None:
    protocol = opened()
    protocol.send_when_idle(forced(is_interruptible=False))
    hear(protocol, ACTIVE, ResponseCreated("r9"))
    said(protocol)
    hear(protocol, SpeechStarted(item_id="u1"))
    assert types(protocol) == ["response.cancel"]


def test_speech_interrupts_no_response_if_the_settings_say_so() -> None:
    detection = ServerVad(interrupt_response=False)
    protocol = hear(opened(turn_detection=detection, has_player=True), *audible())
    hear(protocol, SpeechStarted(item_id="u1"))
    assert (said(protocol), told(protocol, Interrupted)) == ([], [])
    assert protocol.is_speech_active
    protocol.send(UpdateSession(turn_detection=ServerVad()))
    said(protocol)
    hear(protocol, SpeechStopped(item_id="u1"), SpeechStarted(item_id="u2"))
    assert types(protocol) == ["response.cancel"]


# --------------------------------------------------------------------------- errors
@pytest.mark.parametrize(
    ("error", "is_it"),
    [(ACTIVE, True), (NOT_ACTIVE, True), (BROKEN, False), (ErrorReported(), False),
     (ErrorReported(message="Could not TRUNCATE item"), True),
     (ErrorReported(code="response_cancel_not_active"), True),
     (ErrorReported(code="conversation_already_has_active_response"), True)],
)  # fmt: skip
def test_ignorable_errors_are_recognized(error: ErrorReported, is_it: bool) -> None:
    assert is_ignorable_error(error) is is_it


def test_after_a_cancel_without_effect_the_next_can_be_requested() -> None:
    protocol = in_reply(ResponseState.CANCELLING)
    protocol.send_when_idle(CreateResponse())
    hear(protocol, NOT_ACTIVE)
    assert types(protocol)[-1] == "response.create"


def test_the_end_of_an_earlier_response_does_not_end_this_one() -> None:
    protocol = hear(opened(), *audible(1), *audible(2), done(1))
    assert protocol.response_state is ResponseState.RUNNING
    assert hear(protocol, done(2)).response_state is ResponseState.IDLE


# --------------------------------------------------------------------------- hearing
@pytest.mark.parametrize(
    ("names", "completed"),
    [
        ({}, ("r2", "a2")),
        ({"response_id": "r2"}, ("r2", "a2")),
        ({"item_id": "a2"}, ("r2", "a2")),
        ({"response_id": "r1"}, ("r1", "")),
        ({"item_id": "a1"}, ("", "a1")),
    ],
)
@pytest.mark.parametrize("kind", [AudioDelta, TranscriptDelta, TranscriptDone, TextDelta, TextDone])
def test_a_delta_without_ids_belongs_to_the_current_item(
    kind: Any, names: dict[str, str], completed: tuple[str, str]
) -> None:
    first, second = (Item(role="assistant", item_id=name) for name in ("a1", "a2"))
    protocol = hear(opened(), ResponseCreated("r1"), OutputItemAdded("r1", first), done(1))
    hear(protocol, ResponseCreated("r2"), OutputItemAdded("r2", second))
    hear(protocol, kind(**names, **({"pcm": b"\1\0"} if kind is AudioDelta else {})))
    (piece,) = told(protocol, kind)
    assert (piece.response_id, piece.item_id) == completed


def test_a_delta_without_ids_before_any_item_belongs_to_the_running_response() -> None:
    item = Item(role="assistant", item_id="a1")
    protocol = hear(opened(), ResponseCreated("r1"), OutputItemAdded("r1", item), done(1))
    hear(protocol, ResponseCreated("r2"), AudioDelta(pcm=b"\1\0"))
    (piece,) = told(protocol, AudioDelta)
    assert (piece.response_id, piece.item_id) == ("r2", "")


def test_an_end_without_an_id_is_that_of_the_running_response() -> None:
    protocol = hear(opened(), ResponseCreated("r1"), ResponseDone())
    assert [event.response_id for event in told(protocol, ResponseDone)] == ["r1"]
    assert protocol.response_state is ResponseState.IDLE
    hear(protocol, ResponseDone())
    assert [event.response_id for event in told(protocol, ResponseDone)] == [""]


def test_text_under_two_wire_types_is_dispatched_once() -> None:
    protocol = opened()
    for kind, text in ((TextDelta, "delta"), (TextDone, "text")):
        for is_old in (True, False):
            hear(protocol, kind(item_id="a1", is_legacy_name=is_old, **{text: "x"}))
    hear(protocol, TextDelta(item_id="a2", delta="y"))
    assert [event.item_id for event in told(protocol)] == ["a1", "a1", "a2"]  # type: ignore[union-attr]


def test_errors_do_not_count_as_received() -> None:
    protocol = hear(Protocol(REALTIME), BROKEN)
    assert not protocol.has_received
    assert hear(protocol, Unrecognized()).has_received


@pytest.mark.parametrize("role", ["user", "assistant"])
def test_items_received_while_opening_are_replayed_and_begin_no_turn(role: Any) -> None:
    protocol, conversation = Protocol(REALTIME), Conversation()
    item = Item(role=role, item_id="i1", part="input_text", text="Hi")
    hear(protocol, ResponseCreated("r0"), ItemAdded(item, "i0"))
    for event in protocol.events_to_dispatch():
        conversation.apply(event, 0.0)
        if isinstance(event, ItemAdded):
            assert event.item.is_replayed
            assert (event.item.text, event.previous_item_id) == ("Hi", "i0")
    assert len(conversation.turns) == 0
    protocol.open()
    hear(protocol, ItemAdded(item))
    assert [event.item.is_replayed for event in told(protocol, ItemAdded)] == [False]  # type: ignore[union-attr]


def test_an_item_can_be_deleted() -> None:
    protocol = opened()
    protocol.send(DeleteItem("a1"))
    assert said(protocol) == [{"type": "conversation.item.delete", "item_id": "a1"}]
    with pytest.raises(UnsupportedByServer, match="live"):
        opened(LIVE).send(DeleteItem("a1"))


# --------------------------------------------------------------------------- formats of sound
TONE = tone(1 / 30, 764)


@pytest.mark.parametrize(("encoding", "largest"), [("pcm", 0), ("pcmu", 260), ("pcma", 260)])
@pytest.mark.parametrize("transport", ["json", "binary"])
def test_a_tone_survives_each_format(encoding: str, largest: int, transport: str) -> None:
    form = AudioFormat(encoding=encoding, transport=transport)
    protocol = opened(input_format=form, output_format=form)
    protocol.send(AppendAudio(TONE.tobytes()))
    (frame,) = protocol.messages_to_send()
    assert frame.is_text is (transport == "json")
    if transport == "binary":
        assert len(frame.body) == len(TONE) * (2 if encoding == "pcm" else 1)
        protocol.receive(protocol.read_sound(frame.body), 0.0)
    else:
        answer = frame.body.replace(b"input_audio_buffer.append", b"response.output_audio.delta")
        protocol.receive(protocol.read_frame(answer.replace(b'"audio":', b'"delta":'))[0], 0.0)
    (spoken,) = told(protocol, AudioDelta)
    back = np.frombuffer(spoken.pcm, "<i2")  # type: ignore[union-attr]
    assert np.abs(back.astype(int) - TONE).max() <= largest


def test_half_a_sample_at_the_end_of_a_binary_frame_is_counted() -> None:
    protocol = opened(output_format=AudioFormat(transport="binary"))
    protocol.receive(protocol.read_sound(b"\0\0\1"), 0.0)
    (spoken,) = told(protocol, AudioDelta)
    assert (spoken.pcm, spoken.odd_byte_count) == (b"\0\0", 1)  # type: ignore[union-attr]


def test_a_binary_frame_belongs_to_the_item_added_last() -> None:
    protocol = opened(output_format=AudioFormat(transport="binary"))
    call = Item(kind="function_call", item_id="c1")
    hear(protocol, ResponseCreated("r1"), OutputItemAdded("r1", Item(item_id="a1")))
    protocol.receive(protocol.read_sound(b"\1\0"), 0.0)
    hear(protocol, OutputItemAdded("r1", call))
    protocol.receive(protocol.read_sound(b"\2\0"), 0.0)
    hear(protocol, done(1), ResponseCreated("r2"))
    protocol.receive(protocol.read_sound(b"\3\0"), 0.0)
    hear(protocol, OutputItemAdded("r2", Item(item_id="a2")), ResponseCreated("r2"))
    protocol.receive(protocol.read_sound(b"\4\0"), 0.0)
    found = [(each.response_id, each.item_id) for each in told(protocol, AudioDelta)]  # type: ignore[union-attr]
    assert found == [("r1", "a1"), ("r1", "a1"), ("r2", ""), ("r2", "a2")]


@pytest.mark.parametrize("sample_rate", [8_000, 48_000])
def test_positions_are_in_milliseconds_at_every_rate(sample_rate: int) -> None:
    form = AudioFormat(sample_rate=sample_rate)
    ours = opened(LIVE, turn_detection=ServerVad(prefix_padding_ms=100), input_format=form)
    ours.send(sound(sample_rate))
    hear(ours, SpeechStarted())
    ours.send(sound(sample_rate // 2))
    hear(ours, SpeechStopped())
    assert [event.audio_start_ms for event in told(ours, SpeechStarted)] == [900]  # type: ignore[union-attr]
    theirs = opened(output_format=form, has_player=True)
    spoken = AudioDelta(response_id="r1", item_id="a1", pcm=bytes(2 * sample_rate))
    hear(theirs, ResponseCreated("r1"), spoken, SpeechStarted(item_id="u1"))
    said(theirs)
    theirs.report_playback(
        PlaybackReported(item_id="a1", sample_count=sample_rate // 4, is_final=True)
    )
    assert [message["audio_end_ms"] for message in said(theirs)] == [250]


NAMES = st.sampled_from(["", "r1", "r2"])
ITEMS = st.sampled_from(["", "a1", "a2"])
HEARD: list[st.SearchStrategy[Any]] = [
    st.builds(ResponseCreated, NAMES),
    st.builds(ResponseDone, response_id=NAMES, status=st.sampled_from(["completed", "cancelled"])),
    st.builds(AudioDelta, response_id=NAMES, item_id=ITEMS, pcm=st.just(b"\1\0" * 480)),
    st.builds(TranscriptDelta, response_id=NAMES, item_id=ITEMS, delta=st.just("x")),
    st.builds(SpeechStarted, item_id=ITEMS, audio_start_ms=st.none() | st.integers(-9, 9)),
    st.builds(SpeechStopped, item_id=ITEMS, audio_end_ms=st.none() | st.integers(-9, 9)),
    st.sampled_from([ACTIVE, NOT_ACTIVE, BROKEN, SessionUpdated(), Unrecognized({"type": "x"})]),
]
OURS = st.sampled_from(["request", "interrupt", "audio", "commit", "tick", "heard", "give up"])


@given(
    st.lists(st.one_of(*HEARD, OURS), max_size=25), st.sampled_from([LIVE, REALTIME]), st.booleans()
)
@examples(250)
def test_no_order_of_events_raises_or_blocks_the_next_request(
    steps: list[Any], dialect: Dialect, has_player: bool
) -> None:
    protocol = opened(dialect, has_player=has_player, turn_detection=ServerVad())
    for now_s, step in enumerate(steps):
        match step:
            case "request":
                protocol.send_when_idle(TYPED, CreateResponse())
            case "interrupt":
                protocol.interrupt()
            case "audio":
                protocol.send(AppendAudio(b"\0\0"))
            case "commit":
                with contextlib.suppress(LocalProtocolError):
                    protocol.send(CommitAudio())
            case "heard":
                protocol.report_playback(heard(1, 5, is_final=now_s % 2 == 0))
            case "give up":
                protocol.abandon_reply()
            case "tick":
                protocol.tick(float(now_s))
            case _ if dialect.supports(step):
                protocol.receive(protocol.read_frame(dialect.encode(step))[0], float(now_s))
        told(protocol), said(protocol)
    # Whatever was: once the server begins and ends one reply, all that was asked is said.
    for number in range(len(steps) + 2):
        hear(protocol, ResponseCreated(f"z{number}"), PIECE, at_s=1e3 * number)
        hear(protocol, ResponseDone(response_id=protocol.response_id), at_s=1e3 * number)
        protocol.tick(1e3 * number + 10)
    said(protocol)
    protocol.send_when_idle(CreateResponse(instructions="the last"))
    assert types(protocol) == ["response.create"]


def test_a_response_that_is_never_announced_does_not_block_the_next() -> None:
    protocol = opened()
    protocol.send_when_idle(TYPED, CreateResponse())
    assert types(protocol) == ["conversation.item.create", "response.create"]
    hear(protocol, ACTIVE, at_s=10.0)
    assert types(protocol) == []
    assert protocol.next_tick_s() == 10.0 + RETRY_REQUEST_AFTER_S
    protocol.tick(10.0 + RETRY_REQUEST_AFTER_S)
    assert types(protocol) == ["response.create"]
    assert protocol.next_tick_s() is None


def test_a_response_that_is_announced_late_is_waited_for() -> None:
    protocol = opened()
    protocol.send_when_idle(CreateResponse())
    hear(protocol, ACTIVE, ResponseCreated("r1"), at_s=10.0)
    assert protocol.next_tick_s() is None
    protocol.tick(99.0)
    assert types(protocol) == ["response.create"]
    hear(protocol, ResponseDone(response_id="r1"))
    assert types(protocol) == ["response.create"]


def test_on_live_a_commit_without_audio_is_refused() -> None:
    protocol = opened(LIVE, turn_detection=ServerVad())
    with pytest.raises(LocalProtocolError, match="no audio to commit"):
        protocol.send(CommitAudio())
    assert types(protocol) == []
