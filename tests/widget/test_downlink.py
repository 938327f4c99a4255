"""Reply audio is resampled to the channel's rate and sent on credit."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grok_live_widget.audio.buffer import AudioBuffer
from grok_live_widget.conversation.turn import Turn
from grok_live_widget.settings.settings import PCM_RATES_HZ
from grok_live_widget.widget.downlink import (
    CHANNEL_RATE_HZ,
    CREDIT_SAMPLES,
    Downlink,
    Heard,
    ResampledReplyAudio,
    reply_audio_from,
)
from grok_live_widget.widget.messages import Audio, Flush

from ..support.examples import examples
from ..support.sound import tone

SECOND = 24_000
LEAST = 2_400
RESAMPLED_HZ = [rate_hz for rate_hz in PCM_RATES_HZ if rate_hz != CHANNEL_RATE_HZ]
LIMIT = 9_600


def turn_with(rate_hz: int, pcm: np.ndarray, *, is_complete: bool = True) -> Turn:
    turn = Turn("assistant", tape=AudioBuffer(), sample_rate=rate_hz)
    turn._tape.append(pcm)
    if is_complete:
        turn._end(None)
    return turn


def turn_of(duration_s: float, *, is_complete: bool = True, rate_hz: int = SECOND) -> Turn:
    """A turn whose samples count up."""
    pcm = np.arange(int(duration_s * rate_hz)).astype(np.int16)
    return turn_with(rate_hz, pcm, is_complete=is_complete)


def grow(turn: Turn, duration_s: float) -> None:
    count = len(turn._tape) + np.arange(int(duration_s * turn.sample_rate))
    turn._tape.append(count.astype(np.int16))


class Player:
    """Takes messages, acknowledges them, and reports a playhead on request."""

    def __init__(self, *turns: Turn) -> None:
        self.downlink = Downlink()
        self.downlink.begin_session(1)
        self.messages: list[Audio] = []
        self.audio: dict[int, bytes] = {}
        self.numbers = [self.downlink.add(turn) for turn in turns]

    def take(self, now_s: float = 0.0, *, acknowledge: bool = True) -> list[int]:
        """Take what is sent now; returns the sample counts of the messages."""
        counts = []
        for message, pcm in self.downlink.messages_to_send(now_s):
            self.messages.append(message)
            before = self.audio.get(message.reply, b"")
            assert message.sample_offset == len(before) // 2
            self.audio[message.reply] = before + pcm
            counts.append(len(pcm) // 2)
            if acknowledge:
                self.downlink.received(message.seq)
        return counts

    def play(self, reply: int, count: int, now_s: float = 0.0, *, is_final: bool = False) -> Any:
        return self.downlink.played(reply, count, is_final=is_final, now_s=now_s)

    def total(self, reply: int) -> int:
        return len(self.audio.get(reply, b"")) // 2


# --------------------------------------------------------------------------- rate
def read_all(audio: ResampledReplyAudio, piece: int = LIMIT) -> np.ndarray:
    """All that can be read, at most `piece` samples at a time."""
    taken = b""
    while count := min(audio.available_samples(piece), piece):
        taken += audio.read(count)
    return np.frombuffer(taken, np.int16)


def test_audio_at_the_channels_rate_is_unchanged_and_so_are_its_counts() -> None:
    pcm = np.random.default_rng(0).integers(-32_768, 32_768, 50_000).astype(np.int16)
    audio = reply_audio_from(turn_with(CHANNEL_RATE_HZ, pcm), 1_000)
    assert not isinstance(audio, ResampledReplyAudio)
    assert audio.available_samples(LIMIT) == 49_000
    assert audio.read(7) == pcm[1_000:1_007].tobytes()
    assert read_all(audio).tolist() == pcm[1_007:].tolist()
    assert [audio.turn_position(count) for count in (0, 1, 49_000)] == [1_000, 1_001, 50_000]


@pytest.mark.parametrize("rate_hz", RESAMPLED_HZ)
@pytest.mark.parametrize("piece", [LIMIT, 977])
def test_a_tone_keeps_its_pitch_its_level_and_its_length(rate_hz: int, piece: int) -> None:
    heard = read_all(reply_audio_from(turn_with(rate_hz, tone(2.0, rate_hz=rate_hz)), 0), piece)
    assert len(heard) == 2 * CHANNEL_RATE_HZ
    # Every resampler overshoots at the edges, which are steps.
    ideal, edge = tone(2.0), 240
    assert np.abs(heard - ideal.astype(np.int32))[edge:-edge].max() <= 3


@pytest.mark.parametrize("rate_hz", RESAMPLED_HZ)
def test_the_resampled_audio_does_not_depend_on_how_it_arrives_and_is_read(rate_hz: int) -> None:
    rng = np.random.default_rng(rate_hz)
    pcm = rng.integers(-9_000, 9_000, 2 * rate_hz + 77).astype(np.int16)
    at_once = read_all(reply_audio_from(turn_with(rate_hz, pcm), 0))
    turn = turn_with(rate_hz, pcm[:0], is_complete=False)
    audio, heard = reply_audio_from(turn, 0), []
    for part in np.split(pcm, np.sort(rng.integers(0, len(pcm), 30))):
        turn._tape.append(part)
        heard.append(read_all(audio, 1_234))
    turn._end(None)
    heard.append(read_all(audio))
    assert np.concatenate(heard).tolist() == at_once.tolist()
    assert abs(len(at_once) - len(pcm) * CHANNEL_RATE_HZ / rate_hz) <= 1


def test_no_more_is_resampled_than_is_asked_for() -> None:
    audio = reply_audio_from(turn_with(48_000, tone(60, rate_hz=48_000)), 0)
    assert LIMIT < audio.available_samples(LIMIT) < 2 * LIMIT


@pytest.mark.parametrize("rate_hz", RESAMPLED_HZ)
def test_a_turn_without_audio_has_an_end_too(rate_hz: int) -> None:
    audio = reply_audio_from(turn_with(rate_hz, tone(0.0, rate_hz=rate_hz)), 0)
    assert audio.available_samples(LIMIT) == 0
    assert audio.read(0) == b""
    assert audio.turn_position(0) == 0


# --------------------------------------------------------------------------- counts
@given(
    rate_hz=st.sampled_from(PCM_RATES_HZ),
    lengths=st.lists(st.integers(1, 3_000), min_size=1, max_size=4),
    base=st.integers(0, 1),
)
@examples(60)
def test_positions_never_decrease_and_every_end_is_the_turns_end(
    rate_hz: int, lengths: list[int], base: int
) -> None:
    """A turn that continues after its end is two streams or more."""
    turn = turn_with(rate_hz, np.zeros(base, np.int16))
    audio, taken = reply_audio_from(turn, base), 0
    ends = [(0, base)]
    for length in lengths:
        turn._reopen()
        turn._tape.append(np.zeros(length, np.int16))
        turn._end(None)
        taken += len(read_all(audio))
        ends.append((taken, len(turn.pcm)))
    positions = [audio.turn_position(count) for count in range(taken + 1)]
    assert [positions[count] for count, _ in ends] == [position for _, position in ends]
    assert np.all(np.diff(positions) >= 0)
    # In between the positions in turn and channel are at the same time.
    for (first, begun), (last, _) in itertools.pairwise(ends):
        count = np.arange(first, last)
        ideal = begun + (count - first) * rate_hz / CHANNEL_RATE_HZ
        assert np.all(np.abs(np.array(positions)[first:last] - ideal) <= 1)


def test_a_reply_that_grows_is_counted_no_further_than_it_was_received() -> None:
    turn = turn_with(16_000, tone(1.0, rate_hz=16_000), is_complete=False)
    audio = reply_audio_from(turn, 0)
    taken = len(read_all(audio))
    assert 0.9 * CHANNEL_RATE_HZ < taken < CHANNEL_RATE_HZ, "the filter still holds some"
    assert audio.turn_position(taken) == taken * 2 // 3
    assert audio.turn_position(10**9) == 16_000


# --------------------------------------------------------------------------- credit
def test_a_short_reply_is_sent_bit_for_bit_with_its_end() -> None:
    turn = turn_of(1.0)
    player = Player(turn)
    player.take()
    assert player.audio[1] == turn.pcm.tobytes()
    assert [message.seq for message in player.messages] == list(range(len(player.messages)))
    assert [message.is_last for message in player.messages][-2:] == [False, True]
    assert not player.downlink.has_queued
    assert {(message.session, message.epoch) for message in player.messages} == {(1, 0)}


def test_the_first_chunk_is_sent_at_once_and_the_next_when_it_has_100_ms() -> None:
    turn = turn_of(0.01, is_complete=False)
    player = Player(turn)
    assert player.take() == [240]
    for _ in range(9):
        grow(turn, 0.01)
        assert player.take() == []
    grow(turn, 0.01)
    assert player.take() == [LEAST]
    grow(turn, 0.01)
    turn._end(None)
    assert player.take() == [240], "the last may be short"


def test_an_end_without_more_audio_is_sent_with_an_empty_buffer() -> None:
    turn = turn_of(0.1, is_complete=False)
    player = Player(turn)
    player.take()
    turn._end(None)
    assert player.take() == [0]
    assert player.messages[-1].is_last
    assert player.take() == []


def test_an_end_that_is_not_acknowledged_is_sent_again_without_audio() -> None:
    player = Player(turn_of(0.1))
    assert player.take(0.0, acknowledge=False) == [LEAST]
    assert player.take(0.9, acknowledge=False) == []
    assert player.downlink.has_queued
    assert player.take(1.1, acknowledge=False) == [0]
    assert player.take(1.2, acknowledge=False) == []
    assert player.take(2.2) == [0]
    assert player.take(9.0) == []
    assert all(message.is_last for message in player.messages)
    assert not player.downlink.has_queued


def test_an_end_that_was_cut_off_is_not_sent_again() -> None:
    player = Player(turn_of(0.1))
    player.take(0.0, acknowledge=False)
    player.downlink.flush()
    assert player.take(5.0) == []


def test_no_more_than_two_seconds_are_sent_ahead_of_the_playhead() -> None:
    player = Player(turn_of(10.0))
    player.take()
    ahead = player.total(1)
    assert CREDIT_SAMPLES - 9_600 < ahead <= CREDIT_SAMPLES == 2 * SECOND
    for step in range(1, 40):
        player.play(1, step * LEAST, step * 0.1)
        player.take(step * 0.1)
        assert ahead <= player.total(1) <= step * LEAST + CREDIT_SAMPLES
    assert player.total(1) > 3 * SECOND


@given(
    reports=st.lists(st.tuples(st.integers(0, 90_000), st.booleans(), st.booleans()), max_size=25)
)
@examples(80)
def test_the_credit_is_never_exceeded_while_the_page_reports(
    reports: list[tuple[int, bool, bool]],
) -> None:
    player = Player(turn_of(2.5), turn_of(3.0))
    played = {1: 0, 2: 0}
    for step, (count, second, flushes) in enumerate(reports):
        # In less time than makes acknowledgements overdue.
        reply, now_s = 2 if second else 1, step / 100
        player.take(now_s)
        played[reply] = max(played[reply], min(count, player.total(reply)))
        player.play(reply, count, now_s)
        # Where the second one sounds, the first one is over.
        to_be_heard = (2,) if played[2] else (1, 2)
        ahead = sum(player.total(each) - played[each] for each in to_be_heard)
        assert ahead <= CREDIT_SAMPLES
        if flushes and step > 20:
            player.downlink.flush()
            assert player.take(now_s) == []


def test_while_acknowledgements_are_overdue_the_playhead_advances_by_the_clock() -> None:
    player = Player(turn_of(20.0))
    player.take(0.0, acknowledge=False)
    ahead = player.total(1)
    assert not player.downlink.is_overdue(0.5)
    assert player.take(0.5) == []
    assert player.downlink.is_overdue(0.51)
    for now_s in np.arange(0.6, 12.0, 0.1):
        player.take(float(now_s), acknowledge=False)
        assert ahead <= player.total(1) <= CREDIT_SAMPLES + now_s * SECOND
    assert player.total(1) > 12 * SECOND, "it continues as long as the cell runs"
    player.downlink.received(player.messages[-1].seq)
    assert not player.downlink.is_overdue(12.0)


def test_a_playhead_that_the_browser_has_paused_is_not_held_up_by_a_cell() -> None:
    player = Player(turn_of(20.0))
    player.take(0.0)
    sent = player.total(1)
    player.downlink.played(1, 4800, is_final=False, now_s=0.2, is_paused=True)
    player.take(0.3)
    assert not player.downlink.is_overdue(60.0)
    # Nothing is extrapolated: the credit stays that of the last report.
    assert player.take(60.0) == []
    assert player.total(1) <= sent + 4800
    player.downlink.played(1, 9600, is_final=False, now_s=61.0)
    assert not player.downlink.is_overdue(61.4)
    assert player.downlink.is_overdue(61.6)


def test_an_underrun_earns_no_credit() -> None:
    turn = turn_of(1.0, is_complete=False)
    player = Player(turn)
    player.take(0.0)
    player.play(1, SECOND, 1.0)
    grow(turn, 30.0)
    player.take(60.0, acknowledge=False)
    assert player.total(1) <= SECOND + CREDIT_SAMPLES
    player.take(61.0, acknowledge=False)
    assert player.total(1) <= SECOND + CREDIT_SAMPLES + SECOND


def test_a_second_reply_is_queued_behind_the_first_and_shares_its_credit() -> None:
    player = Player(turn_of(1.5), turn_of(1.5))
    player.take()
    assert player.numbers == [1, 2]
    assert player.total(1) == 1.5 * SECOND
    assert player.total(1) + player.total(2) <= CREDIT_SAMPLES


def test_a_reply_whose_end_was_not_reported_is_over_when_the_next_one_sounds() -> None:
    player = Player(turn_of(1.0), turn_of(4.0))
    player.take()
    player.play(1, SECOND // 2)
    player.play(2, SECOND // 10)
    player.take()
    assert CREDIT_SAMPLES - 9_600 < player.total(2) - SECOND // 10 <= CREDIT_SAMPLES
    player.play(2, player.total(2), now_s=1.0)
    player.take(1.0)
    player.play(2, 4 * SECOND, is_final=True, now_s=2.0)
    assert not player.downlink.has_playback
    assert not player.downlink.is_overdue(9.0)


def test_what_another_process_was_told_acknowledges_nothing_of_this_one() -> None:
    player = Player(turn_of(1.0))
    player.take(acknowledge=False)
    player.downlink.received(len(player.messages))
    player.downlink.rewind()
    assert sum(len(pcm) // 2 for _, pcm in player.downlink.messages_to_send(0.0)) == SECOND


def test_more_audio_of_a_turn_is_the_same_reply_until_its_end_was_sent() -> None:
    turn = turn_of(0.5, is_complete=False)
    player = Player(turn)
    assert player.downlink.add(turn) == 1
    player.take()
    assert player.downlink.add(turn) == 1
    turn._end(None)
    player.take()
    grow(turn, 0.5)
    turn._reopen()
    assert player.downlink.add(turn) == 2
    player.take()
    assert player.audio[1] + player.audio[2] == turn.pcm.tobytes()
    assert player.play(2, 100) == Heard(turn, SECOND // 2 + 100)


def test_a_turn_that_continues_after_it_was_heard_is_a_reply_from_there() -> None:
    turn = turn_of(0.5)
    player = Player(turn)
    player.take()
    turn._hear(player.play(1, SECOND // 2, is_final=True).sample_count)
    grow(turn, 0.5)
    assert player.downlink.add(turn) == 2
    player.take()
    assert player.audio[2] == turn.pcm[SECOND // 2 :].tobytes()


def test_a_new_session_numbers_its_messages_from_zero() -> None:
    player = Player(turn_of(0.5))
    player.take()
    player.downlink.begin_session(2)
    player.downlink.add(turn_of(0.1))
    player.take()
    assert (player.messages[-1].session, player.messages[-1].seq) == (2, 0)


# --------------------------------------------------------------------------- replies of other rates
OTHER_RATES_HZ = pytest.mark.parametrize("rate_hz", [8_000, 11_025, 16_000, 44_100, 48_000])


@OTHER_RATES_HZ
def test_a_reply_of_another_rate_keeps_its_duration_and_is_heard_to_its_own_end(
    rate_hz: int,
) -> None:
    turn = turn_of(5.0, rate_hz=rate_hz)
    player, positions = Player(turn), [0]
    while not (player.messages and player.messages[-1].is_last):
        player.take()
        positions.append(player.play(1, player.total(1) - LEAST).sample_count)
        assert player.total(1) <= positions[-1] * SECOND / rate_hz + CREDIT_SAMPLES
    assert player.total(1) == 5 * SECOND
    assert positions == sorted(positions)
    assert player.play(1, 1 * SECOND) == Heard(turn, positions[-1]), "it never decreases"
    assert player.play(1, 5 * SECOND, is_final=True) == Heard(turn, 5 * rate_hz)


@OTHER_RATES_HZ
def test_a_reply_of_another_rate_that_is_cut_off_is_counted_where_it_was_heard(
    rate_hz: int,
) -> None:
    turn = turn_of(5.0, rate_hz=rate_hz, is_complete=False)
    player = Player(turn)
    player.take()
    assert player.play(1, 0) == Heard(turn, 0)
    player.downlink.flush()
    assert player.play(1, SECOND, is_final=True) == Heard(turn, rate_hz)


@OTHER_RATES_HZ
def test_another_page_gets_the_rest_of_a_reply_of_another_rate(rate_hz: int) -> None:
    turn = turn_of(1.0, rate_hz=rate_hz)
    player = Player(turn)
    player.take()
    heard = player.play(1, SECOND // 2)
    assert heard.sample_count == rate_hz // 2
    player.downlink.start_over()
    player.take()
    assert abs(player.total(2) - SECOND // 2) <= 2
    assert player.play(2, 0) == heard
    assert player.play(2, player.total(2), is_final=True) == Heard(turn, rate_hz)


@pytest.mark.parametrize("rate_hz", [SECOND, 16_000, 48_000])
@pytest.mark.parametrize("base", [0, 0.25])
def test_a_reply_of_another_process_goes_on_where_it_was_heard(rate_hz: int, base: float) -> None:
    turn = turn_of(1.0, rate_hz=rate_hz)
    whole = reply_audio_from(turn, round(base * rate_hz))
    sound = whole.read(whole.available_samples(SECOND))
    turn._hear(rate_hz // 2)
    downlink = Downlink()
    downlink.reply_count = 7
    downlink.go_on_with(turn, round(base * rate_hz), 7)
    ((message, pcm), *more) = downlink.messages_to_send(0.0)
    offset = round((0.5 - base) * SECOND)
    assert (message.reply, message.sample_offset) == (7, offset)
    pcm += b"".join(each for _, each in more)
    assert pcm == sound[2 * offset :]
    # A playhead from before counts nothing twice.
    assert downlink.played(7, offset // 2, is_final=False, now_s=0.0) == Heard(turn, rate_hz // 2)
    end = len(sound) // 2
    assert downlink.played(7, end, is_final=True, now_s=0.0) == Heard(turn, rate_hz)
    assert downlink.add(turn_of(1.0)) == 8


@OTHER_RATES_HZ
def test_a_reply_of_another_rate_may_continue_after_its_end(rate_hz: int) -> None:
    turn = turn_of(0.5, rate_hz=rate_hz)
    player = Player(turn)
    player.take()
    grow(turn, 0.5)
    turn._reopen()
    assert player.downlink.add(turn) == 2
    turn._end(None)
    player.take()
    assert player.play(2, 0) == Heard(turn, int(0.5 * rate_hz))
    assert player.play(2, player.total(2)) == Heard(turn, len(turn.pcm))


# --------------------------------------------------------------------------- playhead
def test_the_playhead_counts_samples_of_the_turn_and_never_decreases() -> None:
    turn = turn_of(1.0)
    player = Player(turn)
    player.take()
    assert player.play(1, 500) == Heard(turn, 500)
    assert player.play(1, 400) == Heard(turn, 500)
    assert player.play(1, -9) == Heard(turn, 500)
    assert player.play(1, 10**9, is_final=True) == Heard(turn, SECOND)
    assert player.play(1, 600) is None
    assert player.play(99, 1) is None
    assert not player.downlink.has_playback


# --------------------------------------------------------------------------- flush
def test_a_flush_cuts_off_what_is_played_and_queued_and_late_audio_is_not_sent() -> None:
    growing = turn_of(3.0, is_complete=False)
    player = Player(turn_of(1.0), growing)
    player.take()
    assert player.downlink.flush() == Flush(session=1, epoch=1, reply=1)
    grow(growing, 1.0)
    assert player.downlink.add(growing) == 0
    assert player.take(100.0) == []
    assert not player.downlink.has_playback
    assert player.play(1, 700, is_final=True) is not None, "its playhead is still converted"


def test_after_a_flush_the_next_reply_has_the_whole_credit() -> None:
    player = Player(turn_of(1.0), turn_of(5.0))
    player.take()
    for at in range(1, 6):
        player.downlink.flush()
        # The page reports the playhead of the one it played, and drops the others.
        player.play(2 * at - 1, 100, is_final=True)
        player.numbers = [player.downlink.add(turn_of(length)) for length in (1.0, 5.0)]
        player.take()
        assert sum(player.total(reply) for reply in player.numbers) > CREDIT_SAMPLES - 9_600
    assert len(player.downlink._playing) <= 4, "what was cut off is forgotten"


def test_a_flush_names_the_reply_being_played_and_not_one_cut_off_before() -> None:
    player = Player(turn_of(1.0), turn_of(1.0))
    player.take()
    player.downlink.flush()
    player.play(1, 100, is_final=True)
    number = player.downlink.add(turn_of(1.0))
    player.take()
    assert player.downlink.flush().reply == number


def test_messages_after_a_flush_carry_its_epoch() -> None:
    player = Player(turn_of(1.0))
    player.take()
    player.downlink.flush()
    player.downlink.add(turn_of(0.1))
    player.take()
    assert (player.messages[-1].epoch, player.messages[-1].reply) == (1, 2)


@pytest.mark.parametrize(("epoch", "cuts"), [(0, False), (1, True), (7, True)])
def test_a_page_that_flushed_by_itself_is_followed_if_it_is_ahead(epoch: int, cuts: bool) -> None:
    player = Player(turn_of(1.0))
    player.take()
    player.downlink.follow_flush(epoch)
    assert player.downlink.epoch == epoch
    assert player.downlink.has_playback is not cuts


# --------------------------------------------------------------------------- another page
def test_another_page_gets_what_was_not_heard_and_only_that() -> None:
    first, second = turn_of(1.0), turn_of(1.0, is_complete=False)
    player = Player(first, second)
    player.take()
    player.play(1, 6_000)
    cut = turn_of(1.0)
    again = player.downlink.start_over()
    assert again == [(first, 3), (second, 4)]
    player.take()
    assert player.audio[3] == first.pcm[6_000:].tobytes()
    assert player.audio[4] == second.pcm.tobytes()
    assert {message.epoch for message in player.messages if message.reply > 2} == {1}
    assert player.play(3, 100) == Heard(first, 6_100)
    assert player.play(1, 9_000) is None, "the page before is not listened to"
    assert player.downlink.add(cut) == 5


def test_another_page_gets_nothing_that_was_cut_off_or_heard() -> None:
    heard, cut = turn_of(0.5), turn_of(0.5)
    player = Player(heard, cut)
    player.take()
    player.play(1, SECOND // 2)
    assert [turn for turn, _ in player.downlink.start_over()] == [cut]
    player.downlink.flush()
    assert player.downlink.start_over() == []
    assert player.take() == []


def test_another_page_gets_a_reopened_turn_once() -> None:
    turn = turn_of(0.5)
    player = Player(turn)
    player.take()
    player.play(1, 1_000)
    grow(turn, 0.5)
    player.downlink.add(turn)
    player.take()
    ((_, number),) = player.downlink.start_over()
    player.take()
    assert player.audio[number] == turn.pcm[1_000:].tobytes()


@pytest.mark.parametrize("rate_hz", [24_000, 16_000])
@pytest.mark.parametrize("acknowledged", [None, 0, 1])
def test_what_is_not_acknowledged_is_sent_again_from_there_on(
    rate_hz: int, acknowledged: int | None
) -> None:
    turn = turn_with(rate_hz, tone(3.0, rate_hz=rate_hz))
    whole = reply_audio_from(turn, 0)
    samples = whole.read(whole.available_samples(3 * SECOND))
    downlink = Downlink()
    downlink.begin_session(1)
    number = downlink.add(turn)
    first = list(downlink.messages_to_send(0.0))
    assert len(first) > 2
    if acknowledged is not None:
        downlink.received(first[acknowledged][0].seq)
    downlink.rewind()
    again = list(downlink.messages_to_send(0.1))
    start = 0 if acknowledged is None else acknowledged + 1
    assert again[0][0].sample_offset == first[start][0].sample_offset
    assert again[0][0].reply == number
    assert again[0][0].seq > first[-1][0].seq
    at = 2 * again[0][0].sample_offset
    sound = b"".join(pcm for _, pcm in again)
    assert sound == samples[at : at + len(sound)]
    downlink.received(again[-1][0].seq)
    assert downlink.played(number, 24_000, is_final=False, now_s=1.0) is not None


def test_an_end_that_is_not_acknowledged_is_sent_again_and_what_was_cut_off_is_not() -> None:
    first, second = turn_of(0.3), turn_of(0.3)
    downlink = Downlink()
    downlink.begin_session(1)
    for turn in (first, second):
        downlink.add(turn)
    sent = list(downlink.messages_to_send(0.0))
    assert [message.is_last for message, _ in sent if message.is_last] == [True, True]
    downlink.rewind()
    again = [message for message, _ in downlink.messages_to_send(0.1)]
    assert [message.reply for message in again if message.is_last] == [1, 2]
    downlink.flush()
    downlink.rewind()
    assert list(downlink.messages_to_send(0.2)) == []


def test_a_flush_is_sent_again_until_it_is_answered() -> None:
    first, second = turn_of(0.3), turn_of(0.3)
    downlink = Downlink()
    downlink.begin_session(1)
    reply = downlink.add(first)
    list(downlink.messages_to_send(0.0))
    assert downlink.unanswered_flush is None
    sent = downlink.flush()
    downlink.add(second)
    list(downlink.messages_to_send(0.1))
    assert downlink.unanswered_flush == sent
    assert sent.reply == reply
    downlink.played(reply, 2_400, is_final=True, now_s=0.2)
    assert downlink.unanswered_flush is None
