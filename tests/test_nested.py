"""A patch of the loop is applied only when it is asked for, and by one library only."""

from __future__ import annotations

import subprocess
import sys

import pytest

from grok_live_widget.nested import allow_nested_asyncio

NESTED = """
import asyncio, grok_live_widget
name = grok_live_widget.allow_nested_asyncio()
async def inner(): return 7
async def outer():
    return asyncio.run(inner()) + asyncio.get_event_loop().run_until_complete(inner())
assert asyncio.run(outer()) == 14
import sys
print(name, *sorted({"nest_asyncio", "nest_asyncio2"} & set(sys.modules)))
"""


def test_asyncio_run_works_inside_a_running_loop_afterwards() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NESTED], check=True, capture_output=True, text=True
    )
    name, *loaded = done.stdout.split()
    assert loaded == [name], "never both, since they patch the same places"
    assert name in ("nest_asyncio", "nest_asyncio2")


def test_without_either_library_it_says_which_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    for name in ("nest_asyncio", "nest_asyncio2"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(ImportError, match="neither nest_asyncio2 nor nest_asyncio"):
        allow_nested_asyncio()
