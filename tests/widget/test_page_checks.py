"""What a page tells of itself, as checks: each fails for a page of which it is true."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import pytest

from grok_live_widget import __version__
from grok_live_widget.client.ask import Asker
from grok_live_widget.client.endpoint import resolve_endpoint
from grok_live_widget.client.reconnecting_session import ReconnectingSession
from grok_live_widget.diagnostics import Report
from grok_live_widget.settings.settings import Settings
from grok_live_widget.widget.bridge import FrontendBridge
from grok_live_widget.widget.doctor_drawer import TESTS
from grok_live_widget.widget.messages import KernelMessage, Ping, decode
from grok_live_widget.widget.page_checks import (
    BURST_COUNT,
    PAGE,
    PING_COUNT,
    SOUND_COUNT,
    page_checks,
)

from ..support.page import SimulatedPage, no_checks


class Page(SimulatedPage):
    """A page beside the bridge, which answers up to `answer_count` pings."""

    def __init__(self, name: str = "page-1") -> None:
        super().__init__(name)
        settings = Settings(partner="parrot")
        self.talk = ReconnectingSession(settings, None, resolve_endpoint(settings))
        ask = partial(Asker(self.talk).ask, sample_rate=None, timeout_s=20)
        self.bridge = FrontendBridge(self.talk, self._receive, ask, no_checks)
        self.answer_count = PING_COUNT + BURST_COUNT + SOUND_COUNT
        # What the page makes of sound that comes with a ping.
        self.returned: Callable[[bytes], bytes] = bytes
        self.ping_ids: list[int] = []

    def _receive(self, message: KernelMessage, buffer: bytes | None) -> None:
        if isinstance(message, Ping):
            self.ping_ids.append(message.id)
            if len(self.ping_ids) <= self.answer_count:
                loop = asyncio.get_running_loop()
                sound = [] if buffer is None else [self.returned(buffer)]
                loop.call_soon(lambda: self.say("pong", *sound, id=message.id))

    def send(self, content: Any, *buffers: bytes) -> None:
        message = decode(content)
        assert message is not None
        self.bridge.receive(message, *(buffers or (None,)), asyncio.get_running_loop().time())

    @property
    def session(self) -> int:
        return self.bridge.sound.downlink.session

    async def report(
        self, *, processing: bool = True, timeout_s: float = 5, **hello: Any
    ) -> Report:
        """What the checks say after the page has said hello so."""
        self.hello(**{"version": __version__} | hello)
        return await self.checked(processing=processing, timeout_s=timeout_s)

    async def checked(
        self,
        *,
        page: str = "",
        processing: bool = True,
        timeout_s: float = 5,
        is_blocking: bool = True,
        is_beside_cells: bool = True,
    ) -> Report:
        return Report(
            await page_checks(
                self.bridge,
                page,
                processing=processing,
                timeout_s=timeout_s,
                is_blocking=is_blocking,
                is_beside_cells=lambda: is_beside_cells,
            )
        )

    def has_tested(self, name: str, result: str = "ok", found: str = "It works.") -> None:
        """Tell the result of a test that the page makes itself."""
        content = {"type": "tested", "name": name, "result": result, "found": found}
        self.say("drawer", name="doctor", content=content)

    def switch_on(self, **fields: Any) -> None:
        """Report a microphone that is on, with what the browser applies."""
        applied = dict.fromkeys(("echo_cancellation", "noise_suppression", "auto_gain"), True)
        state = {"state": "on", "reason": None, "device": "Desk", "device_rate_hz": 48_000}
        self.hello(version=__version__)
        self.say("microphone_state", **(state | applied | fields))


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    page = Page()
    yield page
    await page.bridge.close()
    await page.talk.close()


async def test_a_page_with_a_microphone_that_is_on_is_ok(page: Page) -> None:
    page.switch_on()
    page.say("loudspeaker_state", state="ok")
    for name in TESTS:
        page.has_tested(name)
    report = await page.checked()
    assert [check.name for check in report] == list(PAGE)
    assert {check.result for check in report} == {"ok"}, report
    assert report["microphone"].found == (
        "It is on: Desk, 48000 Hz, echo cancellation on, noise suppression on, gain control on."
    )


async def test_without_a_page_there_is_nothing_to_check(page: Page) -> None:
    report = await page.checked()
    assert [check.name for check in report] == list(PAGE)
    assert {check.result for check in report} == {"skipped"}
    assert "in a later cell" in report["page"].cure
    assert page.ping_ids == []


async def test_a_page_that_has_gone_is_no_page(page: Page) -> None:
    page.hello()
    page.say("bye")
    assert (await page.checked())["page"].result == "skipped"


async def test_a_second_page_is_counted(page: Page) -> None:
    page.hello()
    page.send({"type": "hello", "page": "page-2", "version": "0", "microphone": "ok"})
    assert "is one of 2" in (await page.checked())["page"].found


async def test_a_page_of_another_version_fails(page: Page) -> None:
    report = await page.report(version="0.0.9")
    assert report["page version"].result == "failed"
    assert f"version 0.0.9, the kernel {__version__}" in report["page version"].found
    assert "reload the page" in report["page version"].cure


async def test_a_page_that_is_not_secure_fails_with_the_command_of_a_tunnel(page: Page) -> None:
    report = await page.report(microphone="insecure")
    assert report["page security"].result == "failed"
    assert "ssh -L" in report["page security"].cure
    assert report["frame policy"].result == report["microphone"].result == "skipped"


async def test_a_program_that_keeps_the_microphone_from_its_pages_fails(page: Page) -> None:
    report = await page.report(microphone="policy")
    assert report["page security"].result == "ok"
    assert report["frame policy"].result == "failed"
    assert "in a browser" in report["frame policy"].cure


async def test_a_browser_without_microphones_fails(page: Page) -> None:
    assert (await page.report(microphone="none"))["microphone"].result == "failed"


async def test_a_microphone_that_is_off_is_not_checked(page: Page) -> None:
    check = (await page.report())["microphone"]
    assert (check.result, check.found) == ("skipped", "It is off.")


@pytest.mark.parametrize(
    ("reason", "part"),
    [
        ("denied", "refused by the user"),
        ("no_device", "found no microphone"),
        ("busy", "Another program"),
        ("lost", "unplugged"),
        ("insecure", "not secure"),
        ("policy", "keeps the microphone"),
        ("other", "could not be switched on"),
        (None, "could not be switched on"),
    ],
)
async def test_a_microphone_that_failed_fails_with_its_reason(
    page: Page, reason: str | None, part: str
) -> None:
    page.switch_on(state="failed", reason=reason)
    check = (await page.checked())["microphone"]
    assert check.result == "failed"
    assert part in check.found
    assert check.cure


@pytest.mark.parametrize(
    ("state", "reason"), [("asking", None), ("failed", "waiting"), ("failed", "taken")]
)
async def test_a_microphone_that_waits_for_the_user_is_a_warning(
    page: Page, state: str, reason: str | None
) -> None:
    page.switch_on(state=state, reason=reason)
    assert (await page.checked())["microphone"].result == "warning"


@pytest.mark.parametrize(
    ("processing", "applied", "part"),
    [
        (True, {"echo_cancellation": False}, "opposite: echo cancellation."),
        (False, {}, "opposite: echo cancellation, noise suppression, gain control."),
    ],
)
async def test_processing_that_the_browser_does_not_apply_as_asked_is_a_warning(
    page: Page, processing: bool, applied: dict[str, Any], part: str
) -> None:
    page.switch_on(**applied)
    check = (await page.checked(processing=processing))["microphone"]
    assert check.result == "warning"
    assert part in check.found
    assert check.cure


async def test_what_a_browser_does_not_say_of_its_microphone_is_left_out(page: Page) -> None:
    unknown = dict.fromkeys(
        ("device", "device_rate_hz", "echo_cancellation", "noise_suppression", "auto_gain")
    )
    page.switch_on(**unknown)
    check = (await page.checked())["microphone"]
    assert (check.result, check.found) == ("ok", "It is on: a device without a name.")


async def test_a_new_owner_has_not_reported_its_microphone(page: Page) -> None:
    page.switch_on()
    page.send({"type": "hello", "page": "page-2", "version": __version__, "microphone": "ok"})
    page.send({"type": "take_over", "page": "page-2"})
    assert page.bridge.microphone.state == "off"


async def test_messages_are_timed_both_ways(page: Page) -> None:
    check = (await page.report())["page transport"]
    assert check.result == "ok"
    assert f"of {PING_COUNT} pings;" in check.found
    assert "messages a second both ways" in check.found
    # Those of the lease have positive ids.
    assert all(ping_id < 0 for ping_id in page.ping_ids)
    assert len(set(page.ping_ids)) == PING_COUNT + BURST_COUNT + SOUND_COUNT


@pytest.mark.parametrize(
    ("answer_count", "result", "part"),
    [(0, "failed", "did not answer"), (4, "warning", "answered 4 pings, and then none")],
)
async def test_a_page_that_does_not_answer_is_told_in_time(
    page: Page, answer_count: int, result: str, part: str
) -> None:
    page.answer_count = answer_count
    check = (await page.report(timeout_s=0.1))["page transport"]
    assert check.result == result
    assert part in check.found
    assert check.cure
    assert page.bridge._pings == {}


async def test_an_answer_of_another_page_does_not_count(page: Page) -> None:
    page.answer_count = 0
    page.hello()
    waiting = asyncio.create_task(page.bridge.ping(page.name))
    await asyncio.sleep(0)
    page.send({"type": "pong", "page": "page-2", "id": page.ping_ids[-1]})
    assert not waiting.done()
    page.say("pong", id=page.ping_ids[-1])
    took_s, _ = await waiting
    assert took_s >= 0


async def test_sound_goes_both_ways_unchanged(page: Page) -> None:
    check = (await page.report())["page sound"]
    assert check.result == "ok"
    assert "of 5 pings with 4.8 kB, which came back unchanged" in check.found


@pytest.mark.parametrize(
    "returned", [lambda sound: sound[:-2], lambda sound: sound[::-1]], ids=["shorter", "reversed"]
)
async def test_sound_that_is_changed_on_the_way_fails(
    page: Page, returned: Callable[[bytes], bytes]
) -> None:
    page.returned = returned
    check = (await page.report())["page sound"]
    assert check.result == "failed"
    assert "proxy" in check.cure


async def test_the_checks_of_a_page_are_its_own(page: Page) -> None:
    page.hello(version=__version__)
    other = {"type": "hello", "page": "page-2", "version": __version__, "microphone": "policy"}
    page.send(other)
    assert (await page.checked())["frame policy"].result == "ok"
    page.answer_count = 0
    report = await page.checked(page="page-2", timeout_s=0.05)
    assert report["frame policy"].result == "failed"


@pytest.mark.parametrize(
    ("reason", "part"),
    [
        ("paused", "has paused the sound of this page"),
        ("system_muted", "is muted by the system"),
        ("silent", "gives only silence"),
    ],
)
async def test_a_microphone_that_is_on_and_not_heard_is_a_warning(
    page: Page, reason: str, part: str
) -> None:
    page.switch_on(state="muted" if reason == "paused" else "on", reason=reason)
    check = (await page.checked())["microphone"]
    assert check.result == "warning"
    assert part in check.found


@pytest.mark.parametrize(
    ("state", "result", "part"),
    [
        ({"state": "waiting", "reason": "click"}, "warning", "wants a click"),
        ({"state": "failed", "reason": "no device"}, "failed", "cannot be played"),
        ({"state": "ok"}, "ok", "Replies are played"),
    ],
)
async def test_the_loudspeaker_is_what_the_page_says_of_it(
    page: Page, state: dict[str, Any], result: str, part: str
) -> None:
    page.hello()
    page.say("loudspeaker_state", **state)
    check = (await page.checked())["loudspeaker"]
    assert check.result == result
    assert part in check.found


@pytest.mark.parametrize(
    ("counts", "part"),
    [
        ({"lost_sample_count": 36_000}, "1.5 s of sound was lost"),
        ({"underrun_count": 1}, "late once, and"),
        ({"underrun_count": 2}, "late 2 times, and"),
    ],
)
async def test_sound_that_was_lost_or_late_is_a_warning(
    page: Page, counts: dict[str, int], part: str
) -> None:
    page.hello()
    position = {"session": 0, "epoch": 0, "reply": 1, "sample_count": 9}
    page.say("playhead", **position | counts)
    check = (await page.checked())["loudspeaker"]
    assert check.result == "warning"
    assert part in check.found
    assert check.cure


async def test_what_the_page_has_tested_is_in_the_report_until_it_is_gone(page: Page) -> None:
    assert (await page.report())["microphone test"].result == "skipped"
    page.has_tested("microphone test", "failed", "It records only silence.")
    assert (await page.checked())["microphone test"].found == "It records only silence."
    page.say("bye")
    page.hello()
    assert (await page.checked())["microphone test"].result == "skipped"


@pytest.mark.parametrize("is_beside_cells", [True, False])
async def test_the_path_of_the_page_s_messages_tells_whether_cells_hold_them_up(
    page: Page, monkeypatch: pytest.MonkeyPatch, is_beside_cells: bool
) -> None:
    monkeypatch.setattr("grok_live_widget.widget.page_checks.blocks_page", str)
    page.hello()
    report = await page.checked(is_blocking=False, is_beside_cells=is_beside_cells)
    assert report["busy kernel"].result == ("ok" if is_beside_cells else "warning")
