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
from grok_live_widget.rehearsal.response import Reply
from grok_live_widget.rehearsal.session import SessionState
from grok_live_widget.rehearsal.tts import Spoken
from grok_live_widget.rehearsal.vad import SpeechBegan, SpeechEnded

WRITTEN = UpdateSession(transcription=Transcription())
SECOND = np.zeros(24_000, np.int16)


@pytest.fixture
def state() -> SessionState:
    return SessionState("model")


def names(state: SessionState) -> list[str]:
    return [type(event).__name__ for event in state.take_said()]


def message(text: str, role: Any = "user", **fields: str) -> CreateItem:
    return CreateItem(Item(role=role, part="input_text", text=text, **fields))


def tell(state: SessionState, reply: Reply, text: str, sample_count: int = 10) -> None:
    reply.add(Spoken(np.zeros(sample_count, np.int16), text))
    while delta := reply.next_delta(is_last=True):
        state.tell(reply, delta.events)


def ask(state: SessionState, text: str) -> Reply:
    state.receive(message(text))
    state.receive(CreateResponse())
    assert state.reply
    return state.reply


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
    (error,) = state.take_said()
    assert isinstance(error, ErrorReported)
    assert error.param == "session.turn_detection.threshold"
    assert (state.settings.voice, state.settings.turn_detection) == ("ara", PushToTalk())


def test_what_is_said_is_given_once(state: SessionState) -> None:
    state.ping(5)
    assert names(state) == ["Pinged"]
    assert names(state) == []


# --------------------------------------------------------------------------- spoken turns
def test_speech_becomes_an_item_under_one_name(state: SessionState) -> None:
    speak(state)
    said = state.take_said()
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


def test_the_reply_to_speech_waits_for_the_words(state: SessionState) -> None:
    state.update(WRITTEN)
    speak(state)
    (heard,) = state.take_unrecognised()
    reply = state.reply
    assert reply is not None
    assert not reply.is_begun
    state.take_said()
    state.understand(heard, "hello there")
    assert state.turn_for(reply).text == "hello there"
    state.begin_reply(reply)
    assert names(state) == ["UserTranscriptReplaced", "UserTranscriptReplaced", "ResponseCreated"]


def test_speech_without_words_is_transcribed_by_its_length(state: SessionState) -> None:
    speak(state)
    (heard,) = state.take_unrecognised()
    state.understand(heard, "")
    last = state.take_said()[-1]
    assert isinstance(last, UserTranscriptReplaced)
    assert (last.transcript, last.is_final) == ("(speech, 1.0 s)", True)
    assert state.reply
    assert state.turn_for(state.reply).text == ""


def test_speech_that_goes_on_is_told_once_a_second(state: SessionState) -> None:
    state.update(WRITTEN)
    state.begin_speech(SpeechBegan(0))
    state.take_said()
    for duration_ms in range(0, 2_500, 100):
        state.follow_speech(duration_ms)
    told = [event.transcript for event in state.take_said()]
    assert told == ["(speech, 1.0 s)", "(speech, 2.0 s)"]


def test_speech_cancels_the_reply_before_the_new_turn_is_opened(state: SessionState) -> None:
    reply = ask(state, "go on")
    state.take_said()
    state.begin_speech(SpeechBegan(0))
    said = state.take_said()
    assert [type(event).__name__ for event in said] == [
        "SpeechStarted",
        "ResponseDone",
        "ItemAdded",
    ]
    assert (said[1].response_id, said[1].status) == (reply.response_id, "cancelled")
    assert state.reply is None


def test_a_reply_that_was_not_announced_yet_leaves_no_trace(state: SessionState) -> None:
    speak(state)
    state.take_said()
    state.begin_speech(SpeechBegan(2_000))
    assert names(state) == ["SpeechStarted", "ItemAdded"]


def test_a_commit_makes_a_finished_item_and_no_reply(state: SessionState) -> None:
    state.commit(SECOND.copy())
    committed, added = state.take_said()
    assert isinstance(committed, AudioCommitted)
    assert isinstance(added, ItemAdded)
    assert (added.item.status, added.item.part) == ("completed", "input_audio")
    assert state.reply is None


def test_on_live_a_commit_is_answered() -> None:
    state = SessionState("model", answers_commits=True)
    state.commit(SECOND.copy())
    assert state.reply is not None


def test_clear_forgets_the_speech_that_goes_on(state: SessionState) -> None:
    state.begin_speech(SpeechBegan(0))
    state.take_said()
    state.clear()
    state.follow_speech(5_000)
    assert names(state) == ["AudioCleared"]


# --------------------------------------------------------------------------- requests
def test_a_typed_item_is_acknowledged_with_a_name(state: SessionState) -> None:
    state.receive(message("hello"))
    (added,) = state.take_said()
    assert added.item.item_id
    assert (added.item.text, added.item.status) == ("hello", "completed")


def test_an_item_keeps_the_name_it_was_given(state: SessionState) -> None:
    state.receive(message("hello", item_id="mine"))
    assert state.take_said()[0].item.item_id == "mine"


