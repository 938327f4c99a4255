"""Old sound leaves the memory: into the files of a recording, or for good, which is said."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget import PushToTalk, RehearsalServer, Talk, load
from grok_live_widget.client.retention import minutes_kept
from grok_live_widget.exceptions import AudioDropped, ConfigurationError
from grok_live_widget.settings import Settings

from ..support.sound import RATE_HZ
from ..support.turns import assert_equal_turns
from ..support.waiting import wait_until

# Of the sound below, 48 s of each side, a quarter of a minute stays in memory. The parrot replies
# with the same sound, and recognises no words, which would take longer than the rest.
LIMIT: dict[str, Any] = {"max_audio_minutes": 0.25, "transcription": None}


def ask_four_times(talk: Talk) -> None:
    for number in range(4):
        talk.ask(sound(number), RATE_HZ)


def sound(number: int) -> np.ndarray:
    return np.arange(number, 12 * RATE_HZ + number).astype(np.int16)


def talk_with(server: RehearsalServer, **settings: Any) -> Talk:
    detection = PushToTalk()
    return Talk(url=server.url(), api_key="any", turn_detection=detection, **(LIMIT | settings))


@pytest.fixture
def server() -> Any:
    with RehearsalServer("parrot", speed=float("inf")) as server:
        yield server


def test_sound_beyond_the_limit_is_dropped_counted_and_said(server: RehearsalServer) -> None:
    with talk_with(server) as talk:
        ask_four_times(talk)
        first, last = talk.turns[0], talk.turns[-1]
        with pytest.raises(AudioDropped, match=r"max_audio_minutes=.*record=path"):
            _ = first.pcm
        with pytest.raises(AudioDropped):
            _ = talk.user_pcm
        assert first.duration_s == 12
        assert np.array_equal(last.pcm, sound(3))
        assert talk.dropped_audio_s > 30
        [note] = [note.text for note in talk.notes if "dropped" in note.text]
        assert "older than 0.25 minutes" in note
        # What needs no samples is still there.
        frame = talk.turns.to_frame()
        assert frame["duration_s"].tolist() == [12.0] * 8
        assert np.isnan(frame["level_dbfs"][0])
        assert not np.isnan(frame["level_dbfs"][7])
        assert talk.turns._repr_html_().count("<polygon") == 8


def test_a_talk_that_is_saved_later_has_silence_for_what_was_dropped(
    server: RehearsalServer, tmp_path: Path
) -> None:
    with talk_with(server) as talk:
        ask_four_times(talk)
        saved = load(talk.save(tmp_path / "saved"))
    assert [turn.duration_s for turn in saved.turns] == [12.0] * 8
    assert [re.sub(r"[\d.]+ s", "N s", note) for note in saved.notes] == [
        f"N s at the start of {name} had been dropped from memory (max_audio_minutes) when the "
        "talk was saved; silence is in their place."
        for name in ("user.wav", "assistant.wav")
    ]
    assert not saved.turns[0].pcm.any()
    assert np.array_equal(saved.turns[-1].pcm, sound(3))


def test_a_recorded_talk_reads_old_sound_from_its_files(
    server: RehearsalServer, tmp_path: Path
) -> None:
    folder = tmp_path / "talk"
    with talk_with(server, record=folder) as talk:
        ask_four_times(talk)
        wait_until(lambda: (folder / "user.wav").stat().st_size == 44 + 2 * 48 * RATE_HZ)
        talk.ask(sound(4), RATE_HZ)
        tapes = talk._sessions.conversation.user_tape, talk._sessions.conversation.assistant_tape
        assert min(tape.dropped_count for tape in tapes) > 10 * RATE_HZ
        assert np.array_equal(talk.turns[1].pcm, sound(0))
        held = talk.turns[0].pcm
        assert talk.user_pcm.size == 60 * RATE_HZ
        assert np.array_equal(talk.user_pcm[: 12 * RATE_HZ], held)
        assert np.array_equal(talk.assistant_pcm[: 12 * RATE_HZ], sound(0))
        assert talk.dropped_audio_s == 0
        assert not [note for note in talk.notes if "dropped" in note.text]
        talk.save(tmp_path / "copy")
    assert_equal_turns(talk.turns, load(folder).turns)
    again = load(tmp_path / "copy").turns
    assert [turn.pcm.tolist() for turn in again] == [turn.pcm.tolist() for turn in talk.turns]
    shutil.rmtree(folder)
    with pytest.raises(AudioDropped, match=r"cannot be read from assistant\.wav"):
        _ = talk.turns[1].pcm
    assert np.array_equal(held, again[0].pcm)


def test_five_minutes_of_a_recorded_talk_stay_in_memory_and_all_of_another() -> None:
    assert minutes_kept(Settings(), is_recorded=True) == 5
    assert minutes_kept(Settings(), is_recorded=False) is None
    for is_recorded in (False, True):
        assert minutes_kept(Settings(max_audio_minutes=60), is_recorded=is_recorded) == 60


@pytest.mark.usefixtures("in_thread")
def test_after_an_error_of_the_disk_only_what_was_written_is_dropped(
    server: RehearsalServer, tmp_path: Path
) -> None:
    with talk_with(server, record=tmp_path / "talk", max_audio_minutes=None) as talk:
        talk.ask(sound(0), RATE_HZ)
        recording = talk._sessions.recording
        recording.flush()
        recording._abort("no space left")
        talk._sessions.conversation.limit_audio(0.1, [RATE_HZ, RATE_HZ])
        ask_four_times(talk)
        assert talk._sessions.conversation.user_tape.dropped_count < RATE_HZ
        assert np.array_equal(talk.turns[-1].pcm, sound(3))
        saved = load(talk.save(tmp_path / "saved"))
    assert_equal_turns(talk.turns[:-1], saved.turns[:-1])


@pytest.mark.usefixtures("in_thread")
def test_a_talk_that_failed_to_record_is_saved_with_what_is_left(
    server: RehearsalServer, tmp_path: Path
) -> None:
    with talk_with(server, record=tmp_path / "talk") as talk:
        talk.ask(sound(0), RATE_HZ)
        recording = talk._sessions.recording
        recording.flush()
        recording._abort("no space left")
        ask_four_times(talk)
        assert talk.dropped_audio_s > 0
        saved = load(talk.save(tmp_path / "saved"))
    assert np.array_equal(saved.turns[0].pcm, sound(0))
    assert np.array_equal(saved.turns[-1].pcm, sound(3))
    assert [turn.duration_s for turn in saved.turns] == [12.0] * 10


@pytest.mark.parametrize("minutes", [0, -1, "5", float("nan")])
def test_the_limit_is_a_number_of_minutes(minutes: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"max_audio_minutes must be a number from 0\.1"):
        Talk(partner="parrot", max_audio_minutes=minutes)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_a_recorded_hour_of_both_sides_takes_little_memory(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.recorded_hour", tmp_path / "talk"],
        capture_output=True,
        text=True,
        timeout=600,
        cwd=Path(__file__).parents[2],
    )
    assert ran.returncode == 0, ran.stderr
    # All of it would be 346 MB. Five minutes are 29 MB, and at five hundred times the pace of
    # speech some more waits for the disk.
    assert int(ran.stdout) < 100_000_000
    assert sum(each.stat().st_size for each in (tmp_path / "talk").glob("*.wav")) > 340_000_000
