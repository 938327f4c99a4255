"""Transcripts of turns: Markdown, plain text, JSON, and subtitles (SubRip and WebVTT)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from .._structs import rounded
from .placement import Placement
from .turn import Turn, Word

SPEAKERS = {"user": "You", "assistant": "Reply"}

# A subtitle should be readable at once: two lines of 42 letters, up to seven seconds. Source:
# Netflix's timed text style guide (English).
_CUE_LETTERS, _CUE_S = 84, 7.0
# How long a text is shown that did not sound.
_TYPED_S = 2.0


class _Cue(NamedTuple):
    start_s: float
    end_s: float
    turn: Turn
    text: str


def markdown(placements: Sequence[Placement]) -> str:
    """A list of turns with their times; calls of functions below the reply that they went into."""
    return "\n".join(_markdown_lines(placements)) + "\n"


def _markdown_lines(placements: Sequence[Placement]) -> Iterator[str]:
    yield "# Transcript"
    for placement in placements:
        turn = placement.turn
        yield ""
        name, at = SPEAKERS[turn.role], _clock(placement.start_s, ".")
        yield f"**{name}** ({at}){_remark(turn)}  "
        yield from (_plain_markdown(line) for line in _spoken(turn).splitlines())
        for call in turn.tool_calls:
            yield ""
            yield f"- {_call_line(call, '`')}"


def plain_text(placements: Sequence[Placement]) -> str:
    """A line a turn, with its time."""
    lines: list[str] = []
    for placement in placements:
        turn = placement.turn
        at = _clock(placement.start_s, ".")
        text = " ".join(_spoken(turn).split())
        lines.append(f"[{at}] {SPEAKERS[turn.role]}: {text}{_remark(turn)}")
        lines += [f"    {_call_line(call, '')}" for call in turn.tool_calls]
    return "\n".join(lines) + "\n" if lines else ""


def as_json(placements: Sequence[Placement]) -> str:
    """An array of objects, one a turn; what was not measured is null."""
    turns = [_json_turn(placement) for placement in placements]
    return json.dumps(turns, ensure_ascii=False, indent=1) + "\n"


def _json_turn(placement: Placement) -> dict[str, Any]:
    turn = placement.turn
    names = ("role", "text", "text_source", "is_complete", "was_interrupted", "is_approximate")
    more = ("duration_s", "heard_sample_count", "sample_rate", "cost_dollars", "seam")
    calls = ("name", "arguments", "state", "output", "error", "started_s", "duration_s")
    return {
        **{name: getattr(turn, name) for name in names},
        **_figures(placement, ("start_s", "end_s")),
        **_figures(turn, more),
        "latency": _figures(turn.latency, turn.latency.__struct_fields__),
        "words": [_figures(word, word.__struct_fields__) for word in turn.words],
        "tool_calls": [_figures(call, calls) for call in turn.tool_calls],
    }


def _figures(source: object, names: Sequence[str]) -> dict[str, Any]:
    return {name: rounded(name, getattr(source, name)) for name in names}


# --------------------------------------------------------------------------- subtitles
# Where players see the beginning of a tag: "<b>", "</font>", "{b}", "{\\an8}".
_SRT_TAG = re.compile(r"<(?=/?[A-Za-z])|\{(?=[\\/]?[A-Za-z])")


def srt(placements: Sequence[Placement]) -> str:
    """SubRip subtitles. Source: https://www.matroska.org/technical/subtitles.html#srt-subtitles"""
    blocks = []
    for number, cue in enumerate(_cues(placements), 1):
        times = f"{_clock(cue.start_s, ',')} --> {_clock(cue.end_s, ',')}"
        # An arrow in the text would be taken for a line of times, and what looks like a tag is not
        # shown. The format cannot escape one; an invisible character makes it a text.
        text = _SRT_TAG.sub(lambda found: f"{found[0]}\N{WORD JOINER}", cue.text)
        text = text.replace("-->", "→")
        blocks.append(f"{number}\n{times}\n{SPEAKERS[cue.turn.role]}: {text}\n")
    return "\n".join(blocks)


