"""Somebody waits for one reply, and gets that one."""

from __future__ import annotations

import pytest

from grok_live_widget.conversation.pending import PendingReply, calls_in
from grok_live_widget.events import (
    CommitAudio,
    CreateItem,
    CreateResponse,
    ErrorReported,
    Event,
    Item,
    OutputItemAdded,
    OutputItemDone,
    ResponseCreated,
    ResponseDone,
    SessionEnded,
    SpeechStarted,
    SpeechStopped,
    ToolCalled,
)
from grok_live_widget.protocol.connection import Protocol
from grok_live_widget.protocol.dialects import REALTIME

CREATED, DONE = ResponseCreated("r1"), ResponseDone(response_id="r1")
OTHERS, OTHERS_DONE = ResponseCreated("r0"), ResponseDone(response_id="r0")
BROKEN = ErrorReported(message="no such voice", error_type="invalid_request_error")
TOO_EARLY = ErrorReported(message="Conversation already has an active response")
TOO_LATE = ErrorReported(message="no active response to cancel")
OVER = ErrorReported(message="the session is over", error_type="max_duration")
BEGUN = OutputItemAdded(response_id="r1", item=Item(role="assistant"))
START, STOP = SpeechStarted(item_id="u1"), SpeechStopped(item_id="u1")


def after(*events: Event, request: Event | None, has_sent_all: bool = True) -> PendingReply:
    pending = PendingReply(request)  # type: ignore[arg-type]
    pending.has_sent_all = has_sent_all
    for event in events:
        pending.apply(event)
    return pending


# --------------------------------------------------------------------------- a request
@pytest.mark.parametrize("request_", [CreateResponse(), CommitAudio()])
def test_the_reply_to_a_request_is_the_first_that_begins_after_it(request_: Event) -> None:
    pending = after(OTHERS, request_, OTHERS_DONE, CREATED, request=request_)
    assert (pending.response_id, pending.is_settled, bool(pending.response_id)) == (
        "r1",
        False,
        True,
    )
    pending.apply(ResponseDone(response_id="r1", status="incomplete"))
    assert (pending.is_settled, pending.status) == (True, "incomplete")


def test_an_equal_request_is_not_the_request() -> None:
    ours = CreateResponse()
    pending = after(CreateResponse(), OTHERS, OTHERS_DONE, request=ours)
    assert not pending.response_id
    pending.apply(ours)
    pending.apply(CREATED)
    assert pending.response_id == "r1"


def test_an_error_before_the_reply_settles_it() -> None:
    request = CreateResponse()
    assert after(request, BROKEN, request=request).error is BROKEN
    assert after(request, BROKEN, request=request).is_settled


ITEM_OF_OURS = CreateItem(Item(role="user", text="Hi"), event_id="item")
REQUEST_OF_OURS = CreateResponse(event_id="request")


def about(name: str) -> ErrorReported:
    return ErrorReported(message="no", error_type="invalid_request_error", about=name)


@pytest.mark.parametrize(("name", "is_ours"), [
    ("item", True), ("request", True), ("", True), ("another", False),
])  # fmt: skip
def test_an_error_about_a_message_counts_only_for_related_events(name: str, is_ours: bool) -> None:
    words = (ITEM_OF_OURS, REQUEST_OF_OURS)
    pending = PendingReply(REQUEST_OF_OURS, related=words)
    for event in (*words, about(name)):
        pending.apply(event)
    assert (pending.is_settled, pending.error is not None) == (is_ours, is_ours)
    assert (pending.reported is not None) is is_ours
    if not is_ours:
        pending.apply(CREATED)
        pending.apply(DONE)
        assert (pending.is_settled, pending.error, pending.reported) == (True, None, None)


def test_an_error_about_another_message_does_not_count_for_a_running_reply() -> None:
    pending = PendingReply(REQUEST_OF_OURS)
    for event in (REQUEST_OF_OURS, CREATED, about("another")):
        pending.apply(event)
    assert pending.reported is None
    pending.apply(about("request"))
    assert pending.reported is not None


@pytest.mark.parametrize("request_", [CreateResponse(), None])
def test_without_event_ids_any_error_counts(request_: Event | None) -> None:
    before = (START, STOP) if request_ is None else (request_,)
    assert after(*before, about("another"), request=request_).error is not None


@pytest.mark.parametrize("error", [TOO_EARLY, TOO_LATE])
def test_an_ignorable_error_does_not_settle_it(error: ErrorReported) -> None:
    request = CreateResponse()
    assert not after(request, error, request=request).is_settled


@pytest.mark.parametrize("before", [True, False])
def test_an_error_before_the_request_or_after_the_reply_does_not_count(before: bool) -> None:
    request = CreateResponse()
    events = (BROKEN, request, CREATED) if before else (request, CREATED, BROKEN)
    assert after(*events, request=request).error is None


