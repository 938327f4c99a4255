"""One line: gated, folded, interruptible, and told apart when it ends."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import logging
from typing import Any

import numpy as np
import orjson
import pytest

from grok_live_widget.connecting import connect
from grok_live_widget.events import (
    AppendAudio,
    AudioDelta,
    ErrorReported,
    Interrupted,
    PushToTalk,
    ResponseDone,
    SessionEnded,
    SpeechStopped,
    Unrecognized,
)
from grok_live_widget.exceptions import (
    AudioFormatError,
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    LocalProtocolError,
    SessionClosedError,
    SessionClosedOK,
    UnsupportedByServer,
)
from grok_live_widget.rehearsal import RehearsalServer

RATE = 24_000


async def until(events: Any, kind: type) -> Any:
    async for event in events:
        if isinstance(event, kind):
            return event
    raise AssertionError(f"no {kind.__name__} came")


def dumped(**message: Any) -> str:
    return orjson.dumps(message).decode()


def delta_of(pcm: bytes, response_id: str = "r1", item_id: str = "a1") -> str:
    return dumped(
        type="response.output_audio.delta",
        response_id=response_id,
        item_id=item_id,
        delta=base64.b64encode(pcm).decode(),
    )


def scripted(*frames: str, then: Any = None) -> Any:
    """A server that confirms the settings, waits to be spoken to, says `frames`, does `then`."""

    async def talk(socket: Any) -> None:
        await socket.recv()
        await socket.send(dumped(type="session.updated", session={}))
        await socket.recv()
        for frame in frames:
            await socket.send(frame)
        if then is not None:
            await then(socket)
        await socket.wait_closed()

    return talk


# --------------------------------------------------------------------------- sound and text
@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_a_spoken_question_comes_back_sample_for_sample(
    dialect: str, question: np.ndarray, silence: Any
) -> None:
    async with connect(partner="parrot", dialect=dialect) as session:
        events = aiter(session)
        await session.send_audio(question)
        await session.send_audio(silence(1.0))
        await until(events, SpeechStopped)
        await until(events, ResponseDone)
        sent = np.concatenate((question, silence(1.0)))
        reply = session.turns.assistant[0].pcm
        starts = [at for at in range(len(sent) - len(reply) + 1) if sent[at] == reply[0]]
        assert any(np.array_equal(sent[at : at + len(reply)], reply) for at in starts)
        assert len(reply) > 0.8 * len(question) - 0.5 * RATE
        user = session.turns.user[0]
        assert user.is_approximate is (dialect == "live")
        if dialect == "realtime":
            assert np.array_equal(user.pcm, reply)


async def test_push_to_talk_returns_the_whole_of_it(question: np.ndarray) -> None:
    async with connect(partner="parrot", turn_detection=PushToTalk()) as session:
        events = aiter(session)
        await session.send_audio(question)
        await session.commit()
        await session.respond()
        await until(events, ResponseDone)
        assert np.array_equal(session.turns.assistant[0].pcm, question)
        assert np.array_equal(session.turns.user[0].pcm, question)


async def test_sound_at_another_rate_and_in_stereo_is_heard(question: np.ndarray) -> None:
    async with connect(partner="parrot", turn_detection=PushToTalk()) as session:
        events = aiter(session)
        stereo = np.repeat(question[:, None], 2, axis=1)
        await session.send_audio(stereo[::2].astype(np.float32) / 32768, sample_rate=12_000)
        await session.commit()
        await session.respond()
        await until(events, ResponseDone)
        assert abs(len(session.turns.assistant[0].pcm) - len(question)) <= 2


async def test_bad_sound_is_refused_before_anything_is_sent() -> None:
    async with connect(partner="parrot") as session:
        with pytest.raises(AudioFormatError, match="NaN"):
            await session.send_audio(np.array([0.0, np.nan]))
        with pytest.raises(ConfigurationError, match="nothing to say"):
            await session.send_text("  ")
        assert len(session.turns) == 0


async def test_interrupting_stops_the_reply(silence: Any) -> None:
    with RehearsalServer(lambda turn: silence(60), api_key="k") as server:
        async with connect(api_key="k", url=server.url()) as session:
            events = aiter(session)
            await session.send_text("go on")
            await session.respond()
            await until(events, AudioDelta)
            await session.interrupt()
            await until(events, Interrupted)
            done = await until(events, ResponseDone)
            assert done.status == "cancelled"
            reply = session.turns.assistant[0]
            assert reply.was_interrupted
            assert reply.is_complete
            assert reply.heard_sample_count is None


# --------------------------------------------------------------------------- the line
async def test_sound_waits_until_the_settings_are_confirmed(peer: Any) -> None:
    order: list[str] = []

    async def late(socket: Any) -> None:
        async for frame in socket:
            order.append(json.loads(frame)["type"])
            if order == ["session.update"]:
                await socket.send(dumped(type="session.created", session={}))
                order.append("confirmed")
                await socket.send(dumped(type="session.updated", session={}))

    async with connect(url=peer(late).url) as session:
        await session.send_audio(np.zeros(2400, np.int16))
    assert order[:3] == ["session.update", "confirmed", "input_audio_buffer.append"]


async def test_settings_that_are_refused_are_a_connect_error(peer: Any) -> None:
    async def refuse(socket: Any) -> None:
        await socket.recv()
        await socket.send(dumped(type="error", error={"message": "voice unknown"}))
        await socket.wait_closed()

    with pytest.raises(ConnectError, match="voice unknown"):
        await connect(url=peer(refuse).url)


async def test_what_is_not_understood_is_an_event_and_no_error(peer: Any) -> None:
    talk = scripted("not json", dumped(type="new.thing", a=1), delta_of(b"\0\0\1"))
    async with connect(url=peer(talk).url) as session:
        events = aiter(session)
        await session.send_text("go")
        assert (await until(events, Unrecognized)).message == {"unreadable": "not json"}
        assert (await until(events, Unrecognized)).wire_type == "new.thing"
        assert (await until(events, AudioDelta)).odd_byte_count == 1


async def test_an_error_of_the_server_does_not_end_the_session(peer: Any) -> None:
    talk = scripted(dumped(type="error", error={"message": "no"}), delta_of(b"\0\0"))
    async with connect(url=peer(talk).url) as session:
        events = aiter(session)
        await session.send_text("go")
        await until(events, ErrorReported)
        await until(events, AudioDelta)


async def test_a_server_gone_in_mid_reply_loses_nothing_received(peer: Any) -> None:
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


async def test_a_close_as_asked_ends_iteration_quietly(peer: Any) -> None:
    async def bye(socket: Any) -> None:
        await socket.close(1000, "bye")

    async with connect(url=peer(scripted(then=bye)).url) as session:
        events = aiter(session)
        await session.send_text("go")
        told = [event async for event in events]
        assert isinstance(told[-1], SessionEnded)
        assert isinstance(session.failure, SessionClosedOK)


async def test_a_broken_line_names_its_code_and_reason(peer: Any) -> None:
    async def break_off(socket: Any) -> None:
        await socket.close(1011, "out of memory")

    async with connect(url=peer(scripted(then=break_off)).url) as session:
        events = aiter(session)
        await session.send_text("go")
        with pytest.raises(SessionClosedError, match=r"1011.*out of memory") as caught:
            async for _ in events:
                pass
        assert caught.value.close_code == 1011


async def test_a_dialect_without_the_word_says_so() -> None:
    async with connect(partner="parrot", dialect="live") as session:
        with pytest.raises(UnsupportedByServer, match="live"):
            session.protocol.dialect.encode(ResponseDone())
        await session.interrupt()


async def test_an_illegal_word_is_refused_before_it_is_sent() -> None:
    async with connect(partner="parrot") as session:
        session.protocol.close()
        with pytest.raises(LocalProtocolError, match="closed"):
            await session.say(AppendAudio(b""))


@pytest.mark.parametrize("code", [1008, 3000, 4001])
async def test_live_takes_an_early_close_as_the_verdict_on_the_key(peer: Any, code: int) -> None:
    async def hang_up(socket: Any) -> None:
        await socket.recv()
        await socket.close(code)

    url = peer(hang_up).url.replace("realtime", "live")
    session = await connect(url=url, dialect="live", api_key="wrong-key")
    with pytest.raises(AuthenticationError, match="XAI_API_KEY"):
        async for _ in session:
            pass
    with pytest.raises(AuthenticationError):
        await session.send_text("hello")


async def test_a_server_is_asked_whether_it_still_says_anything() -> None:
    async with connect(partner="parrot", dialect="realtime") as session:
        settings = session.settings
        await asyncio.sleep(0.1)
        heard_count = session.heard_count
        assert session.silent_s >= 0.1
        assert await session.is_answering(0.05)
        assert session.heard_count == heard_count + 1
        assert session.settings == settings


async def test_a_server_that_says_nothing_is_given_up_for_that_reason(peer: Any) -> None:
    gone = SessionClosedError("the server has said nothing.", close_code=None)
    async with connect(url=peer(scripted()).url) as session:
        await asyncio.sleep(0.1)
        assert not await session.is_answering(0.05)
        await session.give_up(gone)
        assert session.failure is gone
        assert not session.is_open


# --------------------------------------------------------------------------- iterators
async def test_an_iterator_that_does_not_read_holds_back_the_line(peer: Any) -> None:
    sent = 0

    async def flood(socket: Any) -> None:
        nonlocal sent
        await socket.recv()
        await socket.send(dumped(type="session.updated", session={}))
        while True:
            await socket.send(delta_of(bytes(48_000)))
            sent += 1

    async with connect(url=peer(flood, write_limit=1000).url) as session:
        events = aiter(session)
        await session.wait_for(lambda: len(session.turns) > 0)
        while True:
            before = sent
            for _ in range(50):
                await asyncio.sleep(0.01)
            if sent == before:
                break
        # What we do not read was said all the same.
        assert await session.is_answering(0.1)
        held = len(session.turns[0].pcm)
        assert held <= (256 + 16) * RATE
        del events
        gc.collect()
        await session.wait_for(lambda: len(session.turns[0].pcm) > held + 20 * RATE)


async def test_closing_does_not_wait_for_an_iterator_that_does_not_read(peer: Any) -> None:
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


async def test_an_iterator_sees_what_comes_after_it_began(peer: Any) -> None:
    async with connect(url=peer(scripted(delta_of(b"\0\0"))).url) as session:
        await session.send_text("go")
        await session.wait_for(lambda: len(session.turns) == 2)
        late = aiter(session)
        await session.close()
        assert not [event async for event in late if isinstance(event, AudioDelta)]


async def test_a_bug_in_an_observer_stops_nobody(
    peer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "grok_live_widget")

    def broken(*_: Any) -> None:
        raise RuntimeError("a bug")

    async with connect(partner="parrot") as session:
        session.observe(broken)
        events = aiter(session)
        await session.send_text("still there?")
        await session.respond()
        await until(events, ResponseDone)
