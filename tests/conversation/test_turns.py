"""The sequence of turns, and what is made of all of them."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget.audio import read_audio
from grok_live_widget.conversation import ToolCallState, Turns, placements_of, whole_table_of
from grok_live_widget.exceptions import ArgumentError, ConfigurationError

from ..support.turns import turn_of


def test_turns_are_a_sequence_of_the_same_objects() -> None:
    a, b, c = turn_of([1], role="user"), turn_of([2]), turn_of([3], role="user")
    turns = Turns([a, b, c])
    assert (len(turns), turns[0], turns[-1]) == (3, a, c)
    assert isinstance(turns[1:], Turns)
    assert list(turns[1:]) == [b, c]
    assert list(reversed(turns)) == [c, b, a]
    assert turns.index(b) == 1
    assert b in turns
    assert (list(turns.user), list(turns.assistant)) == ([a, c], [b])
    assert repr(turns).splitlines()[0] == "3 turns"
    with pytest.raises(IndexError):
        turns[3]


def test_an_iteration_sees_the_turns_that_were_there_when_it_began() -> None:
    turns = Turns([turn_of([1])])
    for _ in turns:
        turns._add(turn_of([2]))
    assert len(turns) == 2


def test_turns_are_filtered_by_role_and_interruption() -> None:
    cut, whole, asked = turn_of([1]), turn_of([2]), turn_of([3], role="user")
    cut.was_interrupted = True
    turns = Turns([cut, whole, asked])
    assert list(turns.filter(role="assistant")) == [cut, whole]
    assert list(turns.filter(interrupted=True)) == [cut]
    assert list(turns.filter(role="assistant", interrupted=False)) == [whole]
    assert list(turns.filter()) == [cut, whole, asked]
    with pytest.raises(ConfigurationError, match=r"one of 'user', 'assistant', None, not 'grok'"):
        turns.filter(role="grok")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="Did you mean 'interrupted'"):
        turns.filter(interupted=True)  # type: ignore[call-arg]


# --------------------------------------------------------------------------- sound
def talk() -> Turns:
    """A question from 1 s to 1.5 s, and a reply that was played at 2 s, of which 0.25 s were
    heard; at 1000 Hz.
    """
    asked = turn_of([5] * 500, role="user", sample_rate=1000)
    reply = turn_of([7] * 1000, sample_rate=1000)
    asked.started_s, reply.started_s, reply.played_at_s = 1.0, 1.75, 2.0
    reply.heard_sample_count, reply.was_interrupted = 250, True
    turns = Turns()
    turns._add(asked)
    turns._add(reply)
    return turns


WHOLE = np.zeros((2250, 2), np.int16)
WHOLE[1000:1500, 0] = 5
WHOLE[2000:2250, 1] = 7


def test_the_sound_of_both_sides_is_on_the_clock_of_the_talk() -> None:
    turns = talk()
    assert turns.sample_rate == 1000
    assert np.array_equal(turns.audio(), WHOLE)
    assert np.array_equal(turns.audio(1.4, 2.1), WHOLE[1400:2100])
    assert np.array_equal(turns.audio(0.5, role="user"), WHOLE[500:, 0])
    assert np.array_equal(turns.audio(role="assistant"), WHOLE[:, 1])
    assert np.array_equal(turns.audio(2, math.inf), WHOLE[2000:])
    assert turns.audio(9, 10).shape == (0, 2)
    assert Turns().audio().shape == (0, 2)


@pytest.mark.parametrize(
    ("times", "says"),
    [
        ((-1,), "since_s must be a number from 0, not -1"),
        ((2, 1), "until_s must be a number from 2 or None, not 1"),
        (("1",), "since_s must be a number"),
        ((math.nan,), "since_s must be a number"),
    ],
)
def test_times_that_are_no_stretch_are_refused(times: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        talk().audio(*times)


def test_a_file_of_a_talk_is_stereo_mono_or_one_side(tmp_path: Path) -> None:
    turns = talk()
    stereo, rate_hz = read_audio(turns.write_wav(tmp_path / "talk.wav"))
    assert (np.array_equal(stereo, WHOLE), rate_hz) == (True, 1000)
    sides = {"mono": WHOLE.sum(axis=1), "user": WHOLE[:, 0], "assistant": WHOLE[:, 1]}
    for channels, expected in sides.items():
        path = turns.write_wav(tmp_path / f"{channels}.wav", channels=channels)  # type: ignore[arg-type]
        assert np.array_equal(read_audio(path)[0], expected)
    assert len(read_audio(Turns().write_wav(tmp_path / "none.wav"))[0]) == 0
    with pytest.raises(ConfigurationError, match="Did you mean 'stereo'"):
        turns.write_wav(tmp_path / "a.wav", channels="sterio")  # type: ignore[arg-type]


def test_a_file_of_a_selection_begins_with_its_first_turn(tmp_path: Path) -> None:
    turns = talk()
    assert np.array_equal(read_audio(turns[1:].write_wav(tmp_path / "a.wav"))[0], WHOLE[2000:])
    sound, _ = read_audio(turns.filter(role="user").write_wav(tmp_path / "b.wav"))
    assert np.array_equal(sound, WHOLE[1000:1500])
    turns[1:].write_transcript(tmp_path / "a.srt")
    assert "00:00:00,000 --> 00:00:00,250" in (tmp_path / "a.srt").read_text("utf-8")
    turns.write_transcript(tmp_path / "talk.srt")
    assert "00:00:02,000 --> 00:00:02,250" in (tmp_path / "talk.srt").read_text("utf-8")
    # Its clock is that of the talk all the same.
    assert np.array_equal(turns[1:].audio()[1000:], np.where(WHOLE == 7, WHOLE, 0)[1000:])


@pytest.mark.skipif(not shutil.which("soxi"), reason="needs sox")
def test_sox_reads_the_file_of_a_talk(tmp_path: Path) -> None:
    path = talk().write_wav(tmp_path / "talk.wav")
    told = [
        subprocess.check_output(["soxi", option, str(path)], text=True).strip()
        for option in ("-c", "-r", "-s", "-b")
    ]
    assert told == ["2", "1000", "2250", "16"]


# --------------------------------------------------------------------------- transcripts
@pytest.mark.parametrize("ending", [".md", ".txt", ".json", ".srt", ".vtt", ".SRT"])
def test_a_transcript_has_the_format_of_its_ending(tmp_path: Path, ending: str) -> None:
    turns = Turns([turn_of([], "user", text="Grüße \ud800", text_source="typed")])
    path = turns.write_transcript(tmp_path / f"talk{ending}")
    assert path == tmp_path / f"talk{ending}"
    shown = path.read_text("utf-8")
    assert "Grüße" in shown
    assert ("WEBVTT" in shown) == (ending == ".vtt")


@pytest.mark.parametrize("name", ["talk", "talk.doc", "talk.wav"])
def test_other_endings_are_refused_with_those_that_are_known(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"none of \.md, \.txt, \.json, \.srt, \.vtt"):
        talk().write_transcript(tmp_path / name)
    with pytest.raises(ConfigurationError, match="no folder"):
        talk().write_transcript(tmp_path / "none" / "talk.md")
    with pytest.raises(ConfigurationError, match="path of a file, not 3"):
        talk().write_transcript(3)  # type: ignore[arg-type]


# --------------------------------------------------------------------------- tables
def test_a_frame_has_one_row_a_turn() -> None:
    asked, reply = talk()
    asked.text, reply.text = "What is it", "It is"
    reply.latency_ms, reply.queue_ms, reply.cost_dollars = 250.0, 250.0, 0.5
    call = ToolCallState(call_id="c", name="plot")
    reply.tool_calls = (call, call)
    frame = Turns([asked, reply]).to_frame()
    assert frame["role"].tolist() == ["user", "assistant"]
    assert frame["start_s"].tolist() == [1.0, 2.0]
    assert frame["end_s"].tolist() == [1.5, 2.25]
    assert frame["duration_s"].tolist() == [0.5, 1.0]
    assert frame["word_count"].tolist() == [3, 2]
    assert frame["words_per_minute"].tolist() == [360, 120]
    assert frame["level_dbfs"].tolist() == pytest.approx(
        [20 * math.log10(5 / 32768), 20 * math.log10(7 / 32768)]
    )
    assert frame["total_ms"].tolist()[1] == 500
    assert frame["heard_share"].tolist()[1] == 0.25
    assert frame["tools"].tolist() == ["", "plot, plot"]
    assert frame["cost_dollars"].tolist()[1] == 0.5
    assert frame.iloc[0][["latency_ms", "total_ms", "heard_share", "cost_dollars"]].isna().all()
    assert list(Turns().to_frame().columns) == list(frame.columns)


def test_figures_that_a_turn_does_not_have_are_missing_in_the_frame() -> None:
    typed = turn_of([], "user", text="Hi", text_source="typed")
    silent = turn_of([0, 0])
    frame = Turns([typed, silent]).to_frame()
    assert frame.iloc[0][["words_per_minute", "level_dbfs"]].isna().all()
    assert frame.iloc[1][["words_per_minute", "level_dbfs", "played_at_s"]].isna().all()
    # Numbers also where nothing was measured: a sum, a mean and a chart need them.
    unmeasured = ["queue_ms", "total_ms", "heard_share", "heard_sample_count", "played_at_s"]
    assert set(frame[unmeasured].dtypes.astype(str)) == {"float64"}


# --------------------------------------------------------------------------- in a notebook
class Outline(HTMLParser):
    """Tags that are open, and the text; a tag that is closed in the wrong order fails."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += "" if "style" in self.open else data


