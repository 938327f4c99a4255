"""A long talk leaves nothing behind but its turns: no task, no thread, and no more memory than
its sound takes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget.audio import write_wav

ROOT = Path(__file__).parents[1]


def soaked(question: np.ndarray, minutes: float, folder: Path) -> tuple[dict[str, Any], str]:
    """What the program tells, and what it complains of."""
    sound = write_wav(folder / "question.wav", question)
    done = subprocess.run(
        [sys.executable, "-W", "default", "-m", "tests.support.soak", str(sound), str(minutes)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1_500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout), done.stderr


@pytest.mark.parametrize(
    "minutes", [2, pytest.param(60, marks=pytest.mark.slow)], ids=["two minutes", "an hour"]
)
def test_a_long_talk_with_barge_ins_and_broken_lines_leaves_nothing_but_its_turns(
    minutes: int, question: np.ndarray, tmp_path: Path
) -> None:
    found, said = soaked(question, minutes, tmp_path)
    assert found["minutes"] >= minutes
    assert found["incomplete"] == []
    assert all(found["counts"].values()), found
    assert found["seam_count"] >= 2
    assert found["task_count"] == 0
    # The loop's own pool keeps what it has for the next file or server.
    ours = [name for name in found["threads"] if not name.startswith("asyncio_")]
    assert ours == ["MainThread", "grok-live-talk"]
    # The sound, once; a thousand bytes for each event, which are kept to be saved; and what the
    # allocator does not give back.
    events_mb = found["event_count"] * 1_000 / 2**20
    assert found["grown_mb"] <= 1.05 * found["kept_mb"] + events_mb + 8, found
    assert "never retrieved" not in said
    assert "ResourceWarning" not in said


@pytest.mark.slow
def test_a_reader_that_sleeps_holds_the_line_back_and_takes_no_memory(
    question: np.ndarray, tmp_path: Path
) -> None:
    found, _ = soaked(question, 0, tmp_path)
    assert found["received_since_s"] < 10
    assert found["received_s"] < 120
    assert found["grown_mb"] <= 8
