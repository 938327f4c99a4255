"""A tab that is really hidden for a minute, behind another one, in a browser with a screen."""

from __future__ import annotations

import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from playwright.sync_api import Playwright

from ..support.waiting import wait_until
from .browsers import CHROMIUM, HERE, SWITCHES
from .cells import NOISE
from .kernel_window import KernelWindow
from .lab_server import LabServer
from .notebook_page import NotebookPage
from .sound import segment_correlations
from .speech import Studio

pytestmark = [
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed"),
]

HIDDEN_S = 60
MADE = f"""
live = GrokLive(
    partner=lambda turn: noise({HIDDEN_S + 30}),
    processing=False, channel="direct", record="hidden_talk",
)
live
"""
WATCH = """() => {
  globalThis.shown = [[document.visibilityState, Date.now()]];
  document.addEventListener("visibilitychange", () => {
    shown.push([document.visibilityState, Date.now()]);
  });
}"""


@contextmanager
def screen() -> Iterator[str]:
    """The name of an X display that is in memory."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x800x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL) as server:
        os.close(write)
        try:
            with os.fdopen(read) as told:
                yield f":{told.readline().strip()}"
        finally:
            server.terminate()


@contextmanager
def chromium(display: str, profile: Path, microphone: Path) -> Iterator[str]:
    """The address at which a browser with a window can be controlled.

    Playwright keeps each page that it controls visible; it is connected only where none is hidden.
    """
    command = [
        *(CHROMIUM, *SWITCHES, f"--user-data-dir={profile}", "--remote-debugging-port=0"),
        *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
        *(f"--use-file-for-fake-audio-capture={microphone}%noloop", "--mute-audio"),
        # Hidden pages are throttled further after 10 s, and not after 5 min only.
        "--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/10",
        # The page of new tabs may answer Playwright late, or not at all.
        "about:blank",
    ]
    environment = os.environ | {"DISPLAY": display}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as browser:
        try:
            port = profile / "DevToolsActivePort"
            wait_until(lambda: port.exists() and port.read_text().strip(), what="the browser")
            yield f"http://127.0.0.1:{port.read_text().split()[0]}"
        finally:
            browser.terminate()


def test_a_talk_goes_on_in_a_hidden_tab(
    lab: LabServer, playwright: Playwright, studio: Studio, tmp_path: Path
) -> None:
    path = lab.write_notebook("hidden_tab", [NOISE, MADE])
    session_id, kernel_id = lab.begin_kernel(path, "python3")
    kernel = KernelWindow(lab.runtime_dir / f"kernel-{kernel_id}.json", tmp_path)
    script = studio.noise(HIDDEN_S + 60)
    with screen() as display, chromium(display, tmp_path / "profile", script.path) as address:
        browser = playwright.chromium.connect_over_cdp(address, timeout=90_000)
        [context] = browser.contexts
        context.add_init_script(path=HERE / "seams.js")
        notebook = NotebookPage(context.pages[0], lab, path, kernel)
        notebook.load()
        notebook.run_cells(0, 1)
        notebook.wait(lambda: kernel.value("live.channel.kind") == "direct", what="the channel")
        notebook.start()
        notebook.send_text("Make a noise.")
        notebook.wait_until_sounding(after_samples=12_000)
        notebook.page.evaluate(WATCH)
        browser.close()

        urllib.request.urlopen(urllib.request.Request(f"{address}/json/new", method="PUT")).close()
        before = kernel.value("live.usage.sent_s")
        wait_until(
            lambda: kernel.value("live.usage.sent_s") > before + HIDDEN_S,
            timeout_s=HIDDEN_S + 20,
            what=f"{HIDDEN_S} s of the microphone",
        )

        browser = playwright.chromium.connect_over_cdp(address, timeout=90_000)
        [page] = [each for each in browser.contexts[0].pages if "hidden_tab" in each.url]
        notebook = NotebookPage(page, lab, path, kernel)
        states = page.evaluate("shown")
        assert [state for state, _ in states][:2] == ["visible", "hidden"]
        hidden_until_ms = states[2][1] if len(states) > 2 else page.evaluate("Date.now()")
        assert hidden_until_ms - states[1][1] > 1000 * (HIDDEN_S - 1)

        notebook.wait_until_silent(1)
        reply = kernel.array("live.turns.assistant[0].pcm")
        assert len(reply) == 24_000 * (HIDDEN_S + 30)
        np.testing.assert_array_equal(notebook.ring(), reply)
        assert notebook.positions()[-1]["underrun_count"] == 0
        assert kernel.value("live.turns.assistant[0].heard_sample_count") == len(reply)
        assert notebook.losses() == ""
        said, rate_hz = soundfile.read(
            kernel.value("str((live.save('saved') / 'user.wav').resolve())")
        )
        browser.close()
    assert rate_hz == 24_000
    # A second of every ten, most of them while it was hidden.
    places = range(5, HIDDEN_S, 10)
    seconds = [script.samples[script.rate_hz * at : script.rate_hz * (at + 1)] for at in places]
    found = segment_correlations(np.concatenate(seconds), script.rate_hz, said)
    assert np.mean(found > 0.97) >= 0.9
    kernel.close()
    lab.end_session(session_id)
