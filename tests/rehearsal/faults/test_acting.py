"""Several faults on one line, and one on several lines."""

from __future__ import annotations

from typing import Any

import pybase64

from grok_live_widget import Talk
from grok_live_widget.events import AudioDelta, ResponseCreated, SessionUpdated, SpeechStarted
from grok_live_widget.rehearsal import RehearsalServer
from grok_live_widget.rehearsal.faults import Close, Drop, Garbage, Withhold

from .client import DONE, PIECE, SOUND, line_to, sound_of


async def test_several_faults_work_one_after_the_other(faulty: Any) -> None:
    server = faulty("duplicate", Garbage("odd-bytes", times=2), "close:1013")
    async with line_to(server) as line:
        await line.type_text()
        await line.until(DONE)
    pieces = [len(pybase64.b64decode(message["delta"])) for message in line.of(SOUND)]
    assert pieces == [2 * PIECE + 1]
    assert line.closed is not None
    assert line.closed.rcvd.code == 1013


async def test_a_fault_happens_as_often_as_asked_on_all_lines_together(faulty: Any) -> None:
    server = faulty(Drop(at=ResponseCreated, nth=1, times=2))
    ends = []
    for _ in range(3):
        async with line_to(server) as line:
            await line.type_text()
            await line.until(DONE)
            ends.append(line.closed is not None)
    assert ends == [True, True, False]


async def test_a_fault_happens_from_its_nth_occasion_on(faulty: Any) -> None:
    async with line_to(faulty(Withhold(at=AudioDelta, nth=2, times=2))) as line:
        await line.type_text()
        await line.until(DONE)
    assert line.sound() == sound_of(1).tobytes() + sound_of(4).tobytes()


async def test_a_recording_can_go_wrong_too(tmp_path: Any) -> None:
    with Talk(partner="parrot", record=tmp_path / "talk") as talk:
        await talk.ask_async("once more")
        await talk.stop_async()
    server = RehearsalServer(
        replay=tmp_path / "talk", step=True, faults=[Close(1012, at=SessionUpdated, nth=1)]
    )
    async with server, line_to(server) as line:
        await line.until("session.updated")
    assert line.closed is not None
    assert line.closed.rcvd.code == 1012


def test_the_server_tells_its_faults() -> None:
    server = RehearsalServer("parrot", faults=["burst", Drop(at=SpeechStarted)])
    assert repr(server) == "<RehearsalServer not running, faults: burst, drop:SpeechStarted>"
    assert repr(RehearsalServer("parrot")) == "<RehearsalServer not running>"
