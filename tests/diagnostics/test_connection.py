"""From the key to the round trip: each check, and the server that makes it fail."""

from __future__ import annotations

import asyncio
import http
import json
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from websockets.asyncio.server import serve

from grok_live_widget import RehearsalServer, doctor
from grok_live_widget.client.credentials import ENVIRONMENT_NAME, Secret
from grok_live_widget.client.endpoint import resolve_endpoint
from grok_live_widget.diagnostics.connection import (
    PING_COUNT,
    SERVER,
    connection_checks,
    round_trip_check,
)
from grok_live_widget.diagnostics.report import Check, Report
from grok_live_widget.events import SessionUpdated
from grok_live_widget.rehearsal.faults import Close, OtherModel, Refuse, Withhold
from grok_live_widget.settings.settings import Settings

from ..support.deaf_server import deaf_server

KEY = "test-key-0123456789"


async def silent(socket_: Any) -> None:
    await socket_.wait_closed()


def results(report: Report) -> dict[str, str]:
    """The results of the checks that need a server."""
    return {check.name: check.result for check in report if check.name in SERVER}


def after(name: str) -> tuple[str, ...]:
    return SERVER[SERVER.index(name) + 1 :]


def assert_ends_at(report: Report, name: str) -> Check:
    """This check has failed, none before it, and those after it were skipped."""
    found = results(report)
    assert [each for each, result in found.items() if result == "failed"] == [name], report
    assert {found[each] for each in after(name)} <= {"skipped"}
    assert report[name].cure
    return report[name]


# --------------------------------------------------------------------------- the key
def test_with_the_right_key_everything_is_ok() -> None:
    with RehearsalServer("parrot", api_key=KEY) as server:
        report = doctor(url=server.url("realtime"), api_key=KEY)
    assert results(report) == dict.fromkeys(SERVER, "ok") | {"TLS": "skipped"}
    assert report["key"].found == "An API key was found: api_key=."
    assert report["API key"].found.endswith(" accepted the key.")
    assert report["dialect"].found == "The server speaks realtime."


def test_a_key_of_the_environment_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT_NAME, KEY)
    with RehearsalServer("parrot", api_key=KEY) as server:
        report = doctor(url=server.url("realtime"))
    assert report["API key"].result == "ok"
    assert "the environment variable XAI_API_KEY" in report["key"].found
    assert KEY not in report.to_json()


def test_a_wrong_key_is_told_from_a_websocket_that_does_not_open() -> None:
    with RehearsalServer("parrot", api_key=KEY) as server:
        report = doctor(url=server.url("realtime"), api_key="another-key-0123")
        check = assert_ends_at(report, "API key")
        assert "does not accept the API key" in check.found
        assert "XAI_API_KEY" in check.cure
        assert report["WebSocket"].result == "skipped"
        report = doctor(url=server.url("realtime"))
        assert "needs an API key, and none was found" in assert_ends_at(report, "API key").found


def test_in_live_the_key_is_refused_after_the_websocket_has_opened() -> None:
    with RehearsalServer("parrot", api_key=KEY) as server:
        report = doctor(url=server.url("live"), api_key="another-key-0123")
        assert "does not accept the API key" in assert_ends_at(report, "API key").found
        assert report["WebSocket"].result == "ok"


def test_a_live_server_that_says_nothing_has_not_accepted_the_key_either() -> None:
    with RehearsalServer("parrot", api_key=KEY) as server:
        report = doctor(url=server.url("live"), api_key=KEY)
    assert report.is_ok
    assert report["API key"].result == "skipped"
    assert "doctor(talk=True)" in report["API key"].cure
    assert report["settings"].result == report["model"].result == "skipped"


def test_a_server_of_this_computer_may_need_no_key(peer: Any) -> None:
    report = doctor(url=peer(lambda socket_: confirming(socket_, {})).url)
    assert report["key"].result == "skipped"
    assert report["API key"].found.endswith(" needs none.")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"url": "wss://example.test/v1/realtime"}, "example.test needs an API key"),
        ({"partner": None}, "partner=None rules out the rehearsal"),
        ({"api_key": ""}, "api_key is empty"),
        ({"api_key": f"'{KEY}'"}, "has quotation marks around it"),
        ({"api_key": f"{KEY} {KEY}"}, "contains a space"),
    ],
)
def test_a_key_that_is_missing_or_malformed_fails_before_any_connection(
    arguments: dict[str, Any], part: str
) -> None:
    report = doctor(**arguments)
    assert part in assert_ends_at(report, "key").found
    assert KEY not in report.to_json()


# --------------------------------------------------------------------------- the server
def lookup() -> str:
    """Look something up."""
    return ""


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ({"url": "ws://127.0.0.1:9/v1/live", "partner": "parrot"}, "exclude each other"),
        ({"url": "ws://example.test/v1/live", "api_key": KEY}, "without encryption"),
        ({"url": "ws://127.0.0.1:9/v1/live", "tools": [lookup]}, "lookup"),
    ],
)
def test_settings_that_exclude_each_other_fail_before_any_connection(
    arguments: dict[str, Any], part: str
) -> None:
    assert part in assert_ends_at(doctor(**arguments), "server").found


# --------------------------------------------------------------------------- the way
def test_a_host_that_does_not_exist_fails_at_its_name() -> None:
    report = doctor(url="wss://no-such-host.invalid/v1/realtime", api_key=KEY)
    assert "there is no host" in assert_ends_at(report, "host name").found


def test_a_closed_port_fails_at_tcp() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        report = doctor(url=f"ws://127.0.0.1:{free.getsockname()[1]}/v1/realtime")
    assert "nothing answers at" in assert_ends_at(report, "TCP").found


