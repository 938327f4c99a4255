"""A long talk, compressed in time, with barge-ins and broken connections; prints its results.

``python -m tests.support.soak question.wav 2``. test_soak.py runs it in a process of its own,
whose memory is measured; the server is in another process. With 0 minutes it runs a reader that
does not read instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from grok_live_widget import RehearsalServer, Talk, connect
from grok_live_widget.audio import read_audio
from grok_live_widget.client.talk import TALK_THREAD
from grok_live_widget.exceptions import SessionClosedError

from .cable import Cable
from .sound import RATE_HZ, tone
from .waiting import wait_until

REPLY_S = 12
# Fast, but slow enough that a reply can be interrupted.
SPEED = 25.0


# --------------------------------------------------------------------------- the server
def serve() -> None:
    """Answer every turn with a long tone, until standard input is closed."""
    sound = tone(REPLY_S)

    def answer(turn: Any) -> Iterator[np.ndarray]:
        yield from np.split(sound, REPLY_S)

    with RehearsalServer(answer, api_key="k", speed=SPEED, words=False) as server:
        print(server.url(), flush=True)
        sys.stdin.read()


# --------------------------------------------------------------------------- one talk
class Soak:
    """A talk of many turns, some of which are interrupted."""

    def __init__(self, talk: Talk, cable: Cable, question: np.ndarray) -> None:
        self.talk, self.cable, self.question = talk, cable, question
        self.event_count = 0
        talk.add_listener(self._count)
        self.counts = dict.fromkeys(("asked", "barged in", "cut idle", "cut in a reply"), 0)

    def _count(self, *_: Any) -> None:
        self.event_count += 1

    @property
    def minutes(self) -> float:
        usage = self.talk.usage
        return (usage.sent_s + usage.received_s) / 60

    def step(self, number: int) -> None:
        """Ask; interrupt every fifth reply, and break the connection at every seventh step."""
        if number % 7 == 6:
            self._break(in_a_reply=number % 2 == 0)
        if number % 5 == 4:
            self._barge_in()
        self.talk.ask(self.question, RATE_HZ)
        self.counts["asked"] += 1

    def _begin_reply(self) -> None:
        count = len(self.talk.turns.assistant)
        self.talk.say(self.question, RATE_HZ)
        wait_until(lambda: len(self.talk.turns.assistant) > count)

    def _barge_in(self) -> None:
        self._begin_reply()
        reply = self.talk.turns.assistant[-1]
        self.talk.say(self.question, RATE_HZ)
        wait_until(lambda: reply.is_complete)
        self.counts["barged in"] += reply.was_interrupted

    def _break(self, *, in_a_reply: bool) -> None:
        before = self.cable.count
        if in_a_reply:
            self._begin_reply()
        self.cable.cut()
        wait_until(lambda: self.cable.count > before and self.talk.phase == "open")
        self.counts["cut in a reply" if in_a_reply else "cut idle"] += 1


def resident_mb() -> float:
    gc.collect()
    (line,) = [
        each
        for each in Path("/proc/self/status").read_text("utf-8").splitlines()
        if each.startswith("VmRSS")
    ]
    return int(line.split()[1]) / 1024


def kept_mb(talk: Talk) -> float:
    """The memory that the sound of both sides takes."""
    spoken = sum(len(turn.pcm) for turn in talk.turns.assistant)
    return (spoken + len(talk._sessions.conversation.user_tape)) * 2 / 2**20


async def _task_count() -> int:
    return len(asyncio.all_tasks()) - 1


def soak(url: str, question: np.ndarray, minutes: float) -> dict[str, Any]:
    cable = Cable(url)
    talk = Talk(url=cable.url, api_key="k", resumption=False)
    soak = Soak(talk, cable, question)
    for number in range(7):
        soak.step(number)
    before, kept_before, counted = resident_mb(), kept_mb(talk), soak.event_count
    number = 7
    while soak.minutes < minutes or number < 21:
        with contextlib.suppress(SessionClosedError):
            soak.step(number)
        number += 1
    found = {
        "minutes": soak.minutes,
        "grown_mb": resident_mb() - before,
        "kept_mb": kept_mb(talk) - kept_before,
        "event_count": soak.event_count - counted,
        "counts": soak.counts,
        "turn_count": len(talk.turns),
        "seam_count": sum(bool(turn.seam) for turn in talk.turns),
    }
    talk.close()
    found["incomplete"] = [repr(turn) for turn in talk.turns if not turn.is_complete]
    found["task_count"] = TALK_THREAD.run(_task_count())
    cable.close()
    found["threads"] = sorted(thread.name for thread in threading.enumerate())
    return found


# --------------------------------------------------------------------------- a reader that waits
async def sleep_over(url: str) -> dict[str, Any]:
    """Ask for ten minutes of sound, and read only one event."""
    async with connect(url=url, api_key="k") as session:
        events = aiter(session)
        before = resident_mb()
        for _ in range(600 // REPLY_S):
            await session.send_text("Go on.")
            await session.respond()
        while not events.flow.is_paused:  # type: ignore[attr-defined]  # noqa: ASYNC110  (no event signals it)
            await asyncio.sleep(0.05)
        full = received_s(session)
        # Long enough for all of it to arrive, if the client read on.
        await asyncio.sleep(600 / SPEED / 4)
        found = {"grown_mb": resident_mb() - before, "received_s": received_s(session)}
        found["received_since_s"] = found["received_s"] - full
        await anext(events)
        return found


def received_s(session: Any) -> float:
    return sum(turn.duration_s for turn in session.turns.assistant)


def main() -> None:
    if sys.argv[1] == "serve":
        serve()
        return
    question, minutes = read_audio(sys.argv[1])[0], float(sys.argv[2])
    command = [sys.executable, "-m", "tests.support.soak", "serve"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        found = soak(url, question, minutes) if minutes else asyncio.run(sleep_over(url))
        print(json.dumps(found))
        assert server.stdin is not None
        server.stdin.close()


if __name__ == "__main__":
    main()
