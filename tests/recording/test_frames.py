"""Frames as a sequence, as a table, as JSON lines, and as they are saved with a talk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from grok_live_widget import Frame, Frames, Talk, load
from grok_live_widget.exceptions import ArgumentError, ConfigurationError


@pytest.fixture(scope="module")
def talk() -> Talk:
    with Talk(partner=["Good morning.", "Good night."]) as talk:
        talk.ask("Hello.")
        talk.ask("Bye.")
    return talk


def frame_of(index: int, name: str, **options: Any) -> Frame:
    content = json.dumps({"type": name, "text": "<b>&"}).encode()
    more: dict[str, Any] = {"direction": "received", "connection": 0, "size": 10} | options
    return Frame(index=index, time_s=index / 10, content=content, **more)


def test_frames_are_indexed_and_sliced(talk: Talk) -> None:
    frames = talk.frames
    assert isinstance(frames[1:3], Frames)
    assert [frame.index for frame in frames[1:3]] == [1, 2]
    assert frames[-1].index == len(frames) - 1


def test_a_selection_has_all_that_is_given(talk: Talk) -> None:
    frames = talk.frames
    assert {frame.direction for frame in frames.filter(direction="sent")} == {"sent"}
    two = frames.filter(type=["response.done", "response.created"])
    assert [frame.type for frame in two] == ["response.created", "response.done"] * 2
    since_s = two[2].time_s
    assert [frame.type for frame in frames.filter(type="response.done", since_s=since_s)] == [
        "response.done"
    ]
    assert len(frames.filter(type="response.done", until_s=since_s)) == 1
    assert len(frames.filter(connection=1)) == 0


def test_the_frames_of_a_turn_are_those_that_name_it(talk: Talk) -> None:
    first, second = talk.turns.assistant
    of_first, of_second = (talk.frames.filter(turn=turn) for turn in (first, second))
    # Of the item that is added to the conversation, no message names the response.
    assert {frame.response_id for frame in of_first} <= {first._response_id, ""}
    assert {frame.item_id for frame in of_first} == {first.item_id, ""}
    for frames in (of_first, of_second):
        assert len(frames.filter(type="response.done")) == 1
    [added] = talk.frames.filter(turn=talk.turns[0])
    assert added.type == "conversation.item.added"
    assert added.item_id == talk.turns[0].item_id


def test_the_live_dialect_has_no_ids_and_the_error_names_another_way() -> None:
    with Talk(partner=["Good morning."], dialect="live") as talk:
        turn = talk.ask("Hello.")
    with pytest.raises(ConfigurationError, match=r"since_s=turn\.started_s"):
        talk.frames.filter(turn=turn)
    since = talk.frames.filter(since_s=turn.started_s - 0.001)
    assert since.filter(type="response.audio.delta")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"type": "response.don"}, "Did you mean 'response.done'"),
        ({"direction": "receive"}, "Did you mean 'received'"),
        ({"since_s": "1"}, "since_s must be a number"),
        ({"turn": "last"}, "turn must be a Turn"),
    ],
)
def test_a_wrong_selection_names_the_nearest_right_one(
    talk: Talk, given: Any, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        talk.frames.filter(**given)


def test_a_wrong_argument_names_the_nearest_one(talk: Talk) -> None:
    with pytest.raises(ArgumentError, match="Did you mean 'direction'"):
        talk.frames.filter(directions="sent")  # type: ignore[call-arg]


def test_a_type_that_only_a_server_knows_can_be_selected() -> None:
    frames = Frames([frame_of(0, "rate.limits")])
    assert len(frames.filter(type="rate.limits")) == 1


def test_frames_become_a_pandas_frame(talk: Talk) -> None:
    table = talk.frames.to_frame()
    assert list(table["index"]) == list(range(len(talk.frames)))
    assert table.loc[1, "message"] == talk.frames[1].message
    assert set(table["direction"]) == {"sent", "received"}
    assert list(Frames().to_frame().columns) == list(table.columns)


def test_frames_are_written_as_json_lines(talk: Talk, tmp_path: Path) -> None:
    path = talk.frames.write(tmp_path / "frames.jsonl")
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert path.read_text("utf-8") == talk.frames.to_json()
    assert list(lines[0]) == [
        *("index", "time_s", "direction", "type", "size", "connection", "message"),
    ]
    assert [line["type"] for line in lines] == [frame.type for frame in talk.frames]
    with pytest.raises(ConfigurationError, match="there is no folder"):
        talk.frames.write(tmp_path / "none" / "frames.jsonl")


def test_the_repr_shows_the_newest_frames_with_runs_as_one_line() -> None:
    frames = Frames([frame_of(at, "response.text.delta") for at in range(37)])
    assert "0 0.000 s ← response.text.delta ×37, 370 bytes" in repr(frames)
    mixed = Frames([frame_of(at, "ab"[at % 2], direction="sent") for at in range(100)])
    assert "… 80 earlier" in repr(mixed)
    assert repr(mixed).count("→") == 20
    assert repr(mixed[-1]) == "<Frame 99 sent 9.900 s b>"


# --------------------------------------------------------------------------- saved
def test_frames_are_saved_with_a_talk(talk: Talk, tmp_path: Path) -> None:
    saved = load(talk.save(tmp_path / "saved"))
    assert [frame.row() for frame in saved.frames] == [frame.row() for frame in talk.frames]
    assert saved.notes == []
    talk.save(tmp_path / "saved")
    assert len(load(tmp_path / "saved").frames) == len(talk.frames)


def test_a_recording_without_frames_loads_with_none(tmp_path: Path) -> None:
    with Talk(partner=["Good morning."], record=tmp_path / "recorded") as talk:
        talk.ask("Hello.")
        assert len(load(tmp_path / "recorded").frames) == 0
        talk.save(tmp_path / "recorded")
    assert load(tmp_path / "recorded").frames


def test_a_broken_line_of_frames_is_left_out_and_noted(talk: Talk, tmp_path: Path) -> None:
    folder = talk.save(tmp_path / "saved")
    with (folder / "frames.jsonl").open("a") as file:
        file.write('{"index": 1')
    saved = load(folder)
    assert len(saved.frames) == len(talk.frames)
    assert saved.notes == [
        f"Line {len(talk.frames) + 1} of frames.jsonl cannot be read, and was left out."
    ]


def test_the_dropped_frames_are_known_from_a_file(tmp_path: Path) -> None:
    frames = Frames([frame_of(at, "a") for at in range(7, 9)], 7)
    (tmp_path / "saved").mkdir()
    with Talk(partner=["Good morning."]) as talk:
        talk.ask("Hello.")
        folder = talk.save(tmp_path / "saved")
    frames.write(folder / "frames.jsonl")
    assert load(folder).frames.dropped_count == 7


# --------------------------------------------------------------------------- HTML
def test_the_table_shows_runs_as_one_row_and_texts_as_text(talk: Talk) -> None:
    frames = Frames([*talk.frames, *(frame_of(at, "response.text.delta") for at in range(37))])
    shown = frames._repr_html_()
    assert "×37" in shown
    assert "<b>&" not in shown
    assert "&lt;b&gt;&amp;" in shown
    assert "session.update" in shown
    assert "light-dark(" in shown
    assert len(Frames()._repr_html_()) < 3_000


def test_a_long_table_shows_the_newest_frames() -> None:
    frames = Frames([frame_of(at, f"type.{at}") for at in range(200)])
    shown = frames._repr_html_()
    assert "… 140 earlier …" in shown
    assert "type.199" in shown
    assert "type.100<" not in shown
