"""One notebook in a real browser: its cells, its kernel, its panel."""

from __future__ import annotations

import os
import re
import signal
from typing import Any

from playwright.sync_api import Page, WebSocket

from .browsers import LOAD_WITHIN_MS
from .hub_server import HubServer
from .kernel_window import KernelWindow
from .lab_server import LOCALHOST, LabServer
from .panel_page import PanelPage
from .themes import THEMES

__all__ = ["IS_READY", "OUTPUTS", "RUN", "NotebookPage"]

IS_READY = """async () => {
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
RUN = """(index) => {
  globalThis.testNotebook().content.activeCellIndex = index;
  globalThis.testRun = jupyterapp.commands.execute('notebook:run-cell');
}"""
OUTPUTS = "(index) => testNotebook().content.widgets[index].model.outputs.toJSON()"


class NotebookPage(PanelPage):
    """A notebook that is open in a page, and a second client of its kernel.

    Attributes
    ----------
    kernel : KernelWindow
    frames, jupyter_frames : list of str
        All that went over the page's sockets, and over those to Jupyter's server, if it was asked
        for.
    has_loaded : bool
        Whether it was opened by loading JupyterLab, which may open it once more, as named by the
        address, after it has been closed.
    """

    def __init__(
        self, page: Page, lab: LabServer | HubServer, path: str, kernel: KernelWindow
    ) -> None:
        super().__init__(page)
        self.lab, self.path, self.kernel = lab, path, kernel
        self.frames: list[str] = []
        self.jupyter_frames: list[str] = []
        self.has_loaded = False
        self._watches_frames = False

    def watch_frames(self) -> None:
        """Keep what goes over the sockets that the page opens from now on."""
        self._watches_frames = True
        self.page.on("websocket", self._watch_socket)

    def stop_listening(self) -> None:
        """Leave the page to the next notebook."""
        super().stop_listening()
        if self._watches_frames:
            self.page.remove_listener("websocket", self._watch_socket)

    def load(self, *, workspace: str = "first", host: str = LOCALHOST) -> None:
        """Load JupyterLab, with this notebook."""
        self.has_loaded = True
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
            text = payload if isinstance(payload, str) else payload.decode("utf-8", "replace")
            self.frames.append(text)
            if "/api/" in socket.url:
                self.jupyter_frames.append(text)

        socket.on("framesent", keep)
        socket.on("framereceived", keep)

    def sound_messages(self, first: int) -> list[str]:
        """The types of messages with or about sound that went through Jupyter's sockets, from the
        frame of this number on.
        """
        frames = "\n".join(self.jupyter_frames[first:])
        return re.findall(r'"type": ?"(microphone|audio|received|playhead|flushed)"', frames)

    def wait_until_direct(self) -> None:
        """Wait until the talk `live` has its direct channel."""
        self.wait(
            lambda: self.kernel.value("live.channel.kind") == "direct", what="the direct channel"
        )

    def wait_for_notebook(self) -> None:
        """Wait until the notebook is shown and its kernel is idle."""
        self.until(IS_READY, timeout_s=LOAD_WITHIN_MS / 1000, what="the notebook")

    def reload(self) -> None:
        """Load the page again, with this notebook alone; the kernel continues.

        The page's own workspace may still name the notebook of the test before.
        """
        self.load()

    # ----------------------------------------------------------------- cells
    def begin_cell(self, index: int) -> None:
        """Run a cell, and do not wait for it."""
        self.page.evaluate(RUN, index)

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
        outputs: list[dict[str, Any]] = self.page.evaluate(OUTPUTS, index)
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

    def wait_until_heard(self, turn: str, sample_count: int) -> None:
        """Wait until the kernel knows that `count` samples of `turn` were heard.

        What the worklet has reported to the page takes a way of its own to the kernel, so the
        end of the sound in the page says nothing of what the kernel knows.
        """
        self.wait(
            lambda: self.kernel.value(f"{turn}.heard_sample_count") == sample_count,
            what=f"{sample_count} samples of {turn} to be heard",
        )
