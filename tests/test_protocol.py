"""What may be said when, and what follows from what is heard."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_live_widget.benign import is_benign
from grok_live_widget.dialects import LIVE, REALTIME, Dialect
from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    Authenticate,
    CancelResponse,
    ClientEvent,
    CommitAudio,
    CreateItem,
    CreateResponse,
    ErrorReported,
    Item,
    OutputItemAdded,
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
)
from grok_live_widget.exceptions import LocalProtocolError, UnsupportedByServer
from grok_live_widget.protocol import REPLY_TABLE, SAYABLE, Line, Protocol, Reply

from .line import (
    ACTIVE,
    BROKEN,
    NOT_ACTIVE,
    PIECE,
    TEXT,
    begun,
    done,
    example,
    hear,
    heard,
    in_reply,
    opened,
    said,
    told,
    types,
)


# --------------------------------------------------------------------------- what may be said
@pytest.mark.parametrize("kind", get_args(ClientEvent))
@pytest.mark.parametrize("line", Line)
def test_what_may_not_be_said_on_the_line_now_is_refused_before_it_is_queued(
    line: Line, kind: type
) -> None:
    dialect = LIVE if kind is Authenticate else REALTIME
    protocol = Protocol(dialect)
    protocol.line = line
    is_legal = kind in SAYABLE[line] and kind is not CancelResponse
    if is_legal:
        protocol.send(example(kind))
    else:
        with pytest.raises(LocalProtocolError, match=f"{kind.__name__}.*(idle|{line.value})"):
            protocol.send(example(kind))
        assert protocol.reply is Reply.IDLE
    assert bool(said(protocol)) is bool(told(protocol)) is is_legal


@pytest.mark.parametrize("kind", [CreateResponse, CancelResponse])
@pytest.mark.parametrize("reply", Reply)
def test_what_the_reply_does_not_allow_is_refused_before_it_is_queued(
    reply: Reply, kind: type
) -> None:
    protocol = in_reply(reply)
    if (reply, kind) in REPLY_TABLE:
        protocol.send(example(kind))
        assert protocol.reply is REPLY_TABLE[reply, kind]
        return
    with pytest.raises(LocalProtocolError, match=f"{kind.__name__}.*{reply.value}"):
        protocol.send(example(kind))
    assert (said(protocol), told(protocol), protocol.reply) == ([], [], reply)


@pytest.mark.parametrize(
    ("dialect", "event", "error"),
    [
        (LIVE, TruncateItem(item_id="a", audio_end_ms=1), UnsupportedByServer),
        (REALTIME, AppendAudio(b"\0\0\0"), LocalProtocolError),
        (REALTIME, CreateItem(Item(part="input_text", text="\ud83d")), LocalProtocolError),
    ],
)
def test_what_cannot_be_spelled_is_refused_before_it_is_queued(
    dialect: Dialect, event: Any, error: type[Exception]
) -> None:
    protocol = opened(dialect)
    with pytest.raises(error):
        protocol.send(event)
    assert (said(protocol), told(protocol)) == ([], [])


@pytest.mark.parametrize(("reply", "kind"), REPLY_TABLE)
def test_the_reply_moves_as_its_table_says(reply: Reply, kind: type) -> None:
    protocol = in_reply(reply)
    if kind in get_args(ClientEvent):
        protocol.send(example(kind))
    else:
        event: dict[type, Any] = {ResponseDone: done(), ErrorReported: BROKEN}
        hear(protocol, event.get(kind, ResponseCreated("r1")))
    assert protocol.reply is REPLY_TABLE[reply, kind]


def test_after_the_close_nothing_is_sent_and_what_was_told_is_still_told() -> None:
    protocol = hear(opened(), *begun())
    protocol.request(CreateResponse())
    protocol.send(AppendAudio(b"\0\0"))
    protocol.close()
    hear(protocol, done(), SpeechStarted(item_id="u1"))
    protocol.report_playback(heard(1, 500, is_final=True))
    assert said(protocol) == []
    assert len(told(protocol, (AudioDelta, AppendAudio))) == 2


# --------------------------------------------------------------------------- requests
def test_a_request_waits_for_the_running_reply_and_is_said_whole() -> None:
    protocol = hear(opened(), *begun())
    protocol.request(TEXT, CreateResponse())
    protocol.request(CreateResponse(instructions="2"))
    assert said(protocol) == []
    hear(protocol, done())
    assert types(protocol) == ["conversation.item.create", "response.create"]
    hear(protocol, *begun(2), done(2))
    assert types(protocol) == ["response.create"]


@pytest.mark.parametrize("order", ["error first", "reply first"])
def test_a_request_that_another_reply_outran_is_asked_again(order: str) -> None:
    protocol, request = opened(), CreateResponse(instructions="please")
    protocol.request(request)
    events = [ACTIVE, ResponseCreated("r9")]
    hear(protocol, *(events if order == "error first" else reversed(events)))
    assert types(protocol) == ["response.create"]
    told(protocol)
    hear(protocol, done(9))
    assert types(protocol) == ["response.create"]
    assert [event is request for event in told(protocol, CreateResponse)] == [True]
    hear(protocol, *begun(), done())
    assert said(protocol) == []
    assert protocol.reply is Reply.IDLE


def test_a_request_that_is_withdrawn_is_not_said_nor_asked_again() -> None:
    protocol, words = hear(opened(), *begun()), (TEXT, CreateResponse())
    others = (CreateItem(TEXT.item), CreateResponse())
    assert others == words
    protocol.request(*words)
    protocol.request(*others)
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
    [(TEXT, CancelResponse("r1")), (CreateResponse(), CreateResponse()), (AppendAudio(b"\0"),),
     (TEXT, Authenticate("k"))],
)  # fmt: skip
def test_a_request_that_could_not_be_said_whole_is_refused_whole(events: Any) -> None:
    protocol = hear(opened(LIVE if events[-1] == Authenticate("k") else REALTIME), *begun())
    with pytest.raises((LocalProtocolError, UnsupportedByServer)):
        protocol.request(*events)
    hear(protocol, done())
    assert said(protocol) == []


@pytest.mark.parametrize("line", [Line.OPENING, Line.CLOSED])
def test_nothing_can_be_asked_while_the_line_is_not_open(line: Line) -> None:
    protocol = Protocol(REALTIME)
    protocol.line = line
    with pytest.raises(LocalProtocolError, match=line.value):
        protocol.request(CreateResponse())


def test_when_a_reply_is_given_up_the_next_may_be_asked_for() -> None:
    protocol = in_reply(Reply.REQUESTED)
    protocol.request(TEXT, CreateResponse())
    protocol.give_up_reply()
    assert types(protocol) == ["conversation.item.create", "response.create"]


@pytest.mark.parametrize(
    ("error", "is_it"),
    [(ACTIVE, True), (NOT_ACTIVE, True), (BROKEN, False), (ErrorReported(), False),
     (ErrorReported(message="Could not TRUNCATE item"), True),
     (ErrorReported(code="response_cancel_not_active"), True),
     (ErrorReported(code="conversation_already_has_active_response"), True)],
)  # fmt: skip
def test_errors_that_came_too_late_to_matter_are_known(error: ErrorReported, is_it: bool) -> None:
    assert is_benign(error) is is_it


def test_a_cancel_that_found_nothing_to_cancel_leaves_the_line_free() -> None:
    protocol = in_reply(Reply.CANCELLING)
    protocol.request(CreateResponse())
    hear(protocol, NOT_ACTIVE)
    assert types(protocol)[-1] == "response.create"


def test_the_end_of_an_earlier_reply_does_not_end_this_one() -> None:
    protocol = hear(opened(), *begun(1), *begun(2), done(1))
    assert protocol.reply is Reply.RUNNING
    assert hear(protocol, done(2)).reply is Reply.IDLE


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
def test_a_piece_without_a_name_is_of_the_item_that_is_spoken(
    kind: Any, names: dict[str, str], completed: tuple[str, str]
) -> None:
    first, second = (Item(role="assistant", item_id=name) for name in ("a1", "a2"))
    protocol = hear(opened(), ResponseCreated("r1"), OutputItemAdded("r1", first), done(1))
    hear(protocol, ResponseCreated("r2"), OutputItemAdded("r2", second))
    hear(protocol, kind(**names, **({"pcm": b"\1\0"} if kind is AudioDelta else {})))
    (piece,) = told(protocol, kind)
    assert (piece.response_id, piece.item_id) == completed


def test_a_piece_without_a_name_before_any_item_is_of_the_reply_that_runs() -> None:
    item = Item(role="assistant", item_id="a1")
    protocol = hear(opened(), ResponseCreated("r1"), OutputItemAdded("r1", item), done(1))
    hear(protocol, ResponseCreated("r2"), AudioDelta(pcm=b"\1\0"))
    (piece,) = told(protocol, AudioDelta)
    assert (piece.response_id, piece.item_id) == ("r2", "")


def test_an_end_without_a_name_is_that_of_the_reply_that_runs() -> None:
    protocol = hear(opened(), ResponseCreated("r1"), ResponseDone())
    assert [event.response_id for event in told(protocol, ResponseDone)] == ["r1"]
    assert protocol.reply is Reply.IDLE
    hear(protocol, ResponseDone())
    assert [event.response_id for event in told(protocol, ResponseDone)] == [""]


def test_text_under_two_names_is_told_once() -> None:
    protocol = opened()
    for kind, text in ((TextDelta, "delta"), (TextDone, "text")):
        for is_old in (True, False):
            hear(protocol, kind(item_id="a1", is_legacy_name=is_old, **{text: "x"}))
    hear(protocol, TextDelta(item_id="a2", delta="y"))
    assert [event.item_id for event in told(protocol)] == ["a1", "a1", "a2"]  # type: ignore[union-attr]


def test_errors_alone_do_not_show_that_the_server_answers() -> None:
    protocol = hear(Protocol(REALTIME), BROKEN)
    assert not protocol.has_heard
    assert hear(protocol, Unrecognized()).has_heard


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
@settings(max_examples=250, deadline=None)
def test_no_order_of_events_faults_or_keeps_the_next_reply_from_being_asked_for(
    steps: list[Any], dialect: Dialect, has_player: bool
) -> None:
    protocol = opened(dialect, has_player=has_player, turn_detection=ServerVad())
    for now_s, step in enumerate(steps):
        match step:
            case "request":
                protocol.request(TEXT, CreateResponse())
            case "interrupt":
                protocol.interrupt()
            case "audio":
                protocol.send(AppendAudio(b"\0\0"))
            case "commit":
                protocol.send(CommitAudio())
            case "heard":
                protocol.report_playback(heard(1, 5, is_final=now_s % 2 == 0))
            case "give up":
                protocol.give_up_reply()
            case "tick":
                protocol.tick(float(now_s))
            case _ if dialect.can_say(step):
                protocol.receive_frame(dialect.encode(step), float(now_s))
        told(protocol), said(protocol)
    # Whatever was: once the server begins and ends one reply, all that was asked is said.
    for number in range(len(steps) + 2):
        hear(protocol, ResponseCreated(f"z{number}"), PIECE, at_s=1e3 * number)
        hear(protocol, ResponseDone(response_id=protocol.response_id), at_s=1e3 * number)
        protocol.tick(1e3 * number + 10)
    said(protocol)
    protocol.request(CreateResponse(instructions="the last"))
    assert types(protocol) == ["response.create"]
