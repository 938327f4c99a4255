"""Late chunks of the microphone are dropped, and what was lost is counted."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from grok_live_widget.widget.messages import Microphone as Chunk
from grok_live_widget.widget.uplink import UplinkReceiver

CHUNK_SAMPLES = 2_400


class Microphone:
    """Sends chunks of 100 ms with a clock of its own page."""

    def __init__(self, uplink: UplinkReceiver | None = None, page: str = "a") -> None:
        self.uplink = uplink or UplinkReceiver()
        self.next = Chunk(
            page=page,
            session=1,
            seq=0,
            sample_index=0,
            captured_at_ms=1.7e12,
            dropped_sample_count=0,
        )

    def chunk(
        self, now_s: float, *, sleep_s: float = 0.0, set_s: float = 0.0, dropped: int = 0
    ) -> bool:
        """Capture a chunk, after a sleep of the machine or a change of its clock; it arrives at
        `now_s`.
        """
        sent = replace(
            self.next,
            captured_at_ms=self.next.captured_at_ms + 1000 * (sleep_s + set_s),
            dropped_sample_count=self.next.dropped_sample_count + dropped,
        )
        self.next = replace(
            sent,
            seq=sent.seq + 1,
            sample_index=sent.sample_index + CHUNK_SAMPLES,
            captured_at_ms=sent.captured_at_ms + 100,
        )
        return self.uplink.accepts(sent, CHUNK_SAMPLES, now_s)


def test_chunks_in_time_are_accepted() -> None:
    microphone = Microphone()
    assert all(microphone.chunk(5 + at / 10) for at in range(600))
    assert microphone.uplink.late_sample_count == 0


@pytest.mark.parametrize(("late_s", "is_accepted"), [(1.9, True), (2.1, False), (60.0, False)])
def test_a_chunk_more_than_two_seconds_late_by_both_measures_is_dropped(
    late_s: float, is_accepted: bool
) -> None:
    microphone = Microphone()
    microphone.chunk(10.0)
    assert microphone.chunk(10.1 + late_s) is is_accepted
    assert microphone.uplink.late_sample_count == (0 if is_accepted else CHUNK_SAMPLES)
    assert microphone.chunk(10.2), "a chunk in time is accepted again"


def test_after_a_laptop_slept_its_microphone_is_not_late() -> None:
    microphone = Microphone()
    microphone.chunk(10.0)
    assert microphone.chunk(3610.1, sleep_s=3600)
    assert microphone.chunk(3610.2)


@pytest.mark.parametrize("set_s", [-3600, 3600])
def test_setting_the_pages_clock_makes_no_chunk_late(set_s: float) -> None:
    microphone = Microphone()
    microphone.chunk(10.0)
    assert microphone.chunk(10.1, set_s=set_s)
    assert microphone.chunk(10.2)
    assert microphone.chunk(10.3, set_s=-set_s)
    assert not microphone.chunk(15.0), "lateness is still noticed"


def test_a_clock_set_back_after_a_sleep_does_not_silence_the_microphone() -> None:
    microphone = Microphone()
    microphone.chunk(10.0)
    assert microphone.chunk(3610.1, sleep_s=3600)
    assert microphone.chunk(3610.2, set_s=-5)
    assert all(microphone.chunk(3610.3 + at / 10) for at in range(50))
    assert not microphone.chunk(3620.0)


def test_jitter_does_not_hide_lateness() -> None:
    microphone, rng = Microphone(), np.random.default_rng(0)
    microphone.chunk(0.0)
    for at in range(1, 2000):
        jitter_s = float(rng.uniform(-0.05, 0.05))
        set_s = float(rng.uniform(-0.05, 0.05))
        assert not microphone.chunk(at / 10 + 3.0 + jitter_s, set_s=set_s)


def test_lateness_is_measured_anew_when_the_microphone_or_the_session_restarts() -> None:
    microphone = Microphone()
    for at in range(20):
        microphone.chunk(at / 10)
    microphone.next = replace(microphone.next, sample_index=0)
    assert microphone.chunk(30.0)
    assert microphone.chunk(30.1)
    microphone.next = replace(microphone.next, session=2)
    assert microphone.chunk(90.0)
    assert microphone.uplink.late_sample_count == 0


@pytest.mark.parametrize(
    ("offset_s", "is_accepted"), [(None, True), (0.0, True), (-4.0, True), (-9.0, False)]
)
def test_a_first_chunk_is_late_by_the_pages_known_clock(
    offset_s: float | None, is_accepted: bool
) -> None:
    # It was captured at 100 s of the page's clock, and arrives at 95 s of ours.
    first = replace(Microphone().next, captured_at_ms=100_000)
    assert UplinkReceiver().accepts(first, CHUNK_SAMPLES, 95.0, offset_s) is is_accepted


def test_dropped_samples_are_a_running_total_of_each_page() -> None:
    microphone = Microphone()
    for dropped in (0, 500, 0, 250):
        microphone.chunk(1.0, dropped=dropped)
    assert microphone.uplink.dropped_sample_count == 750
    other = Microphone(microphone.uplink, page="b")
    other.chunk(1.0, dropped=100)
    microphone.chunk(1.1, dropped=50)
    other.chunk(1.1)
    assert microphone.uplink.dropped_sample_count == 900
    microphone.next = replace(microphone.next, dropped_sample_count=0)  # The page was reloaded.
    microphone.chunk(1.2, dropped=30)
    assert microphone.uplink.dropped_sample_count == 930
    microphone.chunk(1.3, dropped=-9_999)
    assert microphone.uplink.dropped_sample_count == 930


def test_a_chunk_that_another_channel_has_brought_already_is_left_out_and_not_counted() -> None:
    uplink = UplinkReceiver()

    def accepts(index: int, stream: int, session: int = 1) -> bool:
        message = Chunk(
            page="a",
            session=session,
            seq=0,
            sample_index=index,
            captured_at_ms=index / 24,
            dropped_sample_count=0,
            stream=stream,
        )
        return uplink.accepts(message, 2400, index / 24_000)

    accepted = [accepts(index, 1) for index in (0, 2400, 0, 2400, 4800)]
    assert accepted == [True, True, False, False, True]
    assert accepts(0, 2), "the microphone was switched off and on"
    assert accepts(0, 2, session=2), "another session"
    assert [accepts(0, 0), accepts(0, 0)] == [True, True], "an older page does not tell"
    assert uplink.late_sample_count == 0
