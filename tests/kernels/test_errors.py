"""What a cell shows of an error: the user's lines and the sentence."""

from __future__ import annotations

import re

from .kernel import Kernel


def shown(kernel: Kernel, code: str) -> list[str]:
    answer = kernel.begin(code).wait_for_reply()
    assert answer["status"] == "error"
    return re.sub(r"\x1b\[[\d;]*m", "", "\n".join(answer["traceback"])).splitlines()


def test_a_cell_shows_no_frame_of_the_package(kernel: Kernel) -> None:
    kernel.run("live = GrokLive(partner='parrot')")
    for code in ("live.ask(3)", "await live.ask_async(3)"):
        lines = shown(kernel, code)
        assert [line for line in lines if line.startswith("---->")] == [f"----> 1 {code}"]
        assert not [line for line in lines if line.startswith("File ")]
        assert lines[-1].startswith("ConfigurationError: a question must be a text")


def test_a_widget_whose_settings_are_refused_shows_only_the_call(kernel: Kernel) -> None:
    lines = shown(kernel, "GrokLive(voise='nova')")
    assert not [line for line in lines if line.startswith("File ")]
    assert "Did you mean 'voice'?" in lines[-1]
