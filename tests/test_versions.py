"""The lowest versions that the package allows do all that the newest do."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib

import pytest

from .support.versions import ROOT, environment_with

LOWEST = {"anywidget": "0.9.18", "ipywidgets": "8.0.0", "websockets": "15.0"}
# Everything that has to do with the socket.
ON_THE_SOCKET = [
    "client/test_transport.py",
    "client/test_session.py",
    "client/test_connector.py",
    "rehearsal/test_server.py",
]

# Everything that has to do with the comm.
IN_KERNELS = sorted(f"tests/kernels/{path.name}" for path in ROOT.glob("tests/kernels/test_*.py"))

RUN_TESTS = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"
TALK = """
from grok_live_widget import Talk
for dialect in ("realtime", "live"):
    with Talk(partner=lambda turn: "Yes.", dialect=dialect) as talk:
        assert talk.ask("Is it so?").pcm.size or talk.turns[-1].text
        assert (talk.dialect, len(talk.turns)) == (dialect, 2)
"""
PANEL = """
from grok_live_widget import GrokLive
live = GrokLive(partner=lambda turn: "Yes.")
live.ask("Is it so?")
assert [turn.role for turn in live.turns] == ["user", "assistant"]
assert "closed" in repr(live) or "open" in repr(live)
live.close()
"""


def run(code: str, *arguments: str, requirements: tuple[str, ...]) -> str:
    """Run code with these versions in front; what it says if it fails is the test's."""
    shown = "".join(
        f"assert __import__('importlib.metadata').metadata.version({name!r}) == {version!r}\n"
        for name, version in (each.split("==") for each in requirements)
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", shown + code, *arguments],
        cwd=ROOT,
        env=environment_with(*requirements),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def lowest(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}=={LOWEST[name]}" for name in names)


def test_the_lowest_versions_are_those_that_the_package_allows() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    allowed = dict(re.findall(r"'([a-z]+)>=([0-9.]+)'", str(project["dependencies"])))
    for name, version in LOWEST.items():
        floor = allowed[name]
        assert version == floor or version.startswith(f"{floor}."), name


def test_a_talk_needs_no_more_than_the_lowest_websockets() -> None:
    run(TALK, requirements=lowest("websockets"))


def test_the_panel_needs_no_more_than_the_lowest_of_all() -> None:
    run(PANEL, requirements=lowest(*LOWEST))


@pytest.mark.slow
def test_every_test_of_the_socket_passes_with_the_lowest_websockets() -> None:
    files = [f"tests/{name}" for name in ON_THE_SOCKET]
    said = run(RUN_TESTS, "-q", "-p", "no:cacheprovider", *files, requirements=lowest("websockets"))
    assert re.search(r"\b\d\d+ passed", said)


@pytest.mark.slow
@pytest.mark.parametrize("file", IN_KERNELS)
def test_every_test_in_kernels_passes_with_the_lowest_anywidget(file: str) -> None:
    arguments = ["-q", "-p", "no:cacheprovider", file]
    said = run(RUN_TESTS, *arguments, requirements=lowest("anywidget"))
    assert re.search(r"\b\d+ passed", said)
