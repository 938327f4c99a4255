"""A turn grows in place; what was seen of it stays valid and unchanged for ever."""

from __future__ import annotations

import copy
import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from grok_live_widget.audio.buffer import AudioBuffer
from grok_live_widget.conversation import Turns
from grok_live_widget.conversation.turn import Turn, extremes_of
from grok_live_widget.events import (
    CommitAudio,
    IdleTimeoutTriggered,
    Interrupted,
    PushToTalk,
    ResponseCreated,
    ServerVad,
    SessionEnded,
    TextDelta,
    ToolAnswered,
    ToolApprovalAsked,
    ToolFinished,
    ToolStarted,
    TranscriptDelta,
)
from grok_live_widget.exceptions import ConfigurationError
from grok_live_widget.settings import Prices

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
    turn = turn_of([1, 2, 3], "user", start=1)
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
    assert turn.heard.tolist() + turn.unheard.tolist() == [1, 2, 3]
    assert turn_of([1], "user").unheard.shape == (0,)
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


def parts_of(turn: Turn) -> list[float | None]:
    latency = turn.latency
    parts = (latency.decided_ms, latency.first_delta_ms, latency.tool_ms, latency.approval_ms)
    parts += (latency.queue_ms, latency.total_ms)
    return [None if each is None else round(each, 3) for each in parts]


def test_the_parts_of_a_latency_add_up_to_the_whole_delay() -> None:
    talk = ConversationDriver(ServerVad(silence_duration_ms=500), has_player=True)
    talk.speak(1000)
    spoken_s = talk.now_s
    talk.speak(700)
    talk.hear(started(1, 0), stopped(1, 1500), ResponseCreated("r1"), at_s=spoken_s + 0.75)
    talk.hear(ToolStarted(call_id="c1"), at_s=spoken_s + 1)
    talk.hear(ToolFinished(call_id="c1"), *begun(1), at_s=spoken_s + 1.5)
    talk.hear(delta(1), at_s=spoken_s + 2)
    reply = talk.turns[1]
    assert parts_of(reply) == [750, 750, 500, 0, None, None]
    talk.hear(played(1, 10, first_s=spoken_s + 2.25))
    assert parts_of(reply) == [750, 750, 500, 0, 250, 2250]
    assert reply.latency_ms == pytest.approx(750 + 750)
    assert parts_of(talk.turns[0]) == [None] * 6


@pytest.mark.parametrize("cause", [CommitAudio(), TYPED])
def test_nothing_is_decided_after_a_commit_or_a_text(cause: Any) -> None:
    talk = ConversationDriver(PushToTalk())
    talk.speak(200)
    talk.hear(cause, at_s=5.0)
    talk.hear(*begun(1), delta(1), at_s=5.5)
    assert parts_of(talk.turns[-1]) == [None, 500, 0, 0, None, None]


# --------------------------------------------------------------------------- words
def caption(text: str, start_s: float | None = None) -> TranscriptDelta:
    return TranscriptDelta(response_id="r1", item_id="a1", delta=text, start_time_s=start_s)


def words_of(*captions: TranscriptDelta) -> list[tuple[str, float, float]]:
    talk = ConversationDriver()
    talk.hear(*begun(1), delta(1, sample_count=24_000), *captions)
    (turn,) = talk.turns
    return [(word.text, word.start_s, word.end_s) for word in turn.words]


def test_words_end_where_the_next_one_starts_or_the_sound_ends() -> None:
    words = words_of(caption("One", 0.125), caption(" two ", 0.25), caption("three.", 0.5))
    assert words == [("One", 0.125, 0.25), ("two", 0.25, 0.5), ("three.", 0.5, 1.0)]


def test_pieces_of_a_word_are_one_word() -> None:
    words = words_of(caption("Fou", 0.1), caption("rier", 0.2), caption(" ", 0.3), caption("x", 2))
    assert words == [("Fourier", 0.1, 2), ("x", 2, 2)]


def test_without_caption_timing_there_are_no_words() -> None:
    assert words_of(caption("One "), caption("two")) == []
    assert turn_of([1], "user").words == ()


