"""`Session`: sound and text, events, replies, and how a session ends."""

from __future__ import annotations

import asyncio
import base64
import gc
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from grok_live_widget.client.connector import connect
from grok_live_widget.client.event_queue import QUEUE_EVENTS
from grok_live_widget.client.requests import reply_request, user_message
from grok_live_widget.client.session import Session
from grok_live_widget.conversation.turn import Turn
from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    AudioFormat,
    CommitAudio,
    CreateItem,
    CreateResponse,
    ErrorReported,
    Event,
    Interrupted,
    Item,
    Noted,
    PushToTalk,
    ResponseCreated,
    ResponseDone,
    SessionEnded,
    SpeechStopped,
    Unrecognized,
)
from grok_live_widget.exceptions import (
    AudioFormatError,
    ConfigurationError,
    LocalProtocolError,
    SessionClosedError,
    SessionClosedOK,
    UnsupportedByServer,
)
from grok_live_widget.rehearsal import RehearsalServer

from ..support.deaf_server import deaf_server
from ..support.events import notes_of
from ..support.scripted_server import ConfirmingServer, delta_of, dumped, scripted
from ..support.sound import RATE_HZ, tone
from ..support.waiting import next_of, result_of, wait_until_async


# --------------------------------------------------------------------------- sound and text
@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_the_parrot_repeats_a_spoken_question_sample_for_sample(
    dialect: str, question: np.ndarray, silence: Any
) -> None:
    async with connect(partner="parrot", dialect=dialect) as session:
        events = aiter(session)
        await session.send_audio(question, RATE_HZ)
        await session.send_audio(silence(1.0), RATE_HZ)
        await next_of(events, SpeechStopped)
        await next_of(events, ResponseDone)
        sent = np.concatenate((question, silence(1.0)))
        reply = session.turns.assistant[0].pcm
        starts = [at for at in range(len(sent) - len(reply) + 1) if sent[at] == reply[0]]
        assert any(np.array_equal(sent[at : at + len(reply)], reply) for at in starts)
        assert len(reply) > 0.8 * len(question) - 0.5 * RATE_HZ
        user = session.turns.user[0]
        assert user.is_approximate is (dialect == "live")
        if dialect == "realtime":
            assert np.array_equal(user.pcm, reply)


async def test_push_to_talk_keeps_every_sample(question: np.ndarray) -> None:
    async with connect(partner="parrot", turn_detection=PushToTalk()) as session:
        events = aiter(session)
        await session.send_audio(question, RATE_HZ)
        await session.commit()
        await session.respond()
        await next_of(events, ResponseDone)
        assert np.array_equal(session.turns.assistant[0].pcm, question)
        assert np.array_equal(session.turns.user[0].pcm, question)


async def test_sound_at_another_rate_and_in_stereo_is_converted(question: np.ndarray) -> None:
    async with connect(partner="parrot", turn_detection=PushToTalk()) as session:
        events = aiter(session)
        stereo = np.repeat(question[:, None], 2, axis=1)
        await session.send_audio(stereo[::2].astype(np.float32) / 32768, sample_rate=12_000)
        await session.commit()
        await session.respond()
        await next_of(events, ResponseDone)
        assert abs(len(session.turns.assistant[0].pcm) - len(question)) <= 2


async def test_invalid_sound_is_refused_before_anything_is_sent() -> None:
    async with connect(partner="parrot") as session:
        with pytest.raises(AudioFormatError, match="NaN"):
            await session.send_audio(np.array([0.0, np.nan]), RATE_HZ)
        with pytest.raises(ConfigurationError, match="nothing to say"):
            await session.send_text("  ")
        assert len(session.turns) == 0


async def test_interrupting_stops_the_reply(silence: Any) -> None:
    with RehearsalServer(lambda turn: silence(60), api_key="k") as server:
        async with connect(api_key="k", url=server.url()) as session:
            events = aiter(session)
            await session.send_text("go on")
            await session.respond()
            await next_of(events, AudioDelta)
            await session.interrupt()
            await next_of(events, Interrupted)
            done = await next_of(events, ResponseDone)
            assert done.status == "cancelled"
            reply = session.turns.assistant[0]
            assert reply.was_interrupted
            assert reply.is_complete
            assert reply.heard_sample_count is None


