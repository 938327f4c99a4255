"""The server of `benchmarks.panel`, in a process of its own; prints its address.

It speaks as many seconds as a message asks for ("… for 20 s"), else 8 s. A question about the past
is answered at once, any other text at three times the pace of speech, about as by the service.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from grok_live_widget import RehearsalServer
from grok_live_widget.rehearsal.partner import PartnerTurn
from grok_live_widget.rehearsal.tts import Spoken, speak

RATE_HZ = 24_000
PACE = 3.0
TALE = (
    "The quick brown fox jumps over the lazy dog, and then it sleeps for a while in the sun. "
    "Nobody in the village had ever seen **such a thing**, so they talked of it until evening. "
)


def answer(turn: PartnerTurn) -> Iterator[Spoken]:
    """Words for as many seconds as are asked for."""
    asked = re.search(r"for ([\d.]+) s", turn.text)
    sample_count = round((float(asked.group(1)) if asked else 8.0) * RATE_HZ)
    is_past = turn.text.startswith("Question")
    yield from paced(words(turn.voice), sample_count, float("inf") if is_past else PACE)


def words(voice: str) -> Iterator[Spoken]:
    while True:
        yield from speak(TALE, voice)


def paced(spoken: Iterator[Spoken], sample_count: int, pace: float) -> Iterator[Spoken]:
    due_s = time.monotonic()
    for word in spoken:
        if sample_count <= 0:
            return
        yield Spoken(word.pcm[:sample_count], word.text)
        sample_count -= len(word.pcm)
        due_s += len(word.pcm) / RATE_HZ / pace
        time.sleep(max(0.0, due_s - time.monotonic()))


def main() -> None:
    with RehearsalServer(answer, speed=float("inf"), words=False) as server:
        print(server.url(), flush=True)
        while True:
            time.sleep(3600)


if __name__ == "__main__":
    main()
