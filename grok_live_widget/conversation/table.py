"""Turns as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from ..audio import level_dbfs
from ..exceptions import AudioDropped
from .placement import Placement
from .turn import Turn


def data_frame(
    rows: Iterable[Mapping[str, Any]], columns: Iterable[str], extra: str = "pandas"
) -> Any:
    """A pandas DataFrame of rows; without pandas, an ImportError that names the `extra`."""
    try:
        import pandas as pd
    except ImportError:
        raise ImportError(
            f"to_frame() needs pandas: pip install 'grok-live-widget[{extra}]'"
        ) from None
    return pd.DataFrame(list(rows), columns=list(columns))


COLUMNS = (
    *("role", "text", "text_source", "start_s", "end_s", "duration_s", "started_s", "played_at_s"),
    *("word_count", "words_per_minute", "level_dbfs"),
    *("latency_ms", "tool_ms", "approval_ms", "queue_ms", "total_ms"),
    *("was_interrupted", "heard_sample_count", "heard_share", "tools", "cost_dollars"),
    *("is_complete", "is_approximate", "was_discarded", "seam"),
)
"""The names of the columns, in their order."""

FIGURES = tuple(
    name
    for name in COLUMNS
    if name.endswith(("_s", "_ms", "_minute", "_dbfs", "_share", "_dollars"))
    or name == "heard_sample_count"
)
"""Those of numbers that may be missing."""


def rows_of(placements: Sequence[Placement]) -> list[dict[str, Any]]:
    """One row a turn; what was not measured is None."""
    return [_row(placement) for placement in placements]


def _row(placement: Placement) -> dict[str, Any]:
    turn = placement.turn
    word_count = len(turn.text.split())
    has_sound = turn.sample_count > 0
    share = None
    if turn.role == "assistant" and turn.heard_sample_count is not None and has_sound:
        share = turn.heard_sample_count / turn.sample_count
    figures = {
        "start_s": placement.start_s,
        "end_s": placement.end_s,
        "word_count": word_count,
        "words_per_minute": word_count * 60 / turn.duration_s if word_count and has_sound else None,
        "level_dbfs": _level(turn) if has_sound else None,
        "total_ms": turn.latency.total_ms,
        "heard_share": share,
        "tools": ", ".join(call.name for call in turn.tool_calls),
    }
    return {name: figures[name] if name in figures else getattr(turn, name) for name in COLUMNS}


def _level(turn: Turn) -> float | None:
    try:
        level = level_dbfs(turn.pcm)
    except AudioDropped:
        return None
    return level if isfinite(level) else None
