"""What goes wrong on the wire when it was asked for, seen by a client that knows nothing of it."""

from __future__ import annotations

import asyncio
import json
import re
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pybase64
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from grok_live_widget import Talk
from grok_live_widget.dialects import DIALECTS
from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    AudioDone,
    Authenticate,
    CancelResponse,
    CreateItem,
    CreateResponse,
    Item,
    OutputItemAdded,
    PushToTalk,
    ResponseCreated,
    ServerVad,
    SessionCreated,
    SessionUpdated,
    SpeechStarted,
    TranscriptDone,
    UpdateSession,
)
from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.rehearsal import RehearsalServer
from grok_live_widget.rehearsal.faults import (
    FAULTS,
    Abandon,
    Burst,
    Close,
    Drop,
    Duplicate,
    Fault,
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
    Withhold,
    fault_from,
    listing,
)
from grok_live_widget.rehearsal.voice import Spoken

PATIENCE_S = 10
PIECE = 3_600
WORDS = ("one ", "two ", "three ", "four")
SOUND = "response.output_audio.delta"
WORDS_SAID = "response.output_audio_transcript.delta"
DONE = "response.done"


def sound_of(number: int) -> np.ndarray:
    return np.full(PIECE, 1000 * number, np.int16)


def counting(turn: Any) -> Any:
    """Four words, each of which is a piece of its own."""
    for number, word in enumerate(WORDS, 1):
        yield Spoken(sound_of(number), word)


class Line:
    """A plain client: frames as they come."""

    def __init__(self, socket: Any, dialect: str) -> None:
        self.socket, self._dialect = socket, DIALECTS[dialect]
        self.frames: list[str | bytes] = []
        self.closed: ConnectionClosed | None = None

    async def say(self, *events: Any) -> None:
        for event in events:
            await self.socket.send(self._dialect.encode(event), text=True)

    async def type_text(self, text: str = "count") -> None:
        item = Item(role="user", part="input_text", text=text)
        await self.say(CreateItem(item), CreateResponse())

    async def send_sound(self, pcm: np.ndarray) -> None:
        for start in range(0, pcm.size, 2_400):
            await self.say(AppendAudio(pcm[start : start + 2_400].tobytes()))

    async def hear(self) -> str | bytes | None:
        """The next frame; None when the line has ended."""
        try:
            self.frames.append(await self.socket.recv())
        except ConnectionClosed as closed:
            self.closed = closed
            return None
        return self.frames[-1]

    async def until(self, wire_type: str, count: int = 1) -> None:
        """Hear up to the next of this type, or to the line's end."""
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(count):
                while (frame := await self.hear()) is not None and type_of(frame) != wire_type:
                    pass

    async def hears_nothing(self) -> bool:
        """Whether all that the server has done so far has brought nothing."""
        await asyncio.wait_for(await self.socket.ping(), PATIENCE_S)
        try:
            await asyncio.wait_for(self.socket.recv(), 0.05)
        except TimeoutError:
            return True
        return False

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [m for m in map(message_of, self.frames) if m.get("type") != "ping"]

    @property
    def types(self) -> list[str]:
        return [message.get("type", "?") for message in self.messages]

    def sound(self) -> bytes:
        return b"".join(pybase64.b64decode(m["delta"]) for m in self.of(SOUND))

    def of(self, wire_type: str) -> list[dict[str, Any]]:
        return [message for message in self.messages if message.get("type") == wire_type]


def message_of(frame: str | bytes) -> dict[str, Any]:
    try:
        message = json.loads(frame)
    except ValueError:
        return {}
    if not isinstance(message, dict):
        return {}
    # `live` has shorter names.
    name = str(message.get("type", "")).replace("response.audio", "response.output_audio")
    return {**message, "type": name}


def type_of(frame: str | bytes) -> str:
    return str(message_of(frame).get("type", ""))


@asynccontextmanager
async def line_to(
    server: RehearsalServer, dialect: str = "realtime", detection: Any = PushToTalk()
) -> AsyncIterator[Line]:
    async with connect(
        server.url(dialect),
        additional_headers={"Authorization": "Bearer any"},
        compression=None,
        proxy=None,
        max_queue=None,
    ) as socket:
        line = Line(socket, dialect)
        with suppress(ConnectionClosed):
            if dialect == "live":
                await line.say(Authenticate("any"))
            await line.say(UpdateSession(turn_detection=detection))
        yield line


