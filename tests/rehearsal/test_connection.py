"""Keys, and words on the way; the rest of a line is tested through the server."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grok_live_widget.events import (
    AppendAudio,
    AudioCommitted,
    CancelResponse,
    CommitAudio,
    CreateItem,
    CreateResponse,
    ErrorReported,
    Item,
    PushToTalk,
    ResponseCreated,
    ResponseDone,
    ServerVad,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    ToolCalled,
    ToolOffer,
    TranscriptDelta,
    UpdateSession,
    UserTranscriptReplaced,
)
from grok_live_widget.rehearsal import CallTool, faults
from grok_live_widget.rehearsal.connection import is_valid_key


def test_keys_are_compared_whole() -> None:
    assert is_valid_key("key", "key")
    assert not is_valid_key("ke", "key")
    assert not is_valid_key("", "key")
    assert is_valid_key("naïve 😀", None)
    assert not is_valid_key("naïve 😀", "key")


async def test_speech_is_transcribed_by_words_where_they_are_known(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    pytest.importorskip("pocketsphinx")
    texts = []

    def listener(turn: Any) -> str:
        texts.append(turn.text)
        return ""

    async with connected(serving(listener, words=True), detection=ServerVad()) as client:
        await client.send_audio(utterance)
        await client.until(ResponseDone)
        final = client.all(UserTranscriptReplaced)[-1]
    assert final.is_final
    assert "hello" in final.transcript
    assert texts == [final.transcript]


async def test_speech_without_words_is_reported_by_its_length(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    async with connected(serving("parrot"), detection=ServerVad()) as client:
        await client.send_audio(utterance)
        await client.until(ResponseDone)
        duration_s = client.audio().size / 24_000
        final = client.all(UserTranscriptReplaced)[-1]
    assert final.transcript == f"(speech, {duration_s:.1f} s)"


async def test_a_commit_ends_the_speech_that_continues(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    cut = utterance[:60_000]
    async with connected(serving("parrot"), detection=ServerVad()) as client:
        await client.send(AppendAudio(cut.tobytes()), CommitAudio())
        await client.until(ResponseDone)
        started, stopped = client.all(SpeechStarted)[0], client.all(SpeechStopped)[0]
        assert stopped.audio_end_ms == cut.size // 24
        np.testing.assert_array_equal(client.audio(), cut[started.audio_start_ms * 24 :])


async def test_a_change_to_push_to_talk_ends_the_speech_that_continues(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    async with connected(serving("parrot"), detection=ServerVad()) as client:
        await client.send(AppendAudio(utterance[:60_000].tobytes()))
        await client.until(SpeechStarted)
        await client.send(UpdateSession(turn_detection=PushToTalk()))
        await client.until(SpeechStopped)
        await client.send(AppendAudio(utterance.tobytes()), CommitAudio())
        await client.until(AudioCommitted)
        assert len(client.all(SpeechStarted)) == 1


async def test_an_odd_byte_at_the_end_of_an_append_is_dropped(serving: Any, connected: Any) -> None:
    async with connected(serving("parrot")) as client:
        await client.send(AppendAudio(b"\1\0\2\0\3"), AppendAudio(b"\4\0"), CommitAudio())
        await client.send(CreateResponse())
        await client.until(ResponseDone)
        np.testing.assert_array_equal(client.audio(), [1, 2, 4])


async def test_a_tool_is_called_and_its_output_is_answered(serving: Any, connected: Any) -> None:
    def weatherman(turn: Any) -> Any:
        return CallTool("look", {"where": "up"}) if turn.role == "user" else f"It is {turn.text}."

    async with connected(serving(weatherman)) as client:
        await client.ask("weather?")
        (call,) = client.all(ToolCalled)
        output = Item(kind="function_call_output", call_id=call.call_id, text="foggy")
        await client.send(CreateItem(output), CreateResponse())
        await client.until(ResponseDone)
    said = client.all(TranscriptDelta) or client.all(TextDelta)
    assert "".join(delta.delta for delta in said) == "It is foggy."


async def test_a_partner_knows_the_offers_of_tools_and_which_call_an_output_answers(
    serving: Any, connected: Any
) -> None:
    turns: list[Any] = []

    def partner(turn: Any) -> Any:
        turns.append(turn)
        return "Foggy." if turn.role == "tool" else CallTool("look", {"where": "up"})

    offer = ToolOffer(name="look", description="Look.", parameters={"type": "object"})
    async with connected(serving(partner), tools=(offer,)) as client:
        await client.ask("How is the weather?")
        call = client.all(ToolCalled)[-1]
        output = Item(kind="function_call_output", call_id=call.call_id, text="foggy")
        await client.send(CreateItem(output), CreateResponse())
        await client.until(ResponseDone)
    asked, answered = turns
    assert asked.tool_offers == (offer,)
    assert (asked.call_id, answered.call_id) == ("", call.call_id)
    assert [line.call_id for line in answered.history if line.name] == [call.call_id]
    assert asked.conversation_id == answered.conversation_id != ""


async def test_what_a_partner_said_before_it_failed_is_sent_to_the_last_sample(
    serving: Any, connected: Any
) -> None:
    said = np.arange(1, 5_001, dtype=np.int16)

    def partner(turn: Any) -> Any:
        yield said
        raise KeyError("lost")

    async with connected(serving(partner)) as client:
        done = await client.ask("Go on.")
        np.testing.assert_array_equal(client.audio(), said)
    assert done.status == "failed"
    assert "KeyError: 'lost'" in client.all(ErrorReported)[-1].message


async def test_a_fault_of_a_partner_acts_on_what_it_says_from_there_on(
    serving: Any, connected: Any
) -> None:
    piece = np.ones(3_600, np.int16)

    def partner(turn: Any) -> Any:
        yield piece
        yield faults.Duplicate()
        yield faults.Duplicate(nth=2)
        yield 2 * piece
        yield 3 * piece

    async with connected(serving(partner)) as client:
        await client.ask("Go on.")
        heard = client.audio()[::3_600].tolist()
        client.forget()
        await client.ask("And again.")
    assert heard == [1, 2, 2, 2, 3]
    # The first of them counts on the connection, so it is over; those of this answer are new.
    assert client.audio()[::3_600].tolist() == [1, 2, 2, 2, 3]


async def test_a_forced_message_is_spoken_with_any_partner(serving: Any, connected: Any) -> None:
    pytest.importorskip("espeakng_loader")
    item = Item(kind="force_message", role="assistant", part="output_text", text="Exactly this.")
    async with connected(serving("parrot")) as client:
        await client.send(CreateItem(item))
        await client.until(ResponseDone)
        assert "".join(delta.delta for delta in client.all(TranscriptDelta)) == "Exactly this."
        assert client.audio().size > 10_000


async def test_a_cancelled_response_stops_and_the_next_one_runs(
    serving: Any, connected: Any
) -> None:
    def partner(turn: Any) -> Any:
        while turn.text == "endless":
            yield np.ones(4_800, np.int16)
        yield np.full(10, 2, np.int16)

    async with connected(serving(partner, speed=1.0)) as client:
        await client.type_text("endless")
        await client.until(ResponseCreated)
        await client.send(CancelResponse())
        assert (await client.until(ResponseDone)).status == "cancelled"
        client.forget()
        assert (await client.ask("short")).status == "completed"
        np.testing.assert_array_equal(client.audio(), np.full(10, 2, np.int16))
        assert not client.all(ErrorReported)


async def test_settings_may_change_in_the_middle(serving: Any, connected: Any) -> None:
    voices = []

    def listener(turn: Any) -> None:
        voices.append(turn.voice)

    async with connected(serving(listener), voice="nova") as client:
        await client.ask("one")
        await client.send(UpdateSession(voice="onyx"))
        await client.until(SessionUpdated)
        await client.ask("two")
    assert voices == ["nova", "onyx"]