def vtt(placements: Sequence[Placement]) -> str:
    """WebVTT subtitles, with speakers as voices. Source: https://www.w3.org/TR/webvtt1/"""
    blocks = ["WEBVTT\n"]
    for cue in _cues(placements):
        times = f"{_clock(cue.start_s, '.')} --> {_clock(cue.end_s, '.')}"
        text = cue.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        blocks.append(f"{times}\n<v {SPEAKERS[cue.turn.role]}>{text}\n")
    return "\n".join(blocks)


def _cues(placements: Sequence[Placement]) -> list[_Cue]:
    cues: list[_Cue] = []
    for placement in placements:
        turn = placement.turn
        if not placement.sample_count:
            if turn.text.split() and turn.text_source == "typed":
                end_s = placement.start_s + _TYPED_S
                cues.append(_Cue(placement.start_s, end_s, turn, " ".join(turn.text.split())))
            continue
        sounded_s = placement.sample_count / turn.sample_rate
        words = turn.words
        if not words:
            text = " ".join(_spoken(turn).split())
            cues.append(_Cue(placement.start_s, placement.end_s, turn, text))
        for group in _grouped([word for word in words if word.start_s < sounded_s]):
            start_s = placement.start_s + min(word.start_s for word in group)
            end_s = placement.start_s + min(max(word.end_s for word in group), sounded_s)
            text = " ".join(" ".join(word.text for word in group).split())
            cues.append(_Cue(start_s, end_s, turn, text))
    # WebVTT: a cue ends after its start.
    cues = [cue._replace(end_s=max(cue.end_s, cue.start_s + 0.001)) for cue in cues]
    return sorted(cues, key=lambda cue: cue.start_s)


def _grouped(words: Sequence[Word]) -> Iterator[list[Word]]:
    group: list[Word] = []
    for word in words:
        letters = sum(len(each.text) + 1 for each in group) + len(word.text)
        is_long = bool(group) and word.end_s - group[0].start_s > _CUE_S
        if group and (letters > _CUE_LETTERS or is_long):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


# --------------------------------------------------------------------------- pieces
def _spoken(turn: Turn) -> str:
    """The text of a turn, or what it was if its text is not known."""
    if turn.text.strip():
        return turn.text
    return f"(speech, {turn.duration_s:.1f} s)" if turn.sample_count else "(nothing)"


def _remark(turn: Turn) -> str:
    if turn.was_discarded:
        return " [discarded]"
    if not turn.was_interrupted:
        return ""
    if turn.heard_sample_count is None:
        return " [interrupted]"
    return f" [interrupted after {turn.heard_sample_count / turn.sample_rate:.1f} s]"


def _call_line(call: Any, quote: str) -> str:
    took = "" if call.duration_s is None else f" ({call.duration_s:.2f} s)"
    result = call.error or call.output
    shown = f" → {_one_line(result, quote)}" if result else ""
    return f"{_one_line(f'{call.name}({call.arguments})', quote)} {call.state}{took}{shown}"


def _one_line(text: str, quote: str) -> str:
    line = " ".join(text.split())
    if not quote:
        return line
    # CommonMark: a code span is enclosed by more backticks than it contains in a row.
    ticks = quote
    while ticks in line:
        ticks += quote
    return f"{ticks} {line} {ticks}" if "`" in line else f"{ticks}{line}{ticks}"


def _plain_markdown(text: str) -> str:
    """A line of text whose characters have no meaning in Markdown."""
    escaped = "".join(f"\\{letter}" if letter in "\\`*_[]<>#|~$&" else letter for letter in text)
    # A list or a heading is recognised by how a line begins.
    start = escaped.lstrip()
    if start[:1] in ("-", "+", "="):
        return f"\\{start}"
    digits = start[: len(start) - len(start.lstrip("0123456789"))]
    return (
        f"{digits}\\{start[len(digits) :]}"
        if digits and start[len(digits) :][:1] in ".)"
        else start
    )


def _clock(at_s: float, mark: str) -> str:
    total_ms = round(max(0.0, at_s) * 1000)
    minutes, milliseconds = divmod(total_ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    seconds, milliseconds = divmod(milliseconds, 1000)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{mark}{milliseconds:03d}"


FORMATS: dict[str, Callable[[Sequence[Placement]], str]] = {
    ".md": markdown,
    ".txt": plain_text,
    ".json": as_json,
    ".srt": srt,
    ".vtt": vtt,
}
"""By the ending of a file's name."""

SUBTITLES = (".srt", ".vtt")
"""The formats that belong to a file of sound."""
