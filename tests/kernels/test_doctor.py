"""`live.doctor()` in a cell: it does not wait for messages that wait for the cell."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from grok_live_widget import __version__

from .kernel import Kernel
from .page import Page


@contextmanager
def answering(page: Page) -> Iterator[None]:
    """Answer pings on a thread, as the page does whatever the kernel is at."""
    is_over = threading.Event()

    def answer() -> None:
        done: set[int] = set()
        while not is_over.wait(0.005):
            for message in page.messages("ping", 0):
                ping = message.custom
                if ping["id"] not in done:
                    done.add(ping["id"])
                    sound = map(bytes, message.buffers)
                    page.say("pong", *sound, id=ping["id"], clock_ms=page.clock_ms())

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def shown_page(kernel: Kernel, show: Any, subshell: str = "") -> Page:
    page = Page(kernel, show('partner="parrot"'), "page-1", subshell)
    page.hello(version=__version__)
    page.wait("snapshot", page=page.name)
    return page


def report_of(kernel: Kernel, call: str) -> dict[str, Any]:
    """The checks of a report that a cell makes, by their names."""
    kernel.run(f"report = {call}")
    checks: dict[str, Any] = kernel.value(
        "{each.name: (each.result, each.found) for each in report}"
    )
    return checks


def test_with_subshells_the_page_answers_while_the_cell_runs(
    kernel: Kernel, show: Any, subshell: str
) -> None:
    with answering(shown_page(kernel, show, subshell)):
        checks = report_of(kernel, "live.doctor()")
    assert checks["page transport"][0] == "ok", checks["page transport"]
    assert checks["busy kernel"] == ["ok", "What the page sends was read while this cell ran."]
    assert "came back unchanged" in checks["page sound"][1]
    assert checks["session"][0] == checks["page version"][0] == "ok"


def test_a_page_whose_messages_wait_for_the_cell_is_told_and_not_waited_for(
    kernel: Kernel, show: Any
) -> None:
    with answering(shown_page(kernel, show)):
        checks = report_of(kernel, "live.doctor()")
    result, found = checks["page transport"]
    assert result == "warning"
    assert "wait for the running cell, or it is gone" in found
    assert checks["page version"][0] == "ok", "the page has told it before"


@pytest.mark.parametrize("kernel", ["6.31.0"], indirect=True)
def test_an_older_kernel_is_named_as_the_reason(kernel: Kernel, show: Any) -> None:
    with answering(shown_page(kernel, show)):
        checks = report_of(kernel, "live.doctor()")
    assert checks["busy kernel"][0] == "warning"
    result, found = checks["page transport"]
    assert result == "warning"
    assert "with ipykernel 6.31.0" in found


@pytest.mark.slow
@pytest.mark.parametrize("kernel", ["7.3.0"], indirect=True)
def test_a_kernel_that_can_lose_requests_is_a_warning(kernel: Kernel, show: Any) -> None:
    show('partner="parrot"')
    result, found = report_of(kernel, "live.doctor()")["busy kernel"]
    assert result == "warning"
    assert "can lose requests" in found


def test_an_awaited_doctor_lets_the_page_answer_without_subshells(
    kernel: Kernel, show: Any
) -> None:
    with answering(shown_page(kernel, show)):
        checks = report_of(kernel, "await live.doctor_async()")
    assert checks["page transport"][0] == "ok", checks["page transport"]


@pytest.mark.parametrize("has_subshell", [True, False])
def test_the_doctor_of_the_panel_sees_whether_a_cell_would_hold_up_the_page(
    kernel: Kernel, show: Any, subshell: str, has_subshell: bool
) -> None:
    page = shown_page(kernel, show, subshell if has_subshell else "")
    with answering(page):
        page.say("drawer", name="doctor", content={"type": "run", "run": 1})
        done = page.wait("drawer", lambda drawer: drawer["content"]["is_done"], name="doctor")
    checks = {check["name"]: check for check in done["content"]["checks"]}
    assert checks["busy kernel"]["result"] == ("ok" if has_subshell else "warning")
    assert "came back unchanged" in checks["page sound"]["found"]
    assert checks["session"]["result"] == "ok"
