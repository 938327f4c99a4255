"""Talks and failures with a key, and everything observable of them, printed.

A script that `test_secrets.py` runs: with every logger at its lowest level, asyncio in debug
mode, and the locals of every stack frame of an error except those of this file, which has to
pass the key as an argument.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import websockets

from grok_live_widget import GrokLive, RehearsalServer, Talk, connect
from grok_live_widget._threads import LoopThread

KEY_NAME = "XAI_API_KEY"
DIALECTS = ("realtime", "live")
ANSWERS = {
    "bad_request": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 17\r\n\r\nIncorrect API key",
    "unauthorized": b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
    "forbidden": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    "elsewhere": b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n",
    "too_many": b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
    "broken": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
    "no_web": b"SSH-2.0-OpenSSH\r\n\r\n",
    "hangs_up": b"",
}


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def listen_to_everything() -> None:
    logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, format="LOG %(name)s %(message)s")
    logging.captureWarnings(capture=True)
    warnings.simplefilter("always")
    for name in ("websockets", "websockets.client", "websockets.server", "grok_live_widget"):
        logging.getLogger(name)
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger) and not logger.name.endswith("rehearsal.socket"):
            logger.setLevel(logging.DEBUG)
            logger.propagate = True


def tell(error: BaseException | None) -> None:
    """Print an error and its causes, with the locals of all stack frames outside this file."""
    while error is not None:
        for frame, line in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename != __file__:
                say("FRAME", frame.f_code.co_filename, line, frame.f_code.co_qualname)
                for name, value in frame.f_locals.items():
                    say("LOCAL", name, shown(value))
        say("ERROR", repr(error), error, vars(error))
        error = error.__cause__ or error.__context__


def shown(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  (an incomplete object may have no repr)
        return f"({error!r})"


@contextlib.contextmanager
def saying(answer: bytes) -> Iterator[str]:
    """Run a server that answers each handshake with these bytes; yield its address."""
    thread = LoopThread("answering")

    async def serve() -> asyncio.Server:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()

        return await asyncio.start_server(talk, "127.0.0.1", 0)

    server = thread.run(serve())
    yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    thread.loop.call_soon_threadsafe(server.close)
    thread.close()


def attempt(what: str, do: Callable[..., Any], *arguments: Any, **settings: Any) -> None:
    say("CASE", what)
    try:
        do(*arguments, **settings)
    except Exception as error:  # noqa: BLE001  (every error is to be printed)
        tell(error)
    else:
        say("WENT WELL")


def talk_at(url: str, **key: str) -> None:
    """A plain talk, one in a panel, and a session alone."""
    for make in (Talk, GrokLive):
        talk = make(url=url, **key, open_timeout_s=3)
        try:
            turn = talk.ask("Hello.", timeout_s=20)
            say(talk, vars(talk._sessions), talk.turns, turn, talk.settings, talk.notes)
        finally:
            say("STATE", talk.get_state() if isinstance(talk, GrokLive) else "")
            talk.close()

    async def alone() -> None:
        connector = connect(url=url, **key, open_timeout_s=3)
        say(connector, vars(connector))
        async with connector as session:
            say(session, vars(session), vars(session._protocol))
            await session.send_text("Hello.")
            await session.respond()
            async for event in session:
                say(event)
                if "ResponseDone" in repr(event):
                    break

    asyncio.run(alone())


def every_case(key: str) -> None:
    given = {"api_key": key} if key else {}
    partner = lambda turn: "Yes."  # noqa: E731  (a def would put its name into a frame)
    right, wrong = os.environ["RIGHT_KEY"], "another-key"
    for dialect in DIALECTS:
        with RehearsalServer(partner, speed=1e9, api_key=right) as server:
            attempt(f"{dialect} talk", talk_at, server.url(dialect), **given)
            say(server, vars(server).get("_settings"))
        with RehearsalServer(partner, api_key=wrong) as server:
            attempt(f"{dialect} wrong key", talk_at, server.url(dialect), **given)
            address = server.url(dialect)
        attempt(f"{dialect} no server", talk_at, address, **given)
        for name, answer in ANSWERS.items():
            with saying(answer) as address:
                attempt(f"{dialect} {name}", talk_at, f"{address}/v1/{dialect}", **given)
    wrong_settings: dict[str, dict[str, Any]] = {
        "unprotected": {"url": "ws://example.test/v1/live"},
        "unknown setting": {"voise": "nova"},
        "wrong setting": {"sample_rate": 1},
    }
    for name, settings in wrong_settings.items():
        for make in (Talk, GrokLive, connect):
            attempt(name, make, **settings, **given)
    twice = f" {right}\n{right} "
    if not key:
        os.environ[KEY_NAME] = twice
    for make in (Talk, GrokLive, connect):
        attempt("no key at all", make, **({"api_key": twice} if key else {}))
    gc.collect()


if __name__ == "__main__":
    listen_to_everything()
    say("VERSION", websockets.__version__)
    every_case(sys.argv[1] if len(sys.argv) > 1 else "")
