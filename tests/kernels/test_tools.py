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
    *shown, _below = (each.content["data"] for each in kernel.published("display_data", begun))
    models = [each["application/vnd.jupyter.widget-view+json"]["model_id"] for each in shown]
    assert models == [comm_id, comm_id]
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
    shown, _below = kernel.published("display_data", begun)
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


# --------------------------------------------------------------------------- the main thread
MAIN = """
import logging, sqlite3, threading, time

logging.getLogger("grok_live_widget").setLevel("ERROR")
connection = sqlite3.connect(":memory:")
told = []

@tool(thread="main")
def where(what: str = "") -> str:
    display(HTML("displayed"))
    connection.execute("select 1")
    told.append(threading.current_thread().name)
    return told[-1]

@tool(thread="main")
def long(what: str = "") -> str:
    display(HTML("began"))
    while True:
        time.sleep(0.01)

@tool(thread="main", timeout_s=0.2)
def soon(what: str = "") -> str:
    told.append("called")
    return "called"

tools = [where, long, soon]
"""


@pytest.fixture
def on_main(kernel: Kernel, live: Callable[..., str]) -> Callable[..., str]:
    """`on_main(settings="") -> comm_id` of a widget whose tools run on the main thread."""

    def made(settings: str = "") -> str:
        kernel.run(TOOLS + MAIN)
        return str(kernel.run(f"live = GrokLive(partner=partner, tools=tools, {settings})").comm_id)

    return made


@BOTH
@pytest.mark.parametrize("asked", ["live.ask('where')", "await live.ask_async('where')"])
def test_a_tool_runs_on_the_main_thread_while_a_cell_asks(
    kernel: Kernel, on_main: Callable[..., str], asked: str
) -> None:
    on_main()
    kernel.run(f"turn = {asked}")
    assert kernel.value("turn.text").rstrip(".") == "It said MainThread"
    assert [each["text/html"] for each in outputs(kernel)] == ["displayed"]


@BOTH
def test_a_tool_runs_on_the_main_thread_between_cells(
    kernel: Kernel, on_main: Callable[..., str]
) -> None:
    page = Page(kernel, on_main(), "page-1")
    page.say_hello()
    page.say("text", text="where")
    kernel.wait(lambda: page.received("tool")[-1:], "the call")
    kernel.wait(lambda: page.received("tool")[-1]["call"]["state"] == "done", "the call to be made")
    assert kernel.value("told") == ["MainThread"]


def test_a_tool_waits_for_the_end_of_a_busy_cell_and_the_panel_says_so(
    kernel: Kernel, subshell: str, on_main: Callable[..., str]
) -> None:
    page = Page(kernel, on_main(), "page-1", subshell)
    page.say_hello()
    with kernel.blocked():
        page.say("text", text="where")
        note = page.wait("note")["note"]
        assert (
            note["text"]
            == "The tool 'where' waits for the kernel's main thread: a cell is running."
        )
        printed = "".join(each.content["text"] for each in kernel.published("stream"))
        assert printed.endswith("running\n")
    kernel.wait(lambda: page.received("note")[-1]["note"] == {**note, "text": ""}, "its end")
    kernel.wait(lambda: page.received("tool")[-1]["call"]["state"] == "done", "the call to be made")
    assert kernel.value("told") == ["MainThread"]


def test_a_tool_that_a_busy_cell_keeps_waiting_too_long_is_not_called(
    kernel: Kernel, subshell: str, on_main: Callable[..., str]
) -> None:
    page = Page(kernel, on_main(), "page-1", subshell)
    page.say_hello()
    with kernel.blocked():
        page.say("text", text="soon")
        kernel.wait(lambda: page.received("tool")[-1:], "the call")
        kernel.wait(
            lambda: page.received("tool")[-1]["call"]["state"] == "failed", "the call to fail"
        )
    assert page.received("tool")[-1]["call"]["error"] == (
        "the function was not called: the kernel's main thread, where it has to run, was not free "
        "within 0.2 s (a cell is running)."
    )
    assert kernel.value("told") == []


@BOTH
def test_an_interrupt_between_cells_ends_a_tool_on_the_main_thread_and_nothing_else(
    kernel: Kernel, on_main: Callable[..., str]
) -> None:
    page = Page(kernel, on_main(), "page-1")
    page.say_hello()
    area, since = kernel.value("live._tool_output.area.model_id"), kernel.position
    page.say("text", text="long")
    kernel.wait(lambda: has_begun(kernel, area, since), "the tool to begin")
    kernel.interrupt()
    kernel.wait(lambda: page.received("tool")[-1]["call"]["state"] == "failed", "the call to fail")
    assert "KeyboardInterrupt" in page.received("tool")[-1]["call"]["error"]
    assert kernel.value("live.phase") == "open"


@BOTH
@pytest.mark.parametrize("asked", ["live.ask('long')", "await live.ask_async('long')"])
def test_an_interrupt_of_the_cell_ends_its_question_and_the_tool(
    kernel: Kernel, on_main: Callable[..., str], asked: str
) -> None:
    on_main()
    area, since = kernel.value("live._tool_output.area.model_id"), kernel.position
    cell = kernel.begin(asked)
    kernel.wait(lambda: has_begun(kernel, area, since), "the tool to begin")
    kernel.interrupt()
    assert cell.wait_for_reply()["ename"] in ("KeyboardInterrupt", "CancelledError")
    assert kernel.value("live.ask('where').text").rstrip(".") == "It said MainThread"


def has_begun(kernel: Kernel, area: str, since: int) -> bool:
    """Whether a tool that displays something when it begins has begun."""
    return any(
        each.content["comm_id"] == area and "began" in str(each.content["data"])
        for each in kernel.published("comm_msg", since)
    )


@BOTH
def test_a_tool_runs_on_the_main_thread_inside_of_a_nested_loop(
    kernel: Kernel, on_main: Callable[..., str]
) -> None:
    on_main()
    kernel.run("from grok_live_widget import allow_nested_asyncio; allow_nested_asyncio()")
    kernel.run("import asyncio; turn = asyncio.run(live.ask_async('where'))")
    assert kernel.value("turn.text").rstrip(".") == "It said MainThread"
    kernel.run("async def main(): return live.ask('where')\nturn = asyncio.run(main())")
    assert kernel.value("turn.text").rstrip(".") == "It said MainThread"
