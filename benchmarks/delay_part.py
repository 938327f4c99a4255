"""A part of the connection's process that measures how long sound is under way.

Page and process read the same clock of the computer: `Date.now()`, with a resolution of 1 ms, and
`time.time()`.
"""

from __future__ import annotations

import time
from typing import Any

from grok_live_widget.widget.messages import Audio, KernelMessage, Microphone, Playhead
from grok_live_widget.widget.page_sound import PageSound

REPORT_EVERY = 25
# Code for the kernel in which the talk is `live`: collects what is reported.
COLLECT = """
delays = {"up": [], "dropped": [], "first sound": [], "sent": []}
live._sessions.supervisor.add_part(
    "benchmarks.delay_part",
    lambda content, buffer: delays[content[0]].extend(content[1]),
)
"""


def add_to(host: Any) -> None:
    """Report the delays of chunks of the microphone, and of the first sample of each reply, when
    each chunk of a reply is sent [ms], and how many samples of the microphone were dropped.
    """
    up: list[float] = []
    dropped_count = 0
    sent_ms: dict[int, float] = {}
    receive, send = PageSound._receive_microphone, PageSound._send
    play = PageSound._receive_playhead

    def received(self: PageSound, message: Microphone, pcm: bytes, arrived_s: float) -> None:
        nonlocal dropped_count
        up.append(1000 * time.time() - message.captured_at_ms)
        if message.dropped_sample_count != dropped_count:
            dropped_count = message.dropped_sample_count
            host.send_part(__name__, ("dropped", [dropped_count]))
        if len(up) == REPORT_EVERY:
            host.send_part(__name__, ("up", [*up]))
            up.clear()
        receive(self, message, pcm, arrived_s)

    def sent(self: PageSound, message: KernelMessage, pcm: bytes | None) -> None:
        if isinstance(message, Audio):
            now_ms = 1000 * time.time()
            if message.sample_offset == 0:
                sent_ms.setdefault(message.reply, now_ms)
            chunk = (message.reply, message.sample_offset, now_ms)
            host.send_part(__name__, ("sent", [chunk]))
        send(self, message, pcm)

    def played(self: PageSound, message: Playhead, arrived_s: float) -> None:
        if message.first_sound_at_ms is not None and message.reply in sent_ms:
            delay_ms = message.first_sound_at_ms - sent_ms.pop(message.reply)
            host.send_part(__name__, ("first sound", [delay_ms]))
        play(self, message, arrived_s)

    PageSound._receive_microphone = received  # type: ignore[method-assign]
    PageSound._send = sent  # type: ignore[method-assign]
    PageSound._receive_playhead = played  # type: ignore[method-assign]