def test_the_partner_is_given_what_was_said_before(state: SessionState) -> None:
    state.receive(message("Be kind.", "system"))
    first = ask(state, "one")
    tell(state, first, "first answer")
    state.end_reply(first)
    turn = state.turn_for(ask(state, "two"))
    assert turn.text == "two"
    assert [(line.role, line.text) for line in turn.history] == [
        ("system", "Be kind."),
        ("user", "one"),
        ("assistant", "first answer"),
    ]


def test_an_item_s_place_is_told_by_a_name_that_was_announced(state: SessionState) -> None:
    for item_id, named in (("a", "root"), ("b", "root"), ("c", "nobody's"), ("d", "a")):
        state.receive(CreateItem(Item(role="user", item_id=item_id, text="x"), named))
    assert [added.previous_item_id for added in state.take_said()] == [None, "a", "b", "a"]


def test_instructions_of_one_reply_replace_the_session_s(state: SessionState) -> None:
    state.update(UpdateSession(instructions="Be brief."))
    state.receive(CreateResponse(instructions="Be long."))
    assert state.reply
    assert state.turn_for(state.reply).instructions == "Be long."


def test_a_tool_s_output_is_answered_as_such(state: SessionState) -> None:
    output = Item(kind="function_call_output", call_id="c", text="12 degrees")
    state.receive(CreateItem(output))
    assert state.take_said()[0].item.role == "tool"
    state.receive(CreateResponse())
    assert state.reply
    turn = state.turn_for(state.reply)
    assert (turn.role, turn.text) == ("tool", "12 degrees")


def test_a_forced_message_is_spoken_word_for_word_without_a_request(state: SessionState) -> None:
    item = Item(kind="force_message", role="assistant", part="output_text", text="Exactly this.")
    state.receive(CreateItem(item))
    assert names(state) == ["ResponseCreated"]
    assert state.reply
    assert state.reply.verbatim == "Exactly this."


def test_metadata_comes_back_at_both_ends(state: SessionState) -> None:
    state.receive(CreateResponse(metadata={"a": "b"}))
    assert state.reply
    state.end_reply(state.reply)
    created, done = state.take_said()
    assert isinstance(created, ResponseCreated)
    assert isinstance(done, ResponseDone)
    assert created.metadata == done.metadata == {"a": "b"}


@pytest.mark.parametrize(
    "again", [CreateResponse(), CreateItem(Item(kind="force_message", text="x"))]
)
def test_there_is_one_reply_at_a_time(state: SessionState, again: Any) -> None:
    reply = ask(state, "hello")
    state.take_said()
    state.receive(again)
    (error,) = state.take_said()
    assert "already has an active response" in error.message
    assert error.error_type == "invalid_request_error"
    assert state.reply is reply


def test_cancel_ends_the_reply(state: SessionState) -> None:
    reply = ask(state, "hello")
    state.take_said()
    state.receive(CancelResponse(reply.response_id))
    (done,) = state.take_said()
    assert (done.status, done.response_id) == ("cancelled", reply.response_id)


def test_the_end_of_a_reply_lists_its_items(state: SessionState) -> None:
    reply = ask(state, "hello")
    tell(state, reply, "Good day.")
    state.end_reply(reply)
    done = state.take_said()[-1]
    assert done.output == reply.output()
    assert [item.text for item in done.output] == ["Good day."]


def test_cancel_without_a_reply_is_a_harmless_error(state: SessionState) -> None:
    state.receive(CancelResponse())
    (error,) = state.take_said()
    assert "no active response" in error.message
    assert error.error_type == "invalid_request_error"


def test_a_late_cancel_does_not_end_the_next_reply(state: SessionState) -> None:
    reply = ask(state, "hello")
    state.receive(CancelResponse("the one before"))
    assert state.reply is reply


def test_truncate_tells_what_was_kept_and_what_the_partner_will_remember(
    state: SessionState,
) -> None:
    reply = ask(state, "count")
    for word in ("one ", "two ", "three"):
        tell(state, reply, word, 2_400)
    state.end_reply(reply)
    state.take_said()
    state.receive(TruncateItem(item_id=reply.item_id, audio_end_ms=150))
    (truncated,) = state.take_said()
    assert isinstance(truncated, ItemTruncated)
    assert (truncated.transcript, truncated.audio_end_ms) == ("one two", 150)
    history = state.turn_for(ask(state, "go on")).history
    assert history[-1].text == "one two"


def test_truncate_of_an_unknown_item_is_an_error(state: SessionState) -> None:
    state.receive(TruncateItem(item_id="nobody's", audio_end_ms=1))
    message = state.take_said()[0].message
    assert "nobody's" in message
    assert "Truncat" in message


def test_a_word_out_of_place_is_an_error(state: SessionState) -> None:
    state.receive(ClearAudio())
    assert state.take_said()[0].error_type == "invalid_event"


def test_a_failure_before_the_reply_was_announced_still_has_both_ends(
    state: SessionState,
) -> None:
    speak(state)
    state.take_said()
    assert state.reply
    state.fail_reply(state.reply, ValueError("out of ideas"))
    created, error, done = state.take_said()
    assert isinstance(created, ResponseCreated)
    assert "ValueError: out of ideas" in error.message
    assert done.status == "failed"


