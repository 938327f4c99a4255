"""Events become turns: whose, when, what was said, how it sounded, and how long it took."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_live_widget.conversation.conversation import Conversation
from grok_live_widget.events import (
    AppendAudio,
    AudioCommitted,
    AudioDelta,
    Authenticate,
    ClearAudio,
    CommitAudio,
    CreateItem,
    Interrupted,
    Item,
    ItemAdded,
    Noted,
    OutputItemAdded,
    PhaseChanged,
    PlaybackReported,
    PlayerChanged,
    PushToTalk,
    ResponseCreated,
    ResponseDone,
    ServerVad,
    SessionEnded,
    SilenceAnnounced,
    SoundAnnounced,
    SoundEnded,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    TextDone,
    TranscriptDelta,
    TranscriptDone,
    UpdateSession,
    UserTranscriptReplaced,
)
from grok_live_widget.exceptions import AudioDropped
from grok_live_widget.protocol.dialects import LIVE, REALTIME, Dialect

from ..support.conversation_driver import (
    CHUNK_MS,
    OPENED,
    ConversationDriver,
    played,
    span_ms,
    started,
    stopped,
)
from ..support.events import TYPED, begun, delta, done
from ..support.examples import examples


# --------------------------------------------------------------------------- the user's sound
def test_with_server_vad_a_turn_is_exactly_from_start_to_stop() -> None:
    talk = ConversationDriver()
    talk.speak(1000)
    (turn,) = talk.hear(started(1, 227))
    assert (turn.role, turn.is_complete, turn.item_id) == ("user", False, "u1")
    assert span_ms(turn) == (227, 1000), "it grows from where it began"
    talk.speak(500)
    assert span_ms(turn) == (227, 1500)
    talk.hear(stopped(1, 1432))
    assert span_ms(turn) == (227, 1432)
    talk.speak(300)
    assert (span_ms(turn), turn.is_complete, turn.is_approximate) == ((227, 1432), True, False)
    assert turn.started_s == pytest.approx(0.3)


def test_a_repeated_start_changes_nothing_and_after_the_stop_reopens_the_turn() -> None:
    talk = ConversationDriver()
    talk.speak(500)
    talk.hear(started(1, 100), started(1, 300), stopped(1, 400))
    assert span_ms(talk.turns[0]) == (100, 400)
    talk.hear(started(1, 450))
    assert not talk.turns[0].is_complete
    talk.speak(500)
    talk.hear(stopped(1, 900))
    assert len(talk.turns) == 1
    assert span_ms(talk.turns[0]) == (100, 900)


def test_another_start_ends_the_turn_that_was_not_stopped() -> None:
    talk = ConversationDriver()
    talk.speak(300)
    talk.hear(started(1, 0), started(2, 200))
    assert [turn.is_complete for turn in talk.turns] == [True, False]


@pytest.mark.parametrize(
    ("start_ms", "stop_ms", "count"),
    [(-50, 100, 2400), (100, 9_999, 4800), (9_999, 9_999, 0), (200, 100, 0), (100, None, 4800),
     (10**30, -(10**30), 0)],
)  # fmt: skip
def test_borders_outside_the_audio_are_moved_to_its_ends(
    start_ms: int, stop_ms: int | None, count: int
) -> None:
    talk = ConversationDriver()
    talk.speak(300)
    talk.hear(SessionEnded(), OPENED)
    talk.speak(300)
    talk.hear(started(1, start_ms), stopped(1, stop_ms))
    (turn,) = talk.turns
    assert len(turn.pcm) == count
    assert not count or span_ms(turn)[0] >= 300, "nothing of the session before"


def test_a_start_without_a_position_is_approximate() -> None:
    talk = ConversationDriver()
    talk.speak(300)
    talk.hear(started(1, None))
    talk.speak(200)
    assert (span_ms(talk.turns[0]), talk.turns[0].is_approximate) == ((300, 500), True)
    assert ConversationDriver().hear(started(1, 0, is_approximate=True))[0].is_approximate


def test_push_to_talk_turns_are_exactly_the_samples_since_the_last_commit() -> None:
    talk = ConversationDriver(PushToTalk())
    for number, length_ms in enumerate((300, 500, 100), 1):
        talk.now_s += 10
        pressed_s = talk.now_s + CHUNK_MS / 1000
        talk.speak(length_ms)
        turn = talk.turns[-1]
        assert not turn.is_complete
        talk.hear(CommitAudio(), AudioCommitted(item_id=f"u{number}"))
        assert (turn.is_complete, turn.item_id, turn.is_approximate) == (True, f"u{number}", False)
        assert turn.started_s == pytest.approx(pressed_s)
    assert [span_ms(turn) for turn in talk.turns] == [(0, 300), (300, 800), (800, 900)]


def test_a_commit_without_audio_makes_no_turn_and_takes_no_id() -> None:
    talk = ConversationDriver(PushToTalk())
    talk.hear(CommitAudio())
    talk.speak(100)
    talk.hear(CommitAudio(), AudioCommitted(item_id="u1"))
    assert [turn.item_id for turn in talk.turns] == ["u1"]


def test_a_commit_during_speech_takes_no_later_id() -> None:
    talk = ConversationDriver()
    talk.speak(300)
    talk.hear(started(1, 100), CommitAudio(), AudioCommitted(item_id="u1"))
    assert span_ms(talk.turns[0]) == (100, 300)
    talk.speak(200)
    talk.hear(CommitAudio(), AudioCommitted(item_id="u2"))
    assert [turn.item_id for turn in talk.turns] == ["u1", "u2"]


def test_cleared_audio_is_not_part_of_the_next_turn() -> None:
    talk = ConversationDriver(PushToTalk())
    talk.speak(300)
    talk.hear(ClearAudio())
    talk.speak(200)
    talk.hear(CommitAudio())
    assert [span_ms(turn) for turn in talk.turns] == [(0, 300), (300, 500)]
    assert all(turn.is_complete for turn in talk.turns)


# --------------------------------------------------------------------------- announced sound
def test_an_announced_clip_begins_with_its_first_sample_and_is_matched_to_the_next_speech() -> None:
    talk = ConversationDriver()
    talk.speak(300)
    talk.now_s = 50.0
    (turn,) = talk.hear(SoundAnnounced(turn_id="mine"))
    talk.speak(1000, in_no_time=True)
    talk.hear(started(1, 500), stopped(1, 1200))
    assert [each.turn_id for each in talk.turns] == ["mine"]
    assert (span_ms(turn), turn.item_id, turn.started_s) == ((300, 1200), "u1", 50.0)


def test_an_announced_clip_without_speech_ends_where_it_was_sent() -> None:
    talk = ConversationDriver()
    talk.hear(SoundAnnounced(turn_id="mine"))
    talk.speak(200)
    talk.hear(SoundEnded(turn_id="another"))
    talk.hear(SoundEnded(turn_id="mine"))
    talk.speak(200)
    assert [(span_ms(turn), turn.is_complete) for turn in talk.turns] == [((0, 200), True)]


def test_a_clip_announced_during_push_to_talk_ends_the_spoken_turn() -> None:
    talk = ConversationDriver(PushToTalk())
    talk.speak(200)
    talk.hear(SoundAnnounced(turn_id="mine"))
    talk.speak(300)
    talk.hear(CommitAudio(), AudioCommitted(item_id="u1"))
    talk.speak(100)
    assert [span_ms(turn) for turn in talk.turns] == [(0, 200), (200, 500), (500, 600)]
    assert [turn.is_complete for turn in talk.turns] == [True, True, False]
    assert talk.turns[1].item_id == "u1"


# --------------------------------------------------------------------------- announced silence
def test_a_turn_ends_before_the_silence_that_was_sent_to_find_its_end() -> None:
    talk = ConversationDriver()
    talk.speak(500)
    talk.hear(started(1, 100), SilenceAnnounced(sample_count=24 * 800))
    talk.speak(300)
    (turn,) = talk.turns
    assert (span_ms(turn), turn.is_complete) == ((100, 500), False)
    talk.speak(500)
    talk.hear(stopped(1, 1000))
    assert (span_ms(turn), turn.is_complete) == ((100, 500), True)


def test_a_turn_begins_after_the_silence_in_which_its_padding_begins() -> None:
    talk = ConversationDriver()
    talk.speak(500)
    talk.hear(SilenceAnnounced(sample_count=24 * 800))
    talk.speak(1500)
    talk.hear(started(1, 1200), stopped(1, 1900))
    assert [span_ms(turn) for turn in talk.turns] == [(1300, 1900)]


def test_speech_that_goes_on_after_announced_silence_contains_it() -> None:
    talk = ConversationDriver()
    talk.speak(500)
    talk.hear(started(1, 100), SilenceAnnounced(sample_count=24 * 200))
    talk.speak(600)
    talk.hear(stopped(1, 1000))
    assert [span_ms(turn) for turn in talk.turns] == [(100, 1000)]


def test_a_clip_without_speech_and_a_session_that_ends_leave_announced_silence_out() -> None:
    talk = ConversationDriver()
    talk.hear(SoundAnnounced(turn_id="mine"))
    talk.speak(200)
    talk.hear(SilenceAnnounced(sample_count=24 * 1000))
    talk.speak(1000)
    talk.hear(SoundEnded(turn_id="mine"))
    talk.speak(400)
    talk.hear(started(1, 1300), SilenceAnnounced(sample_count=24 * 1000))
    talk.speak(1000)
    talk.hear(SessionEnded(close_code=1000, reason=""))
    assert [span_ms(turn) for turn in talk.turns] == [(0, 200), (1300, 1600)]


def test_speech_before_an_announced_clip_is_a_turn_of_its_own() -> None:
    talk = ConversationDriver()
    talk.speak(500)
    talk.hear(SilenceAnnounced(sample_count=24 * 800))
    talk.speak(800)
    talk.hear(SoundAnnounced(turn_id="mine"), started(1, 100), stopped(1, 1000))
    talk.speak(1000)
    talk.hear(started(2, 1000), stopped(2, 2200))
    assert [span_ms(turn) for turn in talk.turns] == [(1300, 2200), (100, 500)]
    assert talk.turns[0].turn_id == "mine"


def test_a_press_of_less_than_100_ms_that_is_cleared_was_no_turn() -> None:
    talk = ConversationDriver(PushToTalk())
    talk.hear(AppendAudio(b"\1\0" * 2399))
    assert len(talk.turns) == 0
    talk.hear(ClearAudio())
    talk.speak(100)
    assert [len(turn.pcm) for turn in talk.turns] == [2400]


# --------------------------------------------------------------------------- text
def test_a_transcript_replaces_the_previous_one_even_after_the_turn() -> None:
    talk = ConversationDriver()
    talk.speak(500)
    talk.hear(started(1, 0), stopped(1, 300), *begun(1), delta(1))
    for text, is_final in (("Hello?", False), ("Hello, my", False), ("Hello, Ada.", True)):
        (turn,) = talk.hear(
            UserTranscriptReplaced(item_id="u1", transcript=text, is_final=is_final)
        )
        assert (turn.text, turn.text_source) == (text, "transcript")
    assert [each.role for each in talk.turns] == ["user", "assistant"]
    assert talk.hear(UserTranscriptReplaced(item_id="a1", transcript="no")) == []
    assert talk.hear(UserTranscriptReplaced(item_id="unknown", transcript="no")) == []


@pytest.mark.parametrize(
    ("piece", "whole"), [(TranscriptDelta, TranscriptDone), (TextDelta, TextDone)]
)
def test_the_text_of_a_reply_is_appended_and_finally_replaced(piece: Any, whole: Any) -> None:
    talk, names = ConversationDriver(), {"response_id": "r1", "item_id": "a1"}
    talk.hear(*begun(1), piece(**names, delta="Good "), piece(**names, delta="day"))
    (turn,) = talk.turns
    assert (turn.text, turn.text_source) == ("Good day", "transcript")
    name = "transcript" if whole is TranscriptDone else "text"
    talk.hear(whole(**names, **{name: ""}))
    assert turn.text == "Good day", "an empty whole says nothing"
    talk.hear(whole(**names, **{name: "Good day."}))
    assert turn.text == "Good day."


def test_a_typed_turn_is_complete_silent_and_gets_its_id() -> None:
    talk = ConversationDriver()
    (turn,) = talk.hear(TYPED)
    assert (turn.role, turn.text, turn.text_source) == ("user", "Hi", "typed")
    assert (turn.is_complete, turn.pcm.shape, turn.latency_ms) == (True, (0,), None)
    added = Item(role="user", item_id="u1", part="input_text", text="Hi")
    talk.hear(TYPED, ItemAdded(added))
    assert [each.item_id for each in talk.turns] == ["u1", ""]


@pytest.mark.parametrize(
    "item",
    [Item(role="system", part="input_text", text="x"), Item(kind="function_call_output"),
     Item(role="assistant", part="output_text", text="history")],
)  # fmt: skip
def test_items_that_are_not_spoken_make_no_turn(item: Item) -> None:
    talk = ConversationDriver()
    talk.hear(CreateItem(item), ItemAdded(item))
    talk.hear(*begun(1), done(1), ItemAdded(Item(role="assistant", item_id="old", part="text")))
    talk.hear(OutputItemAdded("r1", Item(kind="function_call", item_id="f1")))
    assert [turn.item_id for turn in talk.turns] == ["a1"]


# --------------------------------------------------------------------------- the reply
@pytest.mark.parametrize("is_replayed", [True, False])
def test_created_assistant_items_make_no_turn_even_during_a_reply(is_replayed: bool) -> None:
    talk = ConversationDriver()
    ours = Item(role="assistant", part="output_text", text="Before.", is_replayed=is_replayed)
    talk.hear(*begun(1), delta(1), CreateItem(ours))
    put = Item(role="assistant", item_id="i9", part="output_text", text="Before.")
    talk.hear(ItemAdded(put))
    assert [turn.item_id for turn in talk.turns] == ["a1"]
    talk.hear(done(1), ItemAdded(put), *begun(2))
    assert [turn.item_id for turn in talk.turns] == ["a1", "a2"]


def test_a_reply_begins_with_its_first_event_keeps_its_identity_and_ends() -> None:
    talk = ConversationDriver()
    talk.hear(*begun(1))
    (turn,) = talk.turns
    views = [turn.pcm]
    for _ in range(200):
        (changed,) = talk.hear(delta(1))
        assert changed is turn
        views.append(turn.pcm)
    assert [len(view) for view in views] == [2400 * n for n in range(201)]
    assert all((view == 1).all() for view in views)
    talk.hear(done(1))
    assert (turn.is_complete, turn.was_interrupted) == (True, False)
    assert talk.conversation.reply("r1") is turn
    assert talk.conversation.reply("r2") is None


def test_half_samples_are_counted() -> None:
    talk = ConversationDriver()
    talk.hear(*begun(1), AudioDelta(response_id="r1", item_id="a1", pcm=b"", odd_byte_count=1))
    assert talk.conversation.odd_byte_count == 1


@pytest.mark.parametrize("dialect", [LIVE, REALTIME])
def test_undecodable_audio_deltas_are_counted(dialect: Dialect) -> None:
    talk = ConversationDriver()
    talk.hear(*begun(1))
    for name in dialect.audio_delta_types:
        for frame in (b'{"type": "%s", "delta": "%%"}', b'{"type": "%s"}', b'{"type": "a %s"}'):
            talk.hear(dialect.decode_server(frame % name.encode()))
    assert talk.conversation.unread_piece_count == 2 * len(dialect.audio_delta_types)


def test_a_reply_that_goes_on_reopens_its_turn() -> None:
    talk = ConversationDriver()
    talk.hear(*begun(1), delta(1), done(1))
    (turn,) = talk.hear(ResponseCreated("r1"))
    assert not turn.is_complete
    talk.hear(delta(1), done(1))
    assert (len(talk.turns), len(turn.pcm), turn.is_complete) == (1, 4800, True)


def test_audio_of_items_without_an_id_stays_with_its_reply() -> None:
    talk = ConversationDriver()
    for number, name in enumerate(("r1", "r2"), 1):
        talk.hear(
            ResponseCreated(name),
            OutputItemAdded(name, Item(role="assistant")),
            AudioDelta(response_id=name, pcm=bytes([number, 0])),
            AudioDelta(response_id=name, pcm=bytes([number, 0])),
            ResponseDone(response_id=name),
        )
    assert [turn.pcm.tolist() for turn in talk.turns] == [[1, 1], [2, 2]]


def test_an_abandoned_reply_ends_when_the_next_begins() -> None:
    talk = ConversationDriver()
    talk.hear(TYPED, *begun(1), at_s=1.0)
    talk.hear(*begun(2), delta(2), at_s=3.0)
    assert [turn.is_complete for turn in talk.turns[1:]] == [True, False]
    assert talk.turns[2].latency_ms == pytest.approx(2000), "the first had said nothing"


def test_a_delta_with_the_id_of_a_users_turn_is_not_added_to_the_users_audio() -> None:
    talk = ConversationDriver()
    talk.speak(100)
    talk.hear(started(1, 0), AudioDelta(response_id="r1", item_id="u1", pcm=b"\1\0" * 9))
    assert [(turn.role, len(turn.pcm)) for turn in talk.turns] == [("user", 2400), ("assistant", 9)]
    assert len(talk.conversation.user_tape) == 2400


# --------------------------------------------------------------------------- sessions
def test_the_end_of_a_session_completes_all_turns() -> None:
    talk = ConversationDriver()
    talk.hear(TYPED, *begun(1), delta(1))
    talk.speak(200)
    talk.hear(started(1, 50), SessionEnded(close_code=1006))
    typed, reply, spoken = talk.turns
    assert all(turn.is_complete for turn in talk.turns)
    assert (len(typed.pcm), len(reply.pcm), span_ms(spoken)) == (0, 2400, (50, 200))
    assert talk.conversation.reply("r1") is reply


def test_a_new_session_has_its_own_positions_and_ids_in_the_same_turns() -> None:
    talk = ConversationDriver(has_player=True)
    talk.speak(400)
    talk.hear(started(1, 0), stopped(1, 100), *begun(1), delta(1), SessionEnded())
    talk.hear(played(1, 240))
    assert talk.turns[1].heard_sample_count == 240, "it may sound on"
    # The very same names, from a server that counts from one.
    talk.hear(OPENED)
    talk.speak(300)
    talk.hear(started(1, 100), stopped(1, 200), *begun(1), delta(1, 7), done(1))
    assert [len(turn.pcm) for turn in talk.turns] == [2400, 2400, 2400, 7]
    assert span_ms(talk.turns[2]) == (500, 600)
    assert talk.conversation.reply("r1") is talk.turns[3]


# --------------------------------------------------------------------------- whatever comes
IDS = st.sampled_from(["", "u1", "a1", "r1", "a2"])
MS = st.none() | st.integers(-50, 500)
EVENTS = st.one_of(
    st.builds(SpeechStarted, item_id=IDS, audio_start_ms=MS),
    st.builds(SpeechStopped, item_id=IDS, audio_end_ms=MS),
    st.builds(AudioDelta, response_id=IDS, item_id=IDS, pcm=st.just(b"\1\0" * 5)),
    st.builds(ResponseDone, response_id=IDS, status=st.sampled_from(["completed", "cancelled"])),
    st.builds(ResponseCreated, IDS),
    st.builds(AudioCommitted, item_id=IDS),
    st.builds(Interrupted, response_id=IDS, item_id=IDS),
    st.builds(PlaybackReported, item_id=IDS, sample_count=st.integers(-5, 50)),
    st.builds(TranscriptDelta, response_id=IDS, item_id=IDS, delta=st.just("x")),
    st.builds(UserTranscriptReplaced, item_id=IDS, transcript=st.just("x")),
    st.sampled_from([CommitAudio(), ClearAudio(), TYPED, SessionEnded(), OPENED,
                     SoundAnnounced(turn_id="t"), AppendAudio(b"\2\0" * 480)]),
)  # fmt: skip


@given(st.lists(EVENTS, max_size=30), st.sampled_from([ServerVad(), PushToTalk()]))
@examples(250)
def test_no_order_of_events_raises_mixes_voices_or_changes_views(
    events: list[Any], detection: Any
) -> None:
    talk, seen = ConversationDriver(detection), []
    for at_s, event in enumerate(events):
        for turn in talk.hear(event, at_s=float(at_s)):
            seen.append((turn, turn.pcm, turn.pcm.copy()))
            assert turn in talk.turns
    talk.hear(SessionEnded())
    assert len({id(turn) for turn in talk.turns}) == len(talk.turns)
    for turn in talk.turns:
        assert turn.is_complete
        assert set(turn.pcm.tolist()) <= {2 if turn.role == "user" else 1}
        assert turn.latency_ms is None or turn.latency_ms >= 0
        assert 0 <= (turn.heard_sample_count or 0) <= len(turn.pcm)
    assert all(np.array_equal(view, copy) for _, view, copy in seen)


# --------------------------------------------------------------------------- to be folded again
def test_whether_replies_are_played_is_an_event() -> None:
    talk = ConversationDriver()
    talk.hear(PlayerChanged(True))
    assert talk.conversation.has_player
    talk.hear(PlayerChanged(False))
    assert not talk.conversation.has_player


def test_seconds_count_from_the_first_recorded_event() -> None:
    conversation = Conversation()
    for at_s, event in [
        (1.0, PhaseChanged("opening")),
        (2.0, Authenticate("key")),
        (2.5, Noted("Trying the other dialect.")),
        (3.0, UpdateSession()),
        (4.0000004, CreateItem(Item(role="user", part="input_text", text="Hello."))),
    ]:
        conversation.apply(event, at_s)
    assert conversation.turns[0].started_s == 1.0


# --------------------------------------------------------------------------- the end of a session
def test_a_reply_whose_end_was_not_received_is_interrupted_by_the_end_of_the_session() -> None:
    driver = ConversationDriver()
    driver.hear(*begun(1), delta(1), done(1), *begun(2), delta(2), SessionEnded(close_code=1006))
    assert [turn.was_interrupted for turn in driver.turns] == [False, True]
    assert all(turn.is_complete for turn in driver.turns)


def test_a_reply_is_heard_to_its_end_after_several_connections_have_failed() -> None:
    driver = ConversationDriver(has_player=True)
    driver.hear(*begun(1), delta(1), done(1), *[SessionEnded(close_code=1006)] * 3)
    driver.hear(played(1, 1200))
    assert driver.turns[0].heard_sample_count == 1200
    driver.hear(Interrupted(response_id="r1", item_id="a1"))
    assert driver.turns[0].was_interrupted


def test_the_replies_that_are_unheard_are_those_given_to_a_player_and_not_heard_since() -> None:
    driver = ConversationDriver()
    driver.hear(*begun(1), delta(1), done(1), PlayerChanged(True))
    for number in (2, 3, 4):
        driver.hear(*begun(number), delta(number), done(number))
    _, second, third, fourth = driver.turns
    unheard = driver.conversation
    assert unheard.unheard == [second, third, fourth]
    driver.hear(played(2, 1200))
    assert unheard.unheard == [second, third, fourth]
    driver.hear(played(3, 1200))
    assert unheard.unheard == [third, fourth], "replies sound in order"
    driver.hear(played(3, 2400))
    assert unheard.unheard == [fourth]
    driver.hear(Interrupted(response_id="r4", item_id="a4"))
    assert unheard.unheard == []
    driver.hear(played(1, 0))
    assert unheard.unheard == [driver.turns[0]], "it is to be played now"


# --------------------------------------------------------------------------- the tapes
def sound_of(number: int, first: int, count: int) -> AudioDelta:
    pcm = np.arange(first, first + count, dtype=np.int16).tobytes()
    return AudioDelta(response_id=f"r{number}", item_id=f"a{number}", pcm=pcm)


def test_the_sound_of_all_replies_is_one_tape_in_the_order_received() -> None:
    talk = ConversationDriver()
    talk.hear(*begun(1), sound_of(1, 0, 10), *begun(2), sound_of(2, 10, 10), sound_of(2, 20, 5))
    first, second = talk.turns
    held = first.pcm
    # A late delta of an earlier reply.
    talk.hear(sound_of(1, 100, 3), sound_of(2, 25, 2), sound_of(1, 103, 2))
    tape = talk.conversation.assistant_tape
    expected = [*range(25), *range(100, 103), 25, 26, 103, 104]
    assert tape.view().tolist() == expected
    assert first.pcm.tolist() == [*range(10), *range(100, 105)]
    assert second.pcm.tolist() == list(range(10, 27))
    assert held.tolist() == list(range(10))
    assert [turn.sample_count for turn in talk.turns] == [15, 17]


def test_a_reply_is_a_view_of_the_tape() -> None:
    talk = ConversationDriver()
    talk.hear(*begun(1), sound_of(1, 0, 10), done(1), *begun(2), sound_of(2, 10, 10))
    assert all(
        np.shares_memory(talk.conversation.assistant_tape.view(), turn.pcm) for turn in talk.turns
    )


def test_audio_beyond_the_limit_is_dropped_but_not_what_is_still_to_be_heard() -> None:
    talk = ConversationDriver(has_player=True)
    talk.speak(10_000)
    for number in (1, 2, 3):
        talk.hear(*begun(number), sound_of(number, 0, 24_000), done(number))
    talk.hear(played(1, 24_000))
    assert talk.conversation.limit_audio(10) == 0
    dropped_s = talk.conversation.limit_audio(1)
    user, replies = talk.conversation.user_tape, talk.conversation.assistant_tape
    assert user.dropped_count == pytest.approx(9 * 24_000, abs=256)
    assert replies.dropped_count == pytest.approx(24_000, abs=256)
    dropped_count = user.dropped_count + replies.dropped_count
    assert dropped_s == pytest.approx(dropped_count / 24_000)
    with pytest.raises(AudioDropped):
        _ = talk.turns[0].pcm
    assert talk.turns[0].duration_s == 1
    assert [len(turn.pcm) for turn in talk.turns[1:]] == [24_000, 24_000]
    assert talk.conversation.limit_audio(1) == 0
    written = pickle.dumps(talk.turns[0])
    assert len(written) < 4_000
    twin = pickle.loads(written)
    assert twin.duration_s == 1
    with pytest.raises(AudioDropped):
        _ = twin.pcm


def test_a_late_delta_of_a_reply_that_was_dropped_is_kept() -> None:
    talk = ConversationDriver()
    for number in (1, 2, 3):
        talk.hear(*begun(number), sound_of(number, 0, 24_000), done(number))
    talk.conversation.limit_audio(1)
    talk.hear(sound_of(1, 7, 100))
    first = talk.turns[0]
    assert first.sample_count == 24_100
    with pytest.raises(AudioDropped):
        _ = first.pcm
    assert talk.conversation.assistant_tape.view(72_000).tolist() == list(range(7, 107))


# --------------------------------------------------------------------------- odd servers
def test_an_item_that_comes_after_its_response_is_complete_with_the_next_one() -> None:
    talk = ConversationDriver()
    talk.hear(*begun(1), delta(1), done(1), *begun(2), delta(2))
    late = Item(role="assistant", item_id="a3")
    talk.hear(OutputItemAdded("r1", late), done(2))
    assert [turn.is_complete for turn in talk.turns] == [True, True, True]


def test_a_server_without_ids_ends_the_users_turn() -> None:
    talk = ConversationDriver()
    talk.speak(1000)
    talk.hear(SpeechStarted(item_id="", audio_start_ms=0))
    talk.hear(AudioDelta(response_id="r", item_id="", pcm=b"\1\0" * 10))
    talk.hear(SpeechStopped(item_id="", audio_end_ms=900))
    user, reply = talk.turns
    assert (user.role, user.is_complete, user.duration_s) == ("user", True, 0.9)
    assert len(reply.pcm) == 10
