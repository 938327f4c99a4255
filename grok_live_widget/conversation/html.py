"""Turns as HTML for notebooks: tables with small waveforms, and without sound."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape

from .placement import Placement
from .transcript import SPEAKERS
from .turn import Turn, extremes_of

# As pandas shows them by default: of more rows the first and the last ones.
_MOST_ROWS, _ENDS = 60, 10
_LONGEST_TEXT = 300

# Of a `div` of the class `glw-turns` with a table of the class `rows`.
# Colours of the panel, and when they are dark (js/src/theme.css): JupyterLab, VS Code and Colab say
# so on an element of the page; elsewhere the page's colour scheme counts.
TABLE_STYLE = """
<style>
.glw-turns{--you:light-dark(#1769d2,#6cb0ff);--reply:light-dark(#b34708,#ffa45c);
color:var(--jp-ui-font-color1,inherit);font-family:var(--jp-ui-font-family,system-ui,sans-serif);
font-size:13px;line-height:1.4}
:is([data-jp-theme-light="true"],.vscode-light) .glw-turns{color-scheme:light}
:is([data-jp-theme-light="false"],.vscode-dark,[theme="dark"],
.vscode-high-contrast:not(.vscode-high-contrast-light)) .glw-turns{color-scheme:dark}
.glw-turns table.rows{border-collapse:collapse;margin:0;font:inherit;border:0}
.glw-turns .rows :is(td,th){padding:3px 10px;text-align:left;vertical-align:middle;max-width:36em}
.glw-turns .rows tr:is(:nth-child(n),:hover){background:none}
.glw-turns .rows th{font-weight:600;opacity:.75}
.glw-turns .rows tr+tr{border-top:1px solid var(--jp-border-color2,#8884)}
.glw-turns .rows td.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.glw-turns .rows td.t{overflow-wrap:anywhere}
.glw-turns .user{color:var(--you)} .glw-turns .assistant{color:var(--reply)}
.glw-turns svg{display:block;max-width:none} .glw-turns i{opacity:.7}
.glw-turns rect{fill:currentColor;opacity:.12}
.glw-turns audio{display:block;height:32px;margin-top:4px}
</style>"""


def table_of(placements: Sequence[Placement]) -> str:
    """A table of turns: who, waveform, text, time, length, latency."""
    count = len(placements)
    is_long = count > _MOST_ROWS
    shown = [*placements[:_ENDS], *placements[-_ENDS:]] if is_long else placements
    rows = [_row(place.turn, place.start_s) for place in shown]
    if is_long:
        left_out = f'<tr><td class="t" colspan="6"><i>… {count - 2 * _ENDS} more …</i></td></tr>'
        rows.insert(_ENDS, left_out)
    title = f"{count} turn{'' if count == 1 else 's'}"
    return f'<div class="glw-turns">{TABLE_STYLE}<div>{title}</div>{_table(rows)}</div>'


def card_of(turn: Turn) -> str:
    """One turn: its text, a waveform, and the figures that were measured."""
    figures = [
        ("length", f"{turn.duration_s:.2f} s" if turn.sample_count else ""),
        ("heard", _heard(turn)),
        ("latency", _milliseconds(turn.latency_ms)),
        ("tools", _milliseconds(turn.tool_ms or None)),
        ("consent", _milliseconds(turn.approval_ms or None)),
        ("queue", _milliseconds(turn.queue_ms)),
        ("calls", ", ".join(call.name for call in turn.tool_calls)),
    ]
    shown = " · ".join(f"{name} {escape(value)}" for name, value in figures if value)
    return (
        f'<div class="glw-turns">{TABLE_STYLE}<b class="{turn.role}">{SPEAKERS[turn.role]}</b> '
        f"{_text(turn, _LONGEST_TEXT * 4)}{_waveform(turn, 480, 48)}<div><i>{shown}</i></div></div>"
    )


def whole_table_of(placements: Sequence[Placement], wavs: Mapping[Turn, bytes]) -> str:
    """A table of all turns with their whole texts, and with players of those that have a WAV file.

    It needs no kernel and no other file, so that it can be kept in a notebook.
    """
    rows = [
        _row(
            place.turn,
            place.start_s,
            longest=len(place.turn.text),
            below=_player(wavs[place.turn]) if place.turn in wavs else "",
        )
        for place in placements
    ]
    return f'<div class="glw-turns">{TABLE_STYLE}{_table(rows)}</div>'


def _table(rows: Sequence[str]) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("", "", "Text", "Time", "Length", "Latency"))
    return f'<table class="rows"><tr>{head}</tr>{"".join(rows)}</table>' if rows else ""


def _player(wav: bytes) -> str:
    source = f"data:audio/wav;base64,{b64encode(wav).decode()}"
    return f'<audio controls preload="metadata" src="{source}"></audio>'


def _row(turn: Turn, start_s: float, *, longest: int = _LONGEST_TEXT, below: str = "") -> str:
    length = f"{turn.duration_s:.1f} s" if turn.sample_count else ""
    minutes, seconds = divmod(int(start_s), 60)
    return (
        f'<tr><td class="{turn.role}">{SPEAKERS[turn.role]}</td><td>{_waveform(turn, 110, 22)}</td>'
        f'<td class="t">{_text(turn, longest)}{below}</td>'
        f'<td class="n">{minutes}:{seconds:02d}</td>'
        f'<td class="n">{length}</td><td class="n">{_milliseconds(turn.latency_ms)}</td></tr>'
    )


def _text(turn: Turn, longest: int) -> str:
    text = turn.text if len(turn.text) <= longest else f"{turn.text[: longest - 1]}…"
    shown = escape(text) if text.strip() else "<i>(no transcript)</i>"
    states = [] if turn.is_complete else ["growing"]
    states += ["interrupted"] if turn.was_interrupted else []
    states += ["discarded"] if turn.was_discarded else []
    return shown + "".join(f" <i>({state})</i>" for state in states)


def _heard(turn: Turn) -> str:
    if turn.heard_sample_count is None or not turn.sample_count:
        return ""
    return f"{turn.heard_sample_count / turn.sample_count:.0%}"


def _milliseconds(duration_ms: float | None) -> str:
    return "" if duration_ms is None else f"{duration_ms:.0f} ms"


def _waveform(turn: Turn, width: int, height: int) -> str:
    """The envelope of a turn as SVG; what was not heard of a reply is shaded."""
    if not turn.sample_count:
        return ""
    low, high = extremes_of(turn, width // 2)
    middle, scale = height / 2, (height / 2 - 1) / 32768
    step = width / len(low)
    upper = [f"{at * step:.1f},{middle - value * scale:.1f}" for at, value in enumerate(high)]
    lower = [f"{at * step:.1f},{middle - value * scale + 0.5:.1f}" for at, value in enumerate(low)]
    points = " ".join([*upper, *reversed(lower)])
    shade = ""
    if turn.was_interrupted and turn.heard_sample_count is not None:
        at = width * turn.heard_sample_count / turn.sample_count
        shade = f'<rect x="{at:.1f}" width="{width - at:.1f}" height="{height}"/>'
    return (
        f'<svg class="{turn.role}" viewBox="0 0 {width} {height}" '
        f'style="width:{width}px;height:{height}px" role="img" '
        f'aria-label="Waveform"><polygon points="{points}" fill="currentColor"/>{shade}</svg>'
    )
