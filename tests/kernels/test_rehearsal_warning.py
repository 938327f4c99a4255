"""The rehearsal for want of a key is warned of once, and not where a panel says it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import NEWEST
from .kernel import Kernel


@pytest.fixture
def fresh_kernel(tmp_path: Path) -> Iterator[Kernel]:
    """A kernel in which nothing has been warned of."""
    kernel = Kernel(tmp_path, f"ipykernel=={NEWEST}")
    yield kernel
    kernel.close()


def warnings_in(kernel: Kernel) -> list[str]:
    errors = [each.content for each in kernel.published("stream")]
    return [each["text"] for each in errors if each["name"] == "stderr"]


@pytest.mark.parametrize(
    "display",
    [
        "live",
        "display(live)",
        "import ipywidgets\nipywidgets.HBox([live])",
        "import ipywidgets\nipywidgets.Tab([ipywidgets.VBox([live])])",
        "import ipywidgets\nipywidgets.interact(lambda x: display(live), x=(0, 3));",
        "import ipywidgets\nout = ipywidgets.Output()\nwith out:\n    display(live)\nout",
    ],
)
def test_a_displayed_panel_says_it_and_nothing_is_warned_of(
    fresh_kernel: Kernel, display: str
) -> None:
    fresh_kernel.run("live = GrokLive()")
    fresh_kernel.run(display)
    fresh_kernel.run("turn = live.ask('Hello.')")
    fresh_kernel.run("live.close()")
    assert warnings_in(fresh_kernel) == []


def test_one_cell_may_make_display_and_ask(fresh_kernel: Kernel) -> None:
    fresh_kernel.run("live = GrokLive()\ndisplay(live)\nlive.ask('Hello.').text")
    fresh_kernel.run("live.close()")
    assert warnings_in(fresh_kernel) == []


TWICE = """
from grok_live_widget import Talk, connect
for _ in range(2):
    Talk().close()
    connect()
"""
MAKERS: dict[str, Callable[[Kernel], object]] = {
    "a panel that is not displayed": lambda kernel: kernel.run("live = GrokLive(); live.ask('Hi')"),
    "talks and connections": lambda kernel: kernel.run(TWICE),
}


@pytest.mark.parametrize("first", MAKERS)
def test_without_a_panel_it_is_warned_of_once_in_a_process(
    fresh_kernel: Kernel, first: str
) -> None:
    MAKERS[first](fresh_kernel)
    assert "RehearsalWarning: No API key was found" in "".join(warnings_in(fresh_kernel))
    for maker in MAKERS.values():
        maker(fresh_kernel)
    fresh_kernel.run("live.close()")
    assert "".join(warnings_in(fresh_kernel)).count("RehearsalWarning: ") == 1
