"""Frames as HTML for notebooks: a table of the newest ones, whose messages can be unfolded."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING

from ..conversation import TABLE_STYLE

if TYPE_CHECKING:
    from .frames import Frames, Run

_MOST_ROWS = 60
_SHOWN_LETTERS, _MOST_LETTERS = 80, 4_000
_ARROWS = {"sent": ("user", "→", "sent"), "received": ("assistant", "←", "received")}


def table_of(frames: Frames) -> str:
    """A table of the newest frames, in which successive ones of one type are one row."""
    runs = frames.runs()
    shown = runs[-_MOST_ROWS:]
    rows = [_row(run) for run in shown]
    if len(runs) > len(shown):
        left_out = sum(run.frame_count for run in runs[: -len(shown)])
        rows.insert(0, f'<tr><td class="t" colspan="6"><i>… {left_out:,} earlier …</i></td></tr>')
    heads = ("", "Time", "", "Type", "Bytes", "Message")
    head = "".join(f"<th>{name}</th>" for name in heads)
    table = f'<table class="rows"><tr>{head}</tr>{"".join(rows)}</table>' if rows else ""
    return f'<div class="glw-turns">{TABLE_STYLE}<div>{escape(frames.summary())}</div>{table}</div>'


def _row(run: Run) -> str:
    first = run.first
    side, arrow, label = _ARROWS[first.direction]
    times = f" <b>×{run.frame_count}</b>" if run.frame_count > 1 else ""
    size = f"{run.byte_count:,}" if run.byte_count else ""
    return (
        f'<tr><td class="n">{first.index}</td><td class="n">{first.time_s:z.3f} s</td>'
        f'<td class="{side}" title="{label}" aria-label="{label}">{arrow}</td>'
        f'<td class="{side}">{escape(run.type)}{times}</td><td class="n">{size}</td>'
        f'<td class="t">{_message(run)}</td></tr>'
    )


def _message(run: Run) -> str:
    message = {key: value for key, value in run.first.message.items() if key != "type"}
    if not message:
        return ""
    line = json.dumps(message, ensure_ascii=False)
    if len(line) <= _SHOWN_LETTERS:
        return escape(line)
    whole = _cut(json.dumps(message, ensure_ascii=False, indent=2), _MOST_LETTERS)
    # As a message has spaces and line ends, and may be long.
    style = "white-space:pre-wrap;overflow-wrap:anywhere;max-height:24em;overflow:auto"
    return (
        f"<details><summary>{escape(_cut(line, _SHOWN_LETTERS))}</summary>"
        f'<pre style="{style}">{escape(whole)}</pre></details>'
    )


def _cut(text: str, most_letters: int) -> str:
    return text if len(text) <= most_letters else f"{text[: most_letters - 1]}…"
