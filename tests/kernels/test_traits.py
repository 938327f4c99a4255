"""Traits that a page and cells set, while cells run too."""

from __future__ import annotations

from typing import Any

from .kernel import Kernel

DETECTION = "live.settings.turn_detection"
VAD = "turn_detection=ServerVad()"


def test_a_widget_that_is_linked_in_the_page_updates_the_talk(kernel: Kernel, page: Any) -> None:
    shown = page(settings=VAD)
    shown.set_traits(threshold=0.7, muted=True)
    kernel.wait(lambda: kernel.value(f"({DETECTION}.threshold, live.muted)") == [0.7, True])


def test_on_a_subshell_a_page_updates_the_talk_while_a_cell_runs(
    kernel: Kernel, page: Any, subshell: str
) -> None:
    shown = page(subshell=subshell, settings=VAD)
    kernel.run(
        "live.add_listener(lambda event, turns, now_s: live._sessions.note("
        f"str({DETECTION}.threshold)) if type(event).__name__ == 'SettingsChanged' else 0)"
    )
    with kernel.blocked() as cell:
        shown.set_traits(threshold=0.7)
        shown.wait("note", lambda content: content["note"]["text"] == "0.7")
        assert not cell.has_ended


def test_what_a_cell_sets_reaches_the_page_while_cells_run(kernel: Kernel, page: Any) -> None:
    shown = page()
    shown.forget()
    kernel.run("live.volume = 0.25; live.half_duplex = True")
    with kernel.blocked() as cell:
        told = {"volume": 0.25, "half_duplex": True}
        kernel.wait(lambda: shown.traits().items() >= told.items())
        assert not cell.has_ended


def test_the_phase_is_observed_on_the_main_thread_when_no_cell_runs(
    kernel: Kernel, page: Any
) -> None:
    shown = page()
    kernel.run(
        "import threading; seen = []; "
        "live.observe(lambda c: seen.append((c['new'], threading.current_thread() is "
        "threading.main_thread())), 'phase')"
    )
    shown.forget()
    with kernel.blocked():
        shown.say("stop")
    kernel.wait(lambda: shown.traits().get("phase") == "closed")
    assert kernel.value("(live.phase, seen[-1])") == ["closed", ["closed", True]]


def test_the_page_is_told_when_the_talk_refuses_what_it_has_set(kernel: Kernel, page: Any) -> None:
    shown = page()
    shown.forget()
    shown.set_traits(threshold=0.7)
    note = shown.wait("note")["note"]["text"]
    assert "With push-to-talk nothing is detected" in note
    kernel.wait(lambda: shown.traits().get("threshold") == 0.5)
    assert kernel.value("live.threshold") == 0.5
