"""What a command needs of its terminal: streams that take any letter, signals, and its words."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Collection, Coroutine, Iterator
from typing import Any, TextIO, TypeVar

from .exceptions import ConfigurationError, GrokLiveError

T = TypeVar("T")


# --------------------------------------------------------------------------- streams
@contextlib.contextmanager
def tolerant_streams() -> Iterator[None]:
    """Let stdout and stderr take every letter, and a pipe that is no longer read.

    What an encoding does not have is written as a backslash and its number.
    """
    streams = [each for each in (sys.stdout, sys.stderr) if isinstance(each, io.TextIOWrapper)]
    errors = [stream.errors for stream in streams]
    for stream in streams:
        stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        for stream, before in zip(streams, errors, strict=True):
            try:
                stream.flush()
            except OSError:
                discard(stream)
            stream.reconfigure(errors=before)


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a line on `stream`, by default stdout, at once; a pipe that is not read is no error.

    Raises
    ------
    ConfigurationError
        Where the stream cannot be written, as on a full disk.
    """
    stream = sys.stdout if stream is None else stream
    if stream is None:  # Closed before the process began.
        return
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        discard(stream)
    except OSError as error:
        discard(stream)
        raise ConfigurationError(
            f"standard output could not be written ({error.strerror}).", cure="Redirect it."
        ) from None


def discard(stream: TextIO) -> None:
    """Send what a stream still holds, and all that follows, to nowhere.

    The interpreter flushes streams once more at its end, and would report the same error again.
    """
    with contextlib.suppress(OSError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


# --------------------------------------------------------------------------- signals
class Terminated(KeyboardInterrupt):
    """The process was asked to end by a signal other than that of Ctrl-C.

    Parameters
    ----------
    signal_number : int
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__()
        self.signal_number = signal_number


@contextlib.contextmanager
def termination_as_exception() -> Iterator[None]:
    """Raise `Terminated` in the main thread where a signal would end the process at once."""
    with _handled(signal.SIG_DFL, _raise_terminated):
        yield


def run_until_terminated(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a new event loop; within `termination_as_exception`.

    A signal that would raise `Terminated` cancels the coroutine, as Ctrl-C does in
    `asyncio.run`: an exception in the middle of a callback of the loop can leave a transport or
    its protocol in a state in which the connection never ends. A second signal raises at once.

    Raises
    ------
    Terminated
        The coroutine was cancelled by a signal.
    """
    received: list[int] = []
    running: list[tuple[asyncio.Task[Any], asyncio.AbstractEventLoop]] = []

    def cancel(signal_number: int, frame: object) -> None:
        received.append(signal_number)
        if len(received) > 1 or not running:
            raise Terminated(signal_number)
        task, loop = running[0]
        task.cancel()
        loop.call_soon_threadsafe(lambda: None)  # Wakes the loop, which may be waiting.

    async def noted() -> T:
        task = asyncio.current_task()
        assert task is not None
        running.append((task, asyncio.get_running_loop()))
        return await main

    # Around the loop: a coroutine that never ends is closed by the collector, on any thread.
    with _handled(_raise_terminated, cancel):
        try:
            result = asyncio.run(noted())
        except asyncio.CancelledError:
            if not received:
                raise
            raise Terminated(received[0]) from None
    if received:
        raise Terminated(received[0])
    return result


@contextlib.contextmanager
def _handled(before: Any, handler: Callable[[int, object], None]) -> Iterator[None]:
    """Replace one handler of the signals that end a process by another one.

    A signal that has neither is left as it is (nohup ignores SIGHUP).
    """
    installed = []
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)  # Windows has no SIGHUP.
            if number is not None and signal.getsignal(number) is before:
                signal.signal(number, handler)
                installed.append(number)
    try:
        yield
    finally:
        for number in installed:
            signal.signal(number, before)


def _raise_terminated(signal_number: int, frame: object) -> None:
    raise Terminated(signal_number)


# --------------------------------------------------------------------------- words
def _channel_in_words(found: re.Match[str]) -> str:
    number = int(found[1]) + 1  # Channels are counted from 1 there.
    return f"than channel {number} alone. Add --channel {number}."


