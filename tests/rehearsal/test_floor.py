"""Who speaks: replies that speech does not end, and turns that nobody answers unasked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grok_live_widget.events import (
    AudioCommitted,
    AudioDelta,
    CancelResponse,
    CreateItem,
    CreateResponse,
    Item,
    ItemAdded,
    ResponseCreated,
    ResponseDone,
    ServerVad,
    SpeechStarted,
    UpdateSession,
)
from grok_live_widget.rehearsal.hearing import SpeechBegan, SpeechEnded
from grok_live_widget.rehearsal.state import SessionState

PATIENT = ServerVad(interrupt_response=False)


@pytest.fixture
def state() -> SessionState:
    return SessionState("model")


def speak(state: SessionState) -> None:
    state.begin_speech(SpeechBegan(0))
    state.end_speech(SpeechEnded(0, 1_000, np.zeros(24_000, np.int16)))


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
