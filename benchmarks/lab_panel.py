"""A panel in JupyterLab and Chromium, as the browser tests start them, with a server of its own.

What each part costs is read from the processes: the renderer of the page, the rest of the browser,
the Jupyter server, the kernel, and the process of the connection. The voice server, a rehearsal, is
a process of its own, whose time is read, too, and belongs to no part.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import psutil
from playwright.sync_api import CDPSession, Playwright

from tests.browser.browsers import Browsers
from tests.browser.kernel_window import KernelWindow
from tests.browser.lab_server import LabServer
from tests.browser.notebook_page import NotebookPage

ROOT = Path(__file__).parents[1]
PARTS = ("page", "browser", "server", "kernel", "connection")
REHEARSAL = "rehearsal"

# The turns before the panel is shown are asked without a page, as fast as it goes.
_ASKED = "for number in range({count}): live.ask(f'Question {{number}}: go on for {seconds} s')"
_MADE = """
from grok_live_widget import GrokLive
live = GrokLive(url={url!r}, api_key="any", processing=False{more})
"""
_IS_SOUNDING = "() => !!document.querySelector('.glw-turn[aria-current=true]')"
# Whether the last turn is a reply that has begun to sound, and is complete.
_IS_HEARD = """(
    live.turns[-1].role == "assistant"
    and live.turns[-1].is_complete
    and live.turns[-1].heard_sample_count is not None
)"""
# Of the replies: the count of samples, their sum, the sum of all partial sums, and what was heard.
_REPLIES = """
import numpy as np
spoken = live.turns[{earlier_turns}:].assistant
pcm = np.concatenate([turn.pcm for turn in spoken]).astype(np.int64)
sums = np.cumsum(pcm) & 0xFFFFFFFF
heard = sum(turn.heard_sample_count or 0 for turn in spoken)
replies = [len(pcm), int(sums[-1]), int(sums.sum() & 0xFFFFFFFF), heard]
"""


_SCROLL = """isOutOfSight => {
  const voices = document.querySelector(".glw-voices");
  if (!isOutOfSight) return voices.scrollIntoView({ block: "center" });
  const notebook = voices.closest(".jp-WindowedPanel-outer");
  const hidden = () => voices.getBoundingClientRect().bottom - notebook.getBoundingClientRect().top;
  notebook.scrollTop += hidden() + 8;
  if (hidden() > 0) throw Error("the waveforms are still in sight");
}"""


@contextmanager
def voice_server() -> Iterator[str]:
    """The address of a rehearsal server in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.voice_server"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


