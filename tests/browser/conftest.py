"""One JupyterLab for all tests of a process; each has a browser and a notebook of its own."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Playwright, sync_playwright

from .kernel_window import KernelWindow
from .lab_server import INSECURE_HOST, LabServer
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
    f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1",
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


@pytest.fixture(scope="session")
def browser_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the browsers keep JupyterLab's scripts, compiled: a page opens a second sooner."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def open_browser(
    playwright: Playwright, studio: Studio, browser_cache: Path, tmp_path: Path
) -> Iterator[Callable[..., BrowserContext]]:
    """``open_browser(hears=script, has_microphone=True)``; without a script it records silence.

    Each call starts Chromium with a new profile, because the file of its microphone is an argument
    of the program.
    """
    with ExitStack() as stack:

        def launch(
            hears: Script | None = None, *, has_microphone: bool = True, **context: Any
        ) -> BrowserContext:
            switches = [*_SWITCHES, f"--disk-cache-dir={browser_cache}"]
            if has_microphone:
                # Without a file the device beeps, and a beep may be detected as speech.
                sound = (hears or studio.script()).path
                switches.append("--use-fake-device-for-media-stream")
                switches.append(f"--use-file-for-fake-audio-capture={sound}%noloop")
            profile = tempfile.mkdtemp(prefix="profile_", dir=tmp_path)
            browser = playwright.chromium.launch_persistent_context(
                profile, executable_path=CHROMIUM, args=switches, **context
            )
            stack.callback(browser.close)
            return browser

        yield launch


@pytest.fixture
def open_notebook(
    lab: LabServer,
    open_browser: Callable[..., BrowserContext],
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
            host: str = "127.0.0.1",
            **context: Any,
        ) -> NotebookPage:
            path = lab.write_notebook(f"{name}_{len(opened)}", cells)
            session_id, kernel_id = lab.begin_kernel(path, kernel_name)
            stack.callback(lab.end_session, session_id)
            browser = open_browser(hears, has_microphone=has_microphone, **context)
            browser.add_init_script(path=HERE / "seams.js")
            if init_script:
                browser.add_init_script(init_script)
            kernel = KernelWindow(lab.runtime_dir / f"kernel-{kernel_id}.json", tmp_path)
            stack.callback(kernel.close)
            opened.append(
                NotebookPage(
                    browser.pages[0],
                    lab,
                    path,
                    kernel,
                    watches_frames=watches_frames,
                    host=host,
                )
            )
            return opened[-1]

        yield show
        errors = [error for notebook in opened for error in notebook.errors]
    assert not errors, "the page threw errors:\n" + "\n".join(errors)
