"""The microphone's way up: what is late is dropped, and what was lost is counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from grok_live_widget.widget.uplink import Uplink

LEAST = 2_400

RATE = 24_000


class Microphone:
    """100 ms chunks with a page's clock of their own."""

    def __init__(self, uplink: Uplink | None = None, page: str = "a") -> None:
        self.uplink = uplink or Uplink()
        self.message: dict[str, Any] = {
            "page": page, "session": 1, "seq": -1, "sample_index": -LEAST,
            "captured_at_ms": 1.7e12, "dropped_sample_count": 0,
        }  # fmt: skip

    def chunk(self, now_s: float, *, skip: int = 0, sleep_s: float = 0.0, set_s: float = 0.0,
              dropped: int = 0) -> bool:  # fmt: skip
        """Capture one, after `skip` more that were lost; it arrives at `now_s`."""
        self.message["seq"] += 1 + skip
        self.message["sample_index"] += LEAST * (1 + skip)
        self.message["captured_at_ms"] += 100 * (1 + skip) + 1000 * (sleep_s + set_s)
        self.message["dropped_sample_count"] += dropped
        return self.uplink.accepts(self.message, LEAST, now_s)


def test_what_arrives_in_time_is_accepted() -> None:
    microphone = Microphone()
    assert all(microphone.chunk(5 + at / 10) for at in range(600))
    assert microphone.uplink.late_sample_count == 0


@pytest.mark.parametrize(("late_s", "is_fresh"), [(1.9, True), (2.1, False), (60.0, False)])
def test_what_is_more_than_two_seconds_late_by_both_measures_is_dropped(
    late_s: float, is_fresh: bool
) -> None:
    microphone = Microphone()
    microphone.chunk(10.0)
    assert microphone.chunk(10.1 + late_s) is is_fresh
    assert microphone.uplink.late_sample_count == (0 if is_fresh else LEAST)
    assert microphone.chunk(10.2), "what comes in time again counts again"


def test_after_a_laptop_slept_its_microphone_is_not_late() -> None:
    microphone = Microphone()
    microphone.chunk(10.0)
    assert microphone.chunk(3610.1, sleep_s=3600)
    assert microphone.chunk(3610.2)


@pytest.mark.parametrize("set_s", [-3600, 3600])
def test_a_page_whose_clock_is_set_is_not_late(set_s: float) -> None:
    microphone = Microphone()
    microphone.chunk(10.0)
    assert microphone.chunk(10.1, set_s=set_s)
    assert microphone.chunk(10.2)
    assert microphone.chunk(10.3, set_s=-set_s)
    assert not microphone.chunk(15.0), "and lateness is still seen"


def test_a_clock_set_back_after_a_sleep_does_not_silence_the_microphone() -> None:
    microphone = Microphone()
    microphone.chunk(10.0)
    assert microphone.chunk(3610.1, sleep_s=3600)
    assert microphone.chunk(3610.2, set_s=-5)
    assert all(microphone.chunk(3610.3 + at / 10) for at in range(50))
    assert not microphone.chunk(3620.0)


def test_jitter_does_not_hide_that_all_is_late() -> None:
    microphone, rng = Microphone(), np.random.default_rng(0)
    microphone.chunk(0.0)
    for at in range(1, 2000):
        jitter_s = float(rng.uniform(-0.05, 0.05))
        microphone.message["captured_at_ms"] += 1000 * float(rng.uniform(-0.05, 0.05))
        assert not microphone.chunk(at / 10 + 3.0 + jitter_s)


def test_a_microphone_that_is_switched_on_again_begins_anew() -> None:
    microphone = Microphone()
    for at in range(20):
        microphone.chunk(at / 10)
    microphone.message["sample_index"] = -LEAST
    assert microphone.chunk(30.0)
    assert microphone.chunk(30.1)
    microphone.message.update(session=2, seq=-1)
    assert microphone.chunk(90.0)
    assert microphone.uplink.gap_count == 0


@pytest.mark.parametrize(
    ("offset_s", "is_fresh"), [(None, True), (0.0, True), (-4.0, True), (-9.0, False)]
)
def test_a_first_chunk_is_late_by_the_page_s_known_clock(
    offset_s: float | None, is_fresh: bool
) -> None:
    # It was captured at 100 s of the page's clock, and arrives at 95 s of ours.
    message = {**Microphone().message, "seq": 0, "sample_index": 0, "captured_at_ms": 100_000}
    known = None if offset_s is None else offset_s + 0.0
    accepted = Uplink().accepts(message, LEAST, 95.0, known)
    assert accepted is is_fresh


def test_messages_that_never_arrived_are_counted() -> None:
    microphone = Microphone()
    for skip in (0, 0, 2, 0, 1):
        microphone.chunk(1.0, skip=skip)
    assert microphone.uplink.gap_count == 3


def test_what_a_page_dropped_is_a_running_total_of_that_page() -> None:
    microphone = Microphone()
    for dropped in (0, 500, 0, 250):
        microphone.chunk(1.0, dropped=dropped)
    assert microphone.uplink.dropped_sample_count == 750
    other = Microphone(microphone.uplink, page="b")
    other.chunk(1.0, dropped=100)
    microphone.chunk(1.1, dropped=50)
    other.chunk(1.1)
    assert microphone.uplink.dropped_sample_count == 900
    microphone.message["dropped_sample_count"] = 0  # the page was loaded again
    microphone.chunk(1.2, dropped=30)
    assert microphone.uplink.dropped_sample_count == 930
    microphone.chunk(1.3, dropped=-9_999)
    assert microphone.uplink.dropped_sample_count == 930
