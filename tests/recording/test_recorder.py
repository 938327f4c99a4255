"""Recording as it happens: what is on disk when the process is killed, and when the disk fails."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget import Mcp, RehearsalServer, Talk, connect, load
from grok_live_widget.audio import read_audio
from grok_live_widget.conversation.conversation import Conversation
from grok_live_widget.events import Authenticate, Noted, PushToTalk
from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.recording import Recording
from grok_live_widget.settings.settings import Settings

from ..support.processes import process
from ..support.sound import RATE_HZ
from ..support.talks import reconnecting_session_of
from ..support.waiting import wait_until

KILLED = """
import sys, time
import numpy as np
from grok_live_widget import Mcp, PushToTalk, Talk
talk = Talk(partner="parrot", turn_detection=PushToTalk(), record=sys.argv[1])
tone = (8000 * np.sin(np.arange(2400) / 8)).astype(np.int16)
talk.ask("before")
print("ready", flush=True)
while True:
    talk.send_audio(tone, 24_000)
    print(len(talk.turns[-1].pcm), flush=True)
    time.sleep(0.05)
"""


def threads() -> set[str]:
    return {each.name for each in threading.enumerate() if each.name == "grok-live-recording"}


# --------------------------------------------------------------------------- killed
def test_a_killed_process_loses_at_most_the_last_second(tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    command = [sys.executable, "-c", KILLED, str(folder)]
    with process(command) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        told: list[tuple[float, int]] = []
        while not told or told[-1][0] - told[0][0] < 3:
            told.append((time.monotonic(), int(child.stdout.readline())))
        child.send_signal(signal.SIGKILL)
        killed_s = time.monotonic()
    assert child.returncode == -signal.SIGKILL
    saved = load(folder)
    # The header tells what is in the file: every reader opens it.
    pcm, rate_hz = read_audio(folder / "user.wav")
    assert (rate_hz, len(pcm) * 2 + 44) == (RATE_HZ, (folder / "user.wav").stat().st_size)
    sent_a_second_before = max(count for at_s, count in told if at_s < killed_s - 1)
    assert len(saved.turns[-1].pcm) >= sent_a_second_before > 0
    assert [turn.text for turn in saved.turns] == ["before", "before", ""]
    # Where the connection is in another process, that one has ended the turn.
    assert [turn.is_complete for turn in saved.turns[:2]] == [True, True]
    assert np.array_equal(saved.turns[-1].pcm, pcm)


def test_a_script_that_ends_without_closing_loses_nothing(tmp_path: Path) -> None:
    script = (
        "import sys; from grok_live_widget import Talk\n"
        "Talk(partner='parrot', record=sys.argv[1]).ask('to the end')"
    )
    subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(tmp_path / "ended")],
        check=True,
        timeout=60,
    )
    turns = load(tmp_path / "ended").turns
    assert [(turn.text, turn.is_complete) for turn in turns] == [("to the end", True)] * 2


def test_files_are_whole_while_the_talk_goes_on(tmp_path: Path, silence: Any) -> None:
    folder = tmp_path / "on"
    with Talk(partner=lambda turn: silence(2), record=folder) as talk:
        talk.ask("hello")
        wait_until(
            lambda: len(load(folder).turns) == 2 and len(load(folder).turns[1].pcm) == 2 * RATE_HZ,
            what="the whole reply to be in the files",
        )
        assert talk.phase == "open"


@pytest.mark.usefixtures("in_thread")
def test_the_worker_begins_and_ends_with_the_talk(tmp_path: Path, same: Any) -> None:
    talk = Talk(partner="parrot", record=tmp_path / "talk")
    assert threads() == set()
    assert not (tmp_path / "talk").exists()
    talk.ask("one")
    talk.stop()
    talk.ask("two")
    assert threads() != set()
    talk.close()
    assert threads() == set()
    same(talk.turns, load(tmp_path / "talk").turns)


def test_a_talk_that_is_saved_into_its_own_folder_before_it_begins_is_recorded_there(
    tmp_path: Path, same: Any
) -> None:
    with Talk(partner="parrot", record=tmp_path / "talk") as talk:
        talk.save(tmp_path / "talk")
        talk.ask("one")
    same(talk.turns, load(tmp_path / "talk").turns)


# --------------------------------------------------------------------------- nothing unasked
def test_nothing_is_written_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, question: np.ndarray
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Talk(partner="parrot") as talk:
        talk.ask(question, RATE_HZ)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_neither_key_nor_base64_is_in_any_file(
    dialect: str, tmp_path: Path, question: np.ndarray, texts_of: Any
) -> None:
    key = "xai-a-key-of-somebody"
    with (
        RehearsalServer("parrot", api_key=key) as server,
        Talk(
            url=f"{server.url(dialect)}?secret={key}",
            api_key=key,
            dialect=dialect,
            turn_detection=PushToTalk(),
            instructions=f"Never say {key}.",
            record=tmp_path / "recorded",
        ) as talk,
    ):
        talk.ask(question, RATE_HZ)
        talk.ask(f"My key is {key}, is it not?")
        talk.save(tmp_path / "saved")
    written = texts_of(tmp_path)
    assert b"(key)" in written
    assert b"Authenticate" not in written
    assert key.encode() not in written
    assert base64.b64encode(key.encode()).rstrip(b"=") not in written
    # Any stretch of what went over the wire as base64 would show some of these.
    on_the_wire = base64.b64encode(question.tobytes())
    pieces = {on_the_wire[at : at + 40] for at in range(0, len(on_the_wire) - 40, 400)}
    assert not any(piece in written for piece in pieces)


def test_the_event_with_the_key_is_not_kept(tmp_path: Path) -> None:
    recording = Recording(Settings(), Conversation())
    recording.observe(Authenticate("xai-a-key-of-somebody"), [], 1.0)
    assert recording._entries == []


@pytest.mark.usefixtures("in_thread")
# --------------------------------------------------------------------------- trouble
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_full_disk_is_one_note_and_the_talk_goes_on(tmp_path: Path, question: np.ndarray) -> None:
    folder = tmp_path / "full"
    with Talk(partner="parrot", turn_detection=PushToTalk(), record=folder) as talk:
        talk.ask("first")
        talk.stop()
        writer = talk._sessions.recording._writer
        assert writer is not None
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, writer._wavs["user.wav"]._file.fileno())  # type: ignore[union-attr]
        os.close(full)
        assert len(talk.ask(question, RATE_HZ).pcm) == len(question)
        talk.stop()
        assert talk.ask("goes on").text == "goes on"
        talk.stop()
        errors = [note.text for note in talk.notes if note.level == "error"]
    assert len(errors) == 1
    assert "No space left" in errors[0]
    assert [turn.text for turn in load(folder).turns[:2]] == ["first", "first"]


def test_an_unusable_folder_is_refused_before_anything_is_opened(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    odd: Any
    for odd, part in [
        (tmp_path / "file", "is a file"),
        (tmp_path / "file" / "below", "is not writable|cannot be written to"),
        (tmp_path / "full", "not empty"),
        ("", "path of a folder"),
        (3, "path of a folder"),
    ]:
        with pytest.raises(ConfigurationError, match=part):
            Talk(partner="parrot", record=odd)
        with pytest.raises(ConfigurationError, match=part):
            connect(partner="parrot", record=odd)


def test_a_recording_is_never_recorded_over(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    first, second = (Talk(partner="parrot", record=folder) for _ in range(2))
    first.ask("mine")
    with pytest.raises(ConfigurationError, match="File exists"):
        second.ask("mine too")
    assert second.phase == "closed"
    first.close()
    with pytest.raises(ConfigurationError, match="holds a recording already"):
        Talk(partner="parrot", record=folder)
    assert len(load(folder).turns) == 2


# --------------------------------------------------------------------------- save
def test_saving_again_replaces_the_recording_and_keeps_other_files(
    tmp_path: Path, same: Any
) -> None:
    folder = tmp_path / "talks" / "monday"
    with Talk(partner="parrot") as talk:
        talk.ask("one")
        assert talk.save(folder) == folder
        (folder / "notes.txt").write_text("mine")
        talk.ask("two")
        talk.save(str(folder))
        same(talk.turns, load(folder).turns)
    assert (folder / "notes.txt").read_text() == "mine"
    assert [path.name for path in folder.parent.iterdir()] == ["monday"]


def test_the_files_without_a_folder_are_those_that_are_saved(
    tmp_path: Path, question: np.ndarray
) -> None:
    key = "a-secret-key-of-a-test"
    with RehearsalServer("parrot", api_key=key) as server:
        with Talk(url=server.url(), api_key=key, sample_rate=16_000) as talk:
            talk.ask(f"my key is {key}")
            talk.ask(question, RATE_HZ)
        folder = talk.save(tmp_path / "saved")
        files = reconnecting_session_of(talk).recording.files()
    saved = {each.name: each.read_bytes() for each in folder.iterdir()}
    del saved["frames.jsonl"]
    assert files == saved
    assert key.encode() not in b"".join(files.values())


def test_what_gives_a_tool_access_is_not_written_though_the_server_confirms_it(
    tmp_path: Path,
) -> None:
    headers = {"X-Access": "a-secret-header-of-a-test"}
    tool = Mcp(
        server_url="https://example.org/mcp",
        server_label="notes",
        authorization="a-secret-token-of-a-test",
        headers=headers,
    )
    with Talk(partner="parrot", tools=[tool], record=tmp_path / "talk") as talk:
        talk.ask("My token is a-secret-token-of-a-test.")
    written = b"".join(each.read_bytes() for each in (tmp_path / "talk").iterdir())
    assert b"https://example.org/mcp" in written
    assert b"-of-a-test" not in written
    assert "-of-a-test" not in "".join(repr(each.event) for each in load(tmp_path / "talk").events)


def test_the_files_of_a_talk_that_has_not_begun_are_those_of_an_empty_one(
    tmp_path: Path,
) -> None:
    talk = Talk(partner="parrot")
    for name, content in reconnecting_session_of(talk).recording.files().items():
        (tmp_path / name).write_bytes(content)
    saved = load(tmp_path)
    assert (len(saved.turns), saved.events, saved.notes) == (0, (), [])


@pytest.mark.parametrize("is_whole", [True, False])
def test_saving_a_talk_whose_recording_has_vanished_names_its_folder(
    is_whole: bool, tmp_path: Path
) -> None:
    folder, aside = tmp_path / "recorded", tmp_path / "aside"
    with Talk(partner="parrot", record=folder) as talk:
        talk.ask("hello")
        talk.stop()
        lost = folder if is_whole else folder / "user.wav"
        lost.rename(aside)
        with pytest.raises(ConfigurationError, match=r"recorded'.*user\.wav.*Put the folder"):
            talk.save(tmp_path / "saved")
        assert not (tmp_path / "saved").exists()
        assert talk.turns.write_transcript(tmp_path / "talk.txt").exists()
        aside.rename(lost)
        assert [turn.text for turn in load(talk.save(tmp_path / "saved")).turns] == ["hello"] * 2


def test_saving_refuses_a_folder_with_other_files(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    talk = Talk(partner="parrot")
    with pytest.raises(ConfigurationError, match="not empty"):
        talk.save(tmp_path)
    with pytest.raises(ConfigurationError, match="is a file"):
        talk.save(tmp_path / "mine.txt")
    (tmp_path / "empty").mkdir()
    talk.save(tmp_path / "empty")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["empty", "mine.txt"]


@pytest.mark.usefixtures("in_thread")
async def test_saving_into_the_recorded_folder_updates_it(tmp_path: Path, same: Any) -> None:
    folder = tmp_path / "recorded"
    async with Talk(partner="parrot", record=folder) as talk:
        await talk.ask_async("one")
        await talk.save_async(folder)
        same(talk.turns, load(folder).turns)
        await talk.ask_async("two")
    talk._sessions.note("said after the end")
    await talk.save_async(folder)
    saved = load(folder)
    same(talk.turns, saved.turns)
    assert saved.events[-1].event == Noted("Said after the end", "info")
