"""A server of this package says in its handshake what it is, and any other server does not."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.asyncio.client import connect

from grok_live_widget import RehearsalServer, Talk
from grok_live_widget.rehearsal.identity import kind_of_header, running_kind, server_header


@pytest.fixture
def saved(tmp_path: Any) -> Any:
    with Talk(partner="parrot") as talk:
        talk.ask("One.")
        return talk.save(tmp_path / "talk")


async def _header_of(server: RehearsalServer) -> str:
    headers = {"Authorization": "Bearer any"}
    async with connect(server.url(), additional_headers=headers, proxy=None) as socket:
        assert socket.response is not None
        return str(socket.response.headers["Server"])


async def test_a_rehearsal_says_so_in_its_handshake_and_while_it_runs_by_its_port() -> None:
    async with RehearsalServer("parrot") as server:
        port = server.port
        assert kind_of_header(await _header_of(server)) == running_kind(port) == "rehearsal"
    assert running_kind(port) is None


async def test_a_replay_says_so(saved: Any) -> None:
    async with RehearsalServer(replay=saved) as server:
        assert kind_of_header(await _header_of(server)) == running_kind(server.port) == "replay"


@pytest.mark.parametrize("header", ["", "Python/3.13 websockets/15.0", "grok-live-widget"])
def test_another_servers_header_says_nothing(header: str) -> None:
    assert kind_of_header(header) is None


def test_the_header_of_a_kind_is_read_as_this_kind() -> None:
    assert kind_of_header(server_header("replay")) == "replay"
