"""Every fault, on a real socket."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import suppress
from typing import Any

import numpy as np
import pybase64
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from grok_live_widget.events import (
    AudioDelta,
    AudioDone,
    CancelResponse,
    OutputItemAdded,
    ResponseCreated,
    ServerVad,
    TranscriptDone,
    UpdateSession,
)
from grok_live_widget.rehearsal import RehearsalServer
from grok_live_widget.rehearsal.faults import (
    Abandon,
    Burst,
    Close,
    Drop,
    Duplicate,
    Garbage,
    Late,
    Omit,
    OtherModel,
    Refuse,
    Reorder,
    Report,
    Stall,
    StallHandshake,
    Tail,
    Trickle,
)
from grok_live_widget.rehearsal.tts import Spoken

from ...support.waiting import wait_until_async
from .client import (
    DONE,
    EVERYWHERE,
    PIECE,
    SOUND,
    WORDS_SENT,
    answers_normally,
    connect_to,
    counting,
    message_of,
    sound_of,
    type_of,
)


# --------------------------------------------------------------------------- handshake
@pytest.mark.parametrize("dialect", ["realtime", "live"])
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 429, 500, 503])
async def test_a_handshake_is_refused_with_a_status_and_a_body(
    faulty: Any, dialect: str, status: int
) -> None:
    server = faulty(Refuse(status))
    with pytest.raises(InvalidStatus) as refused:
        async with connect_to(server, dialect):
            pass
    response = refused.value.response
    body = json.loads(response.body)
    assert response.status_code == status
    assert ("API key" in body["error"]) == (status == 400)
    assert body["code"]
    assert response.headers["Content-Type"] == "application/json"
    assert await answers_normally(server, dialect)


async def test_refusals_happen_as_often_as_asked_one_kind_after_the_other(faulty: Any) -> None:
    server = faulty(Refuse(429, times=2), Refuse(503, '{"error": "down"}'))
    statuses = []
    for _ in range(3):
        with pytest.raises(InvalidStatus) as refused:
            async with connect_to(server):
                pass
        statuses.append(refused.value.response.status_code)
    assert statuses == [429, 429, 503]
    assert refused.value.response.body == b'{"error": "down"}'
    assert await answers_normally(server)


async def test_a_stalled_handshake_gets_no_answer_and_does_not_hold_up_the_others(
    faulty: Any,
) -> None:
    server = faulty(StallHandshake())
    with pytest.raises((TimeoutError, InvalidHandshake)):
        await connect(server.url(), proxy=None, open_timeout=0.2)
    assert await answers_normally(server)


async def test_a_stalled_handshake_does_not_hold_up_the_end(faulty: Any) -> None:
    server = faulty(StallHandshake())
    waiting = asyncio.create_task(connect(server.url(), proxy=None).__aenter__())
    [(_, counter)] = server._faults._handshake_faults
    await wait_until_async(lambda: counter._remaining._count == 0)
    await asyncio.to_thread(server.close)
    with pytest.raises(InvalidStatus) as refused:
        await waiting
    assert refused.value.response.status_code == 503


# --------------------------------------------------------------------------- end of the connection
@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_a_dropped_connection_ends_without_a_close_frame_and_the_next_one_works(
    faulty: Any, dialect: str
) -> None:
    server = faulty(Drop(at=AudioDelta, nth=2))
    async with connect_to(server, dialect) as client:
        await client.type_text()
        await client.until(DONE)
    assert client.closed is not None
    assert client.closed.rcvd is None
    assert client.audio() == sound_of(1).tobytes()
    assert await answers_normally(server, dialect)


@pytest.mark.parametrize("place", EVERYWHERE)
async def test_a_connection_can_be_dropped_at_every_event(faulty: Any, place: str) -> None:
    async with connect_to(faulty(Drop(at=place, nth=1))) as client:
        with suppress(ConnectionClosed):
            await client.type_text()
        await client.until(DONE)
    assert client.closed is not None
    assert client.closed.rcvd is None
    assert place not in client.types


@pytest.mark.parametrize("dialect", ["realtime", "live"])
@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 1013, 1014, 4000])
async def test_a_connection_is_closed_in_the_middle_of_a_response_with_a_code_and_a_reason(
    faulty: Any, dialect: str, code: int
) -> None:
    async with connect_to(faulty(Close(code, "as asked")), dialect) as client:
        await client.type_text()
        await client.until(DONE)
    assert client.closed is not None
    assert (client.closed.rcvd.code, client.closed.rcvd.reason) == (code, "as asked")
    assert len(client.of(SOUND)) == 1


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_a_stalled_connection_stays_open_and_sends_nothing_more(
    faulty: Any, dialect: str
) -> None:
    server = faulty(Stall(at=AudioDelta, nth=3))
    async with connect_to(server, dialect) as client:
        await client.type_text()
        await client.until(WORDS_SENT, 2)
        await client.type_text("still there?")
        assert await client.receives_nothing()
        assert await answers_normally(server, dialect)
        assert await client.receives_nothing()


# --------------------------------------------------------------------------- missing messages
async def test_an_event_can_be_withheld(faulty: Any) -> None:
    server = faulty("withhold:session.updated")
    async with connect_to(server) as client:
        await client.type_text()
        await client.until(DONE)
        assert "session.updated" not in client.types
        await client.send(UpdateSession(voice="eve"))
        await client.until("session.updated")


@pytest.mark.parametrize(
    ("place", "nth", "last", "pieces"),
    [
        (ResponseCreated, 1, "conversation.item.added", 0),
        (OutputItemAdded, 1, "response.created", 0),
        (AudioDelta, 3, "response.output_audio_transcript.delta", 2),
        (AudioDone, 1, "response.content_part.done", 4),
    ],
)
async def test_an_abandoned_response_has_no_end_and_the_next_one_is_whole(
    serving: Any, place: type, nth: int, last: str, pieces: int
) -> None:
    was_asked = threading.Event()

    def partner(turn: Any) -> Any:
        was_asked.set()
        yield from counting(turn)

    server = serving(partner, faults=[Abandon(at=place, nth=nth)])
    async with connect_to(server) as client:
        await client.type_text("first")
        await asyncio.to_thread(was_asked.wait)
        [connection] = server._connections
        await wait_until_async(
            lambda: not (connection._current_response or connection._state.response)
        )
        await client.type_text("second")
        await client.until(DONE)
    assert len(client.of(DONE)) == 1
    whole = client.of(DONE)[0]["response_id"]
    assert len([m for m in client.of(SOUND) if m["response_id"] != whole]) == pieces
    assert len(client.of(SOUND)) == pieces + 4
    second = [m.get("item", {}).get("content") for m in client.messages].index(
        [{"type": "input_text", "text": "second"}]
    )
    assert client.types[second - 1] == last


@pytest.mark.parametrize("dialect", ["realtime", "live"])
@pytest.mark.parametrize("error_type", ["internal_error", "rate_limit_exceeded"])
async def test_an_error_comes_in_place_of_a_response(
    faulty: Any, dialect: str, error_type: str
) -> None:
    place = ResponseCreated if dialect == "realtime" else AudioDelta
    async with connect_to(faulty(Report(error_type, at=place)), dialect) as client:
        await client.type_text()
        await client.until("error")
        assert await client.receives_nothing()
    error = client.messages[-1]["error"]
    assert (error["type"], error["code"]) == (error_type, error_type)
    assert error["message"]
    assert not client.of(SOUND)
    assert "response.created" not in client.types


@pytest.mark.parametrize("error_type", ["timeout", "max_duration"])
async def test_an_error_that_ends_the_session_is_followed_by_its_end(
    faulty: Any, error_type: str
) -> None:
    server = faulty(Report(error_type, at=AudioDelta, nth=3))
    async with connect_to(server) as client:
        await client.type_text()
        await client.until(DONE)
    assert client.types[-1] == "error"
    assert client.messages[-1]["error"]["type"] == error_type
    assert client.closed is not None
    assert client.closed.rcvd.code == 1000
    assert len(client.of(SOUND)) == 2
    assert await answers_normally(server)


# --------------------------------------------------------------------------- corrupt messages
@pytest.mark.parametrize("dialect", ["realtime", "live"])
@pytest.mark.parametrize("kind", ["no-json", "no-object", "binary"])
async def test_garbage_comes_before_an_event_which_comes_all_the_same(
    faulty: Any, dialect: str, kind: Any
) -> None:
    async with connect_to(faulty(Garbage(kind, nth=2)), dialect) as client:
        await client.type_text()
        await client.until(SOUND, 4)
        odd = [frame for frame in client.frames if not message_of(frame)]
    assert len(odd) == 1
    assert isinstance(odd[0], bytes) == (kind == "binary")
    assert (kind == "no-object") == (kind != "binary" and str(odd[0]).startswith("["))
    assert type_of(client.frames[client.frames.index(odd[0]) + 1]) == SOUND
    assert len(client.audio()) == 4 * 2 * PIECE


async def test_a_text_that_is_no_utf8_is_sent_as_it_is(faulty: Any) -> None:
    async with connect_to(faulty(Garbage("no-utf8", at=ResponseCreated))) as client:
        await client.type_text()
        await client.until(DONE)
    assert client.closed is not None
    assert client.closed.sent is not None
    assert client.closed.sent.code == 1007


@pytest.mark.parametrize("place", EVERYWHERE)
async def test_every_field_of_an_event_can_be_of_another_type(faulty: Any, place: str) -> None:
    corrupt, intact = faulty(Garbage("wrong-types", at=place)), faulty()
    messages = []
    for server in (corrupt, intact):
        async with connect_to(server) as client:
            await client.type_text()
            await client.until(DONE)
            messages.append(client.of(place)[0])
    wrong, right = messages
    assert wrong.keys() == right.keys()
    assert all(type(wrong[key]) is not type(right[key]) for key in wrong if key != "type")


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_an_audio_delta_can_be_no_base64(faulty: Any, dialect: str) -> None:
    async with connect_to(faulty(Garbage("no-base64", nth=2)), dialect) as client:
        await client.type_text()
        await client.until(SOUND, 4)
    second = client.of(SOUND)[1]["delta"]
    with pytest.raises(ValueError, match="base64"):
        pybase64.b64decode(second, validate=True)
    assert pybase64.b64decode(second[1:], validate=True) == sound_of(2).tobytes()


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_an_audio_delta_can_end_in_half_a_sample(faulty: Any, dialect: str) -> None:
    async with connect_to(faulty(Garbage("odd-bytes", nth=2)), dialect) as client:
        await client.type_text()
        await client.until(SOUND, 4)
    assert len(pybase64.b64decode(client.of(SOUND)[1]["delta"])) == 2 * PIECE + 1


async def test_named_fields_are_left_out_and_no_others(faulty: Any) -> None:
    server = faulty(Omit("response_id, response.id,response.nothing,no.such"))
    async with connect_to(server) as client:
        await client.type_text()
        await client.until(DONE)
        await client.type_text()
        await client.until(DONE)
    corrupt, whole = client.of(DONE)
    assert whole.keys() - corrupt.keys() == {"response_id"}
    assert whole["response"].keys() - corrupt["response"].keys() == {"id"}


async def test_the_session_names_another_model_than_was_asked_for(faulty: Any) -> None:
    server = faulty(OtherModel("substitute"))
    async with connect_to(server) as client:
        await client.until("session.updated")
    named = [message["session"]["model"] for message in client.messages if "session" in message]
    assert named == ["substitute", "substitute"]
    async with connect_to(server) as client:
        await client.until("session.updated")
    assert client.messages[0]["session"]["model"] == "grok-voice-latest"


# --------------------------------------------------------------------------- timing and order
async def test_a_late_event_keeps_its_place(faulty: Any) -> None:
    late, audio = faulty(Late(0.1)), faulty()
    sent_events = []
    for server in (late, audio):
        async with connect_to(server) as client:
            await client.type_text()
            await client.until(DONE)
            sent_events.append(client.types)
    assert sent_events[0] == sent_events[1]


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_a_trickle_is_the_same_audio_in_small_pieces(faulty: Any, dialect: str) -> None:
    server = faulty(Trickle(0.001, piece_bytes=500))
    async with connect_to(server, dialect) as client:
        await client.type_text()
        await client.until(SOUND, 4 * 15)
    pieces = [len(pybase64.b64decode(message["delta"])) for message in client.of(SOUND)]
    assert pieces == 4 * [*14 * [500], 200]
    assert client.audio() == b"".join(sound_of(n).tobytes() for n in (1, 2, 3, 4))


@pytest.mark.parametrize("place", EVERYWHERE)
async def test_every_event_can_come_twice(faulty: Any, place: str) -> None:
    async with connect_to(faulty(Duplicate(at=place))) as client:
        await client.type_text()
        await client.until(DONE, 2 if place == DONE else 1)
    first, second = client.of(place)[:2]
    assert first == second
    assert client.messages.index(first) + 1 == len(client.messages) - 1 - [
        *reversed(client.messages)
    ].index(second)


async def test_an_event_can_come_after_those_that_follow_it(faulty: Any) -> None:
    async with connect_to(faulty(Reorder(2, at=TranscriptDone))) as client:
        await client.type_text()
        await client.until(DONE)
    assert client.types[-5:] == [
        "response.content_part.done",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.output_item.done",
        "response.done",
    ]


async def test_a_burst_is_a_whole_response_that_comes_after_its_end_was_reached(
    faulty: Any,
) -> None:
    go_on = threading.Event()

    def partner(turn: Any) -> Any:
        yield Spoken(sound_of(1), "one ")
        go_on.wait()
        yield Spoken(sound_of(2), "two")

    server = RehearsalServer(partner, speed=float("inf"), words=False, faults=[Burst()])
    async with server, connect_to(server) as client:
        await client.type_text()
        await client.until("conversation.item.added")
        assert await client.receives_nothing()
        go_on.set()
        await client.until(DONE)
    assert client.types[-1] == DONE
    assert len(client.audio()) == 2 * 2 * PIECE


def endless(turn: Any) -> Any:
    for number in range(1, 10_000):
        yield Spoken(sound_of(number % 30), "on ")


async def test_after_a_cancel_a_tail_of_the_response_comes_before_its_end(serving: Any) -> None:
    server = serving(endless, speed=20, faults=[Tail(2)])
    async with connect_to(server) as client:
        await client.type_text()
        await client.until(SOUND)
        await client.send(CancelResponse())
        await client.until(DONE)
    done = client.messages[-1]
    assert done["response"]["status"] == "cancelled"
    assert client.types[-3:-1] == [SOUND, SOUND]
    tail = client.of(SOUND)[-3:]
    assert tail[0] == tail[1] == tail[2]
    assert tail[0]["response_id"] == done["response_id"]


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_after_speech_began_a_tail_of_the_response_comes(
    serving: Any, dialect: str, utterance: np.ndarray
) -> None:
    server = serving(endless, speed=20, faults=[Tail(3)])
    async with connect_to(server, dialect, ServerVad()) as client:
        await client.type_text()
        await client.until(SOUND)
        await client.send_audio(utterance)
        await client.until("input_audio_buffer.speech_started")
        for _ in range(3):
            await client.until(SOUND)
    assert client.types[-4:] == ["input_audio_buffer.speech_started", SOUND, SOUND, SOUND]
