"""Talks and failures with a key, and all that anybody could overhear of them, printed.

A script that `test_secrets.py` runs: with every logger at its most talkative, asyncio in its
debug mode, and each error as a traceback with the locals of every frame that is not this file's
own. A key that is passed as an argument is in the frame of whoever passes it; nothing can be
done about that one.
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
from grok_live_widget.background import LoopThread

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
    """An error and all that led to it, with the locals of all frames but this file's."""
    while error is not None:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        for frame in told.stack:
            if frame.filename != __file__:
                print(f"FRAME {frame.filename}:{frame.name} {frame.line} {frame.locals}")
        print("ERROR", repr(error), error, vars(error))
        error = error.__cause__ or error.__context__


@contextlib.contextmanager
def saying(answer: bytes) -> Iterator[str]:
    """A server that answers any handshake with these bytes; its address."""
    thread = LoopThread("answering")

    async def serve() -> asyncio.Server:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()

        return await asyncio.start_server(talk, "127.0.0.1", 0)

    server = thread.run(serve())
    yield "ws://127.0.0.1:{}".format(server.sockets[0].getsockname()[1])
    thread.loop.call_soon_threadsafe(server.close)
    thread.close()


def attempt(what: str, do: Callable[[], Any]) -> None:
    print("CASE", what)
    try:
        do()
    except Exception as error:  # noqa: BLE001  (whatever comes is to be told)
        tell(error)
    else:
        print("WENT WELL")


def talk_at(url: str, **key: str) -> None:
    """A plain talk, one in a panel, and the line alone."""
    for make in (Talk, GrokLive):
        talk = make(url=url, **key, open_timeout_s=3)
        try:
            turn = talk.ask("Hello.", timeout_s=20)
            print(talk, vars(talk._core), talk.turns, turn, talk.settings, talk.notes)
        finally:
            print("STATE", talk.get_state() if isinstance(talk, GrokLive) else "")
            talk.close()

    async def alone() -> None:
        line = connect(url=url, **key, open_timeout_s=3)
        print(line, vars(line))
        async with line as session:
            print(session, vars(session), vars(session._protocol))
            await session.send_text("Hello.")
            await session.respond()
            async for event in session:
                print(event)
                if "ResponseDone" in repr(event):
                    break

    asyncio.run(alone())


def every_case(key: str) -> None:
    given = {"api_key": key} if key else {}
    partner = lambda turn: "Yes."  # noqa: E731  (it has a name in no frame)
    right, wrong = os.environ["RIGHT_KEY"], "another-key"
    for dialect in DIALECTS:
        with RehearsalServer(partner, speed=1e9, api_key=right) as server:
            attempt(f"{dialect} talk", lambda: talk_at(server.url(dialect), **given))
            print(server, vars(server).get("_settings"))
        with RehearsalServer(partner, api_key=wrong) as server:
            attempt(f"{dialect} wrong key", lambda: talk_at(server.url(dialect), **given))
            address = server.url(dialect)
        attempt(f"{dialect} nobody there", lambda: talk_at(address, **given))
        for name, answer in ANSWERS.items():
            with saying(answer) as address:
                attempt(f"{dialect} {name}", lambda: talk_at(f"{address}/v1/{dialect}", **given))
    for name, settings in {
        "unprotected": {"url": "ws://example.test/v1/live"},
        "unknown setting": {"voise": "nova"},
        "wrong setting": {"sample_rate": 8000},
    }.items():
        for make in (Talk, GrokLive, connect):
            attempt(name, lambda: make(**settings, **given))
    for make in (Talk, GrokLive, connect):
        attempt("no key at all", lambda: make(api_key=f" {right}\n{right} "))
    gc.collect()


if __name__ == "__main__":
    listen_to_everything()
    print("VERSION", websockets.__version__)
    every_case(sys.argv[1] if len(sys.argv) > 1 else "")
