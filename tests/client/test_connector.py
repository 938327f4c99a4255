"""`connect`: the server, its dialects and voice, and what is refused before any I/O."""

from __future__ import annotations

import ast
import asyncio
import http
import json
import subprocess
import sys
from typing import Any

import pytest

from grok_live_widget import Talk
from grok_live_widget.client.connector import connect, open_session_with
from grok_live_widget.client.credentials import Secret
from grok_live_widget.client.endpoint import (
    ConnectRequest,
    resolve_endpoint,
    update_for,
    voice_notes,
)
from grok_live_widget.client.timeouts import Timeouts
from grok_live_widget.conversation.conversation import Conversation
from grok_live_widget.events import Noted, ResponseDone, SessionOpened
from grok_live_widget.exceptions import (
    AuthenticationError,
    ConfigurationError,
    ConnectError,
)
from grok_live_widget.protocol.dialects import LIVE, REALTIME
from grok_live_widget.recording import FrameLog
from grok_live_widget.rehearsal import RehearsalServer
from grok_live_widget.settings.settings import Settings, settings_from

from ..support.waiting import wait_until_async

KEY = "test-key-0123456789"


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({}, "Grok"),
        ({"url": "wss://api.x.ai/v1/realtime"}, "Grok"),
        ({"url": "wss://API.X.AI:443/v1/live"}, "Grok"),
        ({"url": "wss://us-east-1.api.x.ai/v1/realtime"}, "Grok"),
        ({"partner": "parrot"}, "rehearsal"),
        ({"url": "wss://api.x.ai.example.test/v1/realtime"}, "api.x.ai.example.test"),
        ({"url": "wss://notx.ai/v1/realtime"}, "notx.ai"),
        ({"url": "wss://api.x.ai@example.test:8443/v1/realtime"}, "example.test:8443"),
        ({"url": "wss://api.openai.com/v1/realtime"}, "api.openai.com"),
        ({"url": "ws://127.0.0.1:9/v1/realtime"}, "127.0.0.1:9"),
    ],
)
def test_only_the_hosts_of_the_service_are_called_grok(settings: dict[str, Any], name: str) -> None:
    assert resolve_endpoint(settings_from(settings), KEY).name == name


def test_the_seed_voices_are_replaced_for_the_service_only() -> None:
    url = "wss://voice.example.test/v1/realtime"
    settings = settings_from({"url": url, "voice": "nova"})
    endpoint = resolve_endpoint(settings, KEY)
    assert update_for(endpoint, settings, REALTIME).voice == "nova"
    assert voice_notes(endpoint, settings, REALTIME) == []


async def test_a_session_is_named_by_what_its_server_says_it_is() -> None:
    async with (
        RehearsalServer("parrot") as server,
        connect(api_key=KEY, url=server.url()) as session,
    ):
        assert session.server_name == "rehearsal"


@pytest.mark.parametrize(
    ("settings", "key", "expected"),
    [
        ({}, None, ("rehearsal", ["realtime"], False)),
        ({"dialect": "live"}, None, ("rehearsal", ["live"], False)),
        ({"partner": "parrot"}, KEY, ("rehearsal", ["realtime"], True)),
        ({"partner": "parrot"}, "", ("rehearsal", ["realtime"], True)),
        ({}, KEY, ("service", ["live", "realtime"], True)),
        ({"dialect": "live"}, KEY, ("service", ["live"], True)),
        ({"dialect": "realtime"}, KEY, ("service", ["realtime"], True)),
        ({"url": "wss://example.test/v1/live"}, KEY, ("service", ["live"], True)),
        ({"url": "wss://example.test/v1/live/?a=b"}, KEY, ("service", ["live"], True)),
        ({"url": "wss://example.test/other"}, KEY, ("service", ["realtime"], True)),
        ({"url": "ws://127.0.0.1:9/v1/realtime"}, None, ("service", ["realtime"], True)),
        ({"url": "wss://example.test/v1/live", "dialect": "realtime"}, KEY,
         ("service", ["realtime"], True)),
    ],
)  # fmt: skip
def test_settings_and_key_decide_the_server_and_the_dialects_to_try(
    settings: dict[str, Any], key: str | None, expected: Any
) -> None:
    endpoint = resolve_endpoint(settings_from(settings), key)
    who = "rehearsal" if endpoint.is_rehearsal else "service"
    dialects = [dialect.name for dialect, _ in endpoint.dialects]
    assert (who, dialects, endpoint.is_chosen) == expected


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({}, ""),
        ({"partner": None}, None),
        ({"url": "wss://example.test/v1/realtime"}, None),
        ({"url": "ws://127.0.0.1:9/v1/realtime"}, ""),
    ],
)
def test_a_missing_key_raises_before_any_io(settings: dict[str, Any], key: str | None) -> None:
    with pytest.raises(AuthenticationError, match="XAI_API_KEY"):
        connect(api_key=key, **settings)