@pytest.mark.parametrize(
    "events", [(TOO_EARLY, OTHERS, OTHERS_DONE), (OTHERS, TOO_EARLY, OTHERS_DONE)]
)
def test_a_response_that_precedes_the_requested_one_does_not_count(
    events: tuple[Event, ...],
) -> None:
    request = CreateResponse()
    pending = after(request, request=request)
    for event in events:
        pending.apply(event)
        assert not pending.is_settled, f"after {event}"
    for event in (request, CREATED):
        pending.apply(event)
    assert pending.response_id == "r1"
    pending.apply(DONE)
    assert pending.is_settled


def test_with_the_protocol_a_refused_request_ends_with_its_own_reply() -> None:
    protocol, request = Protocol(REALTIME), CreateResponse()
    pending = PendingReply(request)
    protocol.open()
    protocol.send_when_idle(request)
    for event in (OTHERS, TOO_EARLY, OTHERS_DONE, CREATED, DONE):
        protocol.receive(event, 0.0)
        for told in protocol.events_to_dispatch():
            assert not pending.is_settled
            pending.apply(told)
    assert pending.is_settled
    assert pending.response_id == "r1"


def test_the_end_of_the_session_settles_it() -> None:
    request = CreateResponse()
    for events in ((), (request,), (request, CREATED)):
        pending = after(*events, SessionEnded(close_code=1006), request=request)
        assert pending.is_settled
        assert pending.has_ended_early


# --------------------------------------------------------------------------- a sound
@pytest.mark.parametrize("code", ["max_duration", "timeout"])
@pytest.mark.parametrize("named", ["code", "error_type"])
@pytest.mark.parametrize("before", [(), (CREATED,)], ids=["before the reply", "in the reply"])
def test_an_error_that_ends_the_session_settles_it_when_the_connection_is_closed(
    before: tuple[Event, ...], code: str, named: str
) -> None:
    request, over = CreateResponse(), ErrorReported(message="over", **{named: code})
    pending = after(request, *before, over, request=request)
    assert not pending.is_settled
    pending.apply(SessionEnded(close_code=1000))
    assert (pending.is_settled, pending.error) == (True, over)


def test_a_reply_that_was_complete_before_the_session_ended_is_no_error() -> None:
    request = CreateResponse()
    pending = after(request, CREATED, OVER, DONE, request=request)
    assert pending.is_settled
    pending.apply(SessionEnded(close_code=1000))
    assert (pending.status, pending.error) == ("completed", None)


def test_the_reply_to_audio_is_the_one_to_its_last_speech() -> None:
    pending = after(START, STOP, OTHERS, START, OTHERS_DONE, request=None)
    assert not pending.is_settled
    for event in (STOP, CREATED):
        pending.apply(event)
    assert (pending.response_id, pending.is_settled) == ("r1", False)
    pending.apply(DONE)
    assert pending.is_settled


def test_a_reply_to_a_pause_does_not_settle_it_before_all_is_sent() -> None:
    pending = after(START, STOP, CREATED, DONE, request=None, has_sent_all=False)
    assert not pending.is_settled
    pending.has_sent_all = True
    assert pending.is_settled


def test_a_reply_before_any_speech_does_not_count() -> None:
    pending = after(OTHERS, OTHERS_DONE, request=None)
    assert (bool(pending.response_id), pending.has_speech_started, pending.is_settled) == (
        False,
    ) * 3


def test_a_reply_shows_that_speech_has_ended() -> None:
    assert after(START, CREATED, DONE, request=None).is_settled
    assert not after(START, CREATED, DONE, request=None, has_sent_all=False).response_id


def test_a_reply_to_a_pause_that_ends_during_further_speech_does_not_count() -> None:
    cut_off = ResponseDone(response_id="r0", status="cancelled")
    pending = after(START, STOP, START, OTHERS, cut_off, request=None)
    assert not pending.is_settled
    for event in (STOP, CREATED, DONE):
        pending.apply(event)
    assert (pending.is_settled, pending.response_id) == (True, "r1")


def test_a_reply_requested_otherwise_during_speech_does_not_count() -> None:
    pending = after(START, CreateResponse(), OTHERS, OTHERS_DONE, request=None)
    assert not pending.response_id
    pending.apply(STOP)
    pending.apply(CREATED)
    assert pending.response_id == "r1"


@pytest.mark.parametrize("lost", [(), (ResponseCreated(""),)])
def test_an_item_shows_which_reply_has_begun(lost: tuple[Event]) -> None:
    request = CreateResponse()
    assert after(request, *lost, BEGUN, DONE, request=request).is_settled
    assert after(START, STOP, *lost, BEGUN, DONE, request=None).is_settled


