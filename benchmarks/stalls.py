"""What stalls the sound of a talk: a busy kernel, a busy page, much output, a killed kernel.

While the microphone is on and a reply of noise sounds, each of them happens. What is measured:

- *silence*: how long the playback worklet gave out nothing between the first and the last sample
  of the reply, with underruns, and samples that were lost;
- *late*: how long the chunks of the microphone were under way to the process of the connection,
  and how many samples were dropped;
- for a killed kernel, when the microphone was released, and when that process was gone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
from playwright.sync_api import Playwright

from tests.browser.cells import NOISE, RATE_OF_C
from tests.browser.notebook_page import NotebookPage
from tests.browser.speech import Studio

from .delay_part import COLLECT
from .lab_panel import LabPanel

MADE = """
live = GrokLive(partner=lambda turn: noise(14), processing=False, {settings})
"""
HOLD = "sum(range(int(4 * per_second)))"
# Beyond what Jupyter's server passes on; it belongs to no cell, so that the page draws none of it.
FLOOD = """
kernel = get_ipython().kernel
content = {"name": "stdout", "text": "x" * 50_000}
until_s = time.monotonic() + 4
while time.monotonic() < until_s:
    kernel.session.send(kernel.iopub_socket, "stream", content, parent={})
    time.sleep(0.005)
"""
BLOCK = """() => {
  const until = performance.now() + 3000;
  while (performance.now() < until);
}"""
STALLS = {
    "nothing": lambda notebook: time.sleep(4),
    "one call in C of 4 s": lambda notebook: notebook.kernel.do(HOLD, timeout_s=60),
    "output of 10 MB/s for 4 s": lambda notebook: notebook.kernel.do(FLOOD, timeout_s=60),
    "page blocked for 3 s": lambda notebook: notebook.page.evaluate(BLOCK),
}
QUANTUM = 128


def measure(playwright: Playwright, folder: Path, carriers: dict[str, str]) -> Iterator[str]:
    """The rows of a table; carriers with the arguments of `GrokLive`."""
    microphone = Studio(folder / "speech").noise(300).path
    yield (
        "| carrier | stall | silence [s] | underruns | lost [s] | late, median [ms] "
        "| late, greatest [ms] | dropped [s] |"
    )
    yield "|---|---|--:|--:|--:|--:|--:|--:|"
    for name, settings in carriers.items():
        made = NOISE + MADE.format(settings=settings) + RATE_OF_C + COLLECT
        with LabPanel(playwright, folder / name, "", microphone, made=made) as panel:
            notebook = panel.notebook
            notebook.wait(
                lambda: notebook.kernel.value("live.channel.kind") == name,  # noqa: B023
                what="the channel",
            )
            notebook.start()
            notebook.wait_for_status("Listening")
            for stall in STALLS:
                yield f"| {name} | {stall} | {' | '.join(figures_of(notebook, stall))} |"
            released_s, gone_s = killed_s(notebook)
        yield (
            f"| {name} | killed kernel: microphone released after {released_s:.2f} s, "
            f"process gone after {gone_s:.2f} s | | | | | | |"
        )


def figures_of(notebook: NotebookPage, stall: str) -> list[str]:
    before = (notebook.positions() or [{}])[-1]
    dropped = notebook.kernel.value("(delays['dropped'] or [0])[-1]")
    notebook.kernel.do("delays['up'].clear()")
    notebook.page.evaluate("seams.heard.length = seams.positions.length = 0")
    notebook.send_text("Make a noise.")
    notebook.wait_until_sounding(after_samples=12_000)
    STALLS[stall](notebook)
    notebook.wait_until_silent(1, timeout_s=60)
    after = notebook.positions()[-1]
    lost = after["lost_sample_count"] - before.get("lost_sample_count", 0)
    late_ms = notebook.kernel.value("delays['up']")
    dropped = notebook.kernel.value("(delays['dropped'] or [0])[-1]") - dropped
    return [
        f"{silence_s(notebook.heard(), notebook.device_rate_hz()):.2f}",
        str(after["underrun_count"] - before.get("underrun_count", 0)),
        f"{lost / 24_000:.2f}",
        f"{np.median(late_ms):.1f}",
        f"{max(late_ms):.1f}",
        f"{dropped / 24_000:.2f}",
    ]


def silence_s(heard: np.ndarray, rate_hz: int) -> float:
    """How long nothing was given out within the reply."""
    quanta = heard[: len(heard) // QUANTUM * QUANTUM].reshape(-1, QUANTUM)
    sounding = np.flatnonzero(np.abs(quanta).max(axis=1) > 0)
    return float(sounding[-1] + 1 - sounding[0] - len(sounding)) * QUANTUM / rate_hz


def killed_s(notebook: NotebookPage) -> tuple[float, float]:
    """When the microphone was released, and when the process was gone, after the kernel's end."""
    process_id = notebook.kernel.value("live._sessions.process_id")
    notebook.kill_kernel()
    begun_s = time.monotonic()
    found: dict[str, float] = {}
    while len(found) < 2 and time.monotonic() - begun_s < 20:
        passed_s = time.monotonic() - begun_s
        if is_gone(process_id):
            found.setdefault("gone", passed_s)
        if notebook.live_track_count() == 0:
            found.setdefault("released", passed_s)
        time.sleep(0.01)
    return found.get("released", np.inf), found.get("gone", np.inf)


def is_gone(process_id: int) -> bool:
    try:
        return bool(psutil.Process(process_id).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
