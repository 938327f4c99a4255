"""A turn grows in place; what was seen of it stays valid and unchanged for ever."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget.audio import read_audio
from grok_live_widget.audio.buffer import AudioBuffer
from grok_live_widget.conversation.turns import Turn, Turns, extremes_of
from grok_live_widget.events import (
    CommitAudio,
    IdleTimeoutTriggered,
    Interrupted,
    PushToTalk,
    ResponseCreated,
    ServerVad,
    TextDelta,
    ToolAnswered,
    ToolApprovalAsked,
    ToolFinished,
    ToolStarted,
)
from grok_live_widget.exceptions import AudioFormatError, ConfigurationError

from ..support.conversation_driver import ConversationDriver, played, started, stopped
from ..support.events import TYPED, begun, delta, done
from ..support.turns import turn_of


def test_a_new_turn_is_incomplete_and_empty() -> None:
    turn = turn_of()
    assert (turn.text, turn.text_source, turn.is_complete) == ("", "none", False)
    assert turn.latency_ms is None
    assert turn.heard_sample_count is None
    assert (turn.was_interrupted, turn.is_approximate, turn.item_id) == (False, False, "")
    assert turn.turn_id != turn_of().turn_id


def test_audio_is_read_as_integers_and_as_floats() -> None:
    turn = turn_of([-32768, 0, 16384])
    assert turn.pcm.dtype == np.int16
    assert turn.pcm.tolist() == [-32768, 0, 16384]
    assert turn.samples.dtype == np.float32
    assert turn.samples.tolist() == [-1.0, 0.0, 0.5]
    assert (turn.sample_rate, turn.duration_s) == (24_000, 3 / 24_000)


def test_integers_are_read_only_and_floats_are_a_copy() -> None:
    turn = turn_of([1, 2])
    for view in (turn.pcm, turn.heard):
        with pytest.raises(ValueError, match="read-only"):
            view[...] = 0
    samples = turn.samples
    samples[:] = 0
    assert turn.pcm.tolist() == [1, 2]


def test_a_view_does_not_change_while_its_turn_grows_ends_and_is_reopened() -> None:
    turn = turn_of([1, 2, 3], start=1)
    seen = turn.pcm
    turn._tape.append(np.arange(4, 5_000, dtype=np.int16))
    turn._end(3)
    assert (seen.tolist(), turn.pcm.tolist(), turn.is_complete) == ([2, 3], [2, 3], True)
    turn._reopen()
    assert (len(turn.pcm), turn.is_complete) == (4_998, False)
    assert seen.tolist() == [2, 3]


def test_a_typed_turn_has_a_shape_and_no_samples() -> None:
    turn = Turn("user", tape=AudioBuffer(1), text="Hi", text_source="typed")
    assert turn.pcm.shape == turn.samples.shape == turn.heard.shape == (0,)
    assert turn.duration_s == 0
    assert extremes_of(turn, 5)[0].shape == (0,)


@pytest.mark.parametrize(
    ("reported", "heard"), [(None, []), (0, []), (2, [1, 2]), (3, [1, 2, 3]), (9, [1, 2, 3])]
)
def test_heard_samples_are_the_first_of_all_samples(reported: int | None, heard: list[int]) -> None:
    turn = turn_of([1, 2, 3])
    if reported is not None:
        turn._hear(reported)
    assert turn.heard.tolist() == heard
    assert turn.heard_sample_count == (None if reported is None else len(heard))


def test_extremes_are_those_of_this_turn_only() -> None:
    turn = turn_of([9, 1, 5, 3, 7, -9], start=1)
    turn._end(5)
    low, high = extremes_of(turn, 2)
    assert (low.tolist(), high.tolist()) == ([1, 3], [5, 7])


@pytest.mark.parametrize(
    ("text", "shown"), [("Hi", "'Hi'"), ("x" * 58, "x" * 58), ("y" * 59, "y" * 57 + "…")]
)
def test_a_repr_shows_role_text_and_duration(text: str, shown: str) -> None:
    turn = turn_of(range(2400), text=text)
    assert repr(turn).startswith("Turn(assistant, ")
    assert shown in repr(turn)
    assert repr(turn).endswith(", 0.10 s, growing)")
    turn._end(None)
    turn.was_interrupted = True
    assert repr(turn).endswith(", 0.10 s, interrupted)")


# --------------------------------------------------------------------------- what was heard
@pytest.mark.parametrize("status", ["cancelled", "completed", "incomplete"])
def test_only_a_cancelled_reply_was_interrupted_by_its_end(status: str) -> None:
    talk = ConversationDriver()
    talk.hear(*begun(1), delta(1), done(1, status))
    assert talk.turns[0].was_interrupted is (status == "cancelled")


def test_a_reply_heard_to_its_end_was_not_interrupted() -> None:
    talk = ConversationDriver(has_player=True)
    talk.hear(*begun(1), delta(1), delta(1, 100, item="b"), played(1, 2400), done(1, "cancelled"))
    assert [turn.was_interrupted for turn in talk.turns] == [False, True]


def test_an_interruption_marks_its_item_and_later_items_of_its_reply() -> None:
    talk = ConversationDriver()
    talk.hear(*begun(1), delta(1), Interrupted(response_id="r1", item_id="a1"), delta(1))
    assert (talk.turns[0].was_interrupted, len(talk.turns[0].pcm)) == (True, 4800)
    talk.hear(delta(1, item="late"), *begun(2), delta(2))
    assert [turn.was_interrupted for turn in talk.turns] == [True, True, False]


def test_heard_samples_come_from_the_playhead_only() -> None:
    talk = ConversationDriver(has_player=True)
    talk.hear(*begun(1), delta(1))
    (turn,) = talk.turns
    assert turn.heard_sample_count is None
    talk.hear(played(1, 1000))
    assert (turn.heard_sample_count, len(turn.heard)) == (1000, 1000)
    talk.hear(played(1, 99_999))
    assert turn.heard_sample_count == 2400
    assert talk.hear(played(7, 5)) == []


# --------------------------------------------------------------------------- latency
def latency_of(talk: ConversationDriver, number: int = 1) -> float | None:
    (turn,) = [turn for turn in talk.turns if turn.item_id == f"a{number}"]
    return turn.latency_ms


@pytest.mark.parametrize("in_no_time", [False, True])
def test_latency_counts_from_the_end_of_the_speech_with_the_silence(in_no_time: bool) -> None:
    talk = ConversationDriver(ServerVad(silence_duration_ms=500))
    talk.speak(1000, in_no_time=in_no_time)  # speech up to here
    spoken_s = talk.now_s
    talk.speak(700, in_no_time=in_no_time)
    talk.hear(started(1, 0), stopped(1, 1500), *begun(1))
    assert latency_of(talk) is None
    talk.hear(delta(1), at_s=spoken_s + 1.25)
    talk.hear(delta(1), at_s=spoken_s + 9)
    assert latency_of(talk) == pytest.approx(1250)


@pytest.mark.parametrize("cause", [CommitAudio(), TYPED])
def test_latency_counts_from_the_commit_or_the_text(cause: Any) -> None:
    talk = ConversationDriver(PushToTalk())
    talk.speak(200)
    talk.hear(cause, at_s=5.0)
    talk.hear(*begun(1), at_s=5.2)
    talk.hear(delta(1), at_s=5.5)
    assert latency_of(talk) == pytest.approx(500)
    assert all(turn.latency_ms is None for turn in talk.turns.user)


def delays_of(turn: Turn) -> list[float | None]:
    """The server's share of the delay, the tools', the consent's and the queue's [ms]."""
    delays = (turn.latency_ms, turn.tool_ms, turn.approval_ms, turn.queue_ms)
    return [None if each is None else round(each, 3) for each in delays]


def test_waiting_for_the_loudspeaker_is_no_latency_but_a_figure_of_its_own() -> None:
    talk = ConversationDriver(has_player=True)
    talk.hear(TYPED, at_s=1.0)
    talk.hear(*begun(1), delta(1), at_s=1.5)
    talk.hear(played(1, 0), done(1), at_s=1.6)
    assert (delays_of(talk.turns[1]), talk.turns[1].played_at_s) == ([500, 0, 0, None], None)
    talk.hear(TYPED, at_s=2.0)
    talk.hear(*begun(2), delta(2), done(2), at_s=2.25)
    talk.hear(played(1, 100, first_s=1.75), at_s=2.5)
    talk.hear(played(1, 200, first_s=1.75), at_s=3.0)
    talk.hear(played(2, 200, first_s=4.0), at_s=4.25)
    talk.hear(played(2, 100, first_s=9.0), at_s=9.0)
    first, second = talk.turns.assistant
    assert delays_of(first) == [500, 0, 0, 250]
    assert delays_of(second) == [250, 0, 0, 1750]
    assert [turn.played_at_s for turn in talk.turns] == [None, 1.75, None, 4.0]
    assert second.started_s == 2.25
    assert delays_of(talk.turns[0]) == [None] * 4


def test_tools_and_consent_are_no_latency_but_figures_of_their_own() -> None:
    talk = ConversationDriver()
    talk.hear(TYPED, at_s=1.0)
    talk.hear(ResponseCreated("r1"), at_s=1.25)
    talk.hear(ToolApprovalAsked(call_id="c1"), at_s=1.5)
    talk.hear(ToolAnswered(call_id="c1", is_allowed=True), at_s=5.5)
    talk.hear(ToolStarted(call_id="c1"), ToolStarted(call_id="c2"), at_s=5.5)
    talk.hear(ToolFinished(call_id="c2"), at_s=6.0)
    talk.hear(ToolFinished(call_id="c1"), done(1), at_s=7.5)
    talk.hear(*begun(2), at_s=7.75)
    talk.hear(delta(2), at_s=8.0)
    assert delays_of(talk.turns[1]) == [1000, 2000, 4000, None]
    talk.hear(TYPED, at_s=9.0)
    talk.hear(*begun(3), delta(3), at_s=9.5)
    assert delays_of(talk.turns[3]) == [500, 0, 0, None]


def test_tools_between_two_items_of_a_reply_delay_the_second_one() -> None:
    talk = ConversationDriver()
    talk.hear(TYPED, *begun(1), delta(1), at_s=1.0)
    talk.hear(ToolStarted(call_id="c1"), at_s=1.5)
    talk.hear(ToolFinished(call_id="c1"), done(1), at_s=2.0)
    talk.hear(*begun(2), delta(2), at_s=2.5)
    assert [delays_of(turn) for turn in talk.turns.assistant] == [
        [0, 0, 0, None],
        [None, 500, 0, None],
    ]


def test_a_call_that_was_denied_took_time_for_the_consent_only() -> None:
    talk = ConversationDriver()
    talk.hear(TYPED, ToolApprovalAsked(call_id="c1"), at_s=1.0)
    talk.hear(ToolAnswered(call_id="c1", is_allowed=False), at_s=3.0)
    talk.hear(ToolFinished(call_id="c1", is_denied=True), at_s=3.5)
    talk.hear(*begun(1), delta(1), at_s=4.0)
    assert delays_of(talk.turns[1]) == [1000, 0, 2000, None]


def test_latency_of_a_text_reply_ends_at_its_first_delta() -> None:
    talk = ConversationDriver()
    talk.hear(TYPED, at_s=1.0)
    talk.hear(*begun(1), TextDelta(response_id="r1", item_id="a1", delta="x"), at_s=1.5)
    assert latency_of(talk) == pytest.approx(500)


def test_an_unrequested_reply_has_no_latency() -> None:
    talk = ConversationDriver()
    talk.hear(*begun(1), delta(1), done(1), TYPED, IdleTimeoutTriggered(), *begun(2), delta(2))
    assert (latency_of(talk, 1), latency_of(talk, 2)) == (None, None)


def test_a_greeting_that_still_plays_does_not_take_the_latency_of_the_reply() -> None:
    talk = ConversationDriver(has_player=True)
    talk.hear(*begun(1), delta(1), done(1), played(1, 10, first_s=0.1), TYPED, at_s=2.0)
    talk.hear(played(1, 2000, first_s=0.1), *begun(2), delta(2), at_s=2.5)
    talk.hear(played(2, 10, first_s=3.0), at_s=3.1)
    assert (latency_of(talk, 1), latency_of(talk, 2)) == (None, pytest.approx(500))


def test_only_the_first_item_of_a_reply_has_a_latency() -> None:
    talk = ConversationDriver()
    talk.hear(TYPED, at_s=1.0)
    talk.hear(*begun(1), delta(1), done(1), *begun(2), delta(2), at_s=2.0)
    assert (latency_of(talk, 1), latency_of(talk, 2)) == (pytest.approx(1000), None)


# --------------------------------------------------------------------------- many
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


def test_the_audio_of_all_turns_is_written_to_one_file(tmp_path: Path) -> None:
    turns = Turns([turn_of([1, 2]), turn_of(), turn_of([3])])
    x, rate_hz = read_audio(turns.write_wav(tmp_path / "talk.wav"))
    assert (x.tolist(), rate_hz) == ([1, 2, 3], 24_000)
    assert len(read_audio(Turns().write_wav(tmp_path / "none.wav"))[0]) == 0
    assert read_audio(turns[0].write_wav(tmp_path / "one.wav"))[0].tolist() == [1, 2]


def test_a_frame_has_one_row_a_turn() -> None:
    frame = Turns([turn_of([1], role="user", text="Hi"), turn_of([1, 2])]).to_frame()
    assert frame["role"].tolist() == ["user", "assistant"]
    assert frame["text"].tolist() == ["Hi", ""]
    for name in ("latency_ms", "tool_ms", "approval_ms", "queue_ms", "played_at_s"):
        assert frame[name].isna().all()
    assert list(Turns().to_frame().columns) == list(frame.columns)


def test_a_player_plays_the_samples_at_their_own_level_and_rate() -> None:
    audio = turn_of([8192] * 240).play()
    assert type(audio).__name__ == "Audio"
    assert b"\x00\x20" * 100 in audio.data or b"\xff\x1f" * 100 in audio.data


# --------------------------------------------------------------------------- copies
COPIES = pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))],
    ids=["copy", "deepcopy", "pickle"],
)


@COPIES
@pytest.mark.parametrize("is_complete", [False, True])
def test_a_copy_of_a_turn_has_its_fields_and_its_samples_only(
    copied: Callable[[Turn], Turn], is_complete: bool
) -> None:
    tape = AudioBuffer()
    tape.append(np.arange(1_000, dtype=np.int16))
    turn = Turn("user", tape=tape, start=700, text="hi", text_source="typed")
    turn.heard_sample_count, turn.usage = 5, {"tokens": 3}
    if is_complete:
        turn._end(900)
    twin = copied(turn)
    expected = list(range(700, 900 if is_complete else 1_000))
    tape.append(np.zeros(100, np.int16))
    assert twin.pcm.tolist() == expected
    assert twin.heard.tolist() == expected[:5]
    assert not twin.pcm.flags.writeable
    fields = set(Turn.__slots__) - {"_tape", "_start_sample", "_end_sample"}
    assert {name: getattr(twin, name) for name in fields} == {
        name: getattr(turn, name) for name in fields
    }
    assert len(pickle.dumps(turn)) < 4_000
    assert twin != turn


@COPIES
def test_a_copy_of_turns_has_their_samples_only(copied: Callable[[Turns], Turns]) -> None:
    turns = Turns([turn_of([1, 2], "user"), turn_of([3])])
    assert [turn.pcm.tolist() for turn in copied(turns)] == [[1, 2], [3]]
    assert len(pickle.dumps(turns)) < 4_000


@pytest.mark.parametrize(("source", "says"), [("typed", "it was typed"), ("none", "none was")])
def test_a_turn_without_sound_has_no_player_and_says_so(source: Any, says: str) -> None:
    with pytest.raises(AudioFormatError, match=f"no sound: {says}"):
        turn_of([], "user", text="hi", text_source=source).play()


@pytest.mark.parametrize("path", [None, 3, b"talk.wav"])
def test_what_is_no_path_is_refused_before_anything_is_written(path: Any) -> None:
    turn = turn_of([1, 2])
    for write in (turn.write_wav, Turns([turn]).write_wav):
        with pytest.raises(ConfigurationError, match=f"path of a WAV file, not {path!r}"):
            write(path)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("none/a.wav", "there is no folder .*none"),
        (".", "is a folder"),
        ("a\0.wav", "null byte"),
        ("talk.mp3", "Name it 'talk.wav'"),
        ("TALK.FLAC", "Name it 'TALK.wav'"),
        ("a.b.ogg", "Name it 'a.b.wav'"),
    ],
)
def test_a_wav_file_that_cannot_be_written_is_refused_with_its_path(
    tmp_path: Path, path: str, says: str
) -> None:
    turn = turn_of([1, 2])
    for write in (turn.write_wav, Turns([turn]).write_wav):
        with pytest.raises(ConfigurationError, match=says):
            write(tmp_path / path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["talk", "talk.wav", "talk.WAV", "talk.2026", "mp3"])
def test_every_other_name_is_that_of_a_wav_file(tmp_path: Path, name: str) -> None:
    path = turn_of([1, 2]).write_wav(tmp_path / name)
    assert path.read_bytes()[:4] == b"RIFF"
