"""One line: gated, folded, interruptible, and told apart when it ends."""

from __future__ import annotations

import asyncio
import base64
import gc
import json
import logging
import threading
from typing import Any

import msgspec
import numpy as np
import pytest

from grok_live_widget.client.connector import connect, open_session_with
from grok_live_widget.client.endpoint import ConnectRequest, resolve_endpoint
from grok_live_widget.client.timeouts import Timeouts
from grok_live_widget.conversation.conversation import Conversation
from grok_live_widget.events import (
    AppendAudio,
    AudioCleared,
    AudioDelta,
    AudioFormat,
    ErrorReported,
    Interrupted,
    Item,
    Noted,
    PushToTalk,
    ResponseDone,
    ServerVad,
    SessionEnded,
    SettingsChanged,
    SpeechStopped,
    Transcription,
    Unrecognized,
)
from grok_live_widget.exceptions import (
    AudioFormatError,
    AuthenticationError,
    ConfigurationError,
    ConnectError,
    LocalProtocolError,
    ServerError,
    SessionClosedError,
    SessionClosedOK,
    UnsupportedByServer,
)
from grok_live_widget.protocol.dialects import LIVE
from grok_live_widget.rehearsal import RehearsalServer
from grok_live_widget.settings.settings import IMMUTABLE, Settings

RATE = 24_000


async def until(events: Any, kind: type) -> Any:
    async for event in events:
        if isinstance(event, kind):
            return event
    raise AssertionError(f"no {kind.__name__} came")


def dumped(**message: Any) -> str:
    return msgspec.json.encode(message).decode()


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


@pytest.mark.parametrize("clears", [False, True])
async def test_a_commit_takes_with_it_what_the_resampler_held_unless_it_was_cleared(
    clears: bool,
) -> None:
    async with connect(
        partner="parrot", sample_rate=48_000, turn_detection=PushToTalk()
    ) as session:
        for _ in range(2):
            await session.send_audio(np.zeros(4_800, np.int16), more=True)
        if clears:
            await session.clear()
            await session.send_audio(np.zeros(4_800, np.int16), more=True)
        await session.commit()
        assert len(session.turns.user[-1].pcm) == (9_600 if clears else 19_200)


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