@pytest.fixture
def faulty(serving: Any) -> Any:
    """`faulty(*faults) -> RehearsalServer` that counts to four."""
    return lambda *faults, **settings: serving(counting, faults=faults, **settings)


async def answers_soundly(server: RehearsalServer, dialect: str = "realtime") -> bool:
    """Whether a new line brings the whole reply."""
    async with line_to(server, dialect) as line:
        await line.type_text()
        await line.until(SOUND, 4)
        return line.sound() == b"".join(sound_of(n).tobytes() for n in (1, 2, 3, 4))


# --------------------------------------------------------------------------- the line's end
@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_a_dropped_line_ends_without_a_close_frame_and_the_next_one_works(
    faulty: Any, dialect: str
) -> None:
    server = faulty(Drop(at=AudioDelta, nth=2))
    async with line_to(server, dialect) as line:
        await line.type_text()
        await line.until(DONE)
    assert line.closed is not None
    assert line.closed.rcvd is None
    assert line.sound() == sound_of(1).tobytes()
    assert await answers_soundly(server, dialect)


EVERYWHERE = [
    "session.created",
    "session.updated",
    "conversation.item.added",
    "response.created",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_audio.delta",
    "response.output_audio_transcript.delta",
    "response.output_audio_transcript.done",
    "response.output_audio.done",
    "response.output_item.done",
    "response.done",
]


@pytest.mark.parametrize("place", EVERYWHERE)
async def test_a_line_can_be_dropped_at_every_event(faulty: Any, place: str) -> None:
    async with line_to(faulty(Drop(at=place, nth=1))) as line:
        with suppress(ConnectionClosed):
            await line.type_text()
        await line.until(DONE)
    assert line.closed is not None
    assert line.closed.rcvd is None
    assert place not in line.types


@pytest.mark.parametrize("dialect", ["realtime", "live"])
@pytest.mark.parametrize("code", [1000, 1001, 1011, 1012, 1013, 1014, 4000])
async def test_a_line_is_closed_in_the_middle_of_a_word_with_a_code_and_a_reason(
    faulty: Any, dialect: str, code: int
) -> None:
    async with line_to(faulty(Close(code, "as asked")), dialect) as line:
        await line.type_text()
        await line.until(DONE)
    assert line.closed is not None
    assert (line.closed.rcvd.code, line.closed.rcvd.reason) == (code, "as asked")
    assert len(line.of(SOUND)) == 1


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_a_stalled_line_stays_open_and_says_nothing_more(faulty: Any, dialect: str) -> None:
    server = faulty(Stall(at=AudioDelta, nth=3))
    async with line_to(server, dialect) as line:
        await line.type_text()
        await line.until(WORDS_SAID, 2)
        await line.type_text("still there?")
        assert await line.hears_nothing()
        assert await answers_soundly(server, dialect)
        assert await line.hears_nothing()


# --------------------------------------------------------------------------- the handshake
@pytest.mark.parametrize("dialect", ["realtime", "live"])
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 429, 500, 503])
async def test_a_handshake_is_refused_with_a_status_and_a_body(
    faulty: Any, dialect: str, status: int
) -> None:
    server = faulty(Refuse(status))
    with pytest.raises(InvalidStatus) as refused:
        async with line_to(server, dialect):
            pass
    response = refused.value.response
    body = json.loads(response.body)
    assert response.status_code == status
    assert ("API key" in body["error"]) == (status == 400)
    assert body["code"]
    assert response.headers["Content-Type"] == "application/json"
    assert await answers_soundly(server, dialect)


async def test_refusals_happen_as_often_as_asked_one_kind_after_the_other(faulty: Any) -> None:
    server = faulty(Refuse(429, times=2), Refuse(503, '{"error": "down"}'))
    statuses = []
    for _ in range(3):
        with pytest.raises(InvalidStatus) as refused:
            async with line_to(server):
                pass
        statuses.append(refused.value.response.status_code)
    assert statuses == [429, 429, 503]
    assert refused.value.response.body == b'{"error": "down"}'
    assert await answers_soundly(server)


