"""The checks of a talk, as the panel asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from grok_live_widget.diagnostics import Check
from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.widget.doctor_drawer import DoctorDrawer

KEY = Check(name="key", result="ok", found="It was found.")
BUSY = Check(name="busy kernel", result="warning", found="It may wait.")
NOT_BUSY = Check(name="busy kernel", result="ok", found="It does not wait.")


class Drawer:
    """A drawer whose checks are given by hand."""

    def __init__(self) -> None:
        self.groups = asyncio.Queue[list[Check] | Exception | None]()
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self._has_sent = asyncio.Event()
        self.examined: list[str] = []
        self.doctor = DoctorDrawer(self._examine, self._keep)

    def _keep(self, page: str, content: dict[str, Any]) -> None:
        self.sent.append((page, content))
        self._has_sent.set()

    async def _examine(self, page: str) -> AsyncIterator[list[Check]]:
        self.examined.append(page)
        while (group := await self.groups.get()) is not None:
            if isinstance(group, Exception):
                raise group
            yield group

    def ask(self, run: int = 0, page: str = "a") -> None:
        self.doctor.receive(page, {"type": "run", "run": run})

    async def find(self, group: list[Check] | Exception | None) -> dict[str, Any]:
        """What is sent when a group is known."""
        self._has_sent.clear()
        self.groups.put_nowait(group)
        await self._has_sent.wait()
        return self.sent[-1][1]


def _shown(content: dict[str, Any]) -> list[tuple[str, str]]:
    return [(check["name"], check["result"]) for check in content["checks"]]


async def test_checks_are_sent_as_they_become_known_and_a_later_one_knows_better() -> None:
    drawer = Drawer()
    drawer.ask()
    first = await drawer.find([KEY, BUSY])
    assert _shown(first) == [("key", "ok"), ("busy kernel", "warning")]
    assert (first["run"], first["is_done"]) == (0, False)
    assert _shown(await drawer.find([NOT_BUSY])) == [("key", "ok"), ("busy kernel", "ok")]
    assert (await drawer.find(None))["is_done"]
    assert {page for page, _ in drawer.sent} == {"a"}


async def test_a_request_that_is_repeated_is_answered_and_checks_nothing_twice() -> None:
    drawer = Drawer()
    drawer.ask()
    await drawer.find([KEY])
    drawer.ask()
    assert _shown(drawer.sent[-1][1]) == [("key", "ok")]
    assert len(drawer.sent) == 2
    assert drawer.examined == ["a"]


async def test_another_run_begins_anew_and_the_earlier_one_is_silent() -> None:
    drawer = Drawer()
    drawer.ask(0)
    await drawer.find([KEY])
    drawer.ask(1)
    assert _shown(await drawer.find([BUSY])) == [("busy kernel", "warning")]
    assert (await drawer.find(None))["is_done"]
    assert [content["run"] for _, content in drawer.sent] == [0, 1, 1]
    assert drawer.examined == ["a", "a"]


async def test_an_error_is_a_check_that_failed_and_ends_the_run() -> None:
    drawer = Drawer()
    drawer.ask()
    sent = await drawer.find(ConfigurationError("it is wrong.", cure="Mend it."))
    assert sent["is_done"]
    [check] = sent["checks"]
    assert (check["name"], check["result"], check["cure"]) == ("doctor", "failed", "Mend it.")


async def test_a_bug_ends_the_run_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    drawer = Drawer()
    drawer.ask()
    assert (await drawer.find(ZeroDivisionError()))["is_done"]
    assert "report this" in caplog.text


GOOD = {"type": "tested", "name": "microphone test", "result": "ok", "found": "It works."}


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "key"},
        {"result": "good"},
        {"found": "x" * 1001},
        {"found": 3},
        {"type": "run"},
        {"type": "other"},
    ],
)
async def test_what_is_no_request_is_ignored(wrong: dict[str, Any]) -> None:
    drawer = Drawer()
    drawer.doctor.receive("a", GOOD | wrong)
    drawer.doctor.receive("a", {"type": "run", "run": "1"})
    assert drawer.doctor.tested("a") == {}
    assert drawer.sent == []


async def test_what_a_page_has_tested_is_kept_for_it_until_it_is_gone() -> None:
    drawer = Drawer()
    drawer.doctor.receive("a", GOOD)
    drawer.doctor.receive("a", GOOD | {"result": "failed", "cure": "Unmute it."})
    expected = Check(name="microphone test", result="failed", found="It works.", cure="Unmute it.")
    assert drawer.doctor.tested("a") == {"microphone test": expected}
    assert drawer.doctor.tested("b") == {}
    drawer.doctor.leave("a")
    assert drawer.doctor.tested("a") == {}
