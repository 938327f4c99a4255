"""A fast server, and results without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from grok_live_widget import RehearsalServer, Turns
from grok_live_widget.experiments import Result, Results
from grok_live_widget.experiments.design import Trial, design_of
from grok_live_widget.experiments.outline import Outline

from ..support.sound import sine
from ..support.turns import turn_of

Asked = dict[str, Any]


@pytest.fixture
def asked_of() -> Iterator[Callable[[Any], Asked]]:
    """`asked_of(partner)`: the arguments that have `compare` ask a server with this partner, which
    answers at once.
    """
    with ExitStack() as servers:

        def start(partner: Any, **options: Any) -> Asked:
            options = {"speed": float("inf"), "words": False, **options}
            server = servers.enter_context(RehearsalServer(partner, **options))
            key = {"api_key": "any"} if server.api_key is None else {}
            return {"url": server.url(), "progress": False, **key}

        yield start


def result_of(trial: Trial, **fields: Any) -> Result:
    """A result whose reply is a tone: the pitch depends on the voice, the level on the repeat."""
    hertz = {"onyx": 110.0, "nova": 220.0}.get(trial.voice or "", 440.0)
    sound = sine(1.0, hertz, amplitude=0.5 / (1 + trial.repeat))
    reply = turn_of(np.rint(sound * 32768), text="one two three", is_complete=True)
    reply.latency_ms = 100.0 * (trial.index + 1)
    usual = {
        "reply": reply,
        "turns": Turns([turn_of(role="user", text=trial.prompt), reply]),
        "server": "rehearsal",
        "started_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "elapsed_s": 1.5,
        "cost_dollars": 0.0,
    }
    labels = {
        name: getattr(trial, name) for name in ("index", "prompt", "voice", "settings", "repeat")
    }
    return Result(**labels, **{**usual, **fields})


@pytest.fixture(scope="session")
def results() -> Results:
    """Two prompts, two voices, two repetitions; the last question has failed."""
    design = design_of(
        ["It costs $5 and $6.", "b"],
        ["onyx", "nova"],
        None,
        {},
        repeats=2,
        pace="fast",
        timeout_s=60,
    )
    made = [result_of(trial) for trial in design.trials()]
    *_, last = design.trials()
    failure = {"error": "no complete reply in 60 s.", "error_type": "ReplyTimeout"}
    made[-1] = result_of(last, reply=None, turns=Turns(), **failure)
    return Results(made, Outline.of(design))
