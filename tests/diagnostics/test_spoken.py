"""A spoken question: what is said about it, and what makes each check fail."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from grok_live_widget import PushToTalk, RehearsalServer, doctor, load
from grok_live_widget.diagnostics import Report
from grok_live_widget.diagnostics.spoken import SPOKEN
from grok_live_widget.events import ResponseCreated, SpeechStarted
from grok_live_widget.rehearsal.faults import Close, Withhold

from ..support.sound import tone


def spoken_to(partner: Any, *faults: Any, dialect: str = "realtime", **settings: Any) -> Report:
    with RehearsalServer(partner, faults=faults, speed=float("inf")) as server:
        return doctor(url=server.url(dialect), api_key="any-key-at-all", talk=True, **settings)


def results(report: Report) -> list[str]:
    return [report[name].result for name in SPOKEN]


@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_a_question_that_is_answered_is_told_with_its_latency_and_level(dialect: str) -> None:
    report = spoken_to(lambda turn: tone(0.5), dialect=dialect)
    assert results(report) == ["ok"] * len(SPOKEN), report
    assert "A reply of 0.5 s came" in report["reply"].found
    assert "from the end of the question" in report["latency"].found
    assert "dBFS" in report["level"].found
    assert report.folder is not None
    saved = load(report.folder / "talk")
    assert [turn.role for turn in saved.turns] == ["user", "assistant"]


def test_with_push_to_talk_nothing_has_to_be_detected() -> None:
    report = spoken_to(lambda turn: tone(0.5), turn_detection=PushToTalk())
    assert results(report) == ["ok", "skipped", "ok", "ok", "ok", "ok"]


@pytest.mark.slow
def test_a_server_that_does_not_hear_the_question_fails() -> None:
    report = spoken_to(lambda turn: tone(0.5), Withhold(at=SpeechStarted))
    assert report["speech detected"].result == "failed"
    assert "ServerVad(threshold=…)" in report["speech detected"].cure


def test_a_reply_of_silence_is_a_warning() -> None:
    report = spoken_to(lambda turn: np.zeros(2400, np.int16))
    assert report["level"].result == "warning"
    assert "no sound but silence" in report["level"].found


def test_a_quiet_reply_is_a_warning() -> None:
    report = spoken_to(lambda turn: (tone(0.5) // 4096).astype(np.int16))
    assert report["level"].result == "warning"
    assert "only -" in report["level"].found


def test_a_reply_without_sound_fails() -> None:
    report = spoken_to(lambda turn: np.zeros(0, np.int16))
    assert report["reply"].result == "failed"
    assert report["level"].result == report["latency"].result == "skipped"


def test_a_connection_that_breaks_before_the_reply_fails_and_is_recorded() -> None:
    report = spoken_to(
        lambda turn: tone(0.5), Close(1011, at=ResponseCreated, nth=1), reconnect_tries=0
    )
    assert report["speech detected"].result == "ok"
    assert report["reply"].result == "failed"
    assert report["recording"].result == "ok"


def test_without_a_voice_nothing_is_asked() -> None:
    script = (
        "import importlib.machinery as machinery\n"
        "find = machinery.PathFinder.find_spec\n"
        "machinery.PathFinder.find_spec = classmethod(lambda kind, name, *rest:\n"
        "    None if name == 'espeakng_loader' else find(name, *rest))\n"
        "from grok_live_widget import doctor\n"
        "print(doctor(partner='parrot', talk=True).to_json())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    report = json.loads(ran.stdout)
    question = next(each for each in report["checks"] if each["name"] == "question")
    assert question["result"] == "skipped"
    assert "grok-live-widget[rehearsal]" in question["cure"]
    assert report["is_ok"]
