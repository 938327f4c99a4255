"""Opening a socket: each error has one sentence, and the key goes to its server only."""

from __future__ import annotations

import asyncio
import http
import inspect
import socket
import ssl
from typing import Any

import pytest
from websockets import exceptions as ws_errors
from websockets.datastructures import Headers
from websockets.frames import Close
from websockets.http11 import Response

from grok_live_widget import exceptions as ours
from grok_live_widget.client.transport import closed_error, connected, host_of, translated
from grok_live_widget.protocol.dialects import Opening

KEY = "test-key-0123456789"


def opening(url: str) -> Opening:
    return Opening(url=url, headers={"Authorization": f"Bearer {KEY}"})


async def silent(socket_: Any) -> None:
    await socket_.wait_closed()


def refusing(status: http.HTTPStatus, body: str = "", **headers: str) -> Any:
    def respond(connection: Any, request: Any) -> Any:
        response = connection.respond(status, body)
        for name, value in headers.items():
            response.headers[name] = value
        return response

    return respond


async def failure_at(url: str, timeout_s: float = 5) -> ours.GrokLiveError:
    with pytest.raises(ours.GrokLiveError) as caught:
        await connected(opening(url), timeout_s)
    return caught.value


@pytest.mark.parametrize(
    ("status", "body", "kind", "part"),
    [
        (http.HTTPStatus.BAD_REQUEST, '{"error": "Incorrect API key"}', "auth", "XAI_API_KEY"),
        (http.HTTPStatus.BAD_REQUEST, '{"error": "no such thing"}', "connect", "HTTP 400"),
        (http.HTTPStatus.UNAUTHORIZED, "", "auth", "XAI_API_KEY"),
        (http.HTTPStatus.FORBIDDEN, "", "auth", "XAI_API_KEY"),
        (http.HTTPStatus.PAYMENT_REQUIRED, "", "connect", "no funds"),
        (http.HTTPStatus.NOT_FOUND, "", "connect", "no such address"),
        (http.HTTPStatus.TOO_MANY_REQUESTS, "", "connect", "too many"),
        (http.HTTPStatus.SERVICE_UNAVAILABLE, "", "connect", "HTTP 503"),
    ],
)
async def test_a_refused_handshake_has_one_sentence(
    peer: Any, status: http.HTTPStatus, body: str, kind: str, part: str
) -> None:
    server = peer(silent, process_request=refusing(status, body))
    error = await failure_at(server.url)
    assert isinstance(error, ours.AuthenticationError) is (kind == "auth")
    assert isinstance(error, ours.ConnectError)
    assert error.status_code == status
    assert error.has_answered
    assert part in str(error)
    assert f"127.0.0.1:{server.port}" in str(error)
    assert KEY not in repr(error) + str(error)


async def test_a_redirect_is_not_followed_and_the_key_is_not_sent_on(peer: Any) -> None:
    seen: list[Any] = []

    def remember(connection: Any, request: Any) -> None:
        seen.append(request.headers)

    elsewhere = peer(silent, process_request=remember)
    redirect = refusing(http.HTTPStatus.FOUND, Location=elsewhere.url)
    error = await failure_at(peer(silent, process_request=redirect).url)
    assert "redirect" in str(error)
    assert seen == []


async def test_a_closed_port_is_a_connect_error_without_an_answer() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    error = await failure_at(f"ws://127.0.0.1:{port}/v1/realtime")
    assert "nothing answers" in str(error)
    assert isinstance(error, ours.ConnectError)
    assert not error.has_answered


async def test_a_host_that_does_not_answer_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        error = await failure_at(f"ws://127.0.0.1:{port}/", timeout_s=0.2)
    assert "did not answer in time" in str(error)
    assert "open_timeout_s" in str(error)


async def test_a_host_that_is_not_a_websocket_server_is_named_as_such() -> None:
    async def answer(reader: Any, writer: Any) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        error = await failure_at(f"ws://127.0.0.1:{port}/")
    assert "as a WebSocket server does" in str(error)


def _made(kind: type[BaseException]) -> BaseException:
    """One of each of the library's errors."""
    special: dict[str, tuple[Any, ...]] = {
        "ConnectionClosed": (Close(1006, ""), Close(1006, ""), True),
        "ConnectionClosedOK": (Close(1000, ""), Close(1000, ""), True),
        "ConnectionClosedError": (Close(1011, ""), Close(1011, ""), True),
        "InvalidStatus": (Response(503, "", Headers(), b""),),
    }
    # What the others were made with is in no sentence of ours.
    known = special.get(kind.__name__)
    return kind.__new__(kind) if known is None else kind(*known)


FOREIGN = sorted(
    (
        each
        for each in vars(ws_errors).values()
        if inspect.isclass(each) and issubclass(each, ws_errors.WebSocketException)
    ),
    key=lambda each: each.__name__,
)


@pytest.mark.parametrize("kind", FOREIGN, ids=lambda kind: kind.__name__)
def test_every_error_of_the_library_has_a_translation(kind: type[BaseException]) -> None:
    error = translated(_made(kind), "example.test")
    assert isinstance(error, ours.GrokLiveError)
    assert str(error).endswith(".")


@pytest.mark.parametrize(
    ("foreign", "part"),
    [
        (socket.gaierror(8, "nodename"), "no host"),
        (ssl.SSLError(1, "certificate verify failed"), "TLS"),
        (TimeoutError(), "in time"),
        (ConnectionRefusedError(), "nothing answers"),
        (ConnectionResetError(), "could not be opened"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_errors_of_name_network_and_tls_have_a_sentence(foreign: Exception, part: str) -> None:
    error = translated(foreign, "example.test")
    assert isinstance(error, ours.ConnectError)
    assert not error.has_answered
    assert part in str(error)
    assert "example.test" in str(error)


def test_host_of_contains_no_password_and_no_query() -> None:
    assert host_of(f"wss://me:{KEY}@example.test:8443/v1?key={KEY}") == "example.test:8443"


def test_a_normal_closure_quotes_the_reason() -> None:
    assert closed_error(1000, "", "h").message == "the session is closed."
    error = closed_error(1000, "the recording has ended", "h")
    assert error.message == "the session is closed: the recording has ended."