async def test_an_iterator_that_nobody_reads_holds_the_line_back_and_that_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pieces = [np.full(RATE // 10, at, np.int16) for at in range(400)]
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
            elif len(order) == 3:
                await socket.send(dumped(type="input_audio_buffer.cleared"))

    async with connect(url=peer(late).url) as session:
        events = aiter(session)
        await session.send_audio(np.zeros(2400, np.int16))
        await until(events, AudioCleared)
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
            await session.send(AppendAudio(b""))


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
        received_message_count = session.received_message_count
        assert session.silent_s >= 0.1
        assert await session.is_answering(0.05)
        assert session.received_message_count == received_message_count + 1
        assert session.settings == settings


async def test_a_server_that_says_nothing_is_given_up_for_that_reason(peer: Any) -> None:
    gone = SessionClosedError("the server has said nothing.", close_code=None)
    async with connect(url=peer(scripted()).url) as session:
        await asyncio.sleep(0.1)
        assert not await session.is_answering(0.05)
        await session.abort(gone)
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
        session.add_listener(broken)
        events = aiter(session)
        await session.send_text("still there?")
        await session.respond()
        await until(events, ResponseDone)


# --------------------------------------------------------------------------- words and items
class Wire:
    """A server that keeps what it is told and echoes the settings, but for some of them."""

    def __init__(self, *, model: str = "", **echo: Any) -> None:
        self.said: list[Any] = []
        self.echo, self.model = echo, model
        self.refusal: str | None = None
        self.other_errors: list[dict[str, str]] = []
        self._came = threading.Semaphore(0)

    async def talk(self, socket: Any) -> None:
        if self.model:
            await socket.send(dumped(type="session.created", session={"model": self.model}))
        async for frame in socket:
            message = msgspec.json.decode(frame) if isinstance(frame, str) else frame
            self.said.append(message)
            self._came.release()
            if isinstance(message, dict) and message["type"] == "session.update":
                await self._answer(socket, message)

    async def _answer(self, socket: Any, message: dict[str, Any]) -> None:
        for error in self.other_errors:
            await socket.send(dumped(type="error", error=error))
        if self.refusal is not None:
            error = {"message": self.refusal, "event_id": message.get("event_id", "")}
            self.refusal = None
            await socket.send(dumped(type="error", error=error))
            return
        session = {**message["session"], **self.echo}
        await socket.send(dumped(type="session.updated", session=session))

    @property
    def updates(self) -> list[Any]:
        messages = [message for message in self.said if isinstance(message, dict)]
        return [each["session"] for each in messages if each["type"] == "session.update"]

    async def until(self, count: int) -> list[Any]:
        """The first messages, so many of them; to be asked for once."""
        for _ in range(count):
            assert await asyncio.to_thread(self._came.acquire, timeout=10)
        return self.said


def notes_of(session: Any) -> list[str]:
    notes: list[str] = []
    session.add_listener(
        lambda event, _, __: notes.append(event.text) if type(event) is Noted else None
    )
    return notes


async def test_words_are_spoken_as_they_are() -> None:
    async with connect(partner=lambda turn: "no") as session:
        events = aiter(session)
        await session.say_verbatim("Exactly this.")
        await session.say_verbatim("And this.", interruptible=False)
        for _ in range(2):
            await until(events, ResponseDone)
        assert [turn.text for turn in session.turns] == ["Exactly this.", "And this."]
        assert [turn.role for turn in session.turns] == ["assistant"] * 2


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_history_is_known_to_whoever_answers_and_makes_no_turn_of_the_models(
    dialect: str,
) -> None:
    def partner(turn: Any) -> str:
        return " / ".join(f"{line.role}: {line.text}" for line in turn.history)

    async with connect(partner=partner, dialect=dialect) as session:
        events = aiter(session)
        await session.send_item(Item(role="assistant", part="output_text", text="I am Ann."))
        await session.send_text("Who are you?")
        await session.respond()
        await until(events, ResponseDone)
        assert [turn.role for turn in session.turns] == ["user", "assistant"]
        assert session.turns[1].text == "assistant: I am Ann."


async def test_every_word_about_items_and_sound_is_spelled_on_the_wire(peer: Any) -> None:
    wire = Wire()
    async with connect(url=peer(wire.talk).url) as session:
        await session.send_item(Item(role="system", part="input_text", text="Rules."), "a0")
        await session.delete_item("a1")
        await session.truncate_item("a2", 1500)
        await session.truncate_item("a2", 0, content_index=1)
        await session.clear()
        _, item, delete, first, second, clear = await wire.until(6)
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
async def test_a_place_that_is_none_is_refused_before_anything_is_sent(given: Any) -> None:
    async with connect(partner="parrot") as session:
        with pytest.raises(ConfigurationError, match="must be a whole number from 0, not "):
            await session.truncate_item("a1", *given)


@pytest.mark.parametrize("item_id", ["", None, 3])
async def test_a_name_that_is_none_is_refused_before_anything_is_sent(item_id: Any) -> None:
    async with connect(partner="parrot") as session:
        for ask in (session.delete_item(item_id), session.truncate_item(item_id, 1)):
            with pytest.raises(ConfigurationError, match=f"name of an item, not {item_id!r}"):
                await ask


async def test_what_live_has_no_word_for_is_refused_before_anything_is_sent(peer: Any) -> None:
    wire = Wire()
    async with connect(url=peer(wire.talk).url, dialect="live") as session:
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
        assert [message["type"] for message in (await wire.until(3))[2:]] == [
            "input_audio_buffer.clear"
        ]


async def test_a_reply_has_the_instructions_and_metadata_that_it_is_asked_with() -> None:
    settings: Any = {"instructions": "Be long.", "metadata": {"lesson": "3"}}
    async with connect(partner=lambda turn: turn.instructions, **settings) as session:
        events = aiter(session)
        told = []
        for given in (
            {},
            {"instructions": "Be brief."},
            {"metadata": {"lesson": "4"}},
            {"metadata": {}},
        ):
            await session.respond(**given)  # type: ignore[arg-type]
            done = await until(events, ResponseDone)
            told.append((session.turns[-1].text, done.metadata or None))
        assert told == [
            ("Be long.", {"lesson": "3"}),
            ("Be brief.", {"lesson": "3"}),
            ("Be long.", {"lesson": "4"}),
            ("Be long.", None),
        ]


async def test_a_request_that_no_server_takes_is_refused_before_it_is_queued() -> None:
    async with connect(partner="parrot") as session:
        with pytest.raises(ConfigurationError, match="metadata may have up to 16"):
            await session.respond(metadata={str(n): "x" for n in range(17)})
        with pytest.raises(ConfigurationError, match="nothing to say"):
            await session.say_verbatim(" ")


# --------------------------------------------------------------------------- other settings
async def test_only_what_changes_is_said_and_holds_from_then_on(peer: Any) -> None:
    wire = Wire()
    async with connect(url=peer(wire.talk).url, voice="eve", speed=1.2) as session:
        notes, changes = notes_of(session), []
        session.on_settings(changes.append)
        events = aiter(session)
        given: Any = {
            "voice": "ara", "turn_detection": PushToTalk(), "replace": {"nm": "nanometers"}
        }  # fmt: skip
        assert await session.update(**given) == []
        await until(events, SettingsChanged)
        assert {name: getattr(session.settings, name) for name in given} == given
        assert session.settings.speed == 1.2
        assert await session.update(idle_timeout_s=60, voice="ara") == []
        assert await session.update(speed=None, replace=None, reasoning="none") == []
        assert await session.update(reasoning=None, instructions="") == []
        assert [each.voice for each in changes] == ["ara"] * 4
        assert notes == []
    assert wire.updates[1:] == [
        {"voice": "ara", "turn_detection": {"type": None}, "replace": {"nm": "nanometers"}},
        {"replace": None, "reasoning": {"effort": "none"}, "audio": {"output": {"speed": 1.0}}},
        {"reasoning": {"effort": "high"}},
    ]


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_the_rehearsal_takes_other_settings_over_at_once(dialect: str) -> None:
    def partner(turn: Any) -> str:
        return f"{turn.voice}: {turn.instructions}"

    async with connect(partner=partner, dialect=dialect, voice="eve") as session:
        events = aiter(session)
        assert await session.update(voice="ara", instructions="Sing.") == []
        await session.send_text("Who?")
        await session.respond()
        await until(events, ResponseDone)
        assert session.turns[-1].text == "ara: Sing."
        await session.update(turn_detection=PushToTalk())
        with pytest.raises(LocalProtocolError, match="100 ms"):
            await session.commit()


async def test_the_pause_that_ends_a_reply_of_live_can_change(peer: Any) -> None:
    async def talk(socket: Any) -> None:
        async for frame in socket:
            if b"item.create" in (frame if isinstance(frame, bytes) else frame.encode()):
                await socket.send(dumped(type="response.audio_transcript.delta", delta="Hi"))

    url = peer(talk).url
    async with connect(url=url, dialect="live", reply_quiet_ms=10_000) as session:
        events = aiter(session)
        assert await session.update(reply_quiet_ms=100) == []
        await session.send_text("go")
        async with asyncio.timeout(5):
            await until(events, ResponseDone)


async def test_what_the_server_did_not_take_over_is_returned_and_noted(peer: Any) -> None:
    wire = Wire(reasoning={"effort": "high"})
    async with connect(url=peer(wire.talk).url) as session:
        notes = notes_of(session)
        found = await session.update(reasoning="none", voice="ara")
        assert found == ["reasoning.effort is 'high', not 'none'"]
        assert notes == [f"The server did not take over a setting: {found[0]}."]


@pytest.mark.parametrize("is_named", [True, False])
async def test_settings_that_the_server_refuses_leave_the_earlier_ones(
    peer: Any, is_named: bool
) -> None:
    wire = Wire()
    async with connect(url=peer(wire.talk).url, voice="eve") as session:
        changes: list[Any] = []
        session.on_settings(changes.append)
        earlier, wire.refusal = session.settings, "no such voice"
        with pytest.raises(ServerError, match="no such voice"):
            await session.update(voice="nobody")
        assert session.settings is earlier
        assert changes == []
        assert await session.update(voice="ara") == []
        assert session.settings.voice == "ara"


async def test_turn_detection_that_is_refused_decides_nothing(peer: Any) -> None:
    wire = Wire()
    async with connect(url=peer(wire.talk).url) as session:
        wire.refusal = "not allowed"
        with pytest.raises(ServerError, match="not allowed"):
            await session.update(turn_detection=PushToTalk())
        await session.commit()
        await session.send_audio(np.zeros(2400, np.int16))
        assert len(session.turns) == 0
    assert wire.updates[-1]["turn_detection"]["type"] == "server_vad"


async def test_an_error_about_something_else_does_not_refuse_settings(peer: Any) -> None:
    wire = Wire()
    async with connect(url=peer(wire.talk).url) as session:
        wire.other_errors = [
            {"message": "bad item", "event_id": "another"},
            {"message": "Cancellation failed: no active response"},
        ]
        assert await session.update(voice="ara") == []
        assert session.settings.voice == "ara"


async def test_changes_at_the_same_time_are_made_one_after_another(peer: Any) -> None:
    wire = Wire()
    async with connect(url=peer(wire.talk).url) as session:
        await asyncio.gather(session.update(voice="ara"), session.update(speed=1.5))
        assert (session.settings.voice, session.settings.speed) == ("ara", 1.5)


async def test_a_server_that_confirms_nothing_is_noted_and_the_settings_hold(
    peer: Any,
) -> None:
    async with connect(url=peer(scripted()).url) as session:
        session.timeouts = Timeouts(confirm_s=0.2)
        notes = notes_of(session)
        assert await session.update(voice="ara") == []
        assert notes == ["The server did not confirm the new settings."]
        assert session.settings.voice == "ara"


async def test_a_line_that_ends_amid_a_change_raises_what_ended_it(peer: Any) -> None:
    async def bye(socket: Any) -> None:
        await socket.close(1011, "tired")

    async with connect(url=peer(scripted(then=bye)).url) as session:
        earlier = session.settings
        with pytest.raises(SessionClosedError, match="tired"):
            await session.update(voice="ara")
        assert session.settings is earlier


def look(up: bool) -> None:
    """Look."""


BEYOND_LIVE: dict[str, Any] = {
    "tools": [look],
    "transcription": Transcription(language_hint="de"),
    "speed": 1.2,
    "replace": {"a": "b"},
    "reasoning": "none",
    "resumption": False,
    "metadata": {"a": "b"},
    "turn_detection.idle_timeout_ms": ServerVad(idle_timeout_ms=5000),
    "turn_detection.create_response": ServerVad(create_response=False),
    "turn_detection.interrupt_response": ServerVad(interrupt_response=False),
}
OF_THE_OPENING: dict[str, Any] = {
    "input_format": AudioFormat(sample_rate=16_000),
    "output_format": AudioFormat(encoding="pcmu"),
    "conversation_id": "c1",
}


def test_all_that_live_lacks_is_tried_here() -> None:
    assert LIVE.unsupported == {*BEYOND_LIVE, *OF_THE_OPENING}


@pytest.mark.parametrize("name", BEYOND_LIVE)
async def test_what_live_cannot_be_asked_for_is_refused_by_name_before_anything_is_sent(
    peer: Any, name: str
) -> None:
    wire, setting = Wire(), name.partition(".")[0]
    async with connect(url=peer(wire.talk).url, dialect="live") as session:
        earlier = session.settings
        with pytest.raises(UnsupportedByServer, match=f"live.*{name}="):
            await session.update(voice="nova", **{setting: BEYOND_LIVE[name]})
        assert session.settings is earlier
        assert await session.update(voice="echo") == []
        await wire.until(3)
    assert wire.updates[1:] == [{"voice": "echo"}]


@pytest.mark.parametrize("name", {**BEYOND_LIVE, **OF_THE_OPENING})
def test_what_live_cannot_say_is_refused_by_name_before_a_line_is_opened(name: str) -> None:
    given = {name.partition(".")[0]: {**BEYOND_LIVE, **OF_THE_OPENING}[name]}
    with pytest.raises(UnsupportedByServer, match=f"live.*{name}="):
        connect(partner="parrot", dialect="live", **given)


SETTLED_VALUES: dict[str, Any] = {
    "dialect": "live",
    "url": "ws://127.0.0.1:9/v1/live",
    "partner": "parrot",
    "record": "folder",
    "sample_rate": 16_000,
    "input_format": AudioFormat(encoding="pcmu"),
    "output_format": None,
    "conversation_id": "c1",
    "open_timeout_s": 3,
}


async def test_what_is_settled_with_the_opening_is_refused_by_name() -> None:
    assert set(SETTLED_VALUES) == IMMUTABLE
    async with connect(partner="parrot") as session:
        earlier = session.settings
        for name, value in SETTLED_VALUES.items():
            with pytest.raises(ConfigurationError, match=f"{name} cannot be changed"):
                await session.update(voice="ara", **{name: value})
        with pytest.raises(ConfigurationError, match="no setting 'voise'"):
            await session.update(voise="ara")
        with pytest.raises(ConfigurationError, match="transcription cannot be reset"):
            await session.update(transcription=None)
        assert session.settings is earlier


async def test_another_model_needs_another_session_where_the_opening_names_it() -> None:
    async with connect(partner="parrot") as session:
        with pytest.raises(ConfigurationError, match=r"new session.*Talk\.update"):
            await session.update(model="grok-9")
        assert session.settings.model is None
    async with connect(partner="parrot", dialect="live") as session:
        assert await session.update(model="grok-9") == []


@pytest.mark.parametrize(
    ("asked", "found", "is_noted"),
    [
        ("grok-9", "grok-voice-think-fast-2.0", True),
        ("grok-voice-latest", "grok-voice-think-fast-2.0", False),
        ("grok-9", "grok-9", False),
        (None, "grok-9", False),
    ],
)
async def test_another_model_than_was_asked_for_is_noted(
    peer: Any, asked: str | None, found: str, is_noted: bool
) -> None:
    notes: list[str] = []
    wire = Wire(model=found)
    settings = Settings(url=peer(wire.talk).url, model=asked)
    session = await open_session_with(
        ConnectRequest(endpoint=resolve_endpoint(settings), settings=settings),
        Conversation.under(settings),
        listener=lambda event, _, __: notes.append(event.text) if type(event) is Noted else None,
    )
    await session.close()
    said = f"The server answers as {found!r}, not as {asked!r} as it was asked."
    assert notes == [said] * is_noted


# --------------------------------------------------------------------------- formats of sound
async def test_turns_have_the_sample_rate_of_their_direction(peer: Any) -> None:
    wire = Wire()
    spoken = np.arange(4800, dtype=np.int16)

    async def talk(socket: Any) -> None:
        async def answer(_: Any, message: dict[str, Any]) -> None:
            await socket.send(dumped(type="session.updated", session=message["session"]))
            await socket.send(delta_of(spoken.tobytes()))

        wire._answer = answer  # type: ignore[method-assign]
        await wire.talk(socket)

    settings: Any = {
        "sample_rate": 16_000, "output_format": AudioFormat(sample_rate=48_000),
        "turn_detection": PushToTalk(),
    }  # fmt: skip
    async with connect(url=peer(talk).url, **settings) as session:
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
    sound = wire.updates[0]["audio"]
    assert sound["input"]["format"] == {"type": "audio/pcm", "rate": 16_000}
    assert sound["output"]["format"] == {"type": "audio/pcm", "rate": 48_000}
    # 100 ms a message, at the line's own rate.
    assert len(base64.b64decode(wire.said[1]["audio"])) == 3200


async def test_sound_travels_as_bytes_in_both_directions(peer: Any) -> None:
    spoken = bytes(range(160))

    async def talk(socket: Any) -> None:
        message = msgspec.json.decode(await socket.recv())
        await socket.send(dumped(type="session.updated", session=message["session"]))
        heard.append(await socket.recv())
        await socket.send(dumped(type="response.created", response={"id": "r1"}))
        item = {"id": "a1", "type": "message", "role": "assistant"}
        await socket.send(dumped(type="response.output_item.added", response_id="r1", item=item))
        await socket.send(spoken)
        await socket.send(dumped(type="response.done", response={"id": "r1"}))
        await socket.wait_closed()

    heard: list[Any] = []
    form = AudioFormat(encoding="pcma", transport="binary")
    async with connect(url=peer(talk).url, input_format=form, output_format=form) as session:
        events = aiter(session)
        await session.send_audio(np.zeros(800, np.int16), 8_000)
        await until(events, ResponseDone)
        reply = session.turns.assistant[0]
        assert (reply.item_id, reply.sample_rate, len(reply.pcm)) == ("a1", 8_000, 160)
    # The silence of this law.
    assert heard == [b"\xd5" * 800]


@pytest.mark.parametrize(
    ("settings", "echo", "says"),
    [
        ({"sample_rate": 16_000}, {"input": {"format": {"type": "audio/pcm", "rate": 24_000}}},
         r"audio\.input\.format\.rate is 24000, not 16000"),
        ({"output_format": AudioFormat(encoding="pcmu")},
         {"output": {"format": {"type": "audio/pcm", "rate": 24_000}}},
         r"audio\.output\.format\.type is 'audio/pcm', not 'audio/pcmu'"),
        ({"input_format": AudioFormat(transport="binary")}, {"input": {"transport": "json"}},
         r"audio\.input\.transport is 'json', not 'binary'"),
    ],
)  # fmt: skip
async def test_a_line_whose_sound_would_have_another_pitch_is_not_opened(
    peer: Any, settings: Any, echo: Any, says: str
) -> None:
    wire = Wire(audio=echo)
    with pytest.raises(ConnectError, match=rf"does not take the format of the sound: {says}\."):
        await connect(url=peer(wire.talk).url, **settings)


async def test_an_echo_that_says_nothing_of_the_sound_is_believed(peer: Any) -> None:
    async with connect(url=peer(Wire(audio={}).talk).url, sample_rate=8_000) as session:
        assert session.is_open
