"""How much of each reply was heard, and where an interrupted one is truncated."""

from __future__ import annotations

import pytest

from grok_live_widget.events import (
    AudioDelta,
    CancelResponse,
    Interrupted,
    PlaybackReported,
    ResponseCreated,
    SpeechStarted,
    SpeechStopped,
)
from grok_live_widget.protocol.connection import ResponseState
from grok_live_widget.protocol.playback_tracker import PlaybackTracker

from ..support.events import delta, done
from ..support.protocol_driver import audible, hear, heard, in_reply, opened, said, told


def sounding(*seconds: float, is_cut: bool = False) -> PlaybackTracker:
    """Items a1, a2, … of replies r1, r2, … with that much sound each."""
    found = PlaybackTracker(24_000)
    for number, length_s in enumerate(seconds, 1):
        found.receive(more(number, length_s), is_cut=is_cut)
    return found


def more(number: int, length_s: float) -> AudioDelta:
    pcm = bytes(2 * int(length_s * 24_000))
    return AudioDelta(response_id=f"r{number}", item_id=f"a{number}", pcm=pcm)


def reported(number: int, length_s: float, is_final: bool = False) -> PlaybackReported:
    count = int(length_s * 24_000)
    return PlaybackReported(item_id=f"a{number}", sample_count=count, is_final=is_final)


def cut(number: int) -> Interrupted:
    return Interrupted(response_id=f"r{number}", item_id=f"a{number}")


def test_every_waiting_reply_is_cut_off_once() -> None:
    found = sounding(1, 2, 3)
    assert found.report(reported(1, 1)) == 0
    assert found.cut_off() == [cut(2), cut(3)]
    assert found.cut_off() == []


@pytest.mark.parametrize(
    ("at_s", "ms"), [(0, 0), (0.5, 500), (0.00002, 0), (1.9999, 1999), (2.0, 0), (9, 0)]
)
def test_a_cut_reply_is_truncated_at_the_playhead_unless_all_or_none_was_heard(
    at_s: float, ms: int
) -> None:
    found = sounding(2)
    found.cut_off()
    assert found.report(reported(1, at_s)) == 0, "not before the playhead is final"
    assert found.report(reported(1, at_s, is_final=True)) == ms
    assert found.report(reported(1, at_s, is_final=True)) == 0, "once"


def test_a_reply_that_was_not_cut_is_not_truncated() -> None:
    found = sounding(2)
    assert found.report(reported(1, 1, is_final=True)) == 0
    assert found.cut_off() == [], "it sounds no more"


def test_each_reply_is_truncated_by_its_own_report() -> None:
    found = sounding(1, 2)
    found.cut_off()
    assert found.report(reported(2, 0, is_final=True)) == 0
    assert found.report(reported(1, 0.25, is_final=True)) == 250
    assert found.report(reported(3, 0.25, is_final=True)) == 0


def test_the_rest_of_a_cut_reply_is_cut_too() -> None:
    found = sounding(1)
    found.cut_off()
    found.receive(more(1, 1), is_cut=True)
    found.receive(AudioDelta(response_id="r1", item_id="b1", pcm=bytes(8)), is_cut=True)
    assert found.cut_off() == []


def test_a_reply_that_goes_on_after_its_end_sounds_again() -> None:
    found = sounding(1)
    found.report(reported(1, 1, is_final=True))
    found.receive(more(1, 1), is_cut=False)
    found.report(reported(1, 1.5))
    assert found.cut_off() == [cut(1)]
    assert found.report(reported(1, 1.5, is_final=True)) == 1500


def test_the_newest_item_of_a_reply_is_known() -> None:
    found = sounding(1, 1)
    found.receive(AudioDelta(response_id="r1", item_id="b1", pcm=b""), is_cut=False)
    assert [found.newest_item(name) for name in ("r1", "r2", "r3")] == ["b1", "a2", ""]


def test_finished_replies_are_dropped_when_the_next_begins() -> None:
    found = sounding(1, 1)
    found.report(reported(1, 1))
    found.forget_past("r3", may_sound=True)
    assert found.newest_item("r1") == ""
    assert found.cut_off() == [cut(2)]
    found.forget_past("r3", may_sound=False)
    assert found.newest_item("r2") == ""


# --------------------------------------------------------------------------- barge-in
SPEECH = SpeechStarted(item_id="u1", audio_start_ms=0)


def test_speech_cuts_a_running_reply_off_first_and_cancels_it_by_its_id() -> None:
    protocol = hear(opened(has_player=True), *audible(), SPEECH)
    events = told(protocol, (SpeechStarted, Interrupted, CancelResponse))
    expected = Interrupted(response_id="r1", item_id="a1")
    assert events == [SPEECH, expected, CancelResponse("r1")]
    assert said(protocol) == [{"type": "response.cancel", "response_id": "r1"}]


