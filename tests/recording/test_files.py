"""Files that open at any time."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget.audio.buffer import AudioBuffer, Span
from grok_live_widget.events import AppendAudio, Noted
from grok_live_widget.recording.event_json import encoded
from grok_live_widget.recording.files import (
    _MAX_BYTES,
    Entry,
    FolderWriter,
    WavFile,
    _wav_header,
    replace_folder,
)
from grok_live_widget.recording.redact import Redactor
from grok_live_widget.settings.settings import Settings

from ..support.sound import tone

TONE = tone(0.1)


def kept(sound: np.ndarray) -> Span:
    return AudioBuffer().append(sound)


def read(path: Path) -> bytes:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (24_000, 1, 2)
        return file.readframes(file.getnframes())


def test_a_wav_file_is_whole_after_each_flush(tmp_path: Path) -> None:
    file = WavFile(tmp_path / "a.wav", 24_000)
    file.open()
    for count in range(4):
        file.flush()
        assert read(tmp_path / "a.wav") == TONE.tobytes() * count
        assert file.append(kept(TONE)) == count * len(TONE)
    file.close()


def test_a_file_with_an_outdated_header_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(_wav_header(len(TONE), 24_000) + TONE.tobytes() + TONE.tobytes()[:999])
    assert read(path) == TONE.tobytes()


def test_after_a_day_the_header_has_the_largest_possible_size() -> None:
    assert _wav_header(2**40, 24_000) == _wav_header(_MAX_BYTES // 2 + 1, 24_000)


@pytest.mark.skipif(not shutil.which("sox"), reason="sox is not installed")
def test_other_programs_can_open_the_wav_file(tmp_path: Path) -> None:
    file = WavFile(tmp_path / "a.wav", 24_000)
    file.open()
    file.append(kept(np.tile(TONE, 10)))
    file.flush()
    told = subprocess.run(
        ["sox", str(tmp_path / "a.wav"), "-n", "stat"], capture_output=True, text=True, check=True
    ).stderr
    file.close()
    assert re.search(r"Length \(seconds\):\s+1\.0+\n", told)
    frequency = re.search(r"Rough\s+frequency:\s+(\d+)", told)
    assert frequency is not None
    assert abs(int(frequency.group(1)) - 440) < 5


def test_lines_are_readable_and_complete(tmp_path: Path) -> None:
    writer = FolderWriter(tmp_path / "talk", Settings(voice="nova"), Redactor())
    writer.open()
    writer.write([Entry(Noted("Grüß Gott."), 100.0, 0.5)])
    writer.write([Entry(AppendAudio(b""), 101.25, 1.75, kept(TONE), "u")] * 2)
    writer.close()
    assert (tmp_path / "talk" / "events.jsonl").read_text("utf-8").splitlines() == [
        '{"began":"1970-01-01T00:00:00.500Z","clock_s":100.000000}',
        '{"at_s":0.000000,"time":"1970-01-01T00:00:00.500Z","event":"Noted","text":"Grüß Gott.",'
        '"level":"info"}',
        '{"at_s":1.250000,"time":"1970-01-01T00:00:01.750Z","event":"AppendAudio",'
        '"sound":{"file":"user.wav","start":0,"count":2400},"begins_turn":"u"}',
        '{"at_s":1.250000,"time":"1970-01-01T00:00:01.750Z","event":"AppendAudio",'
        '"sound":{"file":"user.wav","start":2400,"count":2400},"begins_turn":"u"}',
    ]
    talk = json.loads((tmp_path / "talk" / "talk.json").read_text("utf-8"))
    assert (talk["format"], talk["version"]) == ("grok-live-talk", 1)
    assert talk["settings"]["voice"] == "nova"


def test_audio_is_written_in_order_whatever_its_spans(
    tmp_path: Path,
) -> None:
    one, other = AudioBuffer(), AudioBuffer()
    parts = [
        tape.append(np.full(10, at, np.int16)) for at, tape in enumerate([one, one, other, one])
    ]
    file = WavFile(tmp_path / "a.wav", 24_000)
    file.open()
    assert [file.append(part) for part in parts] == [0, 10, 20, 30]
    file.close()
    file.open()
    file.flush()
    file.close()
    assert read(tmp_path / "a.wav") == np.repeat(np.arange(4, dtype="<i2"), 10).tobytes()


@pytest.mark.parametrize("text", ["half \ud800", 2**70])
def test_lone_surrogates_and_large_numbers_are_written(text: Any) -> None:
    assert json.loads(encoded({"a": text})) == {"a": text}


def test_the_time_of_each_event_can_be_restored_to_the_microsecond(tmp_path: Path) -> None:
    # The second one lies half-way between two microseconds.
    times_s = [9788.348845828, 9788.4138695]
    writer = FolderWriter(tmp_path / "talk", Settings(), Redactor())
    writer.open()
    writer.write([Entry(Noted("."), now_s, 0.5) for now_s in times_s])
    writer.close()
    lines = (tmp_path / "talk" / "events.jsonl").read_text("utf-8").splitlines()
    head, *events = map(json.loads, lines)
    found = [round(head["clock_s"] + event["at_s"], 6) for event in events]
    assert found == [round(now_s, 6) for now_s in times_s]


def test_a_reopened_writer_appends_to_its_files(tmp_path: Path) -> None:
    writer = FolderWriter(tmp_path / "talk", Settings(), Redactor())
    for _ in range(3):
        writer.open()
        writer.write([Entry(AppendAudio(b""), 1.0, 1.0, kept(TONE))])
        writer.close()
    assert read(tmp_path / "talk" / "user.wav") == TONE.tobytes() * 3
    lines = (tmp_path / "talk" / "events.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["sound"]["start"] for line in lines[1:]] == [0, 2400, 4800]


def test_a_folder_that_could_not_be_completed_is_left_empty(tmp_path: Path) -> None:
    (tmp_path / "talk" / "talk.json").mkdir(parents=True)
    with pytest.raises(OSError, match=r"talk\.json"):
        FolderWriter(tmp_path / "talk", Settings(), Redactor()).open()
    assert [each.name for each in (tmp_path / "talk").iterdir()] == ["talk.json"]


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "talk"
    folder.mkdir()
    (folder / "user.wav").write_text("old")

    def rewrite(error: OSError | None) -> None:
        with replace_folder(folder) as new:
            new.mkdir()
            (new / "user.wav").write_text("new")
            if error is not None:
                raise error

    with pytest.raises(OSError, match="halfway"):
        rewrite(OSError("halfway"))
    assert (folder / "user.wav").read_text() == "old"
    rewrite(None)
    assert (folder / "user.wav").read_text() == "new"
    assert list(tmp_path.iterdir()) == [folder]
