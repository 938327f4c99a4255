"""`open_session`: when a session is ready, and what refuses it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from grok_live_widget.client.connector import connect, open_session_with
from grok_live_widget.client.endpoint import ConnectRequest, resolve_endpoint
from grok_live_widget.conversation.conversation import Conversation
from grok_live_widget.events import (
    AudioCleared,
    AudioFormat,
    Noted,
)
from grok_live_widget.exceptions import (
    AuthenticationError,
    ConnectError,
)
from grok_live_widget.recording import FrameLog
from grok_live_widget.settings.settings import Settings

from ..support.scripted_server import ConfirmingServer, dumped
from ..support.sound import RATE_HZ
from ..support.waiting import next_of


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
        await session.send_audio(np.zeros(2400, np.int16), RATE_HZ)
        await next_of(events, AudioCleared)
    assert order[:3] == ["session.update", "confirmed", "input_audio_buffer.append"]


async def test_settings_refused_at_the_opening_raise_connect_error(peer: Any) -> None:
    async def refuse(socket: Any) -> None:
        await socket.recv()
        await socket.send(dumped(type="error", error={"message": "voice unknown"}))
        await socket.wait_closed()

    with pytest.raises(ConnectError, match="voice unknown"):
        await connect(url=peer(refuse).url)


@pytest.mark.parametrize("code", [1008, 3000, 4001])
async def test_an_early_close_in_live_means_that_the_key_was_refused(peer: Any, code: int) -> None:
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


@pytest.mark.parametrize(
    ("asked", "found", "is_noted"),
    [
        ("grok-9", "grok-voice-think-fast-2.0", True),
        ("grok-voice-latest", "grok-voice-think-fast-2.0", False),
        ("grok-9", "grok-9", False),
        (None, "grok-9", False),
    ],
)
async def test_a_replaced_model_is_noted(
    peer: Any, asked: str | None, found: str, is_noted: bool
) -> None:
    notes: list[str] = []
    server = ConfirmingServer(model=found)
    settings = Settings(url=peer(server.serve).url, model=asked)
    session = await open_session_with(
        ConnectRequest(endpoint=resolve_endpoint(settings), settings=settings),
        Conversation.under(settings),
        FrameLog(),
        listener=lambda event, _, __: notes.append(event.text) if type(event) is Noted else None,
    )
    await session.close()
    sentence = f"The server answers as {found!r}, not as {asked!r}, which was requested; "
    sentence += "check model=."
    assert notes == [sentence] * is_noted


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
async def test_a_session_whose_sound_format_is_not_confirmed_is_not_opened(
    peer: Any, settings: Any, echo: Any, says: str
) -> None:
    server = ConfirmingServer(audio=echo)
    with pytest.raises(ConnectError, match=rf"does not support the audio format: {says}\."):
        await connect(url=peer(server.serve).url, **settings)


async def test_a_confirmation_without_a_sound_format_is_accepted(peer: Any) -> None:
    async with connect(
        url=peer(ConfirmingServer(audio={}).serve).url, sample_rate=8_000
    ) as session:
        assert session.is_open
