"""Times of pages by the kernel's clock, and the reverse."""

from __future__ import annotations

import pytest

from grok_live_widget.widget.clocks import PageClocks


def test_the_message_that_travelled_fastest_tells_the_offset() -> None:
    clocks = PageClocks()
    clocks.follow("a", 1_000.0, 11.5)
    clocks.follow("a", 2_000.0, 12.1)
    clocks.follow("a", 3_000.0, 14.0)
    assert clocks.offset_s("a") == pytest.approx(10.1)
    assert clocks.kernel_s("a", 500.0) == pytest.approx(10.6)
    assert clocks.page_ms("a", 10.6) == pytest.approx(500.0)


def test_each_page_has_a_clock_of_its_own_and_one_that_told_nothing_has_none() -> None:
    clocks = PageClocks()
    clocks.follow("a", 0.0, 5.0)
    clocks.follow("b", None, 5.0)
    assert (clocks.offset_s("a"), clocks.offset_s("b")) == (5.0, None)
    assert clocks.kernel_s("b", 0.0) is clocks.page_ms("b", 0.0) is None
    assert clocks.kernel_s("a", None) is clocks.page_ms("a", None) is None
