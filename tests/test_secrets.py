"""The key is in nothing that is shown, saved, sent to a page, logged or raised."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .versions import ROOT, environment_with

KEY = "xai-this-is-what-nobody-may-see-0123456789"
NAME = "XAI_API_KEY"
OVERHEARD = ROOT / "tests" / "overheard.py"


def forms(key: str) -> set[str]:
    """The key, and its base64 wherever in a text it may begin."""
    found = {key, key[4:-4]}
    for before in range(3):
        encoded = base64.b64encode(b"." * before + key.encode()).decode()
        found.add(encoded[4:-4])
    return found


def assert_nowhere_in(text: str) -> None:
    for form in forms(KEY):
        at = text.find(form)
        assert at < 0, f"the key is in:\n{text[max(0, at - 300) : at + 60]}"


def test_a_key_is_found_where_it_is() -> None:
    for before in range(3):
        hidden = base64.b64encode(f"{'-' * before}{KEY}{'-' * before}".encode()).decode()
        with pytest.raises(AssertionError, match="the key is in"):
            assert_nowhere_in(f"{{{hidden}}}")


@pytest.mark.parametrize("source", ["environment", "argument"])
@pytest.mark.parametrize("requirement", ["websockets==15.0", ""], ids=["lowest", "newest"])
def test_no_log_no_error_and_no_traceback_with_locals_shows_the_key(
    requirement: str, source: str, tmp_path: Path
) -> None:
    more = {"RIGHT_KEY": KEY, "PYTHONASYNCIODEBUG": "1", "IPYTHONDIR": str(tmp_path)}
    if source == "environment":
        more[NAME] = KEY
    done = subprocess.run(
        [sys.executable, "-X", "dev", str(OVERHEARD), *[KEY] * (source == "argument")],
        env=environment_with(*filter(None, [requirement]), **more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    assert said.count("WENT WELL") == 2
    assert "LOG asyncio" in said
    assert "does not accept the API key" in said
    assert "nothing answers" in said
    assert_nowhere_in(said)