def test_tls_to_a_server_without_it_fails_at_tls(peer: Any) -> None:
    report = doctor(url=peer(silent).url.replace("ws:", "wss:"))
    assert "ws:// for those without it" in assert_ends_at(report, "TLS").cure


async def test_a_certificate_that_is_not_trusted_fails_at_tls_and_a_server_with_tls_at_websocket(
    authority: Path,
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem", authority / "server.key")
    async with serve(silent, "localhost", 0, ssl=context) as server:
        url = f"wss://localhost:{server.sockets[0].getsockname()[1]}/v1/live"
        report = await asyncio.to_thread(doctor, url=url)
        assert "is not trusted" in assert_ends_at(report, "TLS").found
        report = await asyncio.to_thread(doctor, url=url.replace("wss:", "ws:"))
        assert "wss:// is for servers with TLS" in assert_ends_at(report, "WebSocket").cure
        trusting = ssl.create_default_context(cafile=authority / "ca.pem")
        report = await asyncio.to_thread(doctor, url=url, ssl=trusting)
        assert report["TLS"].result == report["WebSocket"].result == "ok"


@pytest.mark.parametrize(
    ("status", "part"), [(404, "no such address"), (429, "too many"), (503, "HTTP 503")]
)
def test_a_refused_handshake_fails_at_websocket(status: int, part: str) -> None:
    with RehearsalServer("parrot", faults=[Refuse(status)]) as server:
        report = doctor(url=server.url("realtime"))
    assert part in assert_ends_at(report, "WebSocket").found


def test_a_handshake_that_is_not_answered_fails_at_websocket_in_time() -> None:
    with RehearsalServer("parrot", faults=["stall-handshake"]) as server:
        report = doctor(url=server.url("realtime"), open_timeout_s=0.5)
    assert "did not answer in time" in assert_ends_at(report, "WebSocket").found


# --------------------------------------------------------------------------- the session
def test_a_server_that_closes_before_it_confirms_fails_at_session() -> None:
    with RehearsalServer("parrot", faults=[Close(1011, at=SessionUpdated, nth=1)]) as server:
        report = doctor(url=server.url("realtime"), api_key=KEY)
    check = assert_ends_at(report, "session")
    assert "closed with code 1011" in check.found
    assert report["WebSocket"].result == "ok"


def test_another_model_than_the_one_asked_for_fails() -> None:
    with RehearsalServer("parrot", faults=[OtherModel("grok-other")]) as server:
        report = doctor(url=server.url("realtime"), model="grok-voice-1", api_key=KEY)
    assert report["model"].result == "failed"
    assert report["model"].found == "The server answers as 'grok-other', not as 'grok-voice-1'."
    assert report["round trip"].result == "ok", "the checks go on"


def test_settings_that_are_not_confirmed_are_a_warning() -> None:
    with RehearsalServer("parrot", faults=[Withhold()]) as server:
        report = doctor(url=server.url("realtime"), api_key=KEY)
    assert report["settings"].result == "warning"
    assert "did not confirm" in report["settings"].found


async def confirming(socket_: Any, session: dict[str, Any]) -> None:
    await socket_.send(json.dumps({"type": "session.created", "session": {"id": "s"}}))
    await socket_.recv()
    await socket_.send(json.dumps({"type": "session.updated", "session": session}))
    await socket_.wait_closed()


def test_settings_that_the_server_confirms_otherwise_are_named(peer: Any) -> None:
    url = peer(lambda socket_: confirming(socket_, {"instructions": "Be rude."})).url
    report = doctor(url=url, instructions="Be kind.")
    assert report["settings"].result == "warning"
    assert "instructions is 'Be rude.', not 'Be kind.'" in report["settings"].found
    assert report["model"].result == "skipped", "the server did not name it"


async def test_the_dialect_that_was_refused_is_named(peer: Any) -> None:
    def refuse_live(connection: Any, request: Any) -> Any:
        return connection.respond(http.HTTPStatus.NOT_FOUND, "") if "live" in request.path else None

    served = peer(lambda socket_: confirming(socket_, {}), process_request=refuse_live)
    service_url = f"ws://127.0.0.1:{served.port}"
    endpoint = resolve_endpoint(Settings(), Secret(KEY), service_url=service_url)
    checks = Report(await connection_checks(Settings(), endpoint))
    assert checks["dialect"].result == "ok"
    assert "The server speaks realtime." in checks["dialect"].found
    assert "has no such address. Trying the other dialect." in checks["dialect"].found


async def test_no_earlier_conversation_is_continued_and_nothing_is_written(tmp_path: Path) -> None:
    with RehearsalServer("parrot") as server:
        settings = Settings(url=server.url("realtime"), conversation_id="of-a-running-talk")
        endpoint = resolve_endpoint(settings, Secret(KEY))
        checks = await connection_checks(replace(settings, record=tmp_path / "talk"), endpoint)
    assert Report(checks).is_ok
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240


def test_a_server_that_answers_no_ping_is_a_warning() -> None:
    with deaf_server() as url:
        report = doctor(url=url)
    assert report["round trip"].result == "warning"
    assert "answered no ping" in report["round trip"].found
    assert report["round trip"].cure


def test_a_connection_that_ends_during_the_pings_fails() -> None:
    with deaf_server(hangs_up=True) as url:
        report = doctor(url=url)
    assert report["round trip"].result == "failed"


def test_the_round_trip_is_the_median_of_several_pings() -> None:
    report = doctor(partner="parrot")
    assert f"of {PING_COUNT} pings." in report["round trip"].found
    found = round_trip_check("round trip", [1.0, 2.0, 900.0])
    assert (found.result, found.found) == ("ok", "Median 2.0 ms, worst 900.0 ms of 3 pings.")
    assert round_trip_check("round trip", [400.0] * 3).result == "warning"