class LabPanel:
    """One notebook with a panel.

    Parameters
    ----------
    playwright : playwright.sync_api.Playwright
    folder : Path
        For what JupyterLab and Chromium write.
    url : str
        Of the voice server.
    microphone : Path
        The WAV file that the microphone plays.
    settings : str
        Further arguments of `GrokLive`, such as ``'channel="comm"'``.
    made : str
        Code that makes ``live``; empty: one with the voice server.
    package : Path
        The checkout whose `grok_live_widget` the kernel imports, and with it the page's code.
    turns : int
        How many turns there are before the panel is shown, of which each second one is a reply of
        `reply_s`.
    """

    def __init__(
        self,
        playwright: Playwright,
        folder: Path,
        url: str,
        microphone: Path,
        *,
        settings: str = "",
        made: str = "",
        package: Path = ROOT,
        turns: int = 0,
        reply_s: float = 7.2,
    ) -> None:
        more = f", {settings}" if settings else ""
        self._made = made or _MADE.format(url=url, more=more)
        folder.mkdir(parents=True)
        self._stack = ExitStack()
        try:
            self._open(playwright, folder, microphone, package, turns, reply_s)
        except BaseException:
            self._stack.close()
            raise

    def _open(
        self,
        playwright: Playwright,
        folder: Path,
        microphone: Path,
        package: Path,
        turns: int,
        reply_s: float,
    ) -> None:
        with _python_path(package):
            lab = self._stack.enter_context(LabServer(folder / "lab"))
        (folder / "browser").mkdir()
        browser = Browsers(playwright, folder / "browser").launch(microphone)
        self._stack.callback(browser.close)
        asked = _ASKED.format(count=turns // 2, seconds=reply_s)
        path = lab.write_notebook("panel", [self._made, asked, "live"])
        session_id, kernel_id = lab.begin_kernel(path)
        self._stack.callback(lab.end_session, session_id)
        kernel = KernelWindow(lab.runtime_dir / f"kernel-{kernel_id}.json", folder)
        self._stack.callback(kernel.close)
        [page] = browser.pages
        self.notebook = NotebookPage(page, lab, path, kernel)
        self.notebook.load()
        self.notebook.run_cells(0, 1, 2)
        if turns:
            kernel.do("live.stop()")
        self.cdp: CDPSession = browser.new_cdp_session(page)
        self._processes = {
            "server": [psutil.Process(lab._process.pid)],
            "kernel": [psutil.Process(kernel.value("__import__('os').getpid()"))],
            **_browser_processes(folder / "browser"),
            REHEARSAL: _voice_servers(),
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # ----------------------------------------------------------------- cases
    def begin(self, case: str, duration_s: float) -> None:
        """Begin to talk; ``"idle"``, ``"microphone"``, ``"reply"``, ``"both"``, or ``"out of
        sight"``: both, with the waveforms above what the page shows.
        """
        if case in ("microphone", "both", "out of sight"):
            self.notebook.press("Start")
            self.notebook.wait_for_status("Listening")
        if case in ("reply", "both", "out of sight"):
            self.ask(duration_s)
        # The transcript grows, and the page follows the box for text.
        self.notebook.page.evaluate(_SCROLL, case == "out of sight")

    def ask(self, duration_s: float) -> None:
        """Have the server speak so long; returns when it sounds."""
        self.notebook.send_text(f"Go on for {duration_s:g} s")
        self.notebook.until(_IS_SOUNDING, what="a reply")

    def end(self) -> None:
        """End the talk, unless none has begun."""
        stop = self.notebook.panel.get_by_role("button", name="Stop", exact=True)
        if stop.is_visible():
            stop.click()
        self.notebook.panel.get_by_role("button", name="Start", exact=True).wait_for()

    def close(self) -> None:
        """End the browser, JupyterLab and the kernel."""
        self._stack.close()

    # ----------------------------------------------------------------- figures
    def used_s(self) -> dict[str, float]:
        """CPU time of each part, and of the rehearsal, since it was started."""
        [kernel] = self._processes["kernel"]
        connections = [
            each
            for each in kernel.children()
            if "grok_live_widget.client.process" in _words_of(each)
        ]
        processes = self._processes | {"connection": connections}
        return {part: sum(map(_used_s, each)) for part, each in processes.items()}

    def count_messages(self) -> None:
        """Count the messages of the notebook's kernel connection from now on."""
        self.notebook.page.evaluate("seams.countMessages()")

    def message_counts(self) -> dict[str, int]:
        """How many of each type there were."""
        counts: dict[str, int] = self.notebook.page.evaluate("seams.counts")
        return counts

    def heap(self) -> dict[str, Any]:
        """The page's memory after a garbage collection, and its nodes and listeners."""
        self.cdp.send("HeapProfiler.collectGarbage")
        used = self.cdp.send("Runtime.getHeapUsage")
        return {"bytes": used["usedSize"], **self.cdp.send("Memory.getDOMCounters")}

    # ----------------------------------------------------------------- sound
    def watch_sound(self) -> None:
        """Count what is played from now on."""
        self.notebook.page.evaluate("seams.countSound()")

    def end_of_sound(self, earlier_turns: int) -> list[str]:
        """End the talk after its last reply; what was said and heard, a line each."""
        page, kernel = self.notebook.page, self.notebook.kernel
        self.notebook.press("Mute")
        self.notebook.wait(
            lambda: kernel.value(_IS_HEARD) and not page.evaluate(_IS_SOUNDING),
            timeout_s=60,
            what="the last reply to end",
        )
        heard = page.evaluate("seams.counted")
        self.end()
        microphone = page.evaluate("seams.microphone")
        kernel.do(_REPLIES.format(earlier_turns=earlier_turns))
        count, *sums, counted = kernel.value("replies")
        is_same = [heard["sum"] & 0xFFFFFFFF, heard["sums"] & 0xFFFFFFFF] == sums
        sent_s = kernel.value("live.usage.sent_s")
        return [
            f"Replies: {count} samples sent, {heard['count']} taken from the ring, "
            f"{counted} counted as heard, {'the same' if is_same else 'NOT the same'}; "
            f"{heard['underruns']} underruns, {heard['lost']} samples lost.",
            f"Microphone: {microphone['samples']} samples sent by the page, "
            f"{round(24_000 * sent_s)} to the server with the silence of 0.8 s at the end; "
            f"{microphone['missing']} missing between chunks, {microphone['dropped']} counted as "
            f"dropped, {microphone['late']} as late.",
        ]


def _browser_processes(folder: Path) -> dict[str, list[psutil.Process]]:
    """Those of the browser whose profile is in this folder."""
    [main] = [
        each
        for each in psutil.Process().children(recursive=True)
        if any(word.startswith(f"--user-data-dir={folder}") for word in _words_of(each))
        and not any(word.startswith("--type=") for word in _words_of(each))
        and "chrom" in each.name()
    ]
    all_ = [main, *main.children(recursive=True)]
    pages = [each for each in all_ if "--type=renderer" in _words_of(each)]
    return {"page": pages, "browser": [each for each in all_ if each not in pages]}


def _voice_servers() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [each for each in children if "benchmarks.voice_server" in _words_of(each)]


def _words_of(process: psutil.Process) -> list[str]:
    try:
        # A child of Chromium's zygote has all words in one.
        return [part for word in process.cmdline() for part in word.split(" ")]
    except psutil.Error:
        return []


def _used_s(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


@contextmanager
def _python_path(package: Path) -> Iterator[None]:
    """The processes that are started meanwhile import from this checkout."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(package)
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
