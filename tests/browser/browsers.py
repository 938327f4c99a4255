"""Chromium as the tests start it, and the page of JupyterLab that most of them share."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, Playwright
from playwright.sync_api import TimeoutError as WaitedInVain

from .lab_server import INSECURE_HOST, LabServer
from .sound_system import SoundSystem

HERE = Path(__file__).parent
CHROMIUM = "/usr/bin/chromium"
LOAD_WITHIN_MS = 60_000
# A page that was not told of the kernel's end finds it after 15 s without heartbeats.
RELEASE_WITHIN_MS = 45_000
VIEWPORT = {"width": 1280, "height": 720}

_ALLOWED = "--use-fake-ui-for-media-stream"
# No switch removes a restriction that a user's browser has, with one exception: the microphone is
# allowed without a prompt, and it plays a file.
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--host-resolver-rules=MAP {INSECURE_HOST} 127.0.0.1",
)

# Playwright's wait_for_function() does not await what an async function gives: it stops waiting at
# the promise, which is true in itself.
_IS_LOADED = "() => !!globalThis.jupyterapp"
_RESTORED = "async () => { await jupyterapp.restored; }"
_CLOSE_ALL = "() => [...jupyterapp.shell.widgets('main')].forEach(widget => widget.dispose())"
_IS_QUIET = "() => seams.liveTracks() === 0 && !seams.page()?.playbacks.size"
_SOUND = """() => JSON.stringify({
  tracks: seams.liveTracks(),
  playbacks: seams.page()?.playbacks.size,
  context: seams.page()?.context?.state,
  panels: [...document.querySelectorAll('.glw-panel')].map(panel => panel.innerText),
})"""


class Browsers:
    """Starts Chromium, each time with a new profile.

    Parameters
    ----------
    playwright : playwright.sync_api.Playwright
    folder : Path
        For the profiles, and for JupyterLab's scripts, compiled: with them a page opens a second
        sooner.
    """

    def __init__(self, playwright: Playwright, folder: Path) -> None:
        self._playwright, self._folder = playwright, folder

    def launch(
        self,
        microphone: Path | None,
        viewport: dict[str, int] | None = None,
        pixel_ratio: float = 1,
        *,
        sound_system: SoundSystem | None = None,
        asks: bool = False,
    ) -> BrowserContext:
        """Start one whose microphone plays a WAV file, from the start at each opening.

        Parameters
        ----------
        pixel_ratio : float
            Pixels of the screen for one of CSS.
        sound_system : SoundSystem or None
            Its microphone and loudspeaker are those of the browser.
        asks : bool
            Whether the user has to allow the microphone.
        """
        switches = [*SWITCHES, f"--disk-cache-dir={self._folder / 'cache'}"]
        if not asks:
            switches.append(_ALLOWED)
        if microphone:
            switches.append("--use-fake-device-for-media-stream")
            switches.append(f"--use-file-for-fake-audio-capture={microphone}%noloop")
        browser = self._playwright.chromium.launch_persistent_context(
            tempfile.mkdtemp(prefix="profile_", dir=self._folder),
            executable_path=CHROMIUM,
            args=switches,
            viewport=viewport or VIEWPORT,
            device_scale_factor=pixel_ratio,
            env=None if sound_system is None else {**os.environ, **sound_system.environment},
            ignore_default_args=None if sound_system is None else ["--mute-audio"],
        )
        browser.add_init_script(path=HERE / "seams.js")
        return browser


class SharedPage:
    """A page of JupyterLab in which one test after the other opens its notebook.

    JupyterLab takes seven seconds of a processor to load, which is more than most tests need.
    """

    def __init__(self, browsers: Browsers, lab: LabServer, folder: Path) -> None:
        self.lab = lab
        self._browsers = browsers
        # Chromium reads it anew each time that a page opens the microphone.
        self._microphone = folder / "microphone.wav"
        self._page: Page | None = None
        self._loaded_count = 0

    def take(self, microphone: Path, viewport: dict[str, int] | None = None) -> Page:
        """The page, in which no notebook is open; load it unless that was done."""
        shutil.copyfile(microphone, self._microphone)
        if self._page is None:
            [self._page] = self._browsers.launch(self._microphone).pages
            # A workspace of its own: JupyterLab opens again what was open in one before.
            self._loaded_count += 1
            place = f"lab/workspaces/shared_{self._loaded_count}"
            self._page.goto(self.lab.url(place), timeout=LOAD_WITHIN_MS)
            self._page.wait_for_function(_IS_LOADED, timeout=LOAD_WITHIN_MS)
            self._page.evaluate(_RESTORED)
            self._page.evaluate(_CLOSE_ALL)
        self._page.evaluate("() => seams.reset()")
        self._page.set_viewport_size(viewport or VIEWPORT)
        return self._page

    def give_back(self) -> None:
        """Close the notebook, whose kernel was shut down: by that all sound must have ended."""
        if self._page is None:
            return
        try:
            for other in self._page.context.pages:
                if other is not self._page:
                    other.close()
            self._wait_until_quiet()
            self._page.evaluate(_CLOSE_ALL)
            # JupyterLab shows one when a kernel dies.
            while self._page.locator(".jp-Dialog").count():
                self._page.keyboard.press("Escape")
        except BaseException:
            self.close()
            raise

    def _wait_until_quiet(self) -> None:
        assert self._page is not None
        try:
            self._page.wait_for_function(_IS_QUIET, timeout=RELEASE_WITHIN_MS, polling=100)
        except WaitedInVain as failure:
            failure.add_note(f"the page holds {self._page.evaluate(_SOUND)}")
            raise

    def close(self) -> None:
        """End the browser; the next test starts another."""
        if self._page is not None:
            self._page.context.close()
        self._page = None
