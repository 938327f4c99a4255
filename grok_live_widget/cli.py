"""The command ``grok-live``: ``lab``, ``talk in.wav out.wav``, ``rehearse``, ``replay``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from . import __version__
from .audio import SAMPLE_RATE_HZ, ClipConverter, read_audio, write_wav
from .client import Connecting, Session, connect, talk_through
from .conversation import Turns
from .exceptions import ConfigurationError, GrokLiveError, RehearsalWarning
from .protocol import PushToTalk, ServerVad
from .rehearsal import RehearsalServer, faults
from .settings import PCM_RATES_HZ, Settings

__all__ = ["main"]

_PACKAGE = Path(__file__).parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status.

    1 with one sentence on stderr for anything that went wrong, 130 when interrupted.
    """
    options = _parser().parse_args(arguments)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RehearsalWarning)
            return int(options.run(options))
    except GrokLiveError as error:
        print(f"grok-live: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="grok-live",
        description="Talk with a live voice model, and study what was said.",
        epilog="The API key is read from the environment (XAI_API_KEY); without one the "
        "built-in rehearsal answers.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="command")
    _add_lab(commands)
    _add_talk(commands)
    _add_rehearse(commands)
    _add_replay(commands)
    return parser


# --------------------------------------------------------------------------- talk
def _add_talk(commands: Any) -> None:
    parser = commands.add_parser("talk", help="send a recorded question, write the replies")
    parser.add_argument("question", type=Path, metavar="in.wav", help="what is said")
    parser.add_argument(
        "replies", type=Path, metavar="out.wav", help="gets all replies in order, mono PCM16"
    )
    parser.add_argument("--partner", choices=("parrot", "talker"), help="rehearse, with this one")
    parser.add_argument("--dialect", choices=("auto", "live", "realtime"), default="auto")
    parser.add_argument("--push-to-talk", action="store_true", help="the whole file is one turn")
    parser.add_argument(
        "--sample-rate",
        type=int,
        choices=PCM_RATES_HZ,
        default=SAMPLE_RATE_HZ,
        metavar="HZ",
        help=f"of the line and of out.wav: {', '.join(map(str, PCM_RATES_HZ))} (%(default)s)",
    )
    parser.add_argument("--url", help="another server than the service")
    parser.add_argument("--model")
    parser.add_argument("--voice")
    parser.add_argument("--instructions", default="")
    parser.add_argument(
        "--timeout", type=_positive, default=60.0, metavar="S", help="for replies, after the sound"
    )
    parser.add_argument(
        "--fast", action="store_true", help="do not wait for real time (rehearsal only)"
    )
    parser.add_argument("--json", action="store_true", help="describe the turns as JSON on stdout")
    parser.set_defaults(run=_talk)


def _talk(options: argparse.Namespace) -> int:
    # Everything that can be refused is refused before anything is opened.
    rate_hz = options.sample_rate
    pcm = ClipConverter(rate_hz).convert(*read_audio(options.question))
    if not pcm:
        raise ConfigurationError(f"{str(options.question)!r} has no sound in it.")
    _check_output(options.replies, options.question)
    settings = _settings(options)
    line = connect(**settings)
    if options.fast and not line.is_rehearsal:
        raise ConfigurationError(
            "--fast is for the rehearsal only; a live service hears in real time.",
            cure="Leave it out, or add --partner.",
        )
    _say(f"{'The built-in rehearsal' if line.is_rehearsal else line.name} is asked.")
    turns, replies, notes = asyncio.run(_carry(line, pcm, Settings(**settings), options))
    parts = [turn.pcm for turn in replies]
    _write(options.replies, np.concatenate(parts) if parts else np.empty(0, np.int16), rate_hz)
    for note in notes:
        _say(note)
    _report(turns, options)
    return 0


def _check_output(path: Path, question: Path) -> None:
    """Before anything is said: a talk is not to be lost at its end."""
    if not path.parent.is_dir():
        raise ConfigurationError(f"there is no folder {str(path.parent)!r}.")
    if path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK):
        raise ConfigurationError(f"{str(path)!r} cannot be written.", cure="Name another file.")
    if path.exists() and path.samefile(question):
        raise ConfigurationError(
            "the replies would be written over the question.", cure="Name another file."
        )


def _write(path: Path, pcm: NDArray[np.int16], rate_hz: int) -> None:
    try:
        write_wav(path, pcm, rate_hz)
    except OSError as error:
        spare = Path(tempfile.gettempdir()) / f"grok-live-{os.getpid()}.wav"
        write_wav(spare, pcm, rate_hz)
        raise ConfigurationError(
            f"{str(path)!r} could not be written ({error.strerror}); the replies are in {spare}."
        ) from None


def _positive(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 < float(text) < 1e6:
            return float(text)
    raise argparse.ArgumentTypeError(f"a number greater than 0 is needed, not {text!r}")


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 65_535:
        return int(text)
    raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text!r}")


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    given = {
        "dialect": options.dialect,
        "url": options.url,
        "model": options.model,
        "voice": options.voice,
        "instructions": options.instructions,
        "sample_rate": options.sample_rate,
        "turn_detection": PushToTalk() if options.push_to_talk else ServerVad(),
    }
    return {**given, **({"partner": options.partner} if options.partner else {})}


