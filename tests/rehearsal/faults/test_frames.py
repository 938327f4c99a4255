"""Frames as faults see them: whose they are, what they sound like, how they are spelled."""

from __future__ import annotations

import pytest

from grok_live_widget.events import AudioDelta, ResponseDone, SessionCreated
from grok_live_widget.protocol.dialects import LIVE, REALTIME
from grok_live_widget.protocol.dialects.base import Dialect
from grok_live_widget.rehearsal.faults.frames import (
    PIECE_TYPES,
    SOUND_TYPES,
    Frame,
    known_types,
    wire_types,
)
from grok_live_widget.rehearsal.wire import frame_from

PCM = b"\1\0\2\0"


def test_an_event_is_known_by_every_name_it_has_in_either_dialect() -> None:
    assert {"response.output_audio.delta", "response.audio.delta"} <= wire_types(AudioDelta)
    assert wire_types(SessionCreated) == {"session.created"}
    assert wire_types(str) == frozenset()
    assert set(SOUND_TYPES) <= wire_types(AudioDelta) <= PIECE_TYPES <= known_types()


@pytest.mark.parametrize("dialect", [REALTIME, LIVE])
def test_the_sound_of_a_piece_can_be_exchanged(dialect: Dialect) -> None:
    body = frame_from(AudioDelta(response_id="r1", item_id="i1", pcm=PCM), dialect)
    assert body is not None
    piece = Frame(body)
    other = piece.with_sound(PCM * 2)
    assert (piece.sound, other.sound) == (PCM, PCM * 2)
    assert piece.wire_type == other.wire_type
    assert {**piece.message, "delta": ""} == {**other.message, "delta": ""}


def test_a_frame_of_sound_alone_is_a_piece_of_sound() -> None:
    piece = Frame(PCM, is_text=False)
    assert piece.wire_type in SOUND_TYPES
    assert (piece.sound, piece.reply_id) == (PCM, "")
    assert piece.with_sound(PCM * 2) == Frame(PCM * 2, is_text=False)


def test_a_reply_is_named_by_its_pieces_and_by_its_end() -> None:
    body = frame_from(ResponseDone(response_id="r1"), REALTIME)
    assert body is not None
    assert Frame(body).reply_id == "r1"
    assert Frame(b'{"type": "x", "response_id": "r2"}').reply_id == "r2"
    assert Frame(b'{"type": "x", "response": "unimplemented"}').reply_id == ""
    assert Frame(b"no json").reply_id == ""
