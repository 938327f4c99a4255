"""The widget as a Python object; kernels/ and browser/ test it in a kernel and in a page."""

from __future__ import annotations

import subprocess
import sys
import typing
from collections.abc import Iterator
from types import FunctionType, NoneType
from typing import Any

import anywidget
import ipywidgets
import pytest
from comm import DummyComm

from grok_live_widget import GrokLive, Talk
from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.widget.catalogue import LANGUAGES


@pytest.fixture
def live() -> Iterator[GrokLive]:
    with GrokLive(partner="parrot") as live:
        yield live


def test_a_widget_is_a_talk(live: GrokLive) -> None:
    assert live.ask("hello").text == "hello"
    assert repr(live) == "<GrokLive with rehearsal, open, 2 turns>"


def test_only_the_front_end_and_its_controls_are_in_its_state(live: GrokLive) -> None:
    live.ask("a secret thought")
    ours = set(live.get_state()) - set(anywidget.AnyWidget().get_state())
    front_end = {"_esm", "_css", "_anywidget_id", "_tool_area", "_texts"}
    linked = {"volume", "muted", "half_duplex", "threshold", "silence_duration_ms", "phase"}
    assert ours <= front_end | linked
    assert "a secret thought" not in str(live.get_state())


def test_the_page_gets_the_panels_texts_in_all_languages_or_in_the_one_that_was_chosen() -> None:
    with GrokLive(partner="parrot") as live, GrokLive(partner="parrot", language="en") as english:
        assert tuple(live._texts) == LANGUAGES
        assert tuple(english._texts) == ("en",)
        assert english.get_state()["_texts"]["en"]["start"] == "Start"


@pytest.mark.parametrize("value", ["fr", "EN", "english", "", 1, True])
def test_a_language_without_texts_is_refused_with_those_that_there_are(value: Any) -> None:
    known = ", ".join(map(repr, (None, *LANGUAGES)))
    with pytest.raises(ConfigurationError, match=f"^language must be one of {known}, not "):
        GrokLive(partner="parrot", language=value)


def test_the_signature_names_all_languages() -> None:
    hint = typing.get_type_hints(GrokLive.__init__.__wrapped__)["language"]
    named = [typing.get_args(each) for each in typing.get_args(hint) if each is not NoneType]
    assert sorted(named[0]) == sorted(LANGUAGES)


def test_the_widget_shadows_no_name_of_ipywidgets() -> None:
    own = {
        name
        for kind in (GrokLive, *Talk.__mro__[:2])
        for name, value in vars(kind).items()
        if isinstance(value, FunctionType | property)
    }
    theirs = set(dir(ipywidgets.DOMWidget)) - set(dir(object))
    # These extend those of ipywidgets.
    assert own & theirs == {"close", "observe", "_repr_mimebundle_"}
    made = set(vars(GrokLive(partner="parrot"))) - set(vars(anywidget.AnyWidget()))
    assert made & theirs == set()


def test_each_comm_of_the_widget_keeps_the_front_ends_routing(live: GrokLive) -> None:
    class Comm:
        kernel = None
        comm_id = "c"

        def _reply_subshell_for(self, data: Any, default: Any) -> str:
            return "the shell that published last"

    comm = Comm()
    live._follow_comm({"new": comm})
    assert comm._reply_subshell_for({}, "as sent") == "as sent"
    live._follow_comm({"new": None})


def test_a_talk_ends_when_marimo_runs_its_cell_again() -> None:
    class MarimoComm(DummyComm):
        kernel = "marimo"

    live = GrokLive(partner="parrot")
    live.comm = MarimoComm()
    live.ask("hello")
    assert live.phase == "open"
    live.comm.close()
    assert live.phase == "closed"
    assert live.comm is None
    assert live.turns[1].text == "hello"


def test_an_unused_widget_does_not_keep_python_from_ending() -> None:
    script = "from grok_live_widget import GrokLive; kept = GrokLive(partner='parrot'); GrokLive()"
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_closing_twice_is_harmless_and_keeps_the_turns() -> None:
    live = GrokLive(partner="parrot")
    live.ask("hello")
    live.close()
    live.close()
    assert live.comm is None
    assert live.turns[1].text == "hello"


def test_only_traits_can_be_observed() -> None:
    with GrokLive(partner="parrot") as live:
        seen: list[Any] = []
        live.observe(seen.append, "tooltip")
        live.tooltip = "a talk"
        assert [change["new"] for change in seen] == ["a talk"]
        live.observe(seen.append)
        cure = r"'turns' is no trait .* live\.on\(\"turn\", f\)"
        with pytest.raises(ConfigurationError, match=cure):
            live.observe(seen.append, ["tooltip", "turns"])