async def test_a_stalled_handshake_gets_no_answer_and_does_not_hold_up_the_others(
    faulty: Any,
) -> None:
    server = faulty(StallHandshake())
    with pytest.raises((TimeoutError, InvalidHandshake)):
        await connect(server.url(), proxy=None, open_timeout=0.2)
    assert await answers_soundly(server)


async def test_a_stalled_handshake_does_not_hold_up_the_end(faulty: Any) -> None:
    server = faulty(StallHandshake())
    waiting = asyncio.create_task(connect(server.url(), proxy=None).__aenter__())
    while server._faults._left != [[0]]:
        await asyncio.to_thread(time.sleep, 0.01)
    await asyncio.to_thread(server.close)
    with pytest.raises(InvalidStatus) as refused:
        await waiting
    assert refused.value.response.status_code == 503


# --------------------------------------------------------------------------- spoilt frames
@pytest.mark.parametrize("dialect", ["realtime", "live"])
@pytest.mark.parametrize("kind", ["no-json", "no-object", "binary"])
async def test_garbage_comes_before_an_event_which_comes_all_the_same(
    faulty: Any, dialect: str, kind: Any
) -> None:
    async with line_to(faulty(Garbage(kind, nth=2)), dialect) as line:
        await line.type_text()
        await line.until(SOUND, 4)
        odd = [frame for frame in line.frames if not message_of(frame)]
    assert len(odd) == 1
    assert isinstance(odd[0], bytes) == (kind == "binary")
    assert (kind == "no-object") == (kind != "binary" and str(odd[0]).startswith("["))
    assert type_of(line.frames[line.frames.index(odd[0]) + 1]) == SOUND
    assert len(line.sound()) == 4 * 2 * PIECE


async def test_a_text_that_is_no_utf8_is_sent_as_it_is(faulty: Any) -> None:
    async with line_to(faulty(Garbage("no-utf8", at=ResponseCreated))) as line:
        await line.type_text()
        await line.until(DONE)
    assert line.closed is not None
    assert line.closed.sent is not None
    assert line.closed.sent.code == 1007


@pytest.mark.parametrize("place", EVERYWHERE)
async def test_every_field_of_an_event_can_be_of_another_type(faulty: Any, place: str) -> None:
    spoilt, sound = faulty(Garbage("wrong-types", at=place)), faulty()
    messages = []
    for server in (spoilt, sound):
        async with line_to(server) as line:
            await line.type_text()
            await line.until(DONE)
            messages.append(line.of(place)[0])
    wrong, right = messages
    assert wrong.keys() == right.keys()
    assert all(type(wrong[key]) is not type(right[key]) for key in wrong if key != "type")


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_a_piece_of_sound_can_be_no_base64(faulty: Any, dialect: str) -> None:
    async with line_to(faulty(Garbage("no-base64", nth=2)), dialect) as line:
        await line.type_text()
        await line.until(SOUND, 4)
    second = line.of(SOUND)[1]["delta"]
    with pytest.raises(ValueError, match="base64"):
        pybase64.b64decode(second, validate=True)
    assert pybase64.b64decode(second[1:], validate=True) == sound_of(2).tobytes()


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_a_piece_of_sound_can_end_in_half_a_sample(faulty: Any, dialect: str) -> None:
    async with line_to(faulty(Garbage("odd-bytes", nth=2)), dialect) as line:
        await line.type_text()
        await line.until(SOUND, 4)
    assert len(pybase64.b64decode(line.of(SOUND)[1]["delta"])) == 2 * PIECE + 1


async def test_named_fields_are_left_out_and_no_others(faulty: Any) -> None:
    server = faulty(Omit("response_id, response.id,response.nothing,no.such"))
    async with line_to(server) as line:
        await line.type_text()
        await line.until(DONE)
        await line.type_text()
        await line.until(DONE)
    spoilt, whole = line.of(DONE)
    assert whole.keys() - spoilt.keys() == {"response_id"}
    assert whole["response"].keys() - spoilt["response"].keys() == {"id"}


