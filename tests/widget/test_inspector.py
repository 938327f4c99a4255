"""The kernel's part of the inspector: frames in pages, and the JSON of one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from grok_live_widget import Talk
from grok_live_widget.recording import Frame, Frames
from grok_live_widget.widget.inspector import MOST_FRAMES, answer


def frames_of(count: int, *, first: int = 0) -> Frames:
    made = [
        Frame(
            index=index,
            time_s=index / 10,
            direction="sent",
            size=30,
            connection=0,
            content=b'{"type":"response.cancel","response_id":"r"}',
        )
        for index in range(first, first + count)
    ]
    return Frames(made, dropped_count=first)


def listed(frames: Frames, first: int) -> list[int]:
    found = answer(frames, {"type": "frames", "from": first})
    assert found is not None
    return [frame["index"] for frame in found["frames"]]


def test_frames_are_listed_from_an_index_on_without_their_messages() -> None:
    found = answer(frames_of(3), {"type": "frames", "from": 1})
    assert found is not None
    assert [frame["index"] for frame in found["frames"]] == [1, 2]
    assert found["frames"][0] == {
        "index": 1,
        "time_s": 0.1,
        "direction": "sent",
        "type": "response.cancel",
        "size": 30,
        "connection": 0,
        "item_id": "",
        "response_id": "r",
        "turn_id": "",
        "is_by_time": False,
    }
    assert found["next"] == 3
    json.dumps(found)


def test_an_answer_has_a_limit_and_the_next_goes_on() -> None:
    frames = frames_of(MOST_FRAMES + 20)
    first = listed(frames, 0)
    assert first == list(range(MOST_FRAMES))
    assert listed(frames, MOST_FRAMES) == list(range(MOST_FRAMES, MOST_FRAMES + 20))
    assert listed(frames, MOST_FRAMES + 20) == []


def test_of_frames_that_were_dropped_the_oldest_that_is_kept_comes_first() -> None:
    frames = frames_of(5, first=100)
    assert listed(frames, 0) == [100, 101, 102, 103, 104]
    assert listed(frames, 103) == [103, 104]
    assert answer(frames, {"type": "frames", "from": 0})["dropped_count"] == 100


def test_the_json_of_one_frame_is_indented_and_empty_where_it_is_not_kept() -> None:
    frames = frames_of(5, first=100)
    found = answer(frames, {"type": "frame", "index": 103})
    assert found is not None
    assert json.loads(found["text"]) == {"type": "response.cancel", "response_id": "r"}
    assert "\n  " in found["text"]
    assert answer(frames, {"type": "frame", "index": 7}) == {
        "type": "frame",
        "index": 7,
        "text": "",
    }


@pytest.mark.parametrize(
    "content", [{}, {"type": "frames"}, {"type": "frames", "from": "0"}, {"type": "key"}]
)
def test_what_is_no_request_is_not_answered(content: dict[str, Any]) -> None:
    assert answer(frames_of(1), content) is None
    assert answer(Frames(), {"type": "frames", "from": 0}) is not None


def test_the_frames_of_a_talk_show_neither_sound_nor_key() -> None:
    with Talk(partner=["Good morning."], api_key="xai-a-key-of-somebody") as talk:
        talk.ask("Hello.")
        found = answer(talk.frames, {"type": "frames", "from": 0})
        assert found is not None
        texts = [
            answer(talk.frames, {"type": "frame", "index": frame["index"]})
            for frame in found["frames"]
        ]
    types = [frame["type"] for frame in found["frames"]]
    assert {"websocket.open", "session.update", "response.output_audio.delta"} <= set(types)
    shown = json.dumps([found, texts])
    assert "bytes of audio" in shown
    assert "a-key-of-somebody" not in shown
    assert len(shown) < 60_000


def test_the_frames_of_a_turn_are_listed_with_the_turn_that_each_is_about() -> None:
    with Talk(partner=["Good morning.", "Goodbye."]) as talk:
        first, second = talk.ask("Hello."), talk.ask("And now?")
        turns, frames = list(talk.turns), talk.frames
    found = answer(frames, {"type": "frames", "from": 0, "turn_id": second.turn_id}, turns)
    assert found is not None
    named = [frame.index for frame in frames.filter(turn=second)]
    assert [frame["index"] for frame in found["frames"]] == named
    assert {frame["turn_id"] for frame in found["frames"]} == {second.turn_id}
    assert not any(frame["is_by_time"] for frame in found["frames"])
    assert found["next"] == frames[-1].index + 1, "those of others are not looked at again"
    whole = answer(frames, {"type": "frames", "from": 0}, turns)
    assert whole is not None
    ids = {frame["turn_id"] for frame in whole["frames"]}
    assert ids == {"", *(turn.turn_id for turn in turns)} > {first.turn_id}


def test_the_frames_of_a_turn_that_is_unknown_are_none() -> None:
    found = answer(frames_of(3), {"type": "frames", "from": 0, "turn_id": "other"})
    assert found is not None
    assert (found["frames"], found["turn_id"]) == ([], "other")
