"""What a saved notebook shows of a talk, as nbclient saves it and nbconvert exports it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import escape
from typing import Any

import pytest

from grok_live_widget import ConfigurationError, GrokLive
from grok_live_widget.widget.saved_output import _STYLE

from ..support.notebooks import client_of, new_notebook

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
ASKED, ANSWERED = "Which roses grow in <shade>?", "The rugosa roses do."

PANEL = """
from grok_live_widget import GrokLive
live = GrokLive(partner=lambda turn: " ".join(["The rugosa", "roses do."]){more})
live
"""
TALK = "live.ask(' '.join(['Which roses', 'grow in <shade>?']))\nlive.stop()"


@pytest.fixture(scope="module")
def executed() -> Callable[..., Any]:
    """``executed(more, *cells)`` runs a panel with these arguments and these cells after it."""
    made: dict[tuple[str, ...], Any] = {}

    def run(more: str, *cells: str) -> Any:
        if (more, *cells) not in made:
            notebook = new_notebook([PANEL.format(more=more), *cells])
            made[more, *cells] = client_of(notebook).execute()
        return made[more, *cells]

    return run


def saved(notebook: Any) -> list[Any]:
    """The outputs below the panel."""
    panel, *others = notebook.cells[0].outputs
    assert WIDGET_VIEW in panel.data
    return others


def exported(notebook: Any, template: str, *, has_state: bool) -> str:
    from nbconvert import HTMLExporter

    if not has_state:
        notebook = notebook.copy()
        notebook.metadata = {
            key: each for key, each in notebook.metadata.items() if key != "widgets"
        }
    html, _ = HTMLExporter(template_name=template).from_notebook_node(notebook)
    return str(html)


PLACES = pytest.mark.parametrize(
    ("template", "has_state"),
    [("lab", False), ("classic", False), ("lab", True), ("classic", True)],
)


def test_nothing_that_was_said_is_saved_unasked(executed: Callable[..., Any]) -> None:
    notebook = executed("", TALK)
    [output] = saved(notebook)
    for form in ("text/plain", "text/html"):
        assert "GrokLive(keep_in_notebook=True)" in output.data[form]
    for text in (ASKED, ANSWERED, escape(ASKED), "<svg", "data:audio"):
        assert text not in json.dumps(notebook.cells)
    assert notebook.cells[0].outputs[0].data["text/plain"] == "<GrokLive panel>"


def test_the_language_of_the_panel_is_that_of_what_stands_in_its_place(
    executed: Callable[..., Any],
) -> None:
    notebook = executed(", language='de'", TALK)
    [output] = saved(notebook)
    assert output.data["text/plain"].startswith("Hier steht ein Bedienfeld")
    assert "bewahrt ein Gespräch auf." in output.data["text/html"]


@PLACES
def test_an_export_says_what_stood_there(
    executed: Callable[..., Any], template: str, has_state: bool
) -> None:
    html = exported(executed("", TALK), template, has_state=has_state)
    assert html.count("This is the place of a live voice panel") == 1
    assert ("&lt;GrokLive panel&gt;" in html) is not has_state


def test_a_talk_is_saved_if_it_was_asked_for(executed: Callable[..., Any]) -> None:
    notebook = executed(", keep_in_notebook=True", TALK)
    [output] = saved(notebook)
    assert f"You: {ASKED}" in output.data["text/plain"]
    assert f"Reply: {ANSWERED}" in output.data["text/plain"]
    html = output.data["text/html"]
    assert escape(ASKED) in html
    assert "<shade>" not in html
    assert ANSWERED in html
    # The question was typed.
    assert html.count("<svg") == 1
    assert "<audio" not in html


@PLACES
def test_an_export_shows_a_talk_that_was_kept(
    executed: Callable[..., Any], template: str, has_state: bool
) -> None:
    notebook = executed(", keep_in_notebook=True", TALK)
    html = exported(notebook, template, has_state=has_state)
    assert html.count(f">{ANSWERED}<") == 1
    assert html.count(escape(ASKED)) == 1


@pytest.mark.parametrize("more", ["", ", keep_in_notebook=True"])
def test_the_saved_state_of_widgets_holds_nothing_of_a_talk(
    executed: Callable[..., Any], more: str
) -> None:
    state = json.dumps(executed(more, TALK).metadata.widgets[WIDGET_STATE])
    assert "anywidget" in state
    for text in (ASKED, escape(ASKED), ANSWERED, "data:audio", "UklGR"):
        assert text not in state


@pytest.mark.parametrize("value", [None, 1, "sound", "Audio"])
def test_another_value_is_refused(value: Any) -> None:
    message = f"keep_in_notebook must be one of False, True, 'audio', not {value!r}"
    with pytest.raises(ConfigurationError, match=message):
        GrokLive(partner="parrot", keep_in_notebook=value)
    with GrokLive(partner="parrot") as live:
        with pytest.raises(ConfigurationError, match=message):
            live.keep_in_notebook = value
        assert live.keep_in_notebook is False


def test_it_can_be_assigned_where_there_is_no_notebook() -> None:
    with GrokLive(partner="parrot", keep_in_notebook="audio") as live:
        assert live.keep_in_notebook == "audio"
        live.ask("Hello.")
        live.stop()
        live.keep_in_notebook = True
        assert live.keep_in_notebook is True


def test_the_style_sheet_depends_on_no_element_that_a_panel_adds_later() -> None:
    # The browser looks for such elements when any is added that an argument of `:has` matches.
    depended_on = re.findall(r":has\(([^()]*)\)", _STYLE)
    names = {name for each in depended_on for name in re.split(r"[\s>~+]+", each) if name}
    assert names == {
        ".glw-panel",
        ".glw-saved",
        ".jp-OutputArea-child",
        ".output_area",
        ".lm-Widget",
    }