async def _carry(
    line: Connecting, pcm: bytes, settings: Settings, options: argparse.Namespace
) -> tuple[Turns, Turns, list[str]]:
    server = line.use_fast_rehearsal() if options.fast else None
    async with line as session:
        settled = None if server is None else lambda: server.settled_sample_count
        replies = await talk_through(
            session, pcm, settings, settled_sample_count=settled, timeout_s=options.timeout
        )
        return session.turns, replies, _losses(session)


def _losses(session: Session) -> list[str]:
    clipped = session.clipped_count
    return [f"{clipped} samples beyond full scale were clipped."] if clipped else []


def _report(turns: Turns, options: argparse.Namespace) -> None:
    if options.json:
        names = ("role", "text", "text_source", "started_s", "duration_s", "latency_ms")
        more = ("was_interrupted", "is_approximate")
        rows = [{name: getattr(turn, name) for name in (*names, *more)} for turn in turns]
        print(json.dumps({"replies": str(options.replies), "turns": rows}, indent=2))
        return
    for turn in turns:
        who = "You" if turn.role == "user" else "Reply"
        print(f"{who} ({turn.duration_s:.2f} s): {turn.text or '(no text)'}")
    print(f"Replies are in {options.replies}.")


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


# --------------------------------------------------------------------------- rehearse
def _add_rehearse(commands: Any) -> None:
    parser = commands.add_parser(
        "rehearse",
        help="run the rehearsal server alone",
        epilog=f"faults, each of which happens once:\n{faults.listing()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=_port, default=8765, help="0 takes a free one")
    parser.add_argument("--partner", choices=("parrot", "talker"))
    parser.add_argument("--key", help="the only key to accept (any, without this)")
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="URL",
        help="a web page that may connect; may be given again",
    )
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[:VALUE]",
        help="what goes wrong, of those below; may be given again",
    )
    parser.set_defaults(run=_rehearse)


def _rehearse(options: argparse.Namespace) -> int:
    server = RehearsalServer(
        options.partner,
        port=options.port,
        api_key=options.key,
        allowed_origins=options.allow_origin,
        faults=options.fault,
    )
    with server:
        print("The rehearsal listens (it is not Grok); Ctrl-C ends it.")
        for dialect in ("realtime", "live"):
            print(f"  {dialect:<9} {server.url(dialect)}", flush=True)
        threading.Event().wait()
    return 0


# --------------------------------------------------------------------------- replay
def _add_replay(commands: Any) -> None:
    parser = commands.add_parser("replay", help="play a saved talk to any client; needs no key")
    parser.add_argument("path", type=Path, help="what talk.save(path) or record=path has made")
    parser.add_argument("--port", type=_port, default=8765, help="0 takes a free one")
    parser.add_argument(
        "--speed", type=float, default=1.0, metavar="X", help="1 is as it was recorded"
    )
    parser.add_argument(
        "--step", action="store_true", help="wait for what the client says before going on"
    )
    parser.set_defaults(run=_replay)


def _replay(options: argparse.Namespace) -> int:
    server = RehearsalServer(
        replay=options.path, port=options.port, speed=options.speed, step=options.step
    )
    with server:
        print("The recording listens (nobody else answers); Ctrl-C ends it.")
        for dialect in server.dialects:
            print(f"  {dialect:<9} {server.url(dialect)}", flush=True)
        threading.Event().wait()
    return 0


# --------------------------------------------------------------------------- lab
def _add_lab(commands: Any) -> None:
    parser = commands.add_parser("lab", help="open JupyterLab on the lessons")
    parser.add_argument("--port", type=_port, default=8888)
    parser.add_argument("--no-open", action="store_true", help="only print the address")
    parser.add_argument("--notebook", type=Path, help="open this one instead")
    parser.set_defaults(run=_lab)


def _lab(options: argparse.Namespace) -> int:
    notebook = options.notebook or _lesson()
    if not notebook.is_file():
        raise ConfigurationError(f"there is no notebook {str(notebook)!r}.")
    # Not as an argument of its own: the address that is printed would not lead to it.
    notebook = notebook.resolve()
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={notebook.parent}"]
    command += [f"--LabApp.default_url=/lab/tree/{quote(notebook.name)}", "--ip=127.0.0.1"]
    command += [f"--ServerApp.port={options.port}", "--LabApp.news_url=None"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    if options.no_open:
        command.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command.append("--allow-root")
    _need_jupyterlab()
    return subprocess.call(command)


def _need_jupyterlab() -> None:
    if importlib.util.find_spec("jupyterlab") is None:
        raise ConfigurationError(
            "JupyterLab is not installed.", cure="pip install 'grok-live-widget[lab]'"
        )


def _lesson() -> Path:
    """The first lesson: in a checkout where it stands, otherwise a copy of your own here."""
    checkout = _PACKAGE.parent / "notebooks"
    if checkout.is_dir() and (_PACKAGE.parent / "pyproject.toml").is_file():
        return checkout / "01_hello_grok.ipynb"
    target = Path("grok_live_lessons")
    for lesson in sorted((_PACKAGE / "lessons").glob("*.ipynb")):
        target.mkdir(exist_ok=True)
        if not (target / lesson.name).exists():
            shutil.copy(lesson, target)
    return target / "01_hello_grok.ipynb"