def test_a_table_in_a_notebook_shows_each_turn_and_has_no_sound() -> None:
    turns = talk()
    turns[0].text, turns[1].latency_ms = "<script>alert(1)</script> & more", 250.0
    shown = turns._repr_html_()
    outline = Outline(shown)
    assert outline.tags.count("tr") == 3
    assert outline.tags.count("svg") == 2
    assert "script" not in outline.tags
    assert "<script>alert(1)</script> & more" in outline.text
    assert "250 ms" in outline.text
    assert "interrupted" in outline.text
    assert not {"audio", "source"} & set(outline.tags)
    assert len(Turns()._repr_html_()) < 2_500


def test_a_long_talk_is_shown_by_its_first_and_last_turns() -> None:
    turns = Turns([turn_of([1] * 5000, text=f"turn {number}.") for number in range(1000)])
    shown = turns._repr_html_()
    outline = Outline(shown)
    assert outline.tags.count("tr") == 1 + 10 + 1 + 10
    assert "980 more" in outline.text
    assert "turn 9." in outline.text
    assert "turn 990." in outline.text
    assert "turn 500." not in outline.text
    assert len(shown) < 100_000


def test_a_table_to_be_kept_has_all_turns_their_whole_texts_and_the_sound_that_is_given() -> None:
    long = "A word. " * 100
    turns = [turn_of([1] * 500, text=f"turn {number}.") for number in range(100)]
    cut = turns[50]
    cut.text, cut.was_interrupted, cut.heard_sample_count = long, True, 250
    shown = whole_table_of(placements_of(Turns(turns)), {cut: b"RIFF"})
    outline = Outline(shown)
    assert outline.tags.count("tr") == 1 + 100
    assert f"{long} (growing) (interrupted)" in outline.text
    assert outline.tags.count("rect") == 1
    assert outline.tags.count("audio") == 1
    assert 'src="data:audio/wav;base64,UklGRg=="' in shown


def test_a_turn_in_a_notebook_shows_its_figures() -> None:
    reply = talk()[1]
    reply.text, reply.latency_ms, reply.queue_ms = "Hello", 123.4, 50.0
    outline = Outline(reply._repr_html_())
    for figure in ("Hello", "length 1.00 s", "heard 25%", "latency 123 ms", "queue 50 ms"):
        assert figure in outline.text
    assert "svg" in outline.tags
    assert "svg" not in Outline(turn_of([], text="typed")._repr_html_()).tags


def test_the_small_waveform_is_the_envelope_of_the_turn() -> None:
    tone = np.rint(32767 * np.sin(2 * np.pi * np.arange(24_000) / 240)).astype(np.int16)
    loud, quiet = (turn_of(tone // part)._repr_html_() for part in (1, 4))

    def height(html: str) -> float:
        [points] = re.findall(r'points="([^"]+)"', html)
        ys = [float(point.split(",")[1]) for point in points.split()]
        return max(ys) - min(ys)

    assert height(loud) == pytest.approx(46, abs=1)
    assert height(quiet) == pytest.approx(46 / 4, abs=1)