async def test_an_iterator_that_is_not_read_holds_back_the_connection_and_a_note_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pieces = [np.full(RATE_HZ // 10, at, np.int16) for at in range(400)]
    async with (
        RehearsalServer(lambda turn: iter(pieces), api_key="k", speed=50) as server,
        connect(api_key="k", url=server.url()) as session,
    ):
        forgotten = aiter(session)
        notes: list[str] = []
        session.add_listener(
            lambda event, _, __: notes.append(event.text) if isinstance(event, Noted) else None
        )
        await session.send_text("go on")
        await session.respond()
        async with asyncio.timeout(30):
            await session.wait_for(lambda: bool(notes))
            assert "an iterator over this session that is not read" in notes[0]
            assert notes[0] in caplog.text
            assert not session.turns.assistant[0].is_complete
            del forgotten
            gc.collect()
            await session.wait_for(lambda: session.turns.assistant[0].is_complete)
        assert np.array_equal(session.turns.assistant[0].pcm, np.concatenate(pieces))


# --------------------------------------------------------------------------- the connection
async def test_messages_that_cannot_be_read_are_events_and_no_errors(peer: Any) -> None:
    talk = scripted("not json", dumped(type="new.thing", a=1), delta_of(b"\0\0\1"))
    async with connect(url=peer(talk).url) as session:
        events = aiter(session)
        await session.send_text("go")
        assert (await next_of(events, Unrecognized)).message == {"unreadable": "not json"}
        assert (await next_of(events, Unrecognized)).wire_type == "new.thing"
        assert (await next_of(events, AudioDelta)).odd_byte_count == 1


async def test_an_error_of_the_server_does_not_end_the_session(peer: Any) -> None:
    talk = scripted(dumped(type="error", error={"message": "no"}), delta_of(b"\0\0"))
    async with connect(url=peer(talk).url) as session:
        events = aiter(session)
        await session.send_text("go")
        await next_of(events, ErrorReported)
        await next_of(events, AudioDelta)


async def test_a_connection_that_breaks_during_a_reply_loses_nothing_received(peer: Any) -> None:
    pcm = np.arange(2400, dtype=np.int16)

    async def vanish(socket: Any) -> None:
        socket.transport.abort()

    async with connect(url=peer(scripted(delta_of(pcm.tobytes()), then=vanish)).url) as session:
        events = aiter(session)
        await session.send_text("go")
        with pytest.raises(SessionClosedError, match="kept"):
            async for _ in events:
                pass
        assert np.array_equal(session.turns[1].pcm, pcm)
        assert session.turns[1].is_complete
        with pytest.raises(SessionClosedError):
            await session.send_text("hello")


async def test_a_normal_closure_ends_the_iteration_without_an_error(peer: Any) -> None:
    async def bye(socket: Any) -> None:
        await socket.close(1000, "bye")

    async with connect(url=peer(scripted(then=bye)).url) as session:
        events = aiter(session)
        await session.send_text("go")
        received = [event async for event in events]
        assert isinstance(received[-1], SessionEnded)
        assert isinstance(session.failure, SessionClosedOK)


async def test_another_close_code_raises_with_code_and_reason(peer: Any) -> None:
    async def break_off(socket: Any) -> None:
        await socket.close(1011, "out of memory")

    async with connect(url=peer(scripted(then=break_off)).url) as session:
        events = aiter(session)
        await session.send_text("go")
        with pytest.raises(SessionClosedError, match=r"1011.*out of memory") as caught:
            async for _ in events:
                pass
        assert caught.value.close_code == 1011


async def test_an_event_without_a_message_in_the_dialect_raises_unsupported() -> None:
    async with connect(partner="parrot", dialect="live") as session:
        with pytest.raises(UnsupportedByServer, match="live"):
            session.protocol.dialect.encode(ResponseDone())
        await session.interrupt()


async def test_an_event_that_is_not_allowed_now_is_refused_before_it_is_sent() -> None:
    async with connect(partner="parrot") as session:
        session.protocol.close()
        with pytest.raises(LocalProtocolError, match="closed"):
            await session.send(AppendAudio(b""))


async def test_a_ping_takes_time_and_raises_what_ended_the_session() -> None:
    async with connect(partner="parrot") as session:
        assert 0 < await session.ping() < 30
    with pytest.raises(SessionClosedOK):
        await session.ping()


async def test_a_connection_that_ends_before_the_answer_to_a_ping_raises() -> None:
    with deaf_server(hangs_up=True) as url:
        async with connect(url=url) as session:
            with pytest.raises(SessionClosedError):
                await session.ping()


async def test_is_answering_asks_a_silent_server_for_a_message() -> None:
    async with connect(partner="parrot", dialect="realtime") as session:
        settings = session.settings
        await wait_until_async(lambda: session.silent_s > 0.5)
        count = session.received_message_count
        assert await session.is_answering(0.5)
        assert session.received_message_count == count + 1
        assert session.settings == settings


async def test_a_server_that_does_not_answer_is_aborted_for_that_reason(peer: Any) -> None:
    gone = SessionClosedError("the server has sent nothing.", close_code=None)
    async with connect(url=peer(scripted()).url) as session:
        await wait_until_async(lambda: session.silent_s > 0.05)
        assert not await session.is_answering(0.05)
        await session.abort(gone)
        assert session.failure is gone
        assert not session.is_open


# --------------------------------------------------------------------------- iterators
async def test_no_message_is_read_while_an_iterator_is_full(peer: Any) -> None:
    async def flood(socket: Any) -> None:
        await socket.recv()
        await socket.send(dumped(type="session.updated", session={}))
        while True:
            await socket.send(delta_of(bytes(48_000)))

    async with connect(url=peer(flood, write_limit=1000).url) as session:
        received = 0

        def count(event: Event, _: Any, __: float) -> None:
            nonlocal received
            received += 1

        session.add_listener(count)
        events = aiter(session)
        await session.wait_for(lambda: received >= QUEUE_EVENTS)
        count_when_full = session.received_message_count
        await asyncio.sleep(0.1)
        assert session.received_message_count == count_when_full
        # The server does send; it is the client that does not read.
        assert await session.is_answering(0.05)
        held = len(session.turns[0].pcm)
        del events
        gc.collect()
        await session.wait_for(lambda: len(session.turns[0].pcm) > held + 20 * RATE_HZ)


async def test_a_connection_that_ends_while_an_iterator_is_full_is_noted_once(
    peer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    has_sent = asyncio.Event()

    async def flood(socket: Any) -> None:
        await socket.recv()
        await socket.send(dumped(type="session.updated", session={}))
        await socket.recv()
        for _ in range(QUEUE_EVENTS + 20):
            await socket.send(delta_of(b"\0\0"))
        await socket.close()

    async with connect(url=peer(flood).url) as session:
        events = aiter(session)
        notes = notes_of(session)
        session.on_closed(has_sent.set)
        await session.send_text("go on")
        async with asyncio.timeout(30):
            await session.wait_for(lambda: bool(notes))
            received = [event async for event in events]
            await has_sent.wait()
    assert len(received) > QUEUE_EVENTS
    assert len(notes) == 1
    assert caplog.text.count("is not read") == 1


async def test_closing_does_not_wait_for_a_full_iterator(peer: Any) -> None:
    async def flood(socket: Any) -> None:
        await socket.recv()
        await socket.send(dumped(type="session.updated", session={}))
        while True:
            await socket.send(delta_of(bytes(4800)))

    session = await connect(url=peer(flood).url)
    events = aiter(session)
    await session.wait_for(lambda: bool(session.turns) and session.turns[0].duration_s > 20)
    async with asyncio.timeout(10):
        await session.close()
    assert isinstance(await anext(events), AudioDelta)


async def test_an_iterator_yields_events_from_its_creation_on(peer: Any) -> None:
    async with connect(url=peer(scripted(delta_of(b"\0\0"))).url) as session:
        await session.send_text("go")
        await session.wait_for(lambda: len(session.turns) == 2)
        late = aiter(session)
        await session.close()
        assert not [event async for event in late if isinstance(event, AudioDelta)]


# --------------------------------------------------------------------------- items and replies
async def test_say_verbatim_speaks_exactly_the_text() -> None:
    async with connect(partner=lambda turn: "no") as session:
        events = aiter(session)
        await session.say_verbatim("Exactly this.")
        await session.say_verbatim("And this.", interruptible=False)
        for _ in range(2):
            await next_of(events, ResponseDone)
        assert [turn.text for turn in session.turns] == ["Exactly this.", "And this."]
        assert [turn.role for turn in session.turns] == ["assistant"] * 2


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_history_reaches_the_partner_and_makes_no_turn(
    dialect: str,
) -> None:
    def partner(turn: Any) -> str:
        return " / ".join(f"{line.role}: {line.text}" for line in turn.history)

    async with connect(partner=partner, dialect=dialect) as session:
        events = aiter(session)
        await session.send_item(Item(role="assistant", part="output_text", text="I am Ann."))
        await session.send_text("Who are you?")
        await session.respond()
        await next_of(events, ResponseDone)
        assert [turn.role for turn in session.turns] == ["user", "assistant"]
        assert session.turns[1].text == "assistant: I am Ann."


async def test_the_messages_about_items_and_sound(peer: Any) -> None:
    server = ConfirmingServer()
    async with connect(url=peer(server.serve).url) as session:
        await session.send_item(Item(role="system", part="input_text", text="Rules."), "a0")
        await session.delete_item("a1")
        await session.truncate_item("a2", 1500)
        await session.truncate_item("a2", 0, content_index=1)
        await session.clear()
        _, item, delete, first, second, clear = await server.until(6)
    assert (item["type"], item["previous_item_id"]) == ("conversation.item.create", "a0")
    assert item["item"]["content"] == [{"type": "input_text", "text": "Rules."}]
    assert delete == {"type": "conversation.item.delete", "item_id": "a1"}
    assert first == {
        "type": "conversation.item.truncate", "item_id": "a2", "audio_end_ms": 1500,
        "content_index": 0,
    }  # fmt: skip
    assert (second["audio_end_ms"], second["content_index"]) == (0, 1)
    assert clear == {"type": "input_audio_buffer.clear"}


@pytest.mark.parametrize(
    "given", [(-1,), (1.5,), ("1",), (True,), (None,), (1, -1), (1, 0.0), (1, False)]
)
async def test_an_invalid_position_is_refused_before_anything_is_sent(given: Any) -> None:
    async with connect(partner="parrot") as session:
        with pytest.raises(ConfigurationError, match="must be a whole number from 0, not "):
            await session.truncate_item("a1", *given)


@pytest.mark.parametrize("item_id", ["", None, 3])
async def test_an_invalid_item_id_is_refused_before_anything_is_sent(item_id: Any) -> None:
    async with connect(partner="parrot") as session:
        for ask in (session.delete_item(item_id), session.truncate_item(item_id, 1)):
            with pytest.raises(ConfigurationError, match=f"id of an item, not {item_id!r}"):
                await ask


async def test_messages_that_live_lacks_are_refused_before_anything_is_sent(peer: Any) -> None:
    server = ConfirmingServer()
    async with connect(url=peer(server.serve).url, dialect="live") as session:
        for ask in (
            session.delete_item("a1"),
            session.truncate_item("a1", 1),
            session.say_verbatim("Hello."),
            session.respond(metadata={"a": "b"}),
            session.send_item(Item(kind="function_call_output", call_id="c", text="5")),
        ):
            with pytest.raises(UnsupportedByServer, match="live"):
                await ask
        await session.clear()
        assert [message["type"] for message in (await server.until(3))[2:]] == [
            "input_audio_buffer.clear"
        ]


async def test_a_reply_has_the_instructions_and_metadata_of_its_request() -> None:
    settings: Any = {"instructions": "Be long.", "metadata": {"lesson": "3"}}
    async with connect(partner=lambda turn: turn.instructions, **settings) as session:
        events = aiter(session)
        replies = []
        for given in (
            {},
            {"instructions": "Be brief."},
            {"metadata": {"lesson": "4"}},
            {"metadata": {}},
        ):
            await session.respond(**given)  # type: ignore[arg-type]
            done = await next_of(events, ResponseDone)
            replies.append((session.turns[-1].text, done.metadata or None))
        assert replies == [
            ("Be long.", {"lesson": "3"}),
            ("Be brief.", {"lesson": "3"}),
            ("Be long.", {"lesson": "4"}),
            ("Be long.", None),
        ]


async def test_an_invalid_request_is_refused_before_it_is_queued() -> None:
    async with connect(partner="parrot") as session:
        with pytest.raises(ConfigurationError, match="metadata may have up to 16"):
            await session.respond(metadata={str(n): "x" for n in range(17)})
        with pytest.raises(ConfigurationError, match="nothing to say"):
            await session.say_verbatim(" ")


# --------------------------------------------------------------------------- formats of sound
async def test_turns_have_the_sample_rate_of_their_direction(peer: Any) -> None:
    spoken = np.arange(4800, dtype=np.int16)
    server = ConfirmingServer(sound=spoken.tobytes())
    settings: Any = {
        "sample_rate": 16_000, "output_format": AudioFormat(sample_rate=48_000),
        "turn_detection": PushToTalk(),
    }  # fmt: skip
    async with connect(url=peer(server.serve).url, **settings) as session:
        assert (session.input_sample_rate, session.output_sample_rate) == (16_000, 48_000)
        mine = np.arange(3200, dtype=np.int16)
        await session.send_audio(mine, 16_000)
        await session.send_audio(np.zeros(2400, np.int16), 24_000)
        await session.commit()
        await session.wait_for(lambda: len(session.turns) == 2)
        by_role = {turn.role: turn for turn in session.turns}
        user, reply = by_role["user"], by_role["assistant"]
        assert (user.sample_rate, reply.sample_rate) == (16_000, 48_000)
        assert np.array_equal(user.pcm[:3200], mine)
        assert user.duration_s == pytest.approx(0.3, abs=0.001)
        assert np.array_equal(reply.pcm, spoken)
        assert reply.duration_s == pytest.approx(0.1)
    sound = server.updates[0]["audio"]
    assert sound["input"]["format"] == {"type": "audio/pcm", "rate": 16_000}
    assert sound["output"]["format"] == {"type": "audio/pcm", "rate": 48_000}
    # 100 ms a message, at the session's own rate.
    assert len(base64.b64decode(server.received[1]["audio"])) == 3200


async def test_binary_transport_sends_and_receives_sound_as_bytes(peer: Any) -> None:
    spoken = bytes(range(160))

    async def talk(socket: Any) -> None:
        message = msgspec.json.decode(await socket.recv())
        await socket.send(dumped(type="session.updated", session=message["session"]))
        received.append(await socket.recv())
        await socket.send(dumped(type="response.created", response={"id": "r1"}))
        item = {"id": "a1", "type": "message", "role": "assistant"}
        await socket.send(dumped(type="response.output_item.added", response_id="r1", item=item))
        await socket.send(spoken)
        await socket.send(dumped(type="response.done", response={"id": "r1"}))
        await socket.wait_closed()

    received: list[Any] = []
    form = AudioFormat(encoding="pcma", transport="binary")
    async with connect(url=peer(talk).url, input_format=form, output_format=form) as session:
        events = aiter(session)
        await session.send_audio(np.zeros(800, np.int16), 8_000)
        await next_of(events, ResponseDone)
        reply = session.turns.assistant[0]
        assert (reply.item_id, reply.sample_rate, len(reply.pcm)) == ("a1", 8_000, 160)
    # Silence in A-law.
    assert received == [b"\xd5" * 800]


# --------------------------------------------------------------------------- a question
Question = tuple[CreateItem, CreateResponse]


def asked(text: str) -> Question:
    return user_message(text), reply_request()


def upper(turn: Any) -> str:
    text: str = turn.text.upper()
    return text


# --------------------------------------------------------------------------- the end
async def test_the_end_of_a_session_is_reported_once() -> None:
    session = await connect(partner="parrot")
    ends: list[None] = []
    session.on_closed(lambda: ends.append(None))
    await session.close()
    await session.close()
    assert len(ends) == 1


# --------------------------------------------------------------------------- conditions
async def test_a_condition_that_holds_already_is_not_waited_for() -> None:
    async with connect(partner="parrot") as session, asyncio.timeout(5):
        await session.wait_for(lambda: True)


async def test_conditions_are_evaluated_after_each_event_until_they_hold() -> None:
    async with connect(partner="parrot") as session:
        evaluated = 0

        def is_third() -> bool:
            nonlocal evaluated
            evaluated += 1
            return evaluated == 3

        waiting = asyncio.ensure_future(session.wait_for(is_third))
        await asyncio.sleep(0)
        session.emit(Noted("one"))
        assert evaluated == 2
        session.emit(Noted("two"))
        async with asyncio.timeout(5):
            await waiting
        session.emit(Noted("three"))
        assert evaluated == 3


# --------------------------------------------------------------------------- the expected reply
async def reply_to(session: Session, *events: CreateItem | CreateResponse) -> str:
    """The text of the reply that `expect` follows."""
    turns: list[Turn] = []

    async with session.expect(*events) as pending, asyncio.timeout(20):

        def follow(event: Event, changed: list[Turn], _: float) -> None:
            if pending.response_id and getattr(event, "response_id", "") == pending.response_id:
                turns.extend(changed)

        with session.add_listener(follow):
            await session.send_when_idle(*events)
            await session.wait_for(lambda: pending.is_settled)
    assert all(turn is turns[0] for turn in turns)
    return turns[0].text


async def test_expect_follows_the_reply_to_its_own_request() -> None:
    async with connect(partner=upper) as session:
        texts = ["one", "two", "three"]
        replies = await asyncio.gather(*(reply_to(session, *asked(text)) for text in texts))
        assert replies == ["ONE", "TWO", "THREE"]


async def test_expect_follows_no_reply_that_was_running_before() -> None:
    go_on = threading.Event()

    def partner(turn: Any) -> Any:
        if turn.text == "first":
            go_on.wait(20)
        return upper(turn)

    async with connect(partner=partner) as session:
        await session.send_when_idle(*asked("first"))
        waiting = asyncio.ensure_future(reply_to(session, *asked("second")))
        await asyncio.sleep(0)
        go_on.set()
        assert await waiting == "SECOND"


async def test_what_is_still_queued_at_the_end_of_the_block_is_withdrawn() -> None:
    go_on = threading.Event()

    def partner(turn: Any) -> Any:
        if turn.text == "first":
            go_on.wait(20)
        return upper(turn)

    async with connect(partner=partner) as session:
        sent: list[Event] = []
        session.add_listener(lambda event, _, __: sent.append(event))
        await session.send_when_idle(*asked("first"))
        withdrawn = asked("second")
        async with session.expect(*withdrawn) as pending:
            await session.send_when_idle(*withdrawn)
        go_on.set()
        assert await reply_to(session, *asked("third")) == "THIRD"
        items = [event.item.text for event in sent if isinstance(event, CreateItem)]
        assert items == ["first", "third"]
        assert sum(isinstance(event, CreateResponse) for event in sent) == 2
        assert not pending.is_settled


async def test_what_was_sent_before_the_end_of_the_block_is_not_withdrawn() -> None:
    async with connect(partner=upper) as session:
        begun: list[Event] = []
        session.add_listener(
            lambda event, _, __: begun.append(event) if type(event) is ResponseCreated else None
        )
        sent = asked("first")
        async with session.expect(*sent):
            await session.send_when_idle(*sent)
        async with asyncio.timeout(20):
            await session.wait_for(
                lambda: any(turn.is_complete for turn in session.turns.assistant)
            )
        assert len(begun) == 1
        assert session.turns.assistant[0].text == "FIRST"


async def test_expect_removes_its_listener_at_the_end_of_the_block() -> None:
    async with connect(partner=upper) as session:
        sent = asked("first")
        async with session.expect(*sent) as pending:
            pass
        assert await reply_to(session, *sent) == "FIRST"
        assert pending.response_id == ""


# --------------------------------------------------------------------------- after close
AFTER_CLOSE: dict[str, Callable[[Session], Any]] = {
    "add_listener": lambda session: session.add_listener(lambda event, turns, now_s: None),
    "approve": lambda session: session.approve("c1"),
    "clear": lambda session: session.clear(),
    "commit": lambda session: session.commit(),
    "delete_item": lambda session: session.delete_item("i1"),
    "interrupt": lambda session: session.interrupt(),
    "respond": lambda session: session.respond(),
    "say_verbatim": lambda session: session.say_verbatim("hello"),
    "send": lambda session: session.send(CommitAudio()),
    "send_audio": lambda session: session.send_audio(tone(0.1), RATE_HZ),
    "send_item": lambda session: session.send_item(Item(text="hello")),
    "send_silence": lambda session: session.send_silence(0.1),
    "send_text": lambda session: session.send_text("hello"),
    "truncate_item": lambda session: session.truncate_item("i1", 100),
    "update": lambda session: session.update(voice="ara"),
}


@pytest.fixture(scope="module")
def closed_session() -> Session:
    async def closed() -> Session:
        async with connect(partner="parrot") as session:
            return session

    return asyncio.run(closed())


@pytest.mark.parametrize("name", AFTER_CLOSE)
async def test_a_closed_session_refuses_what_needs_an_open_one(
    closed_session: Session, name: str
) -> None:
    with pytest.raises(SessionClosedOK, match=r"session is closed.*open another"):
        await result_of(lambda: AFTER_CLOSE[name](closed_session))
