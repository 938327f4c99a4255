"""One notebook in a real browser: its cells, its panel, and what its loudspeaker played."""

from __future__ import annotations

import base64
import os
import signal
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Error, Locator, Page, WebSocket

from ..support.waiting import wait_until
from .browsers import LOAD_WITHIN_MS
from .kernel_window import KernelWindow
from .lab_server import LOCALHOST, LabServer
from .themes import THEMES

__all__ = ["NotebookPage"]

T = TypeVar("T")

_IS_READY = """async () => {
  if (!globalThis.jupyterapp) return false;
  await jupyterapp.restored;
  const panel = globalThis.testNotebook();
  if (!panel) return false;
  await panel.sessionContext.ready;
  return panel.sessionContext.session?.kernel?.status === 'idle';
}"""
_SHOW = """async (path) => {
  await jupyterapp.commands.execute('docmanager:open', { path, factory: 'Notebook' });
}"""
_RUN = """(index) => {
  globalThis.testNotebook().content.activeCellIndex = index;
  globalThis.testRun = jupyterapp.commands.execute('notebook:run-cell');
}"""
_OUTPUTS = "(index) => testNotebook().content.widgets[index].model.outputs.toJSON()"


class NotebookPage:
    """A notebook that is open in a page, and a second client of its kernel.

    Attributes
    ----------
    page : playwright.sync_api.Page
    kernel : KernelWindow
    errors : list of str
        What the page threw.
    frames : list of str
        All that went over the page's sockets, if it was asked for.
    """

    def __init__(self, page: Page, lab: LabServer, path: str, kernel: KernelWindow) -> None:
        self.page, self.lab, self.path, self.kernel = page, lab, path, kernel
        self._place = 0
        self.errors: list[str] = []
        self.frames: list[str] = []
        self._watches_frames = False
        page.on("pageerror", self._keep_error)

    def _keep_error(self, error: Error) -> None:
        self.errors.append(str(error.stack or error))

    def watch_frames(self) -> None:
        """Keep what goes over the sockets that the page opens from now on."""
        self._watches_frames = True
        self.page.on("websocket", self._watch_socket)

    def stop_listening(self) -> None:
        """Leave the page to the next notebook."""
        self.page.remove_listener("pageerror", self._keep_error)
        if self._watches_frames:
            self.page.remove_listener("websocket", self._watch_socket)

    def load(self, *, workspace: str = "first", host: str = LOCALHOST) -> None:
        """Load JupyterLab, with this notebook."""
        self.page.goto(self.lab.page_url(self.path, workspace, host), timeout=LOAD_WITHIN_MS)
        self.wait_for_notebook()

    def show(self) -> None:
        """Open it in a page in which JupyterLab is loaded and shows no other notebook."""
        self.page.evaluate(_SHOW, self.path)
        self.wait_for_notebook()

    def open_again(self) -> NotebookPage:
        """The same notebook in another page of the same browser."""
        again = NotebookPage(self.page.context.new_page(), self.lab, self.path, self.kernel)
        again.load(workspace="second")
        return again

    def _watch_socket(self, socket: WebSocket) -> None:
        def keep(payload: str | bytes) -> None:
            self.frames.append(
                payload if isinstance(payload, str) else payload.decode("utf-8", "replace")
            )

        socket.on("framesent", keep)
        socket.on("framereceived", keep)

    def wait_for_notebook(self) -> None:
        """Wait until the notebook is shown and its kernel is idle."""
        self.until(_IS_READY, timeout_s=LOAD_WITHIN_MS / 1000, what="the notebook")

    def reload(self) -> None:
        """Load the page again, with this notebook alone; the kernel continues.

        The page's own workspace may still name the notebook of the test before.
        """
        self.load()

    # ----------------------------------------------------------------- waiting
    def until(self, script: str, argument: Any = None, *, timeout_s: float = 20, what: str) -> Any:
        """Wait until a JavaScript function returns something true."""
        return self.wait(
            lambda: self.page.evaluate(script, argument), timeout_s=timeout_s, what=what
        )

    def wait(self, condition: Callable[[], T], *, timeout_s: float = 20, what: str) -> T:
        """Wait until it is true; the page's events are handled meanwhile."""
        try:
            return wait_until(
                condition,
                timeout_s=timeout_s,
                what=what,
                pause=lambda: self.page.wait_for_timeout(100),
            )
        except AssertionError as failure:
            shown = self.page.locator(".glw-panel").all_inner_texts()
            failure.add_note(f"the panels show: {shown}")
            raise

    # ----------------------------------------------------------------- cells
    def begin_cell(self, index: int) -> None:
        """Run a cell, and do not wait for it."""
        self.page.evaluate(_RUN, index)

    def end_cell(self, index: int) -> None:
        """Wait for the cell that was begun last; an error in it fails the test."""
        self.page.evaluate("() => globalThis.testRun")
        for output in self.outputs(index):
            if output["output_type"] == "error":
                raise AssertionError("\n".join(output["traceback"]))

    def run_cell(self, index: int) -> None:
        """Run a cell to its end."""
        self.begin_cell(index)
        self.end_cell(index)

    def run_cells(self, *indexes: int) -> None:
        for index in indexes:
            self.run_cell(index)

    def outputs(self, index: int) -> list[dict[str, Any]]:
        """The outputs of a cell, in the notebook format."""
        outputs: list[dict[str, Any]] = self.page.evaluate(_OUTPUTS, index)
        return outputs

    def command(self, name: str) -> None:
        """Run a command of JupyterLab."""
        self.page.evaluate("name => jupyterapp.commands.execute(name)", name)

    def use_theme(self, theme: str) -> None:
        """Switch JupyterLab to the ``"light"`` or the ``"dark"`` theme."""
        self.page.evaluate(
            "theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", THEMES[theme]
        )

    def kill_kernel(self) -> None:
        """Kill the kernel's process, as the system does when memory is short."""
        os.kill(self.kernel.value("__import__('os').getpid()"), signal.SIGKILL)

    # ----------------------------------------------------------------- the panel
    @property
    def panel(self) -> Locator:
        """The current panel: the first, until `look_at`."""
        return self.page.locator(".glw-panel").nth(self._place)

    def look_at(self, place: int) -> None:
        """Make another of the page's panels the current one, counted from the top."""
        self._place = place
        self.panel.scroll_into_view_if_needed()

    def press(self, name: str) -> None:
        """Click the panel's button of exactly this accessible name."""
        self.panel.get_by_role("button", name=name, exact=True).click()

    def start(self) -> None:
        """Press Start, and wait until the connection is open and the loudspeaker is recorded."""
        self.press("Start")
        self.until("() => seams.tap()", what="the loudspeaker")
        self.panel.get_by_role("button", name="Stop", exact=True).wait_for()

    def send_text(self, text: str) -> None:
        """Type into the panel's box and press Send."""
        self.panel.get_by_role("textbox", name="Message").fill(text)
        self.press("Send")

    def status(self) -> str:
        return self.panel.locator(".glw-status").inner_text()

    def wait_for_status(self, *texts: str, timeout_s: float = 20) -> str:
        return self.wait(
            lambda: next((text for text in texts if text in self.status()), ""),
            timeout_s=timeout_s,
            what=f"a status of {texts}",
        )

    def notices(self) -> list[str]:
        """The texts of the panel's notices."""
        return self.panel.locator(".glw-notice-text").all_inner_texts()

    def losses(self) -> str:
        return self.panel.locator(".glw-losses").text_content() or ""

    def transcript(self) -> list[tuple[str, str]]:
        """Speaker and text of each turn, from top to bottom."""
        turns = self.panel.locator(".glw-turn")
        speakers = turns.locator(".glw-turn-speaker").all_inner_texts()
        words = turns.locator(".glw-turn-words").all_inner_texts()
        return list(zip(speakers, words, strict=True))

    def wait_for_turns(self, role: str, count: int, *, timeout_s: float = 40) -> None:
        """Wait until the transcript shows `count` complete turns of "you" or "grok"."""
        complete = self.panel.locator(f".glw-turn-{role}:not(.glw-turn-partial)")
        self.wait(
            lambda: complete.count() >= count,
            timeout_s=timeout_s,
            what=f"{count} turns of {role!r}",
        )

    def wait_until_silent(self, reply_count: int, *, timeout_s: float = 40) -> None:
        """Wait until `count` replies have been played to their end."""
        self.until(
            "count => seams.positions.filter(position => position.is_final).length >= count",
            reply_count,
            timeout_s=timeout_s,
            what=f"the end of {reply_count} replies",
        )

    def wait_until_heard(self, turn: str, sample_count: int) -> None:
        """Wait until the kernel knows that `count` samples of `turn` were heard.

        What the worklet has reported to the page takes a way of its own to the kernel, so the
        end of the sound in the page says nothing of what the kernel knows.
        """
        self.wait(
            lambda: self.kernel.value(f"{turn}.heard_sample_count") == sample_count,
            what=f"{sample_count} samples of {turn} to be heard",
        )

    def wait_until_sounding(self, *, after_samples: int = 0, timeout_s: float = 40) -> None:
        """Wait until more than `count` samples of a reply have been played [at 24 kHz]."""
        self.until(
            "least => seams.positions.some((at) => !at.is_final && at.sample_count > least)",
            after_samples,
            timeout_s=timeout_s,
            what="a reply to sound",
        )

    # ----------------------------------------------------------------- playback
    def heard(self) -> NDArray[np.float64]:
        """All that was played since `start`, at the device's rate."""
        return self._sound("seams.heardSound()", "<f4").astype(np.float64)

    def ring(self) -> NDArray[np.int16]:
        """All that was taken from the playback ring, at 24 kHz."""
        return self._sound("seams.ringSound()", "<i2")

    def _sound(self, script: str, kind: str) -> NDArray[Any]:
        return np.frombuffer(base64.b64decode(self.page.evaluate(script)), kind)

    def device_rate_hz(self) -> int:
        return int(self.page.evaluate("seams.page().context.sampleRate"))

    def positions(self) -> list[dict[str, Any]]:
        """The positions that the playback worklet has reported."""
        positions: list[dict[str, Any]] = self.page.evaluate("seams.positions")
        return positions

    def nodes(self) -> list[str]:
        """The worklet nodes that this page has created so far."""
        nodes: list[str] = self.page.evaluate("seams.nodes")
        return nodes

    def live_track_count(self) -> int:
        """How many microphones are on."""
        return int(self.page.evaluate("seams.liveTracks()"))
