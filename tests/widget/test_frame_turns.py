"""Which turn a frame is about: by ids, by time, or not at all."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from grok_live_widget import Talk
from grok_live_widget.audio import AudioBuffer
from grok_live_widget.conversation import Turn
from grok_live_widget.recording import Frame, Frames
from grok_live_widget.widget.frame_turns import FrameTurns

from ..support.sound import tone


def turn_of(role: Any, started_s: float, duration_s: float = 1.0, **fields: Any) -> Turn:
    pcm = tone(duration_s)
    tape = AudioBuffer(max(1, len(pcm)))
    tape.append(pcm)
    turn = Turn(role, tape=tape)
    for name, value in ({"started_s": started_s} | fields).items():
        setattr(turn, name, value)
    return turn


def frame_of(time_s: float, direction: Any, kind: str, *, index: int = 0, **fields: Any) -> Frame:
    content = json.dumps({"type": kind, **fields}).encode()
    return Frame(
        index=index, time_s=time_s, direction=direction, size=9, connection=0, content=content
    )


USER = turn_of("user", 1.0, item_id="u1")
REPLY = turn_of("assistant", 2.5, item_id="a1", _response_id="r1")
SECOND = turn_of("user", 6.0)
TYPED = turn_of("user", 9.0, 0.0, text_source="typed", item_id="u3")
TURNS = FrameTurns([USER, REPLY, SECOND, TYPED])


def assigned(*frame: Any, **fields: Any) -> tuple[Turn, bool] | None:
    return TURNS.turn_of(frame_of(*frame, **fields))


def test_a_frame_with_an_id_is_about_the_turn_of_that_item_or_response() -> None:
    assert assigned(8.0, "received", "conversation.item.added", item={"id": "u1"}) == (USER, False)
    assert assigned(8.0, "received", "response.done", response={"id": "r1"}) == (REPLY, False)
    assert assigned(9.0, "sent", "conversation.item.create", item={"id": "u3"}) == (TYPED, False)
    assert assigned(2.6, "received", "response.x.delta", item_id="of a call") is None


def test_sound_that_is_sent_is_about_the_users_turn_at_its_time() -> None:
    kind = "input_audio_buffer.append"
    assert assigned(0.5, "sent", kind) is None
    assert assigned(1.5, "sent", kind) == (USER, True)
    assert assigned(2.2, "sent", kind) is None, "silence between turns"
    assert assigned(6.9, "sent", "websocket.binary") == (SECOND, True)


def test_without_ids_speech_and_deltas_are_about_the_turn_that_had_begun() -> None:
    assert assigned(5.98, "received", "input_audio_buffer.speech_started") == (SECOND, True)
    assert assigned(7.3, "received", "input_audio_buffer.speech_stopped") == (SECOND, True)
    assert assigned(4.0, "received", "response.audio.delta") == (REPLY, True)
    assert assigned(1.0, "received", "response.audio.delta") is None


def test_what_is_about_no_turn_is_not_assigned() -> None:
    for kind in ("response.create", "session.update", "input_audio_buffer.commit"):
        assert assigned(2.6, "sent", kind) is None
    assert assigned(2.6, "received", "error") is None


def test_the_frames_of_a_turn_are_those_with_its_ids_and_those_at_its_time() -> None:
    frames = Frames(
        [
            frame_of(1.1, "sent", "input_audio_buffer.append", index=3),
            frame_of(1.2, "received", "input_audio_buffer.speech_started", item_id="u1", index=4),
            frame_of(2.1, "sent", "response.create", index=5),
            frame_of(2.6, "received", "response.created", response={"id": "r1"}, index=6),
        ],
        dropped_count=3,
    )
    found = TURNS.frames_of(USER, frames)
    assert [frame.index for frame in found] == [3, 4]
    assert found.dropped_count == 3
    assert [frame.index for frame in TURNS.frames_of(REPLY, frames)] == [6]


def test_a_talk_in_the_live_dialect_has_its_frames_by_time(question: np.ndarray) -> None:
    with Talk(partner=["Good morning."], dialect="live") as talk:
        reply = talk.ask(question, sample_rate=24_000)
        turns = list(talk.turns)
        frames = talk.frames
    finder = FrameTurns(turns)
    deltas = frames.filter(type="response.audio.delta")
    assert len(deltas) > 0
    assert {finder.turn_of(frame) for frame in deltas} == {(reply, True)}
    assert {frame.type for frame in finder.frames_of(reply, frames)} >= {"response.audio.delta"}
    spoken = {frame.type for frame in finder.frames_of(turns[0], frames)}
    assert spoken >= {"input_audio_buffer.append", "input_audio_buffer.speech_started"}
