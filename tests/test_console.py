"""Streams that take any letter, signals as exceptions, and cures in words of the command line."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import io
import os
import re
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from grok_live_widget._console import (
    Terminated,
    error_in_words_of_the_command,
    in_words_of_the_command,
    run_until_terminated,
    say,
    termination_as_exception,
    tolerant_streams,
)
from grok_live_widget.cli import _parser
from grok_live_widget.exceptions import ConfigurationError, GrokLiveError

FULL = Path("/dev/full")
ROOT = Path(__file__).parents[1]


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


def test_a_signal_within_a_callback_of_the_event_loop_cancels_the_coroutine() -> None:
    happened: list[Any] = []

    def breaks_when_left_early() -> None:
        signal.raise_signal(signal.SIGTERM)
        happened.append("callback ended")

    async def waits() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: happened.append(context))
        loop.call_soon(breaks_when_left_early)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            happened.append("cleaned up")

    with pytest.raises(Terminated) as ended, termination_as_exception():
        run_until_terminated(waits())
    assert happened == ["callback ended", "cleaned up"]
    assert ended.value.signal_number == signal.SIGTERM


def test_a_second_signal_ends_a_coroutine_that_does_not_end() -> None:
    async def is_stubborn() -> None:
        while True:
            try:
                asyncio.get_running_loop().call_soon(signal.raise_signal, signal.SIGTERM)
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass

    with pytest.raises(Terminated), termination_as_exception():
        run_until_terminated(is_stubborn())


def test_a_coroutine_that_ends_well_after_a_signal_is_terminated_all_the_same() -> None:
    async def ends() -> str:
        signal.raise_signal(signal.SIGTERM)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return "value"

    with pytest.raises(Terminated), termination_as_exception():
        run_until_terminated(ends())


def test_what_a_second_signal_left_can_be_collected_by_any_thread() -> None:
    test_a_second_signal_ends_a_coroutine_that_does_not_end()
    failures: list[Any] = []
    before, sys.unraisablehook = sys.unraisablehook, failures.append
    try:
        collector = threading.Thread(target=gc.collect)
        collector.start()
        collector.join()
    finally:
        sys.unraisablehook = before
    assert failures == []


def test_a_coroutine_that_was_cancelled_by_no_signal_is_not_terminated() -> None:
    async def cancels_itself() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError), termination_as_exception():
        run_until_terminated(cancels_itself())


def test_a_coroutine_that_no_signal_ends_returns_its_value() -> None:
    with termination_as_exception():
        assert run_until_terminated(asyncio.sleep(0, "value")) == "value"
        with pytest.raises(Terminated):
            signal.raise_signal(signal.SIGTERM)


# --------------------------------------------------------------------------- words
OPTIONS = {
    name: _parser().parse_args([name, *arguments]).known
    for name, arguments in {"talk": ("a", "b"), "rehearse": (), "replay": ("a",), "lab": ()}.items()
}
MESSAGES = [
    tuple(line.strip("| \n").split(" | "))
    for line in (ROOT / "docs" / "messages.md").read_text("utf-8").splitlines()
    if line.startswith("| ") and line.count(" | ") == 2 and not line.endswith("| panel |")
]


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
        ("Check url=: wss:// is with TLS.", "Check --url: wss:// is with TLS."),
        ("As wss://a.b/v1?model=grok-4&voice=x.", "As wss://a.b/v1?model=grok-4&voice=x."),
        ('Use instructions="Be brief." there.', 'Use --instructions "Be brief." there.'),
        ("Set SSL_CERT_FILE=a.pem, or give ssl=.", "Set SSL_CERT_FILE=a.pem."),
        ("Allow more with open_timeout_s=, or use --url.", "Use --url."),
        ("Call update(model=…). Ask again.", "Ask again."),
        ("numpy.frombuffer(x, 'int16') makes an array.", ""),
        ("partner and url exclude each other.", "--partner and --url exclude each other."),
        ("partner and replay exclude each other.", "partner and replay exclude each other."),
        ("voice is empty.", "--voice is empty."),
        ("sample_rate must be whole.", "the sample rate of the sound must be whole."),
        ("timeout_s must be above 0.", "--timeout must be above 0."),
        ("the voice is of the server.", "the voice is of the server."),
        ("ssl is given for a ws:// URL.", "ssl is given for a ws:// URL."),
        (
            "Their mix is 9 dB softer than x[:, 0] alone. Pass that channel: x[:, 0].",
            "Their mix is 9 dB softer than channel 1 alone. Add --channel 1.",
        ),
        ("Run: pip install --upgrade 'a[b]'", "Run: pip install --upgrade 'a[b]'"),
    ],
)
def test_cures_are_in_words_of_the_command_line(written: str, wanted: str) -> None:
    options = {*OPTIONS["talk"], *OPTIONS["rehearse"]}
    assert in_words_of_the_command(written, options) == wanted


@pytest.mark.parametrize("command", OPTIONS)
def test_every_cure_of_the_package_can_be_typed_or_is_left_out(command: str) -> None:
    """No calls and arguments of Python are left in it, and no options of other commands."""
    assert len(MESSAGES) > 300
    own_options = set().union(*OPTIONS.values())
    for message, cure, *_ in MESSAGES:
        error = GrokLiveError(message, cure=cure)
        shown = error_in_words_of_the_command(error, OPTIONS[command])
        followed = in_words_of_the_command(cure, OPTIONS[command])
        assert shown.endswith(followed)
        assert not re.search(r"\w\(|(?<![\w?&])[a-z_]+=", followed), followed
        assert "--…" not in followed
        assert "?--" not in shown
        added = set(re.findall(r"--[a-z][a-z-]*", followed)) - set(re.findall(r"--[a-z-]+", cure))
        assert added & own_options == added <= OPTIONS[command], followed


def test_a_cure_without_python_is_the_same_in_a_command() -> None:
    for _, cure, *_ in MESSAGES:
        if not re.search(r"\w\(|[a-z]=|in turns;", cure) and "open_timeout_s" not in cure:
            assert in_words_of_the_command(cure, OPTIONS["talk"]) == " ".join(cure.split())
