"""What comes without a name is given one, and what does not tell its end is given an end."""

from __future__ import annotations

from typing import Any

import pytest

from grok_live_widget.events import (
    AppendAudio,
    AudioCommitted,
    AudioDelta,
    CommitAudio,
    CreateResponse,
    Interrupted,
    PushToTalk,
    ResponseCreated,
    ResponseDone,
    ServerVad,
    SpeechStarted,
    SpeechStopped,
    TranscriptDelta,
)
from grok_live_widget.protocol.connection import ResponseState
from grok_live_widget.protocol.dialects import LIVE
from grok_live_widget.protocol.synthetic_ids import SyntheticIds

from ..support.events import TYPED
from ..support.protocol_driver import PIECE, hear, opened, said, told, types
from ..support.sound import ONE_SECOND

WORDS = TranscriptDelta(delta="Hi")


@pytest.fixture
def ids() -> SyntheticIds:
    return SyntheticIds(0.8, "s_")


def piece(reply: int) -> AudioDelta:
    return AudioDelta(response_id=f"s_reply_{reply}", item_id=f"s_reply_{reply}", pcm=b"\1\0")


def done(reply: int, status: str = "completed") -> ResponseDone:
    return ResponseDone(response_id=f"s_reply_{reply}", status=status)


def begun(reply: int) -> ResponseCreated:
    return ResponseCreated(f"s_reply_{reply}")


def test_the_first_delta_begins_a_reply_and_the_next_continues_it(ids: SyntheticIds) -> None:
    assert ids.identify_delta(PIECE, 0.0) == [begun(1), piece(1)]
    assert ids.identify_delta(PIECE, 0.1) == [piece(1)]
    (words,) = ids.identify_delta(WORDS, 0.2)
    assert words == TranscriptDelta(response_id="s_reply_1", item_id="s_reply_1", delta="Hi")


def test_a_reply_ends_when_it_has_been_quiet_for_a_while(ids: SyntheticIds) -> None:
    assert ids.quiet_at_s is None
    assert not ids.is_quiet(1e9)
    ids.identify_delta(PIECE, 1.0)
    ids.identify_delta(WORDS, 1.5)
    assert ids.quiet_at_s == pytest.approx(2.3)
    assert not ids.is_quiet(2.29)
    assert ids.is_quiet(2.31)
    assert ids.end() == "s_reply_1"
    assert ids.quiet_at_s is None


def test_a_later_delta_reopens_the_same_reply(ids: SyntheticIds) -> None:
    ids.identify_delta(PIECE, 0.0)
    ids.end()
    assert ids.identify_delta(PIECE, 60.0) == [begun(1), piece(1)]


def test_a_delta_after_a_request_belongs_to_a_new_reply_and_ends_the_old(
    ids: SyntheticIds,
) -> None:
    ids.identify_delta(PIECE, 0.0)
    ids.expect_new_reply()
    assert ids.identify_delta(PIECE, 0.1) == [done(1), begun(2), piece(2)]
    assert ids.identify_delta(PIECE, 0.2) == [piece(2)]


def test_speech_ends_the_reply_and_late_deltas_still_belong_to_it(ids: SyntheticIds) -> None:
    ids.identify_delta(PIECE, 0.0)
    started, ended = ids.identify_speech_start(SpeechStarted(), 120)
    assert started == SpeechStarted(item_id="s_user_1", audio_start_ms=120, is_approximate=True)
    assert ended == done(1, "cancelled")
    assert ids.identify_delta(PIECE, 0.1) == [begun(1), piece(1)]
    ids.identify_speech_stop(SpeechStopped(), 900)
    assert ids.identify_delta(PIECE, 0.2) == [done(1), begun(2), piece(2)]


def test_a_repeated_start_is_the_same_turn(ids: SyntheticIds) -> None:
    first, again = (ids.identify_speech_start(SpeechStarted(), at)[0] for at in (0, 40))
    assert first.item_id == again.item_id == "s_user_1"  # type: ignore[union-attr]
    stopped = ids.identify_speech_stop(SpeechStopped(), 500)
    assert stopped == SpeechStopped(item_id="s_user_1", audio_end_ms=500)
    (third,) = ids.identify_speech_start(SpeechStarted(), 600)
    assert third.item_id == "s_user_2"  # type: ignore[union-attr]


def test_after_a_commit_during_speech_the_next_speech_is_another_turn(
    ids: SyntheticIds,
) -> None:
    ids.identify_speech_start(SpeechStarted(), 0)
    assert ids.id_of_commit() == "s_user_2"
    (started,) = ids.identify_speech_start(SpeechStarted(), 0)
    assert started.item_id == "s_user_3"  # type: ignore[union-attr]


