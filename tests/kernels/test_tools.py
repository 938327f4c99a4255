"""Tools in a kernel: their output is shown below the panel, and a page gives consent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import NEWEST
from .kernel import Kernel
from .page import Page

BOTH = pytest.mark.parametrize("kernel", ["6.31.0", NEWEST], indirect=True)

TOOLS = """
import asyncio
import matplotlib.pyplot as plt
import pandas
from IPython.display import HTML, clear_output, display
from grok_live_widget import tool
from grok_live_widget.rehearsal.partner import CallTool, Unvoiced

%matplotlib inline

def partner(turn):
    if turn.role == "tool":
        return Unvoiced(f"It said {turn.text}")
    name, _, what = turn.text.partition(" ")
    return CallTool(name, {"what": what} if what else {})

partner.needs_words = False

def show(what: str) -> str:
    display(HTML(what))
    return "shown"

async def show_later(what: str) -> str:
    await asyncio.sleep(0)
    display(HTML(what))
    return "shown"

def table() -> pandas.DataFrame:
    frame = pandas.DataFrame({"a": [1, 2]})
    display(frame)
    return frame

def figure() -> str:
    plt.plot([1, 2])
    plt.show()
    return "drawn"

def count() -> str:
    for number in range(3):
        clear_output(wait=True)
        display(HTML(str(number)))
    return "counted"

def progress() -> str:
    handle = display(HTML("half"), display_id=True)
    handle.update(HTML("whole"))
    return "done"

tools = [show, show_later, table, figure, count, progress]
"""


@pytest.fixture
def live(kernel: Kernel, show: Any) -> Callable[..., str]:
    """`live(settings="") -> comm_id` of a widget with tools, which the rehearsal calls."""

    def made(settings: str = "") -> str:
        kernel.run(TOOLS)
        comm_id: str = show(f"partner=partner, tools=tools, {settings}")
        return comm_id

    return made


def outputs(kernel: Kernel) -> Any:
    return kernel.value("[output['data'] for output in live._tool_output.area.outputs]")


@BOTH
def test_the_output_of_tools_is_in_the_area_and_in_no_cell(
    kernel: Kernel, live: Callable[..., str]
) -> None:
    live()
    area = kernel.value("live._tool_output.area.model_id")
    begun = kernel.position
    for asked in ("show one", "show_later two", "table", "figure"):
        kernel.run(f"live.ask({asked!r})")
    assert kernel.published("display_data", begun) == []
    shown = [
        each.content["data"]["state"]["outputs"]
        for each in kernel.published("comm_msg", begun)
        if each.content["comm_id"] == area
    ]
    assert [len(each) for each in shown] == [1, 2, 3, 4]
    one, two, table, figure = (each["data"] for each in shown[-1])
    assert (one["text/html"], two["text/html"]) == ("one", "two")
    assert "<table" in table["text/html"]
    assert figure["image/png"].startswith("iVBOR")


def test_a_tool_called_for_a_page_displays_while_a_cell_runs(
    kernel: Kernel, subshell: str, live: Callable[..., str]
) -> None:
    page = Page(kernel, live(), "page-1", subshell)
    page.say_hello()
    area = kernel.value("live._tool_output.area.model_id")
    begun = kernel.position
    with kernel.blocked() as cell:
        page.say("text", text="show one")
        kernel.wait(
            lambda: [
                each
                for each in kernel.published("comm_msg", begun)
                if each.content["comm_id"] == area
            ],
            "the area to show it",
        )
        assert not cell.has_ended


def test_a_tool_clears_and_updates_its_own_output(kernel: Kernel, live: Callable[..., str]) -> None:
    live()
    kernel.run("live.ask('show one')")
    kernel.run("live.ask('count')")
    kernel.run("live.ask('progress')")
    assert [each["text/html"] for each in outputs(kernel)] == ["one", "2", "whole"]


def test_the_area_keeps_the_newest_outputs(kernel: Kernel, live: Callable[..., str]) -> None:
    live()
    kernel.run("for number in range(23): live.ask(f'show {number}')")
    assert [each["text/html"] for each in outputs(kernel)] == [str(n) for n in range(3, 23)]


@BOTH
def test_the_panel_names_the_area_that_its_page_shows_below_it(
    kernel: Kernel, live: Callable[..., str]
) -> None:
    comm_id = live()
    begun = kernel.position
    kernel.run("display(live); display(live)")
    shown = [each.content["data"] for each in kernel.published("display_data", begun)]
    models = {each["application/vnd.jupyter.widget-view+json"]["model_id"] for each in shown}
    assert "<GrokLive with rehearsal" in shown[0]["text/plain"]
    assert models == {comm_id}
    area = kernel.value("live._tool_output.area.model_id")
    (opened,) = [
        each.content["data"]["state"]
        for each in kernel.published("comm_open")
        if each.content["comm_id"] == comm_id
    ]
    assert opened["_tool_area"] == f"IPY_MODEL_{area}"


def test_a_panel_without_tools_is_shown_alone(kernel: Kernel, show: Any) -> None:
    comm_id = show('partner="parrot"')
    begun = kernel.position
    kernel.run("display(live)")
    (shown,) = kernel.published("display_data", begun)
    bundle = shown.content["data"]["application/vnd.jupyter.widget-view+json"]
    assert bundle["model_id"] == comm_id


def test_what_a_tool_that_was_given_later_displays_is_shown_in_the_area(
    kernel: Kernel, show: Any
) -> None:
    kernel.run(TOOLS)
    show("partner=partner")
    kernel.run("live.update(tools=tools); live.ask('show it')")
    assert outputs(kernel)


def test_closing_the_widget_closes_its_area(kernel: Kernel, live: Callable[..., str]) -> None:
    live()
    area = kernel.value("live._tool_output.area.model_id")
    kernel.run("live.close()")
    closed = [each.content["comm_id"] for each in kernel.published("comm_close")]
    assert area in closed


# --------------------------------------------------------------------------- consent
@pytest.mark.parametrize(("is_allowed", "state"), [(True, "done"), (False, "denied")])
def test_a_page_allows_a_call_or_does_not(
    kernel: Kernel, live: Callable[..., str], is_allowed: bool, state: str
) -> None:
    page = Page(kernel, live("approve_tools=True"), "page-1")
    page.say_hello()
    page.say("text", text="show it")
    waiting = page.wait("tool")["call"]
    assert (waiting["state"], waiting["name"]) == ("waiting", "show")
    assert waiting["arguments"] == '{"what":"it"}'
    assert page.say_hello()["tools"] == [waiting]
    page.say("tool_answer", call_id=waiting["call_id"], is_allowed=is_allowed)
    kernel.wait(
        lambda: page.received("tool")[-1]["call"]["state"] == state, f"the call to be {state}"
    )
    assert [each["text/html"] for each in outputs(kernel)] == ["it"] * is_allowed
