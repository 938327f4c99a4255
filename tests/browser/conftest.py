"""One JupyterLab for all browser tests; each test has a browser and a notebook of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from .kernel_window import KernelWindow
from .lab_server import LabServer
from .notebook_page import NotebookPage
from .speech import Script, Studio

HERE = Path(__file__).parent
CHROMIUM = "/usr/bin/chromium"

# No switch removes a restriction that a user's browser has, with one exception: the microphone is
# allowed without a prompt, and it plays a file.
_SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
)

OpenNotebook = Callable[..., NotebookPage]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    with LabServer(tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("speech"))


# Not of session scope: asynchronous tests of other folders cannot run while Playwright does.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture
def open_browser(playwright: Playwright, studio: Studio) -> Iterator[Callable[..., Browser]]:
    """``open_browser(hears=script, has_microphone=True)``; without a script it records silence.

    Each call starts Chromium, because the file of its microphone is an argument of the program;
    that takes a third of a second.
    """
    with ExitStack() as stack:

        def launch(hears: Script | None = None, *, has_microphone: bool = True) -> Browser:
            switches = [*_SWITCHES]
            if has_microphone:
                # Without a file the device beeps, and a beep may be detected as speech.
                sound = (hears or studio.script()).path
                switches.append("--use-fake-device-for-media-stream")
                switches.append(f"--use-file-for-fake-audio-capture={sound}%noloop")
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=switches)
            stack.callback(browser.close)
            return browser

        yield launch


@pytest.fixture
def open_notebook(
    lab: LabServer,
    open_browser: Callable[..., Browser],
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> Iterator[OpenNotebook]:
    """``open_notebook(cells, hears=…)`` opens a new notebook with these cells."""
    with ExitStack() as stack:
        name = re.sub(r"\W+", "_", request.node.name).strip("_")
        opened: list[NotebookPage] = []

        def show(
            cells: list[str],
            *,
            hears: Script | None = None,
            has_microphone: bool = True,
            kernel_name: str = "python3",
            init_script: str = "",
            watches_frames: bool = False,
            **context: Any,
        ) -> NotebookPage:
            path = lab.write_notebook(f"{name}_{len(opened)}", cells)
            session_id, kernel_id = lab.begin_kernel(path, kernel_name)
            stack.callback(lab.end_session, session_id)
            browser = open_browser(hears, has_microphone=has_microphone)
            tab = browser.new_context(**context)
            stack.callback(tab.close)
            tab.add_init_script(path=HERE / "seams.js")
            if init_script:
                tab.add_init_script(init_script)
            kernel = KernelWindow(lab.runtime_dir / f"kernel-{kernel_id}.json", tmp_path)
            stack.callback(kernel.close)
            opened.append(
                NotebookPage(tab.new_page(), lab, path, kernel, watches_frames=watches_frames)
            )
            return opened[-1]

        yield show
        errors = [error for notebook in opened for error in notebook.errors]
    assert not errors, "the page threw errors:\n" + "\n".join(errors)