def test_the_echo_follows_the_settings(state: SessionState) -> None:
    state.update(UpdateSession(turn_detection=ServerVad()))
    (updated,) = state.take_said()
    assert isinstance(updated, SessionUpdated)
    assert updated.session["turn_detection"]["type"] == "server_vad"


# -------------------------------------------------------------------------------------- turn taking
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
    state.take_said()
    assert state.reply
    return state.reply


@pytest.mark.parametrize(
    ("detection", "wanted"),
    [
        (ServerVad(), force("Listen.", is_interruptible=False)),
        (PATIENT, CreateResponse()),
        (PATIENT, force("Listen.", is_interruptible=True)),
    ],
)
def test_the_turn_is_answered_after_the_reply_that_speech_does_not_end(
    state: SessionState, detection: ServerVad, wanted: Any
) -> None:
    state.update(UpdateSession(turn_detection=detection))
    reply = begun(state, wanted)
    speak(state)
    assert state.reply is reply
    (heard,) = state.take_unrecognised()
    state.take_said()
    state.end_reply(reply)
    (done,) = state.take_said()
    assert done.status == "completed"
    assert state.reply is not None
    assert state.reply.heard is heard


def test_of_several_turns_the_last_is_answered(state: SessionState) -> None:
    state.update(UpdateSession(turn_detection=PATIENT))
    reply = begun(state, CreateResponse())
    speak(state)
    speak(state)
    _, last = state.take_unrecognised()
    state.end_reply(reply)
    assert state.reply
    assert state.reply.heard is last


def test_speech_that_goes_on_is_not_talked_into(state: SessionState) -> None:
    state.update(UpdateSession(turn_detection=PATIENT))
    reply = begun(state, CreateResponse())
    speak(state)
    state.begin_speech(SpeechBegan(2_000))
    state.end_reply(reply)
    assert state.reply is None


def test_what_may_be_interrupted_is(state: SessionState) -> None:
    state.update(UpdateSession(turn_detection=ServerVad()))
    begun(state, force("Listen.", is_interruptible=True))
    speak(state)
    assert [event.status for event in state.take_said() if isinstance(event, ResponseDone)] == [
        "cancelled"
    ]


def test_the_client_may_cancel_what_speech_may_not(state: SessionState) -> None:
    reply = begun(state, force("Listen.", is_interruptible=False))
    state.receive(CancelResponse(reply.response_id))
    (done,) = state.take_said()
    assert done.status == "cancelled"


def test_a_reply_is_spoken_in_the_format_of_its_beginning(state: SessionState) -> None:
    reply = begun(state, CreateResponse())
    other = state.settings.output_format.__class__(encoding="pcma")
    state.update(UpdateSession(output_format=other))
    sound = AudioDelta(item_id=reply.item_id, pcm=b"")
    assert reply.form != other
    state.tell(reply, ())
    assert state.format_of(sound) == reply.form


# --------------------------------------------------------------------------- through a line
async def test_a_turn_is_committed_and_waits_for_a_request(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    detection = ServerVad(create_response=False)
    async with connected(serving("parrot"), detection=detection) as client:
        await client.send_sound(utterance)
        await client.until(AudioCommitted)
        await client.say(CreateItem(Item(role="system", part="input_text", text="mark")))
        await client.until(ItemAdded)
        assert not client.all(ResponseCreated)
        await client.say(CreateResponse())
        assert (await client.until(ResponseDone)).status == "completed"
        assert client.sound().size > 24_000
        assert len(client.all(ResponseCreated)) == 1


async def test_speech_does_not_cancel_where_it_is_not_to_interrupt(
    serving: Any, connected: Any, hesitant: Any, utterance: np.ndarray
) -> None:
    sound = np.arange(12_000, dtype=np.int16)
    partner = hesitant(sound)
    async with connected(serving(partner), detection=PATIENT) as client:
        await client.type_text("talk")
        await client.until(AudioDelta)
        await client.send_sound(utterance)
        await client.until(AudioCommitted)
        assert not client.all(ResponseDone)
        partner.go_on()
        first = await client.until(ResponseDone)
        assert first.status == "completed"
        np.testing.assert_array_equal(client.sound(first.response_id), sound)
        second = await client.until(ResponseDone)
        assert second.status == "completed"
        assert client.sound(second.response_id).size > 24_000


async def test_a_forced_message_is_spoken_to_its_end_where_nobody_may_cut_in(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    pytest.importorskip("espeakng_loader")
    async with connected(serving("parrot", speed=1.0), detection=ServerVad()) as client:
        text = "This call is recorded, as you may know, and so are all of the others."
        await client.say(force(text, is_interruptible=False))
        await client.until(AudioDelta)
        await client.send_sound(utterance)
        first = await client.until(ResponseDone)
        assert client.all(SpeechStarted)
        assert (first.status, first.output[0].text) == ("completed", text)
        second = await client.until(ResponseCreated)
        assert second.response_id != first.response_id
