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
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TextIO, TypeVar

from .exceptions import ConfigurationError

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
_OPTIONS = "dialect|url|model|voice|instructions|partner|port|speed"
# Messages are written for Python; on the command line the same cure has another name.
_WORDS = (
    (r"Lower ServerVad\(threshold=…\), or use turn_detection=PushToTalk\(\)", "Add --push-to-talk"),
    (r"(turn_detection=)?PushToTalk\(\)", "--push-to-talk"),
    (
        r"[\"'](?:(?:in|out)put_format=AudioFormat\([^)]*sample_rate=(\d+)[^)]*\)(?:, )?)+[\"']",
        r"--sample-rate \1",
    ),
    (r"\bsample_rate=(\d+)", r"--sample-rate \1"),
    (r"\btimeout_s=", "--timeout"),
    (r", or allow more with open_timeout_s", ""),
    (r" \(or api_key=\)", ""),
    (r" or pass api_key=, or leave both out for", ", or omit --url for"),
    (r"RehearsalServer\(partner\)", "grok-live rehearse"),
    (r", as talk\.save\(path\) or record=path create", ""),
    (r"step=True or --step", "--step"),
    (r" in turns; open another session to go on", "; run the command again to go on"),
    (rf"\b({_OPTIONS})=\"(\w+)\"", r"--\1 \2"),
    (rf"\b({_OPTIONS})=(\w+)", r"--\1 \2"),
    (rf"\b({_OPTIONS})=", r"--\1"),
)


def in_words_of_the_command(text: str) -> str:
    """A message of the package, with the names of options in place of those of arguments."""
    for pattern, words in _WORDS:
        text = re.sub(pattern, words, text)
    return text