async def test_the_session_names_another_model_than_was_asked_for(faulty: Any) -> None:
    server = faulty(OtherModel("substitute"))
    async with line_to(server) as line:
        await line.until("session.updated")
    named = [message["session"]["model"] for message in line.messages if "session" in message]
    assert named == ["substitute", "substitute"]
    async with line_to(server) as line:
        await line.until("session.updated")
    assert line.messages[0]["session"]["model"] == "grok-voice-latest"


# --------------------------------------------------------------------------- time and order
async def test_a_late_event_keeps_its_place(faulty: Any) -> None:
    late, sound = faulty(Late(0.1)), faulty()
    told = []
    for server in (late, sound):
        async with line_to(server) as line:
            await line.type_text()
            await line.until(DONE)
            told.append(line.types)
    assert told[0] == told[1]


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_a_trickle_is_the_same_sound_in_small_pieces(faulty: Any, dialect: str) -> None:
    server = faulty(Trickle(0.001, piece_bytes=500))
    async with line_to(server, dialect) as line:
        await line.type_text()
        await line.until(SOUND, 4 * 15)
    pieces = [len(pybase64.b64decode(message["delta"])) for message in line.of(SOUND)]
    assert pieces == 4 * [*14 * [500], 200]
    assert line.sound() == b"".join(sound_of(n).tobytes() for n in (1, 2, 3, 4))


@pytest.mark.parametrize("place", EVERYWHERE)
async def test_every_event_can_come_twice(faulty: Any, place: str) -> None:
    async with line_to(faulty(Duplicate(at=place))) as line:
        await line.type_text()
        await line.until(DONE, 2 if place == DONE else 1)
    first, second = line.of(place)[:2]
    assert first == second
    assert line.messages.index(first) + 1 == len(line.messages) - 1 - [
        *reversed(line.messages)
    ].index(second)


async def test_an_event_can_come_after_those_that_follow_it(faulty: Any) -> None:
    async with line_to(faulty(Reorder(2, at=TranscriptDone))) as line:
        await line.type_text()
        await line.until(DONE)
    assert line.types[-5:] == [
        "response.content_part.done",
        "response.output_audio.done",
        "response.output_audio_transcript.done",
        "response.output_item.done",
        "response.done",
    ]


async def test_a_burst_is_a_whole_reply_that_comes_after_its_end_was_reached(faulty: Any) -> None:
    go_on = threading.Event()

    def partner(turn: Any) -> Any:
        yield Spoken(sound_of(1), "one ")
        go_on.wait()
        yield Spoken(sound_of(2), "two")

    server = RehearsalServer(partner, speed=float("inf"), words=False, faults=[Burst()])
    async with server, line_to(server) as line:
        await line.type_text()
        await line.until("conversation.item.added")
        assert await line.hears_nothing()
        go_on.set()
        await line.until(DONE)
    assert line.types[-1] == DONE
    assert len(line.sound()) == 2 * 2 * PIECE


def endless(turn: Any) -> Any:
    for number in range(1, 10_000):
        yield Spoken(sound_of(number % 30), "on ")


async def test_after_a_cancel_a_tail_of_the_reply_comes_before_its_end(serving: Any) -> None:
    server = serving(endless, speed=20, faults=[Tail(2)])
    async with line_to(server) as line:
        await line.type_text()
        await line.until(SOUND)
        await line.say(CancelResponse())
        await line.until(DONE)
    done = line.messages[-1]
    assert done["response"]["status"] == "cancelled"
    assert line.types[-3:-1] == [SOUND, SOUND]
    tail = line.of(SOUND)[-3:]
    assert tail[0] == tail[1] == tail[2]
    assert tail[0]["response_id"] == done["response_id"]


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_after_speech_began_a_tail_of_the_reply_comes(
    serving: Any, dialect: str, utterance: np.ndarray
) -> None:
    server = serving(endless, speed=20, faults=[Tail(3)])
    async with line_to(server, dialect, ServerVad()) as line:
        await line.type_text()
        await line.until(SOUND)
        await line.send_sound(utterance)
        await line.until("input_audio_buffer.speech_started")
        for _ in range(3):
            await line.until(SOUND)
    assert line.types[-4:] == ["input_audio_buffer.speech_started", SOUND, SOUND, SOUND]


