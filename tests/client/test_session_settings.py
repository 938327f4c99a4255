"""`SessionSettings`: what an update sends, what holds after it, and what is refused."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import numpy as np
import pytest

from grok_live_widget.client.connector import connect, open_session_with
from grok_live_widget.client.endpoint import ConnectRequest, resolve_endpoint
from grok_live_widget.client.timeouts import Timeouts
from grok_live_widget.conversation.conversation import Conversation
from grok_live_widget.events import (
    AudioFormat,
    PushToTalk,
    ResponseDone,
    ServerVad,
    SettingsChanged,
    Transcription,
)
from grok_live_widget.exceptions import (
    ConfigurationError,
    LocalProtocolError,
    ServerError,
    SessionClosedError,
    UnsupportedByServer,
)
from grok_live_widget.protocol.dialects import LIVE
from grok_live_widget.recording import FrameLog
from grok_live_widget.settings.settings import IMMUTABLE, Settings

from ..support.events import notes_of
from ..support.scripted_server import ConfirmingServer, dumped, scripted
from ..support.sound import RATE_HZ
from ..support.waiting import next_of


def changes_of(session: Any) -> list[Any]:
    """The settings as they were at each event that reports a change of them."""
    changes: list[Any] = []
    session.add_listener(
        lambda event, _, __: (
            changes.append(session.settings) if type(event) is SettingsChanged else None
        )
    )
    return changes


async def test_an_update_sends_only_what_changes(peer: Any) -> None:
    server = ConfirmingServer()
    async with connect(url=peer(server.serve).url, voice="eve", speed=1.2) as session:
        notes, changes = notes_of(session), changes_of(session)
        events = aiter(session)
        given: Any = {
            "voice": "ara", "turn_detection": PushToTalk(), "replace": {"nm": "nanometers"}
        }  # fmt: skip
        assert await session.update(**given) == []
        await next_of(events, SettingsChanged)
        assert {name: getattr(session.settings, name) for name in given} == given
        assert session.settings.speed == 1.2
        assert await session.update(idle_timeout_s=60, voice="ara") == []
        assert await session.update(speed=None, replace=None, reasoning="none") == []
        assert await session.update(reasoning=None, instructions="") == []
        assert [each.voice for each in changes] == ["ara"] * 4
        assert notes == []
    assert server.updates[1:] == [
        {"voice": "ara", "turn_detection": {"type": None}, "replace": {"nm": "nanometers"}},
        {"replace": None, "reasoning": {"effort": "none"}, "audio": {"output": {"speed": 1.0}}},
        {"reasoning": {"effort": "high"}},
    ]


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_the_rehearsal_applies_an_update_at_once(dialect: str) -> None:
    def partner(turn: Any) -> str:
        return f"{turn.voice}: {turn.instructions}"

    async with connect(partner=partner, dialect=dialect, voice="eve") as session:
        events = aiter(session)
        assert await session.update(voice="ara", instructions="Sing.") == []
        await session.send_text("Who?")
        await session.respond()
        await next_of(events, ResponseDone)
        assert session.turns[-1].text == "ara: Sing."
        await session.update(turn_detection=PushToTalk())
        with pytest.raises(LocalProtocolError, match="100 ms"):
            await session.commit()


async def test_reply_quiet_ms_can_change_in_live(peer: Any) -> None:
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
            await next_of(events, ResponseDone)


async def test_rejected_settings_are_returned_and_noted(peer: Any) -> None:
    server = ConfirmingServer(reasoning={"effort": "high"})
    async with connect(url=peer(server.serve).url) as session:
        notes = notes_of(session)
        found = await session.update(reasoning="none", voice="ara")
        assert found == ["reasoning.effort is 'high', not 'none'"]
        assert notes == [f"The server rejected a setting and keeps its own: {found[0]}."]


@pytest.mark.parametrize("is_named", [True, False])
async def test_an_update_that_the_server_refuses_leaves_the_earlier_settings(
    peer: Any, is_named: bool
) -> None:
    server = ConfirmingServer()
    async with connect(url=peer(server.serve).url, voice="eve") as session:
        changes = changes_of(session)
        earlier, server.refusal = session.settings, "no such voice"
        with pytest.raises(ServerError, match="no such voice"):
            await session.update(voice="nobody")
        assert session.settings is earlier
        assert changes == []
        assert await session.update(voice="ara") == []
        assert session.settings.voice == "ara"


async def test_turn_detection_that_is_refused_does_not_hold(peer: Any) -> None:
    server = ConfirmingServer()
    async with connect(url=peer(server.serve).url) as session:
        server.refusal = "not allowed"
        with pytest.raises(ServerError, match="not allowed"):
            await session.update(turn_detection=PushToTalk())
        await session.commit()
        await session.send_audio(np.zeros(2400, np.int16), RATE_HZ)
        assert len(session.turns) == 0
    assert server.updates[-1]["turn_detection"]["type"] == "server_vad"


async def test_an_error_about_something_else_does_not_refuse_settings(peer: Any) -> None:
    server = ConfirmingServer()
    async with connect(url=peer(server.serve).url) as session:
        server.other_errors = [
            {"message": "bad item", "event_id": "another"},
            {"message": "Cancellation failed: no active response"},
        ]
        assert await session.update(voice="ara") == []
        assert session.settings.voice == "ara"


async def test_concurrent_updates_are_made_one_after_another(peer: Any) -> None:
    server = ConfirmingServer()
    async with connect(url=peer(server.serve).url) as session:
        await asyncio.gather(session.update(voice="ara"), session.update(speed=1.5))
        assert (session.settings.voice, session.settings.speed) == ("ara", 1.5)


async def test_an_update_that_is_not_confirmed_holds_with_a_note(peer: Any) -> None:
    settings = Settings(url=peer(scripted()).url)
    request = ConnectRequest(
        endpoint=resolve_endpoint(settings), settings=settings, timeouts=Timeouts(confirm_s=0.2)
    )
    opened = await open_session_with(request, Conversation.under(settings), FrameLog())
    async with opened as session:
        notes = notes_of(session)
        assert await session.update(voice="ara") == []
        assert notes == [
            "The server did not confirm the new settings, so they may not hold; "
            "update() sends them again."
        ]
        assert session.settings.voice == "ara"


async def test_a_session_that_ends_during_an_update_raises_its_failure(peer: Any) -> None:
    async def bye(socket: Any) -> None:
        await socket.close(1011, "tired")

    async with connect(url=peer(scripted(then=bye)).url) as session:
        earlier = session.settings
        with pytest.raises(SessionClosedError, match="tired"):
            await session.update(voice="ara")
        assert session.settings is earlier


def look(up: bool) -> None:
    """Look."""


UNSUPPORTED_IN_LIVE: dict[str, Any] = {
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
UNSUPPORTED_AT_OPENING: dict[str, Any] = {
    "input_format": AudioFormat(sample_rate=16_000),
    "output_format": AudioFormat(encoding="pcmu"),
    "conversation_id": "c1",
}


def test_the_tables_name_every_setting_that_live_lacks() -> None:
    assert LIVE.unsupported == {*UNSUPPORTED_IN_LIVE, *UNSUPPORTED_AT_OPENING}


@pytest.mark.parametrize("name", UNSUPPORTED_IN_LIVE)
async def test_an_update_with_a_setting_that_live_lacks_is_refused_before_anything_is_sent(
    peer: Any, name: str
) -> None:
    server, setting = ConfirmingServer(), name.partition(".")[0]
    async with connect(url=peer(server.serve).url, dialect="live") as session:
        earlier = session.settings
        with pytest.raises(UnsupportedByServer, match=f"live.*{name}="):
            await session.update(voice="nova", **{setting: UNSUPPORTED_IN_LIVE[name]})
        assert session.settings is earlier
        assert await session.update(voice="echo") == []
        await server.until(3)
    assert server.updates[1:] == [{"voice": "echo"}]


@pytest.mark.parametrize("name", {**UNSUPPORTED_IN_LIVE, **UNSUPPORTED_AT_OPENING})
def test_connect_refuses_a_setting_that_live_lacks(name: str) -> None:
    given = {name.partition(".")[0]: {**UNSUPPORTED_IN_LIVE, **UNSUPPORTED_AT_OPENING}[name]}
    with pytest.raises(UnsupportedByServer, match=f"live.*{name}="):
        connect(partner="parrot", dialect="live", **given)


IMMUTABLE_VALUES: dict[str, Any] = {
    "dialect": "live",
    "url": "ws://127.0.0.1:9/v1/live",
    "partner": "parrot",
    "record": "folder",
    "sample_rate": 16_000,
    "input_format": AudioFormat(encoding="pcmu"),
    "output_format": None,
    "conversation_id": "c1",
    "open_timeout_s": 3,
    "ssl": ssl.create_default_context(),
    "isolation": "thread",
}


async def test_an_update_of_an_immutable_setting_is_refused_by_name() -> None:
    assert set(IMMUTABLE_VALUES) == IMMUTABLE
    async with connect(partner="parrot") as session:
        earlier = session.settings
        for name, value in IMMUTABLE_VALUES.items():
            with pytest.raises(ConfigurationError, match=f"{name} cannot be changed"):
                await session.update(voice="ara", **{name: value})
        with pytest.raises(ConfigurationError, match="no setting 'voise'"):
            await session.update(voise="ara")
        with pytest.raises(ConfigurationError, match="transcription cannot be reset"):
            await session.update(transcription=None)
        assert session.settings is earlier


async def test_another_model_needs_a_new_session_in_realtime() -> None:
    async with connect(partner="parrot") as session:
        with pytest.raises(ConfigurationError, match=r"new session.*Talk\.update"):
            await session.update(model="grok-9")
        assert session.settings.model is None
    async with connect(partner="parrot", dialect="live") as session:
        assert await session.update(model="grok-9") == []
