"""The sequence of turns, and what is made of all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from grok_live_widget.audio import read_audio
from grok_live_widget.conversation import Turns

from ..support.turns import turn_of


def test_turns_are_a_sequence_of_the_same_objects() -> None:
    a, b, c = turn_of([1], role="user"), turn_of([2]), turn_of([3], role="user")
    turns = Turns([a, b, c])
    assert (len(turns), turns[0], turns[-1]) == (3, a, c)
    assert isinstance(turns[1:], Turns)
    assert list(turns[1:]) == [b, c]
    assert list(reversed(turns)) == [c, b, a]
    assert turns.index(b) == 1
    assert b in turns
    assert (list(turns.user), list(turns.assistant)) == ([a, c], [b])
    assert repr(turns).splitlines()[0] == "3 turns"
    with pytest.raises(IndexError):
        turns[3]


def test_an_iteration_sees_the_turns_that_were_there_when_it_began() -> None:
    turns = Turns([turn_of([1])])
    for _ in turns:
        turns._add(turn_of([2]))
    assert len(turns) == 2


def test_the_audio_of_all_turns_is_written_to_one_file(tmp_path: Path) -> None:
    turns = Turns([turn_of([1, 2]), turn_of(), turn_of([3])])
    x, rate_hz = read_audio(turns.write_wav(tmp_path / "talk.wav"))
    assert (x.tolist(), rate_hz) == ([1, 2, 3], 24_000)
    assert len(read_audio(Turns().write_wav(tmp_path / "none.wav"))[0]) == 0
    assert read_audio(turns[0].write_wav(tmp_path / "one.wav"))[0].tolist() == [1, 2]


def test_a_frame_has_one_row_a_turn() -> None:
    frame = Turns([turn_of([1], role="user", text="Hi"), turn_of([1, 2])]).to_frame()
    assert frame["role"].tolist() == ["user", "assistant"]
    assert frame["text"].tolist() == ["Hi", ""]
    for name in ("latency_ms", "tool_ms", "approval_ms", "queue_ms", "played_at_s"):
        assert frame[name].isna().all()
    assert list(Turns().to_frame().columns) == list(frame.columns)