def test_a_key_is_never_sent_without_encryption() -> None:
    with pytest.raises(ConfigurationError, match="wss://") as caught:
        connect(api_key=KEY, url="ws://example.test/v1/realtime")
    assert KEY not in str(caught.value)


WARNED = """
import warnings
from grok_live_widget import GrokLive, Talk, connect
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    connect(partner="parrot")
    for make in ({first}, connect, Talk, GrokLive):
        make()
print([(each.category.__name__, each.filename, str(each.message)) for each in caught])
"""


@pytest.mark.parametrize("first", ["connect", "Talk", "GrokLive"])
def test_a_rehearsal_for_want_of_a_key_gives_one_warning_in_a_process(first: str) -> None:
    # A process of its own, since another test may have warned of it in this one.
    command = [sys.executable, "-c", WARNED.format(first=first)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    ((kind, place, text),) = ast.literal_eval(ran.stdout)
    assert (kind, place) == ("RehearsalWarning", "<string>")
    assert "No API key was found (XAI_API_KEY)" in text
    assert "not Grok. To reach Grok, set XAI_API_KEY, or pass api_key=." in text


@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_a_session_answers_typed_text(dialect: str) -> None:
    async with connect(partner="parrot", dialect=dialect) as session:
        events = aiter(session)
        await session.send_text("say this")
        await session.respond()
        async for event in events:
            if isinstance(event, ResponseDone):
                break
        assert session.is_rehearsal
        assert session.dialect == dialect
        assert [turn.text for turn in session.turns] == ["say this", "say this"]


async def test_connect_can_be_awaited() -> None:
    session = await connect(partner="parrot")
    await session.close()
    assert "closed" in repr(session)


# --------------------------------------------------------------------------- auto
def service_at(port: int) -> str:
    """The address of a server on this machine that stands in for the service."""
    return f"ws://127.0.0.1:{port}"


def answered(frame: str | bytes) -> list[str]:
    """What a small realtime server answers to one frame."""
    kind = json.loads(frame)["type"]
    if kind == "session.update":
        return [json.dumps({"type": "session.updated", "session": {}})]
    return []


async def realtime_server(socket: Any) -> None:
    await socket.send(json.dumps({"type": "session.created", "session": {"id": "s"}}))
    async for frame in socket:
        for answer in answered(frame):
            await socket.send(answer)


async def opened(settings: Settings, service_url: str, api_key: str = KEY) -> tuple[Any, list[Any]]:
    seen: list[Any] = []
    endpoint = resolve_endpoint(settings, Secret(api_key), service_url=service_url)
    session = await open_session_with(
        ConnectRequest(endpoint=endpoint, settings=settings, timeouts=Timeouts(settle_s=0.3)),
        Conversation(settings.turn_detection),
        FrameLog(),
        listener=lambda event, _, __: seen.append(event),
    )
    return session, seen


def path_refused(connection: Any, request: Any) -> Any:
    if request.path.startswith("/v1/live"):
        return connection.respond(http.HTTPStatus.NOT_FOUND, "no")
    return None


async def closing_live(socket: Any) -> None:
    if socket.request.path.startswith("/v1/live"):
        await socket.close(1008, "unknown")
    else:
        await realtime_server(socket)


async def error_on_live(socket: Any) -> None:
    if socket.request.path.startswith("/v1/live"):
        await socket.recv()
        await socket.send(json.dumps({"type": "error", "error": "invalid API key"}))
        await socket.wait_closed()
    else:
        await realtime_server(socket)


@pytest.mark.parametrize(
    ("talk", "options"),
    [
        (realtime_server, {"process_request": path_refused}),
        (closing_live, {}),
        (error_on_live, {}),
    ],
    ids=["404", "close", "error"],
)
async def test_auto_falls_back_when_live_is_refused(
    peer: Any, talk: Any, options: dict[str, Any]
) -> None:
    service_url = service_at(peer(talk, **options).port)
    session, seen = await opened(Settings(), service_url)
    async with session:
        assert session.dialect == "realtime"
        notes = [event.text for event in seen if isinstance(event, Noted)]
        assert any("other dialect" in note for note in notes)
        assert sum(isinstance(event, SessionOpened) for event in seen) == 1
    again = resolve_endpoint(Settings(), KEY, service_url=service_url)
    assert [dialect for dialect, _ in again.dialects] == [REALTIME]


async def test_auto_keeps_live_where_it_is_served(peer: Any) -> None:
    async def live(socket: Any) -> None:
        await socket.wait_closed()

    service_url = service_at(peer(live).port)
    session, _ = await opened(Settings(), service_url)
    async with session:
        assert session.dialect == "live"
    again = resolve_endpoint(Settings(), KEY, service_url=service_url)
    assert [dialect for dialect, _ in again.dialects] == [LIVE]


async def test_a_key_that_realtime_refuses_is_an_authentication_error(peer: Any) -> None:
    def refuse(connection: Any, request: Any) -> Any:
        is_live = request.path.startswith("/v1/live")
        return connection.respond(404 if is_live else 400, "incorrect API key")

    service_url = service_at(peer(realtime_server, process_request=refuse).port)
    with pytest.raises(AuthenticationError, match="XAI_API_KEY"):
        await opened(Settings(), service_url)


async def test_an_unreachable_service_is_a_connect_error() -> None:
    service_url = service_at(1)
    with pytest.raises(ConnectError, match="nothing answers"):
        await opened(Settings(), service_url)


# --------------------------------------------------------------------------- keys and voices
@pytest.mark.parametrize("dialect", ["realtime", "live"])
async def test_a_wrong_key_is_an_authentication_error_within_three_seconds(dialect: str) -> None:
    async def talk(url: str) -> None:
        async with connect(api_key=KEY, url=url) as session:
            async for _ in session:
                pass

    with RehearsalServer("parrot", api_key="right") as server:
        async with asyncio.timeout(3):
            with pytest.raises(AuthenticationError, match="XAI_API_KEY") as caught:
                await talk(server.url(dialect))
    assert KEY not in str(caught.value)


async def test_seed_voices_become_the_nearest_of_the_service(peer: Any) -> None:
    received: list[Any] = []

    async def listen(socket: Any) -> None:
        async for frame in socket:
            received.append(json.loads(frame))
            for answer in answered(frame):
                await socket.send(answer)

    service_url = service_at(peer(listen).port)
    session, seen = await opened(Settings(dialect="realtime", voice="nova"), service_url)
    await session.close()
    assert received[0]["session"]["voice"] == "eve"
    assert any(isinstance(event, Noted) and "'nova'" in event.text for event in seen)
    assert len(set(REALTIME.voice_substitutes.values())) == 6


async def test_a_local_server_gets_the_voice_unchanged(peer: Any) -> None:
    received: list[Any] = []

    async def listen(socket: Any) -> None:
        async for frame in socket:
            received.append(json.loads(frame))
            for answer in answered(frame):
                await socket.send(answer)

    async with connect(url=peer(listen).url, voice="nova"):
        assert received[0]["session"]["voice"] == "nova"


@pytest.mark.parametrize(
    ("query", "settings", "model"),
    [
        ("", {}, "grok-voice-latest"),
        ("?model=mine", {}, "mine"),
        ("?model=mine", {"model": "yours"}, "yours"),
    ],
)
async def test_the_model_is_that_of_the_settings_or_the_url(
    peer: Any, query: str, settings: dict[str, Any], model: str
) -> None:
    paths: list[str] = []

    async def listen(socket: Any) -> None:
        paths.append(socket.request.path)
        await realtime_server(socket)

    async with connect(url=peer(listen).url + query, **settings):
        assert paths == [f"/v1/realtime?model={model}"]


async def test_a_message_of_an_unknown_type_is_noted_once_and_is_no_error(peer: Any) -> None:
    async def listen(socket: Any) -> None:
        async for frame in socket:
            for answer in answered(frame):
                await socket.send(answer)
            if json.loads(frame)["type"] == "session.update":
                for name in ("new.thing", "new.thing", "other.thing"):
                    await socket.send(json.dumps({"type": name, "value": [1]}))

    url = f"ws://127.0.0.1:{peer(listen).port}/v1/realtime"
    texts: list[str] = []
    async with Talk(url=url, api_key=KEY) as talk:
        await talk.start_async()
        await wait_until_async(lambda: len(talk.notes) >= 2)
        texts = [note.text for note in talk.notes]
        assert talk.phase == "open"
    assert texts == [
        f"The server sent a message of the unknown type '{name}', which is ignored."
        for name in ("new.thing", "other.thing")
    ]


async def test_messages_that_only_openai_sends_are_ignored_without_a_note(peer: Any) -> None:
    """A typed turn with every message that OpenAI's reference lists for it, in its order."""
    content = {"response_id": "r", "item_id": "a", "output_index": 0, "content_index": 0}
    item = {"id": "a", "type": "message", "role": "assistant", "content": []}
    part = {"type": "output_text", "text": "Yes."}
    reply: list[dict[str, Any]] = [
        {"type": "rate_limits.updated", "rate_limits": []},
        {"type": "response.created", "response": {"id": "r", "status": "in_progress"}},
        {"type": "response.output_item.added", "response_id": "r", "item": item},
        {"type": "conversation.item.added", "item": item},
        {"type": "response.content_part.added", **content, "part": {**part, "text": ""}},
        {"type": "output_audio_buffer.started", "response_id": "r"},
        {"type": "response.output_text.delta", **content, "delta": "Yes."},
        {"type": "response.output_text.done", **content, "text": "Yes."},
        {"type": "response.content_part.done", **content, "part": part},
        {"type": "response.output_item.done", "response_id": "r", "item": item},
        {"type": "conversation.item.done", "item": item},
        {"type": "output_audio_buffer.stopped", "response_id": "r"},
        {"type": "response.done", "response": {"id": "r", "status": "completed", "output": [item]}},
    ]

    async def listen(socket: Any) -> None:
        await socket.send(json.dumps({"type": "session.created", "session": {"id": "s"}}))
        async for frame in socket:
            message = json.loads(frame)
            answers = [json.loads(each) for each in answered(frame)]
            if message["type"] == "conversation.item.create":
                answers = [
                    {"type": f"conversation.item.{word}", "item": {**message["item"], "id": "u"}}
                    for word in ("added", "done")
                ]
            if message["type"] == "response.create":
                answers = reply
            for each in answers:
                await socket.send(json.dumps(each))

    url = f"ws://127.0.0.1:{peer(listen).port}/v1/realtime"
    async with Talk(url=url, api_key=KEY) as talk:
        assert (await talk.ask_async("Is it?")).text == "Yes."
        assert [note.text for note in talk.notes] == []


async def test_other_voices_pass_through(peer: Any) -> None:
    received: list[Any] = []

    async def listen(socket: Any) -> None:
        async for frame in socket:
            received.append(json.loads(frame))
            for answer in answered(frame):
                await socket.send(answer)

    service_url = service_at(peer(listen).port)
    session, _ = await opened(Settings(dialect="realtime", voice="nlbqfwie"), service_url)
    await session.close()
    assert received[0]["session"]["voice"] == "nlbqfwie"


@pytest.mark.parametrize(
    ("voice", "notes"),
    [
        ("nobody", ["The rehearsal has no voice 'nobody' and speaks with another one."]),
        (
            "nvoa",
            ["The rehearsal has no voice 'nvoa' and speaks with another one. Did you mean 'nova'?"],
        ),
        ("xai_Nova", []),
        (None, []),
    ],
)
def test_a_voice_that_the_rehearsal_does_not_have_is_noted(
    voice: str | None, notes: list[str]
) -> None:
    with Talk(partner=lambda turn: "yes", voice=voice) as talk:
        talk.start()
        noted = [note.text for note in talk.notes]
    assert [text.partition(" Its voices")[0] for text in noted] == notes


def test_a_voice_that_the_rehearsal_does_not_have_is_noted_by_update_as_well() -> None:
    with Talk(partner=lambda turn: "yes") as talk:
        talk.start()
        talk.update(voice="nobody")
        talk.update(voice="nova")
        (note,) = talk.notes
    assert note.text.startswith("The rehearsal has no voice 'nobody'")


async def test_a_voice_that_a_session_does_not_have_is_noted_by_update() -> None:
    async with connect(partner=lambda turn: "yes") as session:
        notes: list[str] = []
        session.add_listener(
            lambda event, *_: notes.append(event.text) if isinstance(event, Noted) else None
        )
        await session.update(voice="nobody")
    assert [text.partition(" and speaks")[0] for text in notes] == [
        "The rehearsal has no voice 'nobody'"
    ]


def test_the_parrot_needs_no_voice() -> None:
    with Talk(partner="parrot", voice="nobody") as talk:
        talk.start()
        assert list(talk.notes) == []


async def test_with_instead_of_async_with_is_refused_with_what_to_use() -> None:
    async with connect(partner="parrot") as session:
        for used in (connect(partner="parrot"), session):
            with pytest.raises(ConfigurationError, match=r"`async with connect.*Talk"), used:
                pass
        assert session.is_open


def test_what_a_session_has_is_asked_of_connect_with_its_cure() -> None:
    with pytest.raises(AttributeError, match=r"'send_text'\. A session has it: write `async with"):
        connect(partner="parrot").send_text("hello")  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match=r"^Connecting has no attribute 'other'\.$"):
        _ = connect(partner="parrot").other  # type: ignore[attr-defined]
