"""What faults have in common, and how they act on frames."""

from __future__ import annotations

from typing import Any

import pybase64
import pytest

from grok_live_widget import Talk
from grok_live_widget.events import (
    AudioDelta,
    CreateItem,
    ResponseCreated,
    ResponseDone,
    SessionCreated,
    SessionUpdated,
    SpeechStarted,
)
from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.protocol.dialects import LIVE, REALTIME
from grok_live_widget.protocol.dialects.base import Dialect
from grok_live_widget.rehearsal import RehearsalServer
from grok_live_widget.rehearsal.faults import (
    Close,
    Drop,
    Garbage,
    Late,
    Omit,
    Refuse,
    Reorder,
    Report,
    Tail,
    Trickle,
    Withhold,
    fault_from,
)
from grok_live_widget.rehearsal.faults.base import (
    AUDIO_TYPES,
    DELTA_TYPES,
    Frame,
    server_message_types,
    wire_types,
)
from grok_live_widget.rehearsal.frames import frame_from

from .client import DONE, PIECE, SOUND, connect_to, sound_of

# --------------------------------------------------------------------------- frames
PCM = b"\1\0\2\0"


def test_an_event_is_known_by_every_name_it_has_in_either_dialect() -> None:
    assert {"response.output_audio.delta", "response.audio.delta"} <= wire_types(AudioDelta)
    assert wire_types(SessionCreated) == {"session.created"}
    assert wire_types(str) == frozenset()
    assert set(AUDIO_TYPES) <= wire_types(AudioDelta) <= DELTA_TYPES <= server_message_types()


@pytest.mark.parametrize("dialect", [REALTIME, LIVE])
def test_the_audio_of_a_piece_can_be_exchanged(dialect: Dialect) -> None:
    body = frame_from(AudioDelta(response_id="r1", item_id="i1", pcm=PCM), dialect)
    assert body is not None
    piece = Frame(body)
    other = piece.with_audio(PCM * 2)
    assert (piece.audio, other.audio) == (PCM, PCM * 2)
    assert piece.wire_type == other.wire_type
    assert {**piece.message, "delta": ""} == {**other.message, "delta": ""}


def test_a_binary_frame_is_an_audio_delta() -> None:
    piece = Frame(PCM, is_text=False)
    assert piece.wire_type in AUDIO_TYPES
    assert (piece.audio, piece.response_id) == (PCM, "")
    assert piece.with_audio(PCM * 2) == Frame(PCM * 2, is_text=False)


def test_deltas_and_ends_have_the_id_of_their_response() -> None:
    body = frame_from(ResponseDone(response_id="r1"), REALTIME)
    assert body is not None
    assert Frame(body).response_id == "r1"
    assert Frame(b'{"type": "x", "response_id": "r2"}').response_id == "r2"
    assert Frame(b'{"type": "x", "response": "unimplemented"}').response_id == ""
    assert Frame(b"no json").response_id == ""


# --------------------------------------------------------------------------- faults
@pytest.mark.parametrize(
    ("make", "part"),
    [
        (lambda: fault_from("explode"), "no fault 'explode'.*drop"),
        (lambda: fault_from("clse"), "no fault 'clse'. Did you mean 'close'"),
        (lambda: fault_from("close:soon"), "must be a number, not 'soon'"),
        (lambda: fault_from("burst:3"), "takes no value"),
        (lambda: fault_from("drop:nowhere"), "at must be .*, not 'nowhere'"),
        (lambda: Drop(at=CreateItem), "at must be "),
        (lambda: Drop(at=str), "at must be "),
        (lambda: Drop(nth=0), "nth must be .*, not 0"),
        (lambda: Drop(times=0), "times must be .*, not 0"),
        (lambda: Close(1006), "code must be .*, not 1006"),
        (lambda: Close(999), "code must be .*, not 999"),
        (lambda: Close(1011, "x" * 124), "reason must be "),
        (lambda: Refuse(200), "status must be .*, not 200"),
        (lambda: Garbage("noise"), "kind must be .*, not 'noise'"),  # type: ignore[arg-type]
        (lambda: Garbage("no-base64", at=SpeechStarted), "at must be "),
        (lambda: Omit(""), "names must be .*, not ''"),
        (lambda: Late(0), "delay_s must be .*, not 0"),
        (lambda: Trickle(float("inf")), "delay_s must be .*, not inf"),
        (lambda: Trickle(piece_bytes=3), "piece_bytes must be .*, not 3"),
        (lambda: Reorder(0), "by must be .*, not 0"),
        (lambda: Tail(0), "piece_count must be .*, not 0"),
        (lambda: Report(close_code=1005), "code must be .*, not 1005"),
        (lambda: RehearsalServer("parrot", faults="drop"), "must be a sequence, not 'drop'"),  # type: ignore[arg-type]
        (lambda: RehearsalServer("parrot", faults=["explode"]), "no fault"),
    ],
)
def test_invalid_faults_are_refused_before_a_port_is_opened(make: Any, part: str) -> None:
    with pytest.raises(ConfigurationError, match=part):
        make()


def test_an_event_is_the_same_by_its_class_and_by_its_wire_type() -> None:
    assert Drop(at=SessionCreated).wire_types == Drop(at="session.created").wire_types


# --------------------------------------------------------------------------- several faults at work
async def test_several_faults_work_one_after_the_other(faulty: Any) -> None:
    server = faulty("duplicate", Garbage("odd-bytes", times=2), "close:1013")
    async with connect_to(server) as client:
        await client.type_text()
        await client.until(DONE)
    pieces = [len(pybase64.b64decode(message["delta"])) for message in client.of(SOUND)]
    assert pieces == [2 * PIECE + 1]
    assert client.closed is not None
    assert client.closed.rcvd.code == 1013


async def test_a_fault_happens_as_often_as_asked_on_all_connections_together(faulty: Any) -> None:
    server = faulty(Drop(at=ResponseCreated, nth=1, times=2))
    ends = []
    for _ in range(3):
        async with connect_to(server) as client:
            await client.type_text()
            await client.until(DONE)
            ends.append(client.closed is not None)
    assert ends == [True, True, False]


async def test_a_fault_happens_from_its_nth_occasion_on(faulty: Any) -> None:
    async with connect_to(faulty(Withhold(at=AudioDelta, nth=2, times=2))) as client:
        await client.type_text()
        await client.until(DONE)
    assert client.audio() == sound_of(1).tobytes() + sound_of(4).tobytes()


async def test_a_recording_can_go_wrong_too(tmp_path: Any) -> None:
    with Talk(partner="parrot", record=tmp_path / "talk") as talk:
        await talk.ask_async("once more")
        await talk.stop_async()
    server = RehearsalServer(
        replay=tmp_path / "talk", step=True, faults=[Close(1012, at=SessionUpdated, nth=1)]
    )
    async with server, connect_to(server) as client:
        await client.until("session.updated")
    assert client.closed is not None
    assert client.closed.rcvd.code == 1012


def test_the_server_tells_its_faults() -> None:
    server = RehearsalServer("parrot", faults=["burst", Drop(at=SpeechStarted)])
    assert repr(server) == "<RehearsalServer not running, faults: burst, drop:SpeechStarted>"
    assert repr(RehearsalServer("parrot")) == "<RehearsalServer not running>"