# Messages are written for Python; in a command the same cure has another name. First whole phrases:
_PHRASES: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"than x\[:, (\d+)\] alone\. Pass that channel: x\[:, \d+\]\.", _channel_in_words),
    (r"^sample_rate must", "the sample rate of the sound must"),
    (r"Lower ServerVad\(threshold=…\), or use turn_detection=PushToTalk\(\)", "Add --push-to-talk"),
    (r"(turn_detection=)?PushToTalk\(\)", "--push-to-talk"),
    (
        r"[\"'](?:(?:in|out)put_format=AudioFormat\([^)]*sample_rate=(\d+)[^)]*\)(?:, )?)+[\"']",
        r"--sample-rate \1",
    ),
    (r", or allow more with open_timeout_s", ""),
    (r" \(or api_key=\)", ""),
    (r" or pass api_key=, or leave both out for", ", or omit --url for"),
    (r"RehearsalServer\(partner\)", "grok-live rehearse"),
    (r"doctor\(talk=True\)", "--talk"),
    (r", as talk\.save\(path\) or record=path create", ""),
    (r"step=True or --step", "--step"),
    (r" in turns; open another session to go on", "; run the command again to go on"),
)
_OF_PHRASES = {"--channel", "--push-to-talk", "--sample-rate", "--talk", "--url"}
# Then arguments of the same name, or of these; not the query of an address, nor parts of a call.
_RENAMED = {"timeout_s": "timeout"}
_ARGUMENT = re.compile(
    r"""(?<![\w?&(.-])([a-z_]+)=("[^"]*"|'[^']*'|[\w/][\w:/-]*(?:\.\w+)*|…)?(?![\w(…])"""
)
# An error about an argument begins with its name, or with those of two.
_SUBJECTS = re.compile(r"^([a-z_]+)(?: and ([a-z_]+))? (?=(?:must|is|has|contains|exclude) )")
# What is left of Python: a call, or an argument (variables of the environment have capitals).
_PYTHON = re.compile(r"\w\(|(?<![\w?&/-])[a-z_]+=")
# An alternative that is a sentence without the first one.
_IMPERATIVE = re.compile(r"(add|allow|ask|check|leave|omit|pass|set|use|wait) ")


def error_in_words_of_the_command(error: GrokLiveError, options: Collection[str]) -> str:
    """What an error says, with a cure that can be typed; see `in_words_of_the_command`."""
    message = _translated(error.message, options)
    return f"{message} {in_words_of_the_command(error.cure, options)}".strip()


def in_words_of_the_command(text: str, options: Collection[str]) -> str:
    """A cure of the package, or a note, as far as a command can follow it.

    Parameters
    ----------
    text : str
    options : collection of str
        The options that the command has, such as ``"--url"``.

    Returns
    -------
    str
        With options in place of arguments, and without the alternatives that are Python or
        options of other commands.
    """
    sentences = re.split(r"(?<=[.!?])\s+", _translated(text, options))
    return " ".join(filter(None, (_followed(each, options) for each in sentences)))


def _translated(text: str, options: Collection[str]) -> str:
    for pattern, words in _PHRASES:
        text = re.sub(pattern, words, text)
    text = _SUBJECTS.sub(lambda found: _options_for(found, options), text)
    return _ARGUMENT.sub(lambda found: _option_from(found, options), text)


def _options_for(found: re.Match[str], options: Collection[str]) -> str:
    """The options of the names with which a text begins; the text itself where one has none."""
    names = [_option_named(each) for each in found.groups() if each is not None]
    return f"{' and '.join(names)} " if set(names) <= set(options) else found[0]


def _option_named(name: str) -> str:
    return f"--{_RENAMED.get(name, name).replace('_', '-')}"


def _option_from(found: re.Match[str], options: Collection[str]) -> str:
    """The option for an argument; the argument itself where there is none."""
    option, value = _option_named(found[1]), found[2]
    if option not in options:
        return found[0]
    if value is None or value == "True":
        return option
    is_word = re.fullmatch(r"[\"'][\w.:/-]+[\"']", value)
    return f"{option} {value[1:-1] if is_word else value}"


def _followed(sentence: str, options: Collection[str]) -> str:
    """A sentence without the alternatives that the command cannot follow; may be empty."""
    if _can_be_followed(sentence, options):
        return sentence
    first, *others = re.split(r"(, or |; )", sentence.rstrip("."))
    kept = first if _can_be_followed(first, options) else ""
    for mark, clause in zip(others[::2], others[1::2], strict=True):
        if not _can_be_followed(clause, options):
            continue
        if kept:
            kept = f"{kept}{mark}{clause}"
        elif mark == ", or " and _IMPERATIVE.match(clause):
            kept = clause[0].upper() + clause[1:]
    return f"{kept}." if kept else ""


def _can_be_followed(text: str, options: Collection[str]) -> bool:
    missing = {each for each in _OF_PHRASES if each in text} - set(options)
    return not _PYTHON.search(text) and not missing