def test_values_that_a_server_sends_are_kept(ids: SyntheticIds) -> None:
    (started,) = ids.identify_speech_start(SpeechStarted(item_id="u", audio_start_ms=7), 99)
    assert started == SpeechStarted(item_id="u", audio_start_ms=7)
    stopped = ids.identify_speech_stop(SpeechStopped(item_id="u", audio_end_ms=8), 99)
    assert stopped == SpeechStopped(item_id="u", audio_end_ms=8)


# --------------------------------------------------------------------------- the seed's dialect
def test_live_ends_a_reply_when_speech_starts_and_cancels_nothing() -> None:
    protocol = hear(opened(LIVE, session_name="s_"), PIECE, SpeechStarted())
    events = told(protocol, (ResponseCreated, Interrupted, ResponseDone))
    assert [type(event) for event in events] == [ResponseCreated, Interrupted, ResponseDone]
    assert events[-1].status == "cancelled"  # type: ignore[union-attr]
    assert said(protocol) == []
    assert protocol.response_state is ResponseState.IDLE


def test_live_ends_a_quiet_reply_and_reopens_it() -> None:
    protocol = hear(opened(LIVE, reply_quiet_s=0.8), PIECE, at_s=10.0)
    assert protocol.next_tick_s() == pytest.approx(10.8)
    protocol.tick(10.7)
    assert protocol.response_state is ResponseState.RUNNING
    protocol.tick(10.8)
    assert (protocol.response_state, protocol.next_tick_s()) == (ResponseState.IDLE, None)
    (name,) = {event.response_id for event in told(protocol, ResponseDone)}  # type: ignore[union-attr]
    hear(protocol, PIECE, at_s=20.0)
    assert told(protocol)[:2] == [
        ResponseCreated(name), AudioDelta(response_id=name, item_id=name, pcm=b"\1\0")
    ]  # fmt: skip
    protocol.send(AppendAudio(ONE_SECOND.tobytes()))
    protocol.send(CommitAudio())
    hear(protocol, PIECE, at_s=20.1)
    assert [event.response_id != name for event in told(protocol, ResponseCreated)] == [True]


def test_live_requests_wait_for_the_reply_to_go_quiet() -> None:
    protocol = hear(opened(LIVE), PIECE)
    protocol.send_when_idle(TYPED, CreateResponse())
    assert said(protocol) == []
    protocol.tick(1.0)
    assert types(protocol) == ["conversation.item.create", "response.create"]


def test_live_interrupts_without_a_message_and_keeps_the_rest_silent() -> None:
    protocol = hear(opened(LIVE, has_player=True), PIECE)
    protocol.interrupt()
    hear(protocol, PIECE)
    protocol.tick(1.0)
    hear(protocol, PIECE, SpeechStarted(), at_s=2.0)
    assert len(told(protocol, Interrupted)) == 1
    assert said(protocol) == []


@pytest.mark.parametrize("detection", [ServerVad(), PushToTalk()])
def test_live_sends_only_the_commit_and_makes_the_id_of_the_turn(detection: Any) -> None:
    protocol = opened(LIVE, turn_detection=detection)
    protocol.send(AppendAudio(bytes(4800)))
    protocol.send(CommitAudio())
    assert types(protocol) == ["input_audio_buffer.append", "input_audio_buffer.commit"]
    assert [bool(event.item_id) for event in told(protocol, AudioCommitted)] == [True]  # type: ignore[union-attr]


def test_live_estimates_the_borders_of_speech_from_the_audio_sent() -> None:
    protocol = opened(LIVE, turn_detection=ServerVad(prefix_padding_ms=300))
    protocol.send(AppendAudio(ONE_SECOND.tobytes()))
    hear(protocol, SpeechStarted())
    protocol.send(AppendAudio(ONE_SECOND.tobytes()))
    hear(protocol, SpeechStopped())
    start, stop = told(protocol, (SpeechStarted, SpeechStopped))
    assert (start.audio_start_ms, start.is_approximate) == (700, True)  # type: ignore[union-attr]
    assert (stop.audio_end_ms, stop.item_id) == (2000, start.item_id)  # type: ignore[union-attr]
    assert protocol.sent_sample_count == 48_000
    early = hear(opened(LIVE, turn_detection=ServerVad()), SpeechStarted())
    assert [event.audio_start_ms for event in told(early, SpeechStarted)] == [0]  # type: ignore[union-attr]


def test_live_ids_are_unique_within_and_between_sessions() -> None:
    names: list[str] = []
    for session in ("one_", "two_"):
        protocol = opened(LIVE, session_name=session)
        for _ in range(3):
            hear(protocol, SpeechStarted(), SpeechStopped(), PIECE)
            protocol.send(AppendAudio(ONE_SECOND.tobytes()))
            protocol.send(CommitAudio())
            hear(protocol, PIECE)
        kinds = (SpeechStarted, AudioCommitted, ResponseCreated)
        events = told(protocol, kinds)
        names += [getattr(each, "response_id", "") or each.item_id for each in events]  # type: ignore[union-attr]
    assert len(names) == len(set(names)) == 2 * 3 * 4
