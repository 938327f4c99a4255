"""Opening a socket: each error has one sentence, and the key goes to its server only."""

from __future__ import annotations

import asyncio
import http
import inspect
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from websockets import exceptions as ws_errors
from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.frames import Close
from websockets.http11 import Response

from grok_live_widget import Talk, connect
from grok_live_widget import exceptions as ours
from grok_live_widget.client.transport import (
    closed_error,
    connected,
    host_of,
    proxy_for,
    translated,
)
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
        (
            http.HTTPStatus.BAD_REQUEST,
            "Client sent an HTTP request to an HTTPS server.\n",
            "connect",
            "needs TLS. Use wss://",
        ),
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
        (ConnectionResetError(), "closed the connection while it was opened"),
        (RuntimeError("secret"), "could not be opened: RuntimeError"),
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


# --------------------------------------------------------------------------- proxies and TLS
BEHIND = "ws://behind-a-proxy.test/v1/realtime"


@asynccontextmanager
async def proxy_that_answers(answer: bytes) -> AsyncIterator[str]:
    """Host and port of a server that answers each request with these bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield host_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", r"refused .*behind-a-proxy.*HTTP 403.*NO_PROXY"),
        (b"HTTP/1.1 407 Who\r\n\r\n", r"refused .*HTTP 407.*NAME:PASSWORD"),
        (b"SSH-2.0\r\n\r\n", r"did not open the connection to behind-a-proxy"),
    ],
)
async def test_a_proxy_that_refuses_is_named(
    answer: bytes, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxy_that_answers(answer) as proxy:
        monkeypatch.setenv("https_proxy", f"http://me:{KEY}@{proxy}")
        error = await failure_at(BEHIND)
    assert isinstance(error, ours.ConnectError)
    assert re.search(f"the proxy {proxy} {says}", str(error))
    assert KEY not in str(error)


@pytest.mark.parametrize("variable", ["https_proxy", "ALL_PROXY"])
async def test_the_connection_goes_through_the_proxy_of_the_environment(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[bytes] = []

    async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        requests.append(request.partition(b"\r\n")[0])
        from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(_copy(reader, to_server), _copy(from_server, writer))

    async with (
        serve(silent, "127.0.0.1", 0) as server,
        await asyncio.start_server(tunnel, "127.0.0.1", 0) as proxy,
    ):
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv(variable, f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
        await (await connected(opening(BEHIND), 5)).close()
        assert requests == [b"CONNECT behind-a-proxy.test:80 HTTP/1.1"]
        monkeypatch.setenv("NO_PROXY", "behind-a-proxy.test")
        assert "there is no host 'behind-a-proxy.test'" in str(await failure_at(BEHIND))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(2**16):
        writer.write(piece)
    writer.close()


async def test_a_proxy_that_cannot_be_reached_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        proxy = f"127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("https_proxy", f"http://{proxy}")
    assert f"the proxy {proxy} cannot be reached" in str(await failure_at(BEHIND))


async def test_a_proxy_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        proxy = f"127.0.0.1:{listening.getsockname()[1]}"
        monkeypatch.setenv("https_proxy", f"http://{proxy}")
        error = await failure_at(BEHIND, timeout_s=0.2)
    assert f"the proxy {proxy} opened no connection" in str(error)


@pytest.mark.skipif(find_spec("python_socks") is not None, reason="python-socks is installed")
@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4"])
async def test_a_socks_proxy_names_the_package_that_is_missing(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"{scheme}://127.0.0.1:9")
    error = await failure_at(BEHIND)
    assert isinstance(error, ours.ConnectError)
    assert str(error) == (
        "the proxy 127.0.0.1:9 is a SOCKS proxy, for which python-socks is not installed. "
        "pip install python-socks"
    )


async def test_a_proxy_url_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "gopher://127.0.0.1:9")
    assert "HTTPS_PROXY" in str(await failure_at(BEHIND))


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"https_proxy": "http://p:1"}, "http://p:1"),
        ({"https_proxy": "http://p:1", "no_proxy": "api.x.ai"}, None),
        ({"socks_proxy": "http://p:1"}, "socks5h://p:1"),
        ({"wss_proxy": "http://p:2", "https_proxy": "http://p:1"}, "http://p:2"),
        ({"http_proxy": "http://p:1"}, None),
        ({"all_proxy": "socks5h://p:3"}, "socks5h://p:3"),
        ({"all_proxy": "http://p:3", "https_proxy": "http://p:1"}, "http://p:1"),
        ({"ALL_PROXY": "http://p:3", "no_proxy": "example.test, .x.ai"}, None),
        ({"all_proxy": "http://p:3", "no_proxy": "*"}, None),
    ],
)
def test_the_proxy_is_that_of_the_environment(
    environment: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("wss", "ws", "https", "http", "socks", "all", "no"):
        for spelled in (f"{name}_proxy", f"{name}_proxy".upper()):
            monkeypatch.delenv(spelled, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for("wss://api.x.ai/v1/realtime") == expected
    assert proxy_for("ws://127.0.0.1:8000/v1/realtime") is None


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificate")
async def test_a_certificate_is_trusted_when_ssl_cert_file_names_its_authority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = [
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-keyout", str(key), "-out", str(certificate), "-subj", "/CN=localhost"),
        *("-addext", "subjectAltName=DNS:localhost"),
    ]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with serve(silent, "localhost", 0, ssl=context) as server:
        url = f"wss://localhost:{server.sockets[0].getsockname()[1]}/v1/realtime"
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        error = await failure_at(url)
        assert "is not trusted: self" in str(error)
        assert "SSL_CERT_FILE" in str(error)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        await (await connected(opening(url), 5)).close()


async def test_a_url_with_tls_to_a_server_without_it_and_the_reverse_name_the_other_scheme(
    authority: Path, peer: Any
) -> None:
    says = "wss:// is for servers with TLS, ws:// for those without it."
    assert says in str(await failure_at(peer(silent).url.replace("ws:", "wss:")))
    async with tls_server(authority) as url:
        assert says in str(await failure_at(url.replace("wss:", "ws:")))


@asynccontextmanager
async def tls_server(authority: Path) -> AsyncIterator[str]:
    """The URL of a server whose certificate the CA has signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem", authority / "server.key")
    async with serve(silent, "localhost", 0, ssl=context) as server:
        yield f"wss://localhost:{server.sockets[0].getsockname()[1]}/v1/live"


