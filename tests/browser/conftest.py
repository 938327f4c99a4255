"""One JupyterLab and one browser for most tests of a process; each has a notebook of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Playwright, sync_playwright

from .browsers import Browsers, SharedPage
from .kernel_window import KernelWindow
from .lab_server import LOCALHOST, LabServer
from .notebook_page import NotebookPage
from .sound_system import SoundSystem
from .speech import Script, Studio

OpenNotebook = Callable[..., NotebookPage]

_HAS_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember of a test whether it failed, for its fixtures."""
    report = yield
    if report.failed:
        item.stash[_HAS_FAILED] = True
    return report


@pytest.fixture(scope="session")
def jupyter_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    with LabServer(tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture
def lab(jupyter_lab: LabServer) -> LabServer:
    """The server of a test's notebooks; that of all tests, unless a test replaces it."""
    return jupyter_lab


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(tmp_path_factory.mktemp("speech"))


# Not of session scope: asynchronous tests of other folders cannot run while Playwright does.
@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="package")
def browsers(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Browsers:
    return Browsers(playwright, tmp_path_factory.mktemp("browsers"))


@pytest.fixture(scope="package")
def shared_page(
    browsers: Browsers, jupyter_lab: LabServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SharedPage]:
    page = SharedPage(browsers, jupyter_lab, tmp_path_factory.mktemp("microphone"))
    yield page
    page.close()


@pytest.fixture
def open_notebook(
    lab: LabServer,
    browsers: Browsers,
    shared_page: SharedPage,
    studio: Studio,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> Iterator[OpenNotebook]:
    """``open_notebook(cells, hears=…)`` opens a new notebook with these cells.

    Without `hears` the microphone records silence. The page is the one that the tests share, unless
    the test wants another browser, or another host.
    """
    name = re.sub(r"\W+", "_", request.node.name).strip("_")
    opened: list[NotebookPage] = []

    def show(
        cells: list[str],
        *,
        hears: Script | None = None,
        viewport: dict[str, int] | None = None,
        pixel_ratio: float = 1,
        kernel_name: str = "python3",
        has_microphone: bool = True,
        refuses_microphone: bool = False,
        asks_for_microphone: bool = False,
        sound_system: SoundSystem | None = None,
        watches_frames: bool = False,
        host: str = LOCALHOST,
    ) -> NotebookPage:
        # Without a file the device beeps, and a beep may be detected as speech.
        has_file = has_microphone and sound_system is None
        sound = (hears or studio.script()).path if has_file else None
        is_elsewhere = host != LOCALHOST or lab is not shared_page.lab or asks_for_microphone
        is_shared = sound is not None and not is_elsewhere and not opened and pixel_ratio == 1
        if is_shared:
            stack.callback(end_sharing)
            page = shared_page.take(sound, viewport)
        else:
            browser = browsers.launch(
                sound,
                viewport,
                pixel_ratio=pixel_ratio,
                sound_system=sound_system,
                asks=asks_for_microphone,
            )
            stack.callback(browser.close)
            [page] = browser.pages
        path = lab.write_notebook(f"{name}_{len(opened)}", cells)
        session_id, kernel_id = lab.begin_kernel(path, kernel_name)
        stack.callback(lab.end_session, session_id)
        kernel = KernelWindow(lab.runtime_dir / f"kernel-{kernel_id}.json", tmp_path)
        stack.callback(kernel.close)
        notebook = NotebookPage(page, lab, path, kernel)
        opened.append(notebook)
        stack.callback(notebook.stop_listening)
        stack.callback(keep_picture, notebook)
        if watches_frames:
            notebook.watch_frames()
        if is_shared:
            notebook.show()
        else:
            notebook.load(host=host)
        if refuses_microphone:
            page.evaluate("() => (seams.isMicrophoneRefused = true)")
        return notebook

    def keep_picture(notebook: NotebookPage) -> None:
        if _HAS_FAILED in request.node.stash:
            notebook.keep_picture(tmp_path / f"{name}_{opened.index(notebook)}.png")

    def end_sharing() -> None:
        if _HAS_FAILED in request.node.stash or any(each.errors for each in opened):
            shared_page.close()
        else:
            shared_page.give_back()
        if any(each.has_loaded for each in opened):
            shared_page.close()

    with ExitStack() as stack:
        yield show
        errors = [error for notebook in opened for error in notebook.errors]
    assert not errors, "the page threw errors:\n" + "\n".join(errors)
