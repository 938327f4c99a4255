"""The output below a panel, wherever the talk is stopped."""

from __future__ import annotations

from typing import Any

import pytest

from grok_live_widget import RehearsalServer

from .conftest import NEWEST, Partner
from .kernel import Cell, Kernel, Published
from .page import Page

BOTH = pytest.mark.parametrize("kernel", ["6.31.0", NEWEST], indirect=True)
ASKED = "Which roses grow in shade?"


class Shown:
    """A panel that a cell displays, and the output below it."""

    def __init__(self, kernel: Kernel, server: RehearsalServer, more: str) -> None:
        self.kernel = kernel
        url = server.url("realtime")
        self.made = kernel.run(f"live = GrokLive(url={url!r}, api_key='any'{more})")
        self.cell = kernel.run("live")
        self.begun = kernel.position

    def page(self) -> Page:
        page = Page(self.kernel, self.made.comm_id, "page-1")
        page.say_hello()
        return page

    def first(self) -> Published:
        [first] = [
            each
            for each in self.kernel.published("display_data")
            if each.parent == self.cell.execution
        ]
        return first

    def updates(self) -> list[Published]:
        """What has replaced the output since."""
        identity = self.first().content["transient"]
        return [
            each
            for each in self.kernel.published("update_display_data", self.begun)
            if each.content["transient"] == identity
        ]

    def wait_for(self, text: str, cell: Cell) -> None:
        def is_shown() -> bool:
            newest = self.updates()[-1:]
            return any(text in each.content["data"]["text/html"] for each in newest)

        self.kernel.wait(is_shown, f"{text!r} in the output")
        assert self.updates()[-1].parent == cell.execution


@pytest.fixture
def shown(kernel: Kernel, server: RehearsalServer) -> Any:
    return lambda more="": Shown(kernel, server, more)


@BOTH
def test_a_talk_that_a_page_stops_is_put_below_the_panel(shown: Any) -> None:
    panel = shown(", keep_in_notebook=True")
    page = panel.page()
    page.say("text", text=ASKED)
    page.wait_for_turn(role="assistant", is_complete=True)
    assert panel.updates() == []
    page.say("stop")
    panel.wait_for(ASKED, panel.cell)


def test_a_talk_that_goes_on_replaces_what_was_kept(kernel: Kernel, shown: Any) -> None:
    panel = shown(", keep_in_notebook=True")
    kernel.run(f"live.ask({ASKED!r})")
    panel.wait_for(ASKED, kernel.run("live.stop()"))
    kernel.run("live.ask('And in the sun?')")
    count = len(panel.updates())
    panel.wait_for("And in the sun?", kernel.run("live.close()"))
    assert len(panel.updates()) == count + 1
    assert ASKED in panel.updates()[-1].content["data"]["text/html"]


def test_a_talk_that_the_server_ends_is_put_below_the_panel(
    kernel: Kernel, shown: Any, server: RehearsalServer
) -> None:
    panel = shown(", keep_in_notebook=True, reconnect_tries=0")
    kernel.run(f"live.ask({ASKED!r})")
    server.close()
    panel.wait_for(ASKED, panel.cell)


def test_awaiting_the_end_puts_the_talk_below_the_panel(kernel: Kernel, shown: Any) -> None:
    panel = shown(", keep_in_notebook=True")
    kernel.run(f"live.ask({ASKED!r})")
    panel.wait_for(ASKED, kernel.run("await live.stop_async()"))
    panel.wait_for(ASKED, kernel.run("await live.close_async()"))


def test_nothing_that_was_said_is_put_below_the_panel_unasked(kernel: Kernel, shown: Any) -> None:
    panel = shown()
    page = panel.page()
    page.say("text", text=ASKED)
    page.wait_for_turn(role="assistant", is_complete=True)
    page.say("stop")
    kernel.wait(panel.updates, "the talk to stop")
    kernel.run("live.close()")
    for each in [panel.first(), *panel.updates()]:
        assert ASKED not in str(each.content)
        assert "keep_in_notebook=True" in each.content["data"]["text/html"]


def test_assigning_it_puts_the_talk_below_the_panel_and_takes_it_away(
    kernel: Kernel, shown: Any
) -> None:
    panel = shown()
    kernel.run(f"live.ask({ASKED!r})\nlive.stop()")
    panel.wait_for(ASKED, kernel.run("live.keep_in_notebook = True"))
    panel.wait_for("is not kept", kernel.run("live.keep_in_notebook = False"))


def test_a_panel_that_is_displayed_again_has_the_talk_below_it(kernel: Kernel, shown: Any) -> None:
    panel = shown(", keep_in_notebook=True")
    kernel.run(f"live.ask({ASKED!r})\nlive.stop()")
    again = kernel.run("live")
    [output] = [each for each in kernel.published("display_data") if each.parent == again.execution]
    assert output.content["transient"] == panel.first().content["transient"]
    assert ASKED in output.content["data"]["text/html"]


TOOLS = """
from IPython.display import HTML, Image, clear_output, display
from grok_live_widget.rehearsal.partner import CallTool, Unvoiced

def partner(turn):
    return Unvoiced("Done.") if turn.role == "tool" else CallTool("show", {})

partner.needs_words = False

def show() -> str:
    display(HTML("<b>first</b>"))
    clear_output(wait=True)
    display(HTML("<b>second</b>"))
    display(Image(b"\\x89PNG\\r\\n\\x1a\\n", format="png"))
    display("<plain>")
    return "shown"
"""


def test_what_tools_displayed_is_kept_with_the_talk(kernel: Kernel) -> None:
    kernel.run(TOOLS)
    kernel.run("live = GrokLive(partner=partner, tools=[show], keep_in_notebook=True)\nlive")
    begun = kernel.position
    kernel.run("live.ask('Show it.')\nlive.stop()")
    [update] = kernel.published("update_display_data", begun)
    html = update.content["data"]["text/html"]
    for part in ("<b>second</b>", "data:image/png;base64,iVBOR", "&lt;plain&gt;"):
        assert part in html
    assert "<b>first</b>" not in html


def test_sound_is_kept_if_it_was_asked_for_after_a_note_of_its_size(
    kernel: Kernel, shown: Any, partner: Partner
) -> None:
    panel = shown(", keep_in_notebook='audio'")
    page = panel.page()
    page.say("text", text=ASKED)
    page.wait_for_turn(role="assistant", is_complete=True)
    kernel.run("live.stop()")
    [update] = panel.updates()
    assert update.content["data"]["text/html"].count('src="data:audio/wav;base64,') == 1
    remark = "The sound of this talk adds 0.0 MB to the notebook."
    assert remark in update.content["data"]["text/html"]
    page.wait("note", lambda content: content["note"]["text"] == remark)


def test_too_much_sound_is_refused_with_a_sentence(kernel: Kernel, shown: Any) -> None:
    panel = shown(", keep_in_notebook='audio'")
    kernel.run("import grok_live_widget.widget.saved_output as saved_output")
    kernel.run("most, saved_output.MOST_SOUND_MB = saved_output.MOST_SOUND_MB, 0.001")
    try:
        kernel.run(f"live.ask({ASKED!r})\nlive.stop()")
    finally:
        kernel.run("saved_output.MOST_SOUND_MB = most")
    [update] = panel.updates()
    html = update.content["data"]["text/html"]
    assert ASKED in html
    assert "data:audio" not in html
    assert "turns.write_wav(&quot;talk.wav&quot;) writes it to a file" in html
    notes = "[note.text for note in live.notes if 'is not kept in the notebook' in note.text]"
    kernel.wait(lambda: kernel.value(notes))
