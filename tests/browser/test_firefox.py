"""A talk in Firefox: what is said is heard, answered, and leaves the loudspeaker."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from ..support.waiting import wait_until
from .firefox import RATE_HZ, Firefox, PulseAudio, missing_programs
from .kernel_window import KernelWindow
from .lab_server import LabServer
from .notebook_page import IS_READY, OUTPUTS, RUN
from .sound import PCM_RATE_HZ, Samples, samples_from, segment_correlations
from .speech import Said, Studio

MISSING = missing_programs()

pytestmark = [
    pytest.mark.slow,
    pytest.mark.alone,
    pytest.mark.skipif(
        bool(MISSING),
        reason=f"Firefox talks only where these are installed, which is not so here: {MISSING}.",
    ),
]

LOAD_WITHIN_S = 90
MADE = """
from grok_live_widget import GrokLive
live = GrokLive({})
live
"""


@pytest.fixture
def sound(tmp_path: Path) -> Iterator[PulseAudio]:
    folder = tmp_path / "sound"
    folder.mkdir()
    with PulseAudio(folder) as server:
        yield server


@pytest.fixture
def firefox(tmp_path: Path, sound: PulseAudio) -> Iterator[Firefox]:
    folder = tmp_path / "firefox"
    folder.mkdir()
    with Firefox(folder, sound.environment) as browser:
        yield browser
        assert browser.errors == [], "the page threw errors"


class Notebook:
    """A notebook in Firefox, and a second client of its kernel."""

    def __init__(self, firefox: Firefox, lab: LabServer, cells: list[str], folder: Path) -> None:
        self.firefox = firefox
        path = lab.write_notebook("in_firefox", cells)
        self._end = lab.end_session
        self._session, kernel = lab.begin_kernel(path)
        self.kernel = KernelWindow(lab.runtime_dir / f"kernel-{kernel}.json", folder)
        firefox.set_viewport(1200, 900)
        firefox.goto(lab.page_url(path, "firefox"))
        firefox.until(IS_READY, timeout_s=LOAD_WITHIN_S, what="the notebook")

    def close(self) -> None:
        self.kernel.close()
        self._end(self._session)

    def run_cell(self, index: int) -> None:
        self.firefox.evaluate(RUN, index)
        self.firefox.evaluate("async () => { await testRun; }")
        kinds = [each["output_type"] for each in self.firefox.evaluate(OUTPUTS, index)]
        assert "error" not in kinds

    def start(self) -> None:
        self.firefox.click(".glw-start")
        self.firefox.until("() => seams.tap()", what="the loudspeaker")
        self.wait_for_status("Listening")

    def wait_for_status(self, text: str) -> None:
        self.firefox.until(
            "(text) => document.querySelector('.glw-status').innerText.includes(text)",
            text,
            what=f"the status {text!r}",
        )

    def wait_until_heard(self, count: int) -> None:
        """Wait until `count` replies were played to their end."""
        self.firefox.until(
            "(count) => seams.positions.filter((position) => position.is_final).length >= count",
            count,
            timeout_s=60,
            what=f"the end of {count} replies",
        )

    def ring(self) -> NDArray[np.int16]:
        """All that was taken from the playback ring, at 24 kHz."""
        return np.frombuffer(
            base64.b64decode(self.firefox.evaluate("() => seams.ringSound()")), "<i2"
        )

    def notices(self) -> list[str]:
        script = "() => [...document.querySelectorAll('.glw-notice-text')].map((e) => e.innerText)"
        return list(self.firefox.evaluate(script))


@pytest.fixture
def open_notebook(
    firefox: Firefox, jupyter_lab: LabServer, tmp_path: Path
) -> Iterator[Callable[[str], Notebook]]:
    """``open_notebook(partner, …)`` opens a notebook whose first cell shows a panel."""
    opened: list[Notebook] = []

    def show(**settings: object) -> Notebook:
        given = ", ".join(f"{name}={value!r}" for name, value in settings.items())
        opened.append(Notebook(firefox, jupyter_lab, [MADE.format(given)], tmp_path))
        opened[-1].run_cell(0)
        return opened[-1]

    yield show
    for notebook in opened:
        notebook.close()


def test_in_firefox_speech_is_heard_answered_and_leaves_the_loudspeaker(
    open_notebook: Callable[..., Notebook], firefox: Firefox, sound: PulseAudio, studio: Studio
) -> None:
    script = studio.script(Said("The quick brown fox jumps over the lazy dog.", 1.5), lead_s=0.5)
    notebook = open_notebook(partner="parrot", processing=False)
    wait_until(
        lambda: notebook.kernel.value("live.channel.kind") == "direct", what="the direct channel"
    )
    with sound.recording() as heard:
        notebook.start()
        sound.say(script.samples, script.rate_hz)
        notebook.wait_until_heard(1)
        _picture(firefox)
        firefox.click(".glw-start")
        notebook.wait_for_status("Press Start")
    assert firefox.evaluate("() => seams.liveTracks()") == 0
    assert notebook.notices() == []
    assert notebook.kernel.value("[turn.role for turn in live.turns]") == ["user", "assistant"]
    said, reply = (notebook.kernel.array(f"live.turns[{i}].pcm") for i in (0, 1))
    _assert_is_found(script.samples, script.rate_hz, samples_from(said))
    np.testing.assert_array_equal(notebook.ring(), reply)
    played = soxr.resample(heard[0], RATE_HZ, PCM_RATE_HZ, quality="HQ")
    _assert_is_found(samples_from(reply), PCM_RATE_HZ, played)
    assert np.abs(played).max() == pytest.approx(np.abs(samples_from(reply)).max(), rel=0.05)


def test_in_firefox_a_typed_text_is_answered_aloud_and_the_kernel_knows_the_microphone(
    open_notebook: Callable[..., Notebook], firefox: Firefox, sound: PulseAudio
) -> None:
    notebook = open_notebook(partner="talker")
    with sound.recording() as heard:
        notebook.start()
        firefox.click(".glw-panel textarea")
        firefox.type("Please count to three.\ue007")
        notebook.wait_until_heard(1)
    assert notebook.kernel.value("live.turns[-1].text") == "One, two, three."
    assert np.abs(heard[0]).max() > 0.05
    told = "[live.microphone.state, live.microphone.echo_cancellation, live.microphone.device]"
    assert notebook.kernel.value(told) == ["on", True, "Remapped Monitor of Null Output"]
    firefox.click(".glw-mute")
    notebook.wait_for_status("Muted")
    wait_until(lambda: notebook.kernel.value("live.muted"), what="the kernel to be told")


def _assert_is_found(samples: Samples, rate_hz: int, received: Samples) -> None:
    """Find nearly all of it: on a busy machine the sound server loses a block now and then."""
    found = segment_correlations(samples, rate_hz, received)
    assert np.median(found) > 0.95, found
    assert np.mean(found > 0.7) >= 0.8, found


def _picture(firefox: Firefox) -> None:
    folder = os.environ.get("GROK_LIVE_PICTURES")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        firefox.screenshot(Path(folder) / "firefox.png")
