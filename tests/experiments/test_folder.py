"""The folder of an experiment: read as it was written, whole at any time, of one design."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget import PushToTalk, compare, load
from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.experiments import Results, load_results
from grok_live_widget.experiments.folder import ExperimentFolder

from ..support.sound import RATE_HZ, tone

KEY = "a-key-that-is-in-no-file"


@pytest.fixture
def written(tmp_path: Path, asked_of: Any) -> tuple[Results, Path]:
    """Results of a real server with a failure among them, and their folder."""

    def partner(turn: Any) -> Any:
        if turn.text == "fail":
            raise ValueError("out of ideas")
        return turn.pcm if len(turn.pcm) else tone(0.5)

    asked = asked_of(partner, api_key=KEY) | {"api_key": KEY}
    prompts = {"text": f"hello {KEY}", "sound": (tone(0.5), RATE_HZ), "failure": "fail"}
    folder = tmp_path / "written"
    detection = {"turn_detection": PushToTalk()}
    results = compare(prompts, voices="nova", folder=folder, **detection, **asked)
    return results, folder


def test_results_are_read_as_they_were_written(written: Any) -> None:
    results, folder = written
    read = load_results(folder)
    assert read.to_frame().equals(results.to_frame())
    assert repr(read) == repr(results)
    for ours, theirs in zip(results, read, strict=True):
        assert np.array_equal(theirs.samples, ours.samples)
        assert theirs.notes == ours.notes
        assert [turn.role for turn in theirs.turns] == [turn.role for turn in ours.turns]
    assert np.array_equal(read[1].reply.pcm, tone(0.5))
    assert read[2].error_type == "ServerError"


def test_each_result_is_a_recording_of_its_talk(written: Any) -> None:
    results, _ = written
    for result in results:
        saved = load(result.path)
        assert len(saved.turns) == len(result.turns)
        assert saved.notes == []
        assert len(saved.events) > 5


def test_no_key_is_in_any_file(written: Any) -> None:
    _, folder = written
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 1 + 3 * 5
    assert any(b"(key)" in content for content in files)
    # A prompt is written as it was given, also one that has the key in it.
    named = [path for path in folder.rglob("*.json*") if KEY.encode() in path.read_bytes()]
    assert {path.name for path in named} <= {"experiment.json"}


def test_results_in_memory_and_on_disk_can_be_written_elsewhere(
    written: Any, tmp_path: Path, asked_of: Any
) -> None:
    results, folder = written
    assert results.write(tmp_path / "copy") == tmp_path / "copy"
    assert load_results(tmp_path / "copy").to_frame().equals(results.to_frame())
    assert results.write(folder) == folder
    in_memory = compare("hello", **asked_of(lambda turn: tone(0.2)))
    assert in_memory[0].path is None
    read = load_results(in_memory.write(tmp_path / "memory"))
    assert read.to_frame().equals(in_memory.to_frame())


def test_what_a_killed_process_left_half_written_is_not_read_and_goes(written: Any) -> None:
    results, folder = written
    half = folder / "trials" / ".0001.abcd.new"
    shutil.copytree(results[1].path, half)
    shutil.rmtree(results[1].path)
    assert [each.index for each in load_results(folder)] == [0, 2]
    assert half.exists()
    ExperimentFolder.for_writing(folder, results.design)
    assert not half.exists()


@pytest.mark.parametrize("name", ["result.json", "talk.json"])
def test_a_result_that_cannot_be_read_counts_as_missing(written: Any, name: str) -> None:
    results, folder = written
    (results[0].path / name).write_text('{"index": 0')
    assert [each.index for each in load_results(folder)] == [1, 2]


def test_a_result_whose_reply_is_none_of_its_turns_counts_as_missing(written: Any) -> None:
    results, folder = written
    path = results[0].path / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"reply": 99}))
    assert [each.index for each in load_results(folder)] == [1, 2]


@pytest.mark.parametrize("damage", [{}, {"design": 3}, {"design": {"prompts": 3}}])
def test_a_folder_with_a_damaged_design_says_so(written: Any, damage: Any) -> None:
    _, folder = written
    path = Path(folder) / "experiment.json"
    found = json.loads(path.read_text())
    del found["design"]
    path.write_text(json.dumps(found | damage))
    with pytest.raises(ConfigurationError, match="no design that can be read"):
        load_results(folder)


def test_a_result_that_is_written_again_replaces_the_earlier_one(written: Any) -> None:
    results, folder = written
    place = ExperimentFolder(folder, results.design)
    again = replace(results[2], path=results[1].path, error="another error")
    assert place.write(again).path == results[2].path
    read = load_results(folder)
    assert (len(read), read[2].error) == (3, "another error")
    assert len(list((folder / "trials").iterdir())) == 3


def test_results_of_another_design_are_refused_with_what_differs(written: Any) -> None:
    results, folder = written
    other = replace(results.design, voices=["onyx"], repeats=2)
    with pytest.raises(ConfigurationError, match=r"another design: voices, repeats differ\."):
        ExperimentFolder.for_writing(folder, other)


def test_a_folder_with_something_else_is_refused(results: Results, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="not empty and has no results"):
        results.write(tmp_path)
    with pytest.raises(ConfigurationError, match="not empty and has no results"):
        results.write(tmp_path / "notes.txt")
    with pytest.raises(ConfigurationError, match="cannot be written to"):
        results.write(tmp_path / "notes.txt" / "below")
    with pytest.raises(ConfigurationError, match="path of a folder, not 5"):
        results.write(5)  # type: ignore[arg-type]


def test_a_folder_without_results_or_of_a_newer_version_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there are no results at"):
        load_results(tmp_path)
    head = {"format": "grok-live-experiment", "version": 2, "design": {}}
    (tmp_path / "experiment.json").write_text(json.dumps(head))
    with pytest.raises(ConfigurationError, match="version 2; this package reads version 1"):
        load_results(tmp_path)
