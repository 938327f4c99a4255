"""Processes of the package's own are started and ended."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from grok_live_widget._processes.parent import can_start_processes, python_process

MODULE = "grok_live_widget.client.process"


def test_it_has_a_session_of_its_own_and_ends_with_the_pipe() -> None:
    process, errors = python_process(MODULE)
    assert os.getsid(process.pid) == process.pid != os.getsid(0)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    assert process.wait(10) == 0
    process.stdout.close()
    assert errors.read() == b""
    errors.close()


def test_numpy_starts_no_threads_in_it() -> None:
    process, errors = python_process("tests.support.thread_count")
    with errors:
        output, _ = process.communicate(timeout=30)
    assert output.startswith(b"1 of numpy")


@pytest.mark.parametrize(("attribute", "value"), [("frozen", True), ("platform", "emscripten")])
def test_some_pythons_cannot_start_processes(
    monkeypatch: pytest.MonkeyPatch, attribute: str, value: Any
) -> None:
    assert can_start_processes()
    monkeypatch.setattr(sys, attribute, value, raising=False)
    assert not can_start_processes()
