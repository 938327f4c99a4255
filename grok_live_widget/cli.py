"""The command ``grok-live``: ``lab``, ``lessons``, ``talk``, ``doctor``, ``rehearse`` and more."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import quote

import numpy as np
from msgspec.structs import replace

from . import __version__
from ._console import (
    Terminated,
    discard,
    error_in_words_of_the_command,
    in_words_of_the_command,
    run_until_terminated,
    say,
    termination_as_exception,
    tolerant_streams,
)
from ._lessons import copy_lessons, lesson_paths, title_of
from ._structs import did_you_mean, rounded
from .audio import SAMPLE_RATE_HZ, ClipConverter, read_audio, wav_bytes, write_wav
from .client import Connecting, Session, connect, talk_through, voices
from .diagnostics import Report, doctor
from .exceptions import ConfigurationError, GrokLiveError, RehearsalWarning
from .protocol import DIALECTS, PushToTalk, ServerVad
from .rehearsal import READY, RehearsalServer, faults, read_script
from .settings import PCM_RATES_HZ, SettingsKwargs

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["main"]

_PACKAGE = Path(__file__).parent
_STREAM = "-"
_LESSONS_FOLDER = "grok_live_lessons"
_PARTNERS = (
    "parrot repeats what it hears; talker answers with a voice, greets, counts, tells the time, "
    "calls a tool on request, and otherwise repeats the words it has recognised"
)
# What a namespace holds besides the options of the command.
_NO_OPTIONS = ("run", "known")
# How long JupyterLab may take to end its kernels [s].
_STOP_TIMEOUT_S = 30.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status.

    1 with one sentence on stderr after an error; 130 when interrupted, and 128 with the number
    of the signal when ended by another one.
    """
    with tolerant_streams(), termination_as_exception():
        return _run(_parser().parse_args(arguments))


def _run(options: argparse.Namespace) -> int:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RehearsalWarning)
            return int(options.run(options))
    except GrokLiveError as error:
        say(f"grok-live: {error_in_words_of_the_command(error, options.known)}", sys.stderr)
        return 1
    except Terminated as error:
        return 128 + error.signal_number
    except KeyboardInterrupt:
        return 130