# --------------------------------------------------------------------------- what is missing
async def test_an_event_can_be_withheld(faulty: Any) -> None:
    server = faulty("withhold:session.updated")
    async with line_to(server) as line:
        await line.type_text()
        await line.until(DONE)
        assert "session.updated" not in line.types
        await line.say(UpdateSession(voice="eve"))
        await line.until("session.updated")


@pytest.mark.parametrize(
    ("place", "nth", "last", "pieces"),
    [
        (ResponseCreated, 1, "conversation.item.added", 0),
        (OutputItemAdded, 1, "response.created", 0),
        (AudioDelta, 3, "response.output_audio_transcript.delta", 2),
        (AudioDone, 1, "response.content_part.done", 4),
    ],
)
async def test_an_abandoned_reply_has_no_end_and_the_next_one_is_whole(
    serving: Any, place: type, nth: int, last: str, pieces: int
) -> None:
    was_asked = threading.Event()

    def partner(turn: Any) -> Any:
        was_asked.set()
        yield from counting(turn)

    server = serving(partner, faults=[Abandon(at=place, nth=nth)])
    async with line_to(server) as line:
        await line.type_text("first")
        await asyncio.to_thread(was_asked.wait)
        while any(each._told or each._state.reply for each in server._lines):
            await asyncio.to_thread(time.sleep, 0.01)
        await line.type_text("second")
        await line.until(DONE)
    assert len(line.of(DONE)) == 1
    whole = line.of(DONE)[0]["response_id"]
    assert len([m for m in line.of(SOUND) if m["response_id"] != whole]) == pieces
    assert len(line.of(SOUND)) == pieces + 4
    second = [m.get("item", {}).get("content") for m in line.messages].index(
        [{"type": "input_text", "text": "second"}]
    )
    assert line.types[second - 1] == last


@pytest.mark.parametrize("dialect", ["realtime", "live"])
@pytest.mark.parametrize("error_type", ["internal_error", "rate_limit_exceeded"])
async def test_an_error_comes_in_place_of_a_reply(
    faulty: Any, dialect: str, error_type: str
) -> None:
    place = ResponseCreated if dialect == "realtime" else AudioDelta
    async with line_to(faulty(Report(error_type, at=place)), dialect) as line:
        await line.type_text()
        await line.until("error")
        assert await line.hears_nothing()
    error = line.messages[-1]["error"]
    assert (error["type"], error["code"]) == (error_type, error_type)
    assert error["message"]
    assert not line.of(SOUND)
    assert "response.created" not in line.types


@pytest.mark.parametrize("error_type", ["timeout", "max_duration"])
async def test_an_error_that_ends_the_session_is_followed_by_its_end(
    faulty: Any, error_type: str
) -> None:
    server = faulty(Report(error_type, at=AudioDelta, nth=3))
    async with line_to(server) as line:
        await line.type_text()
        await line.until(DONE)
    assert line.types[-1] == "error"
    assert line.messages[-1]["error"]["type"] == error_type
    assert line.closed is not None
    assert line.closed.rcvd.code == 1000
    assert len(line.of(SOUND)) == 2
    assert await answers_soundly(server)


# --------------------------------------------------------------------------- together, by name
async def test_several_faults_work_one_after_the_other(faulty: Any) -> None:
    server = faulty("duplicate", Garbage("odd-bytes", times=2), "close:1013")
    async with line_to(server) as line:
        await line.type_text()
        await line.until(DONE)
    pieces = [len(pybase64.b64decode(message["delta"])) for message in line.of(SOUND)]
    assert pieces == [2 * PIECE + 1]
    assert line.closed is not None
    assert line.closed.rcvd.code == 1013


async def test_a_fault_happens_as_often_as_asked_on_all_lines_together(faulty: Any) -> None:
    server = faulty(Drop(at=ResponseCreated, nth=1, times=2))
    ends = []
    for _ in range(3):
        async with line_to(server) as line:
            await line.type_text()
            await line.until(DONE)
            ends.append(line.closed is not None)
    assert ends == [True, True, False]


