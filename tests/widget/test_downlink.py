"""Grok's sound goes down on credit; the microphone comes up as far as it is fresh."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grok_live_widget.audio.buffer import AudioBuffer
from grok_live_widget.conversation.turns import Turn
from grok_live_widget.widget.downlink import CREDIT_SAMPLES, Downlink, Heard

SECOND = 24_000
LEAST = 2_400


def turn_of(duration_s: float, *, is_complete: bool = True, rate_hz: int = SECOND) -> Turn:
    turn = Turn("assistant", tape=AudioBuffer(), sample_rate=rate_hz)
    grow(turn, duration_s)
    if is_complete:
        turn._end(None)
    return turn


def grow(turn: Turn, duration_s: float) -> None:
    count = len(turn._tape) + np.arange(int(duration_s * turn.sample_rate))
    turn._tape.append(count.astype(np.int16))


class Page:
    """The other end: takes messages, acknowledges, and plays when it is told to."""

    def __init__(self, *turns: Turn) -> None:
        self.downlink = Downlink()
        self.downlink.begin_session(1)
        self.contents: list[dict[str, Any]] = []
        self.sound: dict[int, bytes] = {}
        self.numbers = [self.downlink.add(turn, 0.0) for turn in turns]

    def take(self, now_s: float = 0.0, *, acknowledge: bool = True) -> list[int]:
        """Sample counts of the messages that come now."""
        counts = []
        for content, pcm in self.downlink.messages(now_s):
            assert pcm is not None
            self.contents.append(content)
            reply = content["reply"]
            assert content["sample_offset"] == len(self.sound.get(reply, b"")) // 2
            self.sound[reply] = self.sound.get(reply, b"") + pcm
            counts.append(len(pcm) // 2)
            if acknowledge:
                self.downlink.received(content["seq"])
        return counts

    def play(self, reply: int, count: int, now_s: float = 0.0, *, is_final: bool = False) -> Any:
        return self.downlink.played(reply, count, is_final=is_final, now_s=now_s)

    def total(self, reply: int) -> int:
        return len(self.sound.get(reply, b"")) // 2


# --------------------------------------------------------------------------- down: credit
def test_a_short_reply_comes_whole_bit_for_bit_and_says_its_end() -> None:
    turn = turn_of(1.0)
    page = Page(turn)
    page.take()
    assert page.sound[1] == turn.pcm.tobytes()
    assert [content["seq"] for content in page.contents] == list(range(len(page.contents)))
    assert [content["is_last"] for content in page.contents][-2:] == [False, True]
    assert not page.downlink.has_queued
    assert {key: page.contents[0][key] for key in ("type", "session", "epoch")} == {
        "type": "audio", "session": 1, "epoch": 0,
    }  # fmt: skip


def test_the_first_chunk_goes_at_once_and_the_next_when_there_is_enough() -> None:
    turn = turn_of(0.01, is_complete=False)
    page = Page(turn)
    assert page.take() == [240]
    for _ in range(9):
        grow(turn, 0.01)
        assert page.take() == []
    grow(turn, 0.01)
    assert page.take() == [LEAST]
    grow(turn, 0.01)
    turn._end(None)
    assert page.take() == [240], "the last may be short"


def test_an_end_without_more_sound_is_said_with_an_empty_buffer() -> None:
    turn = turn_of(0.1, is_complete=False)
    page = Page(turn)
    page.take()
    turn._end(None)
    assert page.take() == [0]
    assert page.contents[-1]["is_last"]
    assert page.take() == []


def test_an_end_that_nobody_acknowledged_is_said_again_without_sound() -> None:
    page = Page(turn_of(0.1))
    assert page.take(0.0, acknowledge=False) == [LEAST]
    assert page.take(0.9, acknowledge=False) == []
    assert page.downlink.has_queued
    assert page.take(1.1, acknowledge=False) == [0]
    assert page.take(1.2, acknowledge=False) == []
    assert page.take(2.2) == [0]
    assert page.take(9.0) == []
    assert all(content["is_last"] for content in page.contents)
    assert not page.downlink.has_queued


def test_an_end_that_was_cut_off_is_not_said_again() -> None:
    page = Page(turn_of(0.1))
    page.take(0.0, acknowledge=False)
    page.downlink.flush()
    assert page.take(5.0) == []


def test_no_more_than_two_seconds_go_ahead_of_the_playhead() -> None:
    page = Page(turn_of(10.0))
    page.take()
    ahead = page.total(1)
    assert CREDIT_SAMPLES - 9_600 < ahead <= CREDIT_SAMPLES == 2 * SECOND
    for step in range(1, 40):
        page.play(1, step * LEAST, step * 0.1)
        page.take(step * 0.1)
        assert ahead <= page.total(1) <= step * LEAST + CREDIT_SAMPLES
    assert page.total(1) > 3 * SECOND


@given(
    reports=st.lists(st.tuples(st.integers(0, 90_000), st.booleans(), st.booleans()), max_size=25)
)
@settings(max_examples=80, deadline=None)
def test_credit_holds_whatever_the_page_reports_while_it_answers(
    reports: list[tuple[int, bool, bool]],
) -> None:
    page = Page(turn_of(2.5), turn_of(3.0))
    played = {1: 0, 2: 0}
    for step, (count, second, flushes) in enumerate(reports):
        # In less time than would count as silence.
        reply, now_s = 2 if second else 1, step / 100
        page.take(now_s)
        played[reply] = max(played[reply], min(count, page.total(reply)))
        page.play(reply, count, now_s)
        ahead = sum(page.total(each) - played[each] for each in (1, 2))
        assert ahead <= CREDIT_SAMPLES
        if flushes and step > 20:
            page.downlink.flush()
            assert page.take(now_s) == []


def test_overdue_acknowledgements_make_the_playhead_count_on_by_the_clock() -> None:
    page = Page(turn_of(20.0))
    page.take(0.0, acknowledge=False)
    ahead = page.total(1)
    assert not page.downlink.is_overdue(0.5)
    assert page.take(0.5) == []
    assert page.downlink.is_overdue(0.51)
    for now_s in np.arange(0.6, 12.0, 0.1):
        page.take(float(now_s), acknowledge=False)
        assert ahead <= page.total(1) <= CREDIT_SAMPLES + now_s * SECOND
    assert page.total(1) > 12 * SECOND, "it goes on as long as the cell runs"
    page.downlink.received(page.contents[-1]["seq"])
    assert not page.downlink.is_overdue(12.0)


def test_a_loudspeaker_that_ran_dry_earned_no_credit_meanwhile() -> None:
    turn = turn_of(1.0, is_complete=False)
    page = Page(turn)
    page.take(0.0)
    page.play(1, SECOND, 1.0)
    grow(turn, 30.0)
    page.take(60.0, acknowledge=False)
    assert page.total(1) <= SECOND + CREDIT_SAMPLES
    page.take(61.0, acknowledge=False)
    assert page.total(1) <= SECOND + CREDIT_SAMPLES + SECOND


def test_a_second_reply_is_queued_behind_the_first_and_shares_its_credit() -> None:
    page = Page(turn_of(1.5), turn_of(1.5))
    page.take()
    assert page.numbers == [1, 2]
    assert page.total(1) == 1.5 * SECOND
    assert page.total(1) + page.total(2) <= CREDIT_SAMPLES


def test_more_of_a_turn_is_the_same_reply_until_its_end_was_sent() -> None:
    turn = turn_of(0.5, is_complete=False)
    page = Page(turn)
    assert page.downlink.add(turn, 0.0) == 1
    page.take()
    assert page.downlink.add(turn, 0.0) == 1
    turn._end(None)
    page.take()
    grow(turn, 0.5)
    turn._reopen()
    assert page.downlink.add(turn, 0.0) == 2
    page.take()
    assert page.sound[1] + page.sound[2] == turn.pcm.tobytes()
    assert page.play(2, 100) == Heard(turn, SECOND // 2 + 100)


def test_a_reply_that_goes_on_after_it_was_heard_begins_where_that_ended() -> None:
    turn = turn_of(0.5)
    page = Page(turn)
    page.take()
    turn._hear(page.play(1, SECOND // 2, is_final=True).sample_count)
    grow(turn, 0.5)
    assert page.downlink.add(turn, 0.0) == 2
    page.take()
    assert page.sound[2] == turn.pcm[SECOND // 2 :].tobytes()


def test_a_new_session_counts_its_messages_anew() -> None:
    page = Page(turn_of(0.5))
    page.take()
    page.downlink.begin_session(2)
    page.downlink.add(turn_of(0.1), 0.0)
    page.take()
    assert (page.contents[-1]["session"], page.contents[-1]["seq"]) == (2, 0)


# --------------------------------------------------------------------------- down: other rates
OTHER_RATES_HZ = pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 44_100, 48_000])


@OTHER_RATES_HZ
def test_a_reply_of_another_rate_is_as_long_on_the_lane_and_heard_to_its_own_end(
    rate_hz: int,
) -> None:
    turn = turn_of(5.0, rate_hz=rate_hz)
    page, told = Page(turn), [0]
    while not (page.contents and page.contents[-1]["is_last"]):
        page.take()
        told.append(page.play(1, page.total(1) - LEAST).sample_count)
        assert page.total(1) <= told[-1] * SECOND / rate_hz + CREDIT_SAMPLES
    assert page.total(1) == 5 * SECOND
    assert told == sorted(told)
    assert page.play(1, 1 * SECOND) == Heard(turn, told[-1]), "it never runs back"
    assert page.play(1, 5 * SECOND, is_final=True) == Heard(turn, 5 * rate_hz)


@OTHER_RATES_HZ
def test_a_reply_of_another_rate_that_is_cut_off_is_counted_where_it_was_heard(
    rate_hz: int,
) -> None:
    turn = turn_of(5.0, rate_hz=rate_hz, is_complete=False)
    page = Page(turn)
    page.take()
    assert page.play(1, 0) == Heard(turn, 0)
    page.downlink.flush()
    assert page.play(1, SECOND, is_final=True) == Heard(turn, rate_hz)


@OTHER_RATES_HZ
def test_another_page_gets_the_rest_of_a_reply_of_another_rate(rate_hz: int) -> None:
    turn = turn_of(1.0, rate_hz=rate_hz)
    page = Page(turn)
    page.take()
    heard = page.play(1, SECOND // 2)
    assert heard.sample_count == rate_hz // 2
    page.downlink.start_over()
    page.take()
    assert abs(page.total(2) - SECOND // 2) <= 2
    assert page.play(2, 0) == heard
    assert page.play(2, page.total(2), is_final=True) == Heard(turn, rate_hz)


@OTHER_RATES_HZ
def test_a_reply_of_another_rate_may_go_on_after_its_end(rate_hz: int) -> None:
    turn = turn_of(0.5, rate_hz=rate_hz)
    page = Page(turn)
    page.take()
    grow(turn, 0.5)
    turn._reopen()
    assert page.downlink.add(turn, 0.0) == 2
    turn._end(None)
    page.take()
    assert page.play(2, 0) == Heard(turn, int(0.5 * rate_hz))
    assert page.play(2, page.total(2)) == Heard(turn, len(turn.pcm))


# --------------------------------------------------------------------------- down: playhead
def test_the_playhead_is_told_in_terms_of_the_turn_and_never_runs_back() -> None:
    turn = turn_of(1.0)
    page = Page(turn)
    page.take()
    assert page.play(1, 500) == Heard(turn, 500)
    assert page.play(1, 400) == Heard(turn, 500)
    assert page.play(1, -9) == Heard(turn, 500)
    assert page.play(1, 10**9, is_final=True) == Heard(turn, SECOND)
    assert page.play(1, 600) is None
    assert page.play(99, 1) is None
    assert not page.downlink.is_sounding


# --------------------------------------------------------------------------- down: flush
def test_a_flush_cuts_off_what_plays_and_waits_and_late_sound_is_not_sent() -> None:
    growing = turn_of(3.0, is_complete=False)
    page = Page(turn_of(1.0), growing)
    page.take()
    assert page.downlink.flush() == {"type": "flush", "session": 1, "epoch": 1, "reply": 1}
    grow(growing, 1.0)
    assert page.downlink.add(growing, 0.0) == 0
    assert page.take(100.0) == []
    assert not page.downlink.is_sounding
    assert page.play(1, 700, is_final=True) is not None, "its count is still told"


def test_after_a_flush_the_next_reply_has_the_whole_credit() -> None:
    page = Page(turn_of(1.0), turn_of(5.0))
    page.take()
    for at in range(1, 6):
        page.downlink.flush()
        # The page tells the count of the one that played, and drops the others silently.
        page.play(2 * at - 1, 100, is_final=True)
        page.numbers = [page.downlink.add(turn_of(length), 0.0) for length in (1.0, 5.0)]
        page.take()
        assert sum(page.total(reply) for reply in page.numbers) > CREDIT_SAMPLES - 9_600
    assert len(page.downlink._playing) <= 4, "nothing is kept for ever"


def test_a_flush_names_the_reply_that_plays_and_not_one_cut_off_before() -> None:
    page = Page(turn_of(1.0), turn_of(1.0))
    page.take()
    page.downlink.flush()
    page.play(1, 100, is_final=True)
    number = page.downlink.add(turn_of(1.0), 0.0)
    page.take()
    assert page.downlink.flush()["reply"] == number


def test_messages_after_a_flush_carry_its_epoch() -> None:
    page = Page(turn_of(1.0))
    page.take()
    page.downlink.flush()
    page.downlink.add(turn_of(0.1), 0.0)
    page.take()
    assert (page.contents[-1]["epoch"], page.contents[-1]["reply"]) == (1, 2)


@pytest.mark.parametrize(("epoch", "cuts"), [(0, False), (1, True), (7, True)])
def test_a_page_that_flushed_by_itself_is_followed_if_it_is_ahead(epoch: int, cuts: bool) -> None:
    page = Page(turn_of(1.0))
    page.take()
    page.downlink.follow_flush(epoch)
    assert page.downlink.epoch == epoch
    assert page.downlink.is_sounding is not cuts


# --------------------------------------------------------------------------- down: another page
def test_another_page_gets_what_was_not_heard_and_only_that() -> None:
    first, second = turn_of(1.0), turn_of(1.0, is_complete=False)
    page = Page(first, second)
    page.take()
    page.play(1, 6_000)
    cut = turn_of(1.0)
    again = page.downlink.start_over()
    assert again == [(first, 3), (second, 4)]
    page.take()
    assert page.sound[3] == first.pcm[6_000:].tobytes()
    assert page.sound[4] == second.pcm.tobytes()
    assert {content["epoch"] for content in page.contents if content["reply"] > 2} == {1}
    assert page.play(3, 100) == Heard(first, 6_100)
    assert page.play(1, 9_000) is None, "the page before has no say"
    assert page.downlink.add(cut, 0.0) == 5


def test_another_page_gets_nothing_that_was_cut_off_or_heard() -> None:
    heard, cut = turn_of(0.5), turn_of(0.5)
    page = Page(heard, cut)
    page.take()
    page.play(1, SECOND // 2)
    assert [turn for turn, _ in page.downlink.start_over()] == [cut]
    page.downlink.flush()
    assert page.downlink.start_over() == []
    assert page.take() == []


def test_another_page_gets_a_reopened_turn_once() -> None:
    turn = turn_of(0.5)
    page = Page(turn)
    page.take()
    page.play(1, 1_000)
    grow(turn, 0.5)
    page.downlink.add(turn, 0.0)
    page.take()
    ((_, number),) = page.downlink.start_over()
    page.take()
    assert page.sound[number] == turn.pcm[1_000:].tobytes()