# --------------------------------------------------------------------------- calls of functions
def calls_of(turn: Turn) -> list[tuple[Any, ...]]:
    return [
        (call.name, call.state, call.output, call.started_s, call.duration_s)
        for call in turn.tool_calls
    ]


def test_the_calls_before_a_reply_are_part_of_it() -> None:
    talk = ConversationDriver()
    talk.hear(TYPED, ResponseCreated("r1"), at_s=1.0)
    talk.hear(ToolStarted(call_id="c1", name="plot", arguments='{"n": 1}'), at_s=1.25)
    talk.hear(ToolApprovalAsked(call_id="c2", name="delete"), at_s=1.5)
    talk.hear(ToolAnswered(call_id="c2", is_allowed=False), at_s=2.0)
    talk.hear(ToolFinished(call_id="c2", name="delete", is_denied=True, output="no"), at_s=2.0)
    talk.hear(ToolFinished(call_id="c1", output="[1]", duration_s=1.0), done(1), at_s=2.25)
    assert calls_of(talk.turns[0]) == []
    talk.hear(*begun(2), delta(2), at_s=2.5)
    assert calls_of(talk.turns[1]) == [
        ("plot", "done", "[1]", 1.25, 1.0),
        ("delete", "denied", "no", None, 0.0),
    ]
    assert talk.turns[1].tool_calls[0].arguments == '{"n": 1}'
    talk.hear(TYPED, *begun(3), delta(3), at_s=3.0)
    assert calls_of(talk.turns[3]) == []


def test_a_call_that_ends_during_the_reply_changes_its_turn() -> None:
    talk = ConversationDriver()
    talk.hear(TYPED, ToolStarted(call_id="c1", name="f"), *begun(1), delta(1), at_s=1.0)
    assert calls_of(talk.turns[1]) == [("f", "running", "", 1.0, None)]
    changed = talk.hear(ToolFinished(call_id="c1", name="f", error="E", duration_s=2.0), at_s=3.0)
    assert changed == [talk.turns[1]]
    assert calls_of(talk.turns[1]) == [("f", "failed", "", 1.0, 2.0)]


@pytest.mark.parametrize("then", [[TYPED], [SessionEnded()]])
def test_calls_that_no_reply_follows_are_kept_with_the_turn_before(then: list[Any]) -> None:
    talk = ConversationDriver()
    talk.hear(TYPED, ToolStarted(call_id="c1", name="f"), *then, at_s=1.0)
    assert calls_of(talk.turns[0]) == [("f", "running", "", 1.0, None)]


def test_an_id_that_is_used_again_is_another_call() -> None:
    talk = ConversationDriver()
    for number in (1, 2):
        talk.hear(TYPED, ToolStarted(call_id="c1", name=f"f{number}"))
        talk.hear(ToolFinished(call_id="c1", name=f"f{number}"), *begun(number), delta(number))
    assert [call.name for turn in talk.turns for call in turn.tool_calls] == ["f1", "f2"]
    talk.hear(TYPED, ToolApprovalAsked(call_id="c1", name="f3"), *begun(3), delta(3))
    assert [call.name for call in talk.turns[-1].tool_calls] == ["f3"]


# --------------------------------------------------------------------------- cost
def test_a_turn_that_began_before_it_was_known_costs_nothing_less() -> None:
    talk = ConversationDriver()
    talk.conversation.meter.prices = Prices(per_minute=0.6)
    talk.speak(2000)
    talk.hear(*begun(1), delta(1), at_s=4.0)
    talk.hear(started(1, 500), stopped(1, 1500), SessionEnded(), at_s=6.0)
    costs = [turn.cost_dollars for turn in talk.turns]
    assert min(costs) >= 0
    assert sum(costs) == pytest.approx(0.06)


def test_turns_cost_what_the_whole_talk_costs() -> None:
    talk = ConversationDriver()
    talk.conversation.meter.prices = Prices(per_minute=0.6, per_text=0.25)
    talk.hear(TYPED, at_s=60.0)
    talk.hear(*begun(1), delta(1), done(1), at_s=120.0)
    first, second = talk.turns
    assert first.cost_dollars == pytest.approx(0.6 * 2 + 0.25)
    # Until its end; the minute after it is added when the next turn begins, or the session ends.
    assert second.cost_dollars == pytest.approx(0.0)
    talk.hear(SessionEnded(), at_s=180.0)
    assert second.cost_dollars == pytest.approx(0.6)
    assert talk.conversation.meter.total(180.0).dollars == pytest.approx(0.6 * 3 + 0.25)