@pytest.mark.parametrize("again", [SPEECH, SpeechStarted(item_id="u2"), None])
def test_a_repeated_cause_changes_nothing(again: SpeechStarted | None) -> None:
    protocol = hear(opened(has_player=True), *audible(), SPEECH)
    said(protocol), told(protocol)
    for between in ((), (delta(),), (done(1, "cancelled"),), (delta(),)):
        hear(protocol, *between)
        hear(protocol, again) if again else protocol.interrupt()
        assert (told(protocol, Interrupted), said(protocol)) == ([], [])


@pytest.mark.parametrize(
    "reply", [ResponseState.IDLE, ResponseState.REQUESTED, ResponseState.CANCELLING]
)
def test_only_a_running_response_is_cancelled(reply: ResponseState) -> None:
    protocol = in_reply(reply)
    hear(protocol, SPEECH)
    assert (told(protocol, Interrupted), said(protocol)) == ([], [])


@pytest.mark.parametrize("status", ["completed", "incomplete"])
def test_a_reply_that_only_sounds_is_cut_off_and_not_cancelled(status: str) -> None:
    protocol = hear(opened(has_player=True), *audible(), done(1, status))
    protocol.report_playback(heard(1, 400))
    hear(protocol, SPEECH)
    assert told(protocol, Interrupted) == [Interrupted(response_id="r1", item_id="a1")]
    assert said(protocol) == []
    protocol.report_playback(heard(1, 450))
    assert said(protocol) == []
    protocol.report_playback(heard(1, 480, is_final=True))
    (truncate,) = said(protocol)
    assert truncate == {
        "type": "conversation.item.truncate",
        "item_id": "a1",
        "content_index": 0,
        "audio_end_ms": 480,
    }
    protocol.report_playback(heard(1, 480, is_final=True))
    assert said(protocol) == []


@pytest.mark.parametrize(("has_player", "ms"), [(False, 0), (True, 1000)])
def test_a_reply_that_was_played_is_not_interrupted(has_player: bool, ms: int) -> None:
    protocol = hear(opened(has_player=has_player), *audible(), done())
    if ms:
        protocol.report_playback(heard(1, ms, is_final=True))
    told(protocol)
    protocol.interrupt()
    hear(protocol, SPEECH)
    assert told(protocol, Interrupted) == []
    assert said(protocol) == []


def test_barge_in_cuts_off_every_waiting_reply() -> None:
    protocol = hear(opened(has_player=True), *audible(1), done(1), *audible(2), SPEECH)
    assert told(protocol, Interrupted) == [
        Interrupted(response_id="r1", item_id="a1"),
        Interrupted(response_id="r2", item_id="a2"),
    ]
    assert said(protocol) == [{"type": "response.cancel", "response_id": "r2"}]
    protocol.report_playback(heard(1, 700, is_final=True))
    assert [message["audio_end_ms"] for message in said(protocol)] == [700]


def test_a_reply_without_audio_yet_is_interrupted_by_its_own_id() -> None:
    protocol = hear(opened(has_player=True), *audible(1), done(1))
    protocol.report_playback(heard(1, 1000, is_final=True))
    hear(protocol, ResponseCreated("r2"), SPEECH)
    assert told(protocol, Interrupted) == [Interrupted(response_id="r2", item_id="")]


def test_the_next_reply_can_be_interrupted_again() -> None:
    protocol = hear(opened(has_player=True), *audible(1), SPEECH, done(1, "cancelled"))
    told(protocol), said(protocol)
    hear(protocol, SpeechStopped(item_id="u1"), *audible(2), SpeechStarted(item_id="u2"))
    assert told(protocol, Interrupted) == [Interrupted(response_id="r2", item_id="a2")]
    assert said(protocol) == [{"type": "response.cancel", "response_id": "r2"}]


def test_a_reply_that_nothing_plays_is_not_cut_off_by_a_player_that_comes_later() -> None:
    protocol = hear(opened(has_player=False), *audible(1), done(1))
    protocol.has_player = True
    hear(protocol, SPEECH)
    assert told(protocol, Interrupted) == []


def test_a_reply_of_an_earlier_session_is_cut_off_and_not_truncated() -> None:
    protocol = opened(has_player=True)
    protocol.expect_playback("a0", "r0", received=24_000, heard=0)
    hear(protocol, SPEECH)
    assert told(protocol, Interrupted) == [Interrupted(response_id="r0", item_id="a0")]
    protocol.report_playback(heard(0, 480, is_final=True))
    assert said(protocol) == []
