"""Kernels, widgets in them, and a rehearsal server that answers."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from grok_live_widget import RehearsalServer

from .kernel import Kernel
from .page import Page

NEWEST = "7.4.0"
# ipykernel before 7 patches loops; since Python 3.12 no other dependency here installs the patch.
WITH = {"6.31.0": ("nest-asyncio==1.6.0",)}

CLOSE = """
for name in ("live", "other"):
    if name in globals():
        globals().pop(name).close()
"""


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Kernel]]:
    """`kernels("7.4.0") -> Kernel`, one for each version of ipykernel; other requirements follow
    after a space.
    """
    running: dict[str, Kernel] = {}

    def start(versions: str) -> Kernel:
        if versions not in running:
            version, *others = versions.split()
            folder = tmp_path_factory.mktemp(f"ipykernel_{version}")
            requirements = (f"ipykernel=={version}", *WITH.get(version, ()), *others)
            running[versions] = Kernel(folder, *requirements)
            assert running[versions].value("__import__('ipykernel').__version__") == version
        return running[versions]

    with contextlib.ExitStack() as stack:
        yield start
        for each in running.values():
            stack.callback(each.close)


@pytest.fixture
def kernel(request: pytest.FixtureRequest, kernels: Any) -> Iterator[Kernel]:
    """A kernel with ipykernel 7.4.0, or the version the test asks for."""
    kernel: Kernel = kernels(getattr(request, "param", NEWEST))
    begun = kernel.position
    yield kernel
    kernel.run(CLOSE)
    errors = [
        each.content["text"]
        for each in kernel.published("stream", begun)
        if each.content["name"] == "stderr"
    ]
    assert errors == [], "the kernel wrote to stderr"


@pytest.fixture
def subshell(kernel: Kernel) -> Iterator[str]:
    """A subshell, as JupyterLab has one for all widgets."""
    subshell = kernel.new_subshell()
    yield subshell
    kernel.end_subshell(subshell)


# --------------------------------------------------------------------------- the server
class Partner:
    """Keeps the turns that it was given, and answers with `reply`, or with what it returns."""

    needs_words = False

    def __init__(self) -> None:
        self.turns: list[Any] = []
        self.reply: Any = np.zeros(2400, np.int16)

    def __call__(self, turn: Any) -> Any:
        self.turns.append(turn)
        return self.reply(turn) if callable(self.reply) else self.reply


@pytest.fixture
def partner() -> Partner:
    return Partner()


@pytest.fixture
def server(request: pytest.FixtureRequest, partner: Partner) -> Iterator[RehearsalServer]:
    """A server in the test's process that sends replies at once, or at the test's speed [times
    real time].
    """
    with RehearsalServer(partner, speed=getattr(request, "param", float("inf"))) as server:
        yield server


@pytest.fixture
def show(kernel: Kernel) -> Callable[..., str]:
    """`show(settings, name="live", cell="") -> comm_id`: run a cell that makes a panel."""
    cells = itertools.count(1)

    def run(settings: str, name: str = "live", cell: str = "") -> str:
        cell = cell or f"cell-{next(cells)}"
        return kernel.run(f"{name} = GrokLive({settings})", cell).comm_id

    return run


@pytest.fixture
def page(kernel: Kernel, show: Any, server: RehearsalServer) -> Callable[..., Page]:
    """`page(dialect="realtime", subshell="", **settings) -> Page` that owns an open talk.

    Push-to-talk, so that the user's turn is exactly the audio that was sent.
    """

    def made(dialect: str = "realtime", *, subshell: str = "", settings: str = "") -> Page:
        url = server.url(dialect)
        detection = "" if "turn_detection" in settings else "turn_detection=PushToTalk(), "
        comm_id = show(f'url={url!r}, api_key="any", {detection}{settings}')
        page = Page(kernel, comm_id, "page-1", subshell)
        page.say_hello()
        page.say("start", with_microphone=True)
        page.wait("state", phase="open")
        page.say("microphone_state", state="on", reason="", device="one")
        return page

    return made
