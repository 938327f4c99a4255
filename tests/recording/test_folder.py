"""The folder, and the settings in it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from grok_live_widget import PushToTalk, ServerVad, Talk, load
from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.recording.folder import (
    check_new_folder,
    check_save_folder,
    is_recording,
    read_talk_file,
    talk_text,
)
from grok_live_widget.settings.settings import Settings


def written(folder: Path, settings: Settings) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "talk.json").write_text(talk_text(settings, str), "utf-8")
    return folder


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"turn_detection": PushToTalk(), "processing": False, "idle_timeout_s": None},
        {"turn_detection": ServerVad(threshold=0.9), "reply_quiet_ms": 100, "dialect": "live"},
        {"voice": "nova", "instructions": "Kurz, bitte: ä", "partner": "talker"},
        {"partner": None, "url": "wss://example.org:1/v1/live"},
    ],
)
def test_settings_come_back(given: dict[str, Any], tmp_path: Path) -> None:
    settings = Settings(**given)
    assert read_talk_file(written(tmp_path, settings)) == (settings, [])


def test_a_url_is_written_without_parts_that_may_contain_a_key(tmp_path: Path) -> None:
    settings = Settings(url="wss://name:word@example.org/v1/live?key=k#f", record=tmp_path / "x")
    text = talk_text(settings, str)
    assert json.loads(text)["settings"]["url"] == "wss://example.org/v1/live"
    assert "record" not in text


def test_settings_that_are_unknown_or_wrong_are_left_out_with_a_note(tmp_path: Path) -> None:
    talk = json.loads(talk_text(Settings(), str))
    talk["settings"] |= {"mood": "good", "voice": 3, "processing": "maybe", "model": "m"}
    (tmp_path / "talk.json").write_text(json.dumps(talk), "utf-8")
    settings, notes = read_talk_file(tmp_path)
    assert settings == Settings(model="m")
    assert [note.split("'")[1] for note in notes] == ["voice", "processing", "mood"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": "something else"}'])
def test_other_files_are_not_a_recording(text: str, tmp_path: Path) -> None:
    assert not is_recording(tmp_path)
    (tmp_path / "talk.json").write_text(text, "utf-8")
    assert not is_recording(tmp_path)
    with pytest.raises(ConfigurationError, match="damaged, or of another program"):
        read_talk_file(tmp_path)


def test_a_new_folder_may_be_empty_or_missing(tmp_path: Path) -> None:
    check_new_folder(None)
    for folder in (tmp_path, tmp_path / "a" / "b", str(tmp_path / "c")):
        check_new_folder(folder)
        check_save_folder(Path(folder))
    assert list(tmp_path.iterdir()) == []


def test_a_recording_may_be_saved_over_and_not_recorded_over(tmp_path: Path) -> None:
    written(tmp_path, Settings())
    check_save_folder(tmp_path)
    with pytest.raises(ConfigurationError, match="already"):
        check_new_folder(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_may_not_be_written_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigurationError, match="is not writable"):
        check_new_folder(tmp_path / "talk")


@pytest.mark.skipif(not os.path.ismount("/proc"), reason="there is no such file system")
@pytest.mark.parametrize("path", ["/proc/x", "/proc/self/x/y"])
def test_a_file_system_of_the_kernel_is_refused_when_the_talk_is_made(path: str) -> None:
    with pytest.raises(ConfigurationError, match=r"record='/proc/.*is not writable.*Name a folder"):
        Talk(partner="parrot", record=path)
    # What it leads to is another file system.
    check_new_folder(Path("/proc/self/cwd/not/there"))


@pytest.mark.parametrize("path", [5, None, "", b"talk"])
def test_a_value_that_is_not_a_path_is_refused(path: Any) -> None:
    with pytest.raises(ConfigurationError, match="path must be the path of a folder, not "):
        load(path)
    with Talk(partner="parrot") as talk, pytest.raises(ConfigurationError, match="path must be"):
        talk.save(path)
