"""Streams that take any letter, signals as exceptions, and cures in words of the command line."""

from __future__ import annotations

import io
import os
import signal
import sys
from pathlib import Path

import pytest

from grok_live_widget._console import (
    Terminated,
    in_words_of_the_command,
    say,
    termination_as_exception,
    tolerant_streams,
)
from grok_live_widget.exceptions import ConfigurationError

FULL = Path("/dev/full")


def test_letters_that_an_encoding_lacks_are_written_as_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(content, "ascii", errors="strict"))
    with tolerant_streams():
        say("naïve 😀 \udcff")
    assert content.getvalue().decode("ascii") == "na\\xefve \\U0001f600 \\udcff" + os.linesep
    assert sys.stdout.errors == "strict"


def test_a_stream_that_is_closed_takes_every_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with tolerant_streams():
        say("text")


def test_a_pipe_that_is_not_read_takes_every_text() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", encoding="utf-8") as stream:
        say("text", stream)
        say("more", stream)


@pytest.mark.skipif(not FULL.exists(), reason="needs /dev/full")
def test_a_full_disk_is_an_error() -> None:
    with (
        FULL.open("w", encoding="utf-8") as stream,
        pytest.raises(ConfigurationError, match=r"could not be written .*No space left"),
    ):
        say("text", stream)


def test_a_signal_that_ends_the_process_is_an_exception_while_a_command_runs() -> None:
    with pytest.raises(Terminated) as ended, termination_as_exception():
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.signal_number == signal.SIGTERM
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with termination_as_exception():
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        (
            "does not support \"input_format=AudioFormat(encoding='pcm', sample_rate=48000), "
            "output_format=AudioFormat(encoding='pcm', sample_rate=48000)\".",
            "does not support --sample-rate 48000.",
        ),
        ("Use port=0, which takes a free one.", "Use --port 0, which takes a free one."),
        ('Use dialect="realtime", which does.', "Use --dialect realtime, which does."),
        (
            "Lower ServerVad(threshold=…), or use turn_detection=PushToTalk(), which answers.",
            "Add --push-to-talk, which answers.",
        ),
        ("Use turn_detection=PushToTalk(), or", "Use --push-to-talk, or"),
        ("Check url= and the network.", "Check --url and the network."),
        ("Set XAI_API_KEY (or api_key=) to a valid key.", "Set XAI_API_KEY to a valid key."),
        ("allow more with timeout_s=.", "allow more with --timeout."),
        ("there is no file 'a.wav'.", "there is no file 'a.wav'."),
    ],
)
def test_cures_are_in_words_of_the_command_line(written: str, wanted: str) -> None:
    assert in_words_of_the_command(written) == wanted
