"""The steps to a server: each fails by itself, and those before it have succeeded."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import serve

from grok_live_widget.client.reachability import Step, steps_to


async def silent(socket_: Any) -> None:
    await socket_.wait_closed()


def outline(steps: list[Step]) -> list[tuple[str, bool]]:
    """Name of each step, and whether it succeeded."""
    return [(step.name, step.failure is None) for step in steps]


async def test_a_server_without_tls_has_a_name_and_takes_connections(peer: Any) -> None:
    steps = await steps_to(peer(silent).url, 5)
    assert outline(steps) == [("host name", True), ("TCP", True), ("TLS", True)]
    assert steps[0].found.startswith("127.0.0.1 is an address (")
    assert "takes connections (" in steps[1].found
    assert [step.is_needed for step in steps] == [True, True, False]


async def test_a_host_that_does_not_exist_fails_at_its_name() -> None:
    steps = await steps_to("wss://no-such-host.invalid/v1/realtime", 10)
    assert outline(steps) == [("host name", False)]
    assert "there is no host 'no-such-host.invalid'" in str(steps[0].failure)


@pytest.mark.parametrize("name", ["a" * 64 + ".invalid", "a..invalid"])
async def test_a_name_that_no_host_can_have_fails_at_its_name(name: str) -> None:
    steps = await steps_to(f"wss://{name}/v1/realtime", 10)
    assert outline(steps) == [("host name", False)]


async def test_a_closed_port_fails_at_tcp() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    steps = await steps_to(f"wss://127.0.0.1:{port}/v1/realtime", 5)
    assert outline(steps) == [("host name", True), ("TCP", False)]
    assert f"nothing answers at 127.0.0.1:{port}" in str(steps[-1].failure)


async def test_tls_to_a_server_without_it_fails_at_tls_and_names_the_other_scheme(
    peer: Any,
) -> None:
    steps = await steps_to(peer(silent).url.replace("ws:", "wss:"), 5)
    assert outline(steps) == [("host name", True), ("TCP", True), ("TLS", False)]
    assert "ws:// for those without it" in str(steps[-1].failure)


async def test_a_server_that_does_not_shake_hands_fails_at_tls_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"wss://127.0.0.1:{listening.getsockname()[1]}/v1/realtime"
        steps = await steps_to(url, 0.2)
    assert outline(steps)[-1] == ("TLS", False)
    assert "did not answer in time" in str(steps[-1].failure)


async def test_a_certificate_is_trusted_by_the_context_that_is_given(authority: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem", authority / "server.key")
    async with serve(silent, "localhost", 0, ssl=context) as server:
        url = f"wss://localhost:{server.sockets[0].getsockname()[1]}/v1/realtime"
        steps = await steps_to(url, 5)
        assert outline(steps)[-1] == ("TLS", False)
        assert "is not trusted" in str(steps[-1].failure)
        steps = await steps_to(url, 5, ssl.create_default_context(cafile=authority / "ca.pem"))
        assert outline(steps)[-1] == ("TLS", True)
        assert "a certificate that is trusted, TLSv1" in steps[-1].found


async def test_behind_a_proxy_the_steps_are_those_to_the_proxy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = "wss://behind-a-proxy.test/v1/realtime"
    hang_up = asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    async with await hang_up as proxy:
        port = proxy.sockets[0].getsockname()[1]
        monkeypatch.setenv("https_proxy", f"http://me:password@127.0.0.1:{port}")
        steps = await steps_to(url, 5)
    assert outline(steps) == [("host name", True), ("TCP", True), ("TLS", True)]
    assert "The proxy at 127.0.0.1" in steps[1].found
    assert not steps[2].is_needed
    steps = await steps_to(url, 5)
    assert outline(steps) == [("host name", True), ("TCP", False)]
    assert f"the proxy 127.0.0.1:{port} cannot be reached" in str(steps[-1].failure)
    assert "password" not in repr(steps)
    monkeypatch.setenv("https_proxy", "http://me:password@127.0.0.1:none")
    steps = await steps_to(url, 5)
    assert outline(steps) == [("host name", False)]
    assert "the proxy, 127.0.0.1:none, has no valid port" in str(steps[-1].failure)
