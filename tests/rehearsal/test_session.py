"""One session's logic, without a socket."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grok_live_widget.events import (
    AudioCommitted,
    AudioDelta,
    CancelResponse,
    ClearAudio,
    CreateItem,
    CreateResponse,
    ErrorReported,
    Item,
    ItemAdded,
    ItemTruncated,
    PushToTalk,
    ResponseCreated,
    ResponseDone,
    ServerVad,
    SessionUpdated,
    SpeechStarted,
    Transcription,
    TruncateItem,
    UpdateSession,
    UserTranscriptReplaced,
)
from grok_live_widget.rehearsal.response import Response
from grok_live_widget.rehearsal.session import SessionState
from grok_live_widget.rehearsal.tts import Spoken
from grok_live_widget.rehearsal.vad import SpeechBegan, SpeechEnded

WRITTEN = UpdateSession(transcription=Transcription())
SECOND = np.zeros(24_000, np.int16)


@pytest.fixture
def state() -> SessionState:
    return SessionState("model")


def names(state: SessionState) -> list[str]:
    return [type(event).__name__ for event in state.take_events()]


def message(text: str, role: Any = "user", **fields: str) -> CreateItem:
    return CreateItem(Item(role=role, part="input_text", text=text, **fields))


def emit_delta(state: SessionState, response: Response, text: str, sample_count: int = 10) -> None:
    response.add(Spoken(np.zeros(sample_count, np.int16), text))
    while delta := response.next_delta(is_last=True):
        state.emit_delta(response, delta.events)


def ask(state: SessionState, text: str) -> Response:
    state.receive(message(text))
    state.receive(CreateResponse())
    assert state.response
    return state.response


def speak(state: SessionState, pcm: np.ndarray = SECOND) -> None:
    state.begin_speech(SpeechBegan(0))
    state.end_speech(SpeechEnded(0, pcm.size // 24, pcm.copy()))


# --------------------------------------------------------------------------- settings
def test_a_new_session_is_as_the_service_s(state: SessionState) -> None:
    assert (state.settings.voice, state.settings.turn_detection) == ("ara", PushToTalk())


def test_settings_are_merged(state: SessionState) -> None:
    state.update(UpdateSession(voice="nova", instructions="Be brief."))
    state.update(UpdateSession(turn_detection=ServerVad()))
    settings = state.settings
    assert (settings.voice, settings.instructions) == ("nova", "Be brief.")
    assert settings.turn_detection == ServerVad()
    assert names(state) == ["SessionUpdated", "SessionUpdated"]


def test_a_wrong_setting_leaves_all_as_they_were(state: SessionState) -> None:
    state.update(UpdateSession(voice="nova", turn_detection=ServerVad(threshold=2)))
    (error,) = state.take_events()
    assert isinstance(error, ErrorReported)
    assert error.param == "session.turn_detection.threshold"
    assert (state.settings.voice, state.settings.turn_detection) == ("ara", PushToTalk())


def test_each_event_is_returned_once(state: SessionState) -> None:
    state.ping(5)
    assert names(state) == ["Pinged"]
    assert names(state) == []


# --------------------------------------------------------------------------- spoken turns
def test_speech_becomes_an_item_under_one_name(state: SessionState) -> None:
    speak(state)
    said = state.take_events()
    assert [type(event).__name__ for event in said] == [
        "SpeechStarted",
        "ItemAdded",
        "SpeechStopped",
        "AudioCommitted",
    ]
    named = {
        event.item.item_id if isinstance(event, ItemAdded) else event.item_id for event in said
    }
    assert len(named) == 1


def test_the_response_to_speech_waits_for_the_words(state: SessionState) -> None:
    state.update(WRITTEN)
    speak(state)
    (received,) = state.take_unrecognised()
    response = state.response
    assert response is not None
    assert not response.is_announced
    state.take_events()
    state.set_transcript(received, "hello there")
    assert state.partner_turn(response).text == "hello there"
    state.begin_response(response)
    assert names(state) == ["UserTranscriptReplaced", "UserTranscriptReplaced", "ResponseCreated"]


def test_speech_without_words_is_transcribed_by_its_length(state: SessionState) -> None:
    speak(state)
    (received,) = state.take_unrecognised()
    state.set_transcript(received, "")
    last = state.take_events()[-1]
    assert isinstance(last, UserTranscriptReplaced)
    assert (last.transcript, last.is_final) == ("(speech, 1.0 s)", True)
    assert state.response
    assert state.partner_turn(state.response).text == ""


def test_the_length_of_speech_is_reported_once_a_second(state: SessionState) -> None:
    state.update(WRITTEN)
    state.begin_speech(SpeechBegan(0))
    state.take_events()
    for duration_ms in range(0, 2_500, 100):
        state.report_speech_progress(duration_ms)
    sent = [event.transcript for event in state.take_events()]
    assert sent == ["(speech, 1.0 s)", "(speech, 2.0 s)"]


def test_speech_cancels_the_response_before_the_new_turn_is_opened(state: SessionState) -> None:
    response = ask(state, "go on")
    state.take_events()
    state.begin_speech(SpeechBegan(0))
    said = state.take_events()
    assert [type(event).__name__ for event in said] == [
        "SpeechStarted",
        "ResponseDone",
        "ItemAdded",
    ]
    assert (said[1].response_id, said[1].status) == (response.response_id, "cancelled")
    assert state.response is None


def test_a_response_that_was_not_announced_yet_leaves_no_trace(state: SessionState) -> None:
    speak(state)
    state.take_events()
    state.begin_speech(SpeechBegan(2_000))
    assert names(state) == ["SpeechStarted", "ItemAdded"]


def test_a_commit_makes_a_finished_item_and_no_response(state: SessionState) -> None:
    state.commit(SECOND.copy())
    committed, added = state.take_events()
    assert isinstance(committed, AudioCommitted)
    assert isinstance(added, ItemAdded)
    assert (added.item.status, added.item.part) == ("completed", "input_audio")
    assert state.response is None


def test_on_live_a_commit_is_answered() -> None:
    state = SessionState("model", answers_commits=True)
    state.commit(SECOND.copy())
    assert state.response is not None


def test_clear_discards_the_current_speech(state: SessionState) -> None:
    state.begin_speech(SpeechBegan(0))
    state.take_events()
    state.clear()
    state.report_speech_progress(5_000)
    assert names(state) == ["AudioCleared"]


# --------------------------------------------------------------------------- requests
def test_a_typed_item_is_acknowledged_with_a_name(state: SessionState) -> None:
    state.receive(message("hello"))
    (added,) = state.take_events()
    assert added.item.item_id
    assert (added.item.text, added.item.status) == ("hello", "completed")


def test_an_item_keeps_the_name_it_was_given(state: SessionState) -> None:
    state.receive(message("hello", item_id="mine"))
    assert state.take_events()[0].item.item_id == "mine"


def test_the_partner_is_given_what_was_said_before(state: SessionState) -> None:
    state.receive(message("Be kind.", "system"))
    first = ask(state, "one")
    emit_delta(state, first, "first answer")
    state.complete_response(first)
    turn = state.partner_turn(ask(state, "two"))
    assert turn.text == "two"
    assert [(line.role, line.text) for line in turn.history] == [
        ("system", "Be kind."),
        ("user", "one"),
        ("assistant", "first answer"),
    ]


def test_the_previous_item_of_an_item_is_an_announced_id(state: SessionState) -> None:
    for item_id, named in (("a", "root"), ("b", "root"), ("c", "nobody's"), ("d", "a")):
        state.receive(CreateItem(Item(role="user", item_id=item_id, text="x"), named))
    assert [added.previous_item_id for added in state.take_events()] == [None, "a", "b", "a"]


def test_instructions_of_one_response_replace_the_session_s(state: SessionState) -> None:
    state.update(UpdateSession(instructions="Be brief."))
    state.receive(CreateResponse(instructions="Be long."))
    assert state.response
    assert state.partner_turn(state.response).instructions == "Be long."


def test_a_tool_s_output_is_answered_as_such(state: SessionState) -> None:
    output = Item(kind="function_call_output", call_id="c", text="12 degrees")
    state.receive(CreateItem(output))
    assert state.take_events()[0].item.role == "tool"
    state.receive(CreateResponse())
    assert state.response
    turn = state.partner_turn(state.response)
    assert (turn.role, turn.text) == ("tool", "12 degrees")


def test_a_forced_message_is_spoken_word_for_word_without_a_request(state: SessionState) -> None:
    item = Item(kind="force_message", role="assistant", part="output_text", text="Exactly this.")
    state.receive(CreateItem(item))
    assert names(state) == ["ResponseCreated"]
    assert state.response
    assert state.response.verbatim == "Exactly this."


def test_metadata_comes_back_at_both_ends(state: SessionState) -> None:
    state.receive(CreateResponse(metadata={"a": "b"}))
    assert state.response
    state.complete_response(state.response)
    created, done = state.take_events()
    assert isinstance(created, ResponseCreated)
    assert isinstance(done, ResponseDone)
    assert created.metadata == done.metadata == {"a": "b"}


@pytest.mark.parametrize(
    "again", [CreateResponse(), CreateItem(Item(kind="force_message", text="x"))]
)
def test_there_is_one_response_at_a_time(state: SessionState, again: Any) -> None:
    response = ask(state, "hello")
    state.take_events()
    state.receive(again)
    (error,) = state.take_events()
    assert "already has an active response" in error.message
    assert error.error_type == "invalid_request_error"
    assert state.response is response


def test_cancel_ends_the_response(state: SessionState) -> None:
    response = ask(state, "hello")
    state.take_events()
    state.receive(CancelResponse(response.response_id))
    (done,) = state.take_events()
    assert (done.status, done.response_id) == ("cancelled", response.response_id)


def test_the_end_of_a_response_lists_its_items(state: SessionState) -> None:
    response = ask(state, "hello")
    emit_delta(state, response, "Good day.")
    state.complete_response(response)
    done = state.take_events()[-1]
    assert done.output == response.output()
    assert [item.text for item in done.output] == ["Good day."]


def test_cancel_without_a_response_is_a_harmless_error(state: SessionState) -> None:
    state.receive(CancelResponse())
    (error,) = state.take_events()
    assert "no active response" in error.message
    assert error.error_type == "invalid_request_error"


def test_a_late_cancel_does_not_end_the_next_response(state: SessionState) -> None:
    response = ask(state, "hello")
    state.receive(CancelResponse("the one before"))
    assert state.response is response


def test_truncate_tells_what_was_kept_and_what_the_partner_will_remember(
    state: SessionState,
) -> None:
    response = ask(state, "count")
    for word in ("one ", "two ", "three"):
        emit_delta(state, response, word, 2_400)
    state.complete_response(response)
    state.take_events()
    state.receive(TruncateItem(item_id=response.item_id, audio_end_ms=150))
    (truncated,) = state.take_events()
    assert isinstance(truncated, ItemTruncated)
    assert (truncated.transcript, truncated.audio_end_ms) == ("one two", 150)
    history = state.partner_turn(ask(state, "go on")).history
    assert history[-1].text == "one two"


def test_truncate_of_an_unknown_item_is_an_error(state: SessionState) -> None:
    state.receive(TruncateItem(item_id="nobody's", audio_end_ms=1))
    message = state.take_events()[0].message
    assert "nobody's" in message
    assert "Truncat" in message


def test_a_message_out_of_place_is_an_error(state: SessionState) -> None:
    state.receive(ClearAudio())
    assert state.take_events()[0].error_type == "invalid_event"


def test_a_failure_before_the_response_was_announced_still_has_both_ends(
    state: SessionState,
) -> None:
    speak(state)
    state.take_events()
    assert state.response
    state.fail_response(state.response, ValueError("out of ideas"))
    created, error, done = state.take_events()
    assert isinstance(created, ResponseCreated)
    assert "ValueError: out of ideas" in error.message
    assert done.status == "failed"


def test_the_echo_follows_the_settings(state: SessionState) -> None:
    state.update(UpdateSession(turn_detection=ServerVad()))
    (updated,) = state.take_events()
    assert isinstance(updated, SessionUpdated)
    assert updated.session["turn_detection"]["type"] == "server_vad"


# --------------------------------------------------------------------------- turn taking
PATIENT = ServerVad(interrupt_response=False)


def force(text: str, *, is_interruptible: bool) -> CreateItem:
    return CreateItem(
        Item(
            kind="force_message",
            role="assistant",
            part="output_text",
            text=text,
            is_interruptible=is_interruptible,
        )
    )


def begun(state: SessionState, wanted: Any) -> Any:
    state.receive(wanted)
    state.take_events()
    assert state.response
    return state.response


@pytest.mark.parametrize(
    ("detection", "wanted"),
    [
        (ServerVad(), force("Listen.", is_interruptible=False)),
        (PATIENT, CreateResponse()),
        (PATIENT, force("Listen.", is_interruptible=True)),
    ],
)
def test_the_turn_is_answered_after_the_response_that_speech_does_not_end(
    state: SessionState, detection: ServerVad, wanted: Any
) -> None:
    state.update(UpdateSession(turn_detection=detection))
    response = begun(state, wanted)
    speak(state)
    assert state.response is response
    (received,) = state.take_unrecognised()
    state.take_events()
    state.complete_response(response)
    (done,) = state.take_events()
    assert done.status == "completed"
    assert state.response is not None
    assert state.response.user_input is received


def test_of_several_turns_the_last_is_answered(state: SessionState) -> None:
    state.update(UpdateSession(turn_detection=PATIENT))
    response = begun(state, CreateResponse())
    speak(state)
    speak(state)
    _, last = state.take_unrecognised()
    state.complete_response(response)
    assert state.response
    assert state.response.user_input is last


def test_the_idle_timeout_does_not_interrupt_speech(state: SessionState) -> None:
    state.update(UpdateSession(turn_detection=PATIENT))
    response = begun(state, CreateResponse())
    speak(state)
    state.begin_speech(SpeechBegan(2_000))
    state.complete_response(response)
    assert state.response is None


def test_what_may_be_interrupted_is(state: SessionState) -> None:
    state.update(UpdateSession(turn_detection=ServerVad()))
    begun(state, force("Listen.", is_interruptible=True))
    speak(state)
    assert [event.status for event in state.take_events() if isinstance(event, ResponseDone)] == [
        "cancelled"
    ]


def test_the_client_may_cancel_what_speech_may_not(state: SessionState) -> None:
    response = begun(state, force("Listen.", is_interruptible=False))
    state.receive(CancelResponse(response.response_id))
    (done,) = state.take_events()
    assert done.status == "cancelled"


def test_a_response_is_spoken_in_the_format_of_its_beginning(state: SessionState) -> None:
    response = begun(state, CreateResponse())
    other = state.settings.output_format.__class__(encoding="pcma")
    state.update(UpdateSession(output_format=other))
    sound = AudioDelta(item_id=response.item_id, pcm=b"")
    assert response.audio_format != other
    state.emit_delta(response, ())
    assert state.format_of(sound) == response.audio_format


# --------------------------------------------------------------------------- through a line
async def test_a_turn_is_committed_and_waits_for_a_request(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    detection = ServerVad(create_response=False)
    async with connected(serving("parrot"), detection=detection) as client:
        await client.send_audio(utterance)
        await client.until(AudioCommitted)
        await client.send(CreateItem(Item(role="system", part="input_text", text="mark")))
        await client.until(ItemAdded)
        assert not client.all(ResponseCreated)
        await client.send(CreateResponse())
        assert (await client.until(ResponseDone)).status == "completed"
        assert client.audio().size > 24_000
        assert len(client.all(ResponseCreated)) == 1


async def test_speech_does_not_cancel_where_it_is_not_to_interrupt(
    serving: Any, connected: Any, hesitant: Any, utterance: np.ndarray
) -> None:
    sound = np.arange(12_000, dtype=np.int16)
    partner = hesitant(sound)
    async with connected(serving(partner), detection=PATIENT) as client:
        await client.type_text("talk")
        await client.until(AudioDelta)
        await client.send_audio(utterance)
        await client.until(AudioCommitted)
        assert not client.all(ResponseDone)
        partner.go_on()
        first = await client.until(ResponseDone)
        assert first.status == "completed"
        np.testing.assert_array_equal(client.audio(first.response_id), sound)
        second = await client.until(ResponseDone)
        assert second.status == "completed"
        assert client.audio(second.response_id).size > 24_000


async def test_a_forced_message_that_is_not_interruptible_is_spoken_to_its_end(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    pytest.importorskip("espeakng_loader")
    async with connected(serving("parrot", speed=1.0), detection=ServerVad()) as client:
        text = "This call is recorded, as you may know, and so are all of the others."
        await client.send(force(text, is_interruptible=False))
        await client.until(AudioDelta)
        await client.send_audio(utterance)
        first = await client.until(ResponseDone)
        assert client.all(SpeechStarted)
        assert (first.status, first.output[0].text) == ("completed", text)
        second = await client.until(ResponseCreated)
        assert second.response_id != first.response_id
