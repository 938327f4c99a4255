"""Speaking over a reply: what sounded, what was received, and when the reply stopped."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from grok_live_widget.events import AudioDelta, Interrupted, ResponseDone, SessionEnded
from grok_live_widget.exceptions import ConfigurationError, SessionClosedError
from grok_live_widget.experiments import Interruption, compare
from grok_live_widget.experiments.loudspeaker import Loudspeaker

from ..support.sound import RATE_HZ, tone
from ..support.waiting import wait_until_async


class Reports:
    """What a loudspeaker reports, in place of the talk."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, bool]] = []
        self.has_player = True

    async def report_playback(self, report: Any) -> None:
        self.heard.append((report.sample_count, report.is_final))

    def set_player(self, has_player: bool) -> None:
        self.has_player = has_player


def delta(duration_s: float, item_id: str = "i") -> AudioDelta:
    pcm = bytes(2 * round(duration_s * RATE_HZ))
    return AudioDelta(response_id="r", item_id=item_id, pcm=pcm)


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_sound_is_played_in_real_time_and_late_sound_is_waited_for() -> None:
    speaker = Loudspeaker(Reports(), RATE_HZ, 10_000)  # type: ignore[arg-type]
    speaker.observe(delta(1.0), [], 100.0)
    assert [speaker.heard_count(at) / RATE_HZ for at in (100.0, 100.25, 101.0, 105.0)] == [
        0, 0.25, 1, 1
    ]  # fmt: skip
    speaker.observe(delta(0.5), [], 100.5)  # In time.
    assert speaker.heard_count(101.25) / RATE_HZ == 1.25
    speaker.observe(delta(1.0), [], 102.0)  # Half a second late.
    assert [speaker.heard_count(at) / RATE_HZ for at in (102.0, 102.5, 103.5)] == [1.5, 2, 2.5]
    speaker.observe(delta(9.0, item_id="another"), [], 102.0)
    assert speaker.heard_count(110.0) / RATE_HZ == 2.5


async def test_what_comes_after_the_reply_was_stopped_is_counted_and_not_heard() -> None:
    reports = Reports()
    speaker = Loudspeaker(reports, RATE_HZ, 10_000)  # type: ignore[arg-type]
    speaker.observe(delta(2.0), [], 100.0)
    speaker.observe(Interrupted(response_id="r", item_id="another"), [], 100.1)
    speaker.observe(Interrupted(response_id="r", item_id="i"), [], 100.75)
    speaker.observe(Interrupted(response_id="r", item_id="i"), [], 101.0)
    speaker.observe(delta(0.4), [], 101.0)
    overlap = speaker.overlap()
    assert (overlap.heard_ms, overlap.received_ms, overlap.received_after_ms) == pytest.approx(
        (750, 2400, 400)
    )
    await settled()
    assert (reports.heard, reports.has_player) == ([(18_000, True)], False)


async def test_the_position_is_reached_when_it_sounds_and_not_when_it_is_received() -> None:
    speaker = Loudspeaker(Reports(), RATE_HZ, 100)  # type: ignore[arg-type]
    now_s = asyncio.get_running_loop().time()
    speaker.observe(delta(30.0), [], now_s)
    await speaker.reached()
    assert asyncio.get_running_loop().time() - now_s > 0.099


async def test_a_reply_that_is_too_short_or_a_session_that_ends_is_an_error() -> None:
    speaker = Loudspeaker(Reports(), RATE_HZ, 500)  # type: ignore[arg-type]
    speaker.observe(delta(0.25), [], asyncio.get_running_loop().time())
    speaker.observe(ResponseDone(response_id="r"), [], 0.0)
    with pytest.raises(ConfigurationError, match=r"lasted 0\.25 s, .* interrupted at 0\.50 s"):
        await speaker.reached()
    speaker = Loudspeaker(Reports(), RATE_HZ, 500)  # type: ignore[arg-type]
    speaker.observe(SessionEnded(close_code=1011), [], 0.0)
    with pytest.raises(SessionClosedError, match="before the interruption had been answered"):
        await speaker.reached()


async def test_a_reply_that_was_not_stopped_has_sounded_to_its_end() -> None:
    reports = Reports()
    speaker = Loudspeaker(reports, RATE_HZ, 0)  # type: ignore[arg-type]
    loop = asyncio.get_running_loop()
    speaker.observe(delta(0.05), [], loop.time() - 1.0)
    speaker.observe(ResponseDone(response_id="r"), [], loop.time())
    await wait_until_async(lambda: bool(reports.heard))
    speaker.observe(Interrupted(response_id="r", item_id="i"), [], loop.time())
    overlap = speaker.overlap()
    assert (overlap.stopped_after_ms, overlap.heard_ms) == (None, pytest.approx(50))
    assert reports.heard == [(1200, True)]


# --------------------------------------------------------------------------- a real talk
@pytest.mark.parametrize("dialect", ["realtime", pytest.param("live", marks=pytest.mark.slow)])
def test_speech_over_a_reply_stops_it_where_it_had_got_to(dialect: str, speech: Any) -> None:
    def partner(turn: Any) -> np.ndarray:
        return tone(4.0) if not turn.pcm.size else tone(0.2, 880)

    step = Interruption("go on and on", (speech("Stop. Please stop now."), RATE_HZ), at_ms=600)
    (result,) = compare(step, partner=partner, dialect=dialect, progress=False)
    assert result.error == ""
    reply, overlap = result.reply, result.overlap
    assert reply.was_interrupted
    # The speech begins when the position sounds, or somewhat later on a busy machine.
    assert overlap.spoken_at_ms >= 599
    # The reply sounds until the server has detected the speech, without a pause.
    assert overlap.heard_ms == pytest.approx(overlap.spoken_at_ms + overlap.stopped_after_ms, abs=1)
    assert reply.heard_sample_count == round(overlap.heard_ms * 24)
    assert len(reply.pcm) == round(overlap.received_ms * 24)
    assert np.array_equal(reply.heard, tone(4.0)[: len(reply.heard)])
    assert result.turns[-1].role == "assistant"
    assert np.array_equal(result.turns[-1].pcm, tone(0.2, 880))
    assert not result.turns[-1].was_interrupted


@pytest.mark.slow
def test_speech_that_the_server_does_not_hear_is_an_error() -> None:
    quiet = (np.full(RATE_HZ // 5, 1, np.int16), RATE_HZ)
    step = Interruption("go on", quiet, at_ms=100)
    (result,) = compare(step, partner=lambda turn: tone(1.0), timeout_s=30, progress=False)
    assert result.error_type == "ReplyTimeout"
    assert "no speech in the interruption" in result.error
    assert result.turns[1].role == "assistant"