def test_a_turn_has_its_cost_as_soon_as_it_is_complete() -> None:
    talk = ConversationDriver()
    talk.conversation.meter.prices = Prices(per_minute=0.6, per_text=0.25)
    talk.hear(TYPED, at_s=0.0)
    talk.hear(*begun(1), delta(1), at_s=60.0)
    question, reply = talk.turns
    assert reply.cost_dollars is None
    talk.hear(done(1), at_s=120.0)
    assert (question.cost_dollars, reply.cost_dollars) == pytest.approx((0.6 + 0.25, 0.6))
    talk.hear(TYPED, at_s=180.0)
    assert reply.cost_dollars == pytest.approx(0.6 * 2)
    assert talk.turns[-1].cost_dollars == pytest.approx(0.25)
    assert sum(turn.cost_dollars for turn in talk.turns) == pytest.approx(0.6 * 3 + 0.25 * 2)


def test_where_prices_are_unknown_so_is_the_cost() -> None:
    talk = ConversationDriver()
    talk.hear(TYPED, *begun(1), delta(1), done(1), SessionEnded(), at_s=60.0)
    assert [turn.cost_dollars for turn in talk.turns] == [None, None]


# --------------------------------------------------------------------------- players
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
    fields = set(Turn.__slots__) - {"_place", "_watchers"}
    assert {name: getattr(twin, name) for name in fields} == {
        name: getattr(turn, name) for name in fields
    }
    assert len(pickle.dumps(turn)) < 4_000
    assert twin != turn


@COPIES
def test_what_waits_for_a_turn_does_not_wait_for_its_copy(copied: Callable[[Turn], Turn]) -> None:
    turn = turn_of([1, 2])
    turn._watchers.append(lambda: None)
    twin = copied(turn)
    assert (twin.pcm.tolist(), twin._watchers) == ([1, 2], [])
    assert len(turn._watchers) == 1


@COPIES
def test_a_copy_of_turns_has_their_samples_only(copied: Callable[[Turns], Turns]) -> None:
    turns = Turns([turn_of([1, 2], "user"), turn_of([3])])
    assert [turn.pcm.tolist() for turn in copied(turns)] == [[1, 2], [3]]
    assert len(pickle.dumps(turns)) < 4_000


@pytest.mark.parametrize(("source", "says"), [("typed", "it was typed"), ("none", "none was")])
def test_the_player_of_a_turn_without_sound_is_a_sentence(source: Any, says: str) -> None:
    shown = turn_of([], "user", text="hi", text_source=source).play()
    assert f"no sound: {says}" in shown._repr_markdown_()


@pytest.mark.parametrize("path", [None, 3, b"talk.wav"])
def test_what_is_no_path_is_refused_before_anything_is_written(path: Any) -> None:
    turn = turn_of([1, 2])
    for write in (turn.write_wav, Turns([turn]).write_wav):
        with pytest.raises(ConfigurationError, match=f"path of a file, not {path!r}"):
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
        ("a.xyz", "a WAV file with the ending '.xyz'. Name it 'a.wav'"),
        ("talk.json", "Name it 'talk.wav'"),
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


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")
def test_a_folder_in_which_no_file_can_be_created_is_named() -> None:
    turns = Turns([turn_of([1, 2])])
    says = re.escape("no file can be created in the folder '/proc'. Choose another folder.")
    for write, name in ((turns[0].write_wav, "x.wav"), (turns.write_transcript, "x.md")):
        with pytest.raises(ConfigurationError, match=f"^{says}$"):
            write(f"/proc/{name}")


@pytest.mark.parametrize(
    "name", ["talk", "talk.wav", "talk.WAV", "a.wave", "talk.2026", "a.b.WAV", "mp3"]
)
def test_every_other_name_is_that_of_a_wav_file(tmp_path: Path, name: str) -> None:
    path = turn_of([1, 2]).write_wav(tmp_path / name)
    assert path.read_bytes()[:4] == b"RIFF"
