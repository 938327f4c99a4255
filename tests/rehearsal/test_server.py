"""The whole server, over a real socket."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    Authenticate,
    ClearAudio,
    CommitAudio,
    CreateItem,
    CreateResponse,
    ErrorReported,
    Item,
    ItemAdded,
    Pinged,
    PushToTalk,
    ResponseDone,
    ServerVad,
    SessionCreated,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    TranscriptDelta,
    Transcription,
    Unrecognized,
    UpdateSession,
)
from grok_live_widget.exceptions import ConfigurationError, RehearsalError
from grok_live_widget.protocol.dialects import LIVE, REALTIME
from grok_live_widget.rehearsal import RehearsalServer, Unvoiced

from ..support.waiting import wait_until_async

VAD = ServerVad()
_TEXTS = (TextDelta, TranscriptDelta)


def turn_samples(client: Any, sent: np.ndarray) -> np.ndarray:
    """The stretch of `sent` that the server called the turn."""
    started, stopped = client.all(SpeechStarted)[-1], client.all(SpeechStopped)[-1]
    return sent[started.audio_start_ms * 24 : stopped.audio_end_ms * 24]


def rehearsal_threads() -> set[str]:
    return {t.name for t in threading.enumerate() if t.name.startswith("rehearsal")}


async def wait_until_no_thread_is_left() -> None:
    await wait_until_async(lambda: not rehearsal_threads(), what="the end of all threads")


# --------------------------------------------------------------------------- handshake
async def test_a_handshake_without_a_key_is_refused_with_401(serving: Any) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(serving().url("realtime"), proxy=None)
    assert refused.value.response.status_code == 401


async def test_a_wrong_key_is_refused_with_400_as_the_service_does(serving: Any) -> None:
    server = serving(api_key="right")
    with pytest.raises(InvalidStatus) as refused:
        await connect(
            server.url("realtime"),
            additional_headers={"Authorization": "Bearer wrong"},
            proxy=None,
        )
    response = refused.value.response
    body = json.loads(response.body)
    assert response.status_code == 400
    assert "API key" in body["error"]
    assert body["code"]


async def test_the_right_key_is_accepted(serving: Any, connected: Any) -> None:
    async with connected(serving(api_key="right"), key="right") as client:
        assert (await client.ask("hello")).status == "completed"


@pytest.mark.parametrize("dialect", ["live", "realtime"])
async def test_a_web_page_is_refused_unless_it_is_allowed_by_name(
    serving: Any, dialect: str
) -> None:
    server = serving(allowed_origins=["https://friend.example"])
    headers = {"Authorization": "Bearer any"}
    with pytest.raises(InvalidStatus) as refused:
        await connect(
            server.url(dialect), origin="https://a.example", additional_headers=headers, proxy=None
        )
    assert refused.value.response.status_code == 403
    async with connect(
        server.url(dialect),
        origin="https://friend.example",
        additional_headers=headers,
        proxy=None,
    ):
        pass


async def test_any_other_path_does_not_exist(serving: Any) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(serving().url("realtime") + "x", proxy=None)
    assert refused.value.response.status_code == 404


@pytest.mark.parametrize("first", [Authenticate("wrong"), CommitAudio()])
async def test_live_closes_on_a_first_message_that_is_not_the_right_key(
    serving: Any, connected: Any, first: Any
) -> None:
    server = serving(api_key="right")
    async with connect(server.url("live"), proxy=None) as socket:
        await socket.send(LIVE.encode(first), text=True)
        error = LIVE.decode_server(await socket.recv(decode=False))
        assert isinstance(error, ErrorReported)
        assert "API key" in error.message
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd.code == 1008


# --------------------------------------------------------------------------- orders of events
async def test_a_session_opens_as_recorded(serving: Any) -> None:

    async with connect(
        serving().url("realtime") + "?model=some-model",
        additional_headers={"Authorization": "Bearer any"},
        proxy=None,
    ) as socket:
        await socket.send(REALTIME.encode(UpdateSession(turn_detection=VAD)), text=True)
        messages = [json.loads(await socket.recv()) for _ in range(4)]
    assert [message["type"] for message in messages] == [
        "session.created",
        "conversation.created",
        "ping",
        "session.updated",
    ]
    created, updated = messages[0]["session"], messages[3]["session"]
    assert created["model"] == updated["model"] == "some-model"
    assert created["turn_detection"] == {"type": None}
    assert updated["turn_detection"]["threshold"] == 0.5
    assert all(message["event_id"] for message in messages)


TEXT_TURN = [
    "ItemAdded",
    "ResponseCreated",
    "OutputItemAdded",
    "ItemAdded",
    "ContentPartAdded",
    "AudioDelta",
    "TranscriptDelta",
]
REPLY_END = ["TranscriptDone", "ContentPartDone", "AudioDone", "OutputItemDone", "ResponseDone"]


async def test_a_typed_turn_is_answered_in_the_recorded_order(serving: Any, connected: Any) -> None:
    async with connected(serving("talker")) as client:
        await client.ask("hello")
        kinds = client.kinds()
    assert kinds[: len(TEXT_TURN)] == TEXT_TURN
    assert kinds[-len(REPLY_END) :] == REPLY_END
    assert set(kinds[len(TEXT_TURN) : -len(REPLY_END)]) <= {"AudioDelta", "TranscriptDelta"}


async def test_a_spoken_turn_is_answered_in_the_recorded_order(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    written = Transcription()
    async with connected(serving("parrot"), detection=VAD, transcription=written) as client:
        await client.send_audio(utterance)
        await client.until(ResponseDone)
    assert client.kinds() == [
        "SpeechStarted",
        "ItemAdded",
        "UserTranscriptReplaced",
        "SpeechStopped",
        "AudioCommitted",
        "UserTranscriptReplaced",
        "ResponseCreated",
        "OutputItemAdded",
        "ItemAdded",
        "ContentPartAdded",
        "AudioDelta",
        *REPLY_END,
    ]


async def test_push_to_talk_waits_for_a_request(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    async with connected(serving("parrot")) as client:
        await client.send_audio(utterance)
        await client.send(CommitAudio(), CreateResponse(metadata={"a": "b"}))
        done = await client.until(ResponseDone)
        assert client.kinds()[:2] == ["AudioCommitted", "ItemAdded"]
        assert done.metadata == {"a": "b"}
        np.testing.assert_array_equal(client.audio(), utterance)


async def test_clear_forgets_what_was_not_committed(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    kept = utterance[24_000:30_000]
    async with connected(serving("parrot")) as client:
        await client.send_audio(utterance)
        await client.send(ClearAudio(), AppendAudio(kept.tobytes()), CommitAudio())
        await client.send(CreateResponse())
        await client.until(ResponseDone)
        assert client.kinds()[0] == "AudioCleared"
        np.testing.assert_array_equal(client.audio(), kept)


async def test_each_commit_begins_where_the_last_ended(serving: Any, connected: Any) -> None:
    sound = np.arange(5_000, dtype=np.int16)
    async with connected(serving("parrot")) as client:
        for piece in (sound[:1_234], sound[1_234:]):
            client.forget()
            await client.send(AppendAudio(piece.tobytes()), CommitAudio(), CreateResponse())
            await client.until(ResponseDone)
            np.testing.assert_array_equal(client.audio(), piece)


async def test_an_empty_commit_is_tolerated(serving: Any, connected: Any) -> None:
    async with connected(serving("parrot")) as client:
        await client.send(CommitAudio())
        await client.ask("still there?")
        assert client.kinds()[0] == "AudioCommitted"
        assert not client.all(ErrorReported)


# --------------------------------------------------------------------------- sound
@pytest.mark.parametrize("chunk_samples", [480, 2_400, 100_000])
async def test_the_parrot_returns_the_turn_bit_for_bit(
    serving: Any, connected: Any, utterance: np.ndarray, chunk_samples: int
) -> None:
    async with connected(serving("parrot"), detection=VAD) as client:
        await client.send_audio(utterance, chunk_samples)
        done = await client.until(ResponseDone)
        wanted = turn_samples(client, utterance)
        np.testing.assert_array_equal(client.audio(), wanted)
        assert done.usage["output_audio_seconds"] == wanted.size / 24_000


async def test_the_whole_sentence_is_in_the_turn(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    async with connected(serving("parrot"), detection=VAD) as client:
        await client.send_audio(utterance)
        await client.until(ResponseDone)
        inside = client.audio().astype(float)
    assert np.sum(inside**2) / np.sum(utterance.astype(float) ** 2) > 0.999


async def test_the_parrot_answers_typed_text_without_audio(serving: Any, connected: Any) -> None:
    async with connected(serving("parrot")) as client:
        done = await client.ask("just text")
        assert "".join(delta.delta for delta in client.all(TextDelta)) == "just text"
        assert not client.all(AudioDelta)
        assert done.usage["output_audio_seconds"] == 0


# --------------------------------------------------------------------------- live
SEED_TYPES = {
    "response.audio.delta",
    "response.audio_transcript.delta",
    "input_audio_buffer.speech_started",
    "input_audio_buffer.speech_stopped",
    "error",
}


async def test_live_sends_only_its_five_events(serving: Any, utterance: np.ndarray) -> None:

    server = serving("talker")
    messages = []
    async with connect(server.url("live"), max_queue=None, proxy=None) as socket:
        for event in (
            Authenticate("key"),
            UpdateSession(turn_detection=VAD),
            AppendAudio(utterance.tobytes()),
            CreateItem(Item(role="user", part="input_text", text="hello")),
            ClearAudio(),
        ):
            await socket.send(LIVE.encode(event), text=True)
        await socket.send('{"type": "nonsense"}')
        while {message["type"] for message in messages} != SEED_TYPES:
            messages.append(json.loads(await asyncio.wait_for(socket.recv(), 30)))
    fields = {name for message in messages if message["type"] != "error" for name in message}
    assert fields <= {"type", "delta"}


async def test_live_answers_a_commit_unasked(serving: Any, connected: Any) -> None:
    sound = np.arange(3_000, dtype=np.int16)
    async with connected(serving("parrot"), "live", detection=PushToTalk()) as client:
        await client.send(AppendAudio(sound.tobytes()), CommitAudio())
        while client.audio().size < sound.size:
            await client.receive()
        np.testing.assert_array_equal(client.audio(), sound)


async def test_live_answers_typed_text_by_analogy(serving: Any, connected: Any) -> None:
    async with connected(serving("parrot"), "live") as client:
        await client.type_text("hello")
        assert (await client.until(TranscriptDelta)).delta == "hello"


# --------------------------------------------------------------------------- interruptions
def endless(turn: Any) -> Any:
    """Speaks until it is interrupted."""
    while True:
        yield np.ones(4_800, np.int16)


async def test_speech_cancels_the_running_response(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    async with connected(serving(endless, speed=1.0), detection=VAD) as client:
        await client.type_text("talk")
        await client.until(AudioDelta)
        client.forget()
        await client.send_audio(utterance)
        done = await client.until(ResponseDone)
        assert done.status == "cancelled"
        kinds = client.kinds()
        assert kinds.index("SpeechStarted") < kinds.index("ResponseDone")


async def test_nothing_of_a_cancelled_response_is_sent_after_its_end(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    async with connected(serving(endless, speed=1.0), detection=VAD) as client:
        await client.type_text("talk")
        await client.until(AudioDelta)
        await client.send_audio(utterance)
        first = await client.until(ResponseDone)
        client.forget()
        while client.audio().size < 10_000:
            await client.receive()
        assert first.response_id not in {delta.response_id for delta in client.all(AudioDelta)}


async def test_half_duplex_hears_the_second_sentence_after_the_first_response(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    sound = np.concatenate((utterance, utterance))
    server = serving("parrot", half_duplex=True, speed=20)
    async with connected(server, detection=VAD) as client:
        await client.send_audio(sound, sound.size)
        first = await client.until(ResponseDone)
        second = await client.until(ResponseDone)
        assert (first.status, second.status) == ("completed", "completed")
        assert len(client.all(SpeechStarted)) == 2
        np.testing.assert_array_equal(client.audio(second.response_id), turn_samples(client, sound))


async def test_full_duplex_cancels_where_half_duplex_waits(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    sound = np.concatenate((utterance, utterance))

    def endless_then_parrot(turn: Any) -> Any:
        return turn.pcm if turn.history[:-1] else endless(turn)

    server = serving(endless_then_parrot, speed=20)
    async with connected(server, detection=VAD) as client:
        await client.send_audio(utterance)
        await client.until(AudioDelta)
        await client.send_audio(utterance)
        first = await client.until(ResponseDone)
        assert first.status == "cancelled"
        second = await client.until(ResponseDone)
        assert second.status == "completed"
        np.testing.assert_array_equal(client.audio(second.response_id), turn_samples(client, sound))


# --------------------------------------------------------------------------- partners
def plain_text(turn: Any) -> str:
    return "yes"


def plain_sound(turn: Any) -> np.ndarray:
    return np.full(100, 0.5, np.float32)


def pieces(turn: Any) -> Any:
    yield np.full(50, 0.5)
    yield np.full(50, 16_384, np.int16)


async def coroutine(turn: Any) -> np.ndarray:
    await asyncio.sleep(0)
    return np.full((100, 2), 0.5, np.float64)


async def async_pieces(turn: Any) -> Any:
    for _ in range(2):
        await asyncio.sleep(0)
        yield np.full(50, 0.5, np.float32)


@pytest.mark.parametrize("partner", [plain_sound, pieces, coroutine, async_pieces])
async def test_a_partner_may_answer_with_audio_in_any_way(
    serving: Any, connected: Any, partner: Any
) -> None:
    async with connected(serving(partner)) as client:
        await client.ask("go")
        np.testing.assert_array_equal(client.audio(), np.full(100, 16_384, np.int16))


async def test_a_partner_s_words_are_spoken(serving: Any, connected: Any) -> None:
    pytest.importorskip("espeakng_loader")
    async with connected(serving(plain_text)) as client:
        await client.ask("go")
        assert "".join(delta.delta for delta in client.all(TranscriptDelta)) == "yes"
        assert client.audio().size > 2_400


@pytest.mark.parametrize(
    ("said", "received"),
    [
        ("93592 or 5551234.", "93592 or 5551234."),
        ("... 2024-03-15 😀\n", "... 2024-03-15 😀\n"),
        ("a lone \ud800", "a lone \ufffd"),
    ],
)
async def test_a_partner_s_words_are_received_letter_for_letter(
    said: str, received: str, serving: Any, connected: Any
) -> None:
    pytest.importorskip("espeakng_loader")
    async with connected(serving(lambda turn: said)) as client:
        done = await client.ask("hello")
        deltas = [each.delta for each in client.received if isinstance(each, _TEXTS)]
    assert done.status == "completed"
    assert "".join(deltas) == done.output[0].text == received


async def test_a_partner_that_fails_is_reported_and_the_connection_stays_open(
    serving: Any, connected: Any
) -> None:
    def moody(turn: Any) -> str:
        if turn.text == "now fail":
            raise ValueError("out of ideas")
        return "fine"

    async with connected(serving(moody)) as client:
        assert (await client.ask("now fail")).status == "failed"
        error = client.all(ErrorReported)[-1]
        assert error.error_type == "internal_error"
        assert "out of ideas" in error.message
        assert (await client.ask("again")).status == "completed"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (42, "the partner returned int: 42. An answer is a text"),
        ({"text": "hi"}, "the partner returned dict: {'text': 'hi'}. An answer is a text"),
        ({}, "the partner returned dict: {}. An answer is a text"),
        (None, "the partner returned neither text nor sound. An answer is a text"),
        ("", "the partner returned neither text nor sound. An answer is a text"),
        ([], "the partner returned neither text nor sound. An answer is a text"),
        (np.zeros(0, np.int16), "the partner returned neither text nor sound. An answer is a text"),
    ],
)
async def test_a_partner_whose_answer_cannot_be_used_is_reported(
    answer: Any, says: str, serving: Any, connected: Any
) -> None:
    async with connected(serving(lambda turn: answer)) as client:
        assert (await client.ask("go")).status == "failed"
        assert client.all(ErrorReported)[-1].message.startswith(says)


async def test_a_list_answers_one_turn_after_another(serving: Any, connected: Any) -> None:
    async with connected(serving([Unvoiced("one"), Unvoiced("two")])) as client:
        texts = [(await client.ask("go")).output[0].text for _ in range(3)]
    assert texts == ["one", "two", "one"]


async def test_a_text_that_looks_like_a_call_is_reported_after_it_was_spoken(
    serving: Any, connected: Any
) -> None:
    pytest.importorskip("espeakng_loader")
    async with connected(serving(['call weather {"city": "Lyon"}', "fine"])) as client:
        assert (await client.ask("go")).status == "completed"
        assert "looks like a call of a tool" in client.all(ErrorReported)[-1].message
        client.forget()
        assert (await client.ask("go")).status == "completed"
        assert client.all(ErrorReported) == []


# --------------------------------------------------------------------------- what is not understood
@pytest.mark.parametrize("text", ['{"type": "conversation.item.retrieve"}', "not json", "[]", "{}"])
async def test_an_unknown_message_is_an_error_event(
    serving: Any, connected: Any, text: str
) -> None:
    async with connected(serving("parrot")) as client:
        await client.send_raw(text)
        assert (await client.until(ErrorReported)).error_type == "invalid_event"
        assert (await client.ask("still there?")).status == "completed"


async def test_every_frame_of_a_talk_is_known_to_the_dialect(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    async with connected(serving("talker"), detection=VAD) as client:
        await client.send_audio(utterance)
        await client.until(ResponseDone)
        await client.ask("hello")
        assert not client.all(Unrecognized)


# --------------------------------------------------------------------------- life and end
async def test_pings_come_now_and_again(serving: Any, connected: Any) -> None:

    async with connected(serving("parrot", ping_interval_s=0.02)) as client:
        first, second = await client.until(Pinged), await client.until(Pinged)
        assert second.timestamp_ms >= first.timestamp_ms


async def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(
    serving: Any, connected: Any
) -> None:
    server = serving(endless, speed=1.0)
    async with connected(server) as client:
        await client.type_text("talk")
        await client.until(AudioDelta)
        assert "rehearsal-partner" in rehearsal_threads()
    await wait_until_async(lambda: "rehearsal-partner" not in rehearsal_threads())
    async with connected(server) as client:
        await client.type_text("still there?")
        await client.until(AudioDelta)


async def test_closing_in_the_middle_hangs_up_and_ends_every_thread(
    serving: Any, connected: Any
) -> None:
    server = serving(endless, speed=1.0)
    async with connected(server) as client:
        await client.type_text("talk")
        await client.until(AudioDelta)
        await asyncio.to_thread(server.close)
        with pytest.raises(ConnectionClosed) as closed:
            await client.until(type(None))
        assert closed.value.rcvd.code in (1000, 1001)
    await wait_until_no_thread_is_left()


async def test_a_partner_that_is_asleep_does_not_hold_up_the_end(
    serving: Any, connected: Any
) -> None:
    asleep, cancelled = threading.Event(), threading.Event()

    async def sleepy(turn: Any) -> str:
        asleep.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return ""

    server = serving(sleepy)
    async with connected(server) as client:
        await client.type_text("talk")
        # One that has not begun when the line ends never does.
        await wait_until_async(asleep.is_set)
    await wait_until_async(cancelled.is_set)


async def test_words_that_are_being_recognised_do_not_hold_up_the_end(
    serving: Any, connected: Any, utterance: np.ndarray
) -> None:
    pytest.importorskip("pocketsphinx")
    server = serving(lambda turn: turn.text, words=True)
    async with connected(server) as client:
        # Recognising this takes longer than the close of a thread waits for its end.
        await client.send_audio(np.tile(utterance, 1 + 120 * 24_000 // utterance.size), 240_000)
        await client.send(CommitAudio())
        await client.until(ItemAdded)
        await asyncio.to_thread(server.close)
        assert rehearsal_threads() == set()


async def test_it_serves_as_an_asynchronous_context_manager(connected: Any) -> None:
    async with RehearsalServer("parrot") as server, connected(server) as client:
        await client.ask("hello")
    await wait_until_no_thread_is_left()


def test_it_can_be_closed_twice_and_started_again() -> None:
    server = RehearsalServer("parrot")
    for _ in range(2):
        with server:
            assert server.url("live") == f"ws://127.0.0.1:{server.port}/v1/live"
        server.close()
    assert rehearsal_threads() == set()


def test_a_server_that_is_not_running_has_no_port() -> None:
    with pytest.raises(RehearsalError, match="with"):
        RehearsalServer("parrot").url("live")


def test_a_port_that_is_taken_is_an_error_with_a_cure() -> None:
    with RehearsalServer("parrot") as first:
        second = RehearsalServer("parrot", port=first.port)
        with pytest.raises(RehearsalError, match="port=0"):
            second.start()
    assert rehearsal_threads() == set()


@pytest.mark.parametrize(
    "settings",
    [{"speed": 0}, {"ping_interval_s": -1}, {"partner": "who"}, {"port": 99_999}, {"port": "http"}],
)
def test_wrong_settings_are_refused_before_anything_is_opened(settings: Any) -> None:
    with pytest.raises(ConfigurationError):
        RehearsalServer(**settings)


def test_the_key_is_in_no_repr() -> None:
    server = RehearsalServer("parrot", api_key="secret-of-mine")
    assert "secret-of-mine" not in repr(server) + repr(vars(server)["_settings"])


async def test_nothing_is_printed_and_nothing_is_logged(
    serving: Any, connected: Any, capfd: Any, caplog: Any
) -> None:
    caplog.set_level(0, "grok_live_widget")
    async with connected(serving(api_key="right"), key="right") as client:
        await client.ask("hello")
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if "right" in record.getMessage()]


async def test_the_session_is_announced_with_the_model_that_was_asked_for(
    serving: Any, connected: Any
) -> None:

    async with connect(
        serving().url("realtime"),
        additional_headers={"Authorization": "Bearer any"},
        proxy=None,
    ) as socket:
        created = REALTIME.decode_server(await socket.recv(decode=False))
    assert isinstance(created, SessionCreated)
    assert (created.model, created.voice) == (REALTIME.default_model, "ara")
