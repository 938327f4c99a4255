"""Opens a session as the processes of a connection and of a rehearsal do, and tells at each step
which of the modules have been imported whose import is put off.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from types import ModuleType
from typing import Any

# These put the import of numpy off.
import grok_live_widget.client.process.__main__
import grok_live_widget.rehearsal.__main__  # noqa: F401
from grok_live_widget._processes.imports import import_now
from grok_live_widget.client.process import host, messages
from grok_live_widget.client.process.pipe import Pipe
from grok_live_widget.client.process.tapes import SHARING, PassedMemory
from grok_live_widget.client.timeouts import Timeouts
from grok_live_widget.rehearsal.server import RehearsalServer
from grok_live_widget.settings import Settings

PUT_OFF = ("numpy", "importlib.metadata", "urllib.request", "shutil")


def tell(step: str) -> None:
    imported = [name for name in PUT_OFF if type(sys.modules[name]) is ModuleType]
    sys.stdout.write(f"{step}: {', '.join(imported) or 'none'}\n")


async def main() -> None:
    tell("imported")
    with RehearsalServer("parrot", api_key="any") as server:
        tell("listening")
        asked, answered = asyncio.Event(), asyncio.Event()
        host.import_now = lambda _: asked.set()  # type: ignore[attr-defined]

        def receive(received: list[Any]) -> None:
            if any(isinstance(each, messages.Returned) for each in received):
                tell("open")
                answered.set()

        down, up = os.pipe(), os.pipe()
        decode = messages.decoder_of(messages.Up)
        kernel = Pipe(up[0], down[1], decode, receive, lambda: None)
        kernel.start()
        begin = messages.Begin(
            settings=messages.plain_settings(Settings(url=server.url("realtime"))),
            key=messages.KeyFound("any", None),
            timeouts=Timeouts(),
            remembered={},
        )
        for message in (begin, messages.Request(1, "open", {})):
            kernel.send(messages.encode(message))
        near, _far = socket.socketpair()
        memory = PassedMemory(near) if SHARING == "descriptors" else None
        serving = asyncio.create_task(host.serve(down[0], up[1], memory, lambda *_: None))
        await answered.wait()
        await asked.wait()
        import_now("numpy")
        tell("asked for")
        sys.stdout.flush()  # The end of serving is the end of this process.
        kernel.close()
        await serving


asyncio.run(main())
