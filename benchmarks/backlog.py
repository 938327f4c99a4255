"""What replies that wait for the loudspeaker cost the kernel, as a share of a core.

    python -m benchmarks.backlog [replies]

A page without a browser plays in real time what the bridge sends, with one reply and with many
that wait behind it. The difference of the two shares is the cost of the waiting ones.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import numpy as np

from grok_live_widget import RehearsalServer
from grok_live_widget.client import ReconnectingSession, wrap_secret
from grok_live_widget.client.ask import Asker
from grok_live_widget.client.endpoint import resolve_endpoint
from grok_live_widget.client.timeouts import Timeouts
from grok_live_widget.diagnostics import Check
from grok_live_widget.settings import settings_from
from grok_live_widget.widget.bridge import FrontendBridge
from grok_live_widget.widget.messages import KernelMessage, decode, encode

RATE_HZ = 24_000
REPLY_S = 12
MEASURED_S = 8.0
REPORT_S = 0.1


class Page:
    """Plays replies in real time, and reports the playhead ten times a second."""

    def __init__(self, bridge: FrontendBridge | None = None) -> None:
        self.bridge = bridge
        self._ends: dict[int, tuple[dict[str, Any], int]] = {}

    def receive(self, message: KernelMessage, buffer: bytes | None) -> None:
        content = encode(message)
        if content["type"] != "audio":
            return
        end = content["sample_offset"] + len(buffer or b"") // 2
        self._ends[content["reply"]] = (content, end)
        self.send("received", session=content["session"], seq=content["seq"])

    def send(self, kind: str, **fields: Any) -> None:
        message = decode({"type": kind, "page": "p", "clock_ms": time.time() * 1000, **fields})
        assert message is not None
        assert self.bridge is not None
        now_s = asyncio.get_running_loop().time()
        asyncio.get_running_loop().call_soon(self.bridge.receive, message, None, now_s)

    async def play(self, duration_s: float) -> None:
        begun_s = time.monotonic()
        while (passed_s := time.monotonic() - begun_s) < duration_s:
            audio, end = self._ends[1]
            played = min(end, round(passed_s * RATE_HZ))
            place = {name: audio[name] for name in ("session", "epoch", "reply")}
            self.send("playhead", **place, sample_count=played)
            await asyncio.sleep(REPORT_S)


async def no_checks(_: str) -> AsyncIterator[list[Check]]:
    """The doctor is not asked."""
    yield []


async def share_of_a_core(reply_count: int) -> tuple[float, float]:
    """Of this process while the first of so many replies plays, and seconds for each ask."""
    sound = np.zeros(REPLY_S * RATE_HZ, np.int16)
    server = RehearsalServer(lambda turn: sound, speed=float("inf")).start()
    settings = settings_from({"url": server.url(), "dialect": "realtime"})
    key = wrap_secret("k")
    talk = ReconnectingSession(settings, key, resolve_endpoint(settings, key), Timeouts())
    asker = Asker(talk)
    ask = partial(asker.ask, sample_rate=None, timeout_s=60)
    page = Page()
    page.bridge = bridge = FrontendBridge(talk, page.receive, ask, no_checks)
    page.send("hello", version="0", microphone="ok", device_rate_hz=48_000)
    begun_s = time.monotonic()
    for _ in range(reply_count):
        await asker.ask("go on", None, timeout_s=60)
    ask_s = (time.monotonic() - begun_s) / reply_count
    used_s, begun_s = time.process_time(), time.monotonic()
    await page.play(MEASURED_S)
    share = (time.process_time() - used_s) / (time.monotonic() - begun_s)
    await bridge.close()
    await talk.close()
    server.close()
    return share, ask_s


def main() -> None:
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    for count in (1, many):
        share, ask_s = asyncio.run(share_of_a_core(count))
        print(f"{count:4d} replies: {share:.3f} of a core while one plays, {ask_s:.2f} s each ask")


if __name__ == "__main__":
    main()
