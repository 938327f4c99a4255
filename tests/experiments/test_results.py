"""Results: a sequence, a tidy table with figures that are right, and short texts of it."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from grok_live_widget import Turns
from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.experiments import Measures, Overlap, Result, Results
from grok_live_widget.experiments.results import figures_of, measures_of

from ..support.sound import RATE_HZ, tone
from ..support.turns import turn_of

LABELS = ["prompt", "voice", "settings", "repeat"]


def test_results_are_a_sequence_in_the_order_of_the_design(results: Results) -> None:
    assert [each.index for each in results] == list(range(8))
    shuffled = Results([results[5], results[1], results[3]], results.design)
    assert [each.index for each in shuffled] == [1, 3, 5]
    assert isinstance(results[0], Result)
    assert isinstance(results[2:4], Results)
    assert [each.index for each in results[2:4]] == [2, 3]
    assert (results.is_complete, shuffled.is_complete) == (True, False)


def test_results_can_be_filtered_by_their_labels(results: Results) -> None:
    assert [each.index for each in results.filter(voice="nova")] == [1, 3, 5, 7]
    assert [each.index for each in results.filter(prompt="b", repeat=0)] == [2, 3]
    assert len(results.filter(settings="default")) == 8
    assert len(results.filter(voice="Nova")) == 0
    assert len(results.filter(voice=["nova", "onyx"], repeat=[0])) == 4
    with pytest.raises(TypeError, match="Did you mean 'voice'"):
        results.filter(voices="nova")


def test_failed_results_have_no_reply_and_no_sound(results: Results) -> None:
    (failed,) = results.failed
    assert (failed.has_failed, failed.reply, failed.sample_rate) == (True, None, None)
    assert failed.samples.shape == (0,)
    assert failed.measures is None
    assert isinstance(results.replies, Turns)
    assert len(results.replies) == 7


def test_the_sound_of_a_reply_is_an_array(results: Results) -> None:
    first = results[0]
    assert (first.samples.dtype, first.samples.shape, first.sample_rate) == (
        np.float32,
        (RATE_HZ,),
        RATE_HZ,
    )


def test_the_table_can_hold_the_sound(results: Results) -> None:
    assert "audio" not in results.to_frame()
    audio = results.to_frame(audio=True).audio
    for result, sound in zip(results, audio, strict=True):
        if result.reply is None:
            assert sound is None
        else:
            np.testing.assert_array_equal(sound, result.reply.pcm)


def test_the_table_is_tidy_and_its_figures_are_those_of_the_sound(results: Results) -> None:
    frame = results.to_frame()
    assert len(frame) == 8
    assert list(frame.columns[:4]) == LABELS
    assert not frame.duplicated(LABELS).any()
    assert list(frame.voice) == ["onyx", "nova"] * 4
    answered = frame[frame.error.isna()]
    assert answered.groupby("voice").pitch_median_hz.median().to_dict() == pytest.approx(
        {"onyx": 110, "nova": 220}, rel=0.005
    )
    # A sine's level is 3.01 dB below its peak.
    levels = answered.groupby("repeat").level_dbfs.mean().to_dict()
    assert levels == pytest.approx({0: -6.02 - 3.01, 1: -12.04 - 3.01}, abs=0.01)
    assert set(answered.duration_s) == {1.0}
    assert set(answered.words_per_minute) == {180.0}
    assert list(frame.latency_ms[:7]) == [100, 200, 300, 400, 500, 600, 700]
    assert list(frame.first_delta_ms[:7]) == list(frame.latency_ms[:7])


def test_a_failure_is_a_row_with_its_error_and_without_figures(results: Results) -> None:
    row = results.to_frame().iloc[-1]
    assert (row.error_type, row.error) == ("ReplyTimeout", "no complete reply in 60 s.")
    assert row[["text", "latency_ms", "duration_s", "level_dbfs", "was_interrupted"]].isna().all()
    assert (row.elapsed_s, row.server, row.attempt_count) == (1.5, "rehearsal", 1)


def test_figures_are_numbers_also_where_all_are_missing(results: Results) -> None:
    frame = results.failed.to_frame()
    floats = ("latency_ms", "pitch_median_hz", "level_dbfs", "loudness_lufs", "stopped_after_ms")
    assert {str(frame[name].dtype) for name in floats} == {"float64"}


def test_an_interruption_is_in_the_table(results: Results) -> None:
    overlap = Overlap(
        spoken_at_ms=800.0,
        stopped_after_ms=None,
        heard_ms=1000.0,
        received_ms=1000.0,
        received_after_ms=0.0,
    )
    made = Results([replace(results[0], overlap=overlap), results[1]], results.design)
    frame = made.to_frame()
    assert frame.spoken_at_ms[0] == 800
    assert np.isnan(frame.stopped_after_ms[0])
    assert np.isnan(frame.spoken_at_ms[1])


def test_no_results_are_a_table_without_rows(results: Results) -> None:
    assert len(Results([], results.design).to_frame()) == 0


def test_the_summary_tells_of_notes_such_as_that_a_voice_is_not_known(results: Results) -> None:
    noted = replace(results[0], notes=("The rehearsal has no voice 'nowa'.",))
    shown = repr(Results([noted, results[1]], results.design))
    assert "1 with notes (the first: \"The rehearsal has no voice 'nowa'.\")" in shown
    assert "notes" not in results.summary()


def test_without_results_the_table_has_its_columns(results: Results) -> None:
    whole, empty = results.to_frame(), Results([], results.design).to_frame()
    assert list(empty.columns) == list(whole.columns) == list(results[0].row())
    assert empty["latency_ms"].dtype == whole["latency_ms"].dtype


def test_without_pandas_the_table_names_the_extra(
    results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"grok-live-widget\[experiments\]"):
        results.to_frame()


# --------------------------------------------------------------------------- figures
def test_silence_and_clicks_have_no_pitch_and_no_loudness() -> None:
    silent = measures_of(turn_of(np.zeros(RATE_HZ), text="a b"))
    assert silent == Measures(
        duration_s=1.0,
        word_count=2,
        words_per_minute=120.0,
        pitch_median_hz=None,
        level_dbfs=None,
        loudness_lufs=None,
    )
    short = measures_of(turn_of(tone(0.01), text=""))
    assert (short.pitch_median_hz, short.loudness_lufs, short.words_per_minute) == (None,) * 3
    assert short.level_dbfs is not None
    noise = np.random.default_rng(1).normal(0, 3_000, RATE_HZ).astype(np.int16)
    assert measures_of(turn_of(noise, text="")).pitch_median_hz is None
    typed = measures_of(turn_of(text="only text"))
    assert (typed.duration_s, typed.words_per_minute, typed.level_dbfs) == (0.0, None, None)


def test_a_figure_can_be_asked_for_by_its_name_only(results: Results) -> None:
    assert figures_of(results, "latency_ms")[:2] == [100.0, 200.0]
    assert np.isnan(figures_of(results, "latency_ms")[-1])
    for name in ("text", "voice", "latency"):
        with pytest.raises(ConfigurationError, match=r"Figures are: .*latency_ms"):
            figures_of(results, name)


# --------------------------------------------------------------------------- texts
def test_the_text_says_what_was_asked_and_what_failed(results: Results) -> None:
    lines = repr(results).splitlines()
    assert lines[0] == (
        "Results: 8 of 8 questions (2 prompts × 2 voices × 1 setting × 2 repeats), 1 failed, "
        "answered by rehearsal"
    )
    assert len(lines) == 9
    assert lines[1] == (
        "  Result('It costs $5 and $6.' to onyx, default, repeat 0: "
        "Turn(assistant, 'one two three', 1.00 s))"
    )
    assert lines[-1].endswith("'no complete reply in 60 s.')")


def test_the_text_of_many_results_is_short(results: Results) -> None:
    many = Results(list(results) * 5, results.design)
    assert repr(many).endswith("… and 20 more")
    assert len(repr(many).splitlines()) == 22


def test_a_default_voice_is_called_so(results: Results) -> None:
    made = Results([replace(results[0], voice=None)], results.design)
    assert made.to_frame().voice[0] == "default"
    assert len(made.filter(voice="default")) == 1
    assert "to default" in repr(made)
