"""A page of a real browser that shows panels: what they say, and what its loudspeaker played."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Error, Locator, Page

from ..support.waiting import wait_until
from .sound import correlation_of, samples_from, segment_correlations
from .speech import Script

__all__ = ["PanelPage"]

T = TypeVar("T")


class PanelPage:
    """A page with a panel, in whatever program shows it.

    Attributes
    ----------
    page : playwright.sync_api.Page
    errors : list of str
        What the page threw.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self._place = 0
        self.errors: list[str] = []
        page.on("pageerror", self._keep_error)

    def _keep_error(self, error: Error) -> None:
        self.errors.append(str(error.stack or error))

    def stop_listening(self) -> None:
        """Leave the page to the next test."""
        self.page.remove_listener("pageerror", self._keep_error)

    def keep_picture(self, file: Path) -> None:
        """Write what a failed test shows last; a page that has gone leaves no picture."""
        with contextlib.suppress(Error):
            self.page.screenshot(path=file)

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
        """Wait until `count` replies have been played to their end, and the silence after that has
        been recorded.
        """
        self.until(
            "count => seams.positions.filter(position => position.is_final).length >= count"
            " && seams.hasHeardSilence()",
            reply_count,
            timeout_s=timeout_s,
            what=f"the end of {reply_count} replies",
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

    # ----------------------------------------------------------------- capture
    def tap_microphone(self) -> None:
        """Keep what the browser gives the capture worklet from the next start on."""
        self.page.evaluate("seams.isMicrophoneTapped = true")

    def captured(self) -> NDArray[np.float64]:
        """All that the browser gave the capture worklet, at the device's rate."""
        return self._sound("seams.capturedSound()", "<f4").astype(np.float64)

    def assert_speech_arrived(self, script: Script, turns: list[NDArray[np.int16]]) -> None:
        """Find each turn, to the sample, in what the browser gave the page, and the script in them.

        A busy browser leaves gaps between microphone and page, so that the script may not be found
        everywhere; on the way from there to the kernel nothing may be missing.
        """
        captured, rate_hz = self.captured(), self.device_rate_hz()
        for turn in turns:
            assert correlation_of(turn, captured, rate_hz) > 0.9995
        said = samples_from(np.concatenate(turns))
        assert np.median(segment_correlations(script.samples, script.rate_hz, said)) > 0.97

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
