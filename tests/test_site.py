"""The pages of the documentation: which of them there are, and what they link to."""

from __future__ import annotations

import faulthandler
import fnmatch
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import grok_live_widget
from grok_live_widget.protocol.dialects import DIALECTS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))

_TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"^(```+|~~~+|:::+)[^\n]*\n.*?^\1|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)|srcset=\"([^\"]+)\"|src=\"([^\"]+)\"")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def entries_of(page: Path) -> list[str]:
    """What the tables of contents of a page name."""
    lines = "\n".join(_TOCTREE.findall(page.read_text("utf-8"))).splitlines()
    return [line for line in lines if line and not line.startswith(":")]


def links_of(page: Path) -> Iterator[str]:
    for match in _LINK.finditer(_CODE.sub("", page.read_text("utf-8"))):
        target = next(filter(None, match.groups()))
        if not re.match(r"[a-z]+:", target):
            yield target


def anchors_of(page: Path) -> set[str]:
    """The anchors of the headings of a page, as GitHub and MyST make them."""
    headings = _HEADING.findall(_CODE.sub(_without_ticks, page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def _without_ticks(match: re.Match[str]) -> str:
    return match[0].strip("`") if match[1] is None else ""


def test_each_page_is_reached_from_the_first_one() -> None:
    reached, waiting = set(), ["index"]
    while waiting:
        name = waiting.pop()
        reached.add(name)
        page = DOCS / f"{name}.md"
        if page.exists():
            waiting += [entry for entry in entries_of(page) if entry not in reached]
    assert {page.stem for page in PAGES} == {name for name in reached if "/" not in name}
    lessons = [f"lessons/{path.stem}" for path in (ROOT / "notebooks").glob("*.ipynb")]
    patterns = [name for name in reached if "/" in name]
    assert all(any(fnmatch.fnmatch(each, name) for name in patterns) for each in lessons)


@pytest.mark.parametrize("page", [*sorted(ROOT.glob("*.md")), *PAGES], ids=lambda page: page.stem)
def test_what_a_page_links_to_exists(page: Path) -> None:
    for link in links_of(page):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


def test_the_api_reference_names_each_public_name() -> None:
    names = re.findall(r"^   (\w+)$", (DOCS / "api.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(names) == sorted(grok_live_widget.__all__)


def test_the_page_of_the_protocol_names_each_event_and_message_type() -> None:
    named = set(re.findall(r"`([\w.]+)`", (DOCS / "protocol.md").read_text("utf-8")))
    for dialect in DIALECTS.values():
        known = (*dialect.client_messages, *dialect.server_messages)
        assert {each.event.__name__ for each in known} <= named
        assert {each.wire_type for each in known} | set(dialect.audio_delta_types) <= named


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    # The lessons are executed, which may take longer than a test of another kind.
    faulthandler.cancel_dump_traceback_later()
    variables = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    built = subprocess.run(
        ["make", "docs", f"SITE={tmp_path / 'html'}", f"ARGS=-E -d {tmp_path / 'doctrees'}"],
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert built.returncode == 0, built.stdout[-2000:] + built.stderr[-8000:]
    loaded = re.compile(
        r"""<(?:script|img|iframe|audio|source)\b[^>]*?\bsrc="(?:https?:)?//[^"]*"""
        r"""|<link\b[^>]*?\bhref="(?:https?:)?//[^"]*|url\(["']?(?:https?:)?//[^)]*"""
        r"""|@import\s+["'](?:https?:)?//[^"']*"""
    )
    for path in (tmp_path / "html").rglob("*"):
        if path.suffix in (".html", ".css"):
            assert loaded.findall(path.read_text("utf-8")) == [], path.name