def test_a_late_item_of_a_cancelled_reply_begins_none() -> None:
    pending = after(START, STOP, CREATED, START, STOP, BEGUN, request=None)
    assert not pending.response_id
    assert not after(START, BEGUN, request=None).response_id


def test_an_error_counts_only_after_speech() -> None:
    assert not after(BROKEN, request=None).is_settled
    assert after(START, BROKEN, request=None).error is BROKEN
    assert after(START, STOP, CREATED, BROKEN, request=None).error is None


# --------------------------------------------------------------------------- tools
CALLED = ToolCalled(response_id="r1", call_id="c1", name="look", arguments="{}")
ITEM = Item(kind="function_call", call_id="c1", name="look", text="{}")
OUTPUT = CreateItem(Item(kind="function_call_output", call_id="c1", text="seen"))
AGAIN = CreateResponse()
NEXT, NEXT_DONE = ResponseCreated("r2"), ResponseDone(response_id="r2")


def pending_call(*events: Event, request: Event | None) -> PendingReply:
    pending = PendingReply(request, ["look"])  # type: ignore[arg-type]
    for event in events:
        pending.apply(event)
        assert not pending.is_settled, f"after {event}"
    return pending


@pytest.mark.parametrize(
    "told",
    [
        (CALLED, DONE),
        (OutputItemDone("r1", ITEM), DONE),
        (CALLED, OutputItemDone("r1", ITEM), ResponseDone(response_id="r1", output=(ITEM,))),
    ],
)
def test_a_reply_that_calls_a_function_is_followed_by_the_outcome(
    told: tuple[Event, ...],
) -> None:
    request = CreateResponse()
    pending = pending_call(request, CREATED, *told, OUTPUT, AGAIN, NEXT, request=request)
    pending.apply(NEXT_DONE)
    assert (pending.response_id, pending.is_settled) == ("r2", True)


def test_a_reply_to_audio_that_calls_a_function_is_followed_by_the_outcome() -> None:
    pending = PendingReply(None, ["look"])
    pending.has_sent_all = True
    for event in (START, STOP, CREATED, CALLED, DONE, OUTPUT, AGAIN, NEXT):
        pending.apply(event)
        assert not pending.is_settled, f"after {event}"
    pending.apply(NEXT_DONE)
    assert (pending.response_id, pending.is_settled) == ("r2", True)


def test_outputs_without_a_request_are_answered_by_the_next_reply() -> None:
    request = CreateResponse()
    pending = pending_call(request, CREATED, CALLED, DONE, OUTPUT, START, NEXT, request=request)
    pending.apply(NEXT_DONE)
    assert pending.response_id == "r2"


def test_an_error_about_the_request_after_outputs_counts() -> None:
    again = CreateResponse(event_id="again")
    events = (REQUEST_OF_OURS, CREATED, CALLED, DONE, OUTPUT, again)
    pending = pending_call(*events, request=REQUEST_OF_OURS)
    pending.apply(about("another"))
    assert not pending.is_settled
    pending.apply(about("again"))
    assert pending.is_settled
    assert pending.error is not None


def test_a_refused_request_after_outputs_is_sent_again() -> None:
    request = CreateResponse()
    events = (request, CREATED, CALLED, DONE, OUTPUT, AGAIN, OTHERS, TOO_EARLY, OTHERS_DONE)
    pending = pending_call(*events, AGAIN, NEXT, request=request)
    pending.apply(NEXT_DONE)
    assert (pending.response_id, pending.is_settled) == ("r2", True)


@pytest.mark.parametrize(
    "told",
    [
        (ToolCalled(response_id="r1", call_id="c1", name="web_search"), DONE),
        (ToolCalled(response_id="r0", call_id="c1", name="look"), DONE),
        (CALLED, ResponseDone(response_id="r1", status="cancelled")),
    ],
    ids=["nobody's", "of another reply", "interrupted"],
)
def test_calls_without_outputs_are_not_waited_for(told: tuple[Event, ...]) -> None:
    request = CreateResponse()
    pending = PendingReply(request, ["look"])
    for event in (request, CREATED, *told):
        pending.apply(event)
    assert (pending.response_id, pending.is_settled) == ("r1", True)


def test_the_end_of_the_session_ends_the_wait_for_a_function() -> None:
    request = CreateResponse()
    pending = pending_call(request, CREATED, CALLED, DONE, request=request)
    pending.apply(SessionEnded())
    assert pending.is_settled


def test_calls_are_found_in_every_event_that_reports_them() -> None:
    whole = ToolCalled(response_id="r1", call_id="c1", name="look", arguments="{}")
    done = ResponseDone(response_id="r1", output=(Item(role="assistant"), ITEM))
    assert [calls_in(each) for each in (CALLED, OutputItemDone("r1", ITEM), done)] == [[whole]] * 3
    assert calls_in(ToolCalled(response_id="r1", call_id="c1")) == []
    assert calls_in(CREATED) == []