async def test_a_context_of_ones_own_is_used_by_talks_and_connections(authority: Path) -> None:
    context = ssl.create_default_context(cafile=authority / "ca.pem")
    async with tls_server(authority) as url:
        assert "SSL_CERT_FILE" in str(await failure_at(url))
        for untrusting in (None, ssl.create_default_context()):
            async with Talk(url=url, ssl=untrusting) as talk:
                with pytest.raises(ours.ConnectError, match="is not trusted"):
                    await talk.start_async()
        async with Talk(url=url, ssl=context) as talk:
            await talk.start_async()
            assert talk.phase == "open"
        async with connect(url=url, ssl=context) as session:
            assert session.is_open


async def test_a_context_is_used_through_a_proxy_that_inspects_tls(
    authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy answers in the place of every host, with a certificate of its own CA."""
    context = ssl.create_default_context(cafile=authority / "ca.pem")
    context.check_hostname = False
    async with tls_server(authority) as url:
        port = int(host_of(url).rpartition(":")[2])

        async def inspect_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            from_server, to_server = await asyncio.open_connection("localhost", port)
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await asyncio.gather(_copy(reader, to_server), _copy(from_server, writer))

        async with await asyncio.start_server(inspect_all, "127.0.0.1", 0) as proxy:
            address = f"http://127.0.0.1:{proxy.sockets[0].getsockname()[1]}"
            monkeypatch.setenv("ALL_PROXY", address)
            inspected = BEHIND.replace("ws:", "wss:")
            assert "is not trusted" in str(await failure_at(inspected))
            await (await connected(opening(inspected), 5, context)).close()