async def test_a_fault_happens_from_its_nth_occasion_on(faulty: Any) -> None:
    async with line_to(faulty(Withhold(at=AudioDelta, nth=2, times=2))) as line:
        await line.type_text()
        await line.until(DONE)
    assert line.sound() == sound_of(1).tobytes() + sound_of(4).tobytes()


async def test_a_recording_can_go_wrong_too(tmp_path: Any) -> None:
    with Talk(partner="parrot", record=tmp_path / "talk") as talk:
        await talk.ask_async("once more")
        await talk.stop_async()
    server = RehearsalServer(
        replay=tmp_path / "talk", step=True, faults=[Close(1012, at=SessionUpdated, nth=1)]
    )
    async with server, line_to(server) as line:
        await line.until("session.updated")
    assert line.closed is not None
    assert line.closed.rcvd.code == 1012


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_has_a_name_that_makes_it(name: str) -> None:
    made = fault_from(name)
    assert type(made) is FAULTS[name]
    assert str(made).startswith(name)
    assert name in listing()
    assert made == fault_from(made)


def test_every_fault_is_in_the_documents_by_its_name() -> None:
    page = (Path(__file__).parents[2] / "docs" / "faults.md").read_text("utf-8")
    assert sorted(re.findall(r"^\| `([a-z-]+)", page, re.MULTILINE)) == sorted(FAULTS)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drop:session.created", Drop(at="session.created")),
        ("close:4001", Close(4001)),
        ("refuse:429", Refuse(429)),
        ("garbage:binary", Garbage("binary")),
        ("late:0.5", Late(0.5)),
        ("omit:item_id,delta", Omit("item_id,delta")),
        ("report:max_duration", Report("max_duration")),
        ("other-model:x:y", OtherModel("x:y")),
    ],
)
def test_a_name_may_bring_a_value(text: str, fault: Fault) -> None:
    assert fault_from(text) == fault
    assert str(fault) == text


def test_the_server_tells_its_faults() -> None:
    server = RehearsalServer("parrot", faults=["burst", Drop(at=SpeechStarted)])
    assert repr(server) == "<RehearsalServer not running, faults: burst, drop:SpeechStarted>"
    assert repr(RehearsalServer("parrot")) == "<RehearsalServer not running>"


def test_places_are_the_same_by_class_and_by_wire_type() -> None:
    assert SOUND in Drop(at=AudioDelta).wire_types
    assert Drop(at=SessionCreated).wire_types == Drop(at="session.created").wire_types


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: fault_from("explode"), "no fault 'explode'.*drop"),
        (lambda: fault_from("close:soon"), "no number"),
        (lambda: fault_from("burst:3"), "takes no value"),
        (lambda: fault_from("drop:nowhere"), "at='nowhere'"),
        (lambda: Drop(at=CreateItem), "at="),
        (lambda: Drop(at=str), "at="),
        (lambda: Drop(nth=0), "nth=0"),
        (lambda: Drop(times=0), "times=0"),
        (lambda: Close(1006), "code=1006"),
        (lambda: Close(999), "code=999"),
        (lambda: Close(1011, "x" * 124), "reason="),
        (lambda: Refuse(200), "status=200"),
        (lambda: Garbage("noise"), "kind='noise'"),  # type: ignore[arg-type]
        (lambda: Garbage("no-base64", at=SpeechStarted), "at="),
        (lambda: Omit(""), "names=''"),
        (lambda: Late(0), "delay_s=0"),
        (lambda: Trickle(float("inf")), "delay_s=inf"),
        (lambda: Trickle(piece_bytes=3), "piece_bytes=3"),
        (lambda: Reorder(0), "by=0"),
        (lambda: Tail(0), "piece_count=0"),
        (lambda: Report(close_code=1005), "code=1005"),
        (lambda: RehearsalServer("parrot", faults="drop"), "no list"),  # type: ignore[arg-type]
        (lambda: RehearsalServer("parrot", faults=["explode"]), "no fault"),
    ],
)
def test_what_cannot_go_wrong_is_refused_before_a_port_is_opened(make: Any, part: str) -> None:
    with pytest.raises(ConfigurationError, match=part):
        make()