class _Parser(argparse.ArgumentParser):
    """Refuses what it does not know with the nearest name, below the usage of the same command."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; that of a command would leave what it does not know to the parser above it."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            written = next((each for each in unknown if each.startswith("-")), None)
            if written is None:
                self.error(f"unrecognized arguments: {' '.join(unknown)}")
            name = written.partition("=")[0]
            self.error(f"there is no option {name}. {did_you_mean(name, _options_of(self))}")
        return options, unknown

    def error(self, message: str) -> NoReturn:
        """Print the usage and the message, and exit."""
        found = re.search(r"invalid choice: '(.+?)' \(choose from (.*)\)$", message)
        if found:  # No number, of which the nearest is not that with the most equal digits.
            near = did_you_mean(found[1], re.findall(r"[\w-]+", found[2]))
            message = f"{message}. {near}"
        super().error(message.strip())


def _options_of(parser: argparse.ArgumentParser) -> frozenset[str]:
    return frozenset(re.findall(r"--[a-z][a-z-]*", parser.format_usage()))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="grok-live",
        description="Talk with a live voice model, and study the conversation.",
        epilog="The API key is read from the environment variable XAI_API_KEY; without a key "
        "the built-in rehearsal answers.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_lab(commands)
    _add_lessons(commands)
    _add_talk(commands)
    _add_rehearse(commands)
    _add_replay(commands)
    _add_voices(commands)
    _add_doctor(commands)
    for command in commands.choices.values():
        # For messages, which name them.
        command.set_defaults(known=_options_of(command))
    return parser


# --------------------------------------------------------------------------- talk
def _add_talk(commands: Any) -> None:
    parser = commands.add_parser(
        "talk",
        help="send a recorded question and write the replies",
        epilog="example: sox question.flac -t wav - | grok-live talk - - | sox -t wav - reply.flac",
    )
    add = parser.add_argument
    add(
        "question",
        metavar="in.wav",
        help="the question: WAV, FLAC, OGG, MP3, AIFF and more; - reads standard input",
    )
    add(
        "replies",
        metavar="out.wav",
        help="all replies in order, mono: WAV, FLAC, OGG, MP3 or AIFF by the ending of its name; "
        "- writes WAV to standard output",
    )
    _add_server_options(add)
    add(
        "--push-to-talk",
        dest="turn_detection",
        action="store_const",
        const=PushToTalk(),
        default=ServerVad(),
        help="send the whole file as one turn",
    )
    rates = ", ".join(map(str, PCM_RATES_HZ))
    add(
        "--sample-rate",
        type=int,
        choices=PCM_RATES_HZ,
        default=SAMPLE_RATE_HZ,
        metavar="HZ",
        help=f"of the connection and of out.wav: {rates} (default: %(default)s)",
    )
    add(
        "--channel",
        type=_channel,
        metavar="left|right|mix|N",
        help="of a file with several channels: which one is sent, N counted from 1 (default: mix)",
    )
    add("--instructions", default="", help="how to answer, as a sentence to the model")
    add(
        "--timeout",
        type=_positive,
        default=60.0,
        metavar="S",
        help="how long to wait for replies after the question (default: %(default)g)",
    )
    add("--fast", action="store_true", help="run faster than real time (rehearsal only)")
    add("--json", action="store_true", help="print the turns as JSON on stdout")
    parser.set_defaults(run=_talk)


def _add_server_options(add: Any) -> None:
    """Options that say which server answers, and as whom; see `_settings_of`."""
    add(
        "--partner",
        choices=("parrot", "talker"),
        default=argparse.SUPPRESS,
        help=f"use the rehearsal: {_PARTNERS}",
    )
    add(
        "--dialect",
        choices=("auto", *DIALECTS),
        default="auto",
        help="the messages of the server: realtime is the service as it runs today, live the beta "
        "API; auto tries one after the other (default: %(default)s)",
    )
    add("--url", help="connect to this server instead of the service")
    add("--model", help="name of a model (default: that of the server)")
    add("--voice", help="name of a voice, see grok-live voices (default: that of the server)")


def _talk(options: argparse.Namespace) -> int:
    # All arguments are checked before a connection is opened.
    _check_streams(options)
    source = sys.stdin.buffer if options.question == _STREAM else options.question
    converter = ClipConverter(options.sample_rate)
    x, rate_hz = read_audio(source)
    name = "the input stream" if options.question == _STREAM else repr(options.question)
    pcm = converter.convert(_channel_of(x, options.channel, name), rate_hz)
    if not pcm:
        raise ConfigurationError(f"{name} contains no sound.", cure="Record it again.")
    if options.replies != _STREAM:
        _check_output(Path(options.replies), Path(options.question))
    connection = connect(**_settings_of(options))
    endpoint = connection.endpoint
    if options.fast and not endpoint.is_rehearsal:
        raise ConfigurationError(
            "--fast is for the rehearsal only; a live service listens in real time.",
            cure="Omit it, or add --partner.",
        )
    server = "the built-in rehearsal" if endpoint.is_rehearsal else endpoint.name
    say(f"Sending the question to {server}.", sys.stderr)
    for note in converter.take_notes():
        say(in_words_of_the_command(note, options.known), sys.stderr)
    exchange = _Exchange(connection, pcm, options)
    try:
        run_until_terminated(exchange.run())
    except (GrokLiveError, KeyboardInterrupt) as failure:
        exchange.deliver(failure)
        raise
    exchange.deliver()
    return 0


def _settings_of(options: argparse.Namespace) -> Any:
    """The settings among the options, which have the names of the settings."""
    known = SettingsKwargs.__optional_keys__
    return {name: value for name, value in vars(options).items() if name in known}


def _channel_of(x: NDArray[Any], channel: int | None, name: str) -> NDArray[Any]:
    """The channel of a sound that is sent, counted from 1; None: all of them, to be mixed."""
    if channel is None:
        return x
    channels = x.reshape(len(x), -1)
    if channel > channels.shape[1]:
        count = channels.shape[1]
        raise ConfigurationError(
            f"{name} has no channel {channel}: it has {count if count > 1 else 'only one'}.",
            cure="Choose another with --channel, or omit it.",
        )
    return channels[:, channel - 1]


class _Exchange:
    """A question sent over one session, and the replies: all of them, or those until it ended."""

    def __init__(self, connection: Connecting, pcm: bytes, options: argparse.Namespace) -> None:
        self._connection, self._pcm, self._options = connection, pcm, options
        self._session: Session | None = None
        connection.follow_notes(
            lambda text: say(in_words_of_the_command(text, options.known) or text, sys.stderr)
        )

    async def run(self) -> None:
        """Send the question, and receive all replies to it."""
        connection, options = self._connection, self._options
        server = connection.use_fast_rehearsal() if options.fast else None
        settled = None if server is None else lambda: server.settled_sample_count
        async with connection as session:
            self._session = session
            await talk_through(
                session,
                self._pcm,
                session.settings,
                settled_sample_count=settled,
                timeout_s=options.timeout,
            )

    def deliver(self, failure: BaseException | None = None) -> None:
        """Write and report what was received; after a failure only if there is something."""
        session, options = self._session, self._options
        if session is None:
            return
        parts = [turn.pcm for turn in session.turns.assistant]
        sound = np.concatenate(parts) if parts else np.empty(0, np.int16)
        is_written = failure is None or sound.size > 0
        if is_written:
            _write(options.replies, sound, options.sample_rate)
        _report(session, options, failure, is_written=is_written)


def _check_streams(options: argparse.Namespace) -> None:
    if options.question == _STREAM and (sys.stdin is None or sys.stdin.isatty()):
        state = "closed" if sys.stdin is None else "a terminal"
        raise ConfigurationError(
            f"standard input is {state}.", cure="Pipe a sound file into the command."
        )
    if options.replies != _STREAM:
        return
    if options.json:
        raise ConfigurationError(
            "--json and the replies cannot both go to standard output.",
            cure="Name a file for the replies.",
        )
    if sys.stdout is None or sys.stdout.isatty():
        state = "closed" if sys.stdout is None else "a terminal"
        raise ConfigurationError(
            f"standard output is {state}.",
            cure="Name a file, or add a pipe.",
        )


def _check_output(path: Path, question: Path) -> None:
    """Refuse an output file that cannot be written, before the replies depend on it."""
    _format_of(path)
    if not path.parent.is_dir():
        raise ConfigurationError(
            f"there is no folder {str(path.parent)!r}.", cure="Create it, or name another file."
        )
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigurationError(f"{str(path)!r} cannot be written.", cure="Name another file.")
    if path.exists() and question.exists() and path.samefile(question):
        raise ConfigurationError(
            "the replies would overwrite the question.", cure="Name another file."
        )


# The formats of sound in which replies are written, by the ending of the file's name.
_FORMATS = {
    "": "WAV",
    ".wav": "WAV",
    ".flac": "FLAC",
    ".ogg": "OGG",
    ".mp3": "MP3",
    ".aif": "AIFF",
    ".aiff": "AIFF",
}


def _format_of(path: Path) -> str:
    import soundfile

    name = _FORMATS.get(path.suffix.lower(), "")
    if name not in soundfile.available_formats():
        raise ConfigurationError(
            f"{str(path)!r} cannot be written: its ending is of no known format of sound.",
            cure="Use .wav, .flac, .ogg, .mp3 or .aiff.",
        )
    return name


def _encoded(pcm: NDArray[np.int16], rate_hz: int, name: str) -> bytes:
    if name == "WAV":
        return wav_bytes(pcm, rate_hz)
    import soundfile

    content = io.BytesIO()
    soundfile.write(content, pcm, rate_hz, format=name)
    return content.getvalue()


def _write(replies: str, pcm: NDArray[np.int16], rate_hz: int) -> None:
    try:
        if replies == _STREAM:
            sys.stdout.buffer.write(wav_bytes(pcm, rate_hz))
            sys.stdout.buffer.flush()
        else:
            Path(replies).write_bytes(_encoded(pcm, rate_hz, _format_of(Path(replies))))
    except OSError as error:
        spare = Path(tempfile.gettempdir()) / f"grok-live-{os.getpid()}.wav"
        write_wav(spare, pcm, rate_hz)
        if replies == _STREAM:
            discard(sys.stdout)
        name = "standard output" if replies == _STREAM else repr(replies)
        raise ConfigurationError(
            f"{name} could not be written ({error.strerror}).",
            cure=f"The replies are in {spare}.",
        ) from None


def _positive(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < float(text) < 1e6:
            return float(text)
    raise argparse.ArgumentTypeError(f"a number greater than 0 is needed, not {text!r}")


_CHANNELS = {"mix": None, "left": 1, "right": 2}


def _channel(text: str) -> int | None:
    if text in _CHANNELS:
        return _CHANNELS[text]
    if text.isascii() and text.isdigit() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(
        f"a channel is left, right, mix or a number from 1, not {text!r}"
    )


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 65_535:
        return int(text)
    raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")


def _report(
    session: Session,
    options: argparse.Namespace,
    failure: BaseException | None,
    *,
    is_written: bool,
) -> None:
    turns = session.turns
    if options.json:
        names = ("role", "text", "text_source", "started_s", "duration_s", "latency_ms")
        more = ("was_interrupted", "is_approximate")
        report = {
            "replies": options.replies if is_written else None,
            "error": None if failure is None else _sentence_of(failure, options),
            "turns": [
                {name: rounded(name, getattr(turn, name)) for name in (*names, *more)}
                for turn in turns
            ],
        }
        say(json.dumps(report, indent=2))
        return
    is_streaming = options.replies == _STREAM
    for turn in turns:
        speaker = "You" if turn.role == "user" else "Reply"
        text = f"{speaker} ({turn.duration_s:.2f} s): {turn.text or '(no text)'}"
        say(text, sys.stderr if is_streaming else None)
    if is_written and not is_streaming:
        received = "The replies are" if failure is None else "What was received of the replies is"
        say(f"{received} in {options.replies}.")


def _sentence_of(failure: BaseException, options: argparse.Namespace) -> str:
    if isinstance(failure, GrokLiveError):
        return error_in_words_of_the_command(failure, options.known)
    return "the command was interrupted."


# --------------------------------------------------------------------------- rehearse
def _add_rehearse(commands: Any) -> None:
    parser = commands.add_parser(
        "rehearse",
        help="run the rehearsal server",
        epilog=f"faults, each of which occurs once:\n{faults.listing()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=_port, default=8765, help="0 selects a free port (default: %(default)s)")
    add(
        "--partner",
        choices=("parrot", "talker"),
        help=f"{_PARTNERS} (default: talker where a voice is installed, else parrot)",
    )
    add(
        "--script",
        metavar="FILE|NAME",
        help="answer with a script in YAML (docs/partners.md), or with one of this package: "
        f"{', '.join(READY)}",
    )
    add(
        "--key",
        dest="api_key",
        metavar="KEY",
        help="the only key to accept (default: any key)",
    )
    add(
        "--allow-origin",
        dest="allowed_origins",
        action="append",
        default=[],
        metavar="URL",
        help="a web page that may connect; may be repeated",
    )
    add(
        "--fault",
        dest="faults",
        action="append",
        default=[],
        metavar="NAME[:VALUE]",
        help="a fault from the list below; may be repeated",
    )
    title = "The rehearsal server is running (it is not Grok)"
    parser.set_defaults(run=_serve, title=title)


def _serve(options: argparse.Namespace) -> int:
    """Run a server with these options until the process is interrupted."""
    arguments = {name: value for name, value in vars(options).items() if name not in _NO_OPTIONS}
    title = arguments.pop("title")
    script = arguments.pop("script", None)
    if script is not None:
        if arguments["partner"] is not None:
            raise ConfigurationError(
                "--script and --partner exclude each other.", cure="Omit one of them."
            )
        arguments["partner"] = read = read_script(script)
        title = f"{title}, with the script {read.title or script!r}"
    with RehearsalServer(**arguments) as server:
        say(f"{title}; Ctrl-C stops it.")
        # `realtime` first: it is the one that other clients speak.
        for dialect in sorted(server.dialects, reverse=True):
            say(f"  {dialect:<9} {server.url(dialect)}")
        threading.Event().wait()
    return 0


# --------------------------------------------------------------------------- replay
def _add_replay(commands: Any) -> None:
    parser = commands.add_parser("replay", help="serve a saved talk to any client; needs no key")
    add = parser.add_argument
    add("replay", type=Path, metavar="path", help="a folder made by talk.save(path) or record=path")
    add("--port", type=_port, default=8765, help="0 selects a free port (default: %(default)s)")
    add("--speed", type=float, default=1.0, metavar="X", help="1 is the recorded speed")
    add("--step", action="store_true", help="wait for the client's messages before continuing")
    parser.set_defaults(run=_serve, title="The server of the recording is running")


# --------------------------------------------------------------------------- voices
def _add_voices(commands: Any) -> None:
    parser = commands.add_parser("voices", help="list the voices")
    parser.set_defaults(run=_voices)


def _voices(options: argparse.Namespace) -> int:
    """Print the voices that are known of each dialect, and those of the rehearsal."""
    say(repr(voices()))
    defaults = [f"{each.default_voice} in {name}" for name, each in DIALECTS.items()]
    say(f"Without a name the server speaks with its own, {' and '.join(defaults)}.")
    say("Other names are sent as they are; the service has custom voices too.")
    return 0


# --------------------------------------------------------------------------- doctor
def _add_doctor(commands: Any) -> None:
    parser = commands.add_parser(
        "doctor",
        help="find out why a talk does not work",
        description="Check the installation, the key, each step of the way to the server, and "
        "what it answers. The exit status is 1 if something failed; no key is printed.",
    )
    add = parser.add_argument
    _add_server_options(add)
    add(
        "--talk",
        action="store_true",
        help="ask one question by sound, too, and keep a recording for a report of an error",
    )
    add("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    report = doctor(talk=options.talk, **_settings_of(options))
    checks = [
        replace(check, cure=in_words_of_the_command(check.cure, options.known)) for check in report
    ]
    report = Report(checks, report.folder)
    say(report.to_json() if options.json else repr(report))
    return 0 if report.is_ok else 1


# --------------------------------------------------------------------------- lessons
def _add_lessons(commands: Any) -> None:
    parser = commands.add_parser(
        "lessons",
        help="copy the lessons into a folder",
        description="Copy the lessons, which are notebooks, into a folder. A file that is there "
        "is never overwritten.",
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="made where there is none")
    parser.set_defaults(run=_copy_lessons)


def _copy_lessons(options: argparse.Namespace) -> int:
    done = copy_lessons(options.folder)
    for sentence in done.sentences():
        say(sentence)
    return 0


# --------------------------------------------------------------------------- lab
def _add_lab(commands: Any) -> None:
    parser = commands.add_parser(
        "lab",
        help="open the lessons in JupyterLab",
        description="Copy the lessons into a folder, list them, and open one in JupyterLab. A file "
        "that is there is never overwritten.",
    )
    parser.add_argument(
        "lesson",
        nargs="?",
        default="1",
        metavar="NUMBER",
        help="the lesson to open, as in the list (default: %(default)s)",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(_LESSONS_FOLDER),
        metavar="DIR",
        help="where the lessons are copied to (default: %(default)s)",
    )
    parser.add_argument(
        "--port", type=_port, default=8888, help="default: %(default)s; the next free one if taken"
    )
    parser.add_argument("--no-open", action="store_true", help="only print the address")
    parser.add_argument(
        "--notebook", type=Path, help="open this notebook instead, and copy no lessons"
    )
    parser.set_defaults(run=_lab)


def _lab(options: argparse.Namespace) -> int:
    if importlib.util.find_spec("jupyterlab") is None:
        raise ConfigurationError(
            "JupyterLab is not installed.", cure="pip install 'grok-live-widget[lab]'"
        )
    notebook = options.notebook or _lesson(options.lesson, options.folder)
    if not notebook.is_file():
        raise ConfigurationError(f"there is no notebook {str(notebook)!r}.", cure="Check its path.")
    # As default_url, since the address that JupyterLab prints leads there.
    notebook = notebook.resolve()
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={notebook.parent}"]
    command += [f"--LabApp.default_url=/lab/tree/{quote(notebook.name)}", "--ip=127.0.0.1"]
    command += [f"--ServerApp.port={options.port}", "--LabApp.news_url=None"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    if options.no_open:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    # The folder `labconfig` there switches off the plugin that asks whether it may show news.
    paths = filter(None, [str(_PACKAGE), os.environ.get("JUPYTER_CONFIG_PATH")])
    return _run_until_stopped(command, JUPYTER_CONFIG_PATH=os.pathsep.join(paths))


def _lesson(number: str, folder: Path) -> Path:
    """Copy and list all lessons; returns the copy of one of them."""
    lessons = {lesson.name.partition("_")[0]: lesson.name for lesson in lesson_paths()}
    if (name := lessons.get(number.zfill(2))) is None:
        raise ConfigurationError(
            f"there is no lesson {number!r}.", cure=f"There are {', '.join(lessons)}."
        )
    done = copy_lessons(folder)
    for sentence in done.sentences():
        say(sentence)
    for each, file_name in lessons.items():
        say(f"  {each}  {title_of(done.folder / file_name)}")
    return done.folder / name


def _run_until_stopped(command: Sequence[str], **variables: str) -> int:
    """Run a program; where this process is to end, let the program end what it has started."""
    with subprocess.Popen(command, env=os.environ | variables) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            try:
                process.wait(_STOP_TIMEOUT_S)
            except (KeyboardInterrupt, subprocess.TimeoutExpired):
                process.kill()
            raise
