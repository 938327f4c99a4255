"""Transcripts: what was said, when it sounded, and which functions were called."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
import webvtt

from grok_live_widget.conversation import ToolCallState, Turn
from grok_live_widget.conversation.placement import placements_of
from grok_live_widget.conversation.transcript import FORMATS

from ..support.scripted_talk import scripted_turns
from ..support.turns import turn_of

RATE_HZ = 1000


def said(role: str, text: str, started_s: float, duration_s: float = 0.0, **fields: Any) -> Turn:
    source = "transcript" if duration_s else "typed"
    samples = [1] * round(duration_s * RATE_HZ)
    turn = turn_of(samples, role, sample_rate=RATE_HZ, text=text, text_source=source)
    turn.started_s = started_s
    for name, value in fields.items():
        setattr(turn, name, value)
    return turn


def talk() -> list[Turn]:
    call = ToolCallState(
        call_id="c", name="plot", arguments='{"n": 1}', state="done", output="a `b` c",
        duration_s=0.25, started_s=2.0,
    )  # fmt: skip
    captions = ((0.5, "Here "), (1.0, "it "), (2.0, "is, "), (3.5, "never heard"))
    return [
        said("user", "Plot *x*,\n1. please", 1.25),
        said(
            "assistant", "Here it is, never heard", 2.5, 4.0, tool_calls=(call,),
            played_at_s=3600.5, heard_sample_count=3000, was_interrupted=True, _captions=captions,
        ),
        said("user", "", 3603.0, 2.0),
    ]  # fmt: skip


def written(ending: str, turns: list[Turn]) -> str:
    return FORMATS[ending](placements_of(turns))


def test_a_transcript_in_markdown_shows_the_text_as_it_is() -> None:
    assert written(".md", talk()) == (
        "# Transcript\n"
        "\n"
        "**You** (00:00:01.250)  \n"
        "Plot \\*x\\*,\n"
        "1\\. please\n"
        "\n"
        "**Reply** (01:00:00.500) [interrupted after 3.0 s]  \n"
        "Here it is, never heard\n"
        "\n"
        '- `plot({"n": 1})` done (0.25 s) → `` a `b` c ``\n'
        "\n"
        "**You** (01:00:03.000)  \n"
        "(speech, 2.0 s)\n"
    )


def test_a_transcript_in_plain_text_has_a_line_a_turn() -> None:
    assert written(".txt", talk()) == (
        "[00:00:01.250] You: Plot *x*, 1. please\n"
        "[01:00:00.500] Reply: Here it is, never heard [interrupted after 3.0 s]\n"
        '    plot({"n": 1}) done (0.25 s) → a `b` c\n'
        "[01:00:03.000] You: (speech, 2.0 s)\n"
    )


def test_a_transcript_in_json_has_every_figure() -> None:
    first, second, third = json.loads(written(".json", talk()))
    assert (first["text"], first["start_s"], first["end_s"]) == ("Plot *x*,\n1. please", 1.25, 1.25)
    assert (second["start_s"], second["end_s"]) == (3600.5, 3603.5)
    assert second["words"][1] == {"text": "it", "start_s": 1.0, "end_s": 2.0}
    assert second["tool_calls"][0]["output"] == "a `b` c"
    assert second["latency"]["total_ms"] is None
    assert third["text"] == ""
    assert written(".json", []) == "[]\n"


def test_a_transcript_in_json_has_no_digits_of_binary_fractions() -> None:
    content = written(".json", list(scripted_turns()))
    assert '"total_ms": 1150.001' in content
    assert not re.search(r"\.\d{7}", content)


def test_subtitles_show_the_words_that_were_heard_while_they_sounded() -> None:
    assert written(".srt", talk()) == (
        "1\n00:00:01,250 --> 00:00:03,250\nYou: Plot *x*, 1. please\n"
        "\n"
        "2\n01:00:01,000 --> 01:00:03,500\nReply: Here it is,\n"
        "\n"
        "3\n01:00:03,000 --> 01:00:05,000\nYou: (speech, 2.0 s)\n"
    )


def test_subtitles_of_the_web_have_voices_and_no_markup() -> None:
    shown = written(".vtt", [said("assistant", "a < b & c --> d", 0.5, 1.0)])
    assert shown == (
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.500\n<v Reply>a &lt; b &amp; c --&gt; d\n"
    )
    assert written(".vtt", []) == "WEBVTT\n"
    assert "→ d" in written(".srt", [said("assistant", "c --> d", 0.5, 1.0)])


@pytest.mark.parametrize("ending", [".srt", ".vtt"])
def test_what_looks_like_markup_is_shown_as_it_was_said(ending: str, tmp_path: Path) -> None:
    text = "<b>if</b> a < b &amp; c,\n\n2\n00:00:01,000 --> x </font> {\\an8} {b} {1} <v Reply> i<3"
    path = tmp_path / f"talk{ending}"
    path.write_text(written(ending, [said("assistant", text, 0.5, 1.0)]), "utf-8")
    (cue,) = webvtt.from_srt(str(path)) if ending == ".srt" else webvtt.read(str(path))
    shown = cue.raw_text if ending == ".srt" else html.unescape(cue.text)
    shown = shown.removeprefix("Reply: ").replace("\N{WORD JOINER}", "")
    assert shown == " ".join(text.split()).replace("-->", "→" if ending == ".srt" else "-->")
    # No tag is left that a player interprets: in SubRip also those in braces.
    if ending == ".srt":
        assert re.findall(r"</?[A-Za-z]|\{[\\/]?[A-Za-z]", cue.raw_text) == []
    else:
        assert re.findall(r"<[^>]*>", cue.raw_text) == ["<v Reply>"]


@pytest.mark.parametrize("ending", [".srt", ".vtt"])
def test_another_library_reads_the_subtitles(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"talk{ending}"
    path.write_text(written(ending, talk()), "utf-8")
    cues = webvtt.from_srt(str(path)) if ending == ".srt" else webvtt.read(str(path))
    assert [(cue.start_in_seconds, cue.end_in_seconds) for cue in cues] == [
        (1, 3), (3601, 3603), (3603, 3605),
    ]  # fmt: skip
    assert [(cue.start[-3:], cue.end[-3:]) for cue in cues] == [
        ("250", "250"), ("000", "500"), ("000", "000"),
    ]  # fmt: skip
    name = "Reply: " if ending == ".srt" else ""
    assert cues[1].text == f"{name}Here it is,"
    assert cues[1].voice == ("Reply" if ending == ".vtt" else None)


def reply_with(*captions: tuple[float, str], **fields: Any) -> Turn:
    text = "".join(each for _, each in captions)
    return said("assistant", text, 1.0, 4.0, _captions=captions, **fields)


def test_of_a_reply_that_was_cut_before_its_first_word_nothing_is_shown() -> None:
    cut = {"played_at_s": 1.0, "heard_sample_count": 100, "was_interrupted": True}
    assert written(".srt", [reply_with((0.3, "Never heard."), **cut)]) == ""


def test_every_subtitle_ends_after_it_began_and_has_no_empty_line() -> None:
    odd = [
        reply_with((2.0, "late "), (0.5, "early")),
        reply_with((1.0, "same "), (1.0, "time")),
        reply_with((1.0, "One.\n\nTwo.")),
        turn_of([1] * 2, sample_rate=RATE_HZ, text="short"),
    ]
    for turn in odd:
        shown = written(".srt", [turn])
        assert shown.count("\n\n") == 0
        ((start, end),) = re.findall(r"(\S+) --> (\S+)", shown)
        assert end > start


def test_long_replies_are_several_subtitles_of_two_lines_at_most() -> None:
    captions = tuple((at * 0.25, f"word{at} ") for at in range(60))
    reply = said("assistant", "".join(text for _, text in captions), 0, 15.0, _captions=captions)
    texts = re.findall(r"Reply: (.*)", written(".srt", [reply]))
    assert " ".join(texts) == reply.text.strip()
    assert len(texts) > 3
    assert max(map(len, texts)) <= 84
    times = re.findall(r"(\S+) --> (\S+)", written(".srt", [reply]))
    assert [end for _, end in times[:-1]] == [start for start, _ in times[1:]]


@pytest.mark.parametrize("ending", list(FORMATS))
def test_every_text_can_be_in_every_transcript(ending: str) -> None:
    text = "a\r\n\r\nb\u2028c\n-->\n# d\n```\n<script>"
    shown = written(ending, [said("user", text, 1.0), said("assistant", text, 2.0, 3.0)])
    if ending in (".srt", ".vtt"):
        # An empty line would end a subtitle: two of them, and the header.
        assert len(shown.strip().split("\n\n")) == 2 + (ending == ".vtt")
        assert shown.count("-->") == 2
    assert "\r" not in shown
