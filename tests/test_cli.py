"""``grok-live``: a recorded question in, all replies out."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from grok_live_widget import PushToTalk, RehearsalServer, Talk, voices
from grok_live_widget.audio import read_audio, wav_bytes, write_wav
from grok_live_widget.cli import main
from grok_live_widget.exceptions import ConnectError, ServerError, SessionClosedError
from grok_live_widget.protocol import LIVE, REALTIME
from grok_live_widget.rehearsal.faults import FAULTS
from grok_live_widget.settings import Settings

from .support.processes import process
from .support.sound import RATE_HZ
from .support.waiting import wait_until


@pytest.fixture
def asked(tmp_path: Path, question: np.ndarray) -> Path:
    return write_wav(tmp_path / "question.wav", question)


def is_stretch_of(part: np.ndarray, whole: np.ndarray) -> bool:
    windows = np.lib.stride_tricks.sliding_window_view(whole, len(part))
    return bool((windows[:, ::97] == part[::97]).all(axis=1).any())


@pytest.mark.parametrize("dialect", ["realtime", pytest.param("live", marks=pytest.mark.slow)])
@pytest.mark.parametrize("pace", [[], ["--fast"]], ids=["real time", "fast"])
def test_the_parrot_returns_the_spoken_part_of_the_question(
    asked: Path, question: np.ndarray, silence: Any, dialect: str, pace: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out.wav"
    assert main(
        ["talk", str(asked), str(out), "--partner", "parrot", "--dialect", dialect, *pace]
    ) == 0  # fmt: skip
    reply, rate = read_audio(out)
    assert (rate, reply.dtype, reply.ndim) == (RATE_HZ, np.int16, 1)
    assert len(reply) > len(question) - RATE_HZ
    assert is_stretch_of(reply, np.concatenate((question, silence(2))))


@pytest.mark.parametrize("dialect", ["realtime", "live"])
@pytest.mark.parametrize("pace", [[], ["--fast"]], ids=["real time", "fast"])
def test_push_to_talk_returns_the_whole_file(
    asked: Path, question: np.ndarray, dialect: str, pace: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out.wav"
    words = ["talk", str(asked), str(out), "--partner", "parrot", "--push-to-talk"]
    assert main([*words, "--dialect", dialect, *pace]) == 0
    assert np.array_equal(read_audio(out)[0], question)


@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_the_talker_answers_with_speech_and_its_words(
    asked: Path, dialect: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.wav"
    words = ["talk", str(asked), str(out), "--partner", "talker", "--json", "--dialect", dialect]
    assert main(words) == 0
    reply, _ = read_audio(out)
    rms = np.sqrt(np.mean((reply / 32768.0) ** 2))
    assert 0.01 < rms < 0.5
    turns = json.loads(capsys.readouterr().out)["turns"]
    assert [turn["role"] for turn in turns] == ["user", "assistant"]
    assert len(turns[1]["text"].split()) > 1
    assert "Grok" not in turns[1]["text"].replace("not Grok", "")
    assert turns[1]["duration_s"] == pytest.approx(len(reply) / RATE_HZ)


def test_two_sentences_get_two_replies_in_order(
    speech: Any, silence: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = speech("This is the first sentence."), speech("Second one.", "slt")
    sound = np.concatenate((silence(0.5), first, silence(1.5), second))
    asked, out = write_wav(tmp_path / "two.wav", sound), tmp_path / "out.wav"
    assert main(["talk", str(asked), str(out), "--partner", "parrot", "--fast", "--json"]) == 0
    turns = json.loads(capsys.readouterr().out)["turns"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "assistant"]
    lengths = [round(turn["duration_s"] * RATE_HZ) for turn in turns if turn["role"] == "assistant"]
    reply, _ = read_audio(out)
    assert len(reply) == sum(lengths)
    whole = np.concatenate((sound, silence(2)))
    assert is_stretch_of(reply[: lengths[0]], whole)
    assert is_stretch_of(reply[lengths[0] :], whole)


def test_a_stereo_file_at_another_rate_is_converted(question: np.ndarray, tmp_path: Path) -> None:
    stereo = np.repeat(question[::2, None], 2, axis=1)
    asked, out = write_wav(tmp_path / "stereo.wav", stereo, 12_000), tmp_path / "out.wav"
    words = ["talk", str(asked), str(out), "--partner", "parrot", "--push-to-talk", "--fast"]
    assert main(words) == 0
    assert abs(len(read_audio(out)[0]) - len(question)) <= 2


@pytest.mark.parametrize(
    ("channel", "factor"), [("mix", 0.75), ("left", 1.0), ("right", 0.5), ("2", 0.5)]
)
def test_one_channel_of_a_file_is_sent_where_it_is_named(
    channel: str, factor: float, question: np.ndarray, tmp_path: Path
) -> None:
    stereo = np.stack((question, question // 2), axis=1)
    asked, out = write_wav(tmp_path / "stereo.wav", stereo), tmp_path / "out.wav"
    words = ["talk", str(asked), str(out), "--partner", "parrot", "--push-to-talk", "--fast"]
    assert main([*words, "--channel", channel]) == 0
    assert np.abs(read_audio(out)[0] - factor * question).max() <= 1


def test_channels_that_cancel_each_other_are_noted_with_the_option_that_selects_one(
    question: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stereo = np.stack((question // 2, -(question // 2)), axis=1)
    asked, out = write_wav(tmp_path / "stereo.wav", stereo), tmp_path / "out.wav"
    words = ["talk", str(asked), str(out), "--partner", "parrot", "--push-to-talk", "--fast"]
    assert main(words) == 0
    said = capsys.readouterr().err
    assert "dB softer than channel 1 alone. Add --channel 1." in said
    assert "x[" not in said
    assert main([*words, "--channel", "1"]) == 0
    assert "channel" not in capsys.readouterr().err


def test_a_channel_that_the_file_lacks_is_refused(
    asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(["talk", str(asked), str(tmp_path / "o.wav"), "--channel", "right"], capsys)
    assert said.endswith(
        f"{str(asked)!r} has no channel 2: it has only one. Choose another with --channel, "
        "or omit it."
    )


@pytest.mark.parametrize("pace", [[], ["--fast"]], ids=["real time", "fast"])
@pytest.mark.parametrize("rate_hz", [8_000, pytest.param(44_100, marks=pytest.mark.slow)])
def test_replies_have_the_rate_of_the_connection(
    asked: Path, question: np.ndarray, rate_hz: int, pace: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out.wav"
    words = ["talk", str(asked), str(out), "--partner", "parrot", "--sample-rate", str(rate_hz)]
    assert main([*words, *pace]) == 0
    reply, rate = read_audio(out)
    assert rate == rate_hz
    # The rest of it is the silence in front.
    assert len(question) / RATE_HZ - 0.6 < len(reply) / rate_hz < len(question) / RATE_HZ + 0.3
    assert main([*words, "--push-to-talk", *pace]) == 0
    reply, rate = read_audio(out)
    assert rate == rate_hz
    assert abs(len(reply) - len(question) * rate_hz / RATE_HZ) <= 1


# --------------------------------------------------------------------------- pipes
def test_a_voice_that_the_rehearsal_lacks_is_noted(
    asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["talk", str(asked), str(tmp_path / "out.wav"), "--fast", "--voice", "nobody"]
    assert main([*words, "--partner", "talker"]) == 0
    assert "The rehearsal has no voice 'nobody' and speaks with" in capsys.readouterr().err


def talk_through_pipes(*words: str, sound: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "grok_live_widget", "talk", *words]
    command += ["--partner", "parrot", "--push-to-talk", "--fast"]
    return subprocess.run(command, input=sound, capture_output=True, timeout=60)


def test_question_and_replies_go_through_pipes(question: np.ndarray) -> None:
    done = talk_through_pipes("-", "-", sound=wav_bytes(question))
    assert done.returncode == 0, done.stderr
    # A single sound file, and nothing else.
    assert done.stdout == wav_bytes(question)
    assert b"Reply (" in done.stderr


def test_a_stream_without_a_length_is_a_question(question: np.ndarray, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    streamed = bytearray(wav_bytes(question))
    streamed[4:8] = streamed[40:44] = b"\xff\xff\xff\xff"
    done = talk_through_pipes("-", str(out), sound=bytes(streamed))
    assert done.returncode == 0, done.stderr
    assert b"Reply (" in done.stdout
    assert np.array_equal(read_audio(out)[0], question)


def test_replies_to_a_file_go_through_a_pipe(asked: Path, question: np.ndarray) -> None:
    done = talk_through_pipes(str(asked), "-", sound=b"")
    assert done.stdout == wav_bytes(question)


@pytest.mark.parametrize(
    ("words", "sound", "says"),
    [
        (["-", "-"], b"", b"the input stream is empty"),
        (["-", "-"], b"text", b"the input stream cannot be read as a sound file"),
        (["-", "-"], wav_bytes(np.zeros(0, np.int16)), b"the input stream contains no sound"),
        (["-", "-", "--json"], b"", b"--json and the replies cannot both go to standard output"),
    ],
)
def test_a_stream_that_cannot_be_used_is_refused(
    words: list[str], sound: bytes, says: bytes
) -> None:
    done = talk_through_pipes(*words, sound=sound)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"grok-live: " + says)
    assert done.stderr.count(b"\n") == 1


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal")
def test_sound_neither_comes_from_a_terminal_nor_goes_to_one(asked: Path) -> None:
    controller, terminal = os.openpty()
    command = [sys.executable, "-m", "grok_live_widget", "talk"]
    from_it = subprocess.run([*command, "-", "o.wav"], stdin=terminal, capture_output=True)
    to_it = subprocess.run([*command, str(asked), "-"], stdout=terminal, stderr=subprocess.PIPE)
    assert b"standard input is a terminal" in from_it.stderr
    assert b"standard output is a terminal" in to_it.stderr
    os.close(terminal)
    os.close(controller)


def test_replies_survive_a_broken_pipe(asked: Path, question: np.ndarray) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "grok_live_widget", "talk", str(asked), "-", "--push-to-talk"]
    command += ["--partner", "parrot", "--fast"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    spare = re.search(r"standard output could not be written .*The replies are in (.*)\.$", last)
    assert spare is not None, done.stderr
    assert np.array_equal(read_audio(spare[1])[0], question)
    Path(spare[1]).unlink()


@pytest.mark.parametrize("suffix", ["flac", "ogg", "aiff"])
def test_a_question_may_be_any_sound_file(
    question: np.ndarray, suffix: str, tmp_path: Path
) -> None:
    asked, out = tmp_path / f"question.{suffix}", tmp_path / "out.wav"
    soundfile.write(asked, question, RATE_HZ)
    words = ["talk", str(asked), str(out), "--partner", "parrot", "--push-to-talk", "--fast"]
    assert main(words) == 0
    assert abs(len(read_audio(out)[0]) - len(question)) < 100


# --------------------------------------------------------------------------- errors
def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(arguments) == 1
    streams = capsys.readouterr()
    assert "Traceback" not in streams.err
    # Cures name options of the command, and neither arguments nor calls of Python.
    assert not re.search(r"[a-z_]+=|\w\(", streams.err), streams.err
    return streams.err.splitlines()[-1]


def test_an_error_is_one_sentence(
    asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], silence: Any
) -> None:
    out = str(tmp_path / "out.wav")
    assert "no file" in refused(["talk", "nowhere.wav", out], capsys)
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF....")
    assert "cannot be read as a sound file" in refused(["talk", str(broken), out], capsys)
    assert "no folder" in refused(["talk", str(asked), str(tmp_path / "no/out.wav")], capsys)
    empty = write_wav(tmp_path / "empty.wav", silence(0))
    assert "no sound" in refused(["talk", str(empty), out], capsys)
    url = ["--url", "ws://127.0.0.1:1/v1/realtime"]
    assert "--fast is for the rehearsal" in refused(
        ["talk", str(asked), out, "--fast", *url], capsys
    )
    assert "nothing answers" in refused(["talk", str(asked), out, *url], capsys)
    assert "url must begin" in refused(["talk", str(asked), out, "--url", "http://x"], capsys)
    other = ["--partner", "parrot", "--dialect", "live", "--sample-rate", "48000"]
    assert "'live' dialect does not support" in refused(["talk", str(asked), out, *other], capsys)
    assert "cannot be written" in refused(["talk", str(asked), str(tmp_path)], capsys)
    assert "overwrite the question" in refused(["talk", str(asked), str(asked)], capsys)
    quiet = write_wav(tmp_path / "quiet.wav", silence(1))
    words = ["talk", str(quiet), out, "--partner", "parrot", "--fast"]
    assert refused(words, capsys).endswith("Add --push-to-talk, which answers any sound.")
    assert not Path(out).exists()


def test_a_cure_names_options_of_the_command(
    asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out.wav")
    with RehearsalServer("parrot") as server:
        said = refused(["rehearse", "--port", str(server.port)], capsys)
    assert said.endswith("Use --port 0, which takes a free one.")
    live = ["--partner", "parrot", "--dialect", "live", "--sample-rate", "48000"]
    said = refused(["talk", str(asked), out, *live], capsys)
    assert "does not support --sample-rate 48000. Use --dialect realtime" in said
    both = ["--partner", "parrot", "--url", "ws://127.0.0.1:1/v1/realtime"]
    said = refused(["talk", str(asked), out, *both], capsys)
    assert said.startswith("grok-live: --partner and --url exclude each other")
    assert said.endswith("grok-live rehearse is a rehearsal with a url.")
    said = refused(["talk", str(asked), out, "--voice", ""], capsys)
    assert said.startswith("grok-live: --voice is empty.")
    said = refused(["talk", str(asked), out, "--url", "http://127.0.0.1"], capsys)
    assert said.startswith("grok-live: --url must begin with wss://")
    said = refused(["talk", str(asked), out, "--url", "wss://grok.invalid/v1/realtime"], capsys)
    assert "XAI_API_KEY, or omit --url for the rehearsal." in said


@pytest.mark.parametrize("name", ["out.mp4", "out.txt", "out.opus"])
def test_an_ending_of_no_known_format_is_refused(
    name: str, asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(["talk", str(asked), str(tmp_path / name)], capsys)
    assert said.endswith("Use .wav, .flac, .ogg, .mp3 or .aiff.")


@pytest.mark.parametrize(
    ("name", "format_name"),
    [
        ("out", "WAV"),
        ("out.WAV", "WAV"),
        ("out.flac", "FLAC"),
        ("out.ogg", "OGG"),
        ("out.mp3", "MP3"),
        ("out.aiff", "AIFF"),
    ],
)
def test_replies_have_the_format_that_the_name_s_ending_says(
    name: str, format_name: str, asked: Path, question: np.ndarray, tmp_path: Path
) -> None:
    out = tmp_path / name
    words = ["talk", str(asked), str(out), "--partner", "parrot", "--push-to-talk", "--fast"]
    assert main(words) == 0
    written = soundfile.info(out)
    assert (written.format, written.samplerate, written.channels) == (format_name, RATE_HZ, 1)
    assert abs(written.frames - len(question)) < RATE_HZ // 10
    if format_name in ("WAV", "FLAC", "AIFF"):
        assert np.array_equal(read_audio(out)[0], question)


# --------------------------------------------------------------------------- early ends
@pytest.fixture
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XAI_API_KEY", "any")


def ends_early(
    arguments: list[str], out: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[str, np.ndarray, dict[str, Any]]:
    """The error, the replies that were written, and the report."""
    assert main([*arguments, "--json"]) == 1
    streams = capsys.readouterr()
    report = json.loads(streams.out)
    assert report["replies"] == str(out)
    said = streams.err.splitlines()[-1]
    assert said == f"grok-live: {report['error']}"
    return said, read_audio(out)[0], report


@pytest.mark.usefixtures("_key")
@pytest.mark.parametrize("dialect", ["realtime", pytest.param("live", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("drop:{delta}", "closed without a close frame"),
        ("close:1011", "closed with code 1011"),
        ("close:1001", "closed with code 1001"),
    ],
)
def test_replies_received_before_the_session_ended_are_written(
    fault: str,
    says: str,
    dialect: str,
    asked: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out.wav"
    fault = fault.replace(":{delta}", "")
    with RehearsalServer("parrot", faults=[fault]) as server:
        words = ["talk", str(asked), str(out), "--url", server.url(dialect), "--push-to-talk"]
        said, reply, report = ends_early(words, out, capsys)
    assert says in said
    assert "run the command again" in said
    assert report["turns"][-1]["role"] == "assistant"
    assert 0 < len(reply) == round(report["turns"][-1]["duration_s"] * RATE_HZ)
    assert is_stretch_of(reply, read_audio(asked)[0])


@pytest.mark.usefixtures("_key")
def test_replies_received_before_a_time_out_are_written(
    asked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.wav"
    with RehearsalServer("parrot", faults=["stall"]) as server:
        words = ["talk", str(asked), str(out), "--url", server.url(), "--push-to-talk"]
        said, reply, _ = ends_early([*words, "--timeout", "1"], out, capsys)
    assert said.endswith("no complete reply in 1 s. Allow more with --timeout.")
    assert len(reply) > 0


def test_replies_of_a_recording_that_ends_are_written(
    asked: Path, question: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Talk(partner="parrot", record=tmp_path / "talk", turn_detection=PushToTalk()) as talk:
        talk.ask(asked)
    out = tmp_path / "out.wav"
    with RehearsalServer(replay=tmp_path / "talk") as server:
        words = ["talk", str(asked), str(out), "--url", server.url()]
        said, reply, _ = ends_early(words, out, capsys)
    assert "the recording has ended" in said
    assert np.array_equal(reply, question)


@pytest.mark.usefixtures("_key")
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_replies_received_before_an_interrupt_are_written(
    number: signal.Signals, status: int, asked: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.wav"
    second, made = np.full(RATE_HZ, 1000, np.int16), []

    def talks_on(turn: Any) -> Any:
        while True:
            made.append(1)
            yield second

    with RehearsalServer(talks_on, speed=float("inf")) as server:
        command = [sys.executable, "-m", "grok_live_widget", "talk", str(asked), str(out)]
        command += ["--url", server.url(), "--push-to-talk"]
        with process(command) as talk:
            # More than the buffers of both sockets hold, so that some of it has been received.
            wait_until(lambda: len(made) > 300, what="300 seconds of the reply")
            talk.send_signal(number)
            told, _ = talk.communicate(timeout=60)
    assert talk.returncode == status
    assert f"What was received of the replies is in {out}." in told
    reply, _ = read_audio(out)
    assert len(reply) > 0
    assert (reply == 1000).all()


@pytest.mark.parametrize(
    "encoding",
    ["cp1252", *(pytest.param(each, marks=pytest.mark.slow) for each in ("ascii", "utf-8"))],
)
def test_a_reply_with_letters_that_the_console_lacks_is_reported(
    encoding: str, asked: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.wav"
    with RehearsalServer(lambda turn: "naïve – 😀 日本") as server:
        command = [sys.executable, "-m", "grok_live_widget", "talk", str(asked), str(out)]
        command += ["--url", server.url(), "--push-to-talk"]
        environment = {"PYTHONIOENCODING": encoding, "LANG": "C", "XAI_API_KEY": "any"}
        done = subprocess.run(command, capture_output=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    written = "naïve – 😀 日本".encode(encoding, "backslashreplace")
    assert written in done.stdout
    assert read_audio(out)[0].size > 0


@pytest.mark.parametrize("words", [["--help"], ["talk", "--help"], ["rehearse", "--help"]])
def test_help_is_printed_on_any_console(words: list[str]) -> None:
    command = [sys.executable, "-m", "grok_live_widget", *words]
    done = subprocess.run(
        command, capture_output=True, env={"PYTHONIOENCODING": "ascii", "LANG": "C"}, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("words", [["--help"], ["talk", "{asked}", "{out}", "--json"]])
def test_output_that_is_not_read_is_no_error(
    words: list[str], asked: Path, question: np.ndarray, tmp_path: Path
) -> None:
    out = tmp_path / "out.wav"
    command = [each.format(asked=asked, out=out) for each in words]
    if "talk" in words:
        command += ["--partner", "parrot", "--push-to-talk", "--fast"]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "grok_live_widget", *command],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    os.close(writer)
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
    if "talk" in words:
        assert np.array_equal(read_audio(out)[0], question)


def test_closed_streams_are_refused_or_ignored(asked: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"

    def ran(words: str) -> subprocess.CompletedProcess[str]:
        command = f'"{sys.executable}" -m grok_live_widget talk {words}'
        options = "--partner parrot --push-to-talk --fast"
        return subprocess.run(
            f"{command} {options}", shell=True, capture_output=True, text=True, check=False
        )

    told = ran(f'- "{out}" <&-').stderr
    assert told.startswith("grok-live: standard input is closed.")
    told = ran(f'"{asked}" - >&-').stderr
    assert told.startswith("grok-live: standard output is closed.")
    assert ran(f'"{asked}" "{out}" >&-').returncode == 0
    assert out.is_file()


@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_a_wrong_key_is_one_sentence_without_the_key(
    asked: Path,
    dialect: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XAI_API_KEY", "wrong-key-value")
    with RehearsalServer("parrot", api_key="right") as server:
        words = ["talk", str(asked), str(tmp_path / "out.wav"), "--url", server.url(dialect)]
        said = refused(words, capsys)
    assert "XAI_API_KEY" in said
    assert "wrong-key-value" not in said


@pytest.mark.parametrize("dialect", ["realtime", "live"])
def test_a_server_that_needs_a_key_is_not_said_to_refuse_one(
    asked: Path, dialect: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with RehearsalServer("parrot", api_key="right") as server:
        words = ["talk", str(asked), str(tmp_path / "out.wav"), "--url", server.url(dialect)]
        said = refused(words, capsys)
    assert "needs an API key, and none was found. Set XAI_API_KEY to the key" in said
    assert "accept" not in said


def test_the_rehearsal_runs_alone_until_it_is_interrupted(
    asked: Path, tmp_path: Path, question: np.ndarray
) -> None:
    command = [sys.executable, "-m", "grok_live_widget", "rehearse", "--port", "0"]
    command += ["--partner", "parrot", "--key", "shared"]
    with process(command) as server:
        assert server.stdout is not None
        assert "not Grok" in server.stdout.readline()
        url = re.search(r"ws://\S+", server.stdout.readline())
        assert url is not None
        out = tmp_path / "out.wav"
        words = [sys.executable, "-m", "grok_live_widget", "talk", str(asked), str(out)]
        ran = subprocess.run(
            [*words, "--url", url.group(), "--push-to-talk"],
            env={"XAI_API_KEY": "shared"},
            capture_output=True,
            text=True,
            timeout=60,
        )
        host = url.group().split("/")[2]
        assert (ran.returncode, ran.stderr) == (0, f"Sending the question to {host}.\n")
        server.send_signal(signal.SIGINT)
        server.stdout.read()
    assert server.returncode == 130
    assert np.array_equal(read_audio(out)[0], question)


def test_the_rehearsal_has_the_faults_that_are_given(asked: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "grok_live_widget", "rehearse", "--port", "0"]
    command += ["--partner", "parrot", "--fault", "refuse:429", "--fault", "close:4001"]
    with process(command) as server:
        assert server.stdout is not None
        server.stdout.readline()
        url = re.search(r"ws://\S+", server.stdout.readline())
        assert url is not None
        with Talk(url=url.group(), api_key="any") as talk:
            with pytest.raises(ConnectError, match="too many"):
                talk.start()
            with pytest.raises(SessionClosedError, match="4001"):
                talk.ask(asked)
        server.send_signal(signal.SIGINT)
        server.stdout.read()
    assert server.returncode == 130


def test_the_rehearsal_follows_the_script_that_is_given(tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("title: At the bar\nsteps:\n  - say: One.\nclosing: Two.\n", "utf-8")
    command = [sys.executable, "-m", "grok_live_widget", "rehearse", "--port", "0"]
    with process([*command, "--script", str(script)]) as server:
        assert server.stdout is not None
        assert ", with the script 'At the bar'; Ctrl-C stops it." in server.stdout.readline()
        url = re.search(r"ws://\S+", server.stdout.readline())
        assert url is not None
        for _ in range(2):
            with Talk(url=url.group(), api_key="any") as talk:
                assert [talk.ask(text).text for text in "abc"] == ["One.", "Two.", "Two."]
        server.send_signal(signal.SIGINT)
        server.stdout.read()
    assert server.returncode == 130


def test_a_script_that_cannot_be_read_is_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("steps: none\n", "utf-8")
    said = refused(["rehearse", "--script", str(broken)], capsys)
    assert said.startswith(f"grok-live: {broken}, line 1, column 8: steps must be a list")
    said = refused(["rehearse", "--script", "caffe"], capsys)
    assert said.startswith("grok-live: there is no script 'caffe'. Did you mean 'cafe'?")
    said = refused(["rehearse", "--script", "cafe", "--partner", "parrot"], capsys)
    assert said == "grok-live: --script and --partner exclude each other. Omit one of them."


def test_an_unknown_fault_is_one_sentence_and_the_help_lists_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert "no fault 'explode'" in refused(["rehearse", "--fault", "explode"], capsys)
    assert "code must be a code that a close frame can carry, not 1006" in refused(
        ["rehearse", "--fault", "close:1006"], capsys
    )
    with pytest.raises(SystemExit, match="0"):
        main(["rehearse", "--help"])
    told = capsys.readouterr().out
    assert all(f"\n  {name}" in told for name in FAULTS)


@pytest.mark.parametrize("step", [["--speed", "0.001"], ["--step"]], ids=["true speed", "stepwise"])
def test_a_saved_talk_is_served_to_a_client(step: list[str], tmp_path: Path) -> None:
    with Talk(partner="parrot", record=tmp_path / "talk") as talk:
        talk.ask("once more")
    command = [sys.executable, "-m", "grok_live_widget", "replay", str(tmp_path / "talk")]
    command += ["--port", "0", *step]
    with process(command) as server:
        assert server.stdout is not None
        assert "recording" in server.stdout.readline()
        url = re.search(r"realtime +(ws://\S+)", server.stdout.readline())
        assert url is not None
        with Talk(url=url.group(1)) as again:
            if "--step" in step:
                assert again.ask("?").text == "once more"
            else:
                with pytest.raises(ServerError, match="--step"):
                    again.ask("?")
        server.send_signal(signal.SIGINT)
        server.stdout.read()
    assert server.returncode == 130


def test_a_path_that_cannot_be_replayed_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "no recording" in refused(["replay", str(tmp_path)], capsys)
    Talk(partner="parrot").save(tmp_path)
    assert "has no session" in refused(["replay", str(tmp_path)], capsys)


def test_the_voices_are_listed_as_the_documents_list_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["voices"]) == 0
    told = capsys.readouterr().out
    page = (Path(__file__).parents[1] / "docs" / "settings.md").read_text("utf-8")
    for name, character in LIVE.voices.items():
        voice = voices()[name]
        assert f"\n  {name:<10}{character}" in told
        cells = (f"`{name}`", character, f"`{voice.instead}`", voice.rehearsal)
        assert f"| {' | '.join(cells)} |" in page
        assert f"{name} ({character})" in " ".join((Settings.__doc__ or "").split())
    assert all(f"\n  {name} " in told for name in REALTIME.voices)
    assert f"{len(REALTIME.voices)} voices today" in page


def has_started_a_kernel(url: str) -> bool:
    with (
        contextlib.suppress(urllib.error.URLError),
        urllib.request.urlopen(urllib.request.Request(url, b"", method="POST")) as answer,
    ):
        return bool(answer.status == 201)
    return False


def test_the_lessons_are_copied_and_a_changed_one_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "lessons"
    count = len(list((Path(__file__).parents[1] / "notebooks").glob("*.ipynb")))
    lessons = "1 lesson" if count == 1 else f"{count} lessons"
    assert main(["lessons", str(folder)]) == 0
    assert capsys.readouterr().out == f"Copied {lessons} to {folder}.\n"
    assert main(["lessons", str(folder)]) == 0
    assert capsys.readouterr().out == f"Already in {folder}: {lessons}.\n"
    (folder / "01_hello_grok.ipynb").write_text("mine", encoding="utf-8")
    assert main(["lessons", str(folder)]) == 0
    assert "different from the lesson: 01_hello_grok.ipynb." in capsys.readouterr().out
    assert (folder / "01_hello_grok.ipynb").read_text("utf-8") == "mine"


def test_a_lesson_that_cannot_be_opened_or_copied_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert "'file' is no folder" in refused(["lessons", "file"], capsys)
    assert "'file' is no folder" in refused(["lab", "--folder", "file"], capsys)
    assert "no lesson '77'" in refused(["lab", "77"], capsys)
    assert "no lesson 'hello'. There are 01" in refused(["lab", "hello"], capsys)
    assert "no notebook" in refused(["lab", "--notebook", "a.ipynb"], capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_lab_lists_and_opens_the_lessons_and_ends_with_all_that_it_started(
    tmp_path: Path,
) -> None:
    psutil = pytest.importorskip("psutil")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "grok_live_widget", "lab", "--no-open", "--port", str(port)]
    options = {"stderr": subprocess.STDOUT, "start_new_session": True, "cwd": tmp_path}
    with process(command, **options) as lab:
        assert lab.stdout is not None
        lines = iter(lab.stdout.readline, "")
        assert str(tmp_path / "grok_live_lessons") in next(lines)
        assert next(lines) == "  01  Hello, Grok\n"
        address = f"http://127.0.0.1:{port}/lab/tree/01_hello_grok.ipynb"
        token = next(line for line in lines if address in line).partition("token=")[2].strip()
        kernels = f"http://127.0.0.1:{port}/api/kernels?token={token}"
        try:
            # The address is printed a little before it answers.
            wait_until(lambda: has_started_a_kernel(kernels), what="a kernel")
            started = psutil.Process(lab.pid).children(recursive=True)
            with urllib.request.urlopen(f"{address}?token={token}") as answer:
                page = answer.read().decode()
        finally:
            lab.send_signal(signal.SIGTERM)
            lab.stdout.read()
    assert lab.returncode == 128 + signal.SIGTERM
    assert len(started) >= 2
    # This plugin of JupyterLab asks whether it may show news.
    config = json.loads(
        page.partition('id="jupyter-config-data"')[2].split(">", 1)[1].split("<")[0]
    )
    assert "@jupyterlab/apputils-extension:announcements" in config["disabledExtensions"]
    assert [each for each in started if each.is_running()] == []


@pytest.mark.parametrize(
    "words",
    [
        ["talk", "a.wav", "b.wav", "--timeout", "0"],
        ["talk", "a.wav", "b.wav", "--sample-rate", "12345"],
        ["rehearse", "--port", "80000"],
    ],
)
def test_numbers_out_of_range_are_refused(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["rehearse", "--port", "http"], "a port is a number from 0 to 65535, not 'http'"),
        (["rehearse", "--port", "-1"], "a port is a number from 0 to 65535, not '-1'"),
        (["talk", "a.wav", "b.wav", "--timeout", "soon"], "greater than 0 is needed, not 'soon'"),
        (["talk", "a.wav", "b.wav", "--channel", "0"], "mix or a number from 1, not '0'"),
    ],
)
def test_invalid_numbers_are_refused_with_a_sentence(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "usage", "says"),
    [
        (["rehears"], "grok-live [-h]", "Did you mean 'rehearse'?"),
        (["--verson", "voices"], "grok-live [-h]", "no option --verson. Did you mean '--version'?"),
        (
            ["talk", "a.wav", "b.wav", "--partnr=parrot"],
            "grok-live talk",
            "there is no option --partnr. Did you mean '--partner'?",
        ),
        (
            ["rehearse", "--scrpt", "cafe"],
            "grok-live rehearse",
            "there is no option --scrpt. Did you mean '--script'?",
        ),
        (["rehearse", "--partner", "parot"], "grok-live rehearse", "Did you mean 'parrot'?"),
        (
            ["talk", "a.wav", "b.wav", "--sample-rate", "44000"],
            "grok-live talk",
            "44100, 48000)",
        ),
        (["voices", "eve"], "grok-live voices", "unrecognized arguments: eve"),
        (["lab", "--zzz"], "grok-live lab", "there is no option --zzz."),
    ],
)
def test_a_misspelt_name_is_refused_with_the_nearest_and_the_usage_of_its_command(
    words: list[str], usage: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    said = capsys.readouterr().err
    assert said.startswith(f"usage: {usage}")
    assert said.endswith(f"{says}\n")


def test_help_and_version_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--help"], ["talk", "--help"], ["--version"]):
        with pytest.raises(SystemExit, match="0"):
            main(words)
    assert "rehearse" in capsys.readouterr().out


# --------------------------------------------------------------------------- doctor
def test_the_doctor_prints_a_table_and_succeeds_if_nothing_failed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["doctor", "--partner", "parrot"]) == 0
    out = capsys.readouterr().out
    assert "checks: 0 failed" in out
    assert "ok       round trip" in out


def test_the_doctor_fails_with_a_cure_that_can_be_typed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{free.getsockname()[1]}/v1/realtime"
        assert main(["doctor", "--url", url]) == 1
        assert main(["doctor", "--url", "wss://example.test/v1/realtime", "--json"]) == 1
    out = capsys.readouterr().out
    assert "failed   TCP" in out
    report = json.loads(out[out.index("{") :])
    assert not report["is_ok"]
    (key,) = [check for check in report["checks"] if check["result"] == "failed"]
    assert key["name"] == "key"
    assert "or omit --url for the rehearsal" in key["cure"]
    assert "api_key" not in key["cure"]


def test_the_doctor_names_the_option_that_asks_a_question(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "any-key-at-all"
    monkeypatch.setenv("XAI_API_KEY", key)
    with RehearsalServer("parrot", api_key=key) as server:
        assert main(["doctor", "--url", server.url("live"), "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        cures = {check["name"]: check["cure"] for check in report["checks"]}
        assert cures["API key"] == "--talk asks a question, and so finds out."
        assert main(["doctor", "--url", server.url("live"), "--talk"]) == 0
    out = capsys.readouterr().out
    assert "ok       reply" in out
    assert key not in out
