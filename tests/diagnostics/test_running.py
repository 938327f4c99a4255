"""`doctor`: every check fails, with its cure, at a server that makes it fail."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grok_live_widget import RehearsalServer, doctor
from grok_live_widget.diagnostics import Check, Report
from grok_live_widget.diagnostics.connection import SERVER
from grok_live_widget.diagnostics.spoken import SPOKEN
from grok_live_widget.exceptions import ArgumentError, ConfigurationError

KEY = "test-key-0123456789"
INSTALLED = ("versions", "front end", "busy kernel", "rehearsal extras", "optional libraries")


def names(report: Report) -> list[str]:
    return [check.name for check in report]


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        yield free.getsockname()[1]


def test_a_rehearsal_without_a_key_works_and_says_so() -> None:
    report = doctor()
    assert report.is_ok
    assert names(report) == [*INSTALLED, *SERVER]
    assert report["key"].result == "warning"
    assert "the built-in rehearsal answers, not Grok" in report["key"].found
    assert "XAI_API_KEY" in report["key"].cure
    assert report.folder is None


def test_a_value_that_is_not_allowed_is_found_and_not_raised() -> None:
    report = doctor(speed=9, talk=True)
    assert not report.is_ok
    assert report["settings"].found.startswith("speed must be a number from 0.7 to 1.5")
    others = [name for name in (*SERVER, *SPOKEN) if name != "settings"]
    assert names(report) == [*INSTALLED, "settings", *others]
    assert {report[name].result for name in others} == {"skipped"}


def test_a_folder_that_cannot_be_recorded_to_is_found(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("something else")
    report = doctor(partner="parrot", record=tmp_path / "there")
    assert report["settings"].result == "failed"
    assert "there" in report["settings"].found


def test_an_argument_that_does_not_exist_is_raised() -> None:
    with pytest.raises(ConfigurationError, match="Did you mean 'voice'"):
        doctor(vocie="nova")  # type: ignore[call-arg]
    with pytest.raises(ArgumentError, match="without a name"):
        doctor("wss://example.test")  # type: ignore[call-arg]


def test_without_a_server_no_question_is_asked(closed_port: int) -> None:
    report = doctor(url=f"ws://127.0.0.1:{closed_port}/v1/realtime", talk=True)
    assert report["TCP"].result == "failed"
    assert {report[name].result for name in SPOKEN} == {"skipped"}
    assert report.folder is None


def test_the_key_is_in_no_file_of_a_spoken_question_and_in_no_text() -> None:
    with RehearsalServer(api_key=KEY) as server:
        report = doctor(url=server.url("realtime"), api_key=KEY, talk=True)
    assert report.is_ok, report
    assert report.folder is not None
    files = [path for path in report.folder.rglob("*") if path.is_file()]
    assert {"report.json", "report.txt"} < {path.name for path in files}
    assert any(path.suffix == ".wav" for path in files)
    assert not [path for path in files if KEY.encode() in path.read_bytes()]
    assert KEY not in report.to_json() + repr(report) + report._repr_html_()
    assert json.loads((report.folder / "report.json").read_text("utf-8"))["is_ok"]
    assert str(report.folder) in report["recording"].found


def test_a_server_that_repeats_the_key_does_not_bring_it_into_the_report(peer: Any) -> None:
    async def repeat(socket_: Any) -> None:
        await socket_.recv()
        message = f"no model for {KEY}"
        await socket_.send(json.dumps({"type": "error", "error": {"message": message}}))
        await socket_.wait_closed()

    report = doctor(url=peer(repeat).url, api_key=KEY)
    assert "no model for (key)" in report["session"].found
    assert KEY not in report.to_json()


def test_what_was_found_before_a_failure_stays(authority: Path, peer: Any) -> None:
    async def silent(socket_: Any) -> None:
        await socket_.wait_closed()

    report = doctor(url=peer(silent).url.replace("ws:", "wss:"))
    results = {check.name: check.result for check in report if check.name in SERVER}
    assert results == {
        "key": "skipped",
        "server": "ok",
        "host name": "ok",
        "TCP": "ok",
        "TLS": "failed",
        **dict.fromkeys(SERVER[5:], "skipped"),
    }
    assert report["round trip"] == Check(
        name="round trip", result="skipped", found="Not checked, since 'TLS' failed."
    )
